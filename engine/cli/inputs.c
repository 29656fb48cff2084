#include "engine/cli/inputs.h"

#include "engine/adopt.h"
#include "engine/cli/exit_codes.h"
#include "engine/diagnostics.h"
#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void dg_loaded_deinit(struct dg_loaded *l)
{
    for (size_t i = 0; l->file != NULL && i < l->monitor->n_baselines; i++) {
        dg_baseline_free(l->file[i]);
    }
    free(l->file);
    dg_monitor_free(l->monitor);
    *l = (struct dg_loaded){0};
}

int dg_load_monitor(const char *path, struct dg_loaded *l)
{
    struct dg_diagnostics d = {0};
    const int rc = dg_monitor_load(path, &d, &l->monitor);
    if (rc != 0 || (d.n > 0 && !dg_common()->quiet)) {
        dg_diagnostics_print(&d, stderr);
    }
    dg_diagnostics_deinit(&d);
    return rc == 0 ? 0 : DG_EXIT_CONFIG;
}

/* A path in a monitor file is relative to that file. */
static char *resolve(const char *monitor_path, const char *file)
{
    const char *slash = strrchr(monitor_path, '/');
    char *path = NULL;
    if (file[0] == '/' || slash == NULL) {
        return strdup(file);
    }
    const int n = asprintf(&path, "%.*s/%s", (int)(slash - monitor_path), monitor_path, file);
    return n < 0 ? NULL : path;
}

static int load_baseline(struct dg_loaded *l, size_t i, struct dg_error *err)
{
    const struct dg_baseline_spec *spec = &l->monitor->baseline[i];
    if (spec->kind != DG_BASELINE_FILE) {
        return 0;
    }
    char *path = resolve(l->monitor->path, spec->file);
    const int rc = path == NULL ? dg_fail_memory(err) : dg_baseline_load(path, &l->file[i], err);
    free(path);
    return rc;
}

int dg_loaded_adopt(struct dg_loaded *l, struct dg_error *err)
{
    for (size_t i = 0; i < l->monitor->n_baselines && l->main == NULL; i++) {
        l->main = l->file[i];
    }
    if (!l->monitor->features_from_data) {
        return 0;
    }
    if (l->main == NULL) {
        return dg_fail(
            err, EINVAL,
            "%s: columns.features lists nothing and there is no baseline file to take the columns "
            "from; list them, or let `driftgauge init` write the file",
            l->monitor->path);
    }
    return dg_monitor_adopt(l->monitor, l->main) == 0 ? 0 : dg_fail_memory(err);
}

int dg_loaded_baselines(struct dg_loaded *l, struct dg_error *err)
{
    l->file = calloc(l->monitor->n_baselines + 1, sizeof(struct dg_baseline *));
    int rc = l->file == NULL ? dg_fail_memory(err) : 0;
    for (size_t i = 0; i < l->monitor->n_baselines && rc == 0; i++) {
        rc = load_baseline(l, i, err);
    }
    return rc != 0 ? rc : dg_loaded_adopt(l, err);
}

int dg_load_baselines(struct dg_loaded *l)
{
    struct dg_error err = {0};
    const int rc = dg_loaded_baselines(l, &err);
    return rc == 0 ? 0 : dg_report(rc == ENOMEM ? DG_EXIT_UNEXPECTED : DG_EXIT_CONFIG, &err);
}

void dg_input_files_deinit(struct dg_input_files *f)
{
    free(f->path);
    *f = (struct dg_input_files){0};
}

int dg_input_files_init(struct dg_input_files *f, const struct dg_words *inputs,
                        const struct dg_words *operands, struct dg_error *err)
{
    f->path = calloc(inputs->n + operands->n + 1, sizeof *f->path);
    if (f->path == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < inputs->n; i++) {
        f->path[f->n++] = inputs->word[i];
    }
    for (size_t i = 0; i < operands->n; i++) {
        f->path[f->n++] = operands->word[i];
    }
    return 0;
}

struct dg_file_options dg_file_options_of(const struct dg_monitor *m)
{
    return (struct dg_file_options){.format = m->format, .csv_delimiter = m->csv_delimiter};
}

int dg_input_exit(int code)
{
    return code == ENOMEM ? DG_EXIT_UNEXPECTED : code == EINTR ? DG_EXIT_INTERRUPTED : DG_EXIT_DATA;
}

/* What the numbers of places in messages are; a topic's are what other tools of Kafka take. */
static const char *places_of(const struct dg_source *source)
{
    const bool topic = source != NULL && strcmp(source->ops->name, "kafka") == 0;
    return topic ? "offset" : "record or line";
}

void dg_report_bad(const uint64_t bad[DG_REASONS], const struct dg_bad_example example[],
                   size_t n_examples, const struct dg_source *source)
{
    for (size_t reason = 1; reason < DG_REASONS; reason++) {
        if (bad[reason] == 0) {
            continue;
        }
        dg_log(DG_LOG_WARNING, "bad_records", "%" PRIu64 " bad record%s: %s%s", bad[reason],
               bad[reason] == 1 ? "" : "s", dg_reason_name((enum dg_reason)reason),
               reason == DG_BAD_TIME ? " (missing, or neither ISO 8601 as 2026-11-21T18:00:00Z nor "
                                       "a Unix time; see columns.timestamp)"
                                     : "");
        for (size_t i = 0; i < n_examples; i++) {
            if (example[i].reason == (enum dg_reason)reason) {
                dg_log(DG_LOG_WARNING, "bad_record", "  %s: %s at %s %" PRIu64,
                       source != NULL ? source->ops->partition_name(source, example[i].partition)
                                      : "input",
                       dg_reason_name((enum dg_reason)reason), places_of(source), example[i].place);
            }
        }
    }
}
