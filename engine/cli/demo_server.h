/* engine/cli/demo_server.h -- a private PostgreSQL for the demo: a Unix socket, no port. */
#ifndef DG_ENGINE_CLI_DEMO_SERVER_H
#define DG_ENGINE_CLI_DEMO_SERVER_H

#include "engine/error.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct dg_demo_server {
    char home[PATH_MAX];     /* socket and data */
    char target[PATH_MAX];   /* as --db has it */
    char program[PATH_MAX];  /* directory of initdb and postgres */
    char log[PATH_MAX + 16]; /* of both */
    uid_t uid;               /* who it runs as: postgres where we are root */
    gid_t gid;
    pid_t pid; /* 0: does not run */
};

/*
 * Make a cluster in dir/pg, start it, make the database driftgauge and its schema. `outlive`: the
 * server goes on when this process ends. ENOENT: PostgreSQL is not installed; EIO: it does not
 * start, its own words in *err.
 */
DG_MUST_CHECK int dg_demo_server_start(struct dg_demo_server *s, const char *dir, bool outlive,
                                       struct dg_error *err);
void dg_demo_server_stop(struct dg_demo_server *s);

#endif
