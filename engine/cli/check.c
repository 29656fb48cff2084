#include "engine/cli/commands.h"
#include "engine/cli/config_files.h"
#include "engine/cli/exit_codes.h"
#include "engine/config.h"
#include "engine/json_text.h"
#include "engine/live/settings.h"
#include "engine/monitor_keys.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum form { FORM_TEXT, FORM_JSON };
static const char *const forms[] = {"text", "json", NULL};

struct check_settings {
    const char *config;
    int form;
    struct dg_words files;
};

static const struct dg_option check_options[] = {
    {.name = "config",
     .letter = 'c',
     .kind = DG_OPTION_TEXT,
     .value = "DIR",
     .complete = DG_COMPLETE_DIRECTORY,
     .doc = "check everything that `driftgauge run -c DIR` would read",
     .offset = offsetof(struct check_settings, config)},
    {.name = "output",
     .letter = 'o',
     .kind = DG_OPTION_WORD,
     .words = forms,
     .initial = "text",
     .doc = "how to print the outcome",
     .offset = offsetof(struct check_settings, form)},
};
static const struct dg_example check_examples[] = {
    {"driftgauge check monitors/*.yaml", "Find everything that is wrong with the files."},
    {"driftgauge check -c /etc/driftgauge", "The monitors of a directory, and driftgauge.yaml."},
    {"driftgauge config show a.yaml | driftgauge check -", "Check what another command printed."},
};
const struct dg_command dg_check_command = {
    .name = "check",
    .summary = "find everything that is wrong with monitor files",
    .description =
        "Read monitor files and print every error and warning with its line and what to do about "
        "it. A file named driftgauge.yaml is that of the daemon. Nothing is connected to, and no "
        "data is read. Files that are fine get one line on standard output. The exit code is 3 if "
        "any file has an error.",
    .operands = "[FILE...]",
    .operand_doc = "monitor files, or driftgauge.yaml; - is standard input",
    .complete_operands = DG_COMPLETE_FILE,
    .operands_offset = offsetof(struct check_settings, files),
    .options = check_options,
    .n_options = DG_COUNT_OF(check_options),
    .examples = check_examples,
    .n_examples = DG_COUNT_OF(check_examples),
    .run = dg_command_check,
};

struct checked {
    const char *file;
    struct dg_config config;
    struct dg_daemon_settings *daemon; /* instead: the file is the daemon's, and good */
    struct dg_diagnostics d;
    bool out_of_memory;
};

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void print_windows(const struct dg_monitor *m)
{
    char size[DG_TIME_TEXT], slide[DG_TIME_TEXT];
    for (size_t i = 0; i < m->n_windows; i++) {
        printf("%s %s/%s", i == 0 ? "" : ",", dg_duration_format(m->window[i].size_us, size),
               dg_duration_format(m->window[i].slide_us, slide));
    }
}

static void print_daemon(const struct checked *c)
{
    const struct dg_daemon_settings *s = c->daemon;
    printf("%s: ok: daemon, group %s, %u lane%s, %zu propert%s of librdkafka\n", c->file,
           s->kafka.group, s->lanes, plural(s->lanes), s->kafka.n_properties,
           s->kafka.n_properties == 1 ? "y" : "ies");
}

static void print_text(struct checked *c)
{
    dg_diagnostics_print(&c->d, stderr);
    const struct dg_monitor *m = c->config.monitor;
    if (c->daemon != NULL) {
        print_daemon(c);
        return;
    }
    if (dg_diagnostics_failed(&c->d) || m == NULL) {
        printf("%s: %zu error%s, %zu warning%s\n", c->file, c->d.n_errors, plural(c->d.n_errors),
               c->d.n_warnings, plural(c->d.n_warnings));
        return;
    }
    printf("%s: ok: monitor %s, ", c->file, m->name);
    if (m->features_from_data) {
        fputs("features from the data", stdout);
    } else {
        printf("%zu column%s", m->n_features, plural(m->n_features));
    }
    fputs(", windows", stdout);
    print_windows(m);
    const size_t checks = m->n_checks + (m->drift.enabled ? 1 : 0); /* as `checks` lists them */
    printf(", %zu segment%s, %zu baseline%s, %zu check%s, hash %s\n", m->n_segments,
           plural(m->n_segments), m->n_baselines, plural(m->n_baselines), checks, plural(checks),
           m->hash);
}

static void put_member(const char *name, const char *value, const char *end)
{
    dg_json_put_text(stdout, name, strlen(name));
    putchar(':');
    if (value == NULL) {
        fputs("null", stdout);
    } else {
        dg_json_put_text(stdout, value, strlen(value));
    }
    fputs(end, stdout);
}

static void print_json(struct checked *c)
{
    const struct dg_monitor *m = c->config.monitor;
    const bool ok = (m != NULL || c->daemon != NULL) && !dg_diagnostics_failed(&c->d);
    dg_diagnostics_sort(&c->d);
    putchar('{');
    put_member("file", c->file, ",");
    printf("\"ok\":%s,", ok ? "true" : "false");
    put_member("monitor", ok && m != NULL ? m->name : NULL, ",");
    put_member("hash", ok && m != NULL ? m->hash : NULL, ",");
    printf("\"errors\":%zu,\"warnings\":%zu,\"messages\":[", c->d.n_errors, c->d.n_warnings);
    for (size_t i = 0; i < c->d.n; i++) {
        const struct dg_diagnostic *item = &c->d.item[i];
        fputs(i == 0 ? "{" : ",{", stdout);
        put_member("kind", item->kind == DG_ERROR ? "error" : "warning", ",");
        printf("\"line\":%u,\"column\":%u,", item->place.line, item->place.column);
        put_member("message", item->message, ",");
        put_member("hint", item->hint, "}");
    }
    fputs("]}", stdout);
}

/* Two monitors of one name could not be told apart in results. */
static void refuse_same_name(struct checked list[], size_t n)
{
    struct checked *c = &list[n];
    for (size_t i = 0; i < n; i++) {
        const struct dg_monitor *other = list[i].config.monitor;
        if (other != NULL && strcmp(other->name, c->config.monitor->name) == 0) {
            dg_diagnose(&c->d, DG_ERROR, c->config.settings->value[MONITOR_NAME].place,
                        "every monitor has a name of its own", "'%s' is also the monitor of %s",
                        other->name, list[i].file);
            return;
        }
    }
}

static void check_daemon(struct checked *c)
{
    struct dg_daemon_settings *s = calloc(1, sizeof *s);
    const int rc = s == NULL ? ENOMEM : dg_daemon_settings_load(c->file, &c->d, NULL, s);
    c->out_of_memory = rc == ENOMEM;
    if (rc == 0) {
        c->daemon = s;
    } else {
        free(s);
    }
}

static void refuse_directory(struct checked *c)
{
    c->out_of_memory = dg_diagnostics_begin(&c->d, c->file, NULL, 0) != 0;
    if (!c->out_of_memory) {
        dg_diagnose(&c->d, DG_ERROR, (struct dg_place){0},
                    "`driftgauge check -c DIR` checks the files of one", "it is a directory");
    }
}

static void check_file(struct checked list[], size_t i, const char *file)
{
    struct checked *c = &list[i];
    struct stat st;
    c->file = file;
    if (stat(file, &st) == 0 && S_ISDIR(st.st_mode)) {
        refuse_directory(c);
        return;
    }
    if (dg_is_settings_file(file)) {
        check_daemon(c);
        return;
    }
    const int rc = dg_config_load(file, &c->d, &c->config);
    c->out_of_memory = rc == ENOMEM;
    if (rc == 0) {
        dg_config_check_files(&c->config, &c->d);
        refuse_same_name(list, i);
    }
}

static int check_all(enum form form, const char *const files[], size_t n, struct checked list[])
{
    int code = DG_EXIT_OK;
    for (size_t i = 0; i < n; i++) {
        check_file(list, i, files[i]);
        if (form == FORM_JSON) {
            fputs(i == 0 ? "[" : ",\n ", stdout);
            print_json(&list[i]);
        } else {
            print_text(&list[i]);
        }
        if (list[i].out_of_memory) {
            code = DG_EXIT_UNEXPECTED;
        } else if (dg_diagnostics_failed(&list[i].d) && code == DG_EXIT_OK) {
            code = DG_EXIT_CONFIG;
        }
    }
    fputs(form == FORM_JSON ? "]\n" : "", stdout);
    return code;
}

static void release(struct checked list[], size_t n)
{
    for (size_t i = 0; list != NULL && i < n; i++) {
        dg_config_deinit(&list[i].config);
        dg_diagnostics_deinit(&list[i].d);
        if (list[i].daemon != NULL) {
            dg_daemon_settings_deinit(list[i].daemon);
            free(list[i].daemon);
        }
    }
    free(list);
}

/* Those of the directory, then the operands. */
static int check_these(const struct check_settings *settings, const struct dg_config_files *found)
{
    const size_t most = found->n + 1 + settings->files.n;
    const char **file = calloc(most, sizeof *file);
    struct checked *list = calloc(most, sizeof *list);
    struct dg_error err;
    size_t n = 0;
    int code = DG_EXIT_UNEXPECTED;
    if (file == NULL || list == NULL) {
        dg_fail_memory(&err);
        dg_report(code, &err);
    } else {
        if (found->settings != NULL) {
            file[n++] = found->settings;
        }
        for (size_t i = 0; i < found->n; i++) {
            file[n++] = found->monitor[i];
        }
        for (size_t i = 0; i < settings->files.n; i++) {
            file[n++] = settings->files.word[i];
        }
        code = check_all((enum form)settings->form, file, n, list);
    }
    release(list, n);
    free(file);
    return code;
}

int dg_command_check(int argc, char **argv)
{
    struct check_settings settings = {0};
    struct dg_config_files found = {0};
    struct dg_error err;
    int code = dg_options_parse(&dg_check_command, argc, argv, &settings);
    if (code != DG_OPTIONS_GO) {
        return code;
    }
    if (settings.config == NULL && settings.files.n == 0) {
        code = dg_usage_error(&dg_check_command, "no file: name one, or give --config DIR");
    } else if (settings.config != NULL &&
               dg_config_files_find(settings.config, &found, &err) != 0) {
        code = dg_report(DG_EXIT_CONFIG, &err);
    } else {
        code = check_these(&settings, &found);
    }
    dg_config_files_deinit(&found);
    dg_words_deinit(&settings.files);
    return code;
}
