dg_test(bench_avro bench bench/bench_avro.c LINK dg_avro_support ARGS 20000 3 LABELS slow)
dg_test(bench_input bench bench/bench_input.c LINK dg_connectors PkgConfig::JANSSON ARGS 20000 3 LABELS slow)
dg_test(bench_records bench bench/bench_records.c LINK dg_avro_support PkgConfig::JANSSON ARGS 20000 3 LABELS slow)
dg_test(bench_state bench bench/bench_state.c LINK driftgauge-stats ARGS 2)

# What bench/run drives.
add_executable(make_events bench/make_events.c)
target_link_libraries(make_events PRIVATE dg_options dg_avro_support m)
add_executable(bench_replay bench/bench_replay.c)
target_link_libraries(bench_replay PRIVATE dg_options dg_cli PkgConfig::GSL m)
dg_test(bench_drift bench bench/bench_drift.c LINK driftgauge-stats PkgConfig::GSL ARGS 20)
dg_script_test(run bench ${CMAKE_CURRENT_SOURCE_DIR}/bench/run --quick --no-peers --build ${PROJECT_BINARY_DIR}
  LABELS slow)

# The floor under everything that reads Kafka: driven by hand or by a comparison, it needs a broker.
add_executable(null_consumer bench/null_consumer.c)
target_link_libraries(null_consumer PRIVATE dg_options dg_connectors PkgConfig::RDKAFKA m)

add_executable(live_memory bench/live_memory.c)
target_link_libraries(live_memory PRIVATE dg_options dg_live_support dg_engine m)
# What a sanitizer keeps aside would be taken for growth.
if(NOT DG_SANITIZE)
  add_test(NAME bench/live_memory COMMAND live_memory hours=3 segments=100 odd=500)
  set_tests_properties(bench/live_memory PROPERTIES LABELS "bench" TIMEOUT 300)
endif()
