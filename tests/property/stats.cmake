dg_test(property_bounds property property/test_bounds.c LINK driftgauge-stats)
dg_test(property_divergence property property/test_divergence.c LINK driftgauge-stats)
dg_test(property_calibration property property/test_calibration.c LINK driftgauge-stats
        LABELS slow TIMEOUT 600)
