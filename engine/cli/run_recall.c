/* Streams that are known only to the ledger: their monitor or a baseline was changed, or went,
 * while no process ran. They are made anew from what is kept with them, to be judged a last time.
 */
#include "engine/cli/run.h"
#include "engine/config.h"
#include "engine/diagnostics.h"
#include "engine/log.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A stream that is not gone on with, as the ledger told it. */
struct known {
    struct dg_known_stream s; /* its texts are owned */
    char *name[3];            /* monitor, configuration, baselines */
};

struct recall {
    const struct run_generation *g; /* what is run now */
    struct known *known;            /* [n] */
    size_t n;
};

/* -- which they are -- */

static bool goes_on(const struct run_generation *g, const struct dg_known_stream *s)
{
    const struct dg_stream_key key = {.group = g->settings.kafka.group,
                                      .monitor = s->monitor,
                                      .config_hash = s->config_hash,
                                      .baseline = s->baseline};
    for (size_t i = 0; i < g->n; i++) {
        if (run_same_stream(&key, &g->monitor[i].key)) {
            return true;
        }
    }
    return false;
}

static int on_stream(void *arg, const struct dg_known_stream *s, struct dg_error *err)
{
    struct recall *r = arg;
    if (s->first_us == DG_TIME_NONE || goes_on(r->g, s)) {
        return 0; /* nothing was counted, or it is the one that is run */
    }
    struct known *grown = realloc(r->known, (r->n + 1) * sizeof *grown);
    if (grown == NULL) {
        return dg_fail_memory(err);
    }
    r->known = grown;
    struct known *k = &r->known[r->n++];
    *k = (struct known){.s = *s,
                        .name = {strdup(s->monitor), strdup(s->config_hash), strdup(s->baseline)}};
    k->s.monitor = k->name[0];
    k->s.config_hash = k->name[1];
    k->s.baseline = k->name[2];
    return k->name[0] == NULL || k->name[1] == NULL || k->name[2] == NULL ? dg_fail_memory(err) : 0;
}

static void forget(struct recall *r)
{
    for (size_t i = 0; i < r->n; i++) {
        for (size_t k = 0; k < 3; k++) {
            free(r->known[i].name[k]);
        }
    }
    free(r->known);
}

/* -- making them anew -- */

struct texts {
    struct dg_loaded *l;
    const char *place; /* for messages: which stream */
    int code;          /* why its texts are of no use; the ledger itself may be fine */
    struct dg_error why;
};

static int parse_monitor(struct texts *t, const char *text)
{
    struct dg_diagnostics d = {0};
    struct dg_config c = {0};
    int rc = dg_config_parse(t->place, text, strlen(text), &d, &c);
    if (rc != 0) {
        rc = dg_fail(&t->why, rc, "its definition is not understood: %s",
                     d.n > 0 ? d.item[0].message : strerror(rc));
    } else {
        t->l->monitor = c.monitor;
        c.monitor = NULL;
        t->l->file = calloc(t->l->monitor->n_baselines + 1, sizeof(struct dg_baseline *));
        rc = t->l->file == NULL ? dg_fail_memory(&t->why) : 0;
    }
    dg_config_deinit(&c);
    dg_diagnostics_deinit(&d);
    return rc;
}

static int parse_baseline(struct texts *t, const struct dg_stream_text *part)
{
    const struct dg_monitor *m = t->l->monitor;
    for (size_t i = 0; m != NULL && i < m->n_baselines; i++) {
        if (m->baseline[i].kind == DG_BASELINE_FILE && t->l->file[i] == NULL &&
            strcmp(m->baseline[i].name, part->name) == 0) {
            return dg_baseline_parse(part->name, part->text, &t->l->file[i], &t->why);
        }
    }
    return 0;
}

/* The monitor's name sorts before those of baselines. */
static int on_text(void *arg, const struct dg_stream_text *part, struct dg_error *err)
{
    struct texts *t = arg;
    (void)err;
    if (t->code == 0) {
        t->code = part->name[0] == '\0' ? parse_monitor(t, part->text) : parse_baseline(t, part);
    }
    return 0;
}

/* Everything of the key must come out as it was: else it would not be judged by the same rules. */
static int check_same(const struct run_monitor *m, const struct dg_known_stream *s,
                      struct dg_error *why)
{
    if (strcmp(m->key.config_hash, s->config_hash) != 0) {
        return dg_fail(why, EINVAL,
                       "its definition means something else to this version of driftgauge");
    }
    if (strcmp(m->key.baseline, s->baseline) != 0) {
        return dg_fail(why, EINVAL, "its baseline %s is not kept with it", s->baseline);
    }
    return 0;
}

/* 0, also when it cannot be made anew: then m->opened is false and *why says why. */
static int make_anew(struct dg_ledger *ledger, const char *group, const struct dg_known_stream *s,
                     struct run_monitor *m, struct dg_error *why, struct dg_error *err)
{
    char place[64];
    snprintf(place, sizeof place, "stream %d", (int)s->stream);
    struct texts t = {.l = &m->loaded, .place = place};
    const int rc = ledger->ops->texts(ledger, s->stream, on_text, &t, err);
    if (rc != 0) {
        return rc;
    }
    *why = t.why;
    int code = t.code;
    if (code == 0 && m->loaded.monitor == NULL) {
        code = dg_fail(why, ENOENT, "it began before definitions were kept");
    }
    code = code != 0 ? code : dg_loaded_adopt(&m->loaded, why);
    code = code != 0 ? code : run_monitor_prepare(m, group, why);
    code = code != 0 ? code : check_same(m, s, why);
    m->stream = s->stream;
    m->opened = code == 0;
    return 0;
}

static void say_lost(struct run *r, const struct dg_known_stream *s, const struct dg_error *why)
{
    char first[DG_TIME_TEXT], last[DG_TIME_TEXT];
    dg_board_add(r->board, DG_COUNT_UNJUDGED, 1);
    dg_log(DG_LOG_WARNING, "stream_ended",
           "%s: configuration %s, stream %d, is not run any more and cannot be judged to its end: "
           "%s; windows between %s and %s lack rows or are not final",
           s->monitor, s->config_hash, (int)s->stream, why->message,
           dg_time_format(s->first_us, first), dg_time_format(s->last_us, last));
}

int run_recall(struct run *r, const struct run_generation *g, struct dg_ledger *ledger,
               struct run_generation **out, struct dg_error *err)
{
    struct recall recall = {.g = g};
    struct run_generation *made = NULL;
    int rc = ledger->ops->streams(ledger, g->settings.kafka.group, on_stream, &recall, err);
    if (rc == 0) {
        made = calloc(1, sizeof *made);
        rc = made == NULL ? dg_fail_memory(err) : 0;
    }
    if (rc == 0) {
        made->monitor = calloc(recall.n + 1, sizeof *made->monitor);
        rc = made->monitor == NULL ? dg_fail_memory(err) : 0;
    }
    for (size_t i = 0; i < recall.n && rc == 0; i++) {
        struct dg_error why = {0};
        struct run_monitor *m = &made->monitor[made->n++];
        run_monitor_init(m);
        rc = make_anew(ledger, g->settings.kafka.group, &recall.known[i].s, m, &why, err);
        if (rc == 0 && !m->opened) {
            say_lost(r, &recall.known[i].s, &why);
        }
    }
    forget(&recall);
    if (rc != 0) {
        run_generation_free(made);
        return rc;
    }
    *out = made;
    return 0;
}
