#include "engine/adopt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void free_features(struct dg_feature *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(f[i].name);
        free(f[i].path);
        for (size_t k = 0; k < f[i].n_values; k++) {
            free(f[i].values[k]);
        }
        free(f[i].values);
    }
    free(f);
}

static bool is_named(const struct dg_monitor *m, const char *name)
{
    for (size_t i = 0; i < m->n_features; i++) {
        if (strcmp(m->feature[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int dg_monitor_adopt(struct dg_monitor *m, const struct dg_baseline *b)
{
    /* Columns that the monitor does name (a score, say) stay as it has them, after the features. */
    struct dg_feature *all = calloc(b->n_columns + m->n_features + 1, sizeof *all);
    size_t n = 0;
    if (all == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < b->n_columns; i++) {
        const struct dg_baseline_column *c = &b->column[i];
        if (is_named(m, c->name)) {
            continue;
        }
        struct dg_feature *f = &all[n++];
        *f = (struct dg_feature){.name = strdup(c->name),
                                 .path = strdup(c->path),
                                 .type = c->type,
                                 .role = c->role,
                                 .valid_min = -INFINITY,
                                 .valid_max = INFINITY,
                                 .importance = 1.0};
        if (f->name == NULL || f->path == NULL) {
            free_features(all, n);
            return ENOMEM;
        }
    }
    memcpy(all + n, m->feature, m->n_features * sizeof *all);
    free(m->feature);
    m->feature = all;
    m->n_features += n;
    m->features_from_data = false;
    return 0;
}
