dg_test(test_state_golden golden golden/test_state_golden.c LINK driftgauge-stats)
