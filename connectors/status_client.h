/* connectors/status_client.h -- the client's side of /v1/status: ask a running daemon, read the
 * document into structs. */
#ifndef DG_CONNECTORS_STATUS_CLIENT_H
#define DG_CONNECTORS_STATUS_CLIENT_H

#include "engine/arena.h"
#include "engine/error.h"

#define DG_STATUS_URL     "http://127.0.0.1:9464"
#define DG_STATUS_SECONDS 60

struct dg_status_request {
    const char *url;        /* "http[s]://host:port[/v1/status]" or "host:port" */
    const char *token_file; /* NULL: none */
    long timeout_ms;        /* of the whole request */
    bool (*stop)(void);     /* NULL, or asked now and then: true ends the request with ECANCELED */
};

/*
 * *text = the document, owned by the caller (free), NUL behind it. Proxies are not used,
 * redirections not followed. ECONNREFUSED: nobody there; ETIMEDOUT; EACCES: token missing or wrong;
 * EPROTO: it answers, but not as a driftgauge; EINVAL: url; ECANCELED; those of the token file.
 */
DG_MUST_CHECK int dg_status_fetch(const struct dg_status_request *request, char **text, size_t *len,
                                  struct dg_error *err);

/* Numbers that are not known are -1, ages and rates NAN, texts "". Control characters are gone from
 * every text. */
struct dg_status_part {
    const char *name, *state, *since, *words; /* state "": nobody spoke of it */
};
struct dg_status_window {
    const char *window, *end, *severity;
    int64_t rows, series, drifted, warned;
};
struct dg_status_place {
    const char *topic, *newest_event;
    int64_t partition, lane, next, committed, end, lag;
    double age_s;
    bool idle;
};
struct dg_status_monitor {
    const char *name, *severity, *judged_until;
    bool leading;
    int64_t lag, records, bad, late, duplicates;
    double records_per_s, watermark_age_s;
    double records_minute[DG_STATUS_SECONDS], drifted_minute[DG_STATUS_SECONDS];
    const struct dg_status_window *window; /* [n_windows] */
    size_t n_windows;
    const struct dg_status_place *place; /* [n_places] */
    size_t n_places;
};
struct dg_status {
    struct dg_arena arena;
    const char *state, *words, *since, *version, *time, *group;
    double uptime_s;
    int64_t lanes, fenced, gaps, dead_letters;
    const struct dg_status_part *part; /* [n_parts] */
    size_t n_parts;
    const struct dg_status_monitor *monitor; /* [n_monitors] */
    size_t n_monitors;
};
/* EPROTO: text is no such document; ENOMEM. On failure *out is untouched. */
DG_MUST_CHECK int dg_status_read(const char *text, size_t len, struct dg_status *out,
                                 struct dg_error *err);
void dg_status_deinit(struct dg_status *s);

#endif
