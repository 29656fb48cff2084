#include "connectors/status_client.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

/* One document being read; out of memory is sticky. */
struct reader {
    struct dg_arena arena;
    bool failed;
};

static void *take(struct reader *r, size_t n, size_t size)
{
    void *p = dg_arena_take(&r->arena, n, size);
    r->failed |= p == NULL;
    return p;
}

/* The text without control characters: a terminal obeys them. */
static const char *text_of(struct reader *r, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    char *copy = text != NULL ? dg_arena_text(&r->arena, text, strlen(text)) : NULL;
    r->failed |= text != NULL && copy == NULL;
    for (unsigned char *c = (unsigned char *)copy; c != NULL && *c != '\0'; c++) {
        const bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;
        if (*c < 0x20 || *c == 0x7f) {
            *c = '?';
        } else if (c1) {
            c[0] = c[1] = '?';
        }
    }
    return copy != NULL ? copy : "";
}

static int64_t integer_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static double real_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static bool true_of(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void read_minute(const json_t *minute, const char *name, double value[DG_STATUS_SECONDS])
{
    const json_t *list = json_object_get(minute, name);
    for (size_t i = 0; i < DG_STATUS_SECONDS; i++) {
        const json_t *x = json_array_get(list, i);
        value[i] = json_is_number(x) ? json_number_value(x) : (double)NAN;
    }
}

static void read_windows(struct reader *r, const json_t *list, struct dg_status_monitor *m)
{
    const size_t n = json_array_size(list);
    struct dg_status_window *window = take(r, n, sizeof *window);
    for (size_t i = 0; i < n && window != NULL; i++) {
        const json_t *w = json_array_get(list, i);
        window[i] = (struct dg_status_window){
            .window = text_of(r, w, "window"),
            .end = text_of(r, w, "end"),
            .severity = text_of(r, w, "severity"),
            .rows = integer_of(w, "rows"),
            .series = integer_of(w, "series"),
            .drifted = integer_of(w, "drifted"),
            .warned = integer_of(w, "warned"),
        };
    }
    m->window = window;
    m->n_windows = n;
}

static void read_places(struct reader *r, const json_t *list, struct dg_status_monitor *m)
{
    const size_t n = json_array_size(list);
    struct dg_status_place *place = take(r, n, sizeof *place);
    for (size_t i = 0; i < n && place != NULL; i++) {
        const json_t *p = json_array_get(list, i);
        place[i] = (struct dg_status_place){
            .topic = text_of(r, p, "topic"),
            .newest_event = text_of(r, p, "newest_event"),
            .partition = integer_of(p, "partition"),
            .lane = integer_of(p, "lane"),
            .next = integer_of(p, "next_offset"),
            .committed = integer_of(p, "committed_offset"),
            .end = integer_of(p, "end_offset"),
            .lag = integer_of(p, "lag"),
            .age_s = real_of(p, "age_s"),
            .idle = true_of(p, "idle"),
        };
    }
    m->place = place;
    m->n_places = n;
}

static void read_monitor(struct reader *r, const json_t *doc, struct dg_status_monitor *m)
{
    const json_t *minute = json_object_get(doc, "last_minute");
    const char *reason;
    json_t *bad;
    *m = (struct dg_status_monitor){
        .name = text_of(r, doc, "monitor"),
        .severity = text_of(r, doc, "severity"),
        .judged_until = text_of(r, doc, "judged_until"),
        .leading = true_of(doc, "leading"),
        .lag = integer_of(doc, "lag"),
        .records = integer_of(doc, "records"),
        .late = integer_of(doc, "late"),
        .duplicates = integer_of(doc, "duplicates"),
        .records_per_s = real_of(doc, "records_per_s"),
        .watermark_age_s = real_of(doc, "watermark_age_s"),
    };
    json_object_foreach(json_object_get(doc, "bad"), reason, bad)
    {
        m->bad += json_is_integer(bad) ? json_integer_value(bad) : 0;
    }
    read_minute(minute, "records_per_s", m->records_minute);
    read_minute(minute, "drifted_series", m->drifted_minute);
    read_windows(r, json_object_get(doc, "windows"), m);
    read_places(r, json_object_get(doc, "partitions"), m);
}

static void read_monitors(struct reader *r, const json_t *list, struct dg_status *s)
{
    const size_t n = json_array_size(list);
    struct dg_status_monitor *monitor = take(r, n, sizeof *monitor);
    for (size_t i = 0; i < n && monitor != NULL; i++) {
        read_monitor(r, json_array_get(list, i), &monitor[i]);
    }
    s->monitor = monitor;
    s->n_monitors = n;
}

static void read_parts(struct reader *r, const json_t *doc, struct dg_status *s)
{
    static const char *const names[] = {"broker", "ledger", "registry", "config"};
    const size_t n = sizeof names / sizeof names[0];
    const json_t *parts = json_object_get(doc, "parts");
    struct dg_status_part *part = take(r, n, sizeof *part);
    for (size_t i = 0; i < n && part != NULL; i++) {
        const json_t *p = json_object_get(parts, names[i]);
        part[i] = (struct dg_status_part){names[i], text_of(r, p, "state"), text_of(r, p, "since"),
                                          text_of(r, p, "words")};
    }
    s->part = part;
    s->n_parts = n;
}

int dg_status_read(const char *text, size_t len, struct dg_status *out, struct dg_error *err)
{
    json_error_t wrong;
    json_t *doc = json_loadb(text, len, JSON_REJECT_DUPLICATES, &wrong);
    if (!json_is_string(json_object_get(doc, "state")) ||
        !json_is_array(json_object_get(doc, "monitors"))) {
        json_decref(doc);
        return dg_fail(err, EPROTO, "the answer is not the status of a driftgauge");
    }
    struct reader r = {0};
    const json_t *totals = json_object_get(doc, "totals");
    struct dg_status s = {
        .state = text_of(&r, doc, "state"),
        .words = text_of(&r, doc, "words"),
        .since = text_of(&r, doc, "since"),
        .version = text_of(&r, doc, "version"),
        .time = text_of(&r, doc, "time"),
        .group = text_of(&r, json_object_get(doc, "config"), "group"),
        .uptime_s = real_of(doc, "uptime_s"),
        .lanes = (int64_t)json_array_size(json_object_get(doc, "lanes")),
        .fenced = integer_of(totals, "fenced"),
        .gaps = integer_of(totals, "gaps"),
        .dead_letters = integer_of(totals, "dead_letters"),
    };
    read_parts(&r, doc, &s);
    read_monitors(&r, json_object_get(doc, "monitors"), &s);
    json_decref(doc);
    s.arena = r.arena;
    if (r.failed) {
        dg_status_deinit(&s);
        return dg_fail_memory(err);
    }
    *out = s;
    return 0;
}

void dg_status_deinit(struct dg_status *s)
{
    dg_arena_deinit(&s->arena);
    *s = (struct dg_status){0};
}
