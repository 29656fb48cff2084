/* connectors/postgres_ledger_parts.h -- what the files of the PostgreSQL ledger share. */
#ifndef DG_CONNECTORS_POSTGRES_LEDGER_PARTS_H
#define DG_CONNECTORS_POSTGRES_LEDGER_PARTS_H

#include "connectors/postgres_ledger.h"
#include "connectors/postgres_pipe.h"
#include "connectors/postgres_run.h"

/* A position of a place that this object has acquired. */
struct dg_held_position {
    int32_t stream, position_id;
    uint8_t *state; /* owned: what acquire handed out points to it */
};

/* A place that this object has acquired. */
struct dg_held {
    char *group, *topic; /* owned, as given */
    int32_t partition;
    int32_t partition_id;
    struct dg_held_position *position; /* [n] */
    size_t n;
};

/* The seq that a position had when it was last read. */
struct dg_seen {
    int32_t position_id;
    int64_t seq;
};

struct dg_live_results;

/* A version and variant of a stream, as this object has read it. */
struct dg_ledger_group {
    char *version, *variant; /* owned */
    int64_t hash;            /* of the row, as the server computes it */
};

/* What this object knows of a stream. */
struct dg_ledger_stream {
    int32_t stream;
    char began[48];                /* when, as the server wrote it first; "": not asked yet */
    struct dg_ledger_group *group; /* [n_groups] by number */
    uint32_t n_groups, cap_groups;
    uint64_t session;     /* in which the judge's lock was got; 0: it is not held */
    bool read;            /* since then everything was read once */
    struct dg_seen *seen; /* [n_seen] by position_id: as of the last read */
    size_t n_seen;
    struct dg_live_results *results; /* NULL before they are asked for */
};

struct dg_pg_ledger {
    struct dg_ledger base;
    char *db, *password_file, *tenant,
        *owner;       /* owned; db and password_file NULL: as the environment */
    struct dg_pg *pg; /* NULL: no session */
    uint64_t session; /* number of the session, from 1 */
    int32_t tenant_id;
    bool unsettled;       /* the last COMMIT of positions was sent and never answered */
    struct dg_held *held; /* [n_held] */
    size_t n_held;
    struct dg_ledger_stream **stream; /* [n_streams] */
    size_t n_streams;
    int64_t asked_s;        /* monotonic clock: when dg_ledger_stay last asked the server */
    struct dg_pg_args args; /* for one statement after the other */
};

/* A session, made if there is none. EAGAIN: no server; EACCES: it refuses us; EINVAL; errors of
 * dg_schema_check. */
DG_MUST_CHECK int dg_ledger_session(struct dg_pg_ledger *l, struct dg_error *err);
/* The end of every call: what time heals becomes EAGAIN, a transaction left open is rolled back, a
 * lost session is closed. */
int dg_ledger_done(struct dg_pg_ledger *l, int code);
/* The stream's entry, made if it has none; NULL: out of memory. */
struct dg_ledger_stream *dg_ledger_stream(struct dg_pg_ledger *l, int32_t stream);
/* The place as acquired, and the number of the stream's position there; NULL: it was not. */
const struct dg_held *dg_ledger_held(const struct dg_pg_ledger *l,
                                     const struct dg_topic_partition *place, int32_t stream,
                                     int32_t *position_id);
DG_MUST_CHECK int dg_ledger_run(struct dg_pg_ledger *l, const char *what, const char *sql,
                                struct dg_error *err);
/* Number of rows in a single cell of a result, -1 without one. */
long long dg_ledger_count(const struct pg_result *r);
/* Keep the key's texts with the stream, unless it has some; within a transaction. */
DG_MUST_CHECK int dg_ledger_keep_texts(struct dg_pg_ledger *l, const struct dg_stream_key *key,
                                       int32_t stream, struct dg_error *err);
/* Add gaps within a transaction. */
DG_MUST_CHECK int dg_ledger_gaps(struct dg_pg_ledger *l, const struct dg_gap gap[], size_t n,
                                 struct dg_error *err);
/* Why a stream that should go on does not: ESTALE, it has ended; EIDRM, it is gone; in words. */
int dg_ledger_ended(struct dg_pg_ledger *l, int32_t stream, struct dg_error *err);
/* EIDRM, in words. */
int dg_ledger_gone(struct dg_pg_ledger *l, int32_t stream, struct dg_error *err);
/* The stream that has this number began at that time; EIDRM if another one had it before. */
DG_MUST_CHECK int dg_ledger_began(struct dg_pg_ledger *l, int32_t stream, const char *at,
                                  struct dg_error *err);

/* -- groups (postgres_ledger_groups.c) -- */

void dg_ledger_forget_groups(struct dg_ledger_stream *s);
/* All rows of a stream's groups, by number. */
DG_MUST_CHECK int dg_ledger_ask_groups(struct dg_pg_ledger *l, int32_t stream, struct pg_result **r,
                                       struct dg_error *err);
/* Compare them with what is known, and learn what is new. *lacks: some that are known are gone.
 * ESTALE: others have their numbers, and nothing is known any more. EBADMSG: a number that was
 * never known is missing. */
DG_MUST_CHECK int dg_ledger_compare_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s,
                                           const struct pg_result *r, bool *lacks,
                                           struct dg_error *err);
/* Write those that are gone again, in a transaction of its own. ESTALE, EBADMSG, EIDRM as above. */
DG_MUST_CHECK int dg_ledger_mend_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s,
                                        struct dg_error *err);
/* How many of these streams lack something of what is known, and its arguments. */
extern const char dg_ledger_groups_sql[];
void dg_ledger_groups_args(struct dg_pg_ledger *l, const int32_t stream[], size_t n);
void dg_ledger_clear(struct pg_result *result[], size_t n);

/* Members of the table of operations. */
int dg_ledger_open_stream(struct dg_ledger *self, const struct dg_stream_key *key, int32_t *stream,
                          bool *replaced, struct dg_error *err);
int dg_ledger_streams(struct dg_ledger *self, const char *group,
                      int (*tell)(void *arg, const struct dg_known_stream *s, struct dg_error *err),
                      void *arg, struct dg_error *err);
int dg_ledger_texts(struct dg_ledger *self, int32_t stream,
                    int (*tell)(void *arg, const struct dg_stream_text *t, struct dg_error *err),
                    void *arg, struct dg_error *err);
int dg_ledger_group(struct dg_ledger *self, int32_t stream, const char *version,
                    const char *variant, uint32_t max_groups, uint32_t *group,
                    struct dg_error *err);
/* Free what it owns and zero it. */
void dg_ledger_free_held(struct dg_held *h);
int dg_ledger_enroll(struct dg_ledger *self, int32_t stream, const char *topic, int32_t n,
                     struct dg_error *err);
int dg_ledger_acquire(struct dg_ledger *self, const char *group,
                      const struct dg_topic_partition *place, const int32_t streams[],
                      size_t n_streams, struct dg_position out[], struct dg_error *err);
int dg_ledger_commit(struct dg_ledger *self, const struct dg_commit *c, struct dg_error *err);
int dg_ledger_check(struct dg_ledger *self, const struct dg_position position[], size_t n,
                    struct dg_error *err);
int dg_ledger_lock(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err);
int dg_ledger_read(struct dg_ledger *self, int32_t stream, bool all,
                   const struct dg_ledger_reader *reader, struct dg_error *err);
struct dg_sink *dg_ledger_results(struct dg_ledger *self, int32_t stream);
int dg_ledger_save(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
                   uint64_t *written, struct dg_error *err);
void dg_ledger_discard(struct dg_ledger *self, int32_t stream);

/* The numbers of positions and their seqs as last read, two arrays. */
void dg_ledger_seen_args(struct dg_pg_args *a, const struct dg_ledger_stream *s);
/* Keep the session from being closed for idleness while a judge computes. */
DG_MUST_CHECK int dg_ledger_stay(struct dg_pg_ledger *l, struct dg_error *err);
void dg_live_results_close(struct dg_live_results *r); /* NULL is fine */
/* The lock is held in this session; ESTALE otherwise. */
DG_MUST_CHECK int dg_ledger_judging(struct dg_pg_ledger *l, int32_t stream,
                                    struct dg_ledger_stream **out, struct dg_error *err);
/* As dg_ledger_done, for a judge: a session that was lost took the lock with it, ESTALE. */
int dg_ledger_judged(struct dg_pg_ledger *l, struct dg_ledger_stream *s, int code,
                     struct dg_error *err);

static inline struct dg_pg_ledger *dg_pg_ledger_of(struct dg_ledger *self)
{
    return (struct dg_pg_ledger *)self;
}

#endif
