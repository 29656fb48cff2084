/* engine/live/settings.h -- how the daemon runs: the file driftgauge.yaml, checked. What is watched
 * stands in the monitors' own files. */
#ifndef DG_ENGINE_LIVE_SETTINGS_H
#define DG_ENGINE_LIVE_SETTINGS_H

#include "engine/diagnostics.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dg_setting_pair {
    char *name, *value;
};

/* Every string is owned and NULL where nothing was said. Durations in microseconds. */
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
    uint32_t lanes;     /* 1 .. 64, default 1 */
    uint64_t memory_mb; /* open panes of all lanes, default 256 */
    int64_t
        commit_interval_us;    /* at most this long between commits, 100 ms .. 60 s; default 10 s */
    int64_t judge_interval_us; /* default 1 s */
    int64_t horizon_us;        /* windows this far back may be judged again; default 1 d */
};

/* Read and check `path` (NULL: defaults only). As dg_monitor_load: everything that is wrong is in
 * `d`; 0, EINVAL, ENOMEM, the errno of reading. */
DG_MUST_CHECK int dg_daemon_settings_load(const char *path, struct dg_diagnostics *d,
                                          struct dg_daemon_settings *out);
void dg_daemon_settings_deinit(struct dg_daemon_settings *s);

#endif
