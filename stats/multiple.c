#include "stats/multiple.h"

#include <math.h>

/* Heap order of index[]: ascending by (p, index), so that equal p-values keep a fixed order. */
static bool before(const double p[], size_t a, size_t b)
{
    return p[a] < p[b] || (p[a] == p[b] && a < b);
}

static void sift_down(const double p[], size_t heap[], size_t n, size_t root)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n && before(p, heap[child], heap[child + 1])) {
            child++;
        }
        if (!before(p, heap[root], heap[child])) {
            return;
        }
        const size_t moved = heap[root];
        heap[root] = heap[child];
        heap[child] = moved;
        root = child;
    }
}

static void sort_by_p(const double p[], size_t index[], size_t n)
{
    for (size_t i = n / 2; i-- > 0;) {
        sift_down(p, index, n, i);
    }
    for (size_t end = n; end-- > 1;) {
        const size_t largest = index[0];
        index[0] = index[end];
        index[end] = largest;
        sift_down(p, index, end, 0);
    }
}

static void step_up(const double p[], size_t n, bool any_dependence, size_t index[],
                    double adjusted[])
{
    size_t family = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(p[i])) {
            adjusted[i] = NAN;
        } else {
            index[family++] = i;
        }
    }
    sort_by_p(p, index, family);
    double harmonic = 1.0;
    for (size_t i = 2; any_dependence && i <= family; i++) {
        harmonic += 1.0 / (double)i;
    }
    double least = 1.0;
    for (size_t rank = family; rank > 0; rank--) {
        const size_t i = index[rank - 1];
        least = fmin(least, p[i] * ((double)family / (double)rank) * harmonic);
        adjusted[i] = least;
    }
}

void dg_adjust_bh(const double p[], size_t n, size_t scratch[], double adjusted[])
{
    step_up(p, n, false, scratch, adjusted);
}

void dg_adjust_by(const double p[], size_t n, size_t scratch[], double adjusted[])
{
    step_up(p, n, true, scratch, adjusted);
}
