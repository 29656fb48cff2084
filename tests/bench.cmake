dg_test(bench_avro bench bench/bench_avro.c LINK dg_avro_support ARGS 20000 3 LABELS slow)
