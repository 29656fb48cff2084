dg_test(test_postgres unit unit/test_postgres.c LINK dg_connectors PkgConfig::CRYPTO)
