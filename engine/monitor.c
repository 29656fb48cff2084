#include "engine/monitor.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/config.h"
#include "engine/monitor_build.h"

/* ---- memory ------------------------------------------------------------------------------ */

static void free_texts(char **text, size_t n)
{
    for (size_t i = 0; i < n && text != NULL; i++) {
        free(text[i]);
    }
    free(text);
}

static void free_lists(struct dg_monitor *m)
{
    for (size_t i = 0; i < m->n_features; i++) {
        free(m->feature[i].name);
        free(m->feature[i].path);
        free_texts(m->feature[i].values, m->feature[i].n_values);
    }
    for (size_t i = 0; i < m->n_segments; i++) {
        for (size_t k = 0; k < 2; k++) {
            free(m->segment[i].column[k]);
            free(m->segment[i].name[k]);
        }
        free_texts(m->segment[i].values, m->segment[i].n_values);
    }
    for (size_t i = 0; i < m->n_baselines; i++) {
        free(m->baseline[i].name);
        free(m->baseline[i].file);
        free(m->baseline[i].variant);
    }
    for (size_t i = 0; i < m->n_checks; i++) {
        free(m->check[i].metric);
        free(m->check[i].baseline);
    }
    free_texts(m->ignore, m->n_ignore);
    free_texts(m->source.topic, m->source.n_topics);
    free(m->feature);
    free(m->segment);
    free(m->baseline);
    free(m->check);
    free(m->window);
}

void dg_monitor_free(struct dg_monitor *m)
{
    if (m == NULL) {
        return;
    }
    free_lists(m);
    char *text[] = {m->name,
                    m->description,
                    m->owner,
                    m->path,
                    m->hash,
                    m->definition,
                    m->format,
                    m->time_path,
                    m->id_path,
                    m->version_path,
                    m->variant_path,
                    m->topic_path,
                    m->partition_path,
                    m->offset_path,
                    m->record_time_path,
                    m->source.schema_file,
                    m->source.preset,
                    m->source.instances,
                    m->source.dead_letters};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        free(text[i]);
    }
    free(m);
}

struct dg_settings *dg_builder_section(const struct dg_settings *s, size_t key)
{
    const bool there = s != NULL && s->value[key].present && s->value[key].sections.n > 0;
    return there ? s->value[key].sections.at[0] : NULL;
}

char *dg_builder_copy(struct dg_builder *b, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    b->out_of_memory |= text != NULL && copy == NULL;
    return copy;
}

void *dg_builder_take(struct dg_builder *b, size_t n, size_t size)
{
    void *taken = calloc(n == 0 ? 1 : n, size);
    b->out_of_memory |= taken == NULL;
    return taken;
}

static int by_text(const void *a, const void *b)
{
    const char **const *x = a, **const *y = b;
    const int order = strcmp(**x, **y);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static void refuse_twice(struct dg_builder *b, const struct dg_setting *s, const char *what)
{
    const size_t n = s->texts.n;
    const char ***sorted = dg_builder_take(b, n, sizeof *sorted);
    if (sorted == NULL) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &s->texts.text[i];
    }
    qsort(sorted, n, sizeof *sorted, by_text);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(*sorted[i], *sorted[i - 1]) == 0) {
            dg_diagnose(b->d, DG_ERROR, s->texts.place[sorted[i] - s->texts.text],
                        "remove one of them", "'%.100s' is listed twice in '%s'", *sorted[i], what);
        }
    }
    free(sorted);
}

void dg_builder_texts(struct dg_builder *b, const struct dg_setting *s, const char *what,
                      char ***out, size_t *n)
{
    if (!s->present || b->out_of_memory) {
        return;
    }
    refuse_twice(b, s, what);
    *out = dg_builder_take(b, s->texts.n, sizeof **out);
    for (size_t i = 0; i < s->texts.n && !b->out_of_memory; i++) {
        (*out)[i] = dg_builder_copy(b, s->texts.text[i]);
        *n = i + 1;
    }
}

void dg_builder_derive_text(struct dg_setting *s, const char *text)
{
    if (!s->given) {
        s->text = text;
        s->present = text != NULL;
    }
}

void dg_builder_derive_count(struct dg_setting *s, uint64_t count)
{
    if (!s->given) {
        s->count = count;
        s->present = true;
    }
}

void dg_builder_derive_us(struct dg_setting *s, int64_t us)
{
    if (!s->given) {
        s->us = us;
        s->present = true;
    }
}

/* ---- the whole --------------------------------------------------------------------------- */

static const char *text_of(const struct dg_settings *s, size_t key)
{
    return s->value[key].present ? s->value[key].text : NULL;
}

static void build_head(struct dg_builder *b, const char *path)
{
    struct dg_settings *root = b->root;
    b->m->name = dg_builder_copy(b, text_of(root, MONITOR_NAME));
    b->m->description = dg_builder_copy(b, text_of(root, MONITOR_DESCRIPTION));
    b->m->owner = dg_builder_copy(b, text_of(root, MONITOR_OWNER));
    b->m->path = dg_builder_copy(b, path);
    const struct dg_settings *limits = dg_builder_section(root, MONITOR_LIMITS);
    if (limits != NULL && limits->value[LIMITS_MAX_SERIES].present) {
        b->m->max_series = (uint32_t)limits->value[LIMITS_MAX_SERIES].count;
    }
    dg_build_source(b);
}

static void build_duplicates(struct dg_builder *b)
{
    struct dg_setting *s = &b->root->value[MONITOR_DUPLICATES];
    const struct dg_settings *columns = dg_builder_section(b->root, MONITOR_COLUMNS);
    const bool has_id = columns != NULL && columns->value[COLUMNS_ID].present;
    dg_builder_derive_text(s, has_id ? "drop" : "keep");
    b->m->drop_duplicates = s->present && strcmp(s->text, "drop") == 0;
    if (b->m->drop_duplicates && !has_id) {
        dg_diagnose(b->d, DG_ERROR, s->place, "name the id column under 'columns', or keep them",
                    "'duplicates: drop' needs 'columns.id'");
    }
}

static void put_hash(struct dg_builder *b)
{
    char *text = NULL;
    size_t len = 0;
    unsigned char digest[EVP_MAX_MD_SIZE];
    b->m->hash = dg_builder_take(b, 17, 1);
    if (b->m->hash == NULL || dg_settings_canonical(b->root, &text, &len) != 0 ||
        EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        b->out_of_memory = true;
    } else {
        for (size_t i = 0; i < 8; i++) {
            snprintf(b->m->hash + 2 * i, 3, "%02x", digest[i]);
        }
    }
    free(text);
}

static void put_definition(struct dg_builder *b)
{
    size_t len = 0;
    FILE *out = open_memstream(&b->m->definition, &len);
    if (out == NULL) {
        b->out_of_memory = true;
        return;
    }
    dg_settings_show(b->root, out);
    b->out_of_memory |= ferror(out) != 0;
    b->out_of_memory |= fclose(out) != 0;
}

static void build(struct dg_builder *b, const char *path)
{
    build_head(b, path);
    dg_build_columns(b);
    dg_build_windows(b);
    dg_build_baselines(b);
    dg_build_segments(b);
    dg_build_checks(b);
    build_duplicates(b);
    if (!b->out_of_memory && !dg_diagnostics_failed(b->d)) {
        put_hash(b);
        put_definition(b);
    }
}

void dg_config_deinit(struct dg_config *c)
{
    dg_monitor_free(c->monitor);
    dg_arena_deinit(&c->arena);
    *c = (struct dg_config){0};
}

static int parse(const char *path, const char *text, size_t len, struct dg_diagnostics *d,
                 struct dg_config *c)
{
    struct dg_yaml_node *node = NULL;
    int rc = dg_yaml_parse(text, len, &c->arena, d, &node);
    if (rc == 0 && node == NULL && !dg_diagnostics_failed(d)) {
        dg_diagnose(d, DG_ERROR, (struct dg_place){0},
                    "`driftgauge init --from DATA` writes a first one", "the file is empty");
    }
    if (rc != 0 || node == NULL) {
        return rc;
    }
    rc = dg_settings_read(&dg_monitor_section, node, &c->arena, d, &c->settings);
    if (rc != 0 || c->settings == NULL) {
        return rc;
    }
    struct dg_builder b = {.root = c->settings, .arena = &c->arena, .d = d};
    b.m = c->monitor = dg_builder_take(&b, 1, sizeof *b.m);
    if (b.m != NULL) {
        build(&b, path);
    }
    return b.out_of_memory ? ENOMEM : 0;
}

int dg_config_parse(const char *path, const char *text, size_t len, struct dg_diagnostics *d,
                    struct dg_config *c)
{
    *c = (struct dg_config){0};
    int rc = dg_diagnostics_begin(d, path, text, len);
    if (rc == 0) {
        rc = parse(path, text, len, d, c);
    }
    d->out_of_memory |= rc == ENOMEM;
    if (rc == 0 && !dg_diagnostics_failed(d)) {
        return 0;
    }
    dg_monitor_free(c->monitor);
    c->monitor = NULL;
    return rc == 0 ? (d->out_of_memory ? ENOMEM : EINVAL) : rc;
}
