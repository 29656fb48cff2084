#include "connectors/report_points.h"

#include <math.h>

const size_t dg_report_band[DG_REPORT_BANDS] = {1, 3, 4, 5, 7};

int dg_report_status_rank(uint8_t status, uint8_t severity)
{
    if (status == DG_STATUS_DRIFT) {
        return 4;
    }
    if (status == DG_STATUS_WARN || severity != DG_OK) {
        return 3;
    }
    return status == DG_STATUS_OK ? 2 : status == DG_STATUS_DEGENERATE ? 1 : 0;
}

double dg_report_rank_real(double x)
{
    return isnan(x) ? -1.0 : x;
}

bool dg_report_point_worse(const struct dg_report_point *a, const struct dg_report_point *b)
{
    const int rank_a = dg_report_status_rank(a->status, a->severity);
    const int rank_b = dg_report_status_rank(b->status, b->severity);
    if (rank_a != rank_b) {
        return rank_a > rank_b;
    }
    if (dg_report_rank_real(a->psi) != dg_report_rank_real(b->psi)) {
        return dg_report_rank_real(a->psi) > dg_report_rank_real(b->psi);
    }
    if (dg_report_rank_real(a->missing) != dg_report_rank_real(b->missing)) {
        return dg_report_rank_real(a->missing) > dg_report_rank_real(b->missing);
    }
    return a->ordinal < b->ordinal;
}

/* As the field `missing` of every output: absent or null, of all rows. */
double dg_report_missing(const struct dg_series_row *row)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < DG_TRIAGE_KINDS; i++) {
        rows += row->triage[i];
    }
    return rows == 0 ? (double)NAN
                     : (double)(row->triage[DG_ABSENT] + row->triage[DG_NULL]) / (double)rows;
}

struct dg_report_point dg_report_point_of(const struct dg_series_row *row, uint32_t ordinal)
{
    struct dg_report_point p = {.end_us = row->window.end_us,
                                .ordinal = ordinal,
                                .status = (uint8_t)row->status,
                                .severity = (uint8_t)row->severity,
                                .n = row->n,
                                .psi = row->drift.psi_adjusted,
                                .psi_low = row->drift.psi_low,
                                .psi_high = row->drift.psi_high,
                                .ks = row->drift.ks,
                                .p = row->p_adjusted,
                                .missing = dg_report_missing(row),
                                .mean = row->mean};
    for (size_t i = 0; i < DG_REPORT_BANDS; i++) {
        p.band[i] = row->quantile[dg_report_band[i]];
    }
    return p;
}

/* Keep of each run of points in one bucket of `stride` windows the worst. */
size_t dg_report_thin_points(struct dg_report_point point[], size_t n, uint32_t stride)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && point[kept - 1].ordinal / stride == point[i].ordinal / stride) {
            if (dg_report_point_worse(&point[i], &point[kept - 1])) {
                point[kept - 1] = point[i];
            }
        } else {
            point[kept++] = point[i];
        }
    }
    return kept;
}

size_t dg_report_thin(const struct dg_report_track *t, size_t limit, struct dg_report_point out[])
{
    if (t->n_points == 0) {
        return 0;
    }
    const uint32_t span = t->point[t->n_points - 1].ordinal + 1;
    const uint32_t stride = (uint32_t)((span + limit - 1) / limit);
    size_t n = 0;
    for (size_t i = 0; i < t->n_points; i++) {
        if (n > 0 && out[n - 1].ordinal / stride == t->point[i].ordinal / stride) {
            if (dg_report_point_worse(&t->point[i], &out[n - 1])) {
                out[n - 1] = t->point[i];
            }
        } else {
            out[n++] = t->point[i];
        }
    }
    return n;
}

static bool window_worse(const struct dg_report_window *a, const struct dg_report_window *b)
{
    if (a->drift != b->drift) {
        return a->drift > b->drift;
    }
    if (a->severity != b->severity) {
        return a->severity > b->severity;
    }
    if (a->warn != b->warn) {
        return a->warn > b->warn;
    }
    return a->silent && !b->silent;
}

size_t dg_report_thin_windows(struct dg_report_window window[], size_t n, uint32_t stride)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && window[kept - 1].ordinal / stride == window[i].ordinal / stride) {
            if (window_worse(&window[i], &window[kept - 1])) {
                window[kept - 1] = window[i];
            }
        } else {
            window[kept++] = window[i];
        }
    }
    return kept;
}
