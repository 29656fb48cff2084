dg_script_test(report_browser e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/report_browser.sh $<TARGET_FILE:report_sample>)
set_tests_properties(e2e/report_browser PROPERTIES SKIP_RETURN_CODE 77)
dg_script_test(agreement e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/agreement.sh)
dg_script_test(damaged_file e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/damaged_file.sh)
dg_script_test(same_rows e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/same_rows.sh TIMEOUT 900)
dg_script_test(bad_input e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/bad_input.sh)
if(Python3_FOUND)
  dg_script_test(answers e2e ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/e2e/answers.py
    $<TARGET_FILE:driftgauge> $<TARGET_FILE:sample_stream>)
  dg_script_test(quality e2e ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/e2e/quality.py
    $<TARGET_FILE:driftgauge>)
endif()
