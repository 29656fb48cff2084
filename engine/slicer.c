#include "engine/slicer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing over the values of one spec; at most half full. */
struct dg_segment_table {
    struct dg_segment_values values;
    uint32_t *slot; /* [mask + 1] value index + 1, 0 = free */
    uint64_t mask;
};

static const struct dg_text NO_TEXT = {"", 0, DG_NULL};
static const struct dg_text NO_NAME = {DG_GROUP_NONE, sizeof DG_GROUP_NONE - 1, DG_FINITE};

void dg_segment_values_deinit(struct dg_segment_values *v)
{
    for (size_t i = 0; i < v->n; i++) {
        free(v->value[i].text[0]);
        free(v->value[i].text[1]);
    }
    free(v->value);
    *v = (struct dg_segment_values){0};
}

static char *copy_text(const char *bytes, uint32_t len)
{
    char *copy = malloc((size_t)len + 1);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
        copy[len] = '\0';
    }
    return copy;
}

int dg_segment_values_add(struct dg_segment_values *v, const struct dg_text part[2], size_t parts)
{
    struct dg_segment_value *grown = realloc(v->value, (v->n + 1) * sizeof *grown);
    if (grown == NULL) {
        return ENOMEM;
    }
    v->value = grown;
    struct dg_segment_value *value = &grown[v->n];
    *value = (struct dg_segment_value){0};
    for (size_t i = 0; i < parts; i++) {
        value->text[i] = copy_text(part[i].bytes, part[i].len);
        value->len[i] = part[i].len;
        if (value->text[i] == NULL) {
            free(value->text[0]);
            return ENOMEM;
        }
    }
    v->n++;
    return 0;
}

static uint64_t hash_parts(const struct dg_text part[2], size_t parts)
{
    uint64_t hash = dg_hash_key(part[0].bytes, part[0].len);
    if (parts == 2) {
        /* A multiply between the two keeps (a, b) and (b, a) apart. */
        hash = hash * UINT64_C(0x9e3779b97f4a7c15) ^ dg_hash_key(part[1].bytes, part[1].len);
    }
    return hash;
}

static bool value_is(const struct dg_segment_value *v, const struct dg_text part[2], size_t parts)
{
    for (size_t i = 0; i < parts; i++) {
        if (v->len[i] != part[i].len || memcmp(v->text[i], part[i].bytes, part[i].len) != 0) {
            return false;
        }
    }
    return true;
}

static void value_parts(const struct dg_segment_value *v, struct dg_text part[2])
{
    for (size_t i = 0; i < 2; i++) {
        part[i] = (struct dg_text){v->text[i], v->len[i], DG_FINITE};
    }
}

static int table_init(struct dg_segment_table *t, const struct dg_segment_values *values)
{
    uint64_t size = 8;
    while (size < 2 * values->n) {
        size *= 2;
    }
    t->mask = size - 1;
    t->slot = calloc(size, sizeof *t->slot);
    if (t->slot == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < values->n; i++) {
        struct dg_text part[2];
        value_parts(&values->value[i], part);
        const size_t parts = part[1].bytes != NULL ? 2 : 1;
        if (dg_segment_values_add(&t->values, part, parts) != 0) {
            return ENOMEM;
        }
        uint64_t at = hash_parts(part, parts) & t->mask;
        while (t->slot[at] != 0) {
            at = (at + 1) & t->mask;
        }
        t->slot[at] = (uint32_t)i + 1;
    }
    return 0;
}

/* The value's index, or the number of values (rest). */
static uint32_t table_find(const struct dg_segment_table *t, const struct dg_text part[2],
                           size_t parts)
{
    uint64_t at = hash_parts(part, parts) & t->mask;
    while (t->slot[at] != 0) {
        const uint32_t i = t->slot[at] - 1;
        if (value_is(&t->values.value[i], part, parts)) {
            return i;
        }
        at = (at + 1) & t->mask;
    }
    return (uint32_t)t->values.n;
}

/* By the names that the monitor file uses: a feature's, wherever in the record it is read from. */
static char *segment_text(const struct dg_segment_spec *spec, const struct dg_segment_value *value)
{
    char *name = NULL;
    int n;
    if (value == NULL && spec->column[1] != NULL) {
        n = asprintf(&name, "%s,%s=rest", spec->name[0], spec->name[1]);
    } else if (value == NULL) {
        n = asprintf(&name, "%s=rest", spec->name[0]);
    } else if (spec->column[1] != NULL) {
        n = asprintf(&name, "%s=%s,%s=%s", spec->name[0], value->text[0], spec->name[1],
                     value->text[1]);
    } else {
        n = asprintf(&name, "%s=%s", spec->name[0], value->text[0]);
    }
    return n < 0 ? NULL : name;
}

static int name_segments(struct dg_slicer *s, const struct dg_monitor *m,
                         const struct dg_segment_values *values)
{
    s->segment_name[0] = strdup("all");
    if (s->segment_name[0] == NULL) {
        return ENOMEM;
    }
    uint32_t at = 1;
    for (size_t i = 0; i < s->n_specs; i++) {
        s->spec_first[i] = at;
        for (size_t j = 0; j <= values[i].n; j++) {
            const struct dg_segment_value *v = j < values[i].n ? &values[i].value[j] : NULL;
            s->segment_level[at] = (uint32_t)i + 1;
            s->segment_name[at] = segment_text(&m->segment[i], v);
            if (s->segment_name[at] == NULL) {
                return ENOMEM;
            }
            at++;
        }
    }
    return 0;
}

int dg_slicer_init(struct dg_slicer *s, const struct dg_monitor *m,
                   const struct dg_segment_values *values, int (*column)[2], int version,
                   int variant, uint32_t max_groups, struct dg_error *err)
{
    DG_ASSERT(max_groups >= 1);
    *s = (struct dg_slicer){.n_segments = 1,
                            .n_specs = m->n_segments,
                            .version = version,
                            .variant = variant,
                            .max_groups = max_groups};
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < s->n_specs; i++) {
        s->n_segments += (uint32_t)values[i].n + 1;
    }
    s->segment_name = calloc(s->n_segments, sizeof *s->segment_name);
    s->segment_level = calloc(s->n_segments, sizeof *s->segment_level);
    s->spec_first = calloc(s->n_specs + 1, sizeof *s->spec_first);
    s->column = calloc(s->n_specs + 1, sizeof *s->column);
    s->table = calloc(s->n_specs + 1, sizeof *s->table);
    if (s->segment_name == NULL || s->segment_level == NULL || s->spec_first == NULL ||
        s->column == NULL || s->table == NULL) {
        goto fail;
    }
    for (size_t i = 0; i < s->n_specs; i++) {
        s->column[i][0] = column[i][0];
        s->column[i][1] = column[i][1];
        if (table_init(&s->table[i], &values[i]) != 0) {
            goto fail;
        }
    }
    if (name_segments(s, m, values) == 0) {
        return 0;
    }
fail:
    dg_slicer_deinit(s);
    return dg_fail_memory(err);
}

void dg_slicer_deinit(struct dg_slicer *s)
{
    for (uint32_t i = 0; s->segment_name != NULL && i < s->n_segments; i++) {
        free(s->segment_name[i]);
    }
    for (size_t i = 0; s->table != NULL && i < s->n_specs; i++) {
        dg_segment_values_deinit(&s->table[i].values);
        free(s->table[i].slot);
    }
    for (uint32_t i = 0; i < s->n_groups; i++) {
        free(s->group[i].version);
        free(s->group[i].variant);
    }
    free(s->segment_name);
    free(s->segment_level);
    free(s->spec_first);
    free(s->column);
    free(s->table);
    free(s->group);
    pthread_mutex_destroy(&s->lock);
    *s = (struct dg_slicer){0};
}

uint32_t dg_slicer_segment(const struct dg_slicer *s, size_t i, const struct dg_batch *b,
                           size_t row)
{
    struct dg_text part[2];
    const size_t parts = s->column[i][1] >= 0 ? 2 : 1;
    for (size_t k = 0; k < parts; k++) {
        part[k] = b->column[s->column[i][k]].text[row];
        if (part[k].triage != DG_FINITE) {
            return s->spec_first[i] + (uint32_t)s->table[i].values.n;
        }
    }
    return s->spec_first[i] + table_find(&s->table[i], part, parts);
}

/* A row that does not say its version must not look like a monitor without versions. */
static struct dg_text group_part(const struct dg_batch *b, int column, size_t row)
{
    if (column < 0) {
        return NO_TEXT;
    }
    const struct dg_text *t = &b->column[column].text[row];
    return t->triage != DG_FINITE || t->len == 0 ? NO_NAME : *t;
}

/* What of it is a name. */
static struct dg_text group_name(struct dg_text t)
{
    const char *nul = memchr(t.bytes, '\0', t.len);
    uint32_t n = nul != NULL ? (uint32_t)(nul - t.bytes) : t.len;
    if (n > DG_GROUP_NAME_MAX) {
        n = DG_GROUP_NAME_MAX;
        while (n > 0 && ((unsigned char)t.bytes[n] & 0xc0) == 0x80) { /* no half character */
            n--;
        }
    }
    return n == 0 && t.len > 0 ? NO_NAME : (struct dg_text){t.bytes, n, DG_FINITE};
}

static bool group_is(const struct dg_group *g, const struct dg_text part[2])
{
    return strlen(g->version) == part[0].len &&
           memcmp(g->version, part[0].bytes, part[0].len) == 0 &&
           strlen(g->variant) == part[1].len && memcmp(g->variant, part[1].bytes, part[1].len) == 0;
}

/* A new group at the end; the caller holds the lock. */
static int group_add(struct dg_slicer *s, const struct dg_text part[2], uint32_t *out)
{
    if (s->n_groups == s->cap_groups) {
        const uint32_t cap = s->cap_groups == 0 ? 8 : 2 * s->cap_groups;
        struct dg_group *grown = realloc(s->group, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        s->group = grown;
        s->cap_groups = cap;
    }
    struct dg_group g = {copy_text(part[0].bytes, part[0].len),
                         copy_text(part[1].bytes, part[1].len)};
    if (g.version == NULL || g.variant == NULL) {
        free(g.version);
        free(g.variant);
        return ENOMEM;
    }
    s->group[s->n_groups] = g;
    *out = s->n_groups++;
    return 0;
}

static bool group_find(const struct dg_slicer *s, const struct dg_text part[2], uint32_t *out)
{
    for (uint32_t i = 0; i < s->n_groups; i++) {
        if (group_is(&s->group[i], part)) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Find or make the group; the caller holds the lock. */
static int group_intern(struct dg_slicer *s, const struct dg_text part[2], uint32_t *out)
{
    if (group_find(s, part, out)) {
        return 0;
    }
    static const struct dg_text word = {"rest", 4, DG_FINITE};
    const struct dg_text rest[2] = {s->version < 0 ? NO_TEXT : word,
                                    s->variant < 0 ? NO_TEXT : word};
    if (s->n_groups == s->max_groups) {
        s->overflow_rows++;
        *out = s->n_groups - 1;
        return 0;
    }
    const struct dg_text *named =
        s->n_groups + 1 == s->max_groups && s->max_groups > 1 ? rest : part;
    if (named == rest && group_find(s, rest, out)) { /* the rows know the word, too */
        s->overflow_rows++;
        return 0;
    }
    const int rc = group_add(s, named, out);
    s->overflow_rows += rc == 0 && named == rest;
    return rc;
}

int dg_slicer_name_group(struct dg_slicer *s, const char *version, const char *variant,
                         uint32_t *group)
{
    const struct dg_text part[2] = {{version, (uint32_t)strlen(version), DG_FINITE},
                                    {variant, (uint32_t)strlen(variant), DG_FINITE}};
    pthread_mutex_lock(&s->lock);
    const int rc = group_find(s, part, group) ? 0 : group_add(s, part, group);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

void dg_slicer_forget_groups(struct dg_slicer *s)
{
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        free(s->group[i].version);
        free(s->group[i].variant);
    }
    s->n_groups = 0;
    pthread_mutex_unlock(&s->lock);
}

int dg_slicer_groups(struct dg_slicer *s, struct dg_group_cache *cache, const struct dg_batch *b,
                     const int32_t skip[], uint32_t group[])
{
    size_t n = b->n;
    if (s->version < 0 && s->variant < 0) { /* one group, whatever the rows say */
        memset(group, 0, n * sizeof *group);
        n = n > 0;
        skip = NULL;
    }
    for (size_t row = 0; row < n; row++) {
        if (skip != NULL && skip[row] < 0) {
            group[row] = 0;
            continue;
        }
        const struct dg_text part[2] = {group_part(b, s->version, row),
                                        group_part(b, s->variant, row)};
        const uint64_t hash = hash_parts(part, 2);
        const size_t at = hash % 64;
        /* 64-bit hashes of a few dozen version names: a collision would need a deliberate attacker
         * who already writes the log, and would only merge two versions of that log. */
        if (!cache->used[at] || cache->hash[at] != hash) {
            const struct dg_text name[2] = {group_name(part[0]), group_name(part[1])};
            pthread_mutex_lock(&s->lock);
            const int rc = group_intern(s, name, &group[row]);
            pthread_mutex_unlock(&s->lock);
            if (rc != 0) {
                return rc;
            }
            cache->used[at] = true;
            cache->hash[at] = hash;
            cache->group[at] = group[row];
        }
        group[row] = cache->group[at];
    }
    return 0;
}
