/* engine/schema.h -- configuration as tables: one table per section says what its keys are, and
 * everything else (reading, defaults, messages, documents) follows from it. */
#ifndef DG_ENGINE_SCHEMA_H
#define DG_ENGINE_SCHEMA_H

#include "engine/yaml.h"

enum dg_key_type {
    DG_KEY_TEXT,     /* any text */
    DG_KEY_NAME,     /* letters, digits and . _ -, beginning with a letter or digit; 100 at most */
    DG_KEY_FIELD,    /* a field of the records: its name, or an RFC 6901 pointer like /a/b */
    DG_KEY_WORD,     /* one of `words` */
    DG_KEY_SWITCH,   /* on or off; true, false, yes, no as well */
    DG_KEY_NUMBER,   /* finite, in [min, max]; 5% = 0.05 */
    DG_KEY_COUNT,    /* whole number in [min, max] */
    DG_KEY_DURATION, /* in [min, max] microseconds; 0 needs no unit */
    DG_KEY_BOUND,    /* above x, below x, or x alone (above) */
    DG_KEY_RANGE,    /* [low, high]; -inf and inf leave a side open */
    DG_KEY_TEXTS,    /* a list of texts (or one); a set: order has no meaning */
    DG_KEY_SECTION,  /* a map, by the table `section` */
    DG_KEY_SECTIONS, /* one such map, or a list of them */
};

struct dg_section;

struct dg_key {
    const char *name;
    enum dg_key_type type;
    bool required;
    bool remark;                /* does not change any result: not part of the hash */
    const char *fallback;       /* the default, as it would be written; NULL: none */
    const char *fallback_words; /* instead, where it depends on other keys */
    const char *doc;            /* one sentence */
    const char *const *words;   /* WORD: NULL-terminated */
    const char *hint;           /* WORD: what else may be meant by another word; NULL: nothing */
    double min, max;            /* NUMBER, COUNT, DURATION: both 0 = no limits */
    const struct dg_section *section;
};

struct dg_section {
    const char *name; /* in documents */
    const char *doc;
    const struct dg_key *key; /* [n] */
    size_t n;
    const char *scalar; /* a scalar in the section's place is the value of this key; NULL: none */
    const struct dg_key *other;          /* keys with free names: SECTION or SECTIONS; NULL: none */
    const char *other_name;              /* what a free name is: "feature" */
    const char *(*other_word)(size_t i); /* the only free names there are, NULL after the last;
                                            NULL: any name */
    bool (*secret)(const char *name);    /* free names whose values are not shown; NULL: none */
    const char *example;                 /* lines of YAML */
};

/* What was written for one key, or its default. */
struct dg_setting {
    bool given;            /* written in the file */
    bool present;          /* has a value; given and not present: what was written is wrong */
    struct dg_place place; /* of the value; of the section where nothing is written */
    union {
        const char *text; /* TEXT, NAME, FIELD, WORD */
        bool on;
        double number;
        uint64_t count;
        int64_t us;
        struct {
            bool below;
            double at;
        } bound;
        struct {
            double low, high;
        } range;
        struct {
            const char **text;      /* [n] */
            struct dg_place *place; /* [n] */
            size_t n;
        } texts;
        struct {
            struct dg_settings **at; /* [n]; SECTION: n = 1 */
            size_t n;
        } sections;
    };
};

/* A key with a free name. */
struct dg_entry {
    const char *name;
    struct dg_place place; /* of the name */
    struct dg_setting setting;
};

struct dg_settings {
    const struct dg_section *section;
    struct dg_place place;
    struct dg_setting *value; /* [section->n], in the table's order */
    struct dg_entry *entry;   /* [n_entries], in the file's order, names distinct */
    size_t n_entries;
};

/*
 * Read `node` by the table `section`, into `arena`. Unknown keys (with the nearest known one, or
 * the section where it belongs, looked for from `section` down), wrong types, values out of range
 * and missing keys all go to `d`; such keys are left without a value. Defaults are filled in, and a
 * section that was left out is there with its defaults unless it is required or a list.
 * Returns 0, also when there were errors, or ENOMEM.
 */
DG_MUST_CHECK int dg_settings_read(const struct dg_section *section,
                                   const struct dg_yaml_node *node, struct dg_arena *arena,
                                   struct dg_diagnostics *d, struct dg_settings **out);

/* "-3.5", "5%", "1e-3": a finite decimal number; a percentage is exact to the last bit. */
bool dg_config_number(const char *text, double *number);

/* True if text is a name (DG_KEY_NAME). */
bool dg_name_valid(const char *text);

/* True if text has control characters (C0, DEL, C1 in UTF-8) other than those of `allowed`. */
bool dg_text_has_control(const char *text, const char *allowed);

/* The settings with all defaults as YAML, in the table's order. In the place of a secret stands
 * DG_SETTINGS_SECRET: what is shown gets into tickets. */
#define DG_SETTINGS_SECRET "(a secret)"
void dg_settings_show(const struct dg_settings *s, FILE *out);

/* The settings in a form that is the same for equal meanings: every key with its value (remarks
 * left out), free names and sets sorted. For hashing. ENOMEM. */
DG_MUST_CHECK int dg_settings_canonical(const struct dg_settings *s, char **text, size_t *len);

/* JSON Schema (draft 2020-12) of the table, for editors. ENOMEM. */
DG_MUST_CHECK int dg_schema_json(const struct dg_section *root, FILE *out);

/* The table as Markdown: a chapter per section. */
void dg_schema_markdown(const struct dg_section *root, FILE *out);

#endif
