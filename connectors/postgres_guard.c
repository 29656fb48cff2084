#include "connectors/postgres_guard.h"

#include "connectors/clock.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the list, and descriptors in it */
static struct dg_pg *first;
static atomic_llong given_up_ms; /* attempts to connect that began before this end */

void dg_pg_guard_add(struct dg_pg *pg)
{
    pthread_mutex_lock(&lock);
    /* A descriptor of our own: libpq may close its one at any time, and the number be used again.
     */
    pg->watch.fd = fcntl(PQsocket(pg->conn), F_DUPFD_CLOEXEC, 0);
    pg->watch.next = first;
    pg->watch.listed = true;
    first = pg;
    pthread_mutex_unlock(&lock);
}

void dg_pg_guard_remove(struct dg_pg *pg)
{
    if (!pg->watch.listed) {
        return;
    }
    pthread_mutex_lock(&lock);
    struct dg_pg **at = &first;
    while (*at != pg) {
        at = &(*at)->watch.next;
    }
    *at = pg->watch.next;
    if (pg->watch.fd >= 0) {
        close(pg->watch.fd);
    }
    pg->watch.listed = false;
    pthread_mutex_unlock(&lock);
}

void dg_pg_wait_begin(struct dg_pg *pg)
{
    atomic_store(&pg->watch.since_ms, dg_steady_ms());
}

void dg_pg_wait_end(struct dg_pg *pg)
{
    atomic_store(&pg->watch.since_ms, 0);
}

struct pg_result *dg_pg_next(struct dg_pg *pg)
{
    dg_pg_wait_begin(pg);
    PGresult *r = PQgetResult(pg->conn);
    dg_pg_wait_end(pg);
    return r;
}

bool dg_pg_guard_given_up(int64_t began_ms)
{
    return began_ms < atomic_load(&given_up_ms);
}

/* longer_ms < 0: than the session's own limit. */
static void cut(int64_t longer_ms)
{
    const int64_t now_ms = dg_steady_ms();
    pthread_mutex_lock(&lock);
    for (struct dg_pg *pg = first; pg != NULL; pg = pg->watch.next) {
        const int64_t since_ms = atomic_load(&pg->watch.since_ms);
        const int64_t limit_ms = longer_ms >= 0 ? longer_ms : atomic_load(&pg->watch.limit_ms);
        if (since_ms != 0 && limit_ms > 0 && now_ms - since_ms > limit_ms && pg->watch.fd >= 0) {
            (void)shutdown(pg->watch.fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&lock);
}

void dg_pg_guard_look(void)
{
    cut(-1);
}

void dg_pg_guard_cut(int64_t longer_ms)
{
    atomic_store(&given_up_ms, dg_steady_ms() - longer_ms);
    cut(longer_ms);
}
