/* Goal: what a value costs in each step of the state, and how large an encoded state is.
 * Method: batches of 4096 values that stay in the cache, the least of several repetitions; prints a
 * table. Usage: bench_state [repetitions]. */
#include "stats/category.h"
#include "stats/numeric.h"
#include "tests/check.h"

#include <time.h>

enum { BATCH = 4096, REFERENCE = 100000 };

static int repetitions = 400;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double draw_normal(void)
{
    return check_normal();
}

static double draw_lognormal(void)
{
    return exp(2.0 * check_normal());
}

static double draw_cauchy(void)
{
    return tan(3.14159265 * (check_uniform() - 0.5));
}

static double draw_zero_inflated(void)
{
    return check_uniform() < 0.4 ? 0.0 : exp(check_normal());
}

static double draw_count(void)
{
    return floor(-20.0 * log(check_uniform()));
}

static struct dg_binning binning_of(double (*draw)(void))
{
    double *x = malloc(REFERENCE * sizeof *x);
    struct dg_weighted *v = malloc(REFERENCE * sizeof *v);
    for (size_t i = 0; i < REFERENCE; i++) {
        x[i] = draw();
    }
    qsort(x, REFERENCE, sizeof x[0], ascending);
    size_t n = 0;
    for (size_t i = 0; i < REFERENCE; i++) {
        if (n > 0 && v[n - 1].value == x[i]) {
            v[n - 1].count++;
        } else {
            v[n++] = (struct dg_weighted){x[i], 1};
        }
    }
    struct dg_binning b;
    if (dg_binning_build(v, n, &DG_BINNING_DEFAULTS, &b) != 0) {
        abort();
    }
    free(x);
    free(v);
    return b;
}

/* Everything that a step may need. */
struct stage {
    struct dg_binning binning;
    double x[BATCH];
    uint8_t bin[BATCH];
    int32_t cell[BATCH];
    uint32_t row[BATCH];
    struct dg_prepared prepared;
    struct dg_numeric state;
    struct dg_dictionary *dictionary;
    struct dg_text text[BATCH];
    struct dg_coded coded;
    struct dg_category category;
    char names[300][16];
};

static void must(int status)
{
    if (status != 0) {
        abort();
    }
}

static void find_step(struct stage *s)
{
    dg_binning_find_all(&s->binning, s->x, BATCH, s->bin);
}

static void cell_step(struct stage *s)
{
    dg_sketch_cell_all(s->x, BATCH, s->cell);
}

static void prepare_step(struct stage *s)
{
    must(dg_prepare(&s->prepared, &s->binning, (double)-INFINITY, (double)INFINITY, s->x, BATCH));
}

static void moments_step(struct stage *s)
{
    dg_moments_add(&s->state.moments, s->prepared.fixed, BATCH);
}

static void sketch_step(struct stage *s)
{
    must(dg_sketch_add(&s->state.sketch, s->prepared.cell, BATCH));
}

static void add_step(struct stage *s)
{
    must(dg_numeric_add(&s->state, &s->prepared, NULL, BATCH));
}

static void add_rows_step(struct stage *s)
{
    must(dg_numeric_add(&s->state, &s->prepared, s->row, BATCH));
}

static void code_step(struct stage *s)
{
    must(dg_code(&s->coded, s->dictionary, NULL, s->text, BATCH));
}

static void category_step(struct stage *s)
{
    must(dg_category_add(&s->category, &s->coded, NULL, BATCH));
}

static double cost(void (*step)(struct stage *), struct stage *s)
{
    double least = INFINITY;
    for (int i = 0; i < repetitions; i++) {
        const double start = now_ns();
        step(s);
        const double took = now_ns() - start;
        least = took < least ? took : least;
    }
    return least / BATCH;
}

static void report_values(struct stage *s, const char *name, double (*draw)(void))
{
    s->binning = binning_of(draw);
    for (size_t i = 0; i < BATCH; i++) {
        s->x[i] = draw();
        s->row[i] = (uint32_t)i;
    }
    dg_numeric_init(&s->state, &s->binning);
    const double find = cost(find_step, s), cell = cost(cell_step, s),
                 prepare = cost(prepare_step, s), sketch = cost(sketch_step, s),
                 moments = cost(moments_step, s);
    const double add = cost(add_step, s), rows = cost(add_rows_step, s);
    printf("%-14s %4u bins %u steps %s | %6.2f %6.2f %8.2f | %7.2f %7.2f %6.2f %9.2f | %6.2f\n",
           name, s->binning.n_bins, s->binning.steps, s->binning.lookup_log ? "log" : "lin", find,
           cell, prepare, sketch, moments, add, rows, prepare + add);
    dg_numeric_deinit(&s->state);
}

static void report_bytes(struct stage *s, const char *name, double (*draw)(void))
{
    static const size_t sizes[] = {1, 10, 50, 200, 1000, 4096};
    s->binning = binning_of(draw);
    printf("%-14s", name);
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct dg_bytes out = {0};
        dg_numeric_init(&s->state, &s->binning);
        for (size_t i = 0; i < sizes[k]; i++) {
            s->x[i] = draw();
        }
        must(dg_prepare(&s->prepared, &s->binning, (double)-INFINITY, (double)INFINITY, s->x,
                        sizes[k]));
        must(dg_numeric_add(&s->state, &s->prepared, NULL, sizes[k]));
        dg_numeric_encode(&s->state, &out);
        printf(" %7zu", out.len);
        dg_bytes_deinit(&out);
        dg_numeric_deinit(&s->state);
    }
    printf("\n");
}

/* The memory of an open pane's state: the struct and the sketch's runs. */
static void report_dense(struct stage *s, const char *name, double (*draw)(void))
{
    s->binning = binning_of(draw);
    for (size_t i = 0; i < BATCH; i++) {
        s->x[i] = draw();
    }
    dg_numeric_init(&s->state, &s->binning);
    must(dg_prepare(&s->prepared, &s->binning, (double)-INFINITY, (double)INFINITY, s->x, BATCH));
    must(dg_numeric_add(&s->state, &s->prepared, NULL, BATCH));
    const struct dg_sketch *k = &s->state.sketch;
    printf("dense %s: %zu\n", name,
           sizeof s->state + (size_t)(k->cap[0] + k->cap[1]) * sizeof k->cell[0][0]);
    dg_numeric_deinit(&s->state);
}

static void report_codec(struct stage *s)
{
    s->binning = binning_of(draw_normal);
    printf("\nencode, decode of a normal feature, us per state:");
    static const size_t sizes[] = {50, 1000};
    for (size_t k = 0; k < 2; k++) {
        struct dg_bytes out = {0};
        dg_numeric_init(&s->state, &s->binning);
        must(dg_prepare(&s->prepared, &s->binning, (double)-INFINITY, (double)INFINITY, s->x,
                        sizes[k]));
        must(dg_numeric_add(&s->state, &s->prepared, NULL, sizes[k]));
        double start = now_ns();
        for (int i = 0; i < repetitions; i++) {
            dg_bytes_clear(&out);
            dg_numeric_encode(&s->state, &out);
        }
        const double encode = (now_ns() - start) / repetitions;
        start = now_ns();
        for (int i = 0; i < repetitions; i++) {
            must(dg_numeric_add_encoded(&s->state, out.data, out.len));
        }
        const double decode = (now_ns() - start) / repetitions;
        printf("  %zu events: %.2f, %.2f", sizes[k], encode / 1e3, decode / 1e3);
        dg_bytes_deinit(&out);
        dg_numeric_deinit(&s->state);
    }
    printf("\n");
}

static void report_categories(struct stage *s, uint32_t known)
{
    struct dg_keyed v[300] = {0};
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(s->names[i], sizeof s->names[i], "category %u", i);
        v[i] = (struct dg_keyed){
            .key = s->names[i], .len = (uint32_t)strlen(s->names[i]), .count = 301 - i};
    }
    must(dg_dictionary_build(v, known, 256, &s->dictionary));
    for (size_t i = 0; i < BATCH; i++) {
        const size_t k = (size_t)(300.0 * check_uniform() * check_uniform());
        s->text[i] = (struct dg_text){s->names[k], (uint32_t)strlen(s->names[k]), DG_FINITE};
    }
    dg_category_init(&s->category, s->dictionary);
    const double code = cost(code_step, s), add = cost(category_step, s);
    struct dg_bytes out = {0};
    dg_category_reset(&s->category);
    must(dg_category_add(&s->category, &s->coded, NULL, 50));
    dg_category_encode(&s->category, &out);
    printf("%u of 300 known: code %.2f, add %.2f ns/value; %zu bytes of 50 events\n", known, code,
           add, out.len);
    dg_bytes_deinit(&out);
    dg_category_deinit(&s->category);
    dg_dictionary_free(s->dictionary);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        repetitions = atoi(argv[1]) > 0 ? atoi(argv[1]) : 1;
    }
    check_random_state = 1;
    struct stage *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return 1;
    }
    static const struct {
        const char *name;
        double (*draw)(void);
    } kind[] = {{"normal", draw_normal},
                {"lognormal(2)", draw_lognormal},
                {"cauchy", draw_cauchy},
                {"zero-inflated", draw_zero_inflated},
                {"counts", draw_count}};
    printf("ns/value                            |   find   cell  prepare |  sketch moments    add "
           "add(rows) | prepare+add\n");
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        report_values(s, kind[i].name, kind[i].draw);
    }
    printf("\nbytes of n =         1      10      50     200    1000    4096\n");
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        report_bytes(s, kind[i].name, kind[i].draw);
    }
    printf("\n");
    for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
        report_dense(s, kind[i].name, kind[i].draw);
    }
    report_codec(s);
    report_categories(s, 300);
    report_categories(s, 1);
    dg_prepared_deinit(&s->prepared);
    dg_coded_deinit(&s->coded);
    free(s);
    return 0;
}
