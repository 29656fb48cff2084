dg_script_test(report_browser e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/report_browser.sh $<TARGET_FILE:report_sample>)
set_tests_properties(e2e/report_browser PROPERTIES SKIP_RETURN_CODE 77)
dg_script_test(agreement e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/agreement.sh)
dg_script_test(damaged_file e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e/damaged_file.sh)
