dg_test(test_evaluator_memory unit unit/test_evaluator_memory.c LINK dg_test_support dg_engine)
