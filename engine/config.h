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

#endif
