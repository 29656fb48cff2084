#include "connectors/report_view.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *dg_report_column_name(const struct dg_report_model *m, uint32_t column)
{
    return dg_report_string(m, m->column[column].name);
}

static double psi_or_none(double psi)
{
    return isnan(psi) ? -1.0 : psi;
}

static int compare_reals(double a, double b)
{
    return a < b ? -1 : a > b;
}

/* What people look for first among equals: what the model says, then what it is fed. */
static int role_order(enum dg_role role)
{
    return role == DG_ROLE_SCORE || role == DG_ROLE_PREDICTION ? 0
           : role == DG_ROLE_FEATURE                           ? 1
                                                               : 2;
}

/* Worst comparison of a column first: among those in drift the one that saw it first, so that
 * "since" is when it began; among quiet ones the longest window, which is the least noisy; then the
 * configured order. */
static int compare_tracks(const struct dg_report_track *a, const struct dg_report_track *b)
{
    const int worse = dg_report_badness(b) - dg_report_badness(a);
    if (worse != 0) {
        return worse;
    }
    const int64_t since_a = a->latest.since_us, since_b = b->latest.since_us;
    if (dg_report_badness(a) == 4 && since_a != since_b && since_a != 0 && since_b != 0) {
        return since_a < since_b ? -1 : 1;
    }
    const int psi = compare_reals(psi_or_none(b->latest.drift.psi_adjusted),
                                  psi_or_none(a->latest.drift.psi_adjusted));
    if (psi != 0 && dg_report_badness(a) >= 2) {
        return psi;
    }
    if (a->latest.window.size_us != b->latest.window.size_us) {
        return a->latest.window.size_us > b->latest.window.size_us ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

static int by_unit(const void *x, const void *y)
{
    const struct dg_report_track *a = *(const struct dg_report_track *const *)x;
    const struct dg_report_track *b = *(const struct dg_report_track *const *)y;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return compare_tracks(a, b);
}

static int by_badness(const void *x, const void *y)
{
    const struct dg_report_unit *a = x, *b = y;
    if (a->ended != b->ended) {
        return a->ended ? 1 : -1;
    }
    if (a->badness != b->badness) {
        return b->badness - a->badness;
    }
    const struct dg_series_row *ra = &a->head->latest, *rb = &b->head->latest;
    if (a->badness == 4 && role_order(ra->role) != role_order(rb->role)) {
        return role_order(ra->role) - role_order(rb->role);
    }
    const int psi = compare_reals(psi_or_none(rb->drift.psi_adjusted) * rb->importance,
                                  psi_or_none(ra->drift.psi_adjusted) * ra->importance);
    if (psi != 0) {
        return psi;
    }
    const int name = strcmp(ra->column, rb->column);
    return name != 0 ? name : a->group < b->group ? -1 : a->group > b->group;
}

const struct dg_series_row *dg_report_tripped(const struct dg_report_unit *u)
{
    const struct dg_series_row *worst = NULL;
    for (size_t i = 0; i < u->n_tracks && !u->ended; i++) {
        const struct dg_series_row *row = &u->track[i]->latest;
        if (row->tripped.severity > (worst == NULL ? DG_OK : worst->tripped.severity)) {
            worst = row;
        }
    }
    return worst;
}

static void count_units(struct dg_report_view *v)
{
    size_t *const count[] = {&v->n_unjudged, &v->n_ok, &v->n_before, &v->n_warn, &v->n_drift};
    for (size_t i = 0; i < v->n; i++) {
        const struct dg_series_row *row = dg_report_tripped(&v->unit[i]);
        v->n_failed += row != NULL && row->tripped.severity == DG_CRITICAL;
        *(v->unit[i].ended ? &v->n_ended : count[v->unit[i].badness]) += 1;
    }
}

static void collect_units(struct dg_report_view *v)
{
    const struct dg_report_model *m = v->model;
    for (size_t i = 0; i < m->n_tracks; i++) {
        v->track[i] = &m->track[i];
    }
    qsort(v->track, m->n_tracks, sizeof *v->track, by_unit);
    for (size_t i = 0; i < m->n_tracks;) {
        struct dg_report_unit *u = &v->unit[v->n++];
        *u = (struct dg_report_unit){
            v->track[i]->group, v->track[i]->column, &v->track[i], 0, v->track[i], 0, true};
        while (i < m->n_tracks && v->track[i]->group == u->group &&
               v->track[i]->column == u->column) {
            const struct dg_report_track *t = v->track[i++];
            u->ended = u->ended && t->last_ordinal + 3 < m->size[t->size].windows;
            u->n_tracks++;
        }
        u->badness = dg_report_badness(u->head);
    }
    qsort(v->unit, v->n, sizeof *v->unit, by_badness);
    count_units(v);
}

static int cell_rank(const struct dg_report_cell *c)
{
    return c->status == DG_STATUS_DRIFT  ? 3
           : c->status == DG_STATUS_WARN ? 2
                                         : c->drift_windows > 0;
}

static int by_slice(const void *x, const void *y)
{
    const struct dg_report_slice *a = *(const struct dg_report_slice *const *)x;
    const struct dg_report_slice *b = *(const struct dg_report_slice *const *)y;
    if (a->drift != b->drift) {
        return a->drift > b->drift ? -1 : 1;
    }
    if (a->severity != b->severity) {
        return b->severity - a->severity;
    }
    if (a->drift_windows != b->drift_windows) {
        return a->drift_windows > b->drift_windows ? -1 : 1;
    }
    if (a->warn != b->warn) {
        return a->warn > b->warn ? -1 : 1;
    }
    return a < b ? -1 : a > b;
}

static void collect_slices(struct dg_report_view *v)
{
    const struct dg_report_model *m = v->model;
    for (size_t i = 0; i < m->n_cells; i++) {
        const struct dg_report_cell *c = &m->cell[i];
        const struct dg_report_cell *best = v->worst[c->slice];
        if (best == NULL || cell_rank(c) > cell_rank(best) ||
            (cell_rank(c) == cell_rank(best) && psi_or_none(c->psi) > psi_or_none(best->psi))) {
            v->worst[c->slice] = c;
        }
    }
    for (size_t i = 0; i < m->n_slices; i++) {
        v->slice[i] = &m->slice[i];
    }
    qsort(v->slice, m->n_slices, sizeof *v->slice, by_slice);
}

int dg_report_view_init(struct dg_report_view *v, const struct dg_report_model *m,
                        const char *generated_at)
{
    *v = (struct dg_report_view){.model = m, .generated_at = generated_at};
    v->track = calloc(m->n_tracks + 1, sizeof *v->track);
    v->unit = calloc(m->n_tracks + 1, sizeof *v->unit);
    v->slice = calloc(m->n_slices + 1, sizeof *v->slice);
    v->worst = calloc(m->n_slices + 1, sizeof *v->worst);
    if (v->track == NULL || v->unit == NULL || v->slice == NULL || v->worst == NULL) {
        dg_report_view_deinit(v);
        return ENOMEM;
    }
    collect_units(v);
    collect_slices(v);
    return 0;
}

void dg_report_view_deinit(struct dg_report_view *v)
{
    free(v->track);
    free(v->unit);
    free(v->slice);
    free(v->worst);
    *v = (struct dg_report_view){0};
}

/* "country=DE" -> "country", "country=DE,channel=web" -> the same two columns: compare what stands
 * before each '='. */
static bool same_columns(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b && *a != '=') {
        a++;
        b++;
    }
    if (*a != '=' || *b != '=') {
        return false;
    }
    const char *next_a = strchr(a, ','), *next_b = strchr(b, ',');
    if (next_a == NULL || next_b == NULL) {
        return true; /* the pair's "rest" has no second part */
    }
    return same_columns(next_a + 1, next_b + 1) || strchr(next_a, '=') == NULL;
}

double dg_report_cell_weight(const struct dg_report_model *m, const struct dg_report_cell *cell)
{
    const struct dg_report_slice *own = &m->slice[cell->slice];
    double sum = 0;
    for (size_t i = 0; i < m->n_cells; i++) {
        const struct dg_report_cell *c = &m->cell[i];
        const struct dg_report_slice *s = &m->slice[c->slice];
        if (c->column == cell->column && c->baseline == cell->baseline && s->size == own->size &&
            s->group == own->group && c->psi > 0 &&
            same_columns(dg_report_string(m, s->segment), dg_report_string(m, own->segment))) {
            sum += (double)c->n * c->psi;
        }
    }
    return sum > 0 && cell->psi > 0 ? (double)cell->n * cell->psi / sum : 0;
}
