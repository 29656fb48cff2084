#include "tests/support/lane_world.h"

#include "engine/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 100000

const struct dg_topic_partition world_place[WORLD_PARTITIONS] = {
    {"a", 0}, {"a", 1}, {"a", 2}, {"b", 0}};

static const char *const TOPICS[] = {"a", "b"};

static const char *const YAML[WORLD_STREAMS] = {
    "monitor: one\n"
    "columns: { timestamp: time, id: t1, version: t0, features: { n0: numeric, t3: category } }\n"
    "windows: { size: 1h, slide: 1h }\n"
    "time: { out_of_order: 30m, late_events: 1h }\n"
    "segments: [{ column: t2, values: [x, y] }]\n",
    "monitor: two\n"
    "columns: { timestamp: time, features: { n1: numeric } }\n"
    "windows: { size: 2h, slide: 1h }\n"
    "time: { out_of_order: 1h, late_events: 0 }\n"};

void lane_world_open(struct lane_world *w)
{
    *w = (struct lane_world){.db = memory_db_open()};
    struct dg_ledger *l = memory_ledger_open(w->db);
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        struct dg_diagnostics d = {0};
        bool replaced = false;
        if (dg_config_parse("world.yaml", YAML[i], strlen(YAML[i]), &d, &w->config[i]) != 0) {
            dg_diagnostics_print(&d, stderr);
            exit(1);
        }
        dg_diagnostics_deinit(&d);
        const struct dg_stream_key key = {
            "world", w->config[i].monitor->name, w->config[i].monitor->hash,
            "",      w->config[i].monitor,       NULL,
            0};
        DG_ASSERT(l->ops->open_stream(l, &key, &w->stream[i], &replaced, NULL) == 0 && !replaced);
    }
    l->ops->close(l);
}

void lane_world_close(struct lane_world *w)
{
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        dg_config_deinit(&w->config[i]);
    }
    for (size_t i = 0; i < WORLD_PARTITIONS; i++) {
        fake_log_deinit(&w->log[i]);
    }
    memory_db_close(w->db);
}

void lane_member_open(struct lane_member *m, struct lane_world *w, struct fake_trouble *trouble,
                      int (*bad)(void *arg, int32_t stream, const struct dg_topic_partition *place,
                                 const struct dg_record *record, enum dg_reason reason,
                                 struct dg_error *err),
                      void *bad_arg)
{
    *m = (struct lane_member){
        .world = w, .decoder = fake_decoder_open(trouble), .ledger = memory_ledger_open(w->db)};
    struct dg_lane_stream stream[WORLD_STREAMS];
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        DG_ASSERT(dg_plan_init(&m->plan[i], w->config[i].monitor, NULL, NULL, NULL) == 0);
        m->plan[i].row_partitions = false;
        stream[i] =
            (struct dg_lane_stream){w->stream[i], &m->plan[i], m->decoder, TOPICS, i == 0 ? 2 : 1};
    }
    const struct dg_lane_options options = {
        .stream = stream, .n_streams = WORLD_STREAMS, .bad = bad, .bad_arg = bad_arg};
    DG_ASSERT(dg_lane_open(&options, &m->lane, NULL) == 0);
}

void lane_member_close(struct lane_member *m)
{
    dg_lane_close(m->lane);
    m->ledger->ops->close(m->ledger);
    m->decoder->ops->close(m->decoder);
    for (size_t i = 0; i < WORLD_STREAMS; i++) {
        dg_plan_deinit(&m->plan[i]);
    }
}

int lane_member_take(struct lane_member *m, size_t p, struct dg_error *err)
{
    const struct dg_topic_partition *place = &world_place[p];
    const size_t n = strcmp(place->topic, "a") == 0 ? 2 : 1;
    struct dg_position position[WORLD_STREAMS];
    bool from_none[WORLD_STREAMS] = {false};
    int rc = EAGAIN;
    for (int i = 0; rc == EAGAIN && i < TRIES; i++) {
        rc = m->ledger->ops->acquire(m->ledger, "world", place, m->world->stream, n, position, err);
    }
    DG_ASSERT(rc == 0);
    for (size_t i = 0; i < n; i++) {
        from_none[i] = position[i].next_offset == DG_OFFSET_NONE;
        position[i].next_offset = from_none[i] ? 0 : position[i].next_offset;
    }
    int64_t from = -1;
    rc = dg_lane_take(m->lane, position, n, from_none, &from, err);
    m->holds[p] = rc == 0;
    m->at[p] = fake_log_find(&m->world->log[p], from);
    return rc;
}

void lane_member_drop(struct lane_member *m)
{
    dg_lane_drop(m->lane);
    memset(m->holds, 0, sizeof m->holds);
}

int lane_member_feed(struct lane_member *m, size_t p, size_t n, struct dg_error *err)
{
    const struct fake_log *log = &m->world->log[p];
    const size_t left = log->n - m->at[p];
    const size_t take = n < left ? n : left;
    int rc = EAGAIN;
    for (int i = 0; rc == EAGAIN && i < TRIES; i++) {
        rc = dg_lane_feed(m->lane, &world_place[p], log->record + m->at[p], take, err);
    }
    m->at[p] += rc == 0 ? take : 0;
    return rc;
}

int lane_member_commit(struct lane_member *m)
{
    int rc = EAGAIN;
    for (int i = 0; rc == EAGAIN && i < TRIES; i++) {
        rc = dg_lane_commit(m->lane, m->ledger, NULL);
    }
    return rc;
}

/* -- what was counted -- */

struct entry {
    char key[160];
    enum dg_state_kind kind;
    uint32_t id;
    uint8_t *bytes;
    size_t n;
};

struct entries {
    const struct lane_world *world;
    const struct dg_plan *plan;
    size_t stream;
    struct entry *entry;
    size_t n, cap;
};

/* Group numbers depend on who came first, names do not. */
static void put_key(const struct entries *e, const struct dg_delta *d, struct entry *out)
{
    const uint32_t columns = (uint32_t)e->plan->n_columns, segments = e->plan->slicer.n_segments;
    const bool series = d->kind == DG_STATE_SERIES;
    const uint32_t slice = series ? d->id / columns : d->id;
    const struct dg_group *g =
        memory_db_group(e->world->db, e->world->stream[e->stream], slice / segments);
    if (d->kind == DG_STATE_STREAM) {
        snprintf(out->key, sizeof out->key, "%020" PRId64 " stream", d->pane_us);
        return;
    }
    DG_ASSERT(g != NULL);
    snprintf(out->key, sizeof out->key, "%020" PRId64 " %s %s %" PRIu32 " %d %" PRIu32, d->pane_us,
             g->version, g->variant, slice % segments, d->kind, series ? d->id % columns : 0);
}

static int keep_entry(void *arg, const struct dg_delta *d)
{
    struct entries *e = arg;
    if (e->n == e->cap) {
        e->cap = e->cap == 0 ? 1024 : 2 * e->cap;
        e->entry = realloc(e->entry, e->cap * sizeof *e->entry);
        DG_ASSERT(e->entry != NULL);
    }
    struct entry *out = &e->entry[e->n++];
    put_key(e, d, out);
    out->kind = d->kind;
    out->id = d->id;
    out->n = d->n;
    out->bytes = malloc(d->n + 1);
    DG_ASSERT(out->bytes != NULL);
    memcpy(out->bytes, d->bytes, d->n);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

void lane_world_states(struct lane_world *w, size_t stream, struct dg_bytes *out)
{
    struct dg_plan plan;
    struct dg_state state = {0};
    DG_ASSERT(dg_plan_init(&plan, w->config[stream].monitor, NULL, NULL, NULL) == 0);
    struct entries e = {.world = w, .plan = &plan, .stream = stream};
    DG_ASSERT(memory_db_deltas(w->db, w->stream[stream], keep_entry, &e) == 0);
    if (e.n > 1) {
        qsort(e.entry, e.n, sizeof *e.entry, by_key);
    }
    for (size_t i = 0; i < e.n; i++) {
        if (i == 0 || strcmp(e.entry[i - 1].key, e.entry[i].key) != 0) {
            dg_state_reset(&state, &plan, e.entry[i].kind, e.entry[i].id);
        }
        DG_ASSERT(dg_state_add_encoded(&state, e.entry[i].bytes, e.entry[i].n) == 0);
        if (i + 1 == e.n || strcmp(e.entry[i].key, e.entry[i + 1].key) != 0) {
            dg_put_raw(out, e.entry[i].key, strlen(e.entry[i].key) + 1);
            dg_state_encode(&state, out);
        }
    }
    for (size_t i = 0; i < e.n; i++) {
        free(e.entry[i].bytes);
    }
    free(e.entry);
    dg_state_deinit(&state);
    dg_plan_deinit(&plan);
}
