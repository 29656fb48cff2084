#include <string.h>

#include "engine/config.h"
#include "engine/result_fields.h"
#include "engine/suggest.h"

static bool comparable(const struct dg_result_field *f)
{
    return f->kind == DG_VALUE_REAL || f->kind == DG_VALUE_COUNT || f->kind == DG_VALUE_BOOL;
}

/* `f` can be found in a check: fields of series come first. */
static bool is_metric(const struct dg_result_field *f, bool of_series)
{
    return comparable(f) && (of_series || dg_series_field(f->name) == NULL);
}

const struct dg_result_field *dg_monitor_metric(size_t i, bool *of_series)
{
    for (size_t k = 0; k < dg_n_series_fields + dg_n_slice_fields; k++) {
        *of_series = k < dg_n_series_fields;
        const struct dg_result_field *f =
            *of_series ? &dg_series_fields[k] : &dg_slice_fields[k - dg_n_series_fields];
        if (is_metric(f, *of_series) && i-- == 0) {
            return f;
        }
    }
    return NULL;
}

const struct dg_result_field *dg_monitor_metric_named(const char *name, bool *of_series)
{
    const struct dg_result_field *f = dg_series_field(name);
    *of_series = f != NULL;
    f = f != NULL ? f : dg_slice_field(name);
    return f != NULL && comparable(f) ? f : NULL;
}

static void suggest_from(struct dg_suggestion *near, const struct dg_result_field field[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (comparable(&field[i])) {
            dg_suggest(near, field[i].name);
        }
    }
}

const char *dg_monitor_metric_near(const char *name)
{
    struct dg_suggestion near = {.word = name};
    suggest_from(&near, dg_series_fields, dg_n_series_fields);
    suggest_from(&near, dg_slice_fields, dg_n_slice_fields);
    return near.best;
}
