#include "connectors/report_model.h"

#include "connectors/report_index.h"
#include "connectors/report_points.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of keys in the one index. */
enum key_kind { KEY_GROUP, KEY_COLUMN, KEY_TRACK, KEY_SLICE, KEY_CELL, KEY_NEWS };

void dg_report_model_init(struct dg_report_model *m)
{
    *m = (struct dg_report_model){0};
}

void dg_report_model_deinit(struct dg_report_model *m)
{
    for (size_t i = 0; i < m->n_tracks; i++) {
        free(m->track[i].point);
    }
    for (size_t i = 0; i < m->n_sizes; i++) {
        free(m->size[i].window);
    }
    free(m->track);
    free(m->group);
    free(m->column);
    free(m->slice);
    free(m->cell);
    dg_report_strings_free(m->strings);
    dg_report_index_free(m->index);
    *m = (struct dg_report_model){0};
}

int dg_report_model_open(struct dg_report_model *m, const struct dg_run_info *run)
{
    m->run = *run;
    m->strings = dg_report_strings_new(DG_REPORT_STRINGS_MAX);
    m->index = dg_report_index_new();
    return m->strings == NULL || m->index == NULL ? ENOMEM : 0;
}

const char *dg_report_string(const struct dg_report_model *m, uint32_t id)
{
    return dg_report_strings_get(m->strings, id);
}

size_t dg_report_model_bytes(const struct dg_report_model *m)
{
    size_t bytes = sizeof *m + m->cap_tracks * sizeof *m->track + m->cap_groups * sizeof *m->group +
                   m->cap_columns * sizeof *m->column + m->cap_slices * sizeof *m->slice +
                   m->cap_cells * sizeof *m->cell;
    for (size_t i = 0; i < m->n_tracks; i++) {
        bytes += m->track[i].cap * sizeof *m->track[i].point;
    }
    for (size_t i = 0; i < m->n_sizes; i++) {
        bytes += m->size[i].cap * sizeof *m->size[i].window;
    }
    return bytes + dg_report_strings_bytes(m->strings) + dg_report_index_bytes(m->index);
}

/* Make room for one more item; the list is left as it was on ENOMEM. */
static int reserve_one(void **list, size_t n, size_t *cap, size_t item)
{
    if (n < *cap) {
        return 0;
    }
    const size_t more = *cap == 0 ? 16 : *cap * 2;
    void *grown = realloc(*list, more * item);
    if (grown == NULL) {
        return ENOMEM;
    }
    *list = grown;
    *cap = more;
    return 0;
}

/* The place of a key in its list of n items: an old one, or n for a new one (*is_new). */
static int place(struct dg_report_model *m, struct dg_report_key key, size_t n, uint32_t *at,
                 bool *is_new)
{
    const int rc = dg_report_index_put(m->index, &key, (uint32_t)n, at);
    *is_new = rc == 0 && *at == n;
    return rc;
}

static int intern(struct dg_report_model *m, const char *text, uint32_t *id)
{
    return dg_report_strings_add(m->strings, text == NULL ? "" : text, id);
}

static int find_group(struct dg_report_model *m, const struct dg_slice_name *name, uint32_t *at)
{
    uint32_t version = 0, variant = 0;
    bool is_new = false;
    int rc = intern(m, name->version, &version);
    rc = rc != 0 ? rc : intern(m, name->variant, &variant);
    void *list = m->group;
    rc = rc != 0 ? rc : reserve_one(&list, m->n_groups, &m->cap_groups, sizeof *m->group);
    m->group = list;
    const struct dg_report_key key = {{KEY_GROUP, version, variant, 0, 0}};
    rc = rc != 0 ? rc : place(m, key, m->n_groups, at, &is_new);
    if (rc == 0 && is_new) {
        m->group[m->n_groups++] = (struct dg_report_group){version, variant};
    }
    return rc;
}

static int find_column(struct dg_report_model *m, const struct dg_series_row *row, uint32_t *at)
{
    uint32_t name = 0;
    bool is_new = false;
    int rc = intern(m, row->column, &name);
    void *list = m->column;
    rc = rc != 0 ? rc : reserve_one(&list, m->n_columns, &m->cap_columns, sizeof *m->column);
    m->column = list;
    const struct dg_report_key key = {{KEY_COLUMN, name, 0, 0, 0}};
    rc = rc != 0 ? rc : place(m, key, m->n_columns, at, &is_new);
    if (rc == 0 && is_new) {
        m->column[m->n_columns++] =
            (struct dg_report_column){name, row->type, row->role, row->importance, 0, 0};
    }
    return rc;
}

/* -- windows ------------------------------------------------------------------------------- */

/* Buckets a resolution may have, so that all tracks together stay within their budget. */
static uint32_t bucket_limit(const struct dg_report_model *m)
{
    uint32_t limit = DG_REPORT_POINTS;
    for (size_t n = DG_REPORT_TRACKS; n < m->n_tracks && limit > DG_REPORT_POINTS_MIN; n *= 2) {
        limit /= 2;
    }
    return limit;
}

static void widen(struct dg_report_model *m, uint32_t at)
{
    struct dg_report_size *s = &m->size[at];
    s->stride *= 2;
    s->n_windows = dg_report_thin_windows(s->window, s->n_windows, s->stride);
    for (size_t i = 0; i < m->n_tracks; i++) {
        struct dg_report_track *t = &m->track[i];
        if (t->size == at) {
            t->n_points = dg_report_thin_points(t->point, t->n_points, s->stride);
        }
    }
}

static int64_t slide_of(const struct dg_monitor *monitor, int64_t size_us)
{
    for (size_t i = 0; i < monitor->n_windows; i++) {
        if (monitor->window[i].size_us == size_us) {
            return monitor->window[i].slide_us;
        }
    }
    return 0;
}

int dg_report_model_begin(struct dg_report_model *m, const struct dg_window_id *w)
{
    uint32_t at = 0;
    while (at < m->n_sizes && m->size[at].size_us != w->size_us) {
        at++;
    }
    m->now_kept = at < DG_REPORT_SIZES_MAX;
    if (!m->now_kept) {
        m->dropped++;
        return 0;
    }
    struct dg_report_size *s = &m->size[at];
    if (at == m->n_sizes) {
        m->n_sizes++;
        *s = (struct dg_report_size){.size_us = w->size_us,
                                     .slide_us = slide_of(m->run.monitor, w->size_us),
                                     .stride = 1,
                                     .first_us = w->end_us};
    }
    m->now = at;
    s->last_us = w->end_us;
    m->current = (struct dg_report_window){.end_us = w->end_us, .ordinal = s->windows++};
    while (m->current.ordinal / s->stride >= bucket_limit(m)) {
        widen(m, at);
    }
    for (size_t i = 0; i < m->n_columns; i++) {
        m->column[i].marked = 0;
    }
    return 0;
}

static void note_silence(struct dg_report_size *s, const struct dg_report_window *w)
{
    if (!w->silent) {
        s->silent_run = false;
        return;
    }
    s->silent_windows++;
    if (s->silent_run) {
        struct dg_report_silence *last = &s->silence[s->n_silences - 1];
        last->to_us = w->end_us;
        last->windows++;
        return;
    }
    if (s->n_silences < DG_REPORT_SILENCES) {
        s->silence[s->n_silences++] =
            (struct dg_report_silence){w->end_us - s->size_us, w->end_us, 1};
        s->silent_run = true;
    }
}

int dg_report_model_end(struct dg_report_model *m)
{
    if (!m->now_kept) {
        return 0;
    }
    struct dg_report_size *s = &m->size[m->now];
    for (size_t i = 0; i < m->n_columns; i++) {
        const struct dg_report_column *c = &m->column[i];
        m->current.columns += c->marked;
        m->current.drift += c->marked && c->window_status == DG_STATUS_DRIFT;
        m->current.warn += c->marked && c->window_status == DG_STATUS_WARN;
    }
    s->drift_windows += m->current.drift > 0;
    s->warn_windows +=
        m->current.drift == 0 && (m->current.warn > 0 || m->current.severity != DG_OK);
    note_silence(s, &m->current);
    void *list = s->window;
    const int rc = reserve_one(&list, s->n_windows, &s->cap, sizeof *s->window);
    s->window = list;
    if (rc != 0) {
        return rc;
    }
    s->window[s->n_windows++] = m->current;
    s->n_windows = dg_report_thin_windows(s->window, s->n_windows, s->stride);
    return 0;
}

/* -- tracks -------------------------------------------------------------------------------- */

static bool is_judged(enum dg_status s)
{
    return s == DG_STATUS_OK || s == DG_STATUS_WARN || s == DG_STATUS_DRIFT;
}

/* A copy of the row whose strings are the model's own. */
static int keep_row(struct dg_report_model *m, const struct dg_series_row *row,
                    struct dg_series_row *kept)
{
    const char *const *from[] = {&row->window.monitor, &row->window.config_hash,
                                 &row->slice.version,  &row->slice.variant,
                                 &row->slice.segment,  &row->column,
                                 &row->baseline,       &row->baseline_version};
    uint32_t id[sizeof from / sizeof from[0]];
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        const int rc = intern(m, *from[i], &id[i]);
        if (rc != 0) {
            return rc;
        }
    }
    *kept = *row;
    kept->window.monitor = dg_report_string(m, id[0]);
    kept->window.config_hash = dg_report_string(m, id[1]);
    kept->slice = (struct dg_slice_name){dg_report_string(m, id[2]), dg_report_string(m, id[3]),
                                         dg_report_string(m, id[4])};
    kept->column = dg_report_string(m, id[5]);
    kept->baseline = dg_report_string(m, id[6]);
    kept->baseline_version = dg_report_string(m, id[7]);
    return 0;
}

static void note_peak(struct dg_report_track *t, const struct dg_report_point *p)
{
    size_t at = t->n_peaks;
    while (at > 0 && dg_report_point_worse(p, &t->peak[at - 1])) {
        at--;
    }
    if (at == DG_REPORT_WORST) {
        return;
    }
    t->n_peaks += t->n_peaks < DG_REPORT_WORST;
    memmove(&t->peak[at + 1], &t->peak[at], (t->n_peaks - at - 1) * sizeof t->peak[0]);
    t->peak[at] = *p;
}

static void note_window(struct dg_report_track *t, const struct dg_series_row *row)
{
    const bool drift = row->status == DG_STATUS_DRIFT;
    t->windows++;
    t->drift_windows += drift;
    t->warn_windows += row->status == DG_STATUS_WARN;
    if (drift) {
        t->first_drift_us = t->first_drift_us == 0 ? row->window.end_us : t->first_drift_us;
        t->last_drift_us = row->window.end_us;
        t->episodes += !t->drifting;
    }
    if (is_judged(row->status)) {
        t->drifting = drift;
    }
    if (isnan(t->complete_worst) || row->completeness < t->complete_worst) {
        t->complete_worst = row->completeness;
    }
    if (isnan(t->validity_worst) || row->validity < t->validity_worst) {
        t->validity_worst = row->validity;
    }
    const bool vanished = (row->flags & DG_SERIES_VANISHED) != 0;
    t->vanished_us = !vanished ? 0 : t->vanished_us == 0 ? row->window.end_us : t->vanished_us;
}

static int find_track(struct dg_report_model *m, const struct dg_series_row *row, uint32_t group,
                      uint32_t column, struct dg_report_track **found)
{
    uint32_t baseline = 0, at = 0;
    bool is_new = false;
    int rc = intern(m, row->baseline, &baseline);
    void *list = m->track;
    rc = rc != 0 ? rc : reserve_one(&list, m->n_tracks, &m->cap_tracks, sizeof *m->track);
    m->track = list;
    const struct dg_report_key key = {{KEY_TRACK, m->now, group, column, baseline}};
    *found = NULL;
    if (rc == 0 && m->n_tracks == DG_REPORT_TRACKS_MAX &&
        !dg_report_index_get(m->index, &key, &at)) {
        m->dropped++;
        return 0;
    }
    rc = rc != 0 ? rc : place(m, key, m->n_tracks, &at, &is_new);
    if (rc != 0) {
        return rc;
    }
    if (is_new) {
        m->track[m->n_tracks++] = (struct dg_report_track){.size = m->now,
                                                           .group = group,
                                                           .column = column,
                                                           .baseline = baseline,
                                                           .complete_worst = NAN,
                                                           .validity_worst = NAN};
    }
    *found = &m->track[at];
    return 0;
}

static int add_point(struct dg_report_track *t, const struct dg_report_point *p, uint32_t stride)
{
    void *list = t->point;
    const int rc = reserve_one(&list, t->n_points, &t->cap, sizeof *t->point);
    t->point = list;
    if (rc != 0) {
        return rc;
    }
    struct dg_report_point *last = t->n_points > 0 ? &t->point[t->n_points - 1] : NULL;
    if (last == NULL || last->ordinal / stride != p->ordinal / stride) {
        t->point[t->n_points++] = *p;
    } else if (dg_report_point_worse(p, last)) {
        *last = *p;
    }
    return 0;
}

static int whole_series(struct dg_report_model *m, const struct dg_series_row *row, uint32_t group,
                        uint32_t column)
{
    struct dg_report_track *t = NULL;
    int rc = find_track(m, row, group, column, &t);
    if (rc != 0 || t == NULL) {
        return rc;
    }
    struct dg_report_column *c = &m->column[column];
    const uint8_t status = (uint8_t)row->status;
    if (!c->marked ||
        dg_report_status_rank(status, DG_OK) > dg_report_status_rank(c->window_status, DG_OK)) {
        c->window_status = status;
    }
    c->marked = 1;
    if (row->severity > m->current.severity) {
        m->current.severity = (uint8_t)row->severity;
    }
    const struct dg_report_point p = dg_report_point_of(row, m->current.ordinal);
    const bool judged = is_judged(row->status);
    if (judged || !t->judged) {
        const bool first = t->windows == 0 || (judged && !t->judged);
        if (first || (judged && (t->n_peaks == 0 || dg_report_point_worse(&p, &t->peak[0])))) {
            rc = keep_row(m, row, &t->worst);
        }
        rc = rc != 0 ? rc : keep_row(m, row, &t->latest);
        t->judged = judged;
    }
    if (judged) {
        note_peak(t, &p);
    }
    note_window(t, row);
    t->last_ordinal = m->current.ordinal;
    return rc != 0 ? rc : add_point(t, &p, m->size[m->now].stride);
}

/* -- other slices -------------------------------------------------------------------------- */

/* The slice of a row; NULL in *found beyond the limit. */
static int find_slice(struct dg_report_model *m, const struct dg_slice_name *name, uint32_t group,
                      uint32_t *at, bool *kept)
{
    uint32_t segment = 0;
    bool is_new = false;
    int rc = intern(m, name->segment, &segment);
    void *list = m->slice;
    rc = rc != 0 ? rc : reserve_one(&list, m->n_slices, &m->cap_slices, sizeof *m->slice);
    m->slice = list;
    const struct dg_report_key key = {{KEY_SLICE, m->now, group, segment, 0}};
    *kept =
        rc == 0 && (m->n_slices < DG_REPORT_SLICES_MAX || dg_report_index_get(m->index, &key, at));
    if (!*kept) {
        m->dropped++;
        return rc;
    }
    rc = place(m, key, m->n_slices, at, &is_new);
    if (rc == 0 && is_new) {
        m->slice[m->n_slices++] =
            (struct dg_report_slice){.size = m->now, .group = group, .segment = segment};
    }
    return rc;
}

static void update_cell(struct dg_report_model *m, struct dg_report_cell *c,
                        const struct dg_series_row *row)
{
    const double psi = row->drift.psi_adjusted;
    c->windows++;
    c->drift_windows += row->status == DG_STATUS_DRIFT;
    if (is_judged(row->status) || c->status == DG_STATUS_INSUFFICIENT) {
        c->status = (uint8_t)row->status;
        c->severity = (uint8_t)row->severity;
        c->n = row->n;
        c->since_us = row->since_us;
        c->psi = psi;
        c->ks = row->drift.ks;
        c->p = row->p_adjusted;
        c->last_ordinal = m->current.ordinal;
    }
    if (is_judged(row->status) && dg_report_rank_real(psi) > dg_report_rank_real(c->peak)) {
        c->peak = psi;
        c->peak_us = row->window.end_us;
    }
}

static int slice_series(struct dg_report_model *m, const struct dg_series_row *row, uint32_t group,
                        uint32_t column)
{
    uint32_t slice = 0, baseline = 0, at = 0;
    bool kept = false, is_new = false;
    int rc = find_slice(m, &row->slice, group, &slice, &kept);
    rc = rc != 0 ? rc : intern(m, row->baseline, &baseline);
    if (rc != 0 || !kept) {
        return rc;
    }
    void *list = m->cell;
    rc = reserve_one(&list, m->n_cells, &m->cap_cells, sizeof *m->cell);
    m->cell = list;
    const struct dg_report_key key = {{KEY_CELL, slice, column, baseline, 0}};
    if (rc == 0 && m->n_cells == DG_REPORT_CELLS_MAX && !dg_report_index_get(m->index, &key, &at)) {
        m->dropped++;
        return 0;
    }
    rc = rc != 0 ? rc : place(m, key, m->n_cells, &at, &is_new);
    if (rc != 0) {
        return rc;
    }
    if (is_new) {
        m->cell[m->n_cells++] = (struct dg_report_cell){.slice = slice,
                                                        .column = column,
                                                        .baseline = baseline,
                                                        .status = DG_STATUS_INSUFFICIENT,
                                                        .psi = NAN,
                                                        .ks = NAN,
                                                        .p = NAN,
                                                        .peak = NAN};
    }
    update_cell(m, &m->cell[at], row);
    return 0;
}

int dg_report_model_series(struct dg_report_model *m, const struct dg_series_row *row)
{
    if (!m->now_kept) {
        m->dropped++;
        return 0;
    }
    uint32_t group = 0, column = 0;
    int rc = find_group(m, &row->slice, &group);
    rc = rc != 0 ? rc : find_column(m, row, &column);
    if (rc != 0) {
        return rc;
    }
    return strcmp(row->slice.segment, "all") == 0 ? whole_series(m, row, group, column)
                                                  : slice_series(m, row, group, column);
}

static int note_news(struct dg_report_model *m, const struct dg_slice_row *row)
{
    for (size_t i = 0; i < row->n_new_fields; i++) {
        char name[DG_KEY_MAX + 1];
        const size_t len = row->new_field[i].len < DG_KEY_MAX ? row->new_field[i].len : DG_KEY_MAX;
        memcpy(name, row->new_field[i].key, len);
        name[len] = '\0';
        uint32_t id = 0;
        const int rc = intern(m, name, &id);
        if (rc != 0) {
            return rc;
        }
        size_t at = 0;
        while (at < m->n_news && m->news[at].name != id) {
            at++;
        }
        if (at == DG_REPORT_NEWS) {
            m->dropped++;
            continue;
        }
        if (at == m->n_news) {
            m->news[m->n_news++] = (struct dg_report_news){id, 0, row->window.end_us, 0};
        }
        m->news[at].windows++;
        m->news[at].rows =
            row->new_field[i].count > m->news[at].rows ? row->new_field[i].count : m->news[at].rows;
    }
    return 0;
}

int dg_report_model_slice(struct dg_report_model *m, const struct dg_slice_row *row)
{
    if (!m->now_kept) {
        m->dropped++;
        return 0;
    }
    if (row->severity > m->current.severity) {
        m->current.severity = (uint8_t)row->severity;
    }
    if (row->stream) {
        m->current.late += row->late;
        for (size_t i = DG_GOOD + 1; i < DG_REASONS; i++) {
            m->current.bad += row->bad[i];
        }
        m->current.silent = row->silent;
        const int rc = note_news(m, row);
        if (rc != 0) {
            return rc;
        }
    }
    if (strcmp(row->slice.segment, "all") == 0) {
        m->current.rows += row->rows;
        return 0;
    }
    uint32_t group = 0, at = 0;
    bool kept = false;
    int rc = find_group(m, &row->slice, &group);
    rc = rc != 0 ? rc : find_slice(m, &row->slice, group, &at, &kept);
    if (rc != 0 || !kept) {
        return rc;
    }
    struct dg_report_slice *s = &m->slice[at];
    s->windows++;
    s->drift_windows += row->n_drift > 0;
    s->last_us = row->window.end_us;
    s->last_ordinal = m->current.ordinal;
    s->rows = row->rows;
    s->series = row->n_series;
    s->drift = row->n_drift;
    s->warn = row->n_warn;
    s->severity = (uint8_t)row->severity;
    return 0;
}

int dg_report_badness(const struct dg_report_track *t)
{
    const struct dg_series_row *r = &t->latest;
    if (r->status == DG_STATUS_DRIFT) {
        return 4;
    }
    if (r->status == DG_STATUS_WARN || r->severity != DG_OK) {
        return 3;
    }
    return t->drift_windows > 0 ? 2 : t->judged ? 1 : 0;
}
