# One line per test.
dg_test(test_csv unit unit/test_csv.c LINK dg_connectors)
dg_test(test_ndjson unit unit/test_ndjson.c LINK dg_connectors)
