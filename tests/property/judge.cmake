add_library(dg_live_trial STATIC support/live_logs.c support/log_source.c support/plain_lane.c)
target_link_libraries(dg_live_trial PUBLIC dg_options dg_engine_run dg_live_support dg_engine)
dg_test(test_judge property property/test_judge.c LINK dg_live_trial)
