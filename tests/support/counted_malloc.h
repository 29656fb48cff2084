/* tests/support/counted_malloc.h -- counts what the program allocates: for executables linked with
 * --wrap=malloc, --wrap=calloc, --wrap=realloc. Include it in one file. */
#ifndef DG_TESTS_COUNTED_MALLOC_H
#define DG_TESTS_COUNTED_MALLOC_H

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static _Atomic size_t allocations; /* by all threads */

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

#endif
