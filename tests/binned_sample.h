/* tests/binned_sample.h -- binnings and binned samples made from raw numbers in the plainest way,
 * for tests of the statistics: independent of stats/binning.c on purpose. */
#ifndef DG_TESTS_BINNED_SAMPLE_H
#define DG_TESTS_BINNED_SAMPLE_H

#include "stats/binned.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline int sample_compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline void sample_sort(double x[], size_t n)
{
    qsort(x, n, sizeof *x, sample_compare);
}

/* Bins with these right edges, ascending, plus the open last one; a bin from nextafter(v, -inf) to
 * v is a point. One group a bin up to `groups`, then equal runs of bins. The lookup stays empty. */
static inline void sample_binning(struct dg_binning *b, const double edges[], size_t n_edges,
                                  uint32_t groups, double origin, double unit)
{
    memset(b, 0, sizeof *b);
    b->n_bins = (uint32_t)n_edges + 1;
    if (n_edges > 0) {
        memcpy(b->edges, edges, n_edges * sizeof *edges);
    }
    b->n_groups = groups < b->n_bins ? groups : b->n_bins;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        b->group[j] = (uint8_t)((uint64_t)j * b->n_groups / b->n_bins);
        b->is_point[j] =
            j > 0 && j < n_edges && edges[j - 1] == nextafter(edges[j], -(double)INFINITY);
    }
    b->origin = origin;
    b->unit = unit;
}

/* Right edges at k - 1 quantiles of sorted[n] and at its largest value; duplicates once. Returns
 * how many. */
static inline size_t sample_quantile_edges(const double sorted[], size_t n, size_t k,
                                           double edges[])
{
    size_t used = 0;
    for (size_t i = 1; i <= k; i++) {
        const size_t rank = (i * n + k - 1) / k;
        const double e = sorted[rank > 0 ? rank - 1 : 0];
        if (used == 0 || e > edges[used - 1]) {
            edges[used++] = e;
        }
    }
    return used;
}

struct binned_sample {
    uint64_t count[DG_BINS_MAX];
    dg_i128 sum[DG_BINS_MAX];
    struct dg_binned view;
};

static inline void sample_bin(const struct dg_binning *b, const double x[], size_t n,
                              struct binned_sample *s)
{
    memset(s, 0, sizeof *s);
    s->view = (struct dg_binned){
        .n = n, .count = s->count, .sum = s->sum, .min = DBL_MAX, .max = -DBL_MAX};
    for (size_t i = 0; i < n; i++) {
        uint32_t j = 0;
        uint32_t end = b->n_bins - 1;
        while (j < end) {
            const uint32_t middle = (j + end) / 2;
            if (b->edges[middle] < x[i]) {
                j = middle + 1;
            } else {
                end = middle;
            }
        }
        s->count[j]++;
        s->sum[j] += llrint((x[i] - b->origin) / b->unit);
        s->view.min = fmin(s->view.min, x[i]);
        s->view.max = fmax(s->view.max, x[i]);
    }
}

#endif
