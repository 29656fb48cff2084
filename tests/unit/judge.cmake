dg_test(test_evaluator_memory unit unit/test_evaluator_memory.c LINK dg_test_support dg_engine)
dg_test(test_live_judge unit unit/test_live_judge.c LINK dg_live_trial)
