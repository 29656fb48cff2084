/* engine/workers.h -- threads that share a list of independent items. The items' results must not
 * depend on who works on them or in which order; then the number of threads cannot be seen. */
#ifndef DG_ENGINE_WORKERS_H
#define DG_ENGINE_WORKERS_H

#include "engine/error.h"

#define DG_WORKERS_MAX 64

struct dg_workers;

/* n threads in all, the caller's included: n = 1 starts none. Fewer are used if the system gives
 * fewer. */
DG_MUST_CHECK int dg_workers_open(uint32_t n, struct dg_workers **out, struct dg_error *err);
void dg_workers_close(struct dg_workers *w); /* NULL is fine */
uint32_t dg_workers_count(const struct dg_workers *w);

/* Works on one item; `worker` < dg_workers_count names the thread's own scratch. */
typedef int (*dg_work)(void *arg, uint32_t worker, size_t item, struct dg_error *err);

/* Work on items 0 .. n-1 and wait for all. If some fail, the error of the first of them by number;
 * items after a failed one may be left out. */
DG_MUST_CHECK int dg_workers_run(struct dg_workers *w, size_t n, dg_work work, void *arg,
                                 struct dg_error *err);

#endif
