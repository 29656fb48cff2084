#include "engine/cli/init.h"

#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/config.h"
#include "engine/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct init_settings {
    const char *from;
    const char *out;
    const char *name;
    const char *topic;
    const char *timestamp;
    const char *baseline;
    bool force;
};

static const struct dg_option init_options[] = {
    {.name = "from",
     .letter = 'f',
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .required = true,
     .doc = "data to look at: CSV, NDJSON or Avro, compressed or not",
     .complete = DG_COMPLETE_FILE,
     .offset = offsetof(struct init_settings, from)},
    {.name = "out",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .doc = "where to write the monitor file (default: standard output)",
     .complete = DG_COMPLETE_FILE,
     .offset = offsetof(struct init_settings, out)},
    {.name = "name",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .doc = "the monitor's name (default: the topic, else from the name of the data file)",
     .offset = offsetof(struct init_settings, name)},
    {.name = "topic",
     .kind = DG_OPTION_TEXT,
     .value = "NAME",
     .doc = "the Kafka topic where such events will come from, for `driftgauge run`",
     .offset = offsetof(struct init_settings, topic)},
    {.name = "timestamp",
     .kind = DG_OPTION_TEXT,
     .value = "FIELD",
     .doc = "the field that holds the event time, where the guess is wrong",
     .offset = offsetof(struct init_settings, timestamp)},
    {.name = "baseline",
     .kind = DG_OPTION_TEXT,
     .value = "FILE",
     .doc = "a baseline file to compare with",
     .complete = DG_COMPLETE_FILE,
     .offset = offsetof(struct init_settings, baseline)},
    {.name = "force",
     .kind = DG_OPTION_FLAG,
     .doc = "overwrite the monitor file if there is one",
     .offset = offsetof(struct init_settings, force)},
};
static const struct dg_example init_examples[] = {
    {"driftgauge init --from scored.csv --out credit-risk.yaml", "Guess a first monitor file."},
    {"driftgauge init --from scored.ndjson.gz --timestamp created_at --baseline ref.baseline.json",
     "Say what the time is, and compare with a reference."},
    {"driftgauge init --from sample.ndjson --topic scores --out /etc/driftgauge/scores.yaml",
     "A monitor for the daemon, from records of its topic."},
};
const struct dg_command dg_init_command = {
    .name = "init",
    .summary = "write a first monitor file from data",
    .description =
        "Look at the first 10,000 rows of a file, guess what each column is (time, id, score, "
        "predicted class, numeric feature, category), choose windows that hold enough rows, and "
        "write a monitor file whose comments say what the guesses rest on. It passes `driftgauge "
        "check`; whether it is right is for a person to see.\n\n"
        "Records of JSON are looked into: objects within objects, several events in an array, and "
        "the formats of KServe, Open Inference, Seldon and SageMaker (see docs/KAFKA.md). Several "
        "events in a record are read from a topic only: give --topic.",
    .options = init_options,
    .n_options = DG_COUNT_OF(init_options),
    .examples = init_examples,
    .n_examples = DG_COUNT_OF(init_examples),
    .run = dg_command_init,
};

/* ---- names ---------------------------------------------------------------------------------- */

/* "/data/scored 1.csv.gz" -> "scored-1". */
static char *monitor_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    base += strspn(base, "._-");
    char *name = strndup(base, strcspn(base, "."));
    if (name == NULL) {
        return NULL;
    }
    for (char *p = name; *p != '\0'; p++) {
        const char single[2] = {*p, '\0'};
        if (!dg_name_valid(single) && *p != '_' && *p != '-') {
            *p = '-';
        }
    }
    name[strnlen(name, 60)] = '\0';
    if (!dg_name_valid(name)) {
        free(name);
        return strdup("monitor");
    }
    return name;
}

/* A topic says more than the name of a file that somebody saved some of its records in. */
static char *chosen_name(const struct init_settings *s)
{
    if (s->name != NULL) {
        return strdup(s->name);
    }
    return s->topic != NULL && dg_name_valid(s->topic) ? strdup(s->topic) : monitor_name(s->from);
}

/* Baselines are found relative to the monitor file: if that is elsewhere, by the full path. */
static char *baseline_path(const struct init_settings *settings)
{
    const bool here = settings->out == NULL || strchr(settings->out, '/') == NULL;
    char *full = here || settings->baseline[0] == '/' ? NULL : realpath(settings->baseline, NULL);
    return full != NULL ? full : strdup(settings->baseline);
}

/* ---- output --------------------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        text += n < 0 ? 0 : n;
        len -= n < 0 ? 0 : (size_t)n;
    }
    return 0;
}

static int save(const struct init_settings *settings, const char *text, size_t len,
                struct dg_error *err)
{
    const char *path = settings->out;
    if (path == NULL || strcmp(path, "-") == 0) {
        fwrite(text, 1, len, stdout);
        return 0;
    }
    const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | (settings->force ? O_TRUNC : O_EXCL);
    const int fd = open(path, mode, 0666);
    if (fd < 0 && errno == EEXIST) {
        return dg_fail(err, EEXIST, "%s is there already; --force overwrites it", path);
    }
    int code = fd < 0 ? errno : write_all(fd, text, len);
    if (fd >= 0 && close(fd) != 0 && code == 0) {
        code = errno;
    }
    return code == 0 ? 0 : dg_fail(err, code, "cannot write %s: %s", path, strerror(code));
}

/* What was written must be a monitor file without errors: else the guess has a bug. */
static int check_draft(const char *text, size_t len, struct dg_error *err)
{
    struct dg_diagnostics d = {0};
    struct dg_config config;
    const int rc = dg_config_parse("guessed", text, len, &d, &config);
    if (rc != 0) {
        dg_diagnostics_print(&d, stderr);
        (void)dg_fail(err, rc,
                      "the guessed monitor file does not pass its own check; please report "
                      "this, with the header of the data");
    }
    dg_config_deinit(&config);
    dg_diagnostics_deinit(&d);
    return rc;
}

static int write_draft(const struct init_settings *settings, struct dg_draft *draft,
                       struct dg_error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL) {
        return dg_fail_memory(err);
    }
    int code = dg_draft_write(draft, out);
    code = ferror(out) != 0 ? ENOMEM : code;
    code = fclose(out) != 0 ? ENOMEM : code;
    code = code != 0 ? dg_fail_memory(err) : check_draft(text, len, err);
    if (code == 0) {
        code = save(settings, text, len, err);
    }
    free(text);
    return code;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int guess(const struct init_settings *settings, const struct dg_profile *profile,
                 struct dg_error *err)
{
    struct dg_inference inference = {0};
    int code = dg_infer(profile, settings->timestamp, &inference, err);
    if (code != 0) {
        return code;
    }
    char *name = chosen_name(settings);
    char *baseline = settings->baseline == NULL ? NULL : baseline_path(settings);
    struct dg_draft draft = {.data = settings->from,
                             .name = name,
                             .topic = settings->topic,
                             .baseline = baseline,
                             .profile = profile,
                             .guess = &inference};
    code = name == NULL || (settings->baseline != NULL && baseline == NULL)
               ? dg_fail_memory(err)
               : write_draft(settings, &draft, err);
    free(name);
    free(baseline);
    dg_inference_deinit(&inference);
    return code;
}

int dg_command_init(int argc, char **argv)
{
    struct init_settings settings = {0};
    struct dg_error err = {0};
    const int parsed = dg_options_parse(&dg_init_command, argc, argv, &settings);
    if (parsed != DG_OPTIONS_GO) {
        return parsed;
    }
    if (settings.name != NULL && !dg_name_valid(settings.name)) {
        return dg_usage_error(&dg_init_command,
                              "a monitor's name has letters, digits, '.', '_' and '-', not \"%s\"",
                              settings.name);
    }
    if (settings.topic != NULL && !dg_topic_name_valid(settings.topic)) {
        return dg_usage_error(&dg_init_command,
                              "a topic's name has 1 to 249 letters, digits, '.', '_' and '-', not "
                              "\"%s\"",
                              settings.topic);
    }
    struct dg_profile profile = {0};
    int code = dg_profile_read(settings.from, &profile, &err);
    profile.record_time = settings.topic != NULL;
    int exit_code = code == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_DATA;
    if (code == 0) {
        code = guess(&settings, &profile, &err);
        exit_code = code == ENOENT ? DG_EXIT_DATA : DG_EXIT_UNEXPECTED;
    }
    dg_profile_deinit(&profile);
    return code == 0 ? DG_EXIT_OK : dg_report(exit_code, &err);
}
