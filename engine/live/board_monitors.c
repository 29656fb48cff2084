#include "engine/live/board_view.h"

#include <stdlib.h>
#include <string.h>

void dg_board_free_claim(struct dg_board_claim *c)
{
    free(c->place);
    free(c->text);
    *c = (struct dg_board_claim){0};
}

void dg_board_free_watched(struct dg_board_watched *m)
{
    if (m != NULL) {
        free((void *)(uintptr_t)m->shown.name);
        free(m);
    }
}

/* -- lanes -- */

void dg_board_lane(struct dg_board *b, uint32_t lane, bool assigned, size_t partitions,
                   size_t bytes)
{
    DG_ASSERT(lane < DG_BOARD_LANES_MAX);
    pthread_mutex_lock(b->lock);
    b->lane[lane] = (struct dg_board_lane_state){true, assigned, partitions, bytes};
    dg_board_refresh(b);
    pthread_mutex_unlock(b->lock);
}

static size_t text_needed(const struct dg_board_partition p[], size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += strlen(p[i].monitor) + strlen(p[i].view.place.topic) + 2;
    }
    return bytes;
}

/* The name as it was copied for the row before, or a copy at *end. */
static const char *keep_name(const char *name, const char *before, char **end)
{
    if (before != NULL && strcmp(name, before) == 0) {
        return before;
    }
    char *copy = *end;
    *end = stpcpy(copy, name) + 1;
    return copy;
}

static bool copy_claim(uint32_t lane, const struct dg_board_partition p[], size_t n,
                       struct dg_board_claim *out)
{
    const size_t text_len = text_needed(p, n);
    struct dg_board_claim c = {.place = calloc(n, sizeof *c.place),
                               .n = n,
                               .text = malloc(text_len),
                               .text_len = text_len};
    if (c.place == NULL || c.text == NULL) {
        dg_board_free_claim(&c);
        return false;
    }
    char *end = c.text;
    for (size_t i = 0; i < n; i++) {
        const struct dg_lane_view *v = &p[i].view;
        const struct dg_board_place *before = i > 0 ? &c.place[i - 1] : NULL;
        c.place[i] = (struct dg_board_place){
            .monitor = keep_name(p[i].monitor, before != NULL ? before->monitor : NULL, &end),
            .topic = keep_name(v->place.topic, before != NULL ? before->topic : NULL, &end),
            .lane = lane,
            .partition = v->place.partition,
            .next = v->next_offset,
            .committed = v->committed_offset,
            .high = p[i].high,
            .max_us = v->clock.max_us,
            .idle = v->idle,
        };
    }
    *out = c;
    return true;
}

void dg_board_partitions(struct dg_board *b, uint32_t lane, const struct dg_board_partition p[],
                         size_t n)
{
    DG_ASSERT(lane < DG_BOARD_LANES_MAX);
    struct dg_board_claim c = {0};
    if (n > 0 && !copy_claim(lane, p, n, &c)) {
        return;
    }
    pthread_mutex_lock(b->lock);
    b->said++;
    for (size_t i = 0; i < c.n; i++) {
        c.place[i].said = b->said;
    }
    struct dg_board_claim old = b->claim[lane];
    b->claim[lane] = c;
    pthread_mutex_unlock(b->lock);
    dg_board_free_claim(&old);
}

/* -- the last minute -- */

/* Bring the ring to `second`: seconds that were passed over hold 0, or the level before them. */
static void minute_roll(struct dg_board_minute *m, int64_t second, bool level)
{
    if (m->last == INT64_MIN) {
        m->last = second;
        return;
    }
    const double fill = level ? m->value[m->last % DG_BOARD_RING] : 0.0;
    if (second - m->last > DG_BOARD_RING) {
        m->last = second - DG_BOARD_RING;
    }
    while (m->last < second) {
        m->last++;
        m->value[m->last % DG_BOARD_RING] = fill;
    }
}

/* `amount` came about between two moments: each second gets its share. */
static void minute_add(struct dg_board_minute *m, int64_t from_us, int64_t to_us, double amount)
{
    const int64_t last = to_us / DG_SECOND_US;
    minute_roll(m, last, false);
    const int64_t least_us = to_us - DG_BOARD_SECONDS * DG_SECOND_US;
    from_us = from_us < 0 ? 0 : from_us;
    const double span = (double)(to_us - from_us);
    if (span <= 0) {
        m->value[last % DG_BOARD_RING] += amount;
        return;
    }
    for (int64_t s = (from_us > least_us ? from_us : least_us) / DG_SECOND_US; s <= last; s++) {
        const int64_t begin = s * DG_SECOND_US > from_us ? s * DG_SECOND_US : from_us;
        const int64_t end = (s + 1) * DG_SECOND_US < to_us ? (s + 1) * DG_SECOND_US : to_us;
        m->value[s % DG_BOARD_RING] += end > begin ? amount * (double)(end - begin) / span : 0.0;
    }
}

void dg_board_minute_read(const struct dg_board_minute *m, int64_t steady_us, bool level,
                          double value[DG_BOARD_SECONDS])
{
    struct dg_board_minute copy = *m;
    const int64_t now = steady_us / DG_SECOND_US;
    minute_roll(&copy, now, level);
    for (int64_t i = 0; i < DG_BOARD_SECONDS; i++) {
        const int64_t s = now - DG_BOARD_SECONDS + i;
        value[i] = s < 0 ? 0.0 : copy.value[s % DG_BOARD_RING];
    }
}

/* -- monitors -- */

static struct dg_board_watched *find_among(struct dg_board_watched *const list[], size_t n,
                                           const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->shown.name, name) == 0) {
            return list[i];
        }
    }
    return NULL;
}

static struct dg_board_watched *find_monitor(const struct dg_board *b, const char *name)
{
    return find_among(b->monitor, b->n_monitors, name);
}

/* Take the monitor of that name out of the board's list; NULL: it has none. */
static struct dg_board_watched *move_out(struct dg_board *b, const char *name)
{
    for (size_t i = 0; i < b->n_monitors; i++) {
        struct dg_board_watched *m = b->monitor[i];
        if (strcmp(m->shown.name, name) == 0) {
            b->monitor[i] = b->monitor[--b->n_monitors];
            return m;
        }
    }
    return NULL;
}

static struct dg_board_watched *new_monitor(const char *name)
{
    struct dg_board_watched *m = calloc(1, sizeof *m);
    if (m != NULL) {
        m->shown.name = strdup(name);
        m->shown.records.last = m->shown.drifted.last = INT64_MIN;
        m->shown.total.first_us = m->shown.total.last_us = DG_TIME_NONE;
    }
    if (m != NULL && m->shown.name == NULL) {
        free(m);
        m = NULL;
    }
    return m;
}

void dg_board_monitors(struct dg_board *b, const char *const names[], size_t n)
{
    struct dg_board_watched **list = calloc(n + 1, sizeof(struct dg_board_watched *));
    if (list == NULL) {
        return;
    }
    pthread_mutex_lock(b->lock);
    size_t filled = 0;
    for (size_t i = 0; i < n; i++) {
        if (find_among(list, filled, names[i]) == NULL) {
            struct dg_board_watched *m = move_out(b, names[i]);
            m = m != NULL ? m : new_monitor(names[i]);
            if (m != NULL) {
                list[filled++] = m;
            }
        }
    }
    struct dg_board_watched **old = b->monitor;
    const size_t n_old = b->n_monitors;
    b->monitor = list;
    b->n_monitors = filled;
    pthread_mutex_unlock(b->lock);
    for (size_t i = 0; i < n_old; i++) {
        dg_board_free_watched(old[i]);
    }
    free(old);
}

/* What was added since `before`; a smaller number is a new beginning. */
static uint64_t growth(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void add_totals(struct dg_admission_totals *sum, const struct dg_admission_totals *now,
                       const struct dg_admission_totals *before)
{
    sum->records += growth(now->records, before->records);
    sum->rows += growth(now->rows, before->rows);
    sum->duplicates += growth(now->duplicates, before->duplicates);
    sum->late += growth(now->late, before->late);
    sum->out_of_order += growth(now->out_of_order, before->out_of_order);
    sum->ids_unchecked += growth(now->ids_unchecked, before->ids_unchecked);
    for (int i = 0; i < DG_REASONS; i++) {
        sum->bad[i] += growth(now->bad[i], before->bad[i]);
    }
}

void dg_board_totals(struct dg_board *b, uint32_t lane, const char *monitor,
                     const struct dg_admission_totals *t)
{
    static const struct dg_admission_totals nothing;
    DG_ASSERT(lane < DG_BOARD_LANES_MAX);
    pthread_mutex_lock(b->lock);
    struct dg_board_watched *m = find_monitor(b, monitor);
    if (m != NULL) {
        struct dg_board_told *told = &m->lane[lane];
        const bool anew = t->records < told->totals.records;
        const struct dg_admission_totals *before = anew ? &nothing : &told->totals;
        const int64_t steady_us = dg_board_steady(b);
        const int64_t from_us = told->steady_us != 0 ? told->steady_us : steady_us - DG_SECOND_US;
        add_totals(&m->shown.total, t, before);
        minute_add(&m->shown.records, from_us, steady_us,
                   (double)growth(t->records, before->records));
        *told = (struct dg_board_told){*t, steady_us};
    }
    pthread_mutex_unlock(b->lock);
}

void dg_board_lane_renewed(struct dg_board *b, uint32_t lane)
{
    DG_ASSERT(lane < DG_BOARD_LANES_MAX);
    pthread_mutex_lock(b->lock);
    for (size_t i = 0; i < b->n_monitors; i++) {
        struct dg_board_told *told = &b->monitor[i]->lane[lane];
        *told = (struct dg_board_told){.steady_us = told->steady_us};
    }
    pthread_mutex_unlock(b->lock);
}

void dg_board_lanes(struct dg_board *b, uint32_t n)
{
    DG_ASSERT(n <= DG_BOARD_LANES_MAX);
    pthread_mutex_lock(b->lock);
    for (uint32_t i = n; i < DG_BOARD_LANES_MAX; i++) {
        b->lane[i] = (struct dg_board_lane_state){0};
    }
    pthread_mutex_unlock(b->lock);
}

static double drifted_series(const struct dg_board_monitor *m)
{
    double n = 0;
    for (size_t i = 0; i < m->n_windows; i++) {
        n += m->window[i].drift;
    }
    return n;
}

static void set_drifted(const struct dg_board *b, struct dg_board_monitor *m)
{
    minute_roll(&m->drifted, dg_board_steady(b) / DG_SECOND_US, true);
    m->drifted.value[m->drifted.last % DG_BOARD_RING] = drifted_series(m);
}

/* Of a configuration that is no more; the first windows of the new one came before its report. */
static void forget_windows(struct dg_board_monitor *s, bool all)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_windows; i++) {
        if (s->window[i].fresh && !all) {
            s->window[n++] = s->window[i];
        }
    }
    s->n_windows = n;
}

void dg_board_judge(struct dg_board *b, const char *monitor, const char *config_hash,
                    const struct dg_judge_report *r)
{
    pthread_mutex_lock(b->lock);
    struct dg_board_watched *m = find_monitor(b, monitor);
    if (m != NULL) {
        struct dg_board_monitor *s = &m->shown;
        const bool other = strncmp(s->hash, config_hash, DG_BOARD_HASH_MAX - 1) != 0;
        if (other || !r->leading) {
            snprintf(s->hash, sizeof s->hash, "%s", config_hash);
            forget_windows(s, !r->leading);
            set_drifted(b, s);
        }
        for (size_t i = 0; i < s->n_windows; i++) {
            s->window[i].fresh = false;
        }
        s->judged = true;
        s->judge = *r;
        s->windows += r->windows;
        s->again += r->again;
        s->rows += r->rows_written;
        s->unrevised += growth(r->unrevised, m->unrevised);
        m->unrevised = r->unrevised;
    }
    pthread_mutex_unlock(b->lock);
}

void dg_board_window(struct dg_board *b, const char *monitor, int64_t size_us, int64_t end_us,
                     uint64_t rows, uint32_t series, uint32_t drift, uint32_t warn,
                     enum dg_severity severity)
{
    pthread_mutex_lock(b->lock);
    struct dg_board_watched *m = find_monitor(b, monitor);
    if (m != NULL) {
        struct dg_board_monitor *s = &m->shown;
        size_t i = 0;
        while (i < s->n_windows && s->window[i].size_us < size_us) {
            i++;
        }
        const bool there = i < s->n_windows && s->window[i].size_us == size_us;
        if (!there && s->n_windows < DG_BOARD_WINDOWS_MAX) {
            memmove(&s->window[i + 1], &s->window[i], (s->n_windows - i) * sizeof s->window[0]);
            s->window[i] = (struct dg_board_window){.size_us = size_us, .end_us = INT64_MIN};
            s->n_windows++;
        }
        if (i < s->n_windows && s->window[i].size_us == size_us && s->window[i].end_us <= end_us) {
            s->window[i] = (struct dg_board_window){size_us, end_us, rows,     series,
                                                    drift,   warn,   severity, true};
            set_drifted(b, s);
        }
    }
    pthread_mutex_unlock(b->lock);
}
