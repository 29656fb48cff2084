/* What a judge has come to: its rows are kept here until it saves, then written in one transaction
 * with its checkpoint and the panes that it has settled. */
#include "connectors/postgres_ledger_parts.h"
#include "connectors/postgres_rows.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_BYTES (1u << 20) /* of merged panes in one statement */

/* The rows of one window, as bytes of the buffers. */
struct kept_window {
    struct dg_window_id id;
    size_t number; /* in the order given */
    size_t series_from, series_to, n_series;
    size_t slice_from, slice_to, n_slice;
    bool last; /* nobody gave this window again */
};

struct dg_live_results {
    struct dg_sink base;
    struct dg_pg_ledger *ledger;
    struct dg_ledger_stream *stream;
    uint64_t session; /* that plans, names and staging tables belong to; 0: none */
    struct dg_pg_run run;
    struct dg_pg_rows rows;
    struct kept_window *kept; /* [n_kept], [cap_kept] */
    size_t n_kept, cap_kept;
    bool in_window;
};

static struct dg_live_results *results_of(struct dg_sink *self)
{
    return (struct dg_live_results *)self;
}

static void forget_rows(struct dg_live_results *r)
{
    dg_copy_clear(&r->rows.series);
    dg_copy_clear(&r->rows.slice);
    r->n_kept = 0;
    r->in_window = false;
}

/* Whose results these are. */
static int find_run(struct dg_live_results *r, struct dg_error *err)
{
    struct dg_pg_ledger *l = r->ledger;
    struct pg_result *answer = NULL;
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, r->stream->stream);
    int code = dg_pg_ask(l->pg, "read a stream",
                         "SELECT monitor_id, config_id FROM driftgauge.live_stream WHERE stream_id "
                         "= $1 AND ended_at IS NULL",
                         &l->args, &answer, err);
    if (code == 0 && PQntuples(answer) == 0) {
        code = dg_ledger_ended(l, r->stream->stream, err);
    }
    if (code == 0) {
        r->run = (struct dg_pg_run){.tenant_id = l->tenant_id,
                                    .monitor_id = (int32_t)dg_pg_integer(answer, 0, 0, 0),
                                    .config_id = (int32_t)dg_pg_integer(answer, 0, 1, 0),
                                    .run_id = 0};
    }
    dg_pg_clear(answer);
    return code;
}

/* Plans and numbers of names are of one session: after a fail-over names may have other ones. */
static int prepare(struct dg_live_results *r, struct dg_error *err)
{
    if (r->session == r->ledger->session) {
        return 0;
    }
    forget_rows(r);
    dg_pg_rows_deinit(&r->rows);
    r->session = 0;
    int code = find_run(r, err);
    if (code == 0) {
        code = dg_pg_rows_init(&r->rows, r->ledger->pg, err);
    }
    if (code == 0) {
        r->session = r->ledger->session;
    }
    return code;
}

static int results_open(struct dg_sink *self, const struct dg_run_info *info, struct dg_error *err)
{
    (void)self;
    (void)info;
    (void)err;
    return 0; /* everything is known since the stream was opened */
}

static int grow_kept(struct dg_live_results *r, struct dg_error *err)
{
    if (r->n_kept < r->cap_kept) {
        return 0;
    }
    const size_t cap = r->cap_kept == 0 ? 16 : 2 * r->cap_kept;
    struct kept_window *grown = realloc(r->kept, cap * sizeof *grown);
    if (grown == NULL) {
        return dg_fail_memory(err);
    }
    r->kept = grown;
    r->cap_kept = cap;
    return 0;
}

/* Where the next row begins. */
static size_t end_of(const struct dg_copy *c)
{
    return c->rows == 0 ? DG_COPY_HEAD : c->len;
}

static int results_window_begin(struct dg_sink *self, const struct dg_window_id *w,
                                struct dg_error *err)
{
    struct dg_live_results *r = results_of(self);
    struct dg_pg_ledger *l = r->ledger;
    struct dg_ledger_stream *s = NULL;
    DG_ASSERT(!r->in_window);
    int code = dg_ledger_judging(l, r->stream->stream, &s, err);
    if (code != 0) {
        return code;
    }
    code = prepare(r, err);
    if (code == 0) {
        code = dg_ledger_stay(l, err);
    }
    if (code == 0) {
        code = dg_pg_rows_window(&r->rows, l->pg, &r->run, w, err);
    }
    if (code == 0) {
        code = grow_kept(r, err);
    }
    if (code == 0) {
        r->kept[r->n_kept] = (struct kept_window){.id = *w,
                                                  .number = r->n_kept,
                                                  .series_from = end_of(&r->rows.series),
                                                  .n_series = r->rows.series.rows,
                                                  .slice_from = end_of(&r->rows.slice),
                                                  .n_slice = r->rows.slice.rows};
        r->in_window = true;
    }
    return dg_ledger_judged(l, s, code, err);
}

static int results_series(struct dg_sink *self, const struct dg_series_row *row,
                          struct dg_error *err)
{
    struct dg_live_results *r = results_of(self);
    struct dg_ledger_stream *s = NULL;
    DG_ASSERT(r->in_window);
    int code = dg_ledger_judging(r->ledger, r->stream->stream, &s, err);
    if (code == 0) {
        code = dg_pg_rows_series(&r->rows, r->ledger->pg, &r->run, row, err);
        code = dg_ledger_judged(r->ledger, s, code, err);
    }
    return code;
}

static int results_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct dg_live_results *r = results_of(self);
    struct dg_ledger_stream *s = NULL;
    DG_ASSERT(r->in_window);
    int code = dg_ledger_judging(r->ledger, r->stream->stream, &s, err);
    if (code == 0) {
        code = dg_pg_rows_slice(&r->rows, r->ledger->pg, &r->run, row, err);
        code = dg_ledger_judged(r->ledger, s, code, err);
    }
    return code;
}

static int results_window_end(struct dg_sink *self, struct dg_error *err)
{
    struct dg_live_results *r = results_of(self);
    struct kept_window *k = &r->kept[r->n_kept];
    DG_ASSERT(r->in_window);
    r->in_window = false;
    if (r->rows.series.failed || r->rows.slice.failed) {
        return dg_fail_memory(err);
    }
    k->series_to = end_of(&r->rows.series);
    k->slice_to = end_of(&r->rows.slice);
    k->n_series = r->rows.series.rows - k->n_series;
    k->n_slice = r->rows.slice.rows - k->n_slice;
    r->n_kept++;
    return 0;
}

static int results_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                          struct dg_error *err)
{
    (void)self;
    (void)totals;
    (void)err;
    return 0; /* a live stream has no end */
}

static void results_close(struct dg_sink *self)
{
    (void)self; /* the ledger's */
}

static const struct dg_sink_ops results_ops = {
    .name = "postgres-live",
    .open = results_open,
    .window_begin = results_window_begin,
    .series = results_series,
    .slice = results_slice,
    .window_end = results_window_end,
    .finish = results_finish,
    .close = results_close,
};

/* Out of memory shows when the first window begins: the sink must be somewhere. */
struct dg_sink *dg_ledger_results(struct dg_ledger *self, int32_t stream)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    if (s != NULL && s->results == NULL) {
        s->results = calloc(1, sizeof *s->results);
        if (s->results != NULL) {
            s->results->base.ops = &results_ops;
            s->results->ledger = l;
            s->results->stream = s;
        }
    }
    return s == NULL || s->results == NULL ? NULL : &s->results->base;
}

void dg_ledger_discard(struct dg_ledger *self, int32_t stream)
{
    struct dg_ledger_stream *s = dg_ledger_stream(dg_pg_ledger_of(self), stream);
    if (s != NULL && s->results != NULL) {
        forget_rows(s->results);
    }
}

void dg_live_results_close(struct dg_live_results *r)
{
    if (r != NULL) {
        dg_pg_rows_deinit(&r->rows);
        free(r->kept);
        free(r);
    }
}

static int by_window(const void *a, const void *b)
{
    const struct kept_window *x = a, *y = b;
    if (x->id.end_us != y->id.end_us) {
        return x->id.end_us < y->id.end_us ? -1 : 1;
    }
    if (x->id.size_us != y->id.size_us) {
        return x->id.size_us < y->id.size_us ? -1 : 1;
    }
    return x->number < y->number ? -1 : 1;
}

static int by_number(const void *a, const void *b)
{
    const struct kept_window *x = a, *y = b;
    return x->number < y->number ? -1 : 1;
}

static void close_up(struct dg_copy *c, size_t *to, size_t from, size_t end)
{
    memmove(c->data + *to, c->data + from, end - from);
    *to += end - from;
}

/* Of a window that was given twice the last counts: take the others out of the buffers. */
static void drop_repeated(struct dg_live_results *r)
{
    qsort(r->kept, r->n_kept, sizeof *r->kept, by_window);
    size_t repeated = 0;
    for (size_t i = 0; i < r->n_kept; i++) {
        const struct kept_window *k = &r->kept[i];
        r->kept[i].last = i + 1 == r->n_kept || k[1].id.end_us != k->id.end_us ||
                          k[1].id.size_us != k->id.size_us;
        repeated += !r->kept[i].last;
    }
    qsort(r->kept, r->n_kept, sizeof *r->kept, by_number);
    if (repeated == 0) {
        return;
    }
    size_t n = 0, series = DG_COPY_HEAD, slice = DG_COPY_HEAD;
    r->rows.series.rows = r->rows.slice.rows = 0;
    for (size_t i = 0; i < r->n_kept; i++) {
        struct kept_window k = r->kept[i];
        if (!k.last) {
            continue;
        }
        const size_t series_to = series, slice_to = slice;
        if (k.n_series > 0) {
            close_up(&r->rows.series, &series, k.series_from, k.series_to);
        }
        if (k.n_slice > 0) {
            close_up(&r->rows.slice, &slice, k.slice_from, k.slice_to);
        }
        k.series_from = series_to;
        k.series_to = series;
        k.slice_from = slice_to;
        k.slice_to = slice;
        k.number = n;
        r->rows.series.rows += k.n_series;
        r->rows.slice.rows += k.n_slice;
        r->kept[n++] = k;
    }
    r->n_kept = n;
    r->rows.series.len = r->rows.series.rows == 0 ? 0 : series;
    r->rows.slice.len = r->rows.slice.rows == 0 ? 0 : slice;
}

static int stage_windows(struct dg_live_results *r, const char *range[2],
                         char text[2][DG_TIME_TEXT], struct dg_error *err)
{
    struct dg_pg *pg = r->ledger->pg;
    struct dg_copy windows = {0};
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t i = 0; i < r->n_kept; i++) {
        const struct dg_window_id *w = &r->kept[i].id;
        dg_pg_rows_put_window(&r->run, w, &windows);
        first = w->end_us < first ? w->end_us : first;
        last = w->end_us > last ? w->end_us : last;
    }
    range[0] = dg_time_format(first, text[0]);
    range[1] = dg_time_format(last, text[1]);
    int code = dg_copy_send(&windows, pg, dg_pg_copy_window, err);
    if (code == 0) {
        code = dg_pg_run(pg, "write results", "ANALYZE pg_temp.stage_window", err);
    }
    dg_copy_deinit(&windows);
    return code;
}

/* The rows of one table: what is new or differs is added, what the windows lack now is retired. */
static int write_table(struct dg_pg *pg, struct dg_copy *c, const struct dg_pg_plan *plan,
                       const char *const range[2], uint64_t *written, struct dg_error *err)
{
    struct pg_result *added = NULL, *retired = NULL;
    int code = 0;
    if (c->rows > 0) {
        code = dg_copy_send_kept(c, pg, plan->copy, err);
        if (code == 0) {
            code = dg_pg_query(pg, "write results", plan->revise, 2, range, &added, err);
        }
    }
    if (code == 0) {
        code = dg_pg_query(pg, "retire results", plan->retire, 2, range, &retired, err);
    }
    if (code == 0 && added != NULL) {
        *written += (uint64_t)dg_ledger_count(added);
    }
    dg_pg_clear(added);
    dg_pg_clear(retired);
    return code;
}

static int write_results(struct dg_live_results *r, uint64_t *written, struct dg_error *err)
{
    if (r == NULL || r->n_kept == 0) {
        return 0;
    }
    const char *range[2];
    char text[2][DG_TIME_TEXT];
    drop_repeated(r);
    int code = stage_windows(r, range, text, err);
    if (code == 0) {
        code =
            write_table(r->ledger->pg, &r->rows.series, &r->rows.series_plan, range, written, err);
    }
    if (code == 0) {
        code = write_table(r->ledger->pg, &r->rows.slice, &r->rows.slice_plan, range, written, err);
    }
    return code;
}

static int write_checkpoint(struct dg_pg_ledger *l, int32_t stream, const struct dg_judgement *j,
                            struct dg_error *err)
{
    if (j->checkpoint == NULL) {
        return 0;
    }
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, stream);
    dg_pg_args_int2(&l->args, l->tenant_id);
    dg_pg_args_bytea(&l->args, j->checkpoint, j->checkpoint_len);
    return dg_ledger_run(l, "write a judge's checkpoint",
                         "INSERT INTO driftgauge.live_checkpoint (stream_id, tenant_id, state) "
                         "VALUES ($1, $2, $3) ON CONFLICT (stream_id) DO UPDATE SET state = "
                         "excluded.state, saved_at = excluded.saved_at",
                         err);
}

/* Deltas that this judge has not read stay: it will be told of them, and says so. Those of panes
 * that were merged before stay as well: they came too late for that, and windows may hold them. */
static int delete_deltas(struct dg_pg_ledger *l, const struct dg_ledger_stream *s,
                         const struct dg_judgement *j, struct dg_error *err)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, s->stream);
    dg_pg_args_int8(a, j->merged_from_us);
    dg_pg_args_int8(a, j->settled_us);
    dg_pg_args_int8(a, j->forget_us);
    dg_ledger_seen_args(a, s);
    return dg_ledger_run(l, "delete settled deltas",
                         "DELETE FROM driftgauge.pane_delta d USING unnest($5::int4[], "
                         "$6::int8[]) x (id, seq) WHERE d.stream_id = $1 AND (d.pane_us < $4 OR "
                         "(d.pane_us >= $2 AND d.pane_us < $3)) AND d.position_id = x.id AND "
                         "d.seq <= x.seq",
                         err);
}

static int delete_states(struct dg_pg_ledger *l, int32_t stream, const struct dg_judgement *j,
                         struct dg_error *err)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, stream);
    dg_pg_args_int8(a, j->forget_us);
    dg_pg_args_array(a, DG_PG_INT8, j->n_merged);
    for (size_t i = 0; i < j->n_merged; i++) {
        dg_copy_int64(&a->buf, j->merged[i].pane_us);
    }
    dg_pg_args_array_end(a);
    return dg_ledger_run(l, "delete panes that nobody needs",
                         "DELETE FROM driftgauge.pane_state WHERE stream_id = $1 AND (pane_us < $2 "
                         "OR pane_us = ANY ($3))",
                         err);
}

static int insert_states(struct dg_pg_ledger *l, int32_t stream, const struct dg_packed_row row[],
                         size_t n, struct dg_error *err)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, stream);
    dg_pg_args_int2(a, l->tenant_id);
    dg_pg_args_array(a, DG_PG_INT8, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_int64(&a->buf, row[i].pane_us);
    }
    dg_pg_args_array_end(a);
    dg_pg_args_array(a, DG_PG_BYTEA, n);
    for (size_t i = 0; i < n; i++) {
        dg_copy_bytes(&a->buf, row[i].bytes, row[i].n);
    }
    dg_pg_args_array_end(a);
    return dg_ledger_run(l, "write settled panes",
                         "INSERT INTO driftgauge.pane_state (stream_id, tenant_id, pane_us, body) "
                         "SELECT $1, $2, x.* FROM unnest($3::int8[], $4::bytea[]) x",
                         err);
}

static int write_panes(struct dg_pg_ledger *l, const struct dg_ledger_stream *s,
                       const struct dg_judgement *j, struct dg_error *err)
{
    int code = 0;
    if (j->settled_us != INT64_MIN || j->forget_us != INT64_MIN) {
        code = delete_deltas(l, s, j, err);
    }
    if (code == 0 && (j->forget_us != INT64_MIN || j->n_merged > 0)) {
        code = delete_states(l, s->stream, j, err);
    }
    for (size_t from = 0, i = 0, bytes = 0; i < j->n_merged && code == 0; i++) {
        bytes += j->merged[i].n;
        if (bytes >= ROWS_BYTES || i + 1 == j->n_merged) {
            code = insert_states(l, s->stream, j->merged + from, i + 1 - from, err);
            from = i + 1;
            bytes = 0;
        }
    }
    return code;
}

/* The stream goes on: whoever would end it waits until this is done. */
static int begin_save(struct dg_pg_ledger *l, int32_t stream, struct dg_error *err)
{
    struct pg_result *r = NULL;
    int code = dg_pg_run(l->pg, "save",
                         "BEGIN; SET LOCAL statement_timeout = '10min'; SET LOCAL "
                         "driftgauge.supersede = 'done'; SET LOCAL driftgauge.save = 'judge'",
                         err);
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, stream);
        code = dg_pg_ask(l->pg, "save",
                         "SELECT 1 FROM driftgauge.live_stream WHERE stream_id = $1 AND ended_at "
                         "IS NULL FOR KEY SHARE",
                         &l->args, &r, err);
    }
    if (code == 0 && PQntuples(r) == 0) {
        code = dg_ledger_ended(l, stream, err);
    }
    dg_pg_clear(r);
    return code;
}

int dg_ledger_save(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
                   uint64_t *written, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    struct dg_ledger_stream *s = NULL;
    uint64_t n = 0;
    int code = dg_ledger_judging(l, stream, &s, err);
    if (code != 0) {
        return code;
    }
    DG_ASSERT(s->read && (s->results == NULL || !s->results->in_window));
    code = begin_save(l, stream, err);
    if (code == 0) {
        code = write_results(s->results, &n, err);
    }
    if (code == 0) {
        code = write_checkpoint(l, stream, j, err);
    }
    if (code == 0) {
        code = write_panes(l, s, j, err);
    }
    if (code == 0) {
        code = dg_ledger_gaps(l, j->gap, j->n_gaps, err);
    }
    if (code == 0) {
        code = dg_pg_run(l->pg, "save", "COMMIT", err);
    }
    if (code == 0) {
        *written = n;
        dg_ledger_discard(self, stream);
    }
    return dg_ledger_judged(l, s, code, err);
}
