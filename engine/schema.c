#include "engine/schema.h"

#include <errno.h>
#include <string.h>

#include "engine/schema_scalar.h"
#include "engine/suggest.h"

struct reader {
    const struct dg_section *root;
    struct dg_arena *arena;
    struct dg_diagnostics *d;
    bool out_of_memory;
};

static struct dg_settings *read_section(struct reader *r, const struct dg_section *section,
                                        const struct dg_yaml_node *node, const char *what);

static void *take(struct reader *r, size_t n, size_t size)
{
    void *taken = dg_arena_take(r->arena, n, size);
    r->out_of_memory |= taken == NULL;
    return taken;
}

static const char *kind_words(const struct dg_yaml_node *node)
{
    return node->kind == DG_YAML_LIST  ? "a list"
           : node->kind == DG_YAML_MAP ? "keys and values"
                                       : "text";
}

static void wrong_kind(struct reader *r, const char *what, const char *want,
                       const struct dg_yaml_node *node)
{
    if (dg_yaml_is_nothing(node)) {
        dg_diagnose(r->d, DG_ERROR, node->place, "give it a value or remove the key",
                    "'%s' has no value", what);
    } else if (node->kind == DG_YAML_SCALAR) {
        dg_diagnose(r->d, DG_ERROR, node->place, NULL, "'%s' must be %s, not '%.100s'", what, want,
                    node->text);
    } else {
        dg_diagnose(r->d, DG_ERROR, node->place, NULL, "'%s' must be %s, not %s", what, want,
                    kind_words(node));
    }
}

/* ---- defaults ---------------------------------------------------------------------------- */

static struct dg_settings *defaults(struct reader *r, const struct dg_section *section,
                                    struct dg_place place);

static void default_value(struct reader *r, const struct dg_key *key, struct dg_place place,
                          struct dg_setting *out)
{
    *out = (struct dg_setting){.place = place};
    if (key->fallback != NULL) {
        DG_ASSERT(dg_schema_scalar(key, key->fallback, place, r->d, out));
        out->given = false;
    } else if (key->type == DG_KEY_SECTION && !key->required) {
        struct dg_settings **at = take(r, 1, sizeof(struct dg_settings *));
        if (at != NULL) {
            *at = defaults(r, key->section, place);
            out->sections.at = at;
            out->sections.n = 1;
            out->present = true;
        }
    }
}

static struct dg_settings *defaults(struct reader *r, const struct dg_section *section,
                                    struct dg_place place)
{
    struct dg_settings *s = take(r, 1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    *s = (struct dg_settings){.section = section, .place = place};
    s->value = take(r, section->n, sizeof *s->value);
    s->entry = take(r, 0, sizeof *s->entry);
    if (s->value == NULL || s->entry == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < section->n && !r->out_of_memory; i++) {
        default_value(r, &section->key[i], place, &s->value[i]);
    }
    return r->out_of_memory ? NULL : s;
}

/* ---- values ------------------------------------------------------------------------------ */

static bool read_texts(struct reader *r, const struct dg_key *key, const struct dg_yaml_node *node,
                       struct dg_setting *out)
{
    struct dg_yaml_node *single = NULL;
    struct dg_yaml_node *const *item = node->item;
    size_t n = node->n;
    if (node->kind == DG_YAML_SCALAR && !dg_yaml_is_nothing(node)) {
        single = take(r, 1, sizeof *single);
        if (single == NULL) {
            return false;
        }
        *single = *node;
        item = &single;
        n = 1;
    } else if (node->kind != DG_YAML_LIST) {
        wrong_kind(r, key->name, dg_schema_type_words(key->type), node);
        return false;
    }
    struct dg_setting value = {.given = true, .present = true, .place = node->place};
    value.texts.text = take(r, n, sizeof *value.texts.text);
    value.texts.place = take(r, n, sizeof *value.texts.place);
    if (value.texts.text == NULL || value.texts.place == NULL) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (item[i]->kind != DG_YAML_SCALAR || dg_yaml_is_nothing(item[i]) || item[i]->broken) {
            if (!item[i]->broken) {
                wrong_kind(r, key->name, "a list of texts", item[i]);
            }
            ok = false;
        }
        value.texts.text[i] = item[i]->text;
        value.texts.place[i] = item[i]->place;
    }
    value.texts.n = n;
    if (ok) {
        *out = value;
    }
    return ok;
}

static bool read_range(struct reader *r, const struct dg_key *key, const struct dg_yaml_node *node,
                       struct dg_setting *out)
{
    double at[2] = {0, 0};
    if (node->kind != DG_YAML_LIST || node->n != 2) {
        wrong_kind(r, key->name, dg_schema_type_words(key->type), node);
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (node->item[i]->kind != DG_YAML_SCALAR ||
            !dg_schema_open_number(node->item[i]->text, &at[i])) {
            wrong_kind(r, key->name, "two numbers", node->item[i]);
            return false;
        }
    }
    if (!(at[0] <= at[1])) {
        dg_diagnose(r->d, DG_ERROR, node->place, "write [low, high]",
                    "'%s' has its lower end above its upper end", key->name);
        return false;
    }
    *out = (struct dg_setting){.given = true, .present = true, .place = node->place};
    out->range.low = at[0];
    out->range.high = at[1];
    return true;
}

static bool read_sections(struct reader *r, const struct dg_key *key, const char *what,
                          const struct dg_yaml_node *node, struct dg_setting *out)
{
    const bool list = node->kind == DG_YAML_LIST && key->type == DG_KEY_SECTIONS;
    const size_t n = list ? node->n : 1;
    struct dg_setting value = {.given = true, .present = true, .place = node->place};
    value.sections.at = take(r, n, sizeof(struct dg_settings *));
    if (value.sections.at == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct dg_settings *s = read_section(r, key->section, list ? node->item[i] : node, what);
        if (s != NULL) {
            value.sections.at[value.sections.n++] = s;
        }
    }
    if (r->out_of_memory || (value.sections.n == 0 && n > 0)) {
        return false;
    }
    *out = value;
    return true;
}

static void read_setting(struct reader *r, const struct dg_key *key, const char *what,
                         const struct dg_yaml_node *node, struct dg_setting *out)
{
    *out = (struct dg_setting){.given = true, .place = node->place}; /* unless it is right */
    if (node->broken) {
        return;
    }
    if (key->type == DG_KEY_SECTION || key->type == DG_KEY_SECTIONS) {
        read_sections(r, key, what, node, out);
    } else if (key->type == DG_KEY_TEXTS) {
        read_texts(r, key, node, out);
    } else if (key->type == DG_KEY_RANGE) {
        read_range(r, key, node, out);
    } else if (node->kind != DG_YAML_SCALAR || dg_yaml_is_nothing(node)) {
        char words[256];
        const bool word = key->type == DG_KEY_WORD;
        wrong_kind(r, key->name,
                   word ? dg_schema_words(key->words, " or ", words, sizeof words)
                        : dg_schema_type_words(key->type),
                   node);
    } else {
        dg_schema_scalar(key, node->text, node->place, r->d, out);
    }
}

/* ---- sections ---------------------------------------------------------------------------- */

static size_t find_key(const struct dg_section *section, const char *name)
{
    size_t i = 0;
    while (i < section->n && strcmp(section->key[i].name, name) != 0) {
        i++;
    }
    return i;
}

/* The name of another section that has a key of that name; NULL: none. */
static const char *home_of(const struct dg_section *section, const char *name)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct dg_section *below = section->key[i].section;
        if (below == NULL) {
            continue;
        }
        const char *deeper =
            find_key(below, name) < below->n ? section->key[i].name : home_of(below, name);
        if (deeper != NULL) {
            return deeper;
        }
    }
    return NULL;
}

/* A misspelled key counts as given, so that one mistake gives one message. */
static void take_for(struct dg_settings *s, const char *known, struct dg_place place)
{
    struct dg_setting *v = &s->value[find_key(s->section, known)];
    if (!v->given) {
        *v = (struct dg_setting){.given = true, .place = place};
    }
}

static void unknown_key(struct reader *r, struct dg_settings *s, const struct dg_yaml_pair *pair,
                        const char *what)
{
    const struct dg_section *section = s->section;
    struct dg_suggestion near = {.word = pair->key};
    for (size_t i = 0; i < section->n; i++) {
        dg_suggest(&near, section->key[i].name);
    }
    char hint[512];
    const char *home =
        find_key(r->root, pair->key) < r->root->n ? "the top level" : home_of(r->root, pair->key);
    if (near.best != NULL && (home == NULL || near.distance <= 1)) {
        snprintf(hint, sizeof hint, "did you mean '%s'?", near.best);
        take_for(s, near.best, pair->place);
    } else if (home != NULL) {
        snprintf(hint, sizeof hint, "it belongs in '%s'", home);
    } else {
        size_t used = (size_t)snprintf(hint, sizeof hint, "known here:");
        for (size_t i = 0; i < section->n && used < sizeof hint; i++) {
            used += (size_t)snprintf(hint + used, sizeof hint - used, "%s %s", i == 0 ? "" : ",",
                                     section->key[i].name);
        }
    }
    dg_diagnose(r->d, DG_ERROR, pair->place, hint,
                section == r->root ? "unknown key '%.100s'" : "unknown key '%.100s' in '%s'",
                pair->key, what);
}

static void check_required(struct reader *r, const struct dg_section *section, const char *what,
                           const struct dg_settings *s)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct dg_key *key = &section->key[i];
        if (key->required && !s->value[i].given) {
            dg_diagnose(r->d, DG_ERROR, s->place, key->doc,
                        section == r->root ? "the key '%s' is missing"
                                           : "the key '%s' is missing in '%s'",
                        key->name, what);
        }
    }
}

static void read_pairs(struct reader *r, const struct dg_section *section,
                       const struct dg_yaml_node *node, const char *what, struct dg_settings *s)
{
    for (size_t k = 0; k < node->n && !r->out_of_memory; k++) {
        const struct dg_yaml_pair *pair = &node->pair[k];
        const size_t i = find_key(section, pair->key);
        if (i < section->n) {
            read_setting(r, &section->key[i], pair->key, pair->value, &s->value[i]);
        } else if (section->other != NULL) {
            struct dg_entry entry = {.name = pair->key, .place = pair->place};
            read_setting(r, section->other, pair->key, pair->value, &entry.setting);
            s->entry[s->n_entries++] = entry; /* without a value if it was wrong */
        } else {
            unknown_key(r, s, pair, what);
        }
    }
}

/* NULL: it is not such a section (said in d), or out of memory. */
static struct dg_settings *read_section(struct reader *r, const struct dg_section *section,
                                        const struct dg_yaml_node *node, const char *what)
{
    const bool scalar =
        node->kind == DG_YAML_SCALAR && section->scalar != NULL && !dg_yaml_is_nothing(node);
    if (node->kind != DG_YAML_MAP && !scalar) {
        char want[100] = "keys and values ('key: value')";
        if (section->other != NULL && section->n == 0) {
            snprintf(want, sizeof want, "keys and values, each key the name of a %s",
                     section->other_name);
        }
        if (!node->broken) {
            wrong_kind(r, what, want, node);
        }
        return NULL;
    }
    struct dg_settings *s = defaults(r, section, node->place);
    if (s == NULL) {
        return NULL;
    }
    if (scalar) {
        const size_t i = find_key(section, section->scalar);
        struct dg_key named = section->key[i];
        named.name = what;
        read_setting(r, &named, what, node, &s->value[i]);
        return r->out_of_memory ? NULL : s;
    }
    s->entry = take(r, node->n, sizeof *s->entry);
    if (s->entry == NULL) {
        return NULL;
    }
    read_pairs(r, section, node, what, s);
    check_required(r, section, what, s);
    return r->out_of_memory ? NULL : s;
}

int dg_settings_read(const struct dg_section *section, const struct dg_yaml_node *node,
                     struct dg_arena *arena, struct dg_diagnostics *d, struct dg_settings **out)
{
    struct reader r = {.root = section, .arena = arena, .d = d};
    struct dg_settings *s = read_section(&r, section, node, section->name);
    if (r.out_of_memory) {
        return ENOMEM;
    }
    *out = s;
    return 0;
}
