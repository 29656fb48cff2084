/* Goal: pooling keeps totals, leaves no small cell, and follows its stated order. Method: small
 * tables worked by hand, and random ones for the invariants. */
#include "stats/cells.h"

#include "tests/check.h"

static struct dg_cells table(const double reference[], const double current[], size_t n)
{
    struct dg_cells c = {0};
    for (size_t i = 0; i < n; i++) {
        dg_cells_add(&c, reference[i], current[i]);
    }
    return c;
}

static void cells_empty_in_both_samples_are_left_out(void)
{
    const struct dg_cells c = table((const double[]){3, 0, 0, 7}, (const double[]){1, 0, 2, 0}, 4);
    CHECK_INT(c.cells, 3);
    CHECK(c.n == 3.0 && c.m == 10.0);
}

static void neighbours_join_from_the_left_and_the_rest_joins_the_last(void)
{
    /* n = m = 100: a cell needs a reference count of 5 */
    struct dg_cells c =
        table((const double[]){2, 4, 60, 3, 27, 4}, (const double[]){20, 10, 10, 20, 30, 10}, 6);
    CHECK(dg_cells_pool_ordinal(&c, 1.0));
    CHECK_INT(c.cells, 3);
    CHECK(c.reference[0] == 6 && c.current[0] == 30);
    CHECK(c.reference[1] == 60 && c.current[1] == 10);
    CHECK(c.reference[2] == 34 && c.current[2] == 60);
}

static void a_table_of_large_cells_stays_as_it_is(void)
{
    struct dg_cells c = table((const double[]){50, 50}, (const double[]){30, 70}, 2);
    CHECK(!dg_cells_pool_ordinal(&c, 1.0));
    CHECK(!dg_cells_pool_nominal(&c, 1.0, 0));
    CHECK_INT(c.cells, 2);
}

static void a_design_effect_raises_the_bar(void)
{
    struct dg_cells c = table((const double[]){10, 45, 45}, (const double[]){20, 30, 50}, 3);
    struct dg_cells d = c;
    CHECK(!dg_cells_pool_ordinal(&c, 2.0));
    CHECK(dg_cells_pool_ordinal(&d, 2.385));
    CHECK_INT(d.cells, 2);
}

static void rare_categories_become_one_cell(void)
{
    struct dg_cells c =
        table((const double[]){90, 3, 2, 1, 4}, (const double[]){80, 5, 5, 5, 5}, 5);
    CHECK(dg_cells_pool_nominal(&c, 1.0, 0));
    CHECK_INT(c.cells, 2);
    CHECK(c.reference[1] == 10 && c.current[1] == 20);
    /* Which sample has it makes no difference, or alike samples would seem to differ. */
    c = table((const double[]){82, 6, 3, 9}, (const double[]){82, 3, 6, 9}, 4);
    CHECK(dg_cells_pool_nominal(&c, 1.0, 0));
    CHECK_INT(c.cells, 3);
    CHECK(c.reference[2] == 9 && c.current[2] == 9);
}

static void a_rare_cell_that_is_still_small_swallows_the_smallest(void)
{
    struct dg_cells c = table((const double[]){60, 8, 29, 3}, (const double[]){60, 7, 30, 3}, 4);
    CHECK(dg_cells_pool_nominal(&c, 1.0, 0));
    CHECK_INT(c.cells, 3);
    CHECK(c.reference[0] == 60 && c.reference[1] == 29 && c.reference[2] == 11);
    CHECK(c.current[2] == 10);
}

static void the_new_cell_is_pooled_however_large(void)
{
    struct dg_cells c = table((const double[]){60, 40, 0}, (const double[]){30, 20, 50}, 3);
    CHECK(dg_cells_pool_nominal(&c, 1.0, 1));
    CHECK_INT(c.cells, 2);
    CHECK(c.reference[1] == 40 && c.current[1] == 70);
}

static void everything_small_ends_as_one_cell(void)
{
    struct dg_cells c = table((const double[]){1, 1, 1}, (const double[]){1, 2, 0}, 3);
    struct dg_cells d = c;
    CHECK(dg_cells_pool_ordinal(&c, 1.0));
    CHECK_INT(c.cells, 1);
    CHECK(dg_cells_pool_nominal(&d, 1.0, 0));
    CHECK_INT(d.cells, 1);
    CHECK(d.reference[0] == 3 && d.current[0] == 3);
}

static void totals_survive_and_no_small_cell_is_left(void)
{
    for (int round = 0; round < 2000; round++) {
        struct dg_cells c = {0};
        const size_t cells = 1 + check_random() % 40;
        for (size_t i = 0; i < cells; i++) {
            dg_cells_add(&c, floor(exp(6.0 * check_uniform()) - 1.0),
                         floor(exp(5.0 * check_uniform()) - 1.0));
        }
        if (c.n == 0.0 || c.m == 0.0) {
            continue;
        }
        struct dg_cells d = c;
        const double deff = 1.0 + 3.0 * (round % 2);
        dg_cells_pool_ordinal(&c, deff);
        dg_cells_pool_nominal(&d, deff, (size_t)round % 2);
        const struct dg_cells *both[] = {&c, &d};
        for (int k = 0; k < 2; k++) {
            double n = 0.0;
            double m = 0.0;
            for (size_t i = 0; i < both[k]->cells; i++) {
                n += both[k]->current[i];
                m += both[k]->reference[i];
                const double r = both[k]->reference[i],
                             share = k == 0 ? r / both[k]->m
                                            : (r + both[k]->current[i]) / (both[k]->n + both[k]->m);
                const double expected = fmin(both[k]->n, both[k]->m) * share / deff;
                CHECK(both[k]->cells == 1 || expected >= DG_CELL_MINIMUM * (1.0 - 1e-12));
            }
            CHECK(n == both[k]->n && m == both[k]->m);
        }
    }
}

static void shares_sum_to_one(void)
{
    const struct dg_cells c = table((const double[]){3, 0, 7}, (const double[]){1, 2, 0}, 3);
    double p[3];
    double q[3];
    dg_cells_shares(&c, DG_CELL_PRIOR, p, q);
    CHECK_REL(p[0] + p[1] + p[2], 1.0, 1e-15);
    CHECK_REL(p[0], 1.5 / 4.5, 1e-15);
    CHECK_REL(q[1], 0.5 / 11.5, 1e-15);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(cells_empty_in_both_samples_are_left_out),
                      CASE(neighbours_join_from_the_left_and_the_rest_joins_the_last),
                      CASE(a_table_of_large_cells_stays_as_it_is),
                      CASE(a_design_effect_raises_the_bar), CASE(rare_categories_become_one_cell),
                      CASE(a_rare_cell_that_is_still_small_swallows_the_smallest),
                      CASE(the_new_cell_is_pooled_however_large),
                      CASE(everything_small_ends_as_one_cell),
                      CASE(totals_survive_and_no_small_cell_is_left), CASE(shares_sum_to_one));
}
