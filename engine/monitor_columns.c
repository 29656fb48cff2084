#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/monitor_build.h"

/* A name or path that something stands under, to find what is there twice. */
struct use {
    const char *text;
    const char *what; /* "the timestamp", or NULL for a feature */
    struct dg_place place;
};

struct uses {
    struct use *at;
    size_t n;
    size_t cap;
};

static void add_use(struct dg_builder *b, struct uses *u, const char *text, const char *what,
                    struct dg_place place)
{
    if (text == NULL || b->out_of_memory) {
        return;
    }
    if (u->n == u->cap) {
        const size_t cap = u->cap == 0 ? 32 : 2 * u->cap;
        struct use *at = realloc(u->at, cap * sizeof *at);
        if (at == NULL) {
            b->out_of_memory = true;
            return;
        }
        u->at = at;
        u->cap = cap;
    }
    u->at[u->n++] = (struct use){text, what, place};
}

static int by_use(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    const int order = strcmp(x->text, y->text);
    if (order != 0) {
        return order;
    }
    return x->place.line != y->place.line
               ? (x->place.line > y->place.line ? 1 : -1)
               : (x->place.column > y->place.column) - (x->place.column < y->place.column);
}

static void sort_uses(struct uses *u)
{
    if (u->n > 1) {
        qsort(u->at, u->n, sizeof *u->at, by_use);
    }
}

static const struct use *find_use(const struct uses *u, const char *text)
{
    size_t low = 0, high = u->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (strcmp(u->at[mid].text, text) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < u->n && strcmp(u->at[low].text, text) == 0 ? &u->at[low] : NULL;
}

/* ---- special columns ---------------------------------------------------------------------- */

static char *special(struct dg_builder *b, const struct dg_setting *s, const char *what,
                     struct uses *paths)
{
    if (!s->present) {
        return NULL;
    }
    dg_builder_check_path(b, s->text, s->place);
    add_use(b, paths, s->text, what, s->place);
    return dg_builder_copy(b, s->text);
}

static void build_timestamp(struct dg_builder *b, const struct dg_settings *columns,
                            struct uses *paths)
{
    static const char *const words[] = {
        [DG_TIME_AUTO] = "auto",       [DG_TIME_RFC3339] = "rfc3339",
        [DG_TIME_UNIX_S] = "unix_s",   [DG_TIME_UNIX_MS] = "unix_ms",
        [DG_TIME_UNIX_US] = "unix_us", [DG_TIME_UNIX_NS] = "unix_ns"};
    const struct dg_settings *s = dg_builder_section(columns, COLUMNS_TIMESTAMP);
    if (s == NULL) {
        return;
    }
    if (!columns->value[COLUMNS_TIMESTAMP].given && !s->value[TIMESTAMP_FROM].present) {
        dg_diagnose(b->d, DG_ERROR, columns->place, "The event time, for example `timestamp: ts`.",
                    "the key 'timestamp' is missing in 'columns'");
    }
    b->m->time_path = special(b, &s->value[TIMESTAMP_FROM], "the timestamp", paths);
    const struct dg_setting *format = &s->value[TIMESTAMP_FORMAT];
    for (size_t i = 0; format->present && i < sizeof words / sizeof *words; i++) {
        if (strcmp(format->text, words[i]) == 0) {
            b->m->time_format = (enum dg_time_format)i;
        }
    }
}

static void build_special(struct dg_builder *b, const struct dg_settings *columns,
                          struct uses *paths)
{
    struct dg_monitor *m = b->m;
    const struct dg_setting *v = columns->value;
    build_timestamp(b, columns, paths);
    m->id_path = special(b, &v[COLUMNS_ID], "the id", paths);
    m->version_path = special(b, &v[COLUMNS_VERSION], "the version", paths);
    m->variant_path = special(b, &v[COLUMNS_VARIANT], "the variant", paths);
    m->topic_path = special(b, &v[COLUMNS_TOPIC], "the topic", paths);
    m->partition_path = special(b, &v[COLUMNS_PARTITION], "the partition", paths);
    m->offset_path = special(b, &v[COLUMNS_OFFSET], "the offset", paths);
    m->record_time_path = special(b, &v[COLUMNS_RECORD_TIMESTAMP], "the record's timestamp", paths);
    const bool partition = v[COLUMNS_PARTITION].given, offset = v[COLUMNS_OFFSET].given;
    if (partition != offset) {
        dg_diagnose(b->d, DG_ERROR, v[partition ? COLUMNS_PARTITION : COLUMNS_OFFSET].place,
                    "give both, or none", "'%s' needs '%s' beside it",
                    partition ? "partition" : "offset", partition ? "offset" : "partition");
    } else if (v[COLUMNS_TOPIC].given && !partition) {
        dg_diagnose(b->d, DG_ERROR, v[COLUMNS_TOPIC].place, "give all three, or none",
                    "'topic' needs 'partition' and 'offset' beside it");
    }
}

/* ---- features ----------------------------------------------------------------------------- */

static struct dg_feature *new_feature(struct dg_builder *b, const char *name, const char *path)
{
    struct dg_feature *f = &b->m->feature[b->m->n_features++];
    f->name = dg_builder_copy(b, name);
    f->path = dg_builder_copy(b, path);
    f->valid_min = -INFINITY;
    f->valid_max = INFINITY;
    f->importance = 1;
    return f;
}

static void feature_type(struct dg_builder *b, const struct dg_entry *e, struct dg_settings *s,
                         struct dg_feature *f)
{
    const struct dg_setting *valid = &s->value[FEATURE_VALID], *values = &s->value[FEATURE_VALUES];
    struct dg_setting *type = &s->value[FEATURE_TYPE];
    if (!type->given && !valid->given && !values->given) {
        dg_diagnose(b->d, DG_ERROR, e->place, "write type: numeric or type: category",
                    "the feature '%.100s' needs a type", e->name);
        return;
    }
    dg_builder_derive_text(type, values->given ? "category" : "numeric");
    if (!type->present) {
        return;
    }
    f->type = strcmp(type->text, "category") == 0 ? DG_FEATURE_CATEGORY : DG_FEATURE_NUMERIC;
    if (f->type == DG_FEATURE_CATEGORY && valid->given) {
        dg_diagnose(b->d, DG_ERROR, valid->place, "categories are limited with 'values'",
                    "'valid' is for numbers, but '%.100s' is a category", e->name);
    }
    if (f->type == DG_FEATURE_NUMERIC && values->given) {
        dg_diagnose(b->d, DG_ERROR, values->place, "numbers are limited with 'valid: [low, high]'",
                    "'values' is for categories, but '%.100s' is numeric", e->name);
    }
}

static bool name_is_safe(const char *name)
{
    return name[0] != '\0' && strlen(name) <= 256 && !dg_text_has_control(name, "");
}

/* "/features/NAME", the name escaped as RFC 6901 wants. */
static const char *canonical_feature(struct dg_builder *b, const char *name)
{
    static const char head[] = "/features/";
    char path[sizeof head + 2 * 256], *w = path + sizeof head - 1;
    memcpy(path, head, sizeof head);
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '~' || *p == '/') {
            *w++ = '~';
        }
        *w++ = *p == '/' ? '1' : *p == '~' ? '0' : *p;
    }
    char *made = dg_arena_text(b->arena, path, (size_t)(w - path));
    b->out_of_memory |= made == NULL;
    return made;
}

static void build_feature(struct dg_builder *b, struct dg_entry *e, struct uses *names,
                          struct uses *paths)
{
    if (!name_is_safe(e->name)) {
        dg_diagnose(b->d, DG_ERROR, e->place, NULL,
                    "a feature's name has 1 to 256 bytes and no control characters");
        return;
    }
    if (!e->setting.present) {
        return;
    }
    struct dg_settings *s = e->setting.sections.at[0];
    dg_builder_derive_text(&s->value[FEATURE_FROM],
                           dg_builder_canonical(b) ? canonical_feature(b, e->name) : e->name);
    if (!s->value[FEATURE_FROM].present) {
        return;
    }
    dg_builder_check_path(b, s->value[FEATURE_FROM].text,
                          s->value[FEATURE_FROM].given ? s->value[FEATURE_FROM].place : e->place);
    struct dg_feature *f = new_feature(b, e->name, s->value[FEATURE_FROM].text);
    f->role = DG_ROLE_FEATURE;
    add_use(b, names, e->name, NULL, e->place);
    add_use(b, paths, s->value[FEATURE_FROM].text, NULL, e->place);
    feature_type(b, e, s, f);
    if (s->value[FEATURE_VALID].present) {
        f->valid_min = s->value[FEATURE_VALID].range.low;
        f->valid_max = s->value[FEATURE_VALID].range.high;
    }
    dg_builder_texts(b, &s->value[FEATURE_VALUES], "values", &f->values, &f->n_values);
    if (s->value[FEATURE_IMPORTANCE].present) {
        f->importance = s->value[FEATURE_IMPORTANCE].number;
    }
}

static void build_role(struct dg_builder *b, const struct dg_setting *s, enum dg_role role,
                       const char *what, struct uses *names)
{
    if (!s->present) {
        return;
    }
    dg_builder_check_path(b, s->text, s->place);
    const char *name = dg_builder_path_name(b, s->text);
    struct dg_feature *f = new_feature(b, name, s->text);
    f->role = role;
    f->type = role == DG_ROLE_PREDICTION ? DG_FEATURE_CATEGORY : DG_FEATURE_NUMERIC;
    add_use(b, names, name, what, s->place);
}

static void build_features(struct dg_builder *b, const struct dg_settings *columns,
                           struct uses *names, struct uses *paths)
{
    const struct dg_settings *features = dg_builder_section(columns, COLUMNS_FEATURES);
    const struct dg_settings *prediction = dg_builder_section(columns, COLUMNS_PREDICTION);
    const size_t n = features == NULL ? 0 : features->n_entries;
    b->m->features_from_data = !columns->value[COLUMNS_FEATURES].given;
    b->m->feature = dg_builder_take(b, n + 3, sizeof *b->m->feature);
    for (size_t i = 0; i < n && !b->out_of_memory; i++) {
        build_feature(b, &features->entry[i], names, paths);
    }
    if (b->out_of_memory) {
        return;
    }
    if (prediction != NULL) {
        build_role(b, &prediction->value[PREDICTION_SCORE], DG_ROLE_SCORE, "the score", names);
        build_role(b, &prediction->value[PREDICTION_CLASS], DG_ROLE_PREDICTION,
                   "the predicted class", names);
    }
    build_role(b, &columns->value[COLUMNS_LATENCY], DG_ROLE_LATENCY, "the latency", names);
    if (b->m->n_features > b->m->max_series && b->m->max_series > 0) {
        dg_diagnose(b->d, DG_ERROR, columns->value[COLUMNS_FEATURES].place,
                    "raise limits.max_series, or list fewer features",
                    "%zu columns are more than limits.max_series allows (%u)", b->m->n_features,
                    b->m->max_series);
    }
}

/* ---- what cannot be together --------------------------------------------------------------- */

static void refuse_same_names(struct dg_builder *b, struct uses *names)
{
    sort_uses(names);
    for (size_t i = 1; i < names->n; i++) {
        const struct use *a = &names->at[i - 1], *c = &names->at[i];
        if (strcmp(a->text, c->text) == 0) {
            dg_diagnose(b->d, DG_ERROR, c->place, "each column is watched once, under one name",
                        "'%.100s' is already %s, on line %u", c->text,
                        a->what == NULL ? "a feature" : a->what, a->place.line);
        }
    }
}

static void check_paths(struct dg_builder *b, struct uses *paths)
{
    sort_uses(paths);
    for (size_t i = 1; i < paths->n; i++) {
        const struct use *a = &paths->at[i - 1], *c = &paths->at[i];
        if (strcmp(a->text, c->text) != 0) {
            continue;
        }
        if (a->what != NULL && c->what != NULL) {
            dg_diagnose(b->d, DG_ERROR, c->place, NULL,
                        "the field '%.100s' is already %s, on line %u", c->text, a->what,
                        a->place.line);
        } else if (a->what != NULL || c->what != NULL) {
            dg_diagnose(b->d, DG_WARNING, (a->what == NULL ? a : c)->place,
                        "such a column says nothing about drift",
                        "the field '%.100s' is a feature, but also %s", c->text,
                        a->what != NULL ? a->what : c->what);
        }
    }
}

static void check_ignored(struct dg_builder *b, const struct dg_setting *ignore,
                          const struct uses *paths, const struct uses *names)
{
    dg_builder_texts(b, ignore, "ignore", &b->m->ignore, &b->m->n_ignore);
    for (size_t i = 0; ignore->present && i < ignore->texts.n; i++) {
        const struct use *used = find_use(paths, ignore->texts.text[i]);
        if (used == NULL) {
            used = find_use(names, ignore->texts.text[i]);
        }
        if (used != NULL) {
            dg_diagnose(b->d, DG_ERROR, ignore->texts.place[i], "remove it from one of the two",
                        "'%.100s' is ignored, but line %u uses it as %s", ignore->texts.text[i],
                        used->place.line, used->what == NULL ? "a feature" : used->what);
        }
    }
}

/* Where the canonical event has what is not given; see docs/KAFKA.md. A label and a latency are not
 * among it: not every model has them, and a column that is watched and never there is missing. */
static void canonical_columns(const struct dg_settings *columns)
{
    const struct dg_settings *timestamp = dg_builder_section(columns, COLUMNS_TIMESTAMP);
    const struct dg_settings *prediction = dg_builder_section(columns, COLUMNS_PREDICTION);
    struct dg_setting *const v = columns->value;
    if (timestamp != NULL && !v[COLUMNS_TIMESTAMP].given) {
        dg_builder_derive_text(&timestamp->value[TIMESTAMP_FROM], "ts");
    }
    dg_builder_derive_text(&v[COLUMNS_ID], "event_id");
    dg_builder_derive_text(&v[COLUMNS_VERSION], "version");
    dg_builder_derive_text(&v[COLUMNS_VARIANT], "variant");
    if (prediction != NULL && !v[COLUMNS_PREDICTION].given) {
        dg_builder_derive_text(&prediction->value[PREDICTION_SCORE], "/prediction/value");
    }
}

void dg_build_columns(struct dg_builder *b)
{
    const struct dg_settings *columns = dg_builder_section(b->root, MONITOR_COLUMNS);
    struct uses names = {0}, paths = {0};
    if (columns == NULL) {
        return;
    }
    if (dg_builder_canonical(b)) {
        canonical_columns(columns);
    }
    build_special(b, columns, &paths);
    build_features(b, columns, &names, &paths);
    if (!b->out_of_memory) {
        refuse_same_names(b, &names);
        check_paths(b, &paths);
        check_ignored(b, &columns->value[COLUMNS_IGNORE], &paths, &names);
    }
    free(names.at);
    free(paths.at);
}
