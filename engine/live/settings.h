/* engine/live/settings.h -- how the daemon runs: the file driftgauge.yaml, checked. What is watched
 * stands in the monitors' own files. */
#ifndef DG_ENGINE_LIVE_SETTINGS_H
#define DG_ENGINE_LIVE_SETTINGS_H

#include "engine/schema.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The file's name in a directory of monitors. */
#define DG_SETTINGS_FILE "driftgauge.yaml"

#define DG_LANES_MAX 64

/* The keys of the file: documents, schema and messages are made from them. */
extern const struct dg_section dg_daemon_section;

struct dg_setting_pair {
    char *name, *value;
};

/* Every string is owned and NULL where nothing was said and there is no default. Paths are resolved
 * against the file's directory. Durations in microseconds. A zeroed struct is empty. */
struct dg_daemon_settings {
    char *path; /* of the file; NULL: defaults */
    struct {
        char *brokers;                    /* default: $DRIFTGAUGE_BROKERS, then localhost:9092 */
        char *group;                      /* default "driftgauge" */
        char *instance;                   /* static membership; NULL: dynamic */
        struct dg_setting_pair *property; /* [n_properties] of librdkafka */
        size_t n_properties;
    } kafka;
    struct {
        char *url, *user, *password_file, *ca_file; /* url NULL: no registry */
    } registry;
    struct {
        char *db, *password_file, *tenant; /* as --db, --db-password-file */
    } database;
    struct {
        char *listen;     /* "127.0.0.1:9464"; "off" */
        char *token_file; /* bearer token; NULL: none needed */
    } http;
    uint32_t lanes;     /* 1 .. DG_LANES_MAX, default 1 */
    uint64_t memory_mb; /* open panes of all lanes, default 256 */
    int64_t
        commit_interval_us;    /* at most this long between commits, 100 ms .. 60 s; default 10 s */
    int64_t judge_interval_us; /* 100 ms .. 1 h; default 1 s */
    int64_t horizon_us; /* windows this far back may be judged again; 1 m .. 366 d; default 1 d */
};

/* What was written, with every default: for `config show`. A zeroed struct is empty. */
struct dg_daemon_file {
    struct dg_arena arena;
    struct dg_settings *written; /* by dg_daemon_section */
};
void dg_daemon_file_deinit(struct dg_daemon_file *f);

/*
 * Read and check `path` (NULL: defaults only; "-": standard input). `d` is begun anew and collects
 * everything that is wrong or doubtful, also that the file cannot be read. `file` may be NULL; else
 * it is filled in, also where there are errors. On success *out is the caller's; on failure it is
 * as it was. 0; EINVAL: there are errors; ENOMEM; the errno of reading.
 */
DG_MUST_CHECK int dg_daemon_settings_load(const char *path, struct dg_diagnostics *d,
                                          struct dg_daemon_file *file,
                                          struct dg_daemon_settings *out);
/* A zeroed struct is fine. */
void dg_daemon_settings_deinit(struct dg_daemon_settings *s);

#endif
