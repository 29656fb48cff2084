add_library(dg_board_sample STATIC support/board_sample.c)
target_link_libraries(dg_board_sample PUBLIC dg_options dg_engine)
dg_test(test_board unit unit/test_board.c LINK dg_board_sample PkgConfig::JANSSON Threads::Threads)
dg_script_test(metrics unit ${CMAKE_CURRENT_SOURCE_DIR}/unit/metrics.sh $<TARGET_FILE:test_board>)
dg_script_test(promtool unit ${CMAKE_CURRENT_SOURCE_DIR}/unit/metrics.sh $<TARGET_FILE:test_board> promtool)
set_tests_properties(unit/promtool PROPERTIES SKIP_RETURN_CODE 77)
# Stands in for the daemon: tests of the endpoint, of status and of top.
add_executable(board_server support/board_server.c)
target_link_libraries(board_server PRIVATE dg_board_sample dg_connectors)
if(Python3_FOUND)
  dg_script_test(http_endpoint unit ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/unit/http_endpoint.py
    $<TARGET_FILE:board_server>)
  set_tests_properties(unit/http_endpoint PROPERTIES SKIP_RETURN_CODE 77)
endif()
if(Python3_FOUND)
  dg_script_test(status_cli unit ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/unit/status_cli.py
    $<TARGET_FILE:board_server>)
endif()
