/* Goal: nothing is allocated per event, and running out of memory at any moment leaves every object
 * as it was. Method: malloc, calloc and realloc are wrapped by the linker; they count, and the k-th
 * call fails, for every k until the operation succeeds. */
#include "tests/property/state_samples.h"

#include <errno.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long calls, fail_at; /* fail_at = 0: never; else the fail_at-th call from now fails */

static bool refuse(void)
{
    calls++;
    return fail_at > 0 && --fail_at == 0;
}

void *__wrap_malloc(size_t n)
{
    return refuse() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return refuse() ? NULL : __real_realloc(p, n);
}

enum { N = 3000 };

struct world {
    struct dg_binning binning;
    struct dg_prepared prepared, more;
    struct dg_numeric a, b;
    struct sample_texts texts, others;
    struct dg_dictionary *dictionary;
    struct dg_coded coded, coded_more;
    struct dg_category c, d;
    struct dg_bytes encoded, encoded_category;
};

static struct world *world_new(void)
{
    static double x[N], y[N];
    struct world *w = calloc(1, sizeof *w);
    w->binning = sample_binning(0, 5000, &DG_BINNING_DEFAULTS);
    sample_fill(0, x, N);
    sample_fill(9, y, N);
    must(dg_prepare(&w->prepared, &w->binning, -(double)INFINITY, (double)INFINITY, x, N));
    must(dg_prepare(&w->more, &w->binning, -(double)INFINITY, (double)INFINITY, y, N));
    dg_numeric_init(&w->a, &w->binning);
    dg_numeric_init(&w->b, &w->binning);
    must(dg_numeric_add(&w->a, &w->prepared, NULL, N / 2));
    must(dg_numeric_add(&w->b, &w->more, NULL, N));
    w->texts = sample_texts(N, 400);
    w->others = sample_texts(N, 9000);
    w->dictionary = sample_dictionary(&w->texts, 300, 20);
    must(dg_code(&w->coded, w->dictionary, NULL, w->texts.text, N));
    must(dg_code(&w->coded_more, w->dictionary, NULL, w->others.text, N));
    dg_category_init(&w->c, w->dictionary);
    dg_category_init(&w->d, w->dictionary);
    must(dg_category_add(&w->c, &w->coded, NULL, N / 2));
    must(dg_category_add(&w->d, &w->coded_more, NULL, N));
    dg_numeric_encode(&w->b, &w->encoded);
    dg_category_encode(&w->d, &w->encoded_category);
    return w;
}

static void world_free(struct world *w)
{
    dg_prepared_deinit(&w->prepared);
    dg_prepared_deinit(&w->more);
    dg_numeric_deinit(&w->a);
    dg_numeric_deinit(&w->b);
    dg_category_deinit(&w->c);
    dg_category_deinit(&w->d);
    dg_coded_deinit(&w->coded);
    dg_coded_deinit(&w->coded_more);
    dg_dictionary_free(w->dictionary);
    sample_texts_free(&w->texts);
    sample_texts_free(&w->others);
    dg_bytes_deinit(&w->encoded);
    dg_bytes_deinit(&w->encoded_category);
    free(w);
}

static int prepare_larger(struct world *w)
{
    static double x[2 * N];
    return dg_prepare(&w->prepared, &w->binning, -(double)INFINITY, (double)INFINITY, x, 2 * N);
}

static int add_numbers(struct world *w)
{
    return dg_numeric_add(&w->a, &w->more, NULL, N);
}

static int merge_numbers(struct world *w)
{
    return dg_numeric_merge(&w->a, &w->b);
}

static int add_texts(struct world *w)
{
    return dg_category_add(&w->c, &w->coded_more, NULL, N);
}

static int add_texts_to_empty(struct world *w)
{
    dg_category_deinit(&w->c);
    dg_category_init(&w->c, w->dictionary);
    return dg_category_add(&w->c, &w->coded_more, NULL, N);
}

static int merge_texts(struct world *w)
{
    return dg_category_merge(&w->c, &w->d);
}

static int code_more(struct world *w)
{
    static struct dg_text text[2 * N];
    for (size_t i = 0; i < 2 * N; i++) {
        text[i].triage = DG_ABSENT;
    }
    return dg_code(&w->coded, w->dictionary, NULL, text, 2 * N);
}

static int build_dictionary(struct world *w)
{
    struct dg_keyed v[3] = {{.key = "x", .len = 1, .count = 1}, {.key = "y", .len = 1, .count = 2}};
    struct dg_dictionary *d = NULL;
    const int status = dg_dictionary_build(v, 2, 2, &d);
    CHECK((status == 0) == (d != NULL));
    dg_dictionary_free(d);
    (void)w;
    return status;
}

static int decode_numbers(struct world *w)
{
    struct dg_numeric s;
    dg_numeric_init(&s, &w->binning);
    const int status = dg_numeric_add_encoded(&s, w->encoded.data, w->encoded.len);
    dg_numeric_deinit(&s);
    return status;
}

static int decode_texts(struct world *w)
{
    struct dg_category s;
    dg_category_init(&s, w->dictionary);
    const int status =
        dg_category_add_encoded(&s, w->encoded_category.data, w->encoded_category.len);
    dg_category_deinit(&s);
    return status;
}

static int encode_texts(struct world *w)
{
    struct dg_bytes out = {0};
    dg_category_encode(&w->d, &out);
    const bool failed = out.failed;
    dg_bytes_deinit(&out);
    return failed ? ENOMEM : 0;
}

static int list_unlisted(struct world *w)
{
    const struct dg_keyed *v;
    size_t n;
    uint64_t dropped;
    struct dg_category s;
    dg_category_init(&s, w->dictionary);
    int status = dg_category_merge(&s, &w->d);
    if (status == 0) {
        status = dg_category_unlisted(&s, &v, &n, &dropped);
    }
    dg_category_deinit(&s);
    return status;
}

static void fingerprint(const struct world *w, struct dg_bytes *out)
{
    dg_bytes_clear(out);
    dg_numeric_encode(&w->a, out);
    dg_category_encode(&w->c, out);
    dg_put_varint(out, w->prepared.n);
    dg_put_raw(out, w->prepared.value, w->prepared.n * sizeof w->prepared.value[0]);
    dg_put_varint(out, w->coded.n);
    dg_put_raw(out, w->coded.code, w->coded.n * sizeof w->coded.code[0]);
    CHECK(!out->failed);
}

/* The state is emptied first if `resets`. */
static void sweep(const char *name, int (*run)(struct world *), bool resets)
{
    long k = 1;
    for (; k < 100; k++) {
        struct world *w = world_new();
        struct dg_bytes before = {0}, after = {0};
        if (resets) {
            dg_category_reset(&w->c);
        }
        fingerprint(w, &before);
        fail_at = k;
        const int status = run(w);
        const bool failed = fail_at == 0;
        fail_at = 0;
        CHECK_INT(status, failed ? ENOMEM : 0);
        fingerprint(w, &after);
        if (failed && !same_bytes(&before, &after)) {
            fprintf(stderr, "%s: state changed although allocation %ld failed\n", name, k);
            check_failures++;
        }
        dg_bytes_deinit(&before);
        dg_bytes_deinit(&after);
        world_free(w);
        if (!failed) {
            break;
        }
    }
    CHECK(k > 1 && k < 100);
}

static void no_failed_allocation_changes_anything(void)
{
    sweep("prepare", prepare_larger, false);
    sweep("add numbers", add_numbers, false);
    sweep("merge numbers", merge_numbers, false);
    sweep("add texts", add_texts, false);
    sweep("add texts to an empty state", add_texts_to_empty, true);
    sweep("merge texts", merge_texts, false);
    sweep("code", code_more, false);
    sweep("build dictionary", build_dictionary, false);
    sweep("decode numbers", decode_numbers, false);
    sweep("decode texts", decode_texts, false);
    sweep("encode texts", encode_texts, false);
    sweep("list unlisted", list_unlisted, false);
}

static void a_writer_that_ran_out_of_memory_says_so(void)
{
    struct dg_bytes b = {0};
    for (long k = 1; k < 3; k++) {
        fail_at = k;
        for (int i = 0; i < 200; i++) {
            dg_put_f64(&b, i);
        }
        fail_at = 0;
        CHECK(b.failed);
        const size_t len = b.len;
        dg_put_u8(&b, 1);
        CHECK_INT(b.len, len);
        dg_bytes_clear(&b);
        CHECK(!b.failed);
    }
    dg_bytes_deinit(&b);
}

static void nothing_is_allocated_once_the_series_is_warm(void)
{
    struct world *w = world_new();
    static double x[N];
    sample_fill(0, x, N);
    must(dg_numeric_add(&w->a, &w->prepared, NULL, N));
    must(dg_category_add(&w->c, &w->coded, NULL, N));
    uint32_t row[N];
    for (size_t i = 0; i < N; i++) {
        row[i] = (uint32_t)i;
        x[i] = fmax(w->a.min, fmin(w->a.max, x[i]));
    }
    for (int pane = -1; pane < 20; pane++) { /* the first warms it up */
        if (pane % 2 == 0) {
            dg_numeric_reset(&w->a);
            dg_category_reset(&w->c);
        }
        sample_shuffle(row, N);
        calls = 0;
        must(dg_prepare(&w->prepared, &w->binning, -3.0, 3.0, x, N));
        must(dg_numeric_add(&w->a, &w->prepared, row, N / 2));
        must(dg_numeric_add(&w->a, &w->prepared, NULL, N / 2));
        must(dg_code(&w->coded, w->dictionary, NULL, w->texts.text, N));
        must(dg_category_add(&w->c, &w->coded, row, N));
        CHECK(calls == 0 || pane < 0);
    }
    world_free(w);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(no_failed_allocation_changes_anything),
                      CASE(a_writer_that_ran_out_of_memory_says_so),
                      CASE(nothing_is_allocated_once_the_series_is_warm));
}
