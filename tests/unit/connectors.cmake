add_library(dg_avro_support STATIC support/avro_random.c support/avro_writer.c)
target_link_libraries(dg_avro_support PUBLIC dg_connectors PkgConfig::AVRO
                                      PRIVATE PkgConfig::SNAPPY PkgConfig::ZLIB PkgConfig::ZSTD)

# One line per test.
dg_test(test_avro_bomb unit unit/test_avro_bomb.c LINK dg_connectors PkgConfig::SNAPPY PkgConfig::ZLIB
        PkgConfig::ZSTD LABELS slow)
dg_test(test_avro_container unit unit/test_avro_container.c LINK dg_avro_support)
dg_test(test_avro_differential unit unit/test_avro_differential.c LINK dg_avro_support)
dg_test(test_avro_golden unit unit/test_avro_golden.c LINK dg_avro_support)
dg_test(test_avro_memory unit unit/test_avro_memory.c LINK dg_avro_support
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
dg_test(test_avro_plan unit unit/test_avro_plan.c LINK dg_avro_support)
dg_test(test_csv unit unit/test_csv.c LINK dg_connectors)
dg_test(test_ndjson unit unit/test_ndjson.c LINK dg_connectors)
dg_test(test_json_scan unit unit/test_json_scan.c LINK dg_connectors)
dg_test(test_number unit unit/test_number.c LINK dg_connectors)
dg_test(test_timefmt unit unit/test_timefmt.c LINK dg_engine)
dg_test(test_byte_stream unit unit/test_byte_stream.c LINK dg_connectors PkgConfig::ZLIB PkgConfig::ZSTD)
dg_test(test_bad_input unit unit/test_bad_input.c LINK dg_connectors PkgConfig::ZLIB PkgConfig::ZSTD)
dg_test(test_input_allocation unit unit/test_input_allocation.c LINK dg_connectors -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
dg_test(test_json_differential property property/test_json_differential.c LINK dg_connectors PkgConfig::JANSSON)
dg_test(test_csv_roundtrip property property/test_csv_roundtrip.c LINK dg_connectors)
dg_test(test_input_lanes unit unit/test_input_lanes.c LINK dg_connectors Threads::Threads)
dg_test(test_replay_allocation unit unit/test_replay_allocation.c support/text_sink.c LINK dg_avro_support
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
