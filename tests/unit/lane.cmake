add_library(dg_live_support STATIC support/fake_decoder.c support/lane_world.c support/memory_ledger.c support/memory_ledger_judge.c
  support/memory_ledger_view.c)
target_link_libraries(dg_live_support PUBLIC dg_options dg_test_support dg_engine)
dg_test(test_memory_ledger unit unit/test_memory_ledger.c LINK dg_live_support)
dg_test(test_lane_by_hand unit unit/test_lane_by_hand.c LINK dg_live_support)
dg_test(test_lane_allocation unit unit/test_lane_allocation.c LINK dg_live_support
        -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
