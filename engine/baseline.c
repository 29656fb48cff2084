#include "engine/baseline.h"

#include <stdlib.h>
#include <string.h>

static void free_column(struct dg_baseline_column *c, size_t n_segments)
{
    free(c->name);
    free(c->path);
    free(c->binning);
    dg_dictionary_free(c->dictionary);
    for (size_t i = 0; c->state != NULL && i < n_segments; i++) {
        dg_bytes_deinit(&c->state[i]);
    }
    free(c->state);
}

void dg_baseline_free(struct dg_baseline *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; b->column != NULL && i < b->n_columns; i++) {
        free_column(&b->column[i], b->n_segments);
    }
    for (size_t i = 0; i < b->n_specs; i++) {
        if (b->spec_column != NULL) {
            free(b->spec_column[i][0]);
            free(b->spec_column[i][1]);
        }
        if (b->values != NULL) {
            dg_segment_values_deinit(&b->values[i]);
        }
    }
    for (size_t i = 0; b->segment_name != NULL && i < b->n_segments; i++) {
        free(b->segment_name[i]);
    }
    free(b->name);
    free(b->source);
    free(b->column);
    free(b->spec_column);
    free(b->values);
    free(b->segment_name);
    free(b);
}

int dg_baseline_find_column(const struct dg_baseline *b, const char *name)
{
    for (size_t i = 0; i < b->n_columns; i++) {
        if (strcmp(b->column[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int dg_baseline_find_segment(const struct dg_baseline *b, const char *name)
{
    for (size_t i = 0; i < b->n_segments; i++) {
        if (strcmp(b->segment_name[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int dg_baseline_find_spec(const struct dg_baseline *b, char *const column[2])
{
    for (size_t i = 0; i < b->n_specs; i++) {
        if (same_text(b->spec_column[i][0], column[0]) &&
            same_text(b->spec_column[i][1], column[1])) {
            return (int)i;
        }
    }
    return -1;
}
