/* driftgauge run: the daemon. Options and start-up; what happens then is in run_reload.c. */
#include "engine/cli/run.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const struct dg_option options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = DG_OPTION_TEXT,
     .value = "DIR|FILE",
     .required = true,
     .complete = DG_COMPLETE_FILE,
     .doc = "directory of monitor files, with driftgauge.yaml if there is one; or one monitor file",
     .offset = offsetof(struct run_options, config)},
    {.name = "settings",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "how the daemon runs; default: DIR/driftgauge.yaml",
     .offset = offsetof(struct run_options, settings)},
    {.name = "brokers",
     .kind = DG_OPTION_TEXT,
     .value = "HOST:PORT,...",
     .doc = "Kafka; instead of kafka.brokers",
     .offset = offsetof(struct run_options, brokers)},
    {.name = "group",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .doc = "consumer group; instead of kafka.group",
     .offset = offsetof(struct run_options, group)},
    {.name = "instance",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .doc = "static membership; instead of kafka.instance",
     .offset = offsetof(struct run_options, instance)},
    {.name = "registry",
     .kind = DG_OPTION_TEXT,
     .value = "URL",
     .doc = "schema registry; instead of registry.url",
     .offset = offsetof(struct run_options, registry)},
    {.name = "db",
     .kind = DG_OPTION_TEXT,
     .value = "TARGET",
     .doc = "database: a name, postgresql://... or \"host=... dbname=...\"; instead of "
            "database.target",
     .offset = offsetof(struct run_options, db)},
    {.name = "db-password-file",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .complete = DG_COMPLETE_FILE,
     .doc = "file whose first line is the password; instead of database.password_file",
     .offset = offsetof(struct run_options, db_password_file)},
    {.name = "listen",
     .kind = DG_OPTION_TEXT,
     .value = "HOST:PORT",
     .doc = "metrics, health and status over HTTP; off: none; instead of http.listen",
     .offset = offsetof(struct run_options, listen)},
    {.name = "lanes",
     .kind = DG_OPTION_COUNT,
     .least = 0,
     .most = DG_LANES_MAX,
     .initial = "0",
     .doc = "threads that consume; 0: as the settings say",
     .offset = offsetof(struct run_options, lanes)},
    {.name = "memory",
     .kind = DG_OPTION_COUNT,
     .value = "MB",
     .least = 0,
     .most = 1e6,
     .initial = "0",
     .doc = "memory of all lanes for what is not committed yet; 0: as the settings say",
     .offset = offsetof(struct run_options, memory)},
    {.name = "commit-interval",
     .kind = DG_OPTION_DURATION,
     .initial = "0s",
     .doc = "at most this long between commits; 0s: as the settings say",
     .offset = offsetof(struct run_options, commit_interval_us)},
    {.name = "check-connect",
     .kind = DG_OPTION_FLAG,
     .doc = "ask broker, database and registry whether they are there, print what they say, and "
            "leave: 0 all are, 4 not all",
     .offset = offsetof(struct run_options, check_connect)},
    {.name = "until-end",
     .kind = DG_OPTION_FLAG,
     .doc = "count what the topics hold now, judge it as if nothing came behind it, and leave",
     .offset = offsetof(struct run_options, until_end)},
};

static const struct dg_example examples[] = {
    {"driftgauge run -c /etc/driftgauge", "The monitors of a directory, as driftgauge.yaml says."},
    {"driftgauge run -c credit-risk.yaml --brokers kafka-1:9092 --db ml",
     "One monitor, without a file of settings."},
    {"driftgauge run -c /etc/driftgauge --check-connect",
     "Is everything there that the daemon needs?"},
    {"driftgauge run -c /etc/driftgauge --until-end", "Catch up with the topics and leave."},
};

const struct dg_command dg_run_command = {
    .name = "run",
    .summary = "watch Kafka topics and keep the verdicts in PostgreSQL",
    .description =
        "The daemon. It consumes the topics that the monitors name as one consumer group, counts, "
        "judges every window when event time has passed it, and writes the rows to PostgreSQL: "
        "those that a replay of the same records gives, to the last bit, whatever was killed or "
        "away in between.\n\nSIGTERM or SIGINT commits what is counted and leaves; once more "
        "leaves "
        "at once. SIGHUP reads the configuration anew: a bad one is refused and the old one runs "
        "on. While the database or the brokers are away it waits, loses nothing, and goes on by "
        "itself; /readyz, /metrics and `driftgauge status` say so. Several processes of one group "
        "share the partitions.",
    .options = options,
    .n_options = DG_COUNT_OF(options),
    .examples = examples,
    .n_examples = DG_COUNT_OF(examples),
    .run = dg_command_run,
};

/* Before any thread is there: they inherit it, and the main thread waits for them. */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* a connection that is gone is an errno */
}

static int open_endpoint(struct run *r)
{
    struct dg_error err = {0};
    const struct dg_daemon_settings *s = &r->g->settings;
    if (strcmp(s->http.listen, "off") == 0) {
        return 0;
    }
    const struct dg_http_options how = {.listen = s->http.listen, .token_file = s->http.token_file};
    const int rc = dg_http_endpoint_open(&how, r->board, &r->http, &err);
    if (rc == 0) {
        /* The setting's port may be 0, for any that is free. */
        const char *const port = strrchr(s->http.listen, ':');
        const int host = port == NULL ? 0 : (int)(port - s->http.listen);
        dg_log(DG_LOG_INFO, "listening", "status and metrics on http://%.*s:%u",
               host > 0 ? host : 9, host > 0 ? s->http.listen : "localhost",
               dg_http_endpoint_port(r->http));
        return 0;
    }
    return dg_report(rc == EINVAL ? DG_EXIT_CONFIG : DG_EXIT_UNEXPECTED, &err);
}

static int run_loaded(struct run *r)
{
    struct dg_error err = {0};
    if (dg_board_open(&r->board, &err) != 0) {
        return dg_report(DG_EXIT_UNEXPECTED, &err);
    }
    int code = open_endpoint(r);
    if (code == 0) {
        dg_log(DG_LOG_INFO, "run_started",
               "%zu monitor%s, %zu topic%s, group %s, %u lane%s, at most %llu MB uncommitted",
               r->g->n, r->g->n == 1 ? "" : "s", r->g->n_topics, r->g->n_topics == 1 ? "" : "s",
               r->g->settings.kafka.group, r->g->settings.lanes,
               r->g->settings.lanes == 1 ? "" : "s", (unsigned long long)r->g->settings.memory_mb);
        code = run_daemon(r);
    }
    if (r->http != NULL) {
        dg_http_endpoint_close(r->http);
    }
    dg_board_close(r->board);
    return code;
}

/* Condition variables wait by a clock that nobody sets. */
static void init_judge(struct run_judge *j)
{
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->news, &steady);
    pthread_condattr_destroy(&steady);
}

int dg_command_run(int argc, char **argv)
{
    struct run r = {0};
    int code = dg_options_parse(&dg_run_command, argc, argv, &r.options);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    if (r.options.memory != 0 && r.options.memory < 16) {
        return dg_usage_error(&dg_run_command, "--memory must be 16 or more");
    }
    if (r.options.commit_interval_us != 0 && (r.options.commit_interval_us < 100000 ||
                                              r.options.commit_interval_us > 60 * DG_US_PER_S)) {
        return dg_usage_error(&dg_run_command, "--commit-interval must be 100ms to 1m");
    }
    struct run_problems problems = {0};
    block_signals();
    if (gethostname(r.host, sizeof r.host - 1) != 0) {
        strcpy(r.host, "localhost");
    }
    code = run_load(&r.options, &problems, &r.g);
    if (code != 0) {
        return code;
    }
    init_judge(&r.judge);
    code = r.options.check_connect ? run_check_connect(r.g) : run_loaded(&r);
    run_generation_free(r.g);
    pthread_cond_destroy(&r.judge.news);
    pthread_mutex_destroy(&r.judge.lock);
    return code;
}
