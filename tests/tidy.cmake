dg_script_test(manual tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/manual.sh)
dg_script_test(completion tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/completion.sh)
