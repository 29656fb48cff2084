#include "stats/cells.h"

#include <math.h>

void dg_cells_add(struct dg_cells *c, double reference, double current)
{
    if (reference == 0.0 && current == 0.0) {
        return;
    }
    DG_ASSERT(c->cells < DG_CELLS_MAX);
    c->reference[c->cells] = reference;
    c->current[c->cells] = current;
    c->cells++;
    c->m += reference;
    c->n += current;
}

/* The reference count from which on a cell is large enough. */
static double enough(const struct dg_cells *c, double deff)
{
    return DG_CELL_MINIMUM * deff * c->m / fmin(c->n, c->m);
}

bool dg_cells_pool_ordinal(struct dg_cells *c, double deff)
{
    const double least = enough(c, deff);
    const size_t before = c->cells;
    size_t out = 0;
    double reference = 0.0;
    double current = 0.0;
    for (size_t i = 0; i < before; i++) {
        reference += c->reference[i];
        current += c->current[i];
        if (reference >= least) {
            c->reference[out] = reference;
            c->current[out] = current;
            out++;
            reference = 0.0;
            current = 0.0;
        }
    }
    if (reference > 0.0 || current > 0.0) {
        if (out == 0) {
            c->reference[0] = 0.0;
            c->current[0] = 0.0;
            out = 1;
        }
        c->reference[out - 1] += reference;
        c->current[out - 1] += current;
    }
    c->cells = out;
    return out != before;
}

/* Move cell i into the running total and close the gap. */
static void swallow(struct dg_cells *c, size_t i, double *reference, double *current)
{
    *reference += c->reference[i];
    *current += c->current[i];
    c->cells--;
    for (size_t k = i; k < c->cells; k++) {
        c->reference[k] = c->reference[k + 1];
        c->current[k] = c->current[k + 1];
    }
}

bool dg_cells_pool_nominal(struct dg_cells *c, double deff, size_t tail)
{
    const double least = DG_CELL_MINIMUM * deff * (c->n + c->m) / fmin(c->n, c->m);
    const size_t before = c->cells;
    double reference = 0.0;
    double current = 0.0;
    size_t out = 0;
    for (size_t i = 0; i < before; i++) {
        if (c->reference[i] + c->current[i] < least || i + tail >= before) {
            reference += c->reference[i];
            current += c->current[i];
        } else {
            c->reference[out] = c->reference[i];
            c->current[out] = c->current[i];
            out++;
        }
    }
    c->cells = out;
    if (out == before) {
        return false;
    }
    /* The reference has none of what is new, by definition: the cell needs some of the others. */
    const double reference_least = tail > 0 ? enough(c, deff) : 0.0;
    while ((reference + current < least || reference < reference_least) && c->cells > 0) {
        size_t smallest = 0;
        for (size_t i = 1; i < c->cells; i++) {
            if (c->reference[i] + c->current[i] < c->reference[smallest] + c->current[smallest]) {
                smallest = i;
            }
        }
        swallow(c, smallest, &reference, &current);
    }
    c->reference[c->cells] = reference;
    c->current[c->cells] = current;
    c->cells++;
    return c->cells != before;
}

void dg_cells_shares(const struct dg_cells *c, double a, double p[], double q[])
{
    const double n = c->n + a * (double)c->cells;
    const double m = c->m + a * (double)c->cells;
    for (size_t i = 0; i < c->cells; i++) {
        p[i] = (c->current[i] + a) / n;
        q[i] = (c->reference[i] + a) / m;
    }
}
