dg_script_test(manual tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/manual.sh)
dg_script_test(completion tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/completion.sh)
dg_script_test(layers tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/layers.sh ${PROJECT_SOURCE_DIR})
dg_script_test(symbols tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/symbols.sh $<TARGET_FILE:driftgauge-stats>
  $<TARGET_FILE:dg_engine> $<TARGET_FILE:dg_connectors> $<TARGET_FILE:dg_cli>)
dg_script_test(words tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/words.sh ${PROJECT_SOURCE_DIR})
dg_script_test(service tidy ${CMAKE_CURRENT_SOURCE_DIR}/tidy/service.sh)
set_tests_properties(tidy/service PROPERTIES SKIP_RETURN_CODE 77)
