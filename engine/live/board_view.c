#include "engine/live/board_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int64_t dg_board_lag(const struct dg_board_place *p)
{
    if (p->high < 0 || p->next < 0) {
        return -1;
    }
    return p->high > p->next ? p->high - p->next : 0;
}

/* -- copying, under the lock -- */

static bool copy_parts(const struct dg_board *b, struct dg_board_view *v)
{
    for (int i = 0; i < DG_PARTS; i++) {
        const struct dg_board_part *p = &b->part[i];
        struct dg_board_speech *copy = dg_arena_take(&v->arena, p->n, sizeof *copy);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, p->speech, p->n * sizeof *copy);
        v->part[i] = copy;
        v->n_part[i] = p->n;
    }
    return true;
}

static bool copy_monitors(const struct dg_board *b, struct dg_board_view *v)
{
    v->monitor = dg_arena_take(&v->arena, b->n_monitors, sizeof *v->monitor);
    if (v->monitor == NULL) {
        return false;
    }
    for (size_t i = 0; i < b->n_monitors; i++) {
        v->monitor[i] = b->monitor[i]->shown;
        const char *name = v->monitor[i].name;
        v->monitor[i].name = dg_arena_text(&v->arena, name, strlen(name));
        if (v->monitor[i].name == NULL) {
            return false;
        }
    }
    v->n_monitors = b->n_monitors;
    return true;
}

static bool copy_places(const struct dg_board *b, struct dg_board_view *v)
{
    size_t n = 0;
    for (size_t i = 0; i < DG_BOARD_LANES_MAX; i++) {
        n += b->claim[i].n;
    }
    v->place = dg_arena_take(&v->arena, n, sizeof *v->place);
    if (v->place == NULL) {
        return false;
    }
    for (size_t i = 0; i < DG_BOARD_LANES_MAX; i++) {
        const struct dg_board_claim *c = &b->claim[i];
        if (c->n == 0) {
            continue;
        }
        char *text = dg_arena_take(&v->arena, c->text_len, 1);
        if (text == NULL) {
            return false;
        }
        memcpy(text, c->text, c->text_len);
        for (size_t k = 0; k < c->n; k++) {
            struct dg_board_place *p = &v->place[v->n_places++];
            *p = c->place[k];
            p->monitor = text + (p->monitor - c->text);
            p->topic = text + (p->topic - c->text);
        }
    }
    return true;
}

static bool copy_all(const struct dg_board *b, struct dg_board_view *v)
{
    const char *config = b->config != NULL ? b->config : "";
    const char *group = b->group != NULL ? b->group : "";
    v->now_us = dg_board_now(b);
    v->steady_us = dg_board_steady(b);
    v->started_us = b->started_us;
    v->reloaded_us = b->reloaded_us;
    v->reload_refused = b->reload_refused;
    v->overall = b->overall;
    v->overall_since_us = b->overall_since_us;
    v->config = dg_arena_text(&v->arena, config, strlen(config));
    v->group = dg_arena_text(&v->arena, group, strlen(group));
    memcpy(v->words, b->words, sizeof v->words);
    memcpy(v->lane, b->lane, sizeof v->lane);
    memcpy(v->count, b->count, sizeof v->count);
    memcpy(v->took, b->took, sizeof v->took);
    return v->config != NULL && v->group != NULL && copy_parts(b, v) && copy_monitors(b, v) &&
           copy_places(b, v);
}

/* -- order, outside the lock -- */

static int by_place(const void *a, const void *b)
{
    const struct dg_board_place *p = a, *q = b;
    if (p->of != q->of) {
        return p->of < q->of ? -1 : 1;
    }
    const int topic = strcmp(p->topic, q->topic);
    if (topic != 0) {
        return topic;
    }
    if (p->partition != q->partition) {
        return p->partition < q->partition ? -1 : 1;
    }
    return p->said > q->said ? -1 : p->said < q->said; /* newest word first */
}

static size_t monitor_index(const struct dg_board_view *v, const char *name)
{
    for (size_t i = 0; i < v->n_monitors; i++) {
        if (strcmp(v->monitor[i].name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void sort_places(struct dg_board_view *v)
{
    for (size_t i = 0; i < v->n_places; i++) {
        struct dg_board_place *p = &v->place[i];
        const bool same = i > 0 && p->monitor == p[-1].monitor;
        p->of = same ? p[-1].of : monitor_index(v, p->monitor);
    }
    if (v->n_places > 0) {
        qsort(v->place, v->n_places, sizeof *v->place, by_place);
    }
    size_t n = 0;
    for (size_t i = 0; i < v->n_places; i++) {
        const struct dg_board_place *p = &v->place[i];
        const struct dg_board_place *last = n > 0 ? &v->place[n - 1] : NULL;
        const bool again = last != NULL && last->of == p->of && last->partition == p->partition &&
                           strcmp(last->topic, p->topic) == 0;
        if (p->of != SIZE_MAX && !again) {
            v->place[n++] = *p;
        }
    }
    v->n_places = n;
}

int dg_board_look(const struct dg_board *b, struct dg_board_view *out)
{
    struct dg_board_view v = {0};
    pthread_mutex_lock(b->lock);
    const bool copied = copy_all(b, &v);
    pthread_mutex_unlock(b->lock);
    if (!copied) {
        dg_board_view_deinit(&v);
        return ENOMEM;
    }
    sort_places(&v);
    *out = v;
    return 0;
}

void dg_board_view_deinit(struct dg_board_view *v)
{
    dg_arena_deinit(&v->arena);
    *v = (struct dg_board_view){0};
}
