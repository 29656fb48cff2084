/* tests/support/seeds.h -- a test that draws everything from a seed, for many of them. Arguments of
 * the program: number of seeds, the first of them. */
#ifndef DG_TESTS_SEEDS_H
#define DG_TESTS_SEEDS_H

#include "tests/check.h"

#include <stdlib.h>

struct seeds {
    unsigned long n, first;
};

static inline void seeds_read(struct seeds *s, int argc, char **argv)
{
    s->n = argc > 1 ? strtoul(argv[1], NULL, 10) : s->n;
    s->first = argc > 2 ? strtoul(argv[2], NULL, 10) : s->first;
}

/* Says of each seed that fails how to run it alone. */
static inline void seeds_run(const struct seeds *s, void (*run)(uint64_t seed))
{
    for (unsigned long seed = s->first; seed < s->first + s->n; seed++) {
        const int before = check_failures;
        run(seed);
        if (check_failures != before) {
            fprintf(stderr, "seed %lu failed: run with arguments 1 %lu\n", seed, seed);
        }
    }
}

#endif
