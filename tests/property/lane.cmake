dg_test(test_delta_pack property property/test_delta_pack.c LINK dg_engine)
