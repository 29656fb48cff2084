# A real broker and a real schema registry, where scripts/kafka.sh and scripts/registry.sh have installed them;
# skipped elsewhere. The broker's test is built with librdkafka.
if(RDKAFKA_FOUND)
  add_executable(kafka_tool support/kafka_tool.c)
  target_link_libraries(kafka_tool PRIVATE dg_options PkgConfig::RDKAFKA)
  add_executable(stream_producer support/stream_producer.c)
  target_link_libraries(stream_producer PRIVATE dg_options dg_cli dg_avro_support PkgConfig::RDKAFKA m)
  if(Python3_FOUND)
    dg_script_test(compare_rows integration
      ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_postgres.sh
      ${CMAKE_CURRENT_SOURCE_DIR}/integration/compare_rows.sh $<TARGET_FILE:stream_producer>)
  endif()
  dg_script_test(broker kafka
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_kafka.sh
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/kafka_broker.sh $<TARGET_FILE:kafka_tool> LABELS slow)
  set_tests_properties(kafka/broker PROPERTIES SKIP_RETURN_CODE 77)
  if(DG_SANITIZE MATCHES thread)
    target_sources(kafka_tool PRIVATE support/c11_threads.c)
    target_sources(stream_producer PRIVATE support/c11_threads.c)
    set_property(TEST kafka/broker APPEND PROPERTY ENVIRONMENT
      "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/tsan.supp")
  endif()
  # Tests of the connectors, each with a broker of its own.
  add_library(dg_kafka_world STATIC support/kafka_world.c)
  target_link_libraries(dg_kafka_world PUBLIC dg_connectors PkgConfig::RDKAFKA Threads::Threads)
  if(DG_SANITIZE MATCHES thread)
    target_sources(dg_kafka_world PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/support/c11_threads.c)
  endif()
  foreach(name test_kafka_dead_letters test_kafka_group test_kafka_member test_kafka_source)
    add_executable(${name} integration/${name}.c)
    target_link_libraries(${name} PRIVATE dg_options dg_kafka_world m)
    dg_script_test(${name} kafka ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_kafka.sh $<TARGET_FILE:${name}> LABELS slow)
    set_tests_properties(kafka/${name} PROPERTIES SKIP_RETURN_CODE 77)
    if(DG_SANITIZE MATCHES thread)
      set_property(TEST kafka/${name} APPEND PROPERTY ENVIRONMENT
        "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/tsan.supp")
    endif()
  endforeach()
else()
  message(STATUS "no librdkafka: the tests of the Kafka broker are left out")
endif()
add_executable(registry_tool support/registry_tool.c)
target_link_libraries(registry_tool PRIVATE dg_options dg_connectors m)
dg_script_test(registry kafka ${CMAKE_CURRENT_SOURCE_DIR}/integration/schema_registry.sh $<TARGET_FILE:registry_tool>
  LABELS slow)
set_tests_properties(kafka/registry PROPERTIES SKIP_RETURN_CODE 77)
# TLS and a password, which that registry does not have: against a server of the test's own.
if(Python3_FOUND)
  dg_script_test(registry_tls integration ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/integration/registry_tls.py
    $<TARGET_FILE:registry_tool>)
endif()
