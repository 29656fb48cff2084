# Without a broker, or with the one that librdkafka can play itself.
dg_test(test_kafka_client unit unit/test_kafka_client.c LINK dg_connectors PkgConfig::RDKAFKA PkgConfig::CRYPTO)
dg_test(test_kafka_mock unit unit/test_kafka_mock.c LINK dg_connectors PkgConfig::RDKAFKA)
if(DG_SANITIZE MATCHES thread)
  foreach(name test_kafka_client test_kafka_mock)
    target_sources(${name} PRIVATE support/c11_threads.c)
    set_property(TEST unit/${name} APPEND PROPERTY ENVIRONMENT
      "TSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/tsan.supp")
  endforeach()
endif()
