/* engine/cli/run.h -- the daemon in parts; private to run*.c.
 *
 * A generation is one configuration as it was loaded: settings, monitors, baselines. The main
 * thread waits for signals and leads from one generation to the next; the judge's thread opens a
 * generation's streams, then judges; its lanes' threads count. A reload stops lanes and judge, each
 * after its last commit, and starts those of the next generation: what was committed is in the
 * ledger, so nothing has to be handed over. */
#ifndef DG_ENGINE_CLI_RUN_H
#define DG_ENGINE_CLI_RUN_H

#include "connectors/clock.h"
#include "connectors/http_endpoint.h"
#include "connectors/kafka_dead_letters.h"
#include "connectors/kafka_member.h"
#include "connectors/record_decoder.h"
#include "engine/cli/inputs.h"
#include "engine/live/board.h"
#include "engine/live/settings.h"

#include <pthread.h>
#include <stdatomic.h>

struct run_options {
    const char *config; /* DIR or FILE */
    const char *settings;
    const char *brokers, *group, *instance;
    const char *db, *db_password_file;
    const char *registry;
    const char *listen;
    uint64_t lanes;  /* 0: as the settings say */
    uint64_t memory; /* 0: likewise */
    int64_t commit_interval_us;
    bool check_connect;
    bool until_end;
};

/* -- a generation (run_load.c) -- */

/* When the watermark of a monitor passed what: for the time from a window's close to its rows. */
#define RUN_PASSED 64
struct run_passed {
    pthread_mutex_t lock;
    int64_t lane_us[DG_LANES_MAX]; /* watermark of each lane's partitions; INT64_MAX: none */
    struct {
        int64_t watermark_us, at_us;
    } at[RUN_PASSED]; /* a ring, ascending */
    size_t n;         /* ever put in */
};

struct run_monitor {
    struct dg_loaded loaded;
    struct dg_plan plan; /* the judge's */
    bool planned;
    char *schema_path;           /* of source.schema_file, resolved; NULL: none */
    char *baselines;             /* versions of the baseline files */
    struct dg_stream_text *text; /* [key.n_texts] names borrowed; texts of baselines owned */
    struct dg_stream_key key;    /* of the stream */
    int32_t stream;              /* the ledger's number, once it is open */
    bool opened;
    atomic_size_t expected; /* partitions its topics have */
    atomic_int *partitions; /* [source.n_topics] of each; -1: not known yet */
    struct run_passed passed;
};

struct run_generation {
    struct dg_daemon_settings settings;
    struct run_monitor *monitor; /* [n] */
    size_t n;
    const char **topic; /* [n_topics] of all monitors, each once */
    size_t n_topics;
    atomic_size_t partitions; /* of all topics together, once somebody has asked; 0: nobody */
    struct dg_kafka_property *property; /* [settings.kafka.n_properties] borrowed texts */
    struct dg_registry *registry;       /* NULL: none */
};

/* What is wrong with a configuration is said where it is found; `first` keeps the first of it. */
struct run_problems {
    struct dg_error first;
    size_t n;
};

/* Load and check everything; connects to nothing. 0 or an exit code. */
DG_MUST_CHECK int run_load(const struct run_options *options, struct run_problems *problems,
                           struct run_generation **out);
void run_generation_free(struct run_generation *g);
struct dg_kafka_options run_kafka_options(const struct run_generation *g);
/* The monitor whose stream this is; NULL: none. */
struct run_monitor *run_monitor_of(struct run_generation *g, int32_t stream);
bool run_reads_topic(const struct run_monitor *m, const char *topic, size_t *which);
/* A zeroed monitor, to be freed with its generation, and what judging it needs, once its file and
 * its baselines are loaded: the plan and who the stream is. */
void run_monitor_init(struct run_monitor *m);
DG_MUST_CHECK int run_monitor_prepare(struct run_monitor *m, const char *group,
                                      struct dg_error *err);
/* Same group, monitor, configuration and baselines. */
bool run_same_stream(const struct dg_stream_key *a, const struct dg_stream_key *b);

/* -- threads -- */

struct run;

struct run_thread {
    pthread_t id;
    bool started;
    atomic_bool stop; /* please */
    atomic_bool done; /* it is about to return */
};

struct run_judge { /* run_judge.c */
    struct run_thread thread;
    struct run *run;
    struct run_generation *g;
    struct run_generation *before; /* whose ended streams are judged a last time; NULL: none */
    bool recalled;                 /* streams that only the ledger knew were judged, too */
    atomic_bool opened;            /* streams have their numbers: lanes may start */
    atomic_bool failed;            /* the last run was not done */
    int64_t limit_us;              /* when to give up a run, once the thread is to stop */
    pthread_mutex_t lock;
    pthread_cond_t news; /* a lane committed */
    bool fresh;
};
DG_MUST_CHECK int run_judge_start(struct run_judge *j, struct dg_error *err);
void run_judge_wake(struct run_judge *j);

struct run_lane; /* run_lane.h */
DG_MUST_CHECK int run_lane_start(struct run *r, uint32_t index, struct run_lane **out,
                                 struct dg_error *err);
struct run_thread *run_lane_thread(struct run_lane *l);
/* Everything its partitions had is counted and committed. */
bool run_lane_at_end(const struct run_lane *l, bool *failed);
void run_lane_free(struct run_lane *l); /* after its thread ended */

struct run {
    struct run_options options;
    struct run_generation *g;
    struct dg_board *board;
    struct dg_http_endpoint *http;
    struct run_judge judge;
    struct run_lane *lane[DG_LANES_MAX];
    uint32_t n_lanes;
    char host[64];
    atomic_bool ended; /* another process ended a stream of ours */
    atomic_bool
        reopen; /* the ledger lacks a stream: stop lanes and judge, open the streams again */
};

/* The ledger lacks a stream that was opened (EIDRM): have all of them opened again, unless somebody
 * ended it before. */
void run_reopen(struct run *r, const struct dg_error *why);

/* A wait that doubles from 0.2 s to 5 s; zeroed = none. */
struct run_backoff {
    int64_t wait_us, until_us;
};
void run_backoff_next(struct run_backoff *b);
bool run_backoff_over(const struct run_backoff *b);
/* Sleep at most this long; false as soon as the thread shall stop. */
bool run_pause(const struct run_thread *t, int64_t us);

/* -- the ledger with a witness (run_ledger.c) -- */

/* A ledger that tells the board how it fares: state, counts, times. `who`: "lane 0". */
DG_MUST_CHECK int run_ledger_open(struct run *r, const struct run_generation *g, const char *who,
                                  struct dg_ledger **out, struct dg_error *err);

/* -- streams that are known only to the ledger (run_recall.c) -- */

/*
 * The group's streams in the ledger that `g` does not go on with, made anew from the texts that
 * are kept with them: a generation whose monitors can be judged, and nothing else. What cannot be
 * made anew is said and counted. Errors: the ledger's.
 */
DG_MUST_CHECK int run_recall(struct run *r, const struct run_generation *g,
                             struct dg_ledger *ledger, struct run_generation **out,
                             struct dg_error *err);

/* -- systemd (run_notify.c) -- */

/* One datagram to $NOTIFY_SOCKET, if there is one: "READY=1". */
void run_notify(const char *format, ...) DG_PRINTF(1, 2);
/* Half of what the watchdog allows; 0: there is none. */
int64_t run_watchdog_us(void);

/* -- the life of the daemon (run_reload.c) -- */

/* Until it is stopped; an exit code. */
int run_daemon(struct run *r);

/* -- --check-connect (run_probe.c) -- */

int run_check_connect(const struct run_generation *g);

#endif
