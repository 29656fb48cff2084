#include "tests/support/memory_ledger_private.h"

#include "stats/category.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *must(void *p)
{
    DG_ASSERT(p != NULL);
    return p;
}

char *copy_text(const char *s)
{
    return must(strdup(s));
}

uint8_t *copy_bytes(const uint8_t *p, size_t n)
{
    uint8_t *copy = must(malloc(n + 1));
    if (n > 0) {
        memcpy(copy, p, n);
    }
    return copy;
}

void *more(void *array_at, size_t n, size_t size)
{
    void **array = array_at;
    char *grown = must(realloc(*array, (n + 1) * size));
    memset(grown + n * size, 0, size);
    *array = grown;
    return grown + n * size;
}

struct memory_db *memory_db_open(void)
{
    struct memory_db *db = must(calloc(1, sizeof *db));
    pthread_mutex_init(&db->lock, NULL);
    db->fence = true;
    return db;
}

void free_results(struct result_row *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(r[i].key);
        free(r[i].text);
    }
    free(r);
}

static void free_stream(struct stream *s)
{
    for (int i = 0; i < 4; i++) {
        free(s->name[i]);
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        free(s->group[i].version);
        free(s->group[i].variant);
    }
    free(s->group);
    for (size_t i = 0; i < s->n_rows; i++) {
        free(s->row[i].bytes);
    }
    free(s->row);
    for (size_t i = 0; i < 2 * s->n_texts; i++) {
        free(s->text[i]);
    }
    free(s->text);
    free(s->checkpoint);
    free_results(s->result, s->n_results);
}

static void free_position(struct dg_position *p)
{
    free((char *)(uintptr_t)p->place.topic);
    free((uint8_t *)(uintptr_t)p->state);
}

void memory_db_close(struct memory_db *db)
{
    for (size_t i = 0; i < db->n_streams; i++) {
        free_stream(&db->stream[i]);
    }
    free(db->stream);
    for (size_t i = 0; i < db->n_positions; i++) {
        free_position(&db->position[i]);
    }
    free(db->position);
    for (size_t i = 0; i < db->n_owners; i++) {
        free(db->owner[i].group);
        free(db->owner[i].topic);
    }
    free(db->owner);
    for (size_t i = 0; i < db->n_gaps; i++) {
        free((char *)(uintptr_t)db->gap[i].place.topic);
    }
    free(db->gap);
    pthread_mutex_destroy(&db->lock);
    free(db);
}

void memory_db_faults(struct memory_db *db, struct memory_faults f)
{
    pthread_mutex_lock(&db->lock);
    db->faults = f;
    pthread_mutex_unlock(&db->lock);
}

void memory_db_fence(struct memory_db *db, bool on)
{
    pthread_mutex_lock(&db->lock);
    db->fence = on;
    pthread_mutex_unlock(&db->lock);
}

bool strikes(struct memory_db *db, unsigned percent)
{
    db->faults.seed = db->faults.seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (db->faults.seed >> 33) % 100 < percent;
}

int away(struct memory_db *db, struct dg_error *err)
{
    return strikes(db, db->faults.before)
               ? dg_fail(err, EAGAIN, "the ledger in memory is away, as the test wants")
               : 0;
}

struct stream *stream_of(struct memory_db *db, int32_t stream)
{
    DG_ASSERT(stream >= 1 && (size_t)stream <= db->n_streams);
    return &db->stream[stream - 1];
}

static bool same_place(const struct dg_topic_partition *a, const struct dg_topic_partition *b)
{
    return a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

struct dg_position *find_position(const struct memory_db *db, int32_t stream,
                                  const struct dg_topic_partition *place)
{
    for (size_t i = 0; i < db->n_positions; i++) {
        if (db->position[i].stream == stream && same_place(&db->position[i].place, place)) {
            return &db->position[i];
        }
    }
    return NULL;
}

static struct dg_position *make_position(struct memory_db *db, int32_t stream,
                                         const struct dg_topic_partition *place, int64_t offset)
{
    struct dg_position *p = more(&db->position, db->n_positions++, sizeof *p);
    *p = (struct dg_position){.stream = stream,
                              .place = {copy_text(place->topic), place->partition},
                              .next_offset = offset,
                              .warm_offset = offset,
                              .appeared = true,
                              .clock = {DG_TIME_NONE, DG_TIME_NONE}};
    return p;
}

/* -- streams -- */

static void replace_stream(struct memory_db *db, struct stream *old, int32_t from, int32_t to)
{
    old->ended = true;
    for (size_t i = 0; i < db->n_positions; i++) {
        if (db->position[i].stream == from) {
            const struct dg_topic_partition place = db->position[i].place;
            (void)make_position(db, to, &place, db->position[i].next_offset);
        }
    }
}

static int open_stream(struct dg_ledger *self, const struct dg_stream_key *key, int32_t *stream,
                       bool *replaced, struct dg_error *err)
{
    struct memory_db *db = ((struct session *)self)->db;
    pthread_mutex_lock(&db->lock);
    int rc = away(db, err);
    const char *name[4] = {key->group, key->monitor, key->config_hash, key->baseline};
    int32_t before = 0;
    *replaced = false;
    *stream = 0;
    for (size_t i = 0; i < db->n_streams && rc == 0; i++) {
        const struct stream *s = &db->stream[i];
        if (s->ended || strcmp(s->name[0], name[0]) != 0 || strcmp(s->name[1], name[1]) != 0) {
            continue;
        }
        before = (int32_t)i + 1;
        if (strcmp(s->name[2], name[2]) == 0 && strcmp(s->name[3], name[3]) == 0) {
            *stream = before;
        }
    }
    if (rc == 0 && *stream == 0) {
        struct stream *s = more(&db->stream, db->n_streams++, sizeof *s);
        for (int i = 0; i < 4; i++) {
            s->name[i] = copy_text(name[i]);
        }
        for (size_t i = 0; i < key->n_texts; i++) {
            s->text = must(realloc(s->text, 2 * (i + 1) * sizeof *s->text));
            s->text[2 * i] = copy_text(key->text[i].name);
            s->text[2 * i + 1] = copy_text(key->text[i].text);
            s->n_texts = i + 1;
        }
        *stream = (int32_t)db->n_streams;
        if (before != 0) {
            replace_stream(db, &db->stream[before - 1], before, *stream);
            *replaced = true;
        }
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

static int tell_streams(struct dg_ledger *self, const char *group,
                        int (*tell)(void *arg, const struct dg_known_stream *s,
                                    struct dg_error *err),
                        void *arg, struct dg_error *err)
{
    struct memory_db *db = ((struct session *)self)->db;
    pthread_mutex_lock(&db->lock);
    int rc = away(db, err);
    for (size_t i = 0; i < db->n_streams && rc == 0; i++) {
        const struct stream *s = &db->stream[i];
        struct dg_known_stream known = {(int32_t)i + 1, s->name[1],   s->name[2],
                                        s->name[3],     DG_TIME_NONE, DG_TIME_NONE};
        for (size_t k = 0; k < s->n_rows; k++) {
            const int64_t us = s->row[k].pane_us;
            known.first_us = k == 0 || us < known.first_us ? us : known.first_us;
            known.last_us = k == 0 || us > known.last_us ? us : known.last_us;
        }
        rc = s->ended || strcmp(s->name[0], group) != 0 ? 0 : tell(arg, &known, err);
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

static int tell_texts(struct dg_ledger *self, int32_t stream,
                      int (*tell)(void *arg, const struct dg_stream_text *t, struct dg_error *err),
                      void *arg, struct dg_error *err)
{
    struct memory_db *db = ((struct session *)self)->db;
    pthread_mutex_lock(&db->lock);
    int rc = away(db, err);
    const struct stream *s = stream_of(db, stream);
    for (size_t i = 0; i < s->n_texts && rc == 0; i++) {
        const struct dg_stream_text t = {s->text[2 * i], s->text[2 * i + 1]};
        rc = tell(arg, &t, err);
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

/* -- lanes -- */

static struct owner *find_owner(struct memory_db *db, const char *group,
                                const struct dg_topic_partition *place, bool make)
{
    for (size_t i = 0; i < db->n_owners; i++) {
        struct owner *o = &db->owner[i];
        if (o->partition == place->partition && strcmp(o->topic, place->topic) == 0 &&
            strcmp(o->group, group) == 0) {
            return o;
        }
    }
    if (!make) {
        return NULL;
    }
    struct owner *o = more(&db->owner, db->n_owners++, sizeof *o);
    *o = (struct owner){copy_text(group), copy_text(place->topic), place->partition, 0};
    return o;
}

static void free_taken(struct taken *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free((uint8_t *)(uintptr_t)t->position[i].state);
    }
    free(t->position);
    free(t->topic);
}

/* What this session is about to hold of the place; what it held before is forgotten. */
static struct taken *take(struct session *s, const struct dg_topic_partition *place, size_t n)
{
    struct taken *t = NULL;
    for (size_t i = 0; i < s->n_taken && t == NULL; i++) {
        if (s->taken[i].partition == place->partition &&
            strcmp(s->taken[i].topic, place->topic) == 0) {
            t = &s->taken[i];
        }
    }
    char *topic = copy_text(place->topic); /* the caller's may be the one to be freed */
    if (t == NULL) {
        t = more(&s->taken, s->n_taken++, sizeof *t);
    } else {
        free_taken(t);
    }
    *t = (struct taken){topic, place->partition, must(calloc(n + 1, sizeof *t->position)), n};
    return t;
}

static int enroll(struct dg_ledger *self, int32_t stream, const char *topic, int32_t n,
                  struct dg_error *err)
{
    struct memory_db *db = ((struct session *)self)->db;
    pthread_mutex_lock(&db->lock);
    const int rc = away(db, err);
    bool known = false;
    for (size_t i = 0; i < db->n_positions; i++) {
        known |=
            db->position[i].stream == stream && strcmp(db->position[i].place.topic, topic) == 0;
    }
    for (int32_t i = 0; rc == 0 && !known && i < n; i++) {
        const struct dg_topic_partition place = {topic, i};
        make_position(db, stream, &place, DG_OFFSET_NONE)->appeared = false;
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

static int acquire(struct dg_ledger *self, const char *group,
                   const struct dg_topic_partition *place, const int32_t streams[],
                   size_t n_streams, struct dg_position out[], struct dg_error *err)
{
    struct session *s = (struct session *)self;
    struct memory_db *db = s->db;
    pthread_mutex_lock(&db->lock);
    const int rc = away(db, err);
    if (rc == 0) {
        const int64_t epoch = ++find_owner(db, group, place, true)->epoch;
        struct taken *t = take(s, place, n_streams);
        const struct dg_topic_partition own = {t->topic, t->partition};
        for (size_t i = 0; i < n_streams; i++) {
            DG_ASSERT(strcmp(stream_of(db, streams[i])->name[0], group) == 0);
            struct dg_position *p = find_position(db, streams[i], &own);
            p = p != NULL ? p : make_position(db, streams[i], &own, DG_OFFSET_NONE);
            p->epoch = epoch;
            p->idle = false; /* the new owner has not asked yet */
            t->position[i] = *p;
            t->position[i].place = own;
            t->position[i].state = copy_bytes(p->state, p->state_len);
            out[i] = t->position[i];
        }
        s->pending = 0; /* whoever acquires has dropped what it had */
    }
    pthread_mutex_unlock(&db->lock);
    return rc;
}

static bool group_is(const struct dg_group *g, const char *version, const char *variant)
{
    return strcmp(g->version, version) == 0 && strcmp(g->variant, variant) == 0;
}

static uint32_t find_group(const struct stream *s, const char *version, const char *variant)
{
    uint32_t i = 0;
    while (i < s->n_groups && !group_is(&s->group[i], version, variant)) {
        i++;
    }
    return i;
}

static int group(struct dg_ledger *self, int32_t stream, const char *version, const char *variant,
                 uint32_t max_groups, uint32_t *out, struct dg_error *err)
{
    struct memory_db *db = ((struct session *)self)->db;
    pthread_mutex_lock(&db->lock);
    const int rc = away(db, err);
    struct stream *s = stream_of(db, stream);
    uint32_t at = rc == 0 ? find_group(s, version, variant) : 0;
    if (rc == 0 && at == s->n_groups && at + 1 >= max_groups && max_groups > 1) {
        version = version[0] == '\0' ? "" : "rest";
        variant = variant[0] == '\0' ? "" : "rest";
        at = find_group(s, version, variant);
    }
    if (rc == 0 && at == s->n_groups && at >= max_groups) {
        at = max_groups - 1;
    } else if (rc == 0 && at == s->n_groups) {
        struct dg_group *g = more(&s->group, s->n_groups++, sizeof *g);
        *g = (struct dg_group){copy_text(version), copy_text(variant)};
    }
    *out = rc == 0 ? at : *out;
    pthread_mutex_unlock(&db->lock);
    return rc;
}

static void hash_in(uint64_t *h, const void *p, size_t n)
{
    *h = *h * UINT64_C(0x9e3779b97f4a7c15) + dg_hash_key(n == 0 ? "" : p, n);
}

/* Of everything that a commit says. */
static uint64_t fingerprint(const struct dg_commit *c)
{
    uint64_t h = 1;
    for (size_t i = 0; i < c->n_positions; i++) {
        const struct dg_position *p = &c->position[i];
        const int64_t number[] = {p->stream,        p->place.partition, p->epoch,
                                  p->seq,           p->next_offset,     p->warm_offset,
                                  (int64_t)p->tail, p->clock.first_us,  p->clock.max_us,
                                  p->idle,          c->from_offset[i]};
        hash_in(&h, number, sizeof number);
        hash_in(&h, p->place.topic, strlen(p->place.topic));
        hash_in(&h, p->state, p->state_len);
    }
    for (size_t i = 0; i < c->n_rows; i++) {
        const int64_t number[] = {c->row[i].stream, c->row[i].pane_us};
        hash_in(&h, number, sizeof number);
        hash_in(&h, c->row[i].bytes, c->row[i].n);
    }
    for (size_t i = 0; i < c->n_gaps; i++) {
        const struct dg_gap *g = &c->gap[i];
        const int64_t number[] = {g->stream, g->place.partition, g->from, g->to};
        hash_in(&h, number, sizeof number);
        hash_in(&h, g->reason, strlen(g->reason));
    }
    return h | 1;
}

static int place_order(const struct dg_position *a, const struct dg_position *b)
{
    const int topic = strcmp(a->place.topic, b->place.topic);
    if (topic != 0) {
        return topic;
    }
    if (a->place.partition != b->place.partition) {
        return a->place.partition < b->place.partition ? -1 : 1;
    }
    return (a->stream > b->stream) - (a->stream < b->stream);
}

static void check_commit(const struct dg_commit *c)
{
    DG_ASSERT(c->n_positions > 0);
    for (size_t i = 0; i < c->n_positions; i++) {
        const struct dg_position *p = &c->position[i];
        DG_ASSERT(i == 0 || place_order(p - 1, p) < 0);
        DG_ASSERT(p->next_offset >= 0 && p->warm_offset >= 0);
    }
    for (size_t i = 1; i < c->n_rows; i++) {
        const struct dg_packed_row *r = &c->row[i];
        DG_ASSERT(r[-1].stream < r->stream ||
                  (r[-1].stream == r->stream && r[-1].pane_us <= r->pane_us));
    }
}

/* Is the row still as the commit expects it? */
static bool stands(struct memory_db *db, const struct dg_position *p, int64_t from)
{
    const struct stream *s = stream_of(db, p->stream);
    const struct owner *o = find_owner(db, s->name[0], &p->place, false);
    const struct dg_position *row = find_position(db, p->stream, &p->place);
    return !s->ended && o != NULL && o->epoch == p->epoch && row != NULL && row->seq == p->seq &&
           row->next_offset == from;
}

void keep_row(struct stream *s, const struct dg_packed_row *r, uint64_t commit, bool merged)
{
    struct delta_row *row = more(&s->row, s->n_rows++, sizeof *row);
    *row = (struct delta_row){r->pane_us, copy_bytes(r->bytes, r->n), r->n, commit, merged};
}

void keep_gaps(struct memory_db *db, const struct dg_gap gap[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct dg_gap *g = more(&db->gap, db->n_gaps++, sizeof *g);
        *g = gap[i];
        g->place.topic = copy_text(gap[i].place.topic);
    }
}

static void apply(struct memory_db *db, const struct dg_commit *c)
{
    db->commits++;
    for (size_t i = 0; i < c->n_positions; i++) {
        const struct dg_position *from = &c->position[i];
        struct dg_position *row = find_position(db, from->stream, &from->place);
        DG_ASSERT(row != NULL);
        const struct dg_position old = *row;
        *row = *from;
        row->place = old.place;
        row->epoch = old.epoch;
        row->seq = old.seq + 1;
        row->state = copy_bytes(from->state, from->state_len);
        free((uint8_t *)(uintptr_t)old.state);
    }
    for (size_t i = 0; i < c->n_rows; i++) {
        keep_row(stream_of(db, c->row[i].stream), &c->row[i], db->commits, false);
    }
    keep_gaps(db, c->gap, c->n_gaps);
}

static int commit_once(struct session *s, const struct dg_commit *c, uint64_t hash,
                       struct dg_error *err)
{
    struct memory_db *db = s->db;
    for (size_t i = 0; i < c->n_positions && db->fence; i++) {
        const struct dg_position *p = &c->position[i];
        if (!stands(db, p, c->from_offset[i])) {
            return dg_fail(err, ESTALE, "%s/%d: somebody else owns the partition", p->place.topic,
                           p->place.partition);
        }
    }
    if (away(db, err) != 0) {
        s->pending = hash;
        s->pending_done = false;
        return EAGAIN;
    }
    apply(db, c);
    if (strikes(db, db->faults.after)) {
        s->pending = hash;
        s->pending_done = true;
        return dg_fail(err, EAGAIN, "the outcome of the commit is not known, as the test wants");
    }
    return 0;
}

static int commit(struct dg_ledger *self, const struct dg_commit *c, struct dg_error *err)
{
    struct session *s = (struct session *)self;
    const uint64_t hash = fingerprint(c);
    pthread_mutex_lock(&s->db->lock);
    check_commit(c);
    DG_ASSERT(s->pending == 0 || s->pending == hash); /* repeated, or dropped */
    const bool done = s->pending != 0 && s->pending_done;
    s->pending = 0;
    const int rc = done ? 0 : commit_once(s, c, hash, err);
    pthread_mutex_unlock(&s->db->lock);
    return rc;
}

static int check(struct dg_ledger *self, const struct dg_position position[], size_t n,
                 struct dg_error *err)
{
    struct session *s = (struct session *)self;
    pthread_mutex_lock(&s->db->lock);
    int rc = away(s->db, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!stands(s->db, &position[i], position[i].next_offset)) {
            rc = dg_fail(err, ESTALE, "%s/%d: somebody else owns the partition",
                         position[i].place.topic, position[i].place.partition);
        }
    }
    pthread_mutex_unlock(&s->db->lock);
    return rc;
}

/* -- sessions -- */

static void drop_locks(struct session *s)
{
    for (size_t i = 0; i < s->db->n_streams; i++) {
        struct stream *of = &s->db->stream[i];
        of->judge = of->judge == s ? NULL : of->judge;
    }
}

void memory_ledger_break(struct dg_ledger *l)
{
    struct session *s = (struct session *)l;
    pthread_mutex_lock(&s->db->lock);
    drop_locks(s);
    pthread_mutex_unlock(&s->db->lock);
}

static void close_session(struct dg_ledger *self)
{
    struct session *s = (struct session *)self;
    memory_ledger_break(self);
    free_readings(s);
    for (size_t i = 0; i < s->n_taken; i++) {
        free_taken(&s->taken[i]);
    }
    free(s->taken);
    free(s);
}

static const struct dg_ledger_ops MEMORY_LEDGER = {
    .name = "memory",
    .open_stream = open_stream,
    .streams = tell_streams,
    .texts = tell_texts,
    .enroll = enroll,
    .acquire = acquire,
    .group = group,
    .commit = commit,
    .check = check,
    .lock = judge_lock,
    .read = judge_read,
    .results = judge_results,
    .save = judge_save,
    .discard = judge_discard,
    .close = close_session,
};

struct dg_ledger *memory_ledger_open(struct memory_db *db)
{
    struct session *s = must(calloc(1, sizeof *s));
    s->base.ops = &MEMORY_LEDGER;
    s->db = db;
    return &s->base;
}
