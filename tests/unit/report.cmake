dg_test(test_options unit unit/test_options.c LINK dg_cli)
