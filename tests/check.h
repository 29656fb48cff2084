/* tests/check.h -- the test harness: an explicit table of cases, a substring filter, exact
 * messages.
 *
 *   static void psi_of_equal_samples_is_zero(void) { CHECK_REL(...); }
 *   int main(int argc, char **argv) { return CHECK_MAIN(argc, argv,
 * CASE(psi_of_equal_samples_is_zero)); }
 *
 * A failed check prints what it got and wanted and goes on with the case; the process exits 1 if
 * any failed, and 1 if no case matched the filter, so that a test cannot pass by not running. */
#ifndef DG_TESTS_CHECK_H
#define DG_TESTS_CHECK_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_case {
    const char *name;
    void (*run)(void);
};

static int check_failures;

#define CASE(f) ((struct check_case){#f, f})

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition);               \
        }                                                                                          \
    } while (0)

#define CHECK_INT(got, want)                                                                       \
    do {                                                                                           \
        const long long check_g = (long long)(got), check_w = (long long)(want);                   \
        if (check_g != check_w) {                                                                  \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s: got %lld, want %lld\n", __FILE__, __LINE__, #got, check_g, \
                    check_w);                                                                      \
        }                                                                                          \
    } while (0)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *check_g = (got), *check_w = (want);                                            \
        if (check_g == NULL || strcmp(check_g, check_w) != 0) {                                    \
            check_failures++;                                                                      \
            fprintf(stderr, "%s:%d: %s: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, #got,      \
                    check_g == NULL ? "(null)" : check_g, check_w);                                \
        }                                                                                          \
    } while (0)

/* |got - want| <= tolerance * |want|; equal infinities and two NANs agree. */
#define CHECK_REL(got, want, tolerance)                                                            \
    check_close(__FILE__, __LINE__, #got, got, want, 0.0, tolerance)
#define CHECK_ABS(got, want, tolerance)                                                            \
    check_close(__FILE__, __LINE__, #got, got, want, tolerance, 0.0)

static inline void check_close(const char *file, int line, const char *what, double got,
                               double want, double absolute, double relative)
{
    if (got == want || (isnan(got) && isnan(want))) {
        return;
    }
    const double off = fabs(got - want);
    if (!(off <= absolute + relative * fabs(want))) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s: got %.17g, want %.17g, off by %.3g (relative %.3g)\n", file,
                line, what, got, want, off, off / fabs(want));
    }
}

/* SplitMix64 (Steele, Lea, Flood 2014): seeded by DG_SEED or 1; tests print it when they fail. */
static uint64_t check_random_state;

static inline uint64_t check_random(void)
{
    uint64_t z = (check_random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline double check_uniform(void) /* in (0, 1) */
{
    return ((double)(check_random() >> 11) + 0.5) * 0x1p-53;
}

static inline double check_normal(void)
{
    return sqrt(-2.0 * log(check_uniform())) * cos(6.283185307179586 * check_uniform());
}

static inline int check_main(int argc, char **argv, const struct check_case cases[], size_t n)
{
    const char *seed_text = getenv("DG_SEED");
    const uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 0) : 1;
    size_t run = 0;
    for (size_t i = 0; i < n; i++) {
        if (argc > 1 && strstr(cases[i].name, argv[1]) == NULL) {
            continue;
        }
        const int before = check_failures;
        check_random_state = seed;
        cases[i].run();
        run++;
        if (check_failures != before) {
            fprintf(stderr, "FAILED %s (DG_SEED=%llu)\n", cases[i].name, (unsigned long long)seed);
        }
    }
    printf("%zu cases run, %d checks failed\n", run, check_failures);
    return check_failures != 0 || run == 0;
}

#define CHECK_MAIN(argc, argv, ...)                                                                \
    check_main(argc, argv, (const struct check_case[]){__VA_ARGS__},                               \
               sizeof((const struct check_case[]){__VA_ARGS__}) / sizeof(struct check_case))

#endif
