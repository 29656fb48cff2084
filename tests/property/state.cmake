dg_test(test_state_merge property property/test_state_merge.c LINK driftgauge-stats)
dg_test(test_state_models property property/test_state_models.c LINK driftgauge-stats)
dg_test(test_state_memory property property/test_state_memory.c LINK driftgauge-stats -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
dg_test(test_state_hostile property property/test_state_hostile.c LINK driftgauge-stats)
