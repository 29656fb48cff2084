# The daemon with a broker and a PostgreSQL of its own; skipped where no broker is installed.
if(RDKAFKA_FOUND AND Python3_FOUND)
  dg_script_test(live_daemon kafka
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_servers.sh ${Python3_EXECUTABLE}
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/live_daemon.py LABELS slow TIMEOUT 400)
  set_tests_properties(kafka/live_daemon PROPERTIES SKIP_RETURN_CODE 77)
  set_property(TEST kafka/live_daemon APPEND PROPERTY ENVIRONMENT "DG_PRODUCER=$<TARGET_FILE:stream_producer>")
endif()
