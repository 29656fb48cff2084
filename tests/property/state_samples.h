/* tests/property/state_samples.h -- awkward samples and the helpers that the state's tests share.
 */
#ifndef DG_TESTS_STATE_SAMPLES_H
#define DG_TESTS_STATE_SAMPLES_H

#include "stats/category.h"
#include "stats/numeric.h"
#include "tests/check.h"

#include <float.h>

enum { SAMPLE_KINDS = 12 };

static inline double sample_any_bits(void)
{
    const uint64_t bits = check_random();
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* One value of a kind; kinds 9 and up may be non-finite. */
static inline double sample_value(int kind)
{
    const double u = check_uniform();
    switch (kind) {
    case 0:
        return check_normal();
    case 1:
        return exp(2.0 * check_normal());
    case 2:
        return tan(3.14159265 * (u - 0.5));
    case 3:
        return u < 0.4 ? 0.0 : exp(check_normal());
    case 4:
        return floor(-20.0 * log(u));
    case 5:
        return 2.385;
    case 6:
        return u < 0.5 ? -0.0 : u < 0.75 ? 0.0 : ldexp(u, -1060);
    case 7:
        return (u - 0.5) * 2.0 * DBL_MAX;
    case 8:
        return floor(u * 700.0) * 0.125 + 1e6;
    case 9:
        return sample_any_bits();
    case 10:
        return u < 0.1   ? dg_box((enum dg_triage)(u < 0.05 ? DG_ABSENT : DG_NULL))
               : u < 0.2 ? dg_box(DG_UNPARSABLE)
               : u < 0.3 ? (double)NAN
               : u < 0.4 ? (double)INFINITY
               : u < 0.5 ? -(double)INFINITY
                         : check_normal() * 1e-3;
    default:
        return u < 0.01 ? 1e12 * check_normal() : check_normal();
    }
}

static inline void sample_fill(int kind, double x[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = sample_value(kind);
    }
}

static inline int sample_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A binning of a reference sample of n values of a kind; non-finite ones are left out. */
static inline struct dg_binning sample_binning(int kind, size_t n,
                                               const struct dg_binning_options *options)
{
    double *x = calloc(n + 1, sizeof *x);
    struct dg_weighted *v = calloc(n + 1, sizeof *v);
    size_t finite = 0, distinct = 0;
    for (size_t i = 0; i < n || finite == 0; i++) {
        const double value = sample_value(kind);
        if (isfinite(value)) {
            x[finite++] = value;
        }
    }
    qsort(x, finite, sizeof x[0], sample_ascending);
    for (size_t i = 0; i < finite; i++) {
        if (distinct > 0 && v[distinct - 1].value == x[i]) {
            v[distinct - 1].count++;
        } else {
            v[distinct++] = (struct dg_weighted){x[i], 1};
        }
    }
    struct dg_binning b;
    const int status = dg_binning_build(v, distinct, options, &b);
    CHECK_INT(status, 0);
    free(x);
    free(v);
    return b;
}

static inline void sample_shuffle(uint32_t row[], size_t n)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)(check_random() % i);
        const uint32_t t = row[i - 1];
        row[i - 1] = row[j];
        row[j] = t;
    }
}

static inline void must(int status)
{
    if (status != 0) {
        fprintf(stderr, "a call failed with status %d\n", status);
        abort();
    }
}

static inline void encode_again(const struct dg_numeric *s, struct dg_bytes *out)
{
    dg_bytes_clear(out);
    dg_numeric_encode(s, out);
    CHECK(!out->failed);
}

static inline bool same_bytes(const struct dg_bytes *a, const struct dg_bytes *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Texts over `keys` distinct keys, few of them frequent; key i is "k<i>", key 0 the empty text, and
 * every 50th is longer than DG_KEY_MAX. */
struct sample_texts {
    struct dg_text *text;
    char (*name)[DG_KEY_MAX + 60];
    size_t n, keys;
};

static inline struct sample_texts sample_texts(size_t n, size_t keys)
{
    struct sample_texts s = {.n = n, .keys = keys};
    s.text = calloc(n, sizeof *s.text);
    s.name = calloc(keys, sizeof *s.name);
    for (size_t i = 1; i < keys; i++) {
        memset(s.name[i], 'k', i % 50 == 0 ? DG_KEY_MAX + 40 : 1);
        char *end = s.name[i] + strlen(s.name[i]);
        snprintf(end, 19, "%zu", i);
    }
    for (size_t i = 0; i < n; i++) {
        const double u = check_uniform() * check_uniform();
        const char *name = s.name[(size_t)(u * (double)keys)];
        const bool null = check_random() % 64 == 0;
        s.text[i] = null ? (struct dg_text){NULL, 0, DG_NULL}
                         : (struct dg_text){name, (uint32_t)strlen(name), DG_FINITE};
    }
    return s;
}

static inline void sample_texts_free(struct sample_texts *s)
{
    free(s->text);
    free(s->name);
}

/* A dictionary of the first `known` keys of s, `cells` of them with a cell. */
static inline struct dg_dictionary *sample_dictionary(const struct sample_texts *s, size_t known,
                                                      uint32_t cells)
{
    struct dg_keyed *v = calloc(known, sizeof *v);
    for (size_t i = 0; i < known; i++) {
        v[i] = (struct dg_keyed){
            .key = s->name[i], .len = (uint32_t)strlen(s->name[i]), .count = 1 + (known - i) / 2};
    }
    struct dg_dictionary *d = NULL;
    must(dg_dictionary_build(v, known, cells, &d));
    free(v);
    return d;
}

#endif
