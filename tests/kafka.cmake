# A real broker, where scripts/kafka.sh has installed one; skipped elsewhere. Needs librdkafka to be built.
pkg_check_modules(RDKAFKA IMPORTED_TARGET rdkafka)
if(RDKAFKA_FOUND)
  add_executable(kafka_tool support/kafka_tool.c)
  target_link_libraries(kafka_tool PRIVATE dg_options PkgConfig::RDKAFKA)
  dg_script_test(broker kafka
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/with_kafka.sh
    ${CMAKE_CURRENT_SOURCE_DIR}/integration/kafka_broker.sh $<TARGET_FILE:kafka_tool> LABELS slow)
  set_tests_properties(kafka/broker PROPERTIES SKIP_RETURN_CODE 77)
else()
  message(STATUS "no librdkafka: the tests of the Kafka broker are left out")
endif()
