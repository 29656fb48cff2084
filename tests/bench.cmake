dg_test(bench_avro bench bench/bench_avro.c LINK dg_avro_support ARGS 20000 3 LABELS slow)
dg_test(bench_input bench bench/bench_input.c LINK dg_connectors PkgConfig::JANSSON ARGS 20000 3 LABELS slow)
dg_test(bench_state bench bench/bench_state.c LINK driftgauge-stats ARGS 2)
