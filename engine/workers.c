#include "engine/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct dg_workers {
    pthread_t thread[DG_WORKERS_MAX];
    uint32_t n;           /* threads, the caller's included */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t start, done;
    uint64_t round; /* grows with every run */
    uint32_t busy;  /* threads that still work on this round */
    bool stop;
    size_t failed_item; /* least item that failed; SIZE_MAX: none */
    int rc;
    struct dg_error err;
    /* The round's work: written before it starts. */
    dg_work work;
    void *arg;
    size_t items;
    atomic_size_t next;
};

struct start {
    struct dg_workers *workers;
    uint32_t worker;
};

static void note_failure(struct dg_workers *w, size_t item, int rc, const struct dg_error *err)
{
    pthread_mutex_lock(&w->lock);
    if (item < w->failed_item) {
        w->failed_item = item;
        w->rc = rc;
        w->err = *err;
    }
    pthread_mutex_unlock(&w->lock);
    atomic_store(&w->next, w->items); /* nobody begins another */
}

static void work_on_round(struct dg_workers *w, uint32_t worker)
{
    size_t item;
    while ((item = atomic_fetch_add(&w->next, 1)) < w->items) {
        struct dg_error err = {0};
        const int rc = w->work(w->arg, worker, item, &err);
        if (rc != 0) {
            note_failure(w, item, rc, &err);
        }
    }
}

static void *run_thread(void *arg)
{
    struct start start = *(struct start *)arg;
    struct dg_workers *w = start.workers;
    uint64_t seen = 0;
    free(arg);
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        if (w->round == seen) {
            pthread_cond_wait(&w->start, &w->lock);
            continue;
        }
        seen = w->round;
        pthread_mutex_unlock(&w->lock);
        work_on_round(w, start.worker);
        pthread_mutex_lock(&w->lock);
        if (--w->busy == 0) {
            pthread_cond_signal(&w->done);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int dg_workers_open(uint32_t n, struct dg_workers **out, struct dg_error *err)
{
    DG_ASSERT(n >= 1 && n <= DG_WORKERS_MAX);
    struct dg_workers *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return dg_fail_memory(err);
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->start, NULL);
    pthread_cond_init(&w->done, NULL);
    w->n = 1;
    while (w->n < n) {
        struct start *start = malloc(sizeof *start);
        if (start == NULL) {
            break;
        }
        *start = (struct start){w, w->n};
        if (pthread_create(&w->thread[w->n], NULL, run_thread, start) != 0) {
            free(start);
            break;
        }
        w->n++;
    }
    *out = w;
    return 0;
}

void dg_workers_close(struct dg_workers *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->start);
    pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 1; i < w->n; i++) {
        pthread_join(w->thread[i], NULL);
    }
    pthread_cond_destroy(&w->start);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

uint32_t dg_workers_count(const struct dg_workers *w)
{
    return w->n;
}

int dg_workers_run(struct dg_workers *w, size_t n, dg_work work, void *arg, struct dg_error *err)
{
    const bool alone = n < 2 || w->n == 1;
    w->work = work;
    w->arg = arg;
    w->items = n;
    w->failed_item = SIZE_MAX;
    w->rc = 0;
    atomic_store(&w->next, 0);
    if (!alone) {
        pthread_mutex_lock(&w->lock);
        w->busy = w->n - 1;
        w->round++;
        pthread_cond_broadcast(&w->start);
        pthread_mutex_unlock(&w->lock);
    }
    work_on_round(w, 0);
    pthread_mutex_lock(&w->lock);
    while (!alone && w->busy > 0) {
        pthread_cond_wait(&w->done, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    if (w->rc != 0 && err != NULL) {
        *err = w->err;
    }
    return w->rc;
}
