/* connectors/report_points.h -- windows as points of a chart, and which of two is the worse. */
#ifndef DG_CONNECTORS_REPORT_POINTS_H
#define DG_CONNECTORS_REPORT_POINTS_H

#include "connectors/report_model.h"

struct dg_report_point dg_report_point_of(const struct dg_series_row *row, uint32_t ordinal);
/* Drift 4, warning 3, ok 2, degenerate 1, not judged 0. */
int dg_report_status_rank(uint8_t status, uint8_t severity);
/* x, or -1 for NAN: for comparisons. */
double dg_report_rank_real(double x);
/* Keep of each run of points or windows in one bucket of `stride` ordinals the worst. Returns how
 * many are left. */
size_t dg_report_thin_points(struct dg_report_point point[], size_t n, uint32_t stride);
size_t dg_report_thin_windows(struct dg_report_window window[], size_t n, uint32_t stride);

#endif
