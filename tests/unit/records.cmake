dg_test(test_record_decoder unit unit/test_record_decoder.c LINK dg_avro_support)
dg_test(test_record_stretch unit unit/test_record_stretch.c LINK dg_avro_support)
dg_test(test_registry unit unit/test_registry.c support/registry_server.c
        LINK dg_avro_support Threads::Threads)
dg_test(test_record_allocation unit unit/test_record_allocation.c LINK dg_avro_support
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
