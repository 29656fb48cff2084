dg_test(test_config unit unit/test_config.c LINK dg_engine PkgConfig::JANSSON)
dg_test(test_config_memory unit unit/test_config_memory.c LINK dg_engine)
target_link_options(test_config_memory PRIVATE -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=strdup)
dg_test(test_init unit unit/test_init.c LINK dg_cli)
