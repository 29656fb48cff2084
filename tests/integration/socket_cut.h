/* tests/integration/socket_cut.h -- a socket before PostgreSQL's that cuts a connection at COMMIT:
 * before the server reads it, or before the client reads the answer. */
#ifndef DG_TESTS_SOCKET_CUT_H
#define DG_TESTS_SOCKET_CUT_H

#include "tests/check.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum cut { CUT_REQUEST, CUT_ANSWER };

struct socket_cut {
    char dir[64];
    char path[108];
    int listening;
    pthread_t thread;
    atomic_int how;
    atomic_int times; /* the next COMMIT is cut if > 0; while > 0 new connections are refused */
    atomic_bool stop;
};

static inline int socket_cut_dial(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%.80s/.s.PGSQL.5432", getenv("PGHOST"));
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline bool socket_cut_pass(int from, int to, char buf[65536], ssize_t *n)
{
    *n = read(from, buf, 65536);
    for (ssize_t at = 0, put; at < *n; at += put) {
        put = to < 0 ? *n - at : write(to, buf + at, (size_t)(*n - at));
        if (put <= 0) {
            return false;
        }
    }
    return *n > 0;
}

/* One connection at a time is enough for a ledger. */
static inline void socket_cut_serve(struct socket_cut *c, int client, int server)
{
    char buf[65536];
    bool lost = false;
    struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    while (!lost && !atomic_load(&c->stop)) {
        ssize_t n = 0;
        if (poll(p, 2, 50) <= 0) {
            continue;
        }
        if (p[1].revents != 0) {
            lost = !socket_cut_pass(server, client, buf, &n);
        }
        if (!lost && p[0].revents != 0) {
            n = recv(client, buf, sizeof buf, MSG_PEEK);
            const bool commit = n >= 11 && buf[0] == 'Q' && memcmp(buf + 5, "COMMIT", 6) == 0;
            const bool cutting = commit && atomic_load(&c->times) > 0;
            if (!cutting || atomic_load(&c->how) == CUT_ANSWER) {
                lost = !socket_cut_pass(client, server, buf, &n);
            }
            if (cutting) {
                if (atomic_load(&c->how) == CUT_ANSWER) {
                    (void)!read(server, buf, sizeof buf); /* the answer: it is committed */
                }
                atomic_fetch_sub(&c->times, 1);
                lost = true;
            }
        }
    }
    close(client);
    close(server);
}

static inline void *socket_cut_run(void *arg)
{
    struct socket_cut *c = arg;
    while (!atomic_load(&c->stop)) {
        struct pollfd p = {c->listening, POLLIN, 0};
        if (poll(&p, 1, 50) <= 0) {
            continue;
        }
        const int client = accept(c->listening, NULL, NULL);
        const int server = atomic_load(&c->times) > 0 && atomic_load(&c->how) == CUT_ANSWER &&
                                   atomic_fetch_sub(&c->times, 1) > 0
                               ? -1
                               : socket_cut_dial();
        if (client >= 0 && server >= 0) {
            socket_cut_serve(c, client, server);
        } else {
            close(client);
        }
    }
    return NULL;
}

/* db: a connection string for the way through the cut. */
static inline void socket_cut_open(struct socket_cut *c, char *db, size_t size, const char *user)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(c->dir, sizeof c->dir, "/tmp/dg-cut.XXXXXX");
    CHECK(mkdtemp(c->dir) != NULL);
    snprintf(c->path, sizeof c->path, "%s/.s.PGSQL.5432", c->dir);
    memcpy(at.sun_path, c->path, strlen(c->path) + 1);
    atomic_init(&c->how, CUT_REQUEST);
    atomic_init(&c->times, 0);
    atomic_init(&c->stop, false);
    c->listening = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(c->listening, (struct sockaddr *)&at, sizeof at) == 0 &&
          listen(c->listening, 8) == 0);
    CHECK_INT(pthread_create(&c->thread, NULL, socket_cut_run, c), 0);
    snprintf(db, size, "host=%s user=%s", c->dir, user);
}

/* The next COMMIT, and after CUT_ANSWER the times - 1 connections that follow. */
static inline void socket_cut_arm(struct socket_cut *c, enum cut how, int times)
{
    atomic_store(&c->how, (int)how);
    atomic_store(&c->times, times);
}

static inline void socket_cut_close(struct socket_cut *c)
{
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
    close(c->listening);
    unlink(c->path);
    rmdir(c->dir);
}

#endif
