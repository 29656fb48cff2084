# Tables come from the .py beside each test; they are checked in, so that no test needs Python.
dg_test(test_state_golden golden golden/test_state_golden.c LINK driftgauge-stats)
foreach(module distributions twosample)
  dg_test(golden_${module} golden golden/test_${module}.c LINK driftgauge-stats)
endforeach()
