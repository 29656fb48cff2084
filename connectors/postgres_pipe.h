/* connectors/postgres_pipe.h -- statements with binary parameters, several in one round trip. */
#ifndef DG_CONNECTORS_POSTGRES_PIPE_H
#define DG_CONNECTORS_POSTGRES_PIPE_H

#include "connectors/postgres_copy.h"

/* PostgreSQL's numbers of types. */
#define DG_PG_BOOL  16
#define DG_PG_BYTEA 17
#define DG_PG_INT8  20
#define DG_PG_INT2  21
#define DG_PG_INT4  23
#define DG_PG_TEXT  25

#define DG_PG_ARGS_MAX 16

/* Parameters $1 .. $n of a statement. A zeroed struct is empty; one is reused for many statements.
 * Lack of memory is reported by sending. */
struct dg_pg_args {
    struct dg_copy buf; /* the values, each in its binary form */
    int n;
    size_t start[DG_PG_ARGS_MAX], end[DG_PG_ARGS_MAX];
    uint32_t type[DG_PG_ARGS_MAX];
};

void dg_pg_args_deinit(struct dg_pg_args *a);
void dg_pg_args_clear(struct dg_pg_args *a); /* none; keeps the memory */
void dg_pg_args_int2(struct dg_pg_args *a, int x);
void dg_pg_args_int4(struct dg_pg_args *a, int32_t x);
void dg_pg_args_int8(struct dg_pg_args *a, int64_t x);
void dg_pg_args_text(struct dg_pg_args *a, const char *text);
void dg_pg_args_bytea(struct dg_pg_args *a, const uint8_t bytes[], size_t n);
/* An array of n elements: dg_copy_* of that element type on a->buf, n times, then array_end. */
void dg_pg_args_array(struct dg_pg_args *a, uint32_t element_type, size_t n);
void dg_pg_args_array_end(struct dg_pg_args *a);
/* Whole arrays. */
void dg_pg_args_int4s(struct dg_pg_args *a, const int32_t x[], size_t n);
void dg_pg_args_int8s(struct dg_pg_args *a, const int64_t x[], size_t n);

/* One statement and its answer in text. Errors of dg_pg_query. `args` NULL: none. */
DG_MUST_CHECK int dg_pg_ask(struct dg_pg *pg, const char *what, const char *sql,
                            const struct dg_pg_args *args, struct pg_result **out,
                            struct dg_error *err);

/* Send one statement, its answer in text or binary, and return: PQgetResult comes next. */
DG_MUST_CHECK int dg_pg_send(struct dg_pg *pg, const char *what, const char *sql,
                             const struct dg_pg_args *args, bool binary, struct dg_error *err);

/* Several statements in one round trip: begin, send .., finish. When one fails those after it are
 * not run. */
DG_MUST_CHECK int dg_pg_pipe_begin(struct dg_pg *pg, struct dg_error *err);
DG_MUST_CHECK int dg_pg_pipe_send(struct dg_pg *pg, const char *what, const char *sql,
                                  const struct dg_pg_args *args, struct dg_error *err);
/* Take all answers; those of the last `n` statements sent go into last[n] (NULL where there is
 * none), to be cleared by the caller. `code` is what begin and send gave: not 0, it is returned
 * after clearing up. Errors of dg_pg_query: of the first statement that failed. */
DG_MUST_CHECK int dg_pg_pipe_finish(struct dg_pg *pg, const char *what, int code, size_t n,
                                    struct pg_result *last[], struct dg_error *err);

/* Rows that a statement changed. */
long long dg_pg_changed(struct pg_result *result);
/* The connection is known to be gone. */
bool dg_pg_lost(const struct dg_pg *pg);

#endif
