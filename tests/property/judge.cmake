add_library(dg_live_trial STATIC support/live_court.c support/live_logs.c support/log_source.c support/plain_lane.c)
target_link_libraries(dg_live_trial PUBLIC dg_options dg_engine_run dg_live_support dg_engine)
dg_test(test_judge property property/test_judge.c LINK dg_live_trial TIMEOUT 400)
dg_test(test_live_equals_replay property property/test_live_equals_replay.c LINK dg_live_trial TIMEOUT 400)
add_test(NAME property/live_equals_replay_200 COMMAND test_live_equals_replay 200 1)
set_tests_properties(property/live_equals_replay_200 PROPERTIES LABELS "property;slow" TIMEOUT 1500
  COST 1000) # first: nothing else takes as long
