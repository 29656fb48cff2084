#include <string.h>

#include "engine/monitor_build.h"
#include "engine/timefmt.h"

static const int64_t us_per_day = INT64_C(86400) * DG_US_PER_S;

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* ---- windows ------------------------------------------------------------------------------ */

static void build_window(struct dg_builder *b, struct dg_settings *s)
{
    struct dg_setting *size = &s->value[WINDOW_SIZE], *slide = &s->value[WINDOW_SLIDE];
    char a[DG_TIME_TEXT], c[DG_TIME_TEXT];
    if (!size->present) {
        return;
    }
    dg_builder_derive_us(slide, size->us);
    if (!slide->present) {
        return;
    }
    dg_duration_format(size->us, a);
    dg_duration_format(slide->us, c);
    if (slide->us > size->us) {
        dg_diagnose(b->d, DG_ERROR, slide->place, "events between the windows would be lost",
                    "slide (%s) is longer than size (%s)", c, a);
        return;
    }
    if (size->us % slide->us != 0) {
        dg_diagnose(b->d, DG_ERROR, size->place, "choose a slide that divides the size",
                    "size (%s) is not a multiple of slide (%s)", a, c);
        return;
    }
    struct dg_monitor *m = b->m;
    for (size_t i = 0; i < m->n_windows; i++) {
        if (m->window[i].size_us == size->us) {
            dg_diagnose(b->d, DG_ERROR, size->place, "results are told apart by the window's size",
                        "there is already a window of size %s", a);
            return;
        }
    }
    m->window[m->n_windows++] = (struct dg_window_spec){size->us, slide->us};
    m->pane_us = common_divisor(common_divisor(size->us, slide->us), m->pane_us);
}

static int64_t shortest_slide(const struct dg_monitor *m)
{
    int64_t shortest = 0;
    for (size_t i = 0; i < m->n_windows; i++) {
        if (shortest == 0 || m->window[i].slide_us < shortest) {
            shortest = m->window[i].slide_us;
        }
    }
    return shortest;
}

static void build_time(struct dg_builder *b)
{
    struct dg_settings *s = dg_builder_section(b->root, MONITOR_TIME);
    if (s == NULL) {
        return;
    }
    struct dg_setting *late = &s->value[TIME_LATE_EVENTS];
    dg_builder_derive_us(late, shortest_slide(b->m));
    if (s->value[TIME_OUT_OF_ORDER].present) {
        b->m->out_of_order_us = s->value[TIME_OUT_OF_ORDER].us;
    }
    if (late->present) {
        b->m->late_events_us = late->us;
    }
    if (s->value[TIME_MAX_AHEAD].present) {
        b->m->max_ahead_us = s->value[TIME_MAX_AHEAD].us;
    }
}

void dg_build_windows(struct dg_builder *b)
{
    const struct dg_setting *windows = &b->root->value[MONITOR_WINDOWS];
    if (!windows->present) {
        return;
    }
    if (windows->sections.n == 0) {
        dg_diagnose(b->d, DG_ERROR, windows->place, "for example { size: 1h, slide: 5m }",
                    "'windows' is an empty list");
        return;
    }
    if (windows->sections.n > DG_WINDOWS_MAX) {
        dg_diagnose(b->d, DG_ERROR, windows->place, NULL, "more than %d windows", DG_WINDOWS_MAX);
        return;
    }
    b->m->window = dg_builder_take(b, windows->sections.n, sizeof *b->m->window);
    for (size_t i = 0; i < windows->sections.n && !b->out_of_memory; i++) {
        build_window(b, windows->sections.at[i]);
    }
    for (size_t i = 0; i < windows->sections.n && b->m->pane_us > 0; i++) {
        char size[DG_TIME_TEXT], pane[DG_TIME_TEXT];
        const struct dg_setting *s = &windows->sections.at[i]->value[WINDOW_SIZE];
        if (s->present && s->us / b->m->pane_us > DG_PANES_MAX) {
            dg_diagnose(b->d, DG_ERROR, s->place, "choose sizes and slides that are closer",
                        "a window of %s would be put together from more than %d panes of %s",
                        dg_duration_format(s->us, size), DG_PANES_MAX,
                        dg_duration_format(b->m->pane_us, pane));
            break;
        }
    }
    build_time(b);
}

/* ---- baselines ---------------------------------------------------------------------------- */

static void build_trailing(struct dg_builder *b, struct dg_baseline_spec *spec,
                           const struct dg_setting *s)
{
    char pane[DG_TIME_TEXT], span[DG_TIME_TEXT];
    spec->kind = DG_BASELINE_TRAILING;
    spec->span_us = s->us;
    if (b->m->pane_us == 0) {
        return; /* the windows are wrong: said already */
    }
    dg_duration_format(b->m->pane_us, pane);
    dg_duration_format(s->us, span);
    if (s->us % b->m->pane_us != 0) {
        dg_diagnose(b->d, DG_ERROR, s->place, "it is put together from the panes of the windows",
                    "'trailing' (%s) is not a multiple of %s", span, pane);
    } else if (s->us / b->m->pane_us > DG_TRAILING_PANES_MAX) {
        dg_diagnose(b->d, DG_ERROR, s->place, "choose a longer slide or a shorter span",
                    "'trailing' (%s) would keep more than %d panes of %s", span,
                    DG_TRAILING_PANES_MAX, pane);
    }
}

static void build_seasonal(struct dg_builder *b, struct dg_baseline_spec *spec,
                           struct dg_settings *s)
{
    const struct dg_setting *season = &s->value[BASELINE_SEASONAL];
    struct dg_setting *cycles = &s->value[BASELINE_CYCLES];
    struct dg_setting *least = &s->value[BASELINE_MIN_CYCLES];
    const bool weekly = strcmp(season->text, "hour_of_week") == 0;
    spec->kind = DG_BASELINE_SEASONAL;
    spec->period_us = weekly ? 7 * us_per_day : us_per_day;
    dg_builder_derive_count(cycles, 4);
    dg_builder_derive_count(least, cycles->present && cycles->count < 4 ? cycles->count : 4);
    if (cycles->present && least->present) {
        spec->cycles = (uint32_t)cycles->count;
        spec->min_cycles = (uint32_t)least->count;
        if (least->count > cycles->count) {
            dg_diagnose(b->d, DG_ERROR, least->place, NULL,
                        "'min_cycles' (%llu) is more than 'cycles' (%llu)",
                        (unsigned long long)least->count, (unsigned long long)cycles->count);
        }
    }
    for (size_t i = 0; i < b->m->n_windows; i++) {
        if (b->m->window[i].size_us > spec->period_us) {
            dg_diagnose(
                b->d, DG_ERROR, season->place, "use a trailing baseline, or shorter windows",
                "a window is longer than the %s of '%s'", weekly ? "week" : "day", season->text);
            return;
        }
    }
    if (b->m->pane_us > 0 && spec->period_us % b->m->pane_us != 0) {
        char pane[DG_TIME_TEXT];
        dg_diagnose(b->d, DG_ERROR, season->place, "choose a slide that divides a day",
                    "a %s is not a multiple of %s, the pane of the windows",
                    weekly ? "week" : "day", dg_duration_format(b->m->pane_us, pane));
    }
}

static void build_kind(struct dg_builder *b, struct dg_baseline_spec *spec, struct dg_settings *s,
                       size_t kind)
{
    const struct dg_setting *v = &s->value[kind];
    const struct dg_settings *columns = dg_builder_section(b->root, MONITOR_COLUMNS);
    if (!v->present) {
        return;
    }
    if (kind == BASELINE_FILE) {
        spec->kind = DG_BASELINE_FILE;
        spec->file = dg_builder_copy(b, v->text);
    } else if (kind == BASELINE_WINDOW) {
        spec->kind = DG_BASELINE_PREVIOUS;
    } else if (kind == BASELINE_TRAILING) {
        build_trailing(b, spec, v);
    } else if (kind == BASELINE_SEASONAL) {
        build_seasonal(b, spec, s);
    } else {
        spec->kind = DG_BASELINE_VARIANT;
        spec->variant = dg_builder_copy(b, v->text);
        if (columns != NULL && !columns->value[COLUMNS_VARIANT].present) {
            dg_diagnose(b->d, DG_ERROR, v->place, "name the field that holds the variant",
                        "a variant as baseline needs 'columns.variant'");
        }
    }
}

static void build_baseline(struct dg_builder *b, struct dg_entry *e)
{
    static const size_t kinds[] = {BASELINE_FILE, BASELINE_WINDOW, BASELINE_TRAILING,
                                   BASELINE_SEASONAL, BASELINE_VARIANT};
    if (!dg_name_valid(e->name)) {
        dg_diagnose(b->d, DG_ERROR, e->place, NULL,
                    "a baseline's name has letters, digits, '.', '_' and '-', at most 100");
    }
    struct dg_baseline_spec *spec = &b->m->baseline[b->m->n_baselines++];
    spec->name = dg_builder_copy(b, e->name);
    if (!e->setting.present) {
        return;
    }
    struct dg_settings *s = e->setting.sections.at[0];
    size_t given = 0, kind = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (s->value[kinds[i]].given) {
            given++;
            kind = kinds[i];
        }
    }
    if (given != 1) {
        dg_diagnose(b->d, DG_ERROR, e->place,
                    "exactly one of file, window, trailing, seasonal, variant",
                    given == 0 ? "the baseline '%.100s' does not say what it is"
                               : "the baseline '%.100s' is more than one thing",
                    e->name);
        return;
    }
    build_kind(b, spec, s, kind);
    for (size_t i = BASELINE_CYCLES; i <= BASELINE_MIN_CYCLES; i++) {
        if (s->value[i].given && kind != BASELINE_SEASONAL) {
            dg_diagnose(b->d, DG_ERROR, s->value[i].place,
                        "remove it, or make the baseline seasonal",
                        "'%s' only belongs to a seasonal baseline", s->section->key[i].name);
        }
    }
}

void dg_build_baselines(struct dg_builder *b)
{
    const struct dg_settings *s = dg_builder_section(b->root, MONITOR_BASELINES);
    if (s == NULL || b->out_of_memory) {
        return;
    }
    if (s->n_entries > DG_BASELINES_MAX) {
        dg_diagnose(b->d, DG_ERROR, s->place, NULL, "more than %d baselines", DG_BASELINES_MAX);
        return;
    }
    b->m->baseline = dg_builder_take(b, s->n_entries, sizeof *b->m->baseline);
    for (size_t i = 0; i < s->n_entries && !b->out_of_memory; i++) {
        build_baseline(b, &s->entry[i]);
    }
}
