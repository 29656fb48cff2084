/* connectors/process_metrics.h -- what the kernel says of this process, under the names that every
 * Prometheus client uses: process_cpu_seconds_total, process_resident_memory_bytes, ... */
#ifndef DG_CONNECTORS_PROCESS_METRICS_H
#define DG_CONNECTORS_PROCESS_METRICS_H

#include <stdio.h>

/* Prometheus text format. What cannot be found out is left out (all of it where there is no /proc).
 * Errors: ferror(out). */
void dg_process_metrics(FILE *out);

#endif
