add_library(dg_test_support STATIC support/memory_source.c support/text_sink.c)
target_link_libraries(dg_test_support PUBLIC dg_options dg_engine)
dg_test(test_replay_order property property/test_replay_order.c LINK dg_test_support dg_engine TIMEOUT 300)
