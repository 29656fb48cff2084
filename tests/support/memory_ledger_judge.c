#include "tests/support/memory_ledger_private.h"

#include "stats/category.h"
#include "tests/support/text_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    struct dg_sink base;
    struct session *session;
    int32_t stream;
    struct dg_bytes text;
    struct dg_sink *writer;
};

static struct reading *reading_of(struct session *s, int32_t stream)
{
    for (size_t i = 0; i < s->n_reading; i++) {
        if (s->reading[i].stream == stream) {
            return &s->reading[i];
        }
    }
    struct reading *r = more(&s->reading, s->n_reading++, sizeof *r);
    r->stream = stream;
    return r;
}

int judge_lock(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err)
{
    struct session *s = (struct session *)self;
    pthread_mutex_lock(&s->db->lock);
    const int rc = away(s->db, err);
    if (rc == 0) {
        struct stream *of = stream_of(s->db, stream);
        of->judge = of->judge == NULL ? s : of->judge;
        *held = of->judge == s;
    }
    pthread_mutex_unlock(&s->db->lock);
    return rc;
}

static int not_judge(struct dg_error *err)
{
    return dg_fail(err, ESTALE, "the judge's lock was lost with its session");
}

static int tell_rows(const struct stream *s, uint64_t after, const struct dg_ledger_reader *reader,
                     struct dg_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < s->n_rows && rc == 0; i++) {
        const struct delta_row *r = &s->row[i];
        if (after == 0 || (r->commit > after && !r->merged)) {
            rc = reader->row(reader->arg, r->pane_us, r->bytes, r->n, err);
        }
    }
    return rc;
}

static int tell(struct session *session, int32_t stream, bool all,
                const struct dg_ledger_reader *reader, struct dg_error *err)
{
    struct memory_db *db = session->db;
    const struct stream *s = stream_of(db, stream);
    struct reading *r = reading_of(session, stream);
    int rc = all && s->has_checkpoint
                 ? reader->checkpoint(reader->arg, s->checkpoint, s->checkpoint_len, err)
                 : 0;
    for (uint32_t i = all ? 0 : r->groups; i < s->n_groups && rc == 0; i++) {
        rc = reader->group(reader->arg, i, s->group[i].version, s->group[i].variant, err);
    }
    rc = rc != 0 ? rc : tell_rows(s, all ? 0 : r->commit, reader, err);
    for (size_t i = 0; i < db->n_positions && rc == 0; i++) {
        if (db->position[i].stream == stream) {
            rc = reader->position(reader->arg, &db->position[i], err);
        }
    }
    if (rc == 0) {
        r->commit = db->commits;
        r->groups = s->n_groups;
    }
    return rc;
}

int judge_read(struct dg_ledger *self, int32_t stream, bool all,
               const struct dg_ledger_reader *reader, struct dg_error *err)
{
    struct session *s = (struct session *)self;
    pthread_mutex_lock(&s->db->lock);
    int rc = away(s->db, err);
    if (rc == 0 && stream_of(s->db, stream)->judge != s) {
        rc = not_judge(err);
    }
    /* Before the first commit there is nothing, so that "since 0" is everything. */
    rc = rc != 0 ? rc : tell(s, stream, all, reader, err);
    pthread_mutex_unlock(&s->db->lock);
    return rc;
}

static void drop_row(struct stream *s, size_t at)
{
    free(s->row[at].bytes);
    memmove(&s->row[at], &s->row[at + 1], (--s->n_rows - at) * sizeof *s->row);
}

/* Rows that the judge has read and merged, or needs no longer. */
static void settle(struct stream *s, const struct reading *r, const struct dg_judgement *j)
{
    for (size_t i = 0; i < s->n_rows;) {
        const struct delta_row *row = &s->row[i];
        const bool merged = row->pane_us >= j->merged_from_us && row->pane_us < j->settled_us;
        if (row->commit <= r->commit && (row->pane_us < j->forget_us || merged)) {
            drop_row(s, i);
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < j->n_merged; i++) {
        DG_ASSERT(j->merged[i].pane_us >= j->merged_from_us &&
                  j->merged[i].pane_us < j->settled_us);
        keep_row(s, &j->merged[i], r->commit, true);
    }
}

static uint64_t keep_results(struct stream *s, const struct reading *r)
{
    uint64_t written = 0;
    for (size_t i = 0; i < r->n_kept; i++) {
        size_t at = 0;
        while (at < s->n_results && (s->result[at].hash != r->kept[i].hash ||
                                     strcmp(s->result[at].key, r->kept[i].key) != 0)) {
            at++;
        }
        if (at == s->n_results) {
            struct result_row *row = more(&s->result, s->n_results++, sizeof *row);
            row->hash = r->kept[i].hash;
            row->key = copy_text(r->kept[i].key);
            row->text = copy_text("");
        }
        struct result_row *row = &s->result[at];
        if (strcmp(row->text, r->kept[i].text) != 0) {
            free(row->text);
            row->text = copy_text(r->kept[i].text);
            row->revision++;
            written++;
        }
    }
    return written;
}

static void forget_kept(struct reading *r)
{
    free_results(r->kept, r->n_kept);
    r->kept = NULL;
    r->n_kept = 0;
}

int judge_save(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
               uint64_t *written, struct dg_error *err)
{
    struct session *session = (struct session *)self;
    struct memory_db *db = session->db;
    pthread_mutex_lock(&db->lock);
    struct stream *s = stream_of(db, stream);
    struct reading *r = reading_of(session, stream);
    int rc = s->judge != session ? not_judge(err) : r->saved ? 0 : away(db, err);
    if (rc == 0 && !r->saved) {
        r->saved_rows = keep_results(s, r);
        if (j->checkpoint != NULL) {
            free(s->checkpoint);
            s->checkpoint = copy_bytes(j->checkpoint, j->checkpoint_len);
            s->checkpoint_len = j->checkpoint_len;
            s->has_checkpoint = true;
        }
        settle(s, r, j);
        keep_gaps(db, j->gap, j->n_gaps);
        r->saved = strikes(db, db->faults.after);
        rc = r->saved ? dg_fail(err, EAGAIN, "the outcome of save is not known") : 0;
    }
    if (rc == 0) {
        r->saved = false;
        *written = r->saved_rows;
        forget_kept(r);
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

void judge_discard(struct dg_ledger *self, int32_t stream)
{
    struct reading *r = reading_of((struct session *)self, stream);
    r->saved = false;
    forget_kept(r);
}

/* -- results -- */

static int sink_keep(struct sink *k, const struct dg_window_id *w, const struct dg_slice_name *s,
                     const char *column, const char *baseline)
{
    struct reading *r = reading_of(k->session, k->stream);
    struct result_row *row = more(&r->kept, r->n_kept++, sizeof *row);
    DG_ASSERT(asprintf(&row->key, "%" PRId64 "|%" PRId64 "|%s|%s|%s|%s|%s", w->end_us, w->size_us,
                       s->version, s->variant, s->segment, column, baseline) > 0);
    row->hash = dg_hash_key(row->key, strlen(row->key));
    row->text = must(strndup((const char *)k->text.data, k->text.len));
    dg_bytes_clear(&k->text);
    return 0;
}

static int sink_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct sink *k = (struct sink *)self;
    const int rc = k->writer->ops->series(k->writer, row, err);
    return rc != 0 ? rc : sink_keep(k, &row->window, &row->slice, row->column, row->baseline);
}

static int sink_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct sink *k = (struct sink *)self;
    const int rc = k->writer->ops->slice(k->writer, row, err);
    return rc != 0 ? rc : sink_keep(k, &row->window, &row->slice, "", "");
}

static int sink_open(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err)
{
    (void)self;
    (void)run;
    (void)err;
    return 0;
}

static int sink_begin(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    (void)self;
    (void)w;
    (void)err;
    return 0;
}

static int sink_end(struct dg_sink *self, struct dg_error *err)
{
    (void)self;
    (void)err;
    return 0;
}

static int sink_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                       struct dg_error *err)
{
    (void)self;
    (void)totals;
    (void)err;
    return 0;
}

static void sink_close(struct dg_sink *self)
{
    (void)self; /* is the ledger's */
}

static const struct dg_sink_ops MEMORY_SINK = {
    .name = "memory ledger",
    .open = sink_open,
    .window_begin = sink_begin,
    .series = sink_series,
    .slice = sink_slice,
    .window_end = sink_end,
    .finish = sink_finish,
    .close = sink_close,
};

struct dg_sink *judge_results(struct dg_ledger *self, int32_t stream)
{
    struct session *s = (struct session *)self;
    struct reading *r = reading_of(s, stream);
    if (r->sink == NULL) {
        r->sink = must(calloc(1, sizeof *r->sink));
        *r->sink = (struct sink){.base = {&MEMORY_SINK}, .session = s, .stream = stream};
        r->sink->writer = text_sink_open(&r->sink->text);
    }
    return &r->sink->base;
}

void free_readings(struct session *s)
{
    for (size_t i = 0; i < s->n_reading; i++) {
        struct reading *r = &s->reading[i];
        forget_kept(r);
        if (r->sink != NULL) {
            r->sink->writer->ops->close(r->sink->writer);
            dg_bytes_deinit(&r->sink->text);
            free(r->sink);
        }
    }
    free(s->reading);
}
