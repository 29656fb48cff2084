#include "connectors/postgres_pipe.h"

#include "connectors/postgres_guard.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

void dg_pg_args_deinit(struct dg_pg_args *a)
{
    dg_copy_deinit(&a->buf);
    *a = (struct dg_pg_args){0};
}

void dg_pg_args_clear(struct dg_pg_args *a)
{
    dg_copy_clear(&a->buf);
    a->n = 0;
}

static void begin(struct dg_pg_args *a, uint32_t type)
{
    DG_ASSERT(a->n < DG_PG_ARGS_MAX);
    a->type[a->n] = type;
    a->start[a->n] = a->buf.len;
}

static void end(struct dg_pg_args *a)
{
    a->end[a->n] = a->buf.len;
    a->n++;
}

/* Fields of COPY are what parameters are, with their length before them. */
static void end_sized(struct dg_pg_args *a)
{
    a->start[a->n] += 4;
    end(a);
}

void dg_pg_args_int2(struct dg_pg_args *a, int x)
{
    begin(a, DG_PG_INT2);
    dg_copy_int16(&a->buf, x);
    end_sized(a);
}

void dg_pg_args_int4(struct dg_pg_args *a, int32_t x)
{
    begin(a, DG_PG_INT4);
    dg_copy_int32(&a->buf, x);
    end_sized(a);
}

void dg_pg_args_int8(struct dg_pg_args *a, int64_t x)
{
    begin(a, DG_PG_INT8);
    dg_copy_int64(&a->buf, x);
    end_sized(a);
}

void dg_pg_args_text(struct dg_pg_args *a, const char *text)
{
    begin(a, DG_PG_TEXT);
    dg_copy_text(&a->buf, text);
    end_sized(a);
}

void dg_pg_args_bytea(struct dg_pg_args *a, const uint8_t bytes[], size_t n)
{
    begin(a, DG_PG_BYTEA);
    dg_copy_bytes(&a->buf, bytes, n);
    end_sized(a);
}

static uint32_t array_of(uint32_t element_type)
{
    switch (element_type) {
    case DG_PG_BOOL:
        return 1000;
    case DG_PG_BYTEA:
        return 1001;
    case DG_PG_INT8:
        return 1016;
    case DG_PG_INT4:
        return 1007;
    default:
        DG_ASSERT(element_type == DG_PG_TEXT);
        return 1009;
    }
}

void dg_pg_args_array(struct dg_pg_args *a, uint32_t element_type, size_t n)
{
    begin(a, array_of(element_type));
    dg_copy_array(&a->buf, element_type, n);
}

void dg_pg_args_array_end(struct dg_pg_args *a)
{
    end(a);
}

void dg_pg_args_int4s(struct dg_pg_args *a, const int32_t x[], size_t n)
{
    dg_pg_args_array(a, DG_PG_INT4, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int32(&a->buf, x[i]);
    }
    dg_pg_args_array_end(a);
}

void dg_pg_args_int8s(struct dg_pg_args *a, const int64_t x[], size_t n)
{
    dg_pg_args_array(a, DG_PG_INT8, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int64(&a->buf, x[i]);
    }
    dg_pg_args_array_end(a);
}

int dg_pg_send(struct dg_pg *pg, const char *what, const char *sql, const struct dg_pg_args *args,
               bool binary, struct dg_error *err)
{
    static const struct dg_pg_args none;
    const struct dg_pg_args *a = args == NULL ? &none : args;
    const char *value[DG_PG_ARGS_MAX];
    int length[DG_PG_ARGS_MAX];
    int format[DG_PG_ARGS_MAX];
    if (a->buf.failed) {
        return dg_fail_memory(err);
    }
    for (int i = 0; i < a->n; i++) {
        value[i] = (const char *)a->buf.data + a->start[i];
        length[i] = (int)(a->end[i] - a->start[i]);
        format[i] = 1;
    }
    dg_pg_wait_begin(pg); /* for room in the socket */
    const int sent = PQsendQueryParams(pg->conn, sql, a->n, a->type, value, length, format, binary);
    dg_pg_wait_end(pg);
    if (sent != 1) {
        return dg_pg_fail(pg, NULL, what, err);
    }
    return 0;
}

static bool good(const PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

int dg_pg_ask(struct dg_pg *pg, const char *what, const char *sql, const struct dg_pg_args *args,
              struct pg_result **out, struct dg_error *err)
{
    int code = dg_pg_send(pg, what, sql, args, false, err);
    PGresult *first = NULL;
    PGresult *r;
    while (code == 0 && (r = dg_pg_next(pg)) != NULL) {
        if (first == NULL) {
            first = r;
        } else {
            PQclear(r);
        }
    }
    if (code == 0 && (first == NULL || !good(first))) {
        code = dg_pg_fail(pg, first, what, err);
    }
    if (code != 0) {
        PQclear(first);
        return code;
    }
    *out = first;
    return 0;
}

int dg_pg_pipe_begin(struct dg_pg *pg, struct dg_error *err)
{
    if (PQenterPipelineMode(pg->conn) != 1) {
        return dg_pg_fail(pg, NULL, "begin a batch of statements", err);
    }
    return 0;
}

int dg_pg_pipe_send(struct dg_pg *pg, const char *what, const char *sql,
                    const struct dg_pg_args *args, struct dg_error *err)
{
    return dg_pg_send(pg, what, sql, args, false, err);
}

/* The results of one statement: the first is kept. Null when the connection is gone. */
static PGresult *take(struct dg_pg *pg)
{
    PGresult *first = dg_pg_next(pg);
    if (first == NULL || PQresultStatus(first) == PGRES_PIPELINE_SYNC) {
        return first;
    }
    PGresult *r;
    while (!dg_pg_lost(pg) && (r = dg_pg_next(pg)) != NULL) {
        PQclear(r);
    }
    return first;
}

static void push(struct pg_result *last[], size_t n, PGresult *r)
{
    if (n == 0) {
        PQclear(r);
        return;
    }
    PQclear(last[0]);
    memmove(last, last + 1, (n - 1) * sizeof *last);
    last[n - 1] = r;
}

int dg_pg_pipe_finish(struct dg_pg *pg, const char *what, int code, size_t n,
                      struct pg_result *last[], struct dg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        last[i] = NULL;
    }
    if (PQpipelineStatus(pg->conn) == PQ_PIPELINE_OFF) {
        return code;
    }
    dg_pg_wait_begin(pg);
    bool done = PQpipelineSync(pg->conn) != 1;
    dg_pg_wait_end(pg);
    if (done && code == 0) {
        code = dg_pg_fail(pg, NULL, what, err);
    }
    while (!done) {
        PGresult *r = take(pg);
        const bool sync = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        if (code == 0 && !sync && (r == NULL || !good(r))) {
            code = dg_pg_fail(pg, r, what, err);
        }
        done = sync || r == NULL || dg_pg_lost(pg);
        if (sync) {
            PQclear(r);
        } else {
            push(last, n, r);
        }
    }
    if (PQexitPipelineMode(pg->conn) != 1 && code == 0) {
        code = dg_pg_fail(pg, NULL, what, err);
    }
    return code;
}

long long dg_pg_changed(struct pg_result *result)
{
    return strtoll(PQcmdTuples(result), NULL, 10);
}

bool dg_pg_lost(const struct dg_pg *pg)
{
    return PQstatus(pg->conn) != CONNECTION_OK;
}
