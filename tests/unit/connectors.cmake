# One line per test.
dg_test(test_csv unit unit/test_csv.c LINK dg_connectors)
