dg_test(test_delta_pack property property/test_delta_pack.c LINK dg_engine)
dg_test(test_admission_state property property/test_admission_state.c LINK dg_test_support)
dg_test(test_lane property property/test_lane.c LINK dg_live_support TIMEOUT 300)
