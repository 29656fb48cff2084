/* engine/config.h -- a monitor file: what was written, with defaults, and the monitor it makes. */
#ifndef DG_ENGINE_CONFIG_H
#define DG_ENGINE_CONFIG_H

#include "engine/monitor.h"
#include "engine/schema.h"

/* A zeroed struct is an empty configuration. */
struct dg_config {
    struct dg_arena arena;
    struct dg_settings *settings; /* by dg_monitor_section, every default filled in */
    struct dg_monitor *monitor;   /* owned; NULL if there were errors */
};

void dg_config_deinit(struct dg_config *c);

/* The i-th number of the results that a check may put a bound on, fields of series first; NULL
 * after the last. */
struct dg_result_field;
const struct dg_result_field *dg_monitor_metric(size_t i, bool *of_series);

/* By name; NULL if there is none that a bound can be put on. */
const struct dg_result_field *dg_monitor_metric_named(const char *name, bool *of_series);
/* The nearest name of a metric, or NULL. */
const char *dg_monitor_metric_near(const char *name);

/* The reference of all keys and metrics, as Markdown. */
void dg_monitor_reference(FILE *out);

/* Read the whole file ("-" = standard input) into *text, which the caller frees; at most
 * DG_YAML_BYTES_MAX + 1 bytes. Returns 0, ENOMEM, or the errno of reading. */
DG_MUST_CHECK int dg_config_slurp(const char *path, char **text, size_t *len);

/*
 * Parse text[len], check it against the tables and against itself, resolve it. `path` is its name
 * in messages and the monitor's `path`. `d` is begun anew and collects every error and warning.
 * 0; EINVAL: the file has errors, all of them in `d`, and c->monitor is NULL; ENOMEM.
 */
DG_MUST_CHECK int dg_config_parse(const char *path, const char *text, size_t len,
                                  struct dg_diagnostics *d, struct dg_config *c);
/* The same from a file; the errno of reading it if that fails, which `d` then says. */
DG_MUST_CHECK int dg_config_load(const char *path, struct dg_diagnostics *d, struct dg_config *c);

/* Warn about baseline files that are not there (looked for relative to the monitor file). Only for
 * a configuration without errors. */
void dg_config_check_files(const struct dg_config *c, struct dg_diagnostics *d);

#endif
