/* The ledger as the daemon sees it: every call's outcome goes to the board and the log. */
#include "connectors/postgres_ledger.h"
#include "engine/cli/run.h"
#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define BEAT_ROWS 256

struct witness {
    struct dg_ledger base;
    struct dg_ledger *inner;
    struct dg_board *board;
    char who[16];
    enum dg_part_state state;
    int64_t since_us;  /* of the state */
    uint64_t set_back; /* told the board */
};

static const char *state_event(enum dg_part_state s)
{
    return s == DG_STATE_FAILED ? "failed" : "blocked";
}

/* Note what a call came to; returns rc. */
static int note(struct witness *w, int rc, const struct dg_error *err)
{
    if (w->inner->set_back != w->set_back) {
        dg_board_add(w->board, DG_COUNT_LEDGER_SET_BACK, w->inner->set_back - w->set_back);
        w->set_back = w->inner->set_back;
    }
    /* ESTALE is an answer like any other; memory is not the ledger's; an unfinished run is ours. */
    const enum dg_part_state now = rc == 0 || rc == ESTALE || rc == ENOMEM || rc == EINTR
                                       ? DG_STATE_OK
                                   : rc == EAGAIN || rc == EIDRM ? DG_STATE_BLOCKED
                                                                 : DG_STATE_FAILED;
    const char *words = err != NULL && now != DG_STATE_OK ? err->message : "";
    const enum dg_part_state before = w->state;
    if (now == DG_STATE_OK && before == DG_STATE_OK) {
        return rc;
    }
    dg_board_state(w->board, DG_PART_LEDGER, w->who, now, "%s", words);
    w->state = now;
    if (now != DG_STATE_OK && now != before) {
        w->since_us = dg_steady_us();
        dg_log(now == DG_STATE_FAILED ? DG_LOG_ERROR : DG_LOG_WARNING, state_event(now), "%s: %s",
               w->who, words);
    } else if (now == DG_STATE_OK && before != DG_STATE_STARTING) {
        dg_board_add(w->board, DG_COUNT_LEDGER_RECONNECTS, 1);
        dg_log(DG_LOG_INFO, "resumed", "%s: the database is back after %.1f s", w->who,
               (double)(dg_steady_us() - w->since_us) / 1e6);
    }
    return rc;
}

static struct witness *of(struct dg_ledger *self)
{
    return (struct witness *)self;
}

static int open_stream(struct dg_ledger *self, const struct dg_stream_key *key, int32_t *stream,
                       bool *replaced, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->open_stream(w->inner, key, stream, replaced, err), err);
}

static int streams(struct dg_ledger *self, const char *name,
                   int (*tell)(void *arg, const struct dg_known_stream *s, struct dg_error *err),
                   void *arg, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->streams(w->inner, name, tell, arg, err), err);
}

static int texts(struct dg_ledger *self, int32_t stream,
                 int (*tell)(void *arg, const struct dg_stream_text *t, struct dg_error *err),
                 void *arg, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->texts(w->inner, stream, tell, arg, err), err);
}

static int enroll(struct dg_ledger *self, int32_t stream, const char *topic, int32_t n,
                  struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->enroll(w->inner, stream, topic, n, err), err);
}

static int acquire(struct dg_ledger *self, const char *group,
                   const struct dg_topic_partition *place, const int32_t streams[],
                   size_t n_streams, struct dg_position out[], struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->acquire(w->inner, group, place, streams, n_streams, out, err),
                err);
}

static int group(struct dg_ledger *self, int32_t stream, const char *version, const char *variant,
                 uint32_t max_groups, uint32_t *number, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(
        w, w->inner->ops->group(w->inner, stream, version, variant, max_groups, number, err), err);
}

static void count_commit(struct witness *w, const struct dg_commit *c, int64_t began_us)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < c->n_rows; i++) {
        bytes += c->row[i].n;
    }
    dg_board_add(w->board, DG_COUNT_COMMITS, 1);
    dg_board_add(w->board, DG_COUNT_DELTA_ROWS, c->n_rows);
    dg_board_add(w->board, DG_COUNT_DELTA_BYTES, bytes);
    for (size_t i = 0; i < c->n_gaps; i++) {
        const struct dg_gap *g = &c->gap[i];
        dg_board_add(w->board, DG_COUNT_GAPS, 1);
        if (g->to > g->from) {
            dg_board_add(w->board, DG_COUNT_GAP_RECORDS, (uint64_t)(g->to - g->from));
        }
    }
    const double seconds = (double)(dg_steady_us() - began_us) / 1e6;
    dg_board_took(w->board, DG_TIME_COMMIT, seconds);
    dg_log(DG_LOG_DEBUG, "committed", "%s: %zu positions, %zu rows, %" PRIu64 " bytes in %.3f s",
           w->who, c->n_positions, c->n_rows, bytes, seconds);
}

static int commit(struct dg_ledger *self, const struct dg_commit *c, struct dg_error *err)
{
    struct witness *w = of(self);
    const int64_t began_us = dg_steady_us();
    const int rc = note(w, w->inner->ops->commit(w->inner, c, err), err);
    if (rc == 0) {
        count_commit(w, c, began_us);
    } else {
        dg_board_add(w->board,
                     rc == ESTALE || rc == EIDRM ? DG_COUNT_FENCED : DG_COUNT_COMMIT_FAILURES, 1);
    }
    return rc;
}

static int check(struct dg_ledger *self, const struct dg_position position[], size_t n,
                 struct dg_error *err)
{
    struct witness *w = of(self);
    const int rc = note(w, w->inner->ops->check(w->inner, position, n, err), err);
    dg_board_add(w->board, DG_COUNT_FENCED, rc == ESTALE);
    return rc;
}

static int lock(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->lock(w->inner, stream, held, err), err);
}

/* Reading a long arrear is a sign of life. */
struct listener {
    const struct dg_ledger_reader *inner;
    struct witness *w;
    uint32_t rows;
};

static int hear_checkpoint(void *arg, const uint8_t bytes[], size_t n, struct dg_error *err)
{
    const struct dg_ledger_reader *r = ((struct listener *)arg)->inner;
    return r->checkpoint(r->arg, bytes, n, err);
}

static int hear_group(void *arg, uint32_t number, const char *version, const char *variant,
                      struct dg_error *err)
{
    const struct dg_ledger_reader *r = ((struct listener *)arg)->inner;
    return r->group(r->arg, number, version, variant, err);
}

static int hear_row(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n,
                    struct dg_error *err)
{
    struct listener *l = arg;
    if (++l->rows % BEAT_ROWS == 0) {
        dg_board_beat(l->w->board, l->w->who);
    }
    return l->inner->row(l->inner->arg, pane_us, bytes, n, err);
}

static int hear_position(void *arg, const struct dg_position *p, struct dg_error *err)
{
    const struct dg_ledger_reader *r = ((struct listener *)arg)->inner;
    return r->position(r->arg, p, err);
}

static int read_rows(struct dg_ledger *self, int32_t stream, bool all,
                     const struct dg_ledger_reader *reader, struct dg_error *err)
{
    struct witness *w = of(self);
    struct listener l = {.inner = reader, .w = w};
    const struct dg_ledger_reader ear = {.checkpoint = hear_checkpoint,
                                         .group = hear_group,
                                         .row = hear_row,
                                         .position = hear_position,
                                         .arg = &l};
    return note(w, w->inner->ops->read(w->inner, stream, all, &ear, err), err);
}

static struct dg_sink *results(struct dg_ledger *self, int32_t stream)
{
    struct witness *w = of(self);
    return w->inner->ops->results(w->inner, stream);
}

static int save(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
                uint64_t *written, struct dg_error *err)
{
    struct witness *w = of(self);
    return note(w, w->inner->ops->save(w->inner, stream, j, written, err), err);
}

static void discard(struct dg_ledger *self, int32_t stream)
{
    of(self)->inner->ops->discard(of(self)->inner, stream);
}

static void close_witness(struct dg_ledger *self)
{
    of(self)->inner->ops->close(of(self)->inner);
    free(self);
}

static const struct dg_ledger_ops ops = {.name = "witness",
                                         .open_stream = open_stream,
                                         .streams = streams,
                                         .texts = texts,
                                         .enroll = enroll,
                                         .acquire = acquire,
                                         .group = group,
                                         .commit = commit,
                                         .check = check,
                                         .lock = lock,
                                         .read = read_rows,
                                         .results = results,
                                         .save = save,
                                         .discard = discard,
                                         .close = close_witness};

int run_ledger_open(struct run *r, const struct run_generation *g, const char *who,
                    struct dg_ledger **out, struct dg_error *err)
{
    struct witness *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return dg_fail_memory(err);
    }
    char owner[128];
    snprintf(owner, sizeof owner, "%s:%ld/%s", r->host, (long)getpid(), who);
    for (char *c = owner; *c != '\0'; c++) {
        *c = *c == ' ' ? '-' : *c;
    }
    const struct dg_postgres_ledger_options options = {
        .connection = {.db = g->settings.database.db,
                       .password_file = g->settings.database.password_file},
        .tenant = g->settings.database.tenant,
        .owner = owner};
    *w = (struct witness){.base = {.ops = &ops}, .board = r->board, .state = DG_STATE_STARTING};
    snprintf(w->who, sizeof w->who, "%s", who);
    const int rc = dg_postgres_ledger_open(&options, &w->inner, err);
    if (rc != 0) {
        free(w);
        return rc;
    }
    *out = &w->base;
    return 0;
}
