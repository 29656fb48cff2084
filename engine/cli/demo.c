/* driftgauge demo: the whole live path on one machine, without any server set up beforehand. */
#include "connectors/clock.h"
#include "engine/cli/commands.h"
#include "engine/cli/demo_broker.h"
#include "engine/cli/demo_process.h"
#include "engine/cli/demo_server.h"
#include "engine/cli/demo_watch.h"
#include "engine/cli/exit_codes.h"
#include "engine/projection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOPIC   "credit.scores"
#define START_S INT64_C(1772323200) /* 2026-03-01T00:00:00Z */
#define SPAN_S  INT64_C(172800)

enum { PARTITIONS = 4, REFERENCE_ROWS = 20000, LOOK_MS = 250, PUT_MS = 20, SETTLE_MS = 20000 };
enum { STOP_MS = 10000, DIRECTORY_MAX = 80 };

struct settings {
    uint64_t seconds, rate;
    bool keep;
};

static const struct dg_option options[] = {
    {.name = "seconds",
     .letter = 's',
     .kind = DG_OPTION_COUNT,
     .value = "N",
     .least = 5,
     .most = 3600,
     .initial = "30",
     .doc = "how long events are written; they span two days of event time",
     .offset = offsetof(struct settings, seconds)},
    {.name = "rate",
     .kind = DG_OPTION_COUNT,
     .value = "N",
     .least = 100,
     .most = 20000,
     .initial = "2500",
     .doc = "events per second",
     .offset = offsetof(struct settings, rate)},
    {.name = "keep",
     .letter = 'k',
     .kind = DG_OPTION_FLAG,
     .doc = "leave the database running and the files where they are",
     .offset = offsetof(struct settings, keep)},
};

static const struct dg_example examples[] = {
    {"driftgauge demo", "Half a minute of scores; half-way the world changes."},
    {"driftgauge demo --keep", "The same, and a database to look around in afterwards."},
};

const struct dg_command dg_demo_command = {
    .name = "demo",
    .summary = "the whole live path, with nothing set up beforehand",
    .description =
        "Start a broker inside this process (librdkafka's, for tests), a private PostgreSQL in a "
        "temporary directory, and driftgauge run between them. Then write a credit-scoring "
        "model's events, two days of event time in --seconds, and print every window as it is "
        "judged. Half-way a partner channel goes live with smaller incomes, and a join breaks: "
        "see when that is found, and where.\n\nNeeds the PostgreSQL server's programs (Debian, "
        "Ubuntu: apt-get install postgresql), or PG_BINDIR. Everything is removed at the end, "
        "after Ctrl-C too, unless --keep is given.",
    .options = options,
    .n_options = DG_COUNT_OF(options),
    .examples = examples,
    .n_examples = DG_COUNT_OF(examples),
    .run = dg_command_demo,
};

static const char monitor_text[] =
    "monitor: credit-risk\n"
    "description: Loan approval score\n"
    "source: { topic: " TOPIC ", format: json, idle_after: 1s }\n"
    "columns:\n"
    "  timestamp: ts\n"
    "  id: event_id\n"
    "  prediction: { score: score, class: decision }\n"
    "  latency: latency_ms\n"
    "  features:\n"
    "    income: { type: numeric, valid: [0, 10000000] }\n"
    "    age: { type: numeric, valid: [18, 110] }\n"
    "    utilization: { type: numeric, valid: [0, 1] }\n"
    "    loan_amount: numeric\n"
    "    term_months: numeric\n"
    "    employment: category\n"
    "    channel: category\n"
    "    country: category\n"
    "  ignore: [model_version]\n"
    "windows: { size: 6h, slide: 1h }\n"
    "segments: [country]\n"
    "baselines:\n"
    "  training: { file: training.baseline.json }\n"
    "checks:\n"
    "  drift: { effect: 0.1, for: 3 }\n"
    "  missing: { warn: above 5%, critical: above 15%, baseline: training }\n";

struct demo {
    struct settings settings;
    char dir[DIRECTORY_MAX];
    char program[PATH_MAX]; /* this one */
    struct dg_demo_server server;
    struct dg_demo_broker *broker;
    struct dg_demo_watch watch;
    pid_t daemon;
    uint16_t port;
    uint64_t events, written;
    struct dg_demo_events stream;
    int64_t began_us;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static double seconds_since(int64_t began_us)
{
    return (double)(dg_steady_us() - began_us) * 1e-6;
}

static void say(const char *words)
{
    if (!dg_common()->quiet) {
        fprintf(stderr, "== %s\n", words);
    }
}

/* ---- files ------------------------------------------------------------------------------- */

/* A socket's path may have 107 bytes: a long TMPDIR does not do. */
static int make_directory(struct demo *d, struct dg_error *err)
{
    const char *tmp = getenv("TMPDIR");
    tmp = tmp != NULL && tmp[0] == '/' && strlen(tmp) < 40 ? tmp : "/tmp";
    snprintf(d->dir, sizeof d->dir, "%.40s/driftgauge-demo.XXXXXX", tmp);
    if (mkdtemp(d->dir) == NULL || chmod(d->dir, 0711) != 0) {
        const int code = errno;
        const int rc = dg_fail(err, code, "cannot make %s: %s", d->dir, strerror(code));
        d->dir[0] = '\0';
        return rc;
    }
    const ssize_t n = readlink("/proc/self/exe", d->program, sizeof d->program - 1);
    return n > 0 ? 0 : dg_fail(err, errno, "cannot find this program: %s", strerror(errno));
}

static FILE *create(const struct demo *d, const char *name, struct dg_error *err)
{
    char path[DIRECTORY_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", d->dir, name);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        dg_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
    }
    return f;
}

static int finish_file(FILE *f, struct dg_error *err)
{
    const bool failed = ferror(f) != 0;
    return fclose(f) == 0 && !failed ? 0 : dg_fail(err, EIO, "cannot write the demo's files");
}

static int write_reference(const struct demo *d, struct dg_error *err)
{
    FILE *f = create(d, "reference.ndjson", err);
    if (f == NULL) {
        return EIO;
    }
    struct dg_demo_events month = {DG_DEMO_SEED};
    for (uint64_t i = 0; i < REFERENCE_ROWS; i++) {
        struct dg_demo_event e;
        char line[DG_DEMO_TEXT];
        const double at = (double)START_S - 28 * 86400.0 * (1.0 - (double)i / REFERENCE_ROWS);
        dg_demo_event_next(&month, i, at, false, &e);
        dg_demo_event_json(&e, line, sizeof line);
        fprintf(f, "%s\n", line);
    }
    return finish_file(f, err);
}

static int write_monitor(const struct demo *d, struct dg_error *err)
{
    FILE *f = create(d, "credit-risk.yaml", err);
    if (f == NULL) {
        return EIO;
    }
    fputs(monitor_text, f);
    return finish_file(f, err);
}

static int write_settings(const struct demo *d, struct dg_error *err)
{
    FILE *f = create(d, "driftgauge.yaml", err);
    if (f == NULL) {
        return EIO;
    }
    fprintf(f,
            "kafka: { brokers: \"%s\", group: demo }\n"
            "database: { target: \"%s\" }\n"
            "http: { listen: \"127.0.0.1:%" PRIu16 "\" }\n"
            "commit: { interval: 250ms }\n"
            "judge: { interval: 250ms }\n",
            dg_demo_broker_address(d->broker), d->server.target, d->port);
    return finish_file(f, err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* ---- the parts --------------------------------------------------------------------------- */

static int run_self(const struct demo *d, const char *const argv[], pid_t *pid,
                    struct dg_error *err)
{
    char log[DIRECTORY_MAX + 64];
    snprintf(log, sizeof log, "%s/%s.log", d->dir, argv[1]);
    const struct dg_demo_spawn how = {.argv = argv, .log = log, .orphaned = SIGTERM};
    return pid != NULL ? dg_demo_spawn(&how, pid, err) : dg_demo_run(&how, err);
}

static int build_baseline(const struct demo *d, struct dg_error *err)
{
    char monitor[DIRECTORY_MAX + 64], input[DIRECTORY_MAX + 64], out[DIRECTORY_MAX + 64];
    snprintf(monitor, sizeof monitor, "%s/credit-risk.yaml", d->dir);
    snprintf(input, sizeof input, "%s/reference.ndjson", d->dir);
    snprintf(out, sizeof out, "%s/training.baseline.json", d->dir);
    const char *const argv[] = {d->program, "baseline", "build", "-c", monitor,
                                "--input",  input,      "--out", out,  NULL};
    return run_self(d, argv, NULL, err);
}

/* A port that is free now; that somebody else takes it within the second is theirs to explain. */
static uint16_t free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool found = fd >= 0 && bind(fd, (struct sockaddr *)&a, n) == 0 &&
                       getsockname(fd, (struct sockaddr *)&a, &n) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return found ? ntohs(a.sin_port) : 9464;
}

static int start_daemon(struct demo *d, struct dg_error *err)
{
    const char *const argv[] = {d->program, "run", "-c", d->dir, NULL};
    d->port = free_port();
    const int rc = write_settings(d, err);
    return rc != 0 ? rc : run_self(d, argv, &d->daemon, err);
}

static int start(struct demo *d, struct dg_error *err)
{
    char words[512];
    int rc = make_directory(d, err);
    if (rc != 0) {
        return rc;
    }
    say("a private PostgreSQL, and the schema (driftgauge db migrate)");
    rc = dg_demo_server_start(&d->server, d->dir, d->settings.keep, err);
    if (rc == 0 && !interrupted) {
        snprintf(words, sizeof words,
                 "a baseline from %d events of the month before "
                 "(driftgauge baseline build)",
                 REFERENCE_ROWS);
        say(words);
        rc = write_monitor(d, err);
        rc = rc != 0 ? rc : write_reference(d, err);
        rc = rc != 0 ? rc : build_baseline(d, err);
    }
    if (rc == 0 && !interrupted) {
        rc = dg_demo_broker_open(TOPIC, PARTITIONS, &d->broker, err);
        rc = rc != 0 ? rc : start_daemon(d, err);
        rc = rc != 0 ? rc
                     : dg_demo_watch_open(&d->watch, d->server.target, dg_common()->no_color, err);
    }
    if (rc == 0) {
        snprintf(words, sizeof words,
                 "driftgauge run -c %s: broker %s, http://127.0.0.1:%" PRIu16 "/metrics", d->dir,
                 dg_demo_broker_address(d->broker), d->port);
        say(words);
    }
    return rc;
}

/* ---- the stream -------------------------------------------------------------------------- */

static int write_due(struct demo *d, struct dg_error *err)
{
    const double passed = seconds_since(d->began_us);
    const double share = passed / (double)d->settings.seconds;
    const uint64_t due = share >= 1.0 ? d->events : (uint64_t)(share * (double)d->events);
    int rc = 0;
    while (rc == 0 && d->written < due) {
        const uint64_t i = d->written++;
        struct dg_demo_event e;
        const double at = (double)START_S + (double)SPAN_S * (double)i / (double)d->events;
        dg_demo_event_next(&d->stream, 10000000 + i, at, i >= d->events / 2, &e);
        rc = dg_demo_broker_put(d->broker, &e, err);
    }
    return rc;
}

static int check_daemon(struct demo *d, struct dg_error *err)
{
    if (!dg_demo_ended(&d->daemon)) {
        return 0;
    }
    char log[DIRECTORY_MAX + 64], why[512];
    snprintf(log, sizeof log, "%s/run.log", d->dir);
    dg_demo_last_line(log, why, sizeof why);
    return dg_fail(err, EIO, "driftgauge run has ended: %s", why);
}

static int stream(struct demo *d, struct dg_error *err)
{
    const int64_t last_us = (START_S + SPAN_S) * DG_US_PER_S; /* end of the last window */
    double looked = 0.0;
    int rc = 0;
    d->began_us = dg_steady_us();
    while (rc == 0 && !interrupted && d->watch.seen_us < last_us) {
        const double now = seconds_since(d->began_us);
        if (now - (double)d->settings.seconds > SETTLE_MS / 1e3) {
            return dg_fail(err, ETIMEDOUT, "the last window was not judged within %d s",
                           SETTLE_MS / 1000);
        }
        rc = write_due(d, err);
        if (rc == 0 && now - looked >= LOOK_MS / 1e3) {
            looked = now;
            rc = check_daemon(d, err);
            rc = rc != 0 ? rc : dg_demo_watch_look(&d->watch, now, err);
        }
        dg_demo_sleep_ms(PUT_MS);
    }
    return rc != 0 || interrupted ? rc : dg_demo_broker_flush(d->broker, err);
}

/* ---- the end ----------------------------------------------------------------------------- */

static void say_where(const struct demo *d)
{
    printf("\nThe database goes on; look around:\n"
           "  psql -h %s -U postgres driftgauge -c 'SELECT * FROM driftgauge_view.status'\n"
           "  psql -h %s -U postgres driftgauge -c \"SELECT time, column_name, psi_adjusted, "
           "status FROM driftgauge_view.series WHERE segment = 'all' AND status = 'drift'\"\n"
           "monitor, settings, logs: %s\n"
           "when done: kill -INT %ld; sleep 2; rm -rf %s\n",
           d->server.home, d->server.home, d->dir, (long)d->server.pid, d->dir);
}

static void say_how(void)
{
    puts("\nAll of it is removed again; `driftgauge demo --keep` leaves the database running.\n"
         "On your own topics: driftgauge init, driftgauge db migrate, driftgauge run.");
}

static void stop(struct demo *d, bool good)
{
    dg_demo_watch_close(&d->watch);
    dg_demo_stop(&d->daemon, SIGTERM, STOP_MS);
    dg_demo_broker_close(d->broker);
    if (d->dir[0] == '\0' || (good && d->settings.keep)) {
        return;
    }
    dg_demo_server_stop(&d->server);
    nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int dg_command_demo(int argc, char **argv)
{
    struct demo d = {.stream = {DG_DEMO_SEED + 1}};
    struct dg_error err = {0};
    const int code = dg_options_parse(&dg_demo_command, argc, argv, &d.settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    const struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    d.events = d.settings.seconds * d.settings.rate;
    int rc = start(&d, &err);
    rc = rc != 0 || interrupted ? rc : stream(&d, &err);
    rc = rc != 0 || interrupted ? rc : dg_demo_watch_verdict(&d.watch, &err);
    const bool good = rc == 0 && !interrupted;
    if (good) {
        if (d.settings.keep) {
            say_where(&d);
        } else {
            say_how();
        }
    }
    stop(&d, good);
    return interrupted ? DG_EXIT_INTERRUPTED
           : rc == 0   ? DG_EXIT_OK
                       : dg_report(rc == ENOENT ? DG_EXIT_DEPENDENCY : DG_EXIT_UNEXPECTED, &err);
}
