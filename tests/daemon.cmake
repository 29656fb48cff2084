# The daemon with a broker and a PostgreSQL of its own; skipped where no broker is installed.
if(RDKAFKA_FOUND AND Python3_FOUND)
  foreach(name docs_kafka docs_live live_daemon live_gaps live_recall live_secure)
    set(secure)
    if(name STREQUAL live_secure)
      set(secure --secure)
    endif()
    dg_script_test(${name} kafka
      ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_servers.sh ${secure} ${Python3_EXECUTABLE}
      ${CMAKE_CURRENT_SOURCE_DIR}/integration/${name}.py LABELS slow TIMEOUT 400)
    set_tests_properties(kafka/${name} PROPERTIES SKIP_RETURN_CODE 77)
    set_property(TEST kafka/${name} APPEND PROPERTY ENVIRONMENT "DG_PRODUCER=$<TARGET_FILE:stream_producer>")
  endforeach()
  set_tests_properties(kafka/live_secure PROPERTIES TIMEOUT 900) # many short runs, under the thread sanitizer too
endif()
