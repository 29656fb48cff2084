foreach(module dist cells proportion multiple round12 wasserstein drift)
  dg_test(test_${module} unit unit/test_${module}.c LINK driftgauge-stats)
endforeach()
