dg_test(test_state unit unit/test_state.c LINK driftgauge-stats)
