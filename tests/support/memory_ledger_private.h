/* tests/support/memory_ledger_private.h -- what the files of the ledger in memory share. */
#ifndef DG_TESTS_MEMORY_LEDGER_PRIVATE_H
#define DG_TESTS_MEMORY_LEDGER_PRIVATE_H

#include "tests/support/memory_ledger.h"

struct session;
struct sink;

struct delta_row {
    int64_t pane_us;
    uint8_t *bytes;
    size_t n;
    uint64_t commit; /* that brought it */
    bool merged;     /* by a judge */
};

struct result_row {
    uint64_t hash;    /* of the key */
    char *key, *text; /* text of the highest revision */
    uint64_t revision;
};

struct stream {
    char *name[4]; /* group, monitor, config hash, baseline */
    bool ended;
    char **text; /* [2 n_texts] name and text, in turn */
    size_t n_texts;
    struct dg_group *group;
    uint32_t n_groups;
    struct delta_row *row;
    size_t n_rows;
    uint8_t *checkpoint;
    size_t checkpoint_len;
    bool has_checkpoint;
    struct result_row *result;
    size_t n_results;
    struct session *judge;
};

/* Who owns a partition in a group. */
struct owner {
    char *group, *topic;
    int32_t partition;
    int64_t epoch;
};

struct memory_db {
    pthread_mutex_t lock;
    struct stream *stream; /* [n_streams] number = index + 1 */
    size_t n_streams;
    struct dg_position *position;
    size_t n_positions;
    struct owner *owner;
    size_t n_owners;
    struct dg_gap *gap;
    size_t n_gaps;
    uint64_t commits;
    bool fence;
    struct memory_faults faults;
};

/* What a session has read of a stream, and the rows it keeps for save. */
struct reading {
    int32_t stream;
    uint64_t commit;
    uint32_t groups;
    struct result_row *kept;
    size_t n_kept;
    bool saved; /* the last save took effect, unknown to the caller */
    uint64_t saved_rows;
    struct sink *sink;
};

struct session {
    struct dg_ledger base;
    struct memory_db *db;
    struct reading *reading;
    size_t n_reading;
    struct taken {
        char *topic;
        int32_t partition;
        struct dg_position *position; /* [n] copies handed out */
        size_t n;
    } * taken;
    size_t n_taken;
    uint64_t pending;  /* fingerprint of the commit that must be repeated; 0: none */
    bool pending_done; /* ... and whether it has taken effect */
};

void *must(void *p);
char *copy_text(const char *s);
uint8_t *copy_bytes(const uint8_t *p, size_t n);
/* One more element, zeroed. */
void *more(void *array_at, size_t n, size_t size);

bool strikes(struct memory_db *db, unsigned percent);
int away(struct memory_db *db, struct dg_error *err);
struct stream *stream_of(struct memory_db *db, int32_t stream);
void keep_row(struct stream *s, const struct dg_packed_row *r, uint64_t commit, bool merged);
void keep_gaps(struct memory_db *db, const struct dg_gap gap[], size_t n);
void free_results(struct result_row *r, size_t n);
void free_readings(struct session *s);
struct dg_position *find_position(const struct memory_db *db, int32_t stream,
                                  const struct dg_topic_partition *place);

/* The judge's side of the operations. */
int judge_lock(struct dg_ledger *self, int32_t stream, bool *held, struct dg_error *err);
int judge_read(struct dg_ledger *self, int32_t stream, bool all,
               const struct dg_ledger_reader *reader, struct dg_error *err);
struct dg_sink *judge_results(struct dg_ledger *self, int32_t stream);
int judge_save(struct dg_ledger *self, int32_t stream, const struct dg_judgement *j,
               uint64_t *written, struct dg_error *err);
void judge_discard(struct dg_ledger *self, int32_t stream);

#endif
