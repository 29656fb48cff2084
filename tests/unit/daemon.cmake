dg_test(test_settings unit unit/test_settings.c LINK dg_engine PkgConfig::JANSSON)
