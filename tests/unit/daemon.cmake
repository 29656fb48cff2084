dg_test(test_settings unit unit/test_settings.c LINK dg_engine PkgConfig::JANSSON)
dg_script_test(run_cli unit ${CMAKE_CURRENT_SOURCE_DIR}/unit/run_cli.sh)
