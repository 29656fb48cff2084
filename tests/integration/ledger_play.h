/* tests/integration/ledger_play.h -- a ledger's caller without an engine: positions that count
 * records, rows that say how many. */
#ifndef DG_TESTS_LEDGER_PLAY_H
#define DG_TESTS_LEDGER_PLAY_H

#include "connectors/postgres_ledger.h"
#include "engine/monitor.h"
#include "tests/check.h"

#include <errno.h>
#include <string.h>

#define MINUTE_US INT64_C(60000000)

static inline struct dg_ledger *open_ledger(const char *db, const char *owner)
{
    struct dg_error err = {0};
    struct dg_ledger *l = NULL;
    const struct dg_postgres_ledger_options options = {.connection = {.db = db}, .owner = owner};
    if (dg_postgres_ledger_open(&options, &l, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return l;
}

static inline struct dg_stream_key stream_key(const char *group, const struct dg_monitor *m)
{
    return (struct dg_stream_key){
        .group = group, .monitor = m->name, .config_hash = m->hash, .baseline = "", .of = m};
}

static inline int32_t open_stream(struct dg_ledger *l, const char *group,
                                  const struct dg_monitor *m)
{
    struct dg_error err = {0};
    int32_t stream = 0;
    bool replaced = false;
    const struct dg_stream_key key = stream_key(group, m);
    if (l->ops->open_stream(l, &key, &stream, &replaced, &err) != 0) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return stream;
}

/* A commit of one position and one row: `n` more records of it were counted, in pane `pane_us`. */
static inline int commit_counted(struct dg_ledger *l, struct dg_position *p, uint64_t n,
                                 int64_t pane_us, struct dg_error *err)
{
    const struct dg_packed_row row = {p->stream, pane_us, (const uint8_t *)&n, sizeof n};
    struct dg_position next = *p;
    const int64_t from = p->next_offset;
    next.next_offset = (from == DG_OFFSET_NONE ? 0 : from) + (int64_t)n;
    next.warm_offset = next.next_offset;
    const struct dg_commit c = {
        .position = &next, .from_offset = &from, .n_positions = 1, .row = &row, .n_rows = n > 0};
    const int code = l->ops->commit(l, &c, err);
    if (code == 0) {
        *p = next;
        p->seq++;
    }
    return code;
}

/* What a judge was told, summed up. */
struct told {
    uint64_t counted; /* by rows */
    int64_t offsets;  /* by positions */
    size_t rows, groups, positions;
    uint8_t checkpoint[64];
    size_t checkpoint_len;
    char words[1024]; /* of positions and groups */
    int fail;         /* to return from row */
};

static inline int told_checkpoint(void *arg, const uint8_t bytes[], size_t n, struct dg_error *err)
{
    struct told *t = arg;
    (void)err;
    t->checkpoint_len = n;
    memcpy(t->checkpoint, bytes, n < sizeof t->checkpoint ? n : sizeof t->checkpoint);
    return 0;
}

static inline void told_say(struct told *t, const char *words)
{
    const size_t len = strlen(t->words);
    snprintf(t->words + len, sizeof t->words - len, "%s ", words);
}

static inline int told_group(void *arg, uint32_t group, const char *version, const char *variant,
                             struct dg_error *err)
{
    struct told *t = arg;
    char words[256];
    (void)err;
    CHECK_INT(group, t->groups);
    t->groups++;
    snprintf(words, sizeof words, "%s/%s", version, variant);
    told_say(t, words);
    return 0;
}

static inline int told_row(void *arg, int64_t pane_us, const uint8_t bytes[], size_t n,
                           struct dg_error *err)
{
    struct told *t = arg;
    uint64_t count = 0;
    (void)err;
    (void)pane_us;
    memcpy(&count, bytes, n < sizeof count ? n : sizeof count);
    t->counted += count;
    t->rows++;
    return t->fail;
}

static inline int told_position(void *arg, const struct dg_position *p, struct dg_error *err)
{
    struct told *t = arg;
    char words[256];
    (void)err;
    t->positions++;
    t->offsets += p->next_offset == DG_OFFSET_NONE ? 0 : p->next_offset;
    snprintf(words, sizeof words, "%s/%d@%lld", p->place.topic, (int)p->place.partition,
             (long long)p->next_offset);
    told_say(t, words);
    return 0;
}

static inline int read_told(struct dg_ledger *l, int32_t stream, bool all, struct told *t,
                            struct dg_error *err)
{
    const struct dg_ledger_reader reader = {told_checkpoint, told_group, told_row, told_position,
                                            t};
    return l->ops->read(l, stream, all, &reader, err);
}

#endif
