#include "engine/live/judge.h"

#include "engine/admission.h"
#include "engine/live/judge_time.h"
#include "engine/live/snapshots.h"
#include "engine/live/stream_panes.h"
#include "engine/panes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ROWS    4000 /* result rows between two saves, about */
#define STEP_WINDOWS 256  /* windows between two saves */
#define STEP_PANES   256  /* panes merged in one save */

/* Between the evaluator and the ledger: counts what goes by. */
struct counting_sink {
    struct dg_sink base; /* first */
    struct dg_judge *judge;
    struct dg_sink *into, *watch; /* watch may be NULL */
    size_t spec;                  /* of the window at hand */
    enum dg_severity worst;       /* of the window at hand */
};

/* What is known of the windows of one size. */
struct judged {
    int64_t end_us; /* of the newest that was judged; INT64_MIN: none */
    enum dg_severity worst;
};

struct dg_judge {
    struct dg_plan *plan;
    struct dg_ledger *ledger;
    int32_t stream;
    struct dg_judge_options options;
    size_t expected;
    bool (*gone)(void *arg, const struct dg_topic_partition *place); /* NULL: none is */
    void *gone_arg;
    size_t n_gone; /* of the positions */
    struct counting_sink sink;
    struct dg_packer *packer;
    struct judged *judged; /* [n_windows] */
    bool held;             /* the ledger's lock */
    bool loaded;           /* all below is the ledger's content */
    bool intact;           /* what failed last left everything as it was */
    bool told;             /* something was read in the read at hand */

    struct dg_stream_panes *panes;
    struct dg_evaluator *evaluator;
    struct dg_snapshots snapshots;
    bool copied; /* the newest snapshot is the evaluator as it is */
    struct dg_judge_positions positions;
    uint64_t overlaid;      /* fingerprint of the positions that the overlay was made of; 0: none */
    int64_t first_us;       /* where first windows begin, DG_TIME_NONE: unknown */
    bool first_fixed;       /* ... for good: some windows are settled */
    int64_t settled_us;     /* pane edge; INT64_MIN: nothing is */
    int64_t merged_us;      /* panes before this are merged in the ledger */
    bool checkpoint_due;    /* the base is not the ledger's checkpoint */
    struct dg_bytes stored; /* the checkpoint as it was read */
    bool has_stored;
    struct dg_bytes encoded;

    int64_t dirty_us; /* least pane that got something; INT64_MAX: none */
    uint64_t unrevised;
    struct dg_gap gap;  /* of what came for windows that are settled; reason NULL: nothing did */
    uint64_t step_rows; /* given to the ledger since the last save */
    struct dg_judge_report report;
};

/* -- what goes by -- */

static int count_begin(struct dg_sink *self, const struct dg_window_id *w, struct dg_error *err)
{
    struct counting_sink *s = (struct counting_sink *)self;
    const struct dg_monitor *m = s->judge->plan->monitor;
    s->spec = 0;
    while (s->spec + 1 < m->n_windows && m->window[s->spec].size_us != w->size_us) {
        s->spec++;
    }
    s->worst = DG_OK;
    s->judge->report.windows++;
    s->judge->report.again += w->end_us <= s->judge->judged[s->spec].end_us;
    struct judged *judged = &s->judge->judged[s->spec];
    if (w->end_us >= judged->end_us) {
        *judged = (struct judged){w->end_us, DG_OK};
    }
    const int rc = s->into->ops->window_begin(s->into, w, err);
    return rc != 0 || s->watch == NULL ? rc : s->watch->ops->window_begin(s->watch, w, err);
}

static int count_series(struct dg_sink *self, const struct dg_series_row *row, struct dg_error *err)
{
    struct counting_sink *s = (struct counting_sink *)self;
    s->judge->step_rows++;
    const int rc = s->into->ops->series(s->into, row, err);
    return rc != 0 || s->watch == NULL ? rc : s->watch->ops->series(s->watch, row, err);
}

static int count_slice(struct dg_sink *self, const struct dg_slice_row *row, struct dg_error *err)
{
    struct counting_sink *s = (struct counting_sink *)self;
    struct judged *judged = &s->judge->judged[s->spec];
    s->judge->step_rows++;
    if (row->window.end_us == judged->end_us && row->severity > judged->worst) {
        judged->worst = row->severity;
    }
    const int rc = s->into->ops->slice(s->into, row, err);
    return rc != 0 || s->watch == NULL ? rc : s->watch->ops->slice(s->watch, row, err);
}

static int count_end(struct dg_sink *self, struct dg_error *err)
{
    struct counting_sink *s = (struct counting_sink *)self;
    const int rc = s->into->ops->window_end(s->into, err);
    return rc != 0 || s->watch == NULL ? rc : s->watch->ops->window_end(s->watch, err);
}

/* The sinks behind are open, and stay so. */
static int count_open(struct dg_sink *self, const struct dg_run_info *run, struct dg_error *err)
{
    (void)run;
    (void)err;
    DG_ASSERT(self == NULL);
    return EINVAL;
}

static int count_finish(struct dg_sink *self, const struct dg_run_totals *totals,
                        struct dg_error *err)
{
    (void)totals;
    (void)err;
    DG_ASSERT(self == NULL);
    return EINVAL;
}

static void count_close(struct dg_sink *self)
{
    DG_ASSERT(self == NULL);
}

static const struct dg_sink_ops COUNTING = {"judge",     count_open, count_begin,  count_series,
                                            count_slice, count_end,  count_finish, count_close};

/* -- open, close -- */

int dg_judge_open(struct dg_plan *plan, struct dg_ledger *ledger, int32_t stream,
                  const struct dg_judge_options *options, struct dg_judge **out,
                  struct dg_error *err)
{
    struct dg_judge *j = calloc(1, sizeof *j);
    if (j == NULL) {
        return dg_fail_memory(err);
    }
    j->plan = plan;
    j->ledger = ledger;
    j->stream = stream;
    j->options = *options;
    j->judged = calloc(plan->monitor->n_windows + 1, sizeof *j->judged);
    int rc = j->judged == NULL ? dg_fail_memory(err) : dg_packer_open(&j->packer, err);
    if (rc != 0) {
        dg_judge_close(j);
        return rc;
    }
    for (size_t i = 0; i < plan->monitor->n_windows; i++) {
        j->judged[i].end_us = INT64_MIN;
    }
    j->sink = (struct counting_sink){.base = {&COUNTING},
                                     .judge = j,
                                     .into = ledger->ops->results(ledger, stream),
                                     .watch = options->watch};
    if (j->sink.into == NULL) {
        dg_judge_close(j);
        return dg_fail_memory(err);
    }
    *out = j;
    return 0;
}

/* Everything that was read, and what followed from it. */
static void forget_all(struct dg_judge *j)
{
    dg_evaluator_close(j->evaluator);
    j->evaluator = NULL;
    dg_stream_panes_close(j->panes);
    j->panes = NULL;
    dg_snapshots_deinit(&j->snapshots);
    dg_packer_clear(j->packer);
    j->positions.n = 0;
    j->step_rows = 0;
    j->loaded = false;
}

void dg_judge_close(struct dg_judge *j)
{
    if (j == NULL) {
        return;
    }
    if (j->packer != NULL) {
        forget_all(j);
    }
    dg_judge_positions_deinit(&j->positions);
    dg_packer_close(j->packer);
    dg_bytes_deinit(&j->stored);
    dg_bytes_deinit(&j->encoded);
    free(j->judged);
    free(j);
}

void dg_judge_expect(struct dg_judge *j, size_t partitions)
{
    j->expected = partitions;
}

void dg_judge_ask_gone(struct dg_judge *j,
                       bool (*gone)(void *arg, const struct dg_topic_partition *place), void *arg)
{
    j->gone = gone;
    j->gone_arg = arg;
}

/* -- reading -- */

static int read_checkpoint(void *arg, const uint8_t bytes[], size_t n, struct dg_error *err)
{
    struct dg_judge *j = arg;
    j->told = j->has_stored = true;
    dg_bytes_clear(&j->stored);
    dg_put_raw(&j->stored, bytes, n);
    return j->stored.failed ? dg_fail_memory(err) : 0;
}

static int read_group(void *arg, uint32_t group, const char *version, const char *variant,
                      struct dg_error *err)
{
    struct dg_judge *j = arg;
    uint32_t number = 0;
    j->told = true;
    if (dg_slicer_name_group(&j->plan->slicer, version, variant, &number) != 0) {
        return dg_fail_memory(err);
    }
    return number == group ? 0
                           : dg_fail(err, EBADMSG,
                                     "ledger: version \"%s\", variant \"%s\" of monitor %s has "
                                     "number %" PRIu32 " and should have %" PRIu32
                                     ": its table of groups is damaged",
                                     version, variant, j->plan->monitor->name, group, number);
}

/* Something came for windows that will not be judged again. */
static void note_unrevised(struct dg_judge *j, int64_t pane_us)
{
    const int64_t end = pane_us + dg_pane_width(j->plan->monitor);
    j->unrevised++;
    if (j->gap.reason == NULL) {
        j->gap = (struct dg_gap){j->stream, {"", -1}, pane_us, end, "unrevised"};
    }
    j->gap.from = pane_us < j->gap.from ? pane_us : j->gap.from;
    j->gap.to = end > j->gap.to ? end : j->gap.to;
}

static int read_row(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n,
                    struct dg_error *err)
{
    struct dg_judge *j = arg;
    j->told = true;
    if (j->loaded) {
        const struct dg_snapshot *base = &j->snapshots.at[0];
        if (pane_us < base->reach_us) {
            note_unrevised(j, pane_us);
        }
        if (pane_us < base->needed_us) {
            return 0;
        }
        j->dirty_us = pane_us < j->dirty_us ? pane_us : j->dirty_us;
    }
    return dg_stream_panes_add(j->panes, pane_us, bytes, n, err);
}

static int read_position(void *arg, const struct dg_position *p, struct dg_error *err)
{
    struct dg_judge *j = arg;
    struct dg_position here = *p;
    j->told = true;
    if (j->gone != NULL && j->gone(j->gone_arg, &p->place)) {
        here.idle = true;
        j->n_gone++;
    }
    return dg_judge_positions_add(&j->positions, &here) == 0 ? 0 : dg_fail_memory(err);
}

static int open_evaluator(struct dg_judge *j, int64_t from_us, struct dg_error *err)
{
    const struct dg_evaluator_options options = {j->options.file, from_us, INT64_MAX,
                                                 j->options.threads};
    dg_evaluator_close(j->evaluator);
    j->evaluator = NULL;
    return dg_evaluator_open(j->plan, dg_stream_panes_store(j->panes), &j->sink.base, &options,
                             &j->evaluator, err);
}

/* Without a checkpoint that is understood, everything held is judged anew; windows that an older
 * one called settled only for the memory of the rules, since panes before them may be gone. */
static int begin_anew(struct dg_judge *j, int64_t settled_us, struct dg_error *err)
{
    j->report.anew = true;
    const struct dg_judge_time t = dg_judge_time_of(&j->positions, j->plan->monitor,
                                                    j->expected + j->n_gone, false, INT64_MAX, 0);
    const int64_t held = dg_stream_panes_next(j->panes, INT64_MIN);
    j->first_fixed = t.progress.first_us != DG_TIME_NONE && held != INT64_MAX;
    j->first_us = held > t.progress.first_us ? held : t.progress.first_us;
    j->settled_us = j->merged_us = INT64_MIN;
    return open_evaluator(j, settled_us, err);
}

/* All has been read for the first time: go on where the checkpoint says. */
static int begin(struct dg_judge *j, struct dg_error *err)
{
    struct dg_checkpoint c = {.settled_us = INT64_MIN};
    j->first_us = DG_TIME_NONE;
    j->first_fixed = j->checkpoint_due = false;
    j->settled_us = j->merged_us = INT64_MIN;
    int rc = open_evaluator(j, INT64_MIN, err);
    if (rc == 0 && j->has_stored) {
        rc = dg_checkpoint_decode(j->stored.data, j->stored.len, &c, err);
        rc = rc != 0 ? rc : dg_evaluator_restore(j->evaluator, c.memory, c.n, err);
        j->settled_us = j->merged_us = c.settled_us;
        j->first_us = c.first_us;
        j->first_fixed = c.first_us != DG_TIME_NONE;
        rc = rc == EBADMSG ? begin_anew(j, c.settled_us, err) : rc;
    }
    rc = rc != 0 ? rc : dg_snapshots_take(&j->snapshots, j->evaluator, err);
    if (rc != 0) {
        return rc;
    }
    dg_stream_panes_forget(j->panes, j->snapshots.at[0].needed_us);
    j->copied = j->loaded = true;
    j->overlaid = 0;
    return 0;
}

static int read_news(struct dg_judge *j, struct dg_error *err)
{
    const struct dg_ledger_reader reader = {read_checkpoint, read_group, read_row, read_position,
                                            j};
    const bool all = !j->loaded;
    if (all) { /* a ledger that has gone back in time may have other groups */
        dg_slicer_forget_groups(&j->plan->slicer);
    }
    int rc = all ? dg_stream_panes_open(j->plan, &j->panes, err) : 0;
    if (rc != 0) {
        return rc;
    }
    const size_t n_positions = j->positions.n;
    j->told = false;
    j->has_stored = j->has_stored && !all;
    j->dirty_us = INT64_MAX;
    j->positions.n = j->n_gone = 0;
    rc = j->ledger->ops->read(j->ledger, j->stream, all, &reader, err);
    if (rc == EAGAIN && !all && !j->told) {
        j->intact = true;
        j->positions.n = n_positions;
    }
    return rc == 0 && all ? begin(j, err) : rc;
}

/* -- judging -- */

/* What the end of every partition would add, while all of them are idle. */
static int lay_over(struct dg_judge *j, bool end, struct dg_judge_time *t, int64_t *from_us,
                    struct dg_error *err)
{
    const uint64_t hash = t->over ? dg_judge_positions_hash(&j->positions) | 1 : 0;
    *from_us = INT64_MAX;
    if (hash == j->overlaid && !end) {
        return 0;
    }
    int rc = 0;
    dg_stream_panes_clear_overlay(j->panes);
    for (size_t i = 0; t->over && i < j->positions.n && rc == 0; i++) {
        const struct dg_bytes *state = &j->positions.position[i].state;
        int64_t first = INT64_MIN, newest = INT64_MIN;
        rc = state->len == 0
                 ? 0
                 : dg_admission_epilogue(j->plan, state->data, state->len,
                                         dg_stream_panes_overlay(j->panes), &first, &newest, err);
        /* A row that nothing near it bears out is taken at its word only if nothing can come. */
        if (end && rc == 0 && first != INT64_MIN && newest != INT64_MIN) {
            struct dg_progress_of_time *p = &t->progress;
            p->first_us = p->first_us == DG_TIME_NONE || first < p->first_us ? first : p->first_us;
            p->newest_us = newest > p->newest_us ? newest : p->newest_us;
        }
    }
    j->overlaid = hash;
    return rc != 0 ? rc : dg_stream_panes_overlaid(j->panes, from_us, err);
}

/* Back to before the first window that something was added to. */
static int go_back(struct dg_judge *j, struct dg_judge_time *t, int64_t overlaid_us,
                   struct dg_error *err)
{
    int64_t dirty = overlaid_us < j->dirty_us ? overlaid_us : j->dirty_us;
    if (j->first_fixed) {
        t->progress.first_us = j->first_us;
    } else if (t->progress.first_us != j->first_us) {
        j->first_us = t->progress.first_us; /* first windows begin elsewhere */
        dirty = INT64_MIN;
    }
    if (dirty >= dg_evaluator_reach(j->evaluator)) {
        return 0;
    }
    j->copied = true;
    return dg_snapshots_back(&j->snapshots, dg_snapshots_before(&j->snapshots, dirty), j->evaluator,
                             err);
}

/* Judge due windows, as many as one save may hold. *more: there are others. */
static int judge_some(struct dg_judge *j, const struct dg_judge_time *t, bool *more,
                      struct dg_error *err)
{
    uint64_t steps = 0;
    DG_ASSERT(j->step_rows == 0);
    *more = t->progress.newest_us != DG_TIME_NONE;
    while (*more && j->step_rows < STEP_ROWS && steps < STEP_WINDOWS) {
        const int64_t due = dg_evaluator_due(j->evaluator, &t->progress);
        int rc = 0;
        if (!j->copied && due > t->settled_us && due > dg_evaluator_reach(j->evaluator)) {
            rc = dg_snapshots_take(&j->snapshots, j->evaluator, err);
            j->copied = rc == 0;
        }
        rc = rc != 0 ? rc : dg_evaluator_step(j->evaluator, &t->progress, more, err);
        if (rc != 0) {
            return rc;
        }
        j->copied = j->copied && !*more;
        steps += *more;
    }
    return 0;
}

/* The newest memory that nothing can change any more becomes the base. */
static int advance_base(struct dg_judge *j, struct dg_error *err)
{
    const int64_t reach = dg_evaluator_reach(j->evaluator);
    if (!j->copied && reach <= j->settled_us) {
        const int rc = dg_snapshots_take(&j->snapshots, j->evaluator, err);
        if (rc != 0) {
            return rc;
        }
        j->copied = true;
    }
    if (dg_snapshots_settle(&j->snapshots, j->settled_us)) {
        j->checkpoint_due = true;
        j->first_fixed = true;
    }
    return 0;
}

/* The checkpoint of the base, for panes settled up to there. */
static int encode_checkpoint(struct dg_judge *j, int64_t settled_us, struct dg_error *err)
{
    const struct dg_bytes *memory = &j->snapshots.at[0].memory;
    const struct dg_checkpoint c = {settled_us, j->first_fixed ? j->first_us : DG_TIME_NONE,
                                    memory->data, memory->len};
    dg_bytes_clear(&j->encoded);
    dg_checkpoint_encode(&c, &j->encoded);
    return j->encoded.failed ? dg_fail_memory(err) : 0;
}

/* Pack the panes that became settled, as many as one save may hold, into the judgement. */
static int pack_settled(struct dg_judge *j, struct dg_judgement *to, struct dg_error *err)
{
    const int64_t needed = j->snapshots.at[0].needed_us;
    const int64_t from =
        dg_stream_panes_next(j->panes, needed > j->merged_us ? needed : j->merged_us);
    int64_t until = j->settled_us;
    if (until <= j->merged_us) {
        return 0;
    }
    if (from < until) {
        const int64_t most = from + STEP_PANES * dg_pane_width(j->plan->monitor);
        until = most < until ? most : until;
        const int rc = dg_stream_panes_pack(j->panes, from, until, j->packer, j->stream, err);
        if (rc != 0) {
            return rc;
        }
    }
    to->merged_from_us = j->merged_us;
    to->settled_us = until;
    j->checkpoint_due = true;
    return dg_packer_rows(j->packer, &to->merged, &to->n_merged, err);
}

/* Write what was judged, and what is settled. *more: panes are left to be merged. */
static int save(struct dg_judge *j, bool *more, struct dg_error *err)
{
    struct dg_judgement to = {.merged_from_us = INT64_MIN,
                              .settled_us = INT64_MIN,
                              .forget_us = INT64_MIN,
                              .gap = &j->gap,
                              .n_gaps = j->gap.reason != NULL};
    int rc = advance_base(j, err);
    rc = rc != 0 ? rc : pack_settled(j, &to, err);
    const int64_t merged = to.settled_us > j->merged_us ? to.settled_us : j->merged_us;
    *more = false;
    if (rc == 0 && j->checkpoint_due) {
        rc = encode_checkpoint(j, merged, err);
        to.checkpoint = j->encoded.data;
        to.checkpoint_len = j->encoded.len;
        to.forget_us = j->snapshots.at[0].needed_us;
    }
    if (rc != 0 || (to.checkpoint == NULL && j->step_rows == 0 && to.n_gaps == 0)) {
        return rc;
    }
    uint64_t written = 0;
    rc = j->ledger->ops->save(j->ledger, j->stream, &to, &written, err);
    if (rc == 0) {
        j->report.rows_written += written;
        j->merged_us = merged;
        j->checkpoint_due = false;
        j->gap.reason = NULL;
        j->step_rows = 0;
        dg_packer_clear(j->packer);
        dg_stream_panes_forget(j->panes, j->snapshots.at[0].needed_us);
        *more = j->merged_us < j->settled_us;
    }
    return rc;
}

static void fill_report(struct dg_judge *j, const struct dg_judge_time *t)
{
    struct dg_judge_report *r = &j->report;
    r->leading = true;
    r->newest_us = t->progress.newest_us;
    r->watermark_us = t->watermark_us;
    r->judged_us = DG_TIME_NONE;
    r->worst = DG_OK;
    for (size_t i = 0; i < j->plan->monitor->n_windows; i++) {
        const struct judged *of = &j->judged[i];
        r->judged_us = of->end_us > r->judged_us ? of->end_us : r->judged_us;
        r->worst = of->worst > r->worst ? of->worst : r->worst;
    }
    r->unrevised = j->unrevised;
    r->bytes = dg_stream_panes_bytes(j->panes);
    r->snapshot_bytes = dg_snapshots_bytes(&j->snapshots);
}

static int judge_and_save(struct dg_judge *j, const struct dg_judge_time *t, struct dg_error *err)
{
    bool windows = true, panes = true;
    int rc = 0;
    while (rc == 0 && (windows || panes)) {
        rc = windows ? judge_some(j, t, &windows, err) : 0;
        rc = rc != 0 ? rc : save(j, &panes, err);
        if (rc == 0) {
            fill_report(j, t);
        }
        if (rc == 0 && (windows || panes) && j->options.progress != NULL &&
            j->options.progress(j->options.progress_arg, &j->report) != 0) {
            j->intact = true;
            rc = dg_fail(err, EINTR, "interrupted");
        }
    }
    return rc;
}

static int run(struct dg_judge *j, bool end, struct dg_error *err)
{
    int64_t overlaid = INT64_MAX;
    int rc = 0;
    if (!j->held) {
        rc = j->ledger->ops->lock(j->ledger, j->stream, &j->held, err);
        if (rc != 0 || !j->held) {
            return rc;
        }
    }
    rc = read_news(j, err);
    if (rc != 0) {
        return rc;
    }
    const int64_t now_us = j->options.now_us == NULL ? INT64_MAX : j->options.now_us();
    struct dg_judge_time t =
        dg_judge_time_of(&j->positions, j->plan->monitor, j->expected + j->n_gone, end, now_us,
                         j->options.horizon_us);
    /* What is merged stays merged, whatever turns up later. */
    j->settled_us = t.settled_us > j->settled_us ? t.settled_us : j->settled_us;
    t.settled_us = j->settled_us;
    rc = lay_over(j, end, &t, &overlaid, err);
    rc = rc != 0 ? rc : go_back(j, &t, overlaid, err);
    return rc != 0 ? rc : judge_and_save(j, &t, err);
}

int dg_judge_run(struct dg_judge *j, bool end, struct dg_judge_report *report, struct dg_error *err)
{
    j->report = (struct dg_judge_report){.judged_us = DG_TIME_NONE,
                                         .newest_us = DG_TIME_NONE,
                                         .watermark_us = DG_TIME_NONE,
                                         .unrevised = j->unrevised};
    j->intact = false;
    const int rc = run(j, end, err);
    if (rc != 0 && !j->intact) {
        j->held = j->held && rc != ESTALE && rc != EIDRM;
        j->ledger->ops->discard(j->ledger, j->stream);
        forget_all(j);
    }
    *report = j->report;
    return rc;
}
