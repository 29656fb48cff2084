/* connectors/postgres.h -- a connection to PostgreSQL: where it leads, how it fails.
 *
 * Where to: `db` (an URI, "key=value ..." or the name of a database), else the environment's
 * DRIFTGAUGE_DB, else libpq's own PGHOST, PGDATABASE, ... The password never stands on a command
 * line: it comes from the file `password_file`, DRIFTGAUGE_DB_PASSWORD_FILE, DRIFTGAUGE_DB,
 * PGPASSWORD or libpq's ~/.pgpass (passfile). No message of this file contains it. Everything else,
 * sslmode included, is libpq's default unless the connection string says otherwise. */
#ifndef DG_CONNECTORS_POSTGRES_H
#define DG_CONNECTORS_POSTGRES_H

#include "engine/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* libpq's PGconn and PGresult, by their struct tags: this header does not need libpq's. */
struct pg_conn;
struct pg_result;

/* Borrowed strings; NULL = not given. */
struct dg_pg_options {
    const char *db;            /* --db: a password in it is refused with EINVAL */
    const char *password_file; /* its first line is the password */
};

/* How long a call has been waiting for the server (postgres_guard.h). */
struct dg_pg_watch {
    atomic_llong since_ms; /* 0: none is */
    atomic_llong limit_ms; /* 0: as long as it takes */
    int fd;                /* a second one of the socket */
    bool listed;
    struct dg_pg *next;
};

/* One session. The object belongs to one thread at a time. */
struct dg_pg {
    struct pg_conn *conn;
    char place[256]; /* `database "ml" on db.example.org:5432 as writer`, for messages */
    bool renewed;    /* its owner connects again by itself: messages need not ask for that */
    struct dg_pg_watch watch;
};

/*
 * Connect: time zone UTC, client encoding UTF-8, application name driftgauge, and where nothing
 * else is said a connect timeout of 10 s. *out is owned by the caller. EINVAL: the connection
 * string or password file cannot be used; ECONNREFUSED: no session, whatever the reason (no server,
 * wrong password, no such database); ENOMEM.
 */
DG_MUST_CHECK int dg_pg_connect(const struct dg_pg_options *options, struct dg_pg **out,
                                struct dg_error *err);
void dg_pg_close(struct dg_pg *pg); /* NULL is fine */
/* Whether a failure to connect is one that somebody must act on, by the server's words: a password,
 * a name, a right. False: time may heal it, or the words are in another language. */
bool dg_pg_connect_hopeless(const struct dg_error *err);

/*
 * Run SQL. `what` completes "cannot ..." in messages: "read the schema". Errors:
 *   ECONNRESET  the connection is gone; what was not committed is not there
 *   EACCES      the role lacks a privilege          EROFS   the server or session is read-only
 *   ETIMEDOUT   a lock or statement timeout         ENOENT  a table or function does not exist
 *   ENOSPC      the server is out of space          EIO     anything else
 *   EAGAIN      a deadlock, a serialization failure, too many connections: the same may work again
 */

/* One or more statements; results are dropped. */
DG_MUST_CHECK int dg_pg_run(struct dg_pg *pg, const char *what, const char *sql,
                            struct dg_error *err);
/* One statement with n text parameters (NULL = null). *out is freed by PQclear / dg_pg_clear. */
DG_MUST_CHECK int dg_pg_query(struct dg_pg *pg, const char *what, const char *sql, int n,
                              const char *const values[], struct pg_result **out,
                              struct dg_error *err);
void dg_pg_clear(struct pg_result *result); /* NULL is fine */
/* The sentence and code for a result that failed, or for the connection (result NULL). */
int dg_pg_fail(const struct dg_pg *pg, const struct pg_result *result, const char *what,
               struct dg_error *err);

/* Cell as text; "" if null. Lives as long as the result. */
const char *dg_pg_text(const struct pg_result *result, int row, int column);
/* Cell as an integer; `otherwise` if null. */
long long dg_pg_integer(const struct pg_result *result, int row, int column, long long otherwise);

#endif
