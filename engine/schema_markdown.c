#include <string.h>

#include "engine/schema.h"
#include "engine/schema_scalar.h"
#include "engine/timefmt.h"

/* Text in a table's cell: a bar would end it. */
static void put_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void put_limits(FILE *out, const struct dg_key *key)
{
    char low[DG_TIME_TEXT], high[DG_TIME_TEXT];
    if (key->min >= key->max) {
        return;
    }
    if (key->type == DG_KEY_DURATION) {
        dg_duration_format((int64_t)key->min, low);
        dg_duration_format((int64_t)key->max, high);
    } else {
        snprintf(low, sizeof low, "%.15g", key->min);
        snprintf(high, sizeof high, "%.15g", key->max);
    }
    fprintf(out, ", %s to %s", low, high);
}

static void put_type(FILE *out, const struct dg_key *key)
{
    static const char *const names[] = {
        [DG_KEY_TEXT] = "text",
        [DG_KEY_NAME] = "name",
        [DG_KEY_FIELD] = "field",
        [DG_KEY_WORD] = "word",
        [DG_KEY_SWITCH] = "on, off",
        [DG_KEY_NUMBER] = "number",
        [DG_KEY_COUNT] = "count",
        [DG_KEY_DURATION] = "duration",
        [DG_KEY_BOUND] = "bound",
        [DG_KEY_RANGE] = "[low, high]",
        [DG_KEY_TEXTS] = "list",
        [DG_KEY_SECTION] = "section",
        [DG_KEY_SECTIONS] = "section or list of them",
    };
    if (key->type == DG_KEY_WORD) {
        for (size_t i = 0; key->words[i] != NULL; i++) {
            fprintf(out, "%s`%s`", i == 0 ? "" : ", ", key->words[i]);
        }
    } else {
        fputs(names[key->type], out);
        put_limits(out, key);
    }
}

static void put_default(FILE *out, const struct dg_key *key)
{
    if (key->required) {
        fputs("required", out);
    } else if (key->fallback != NULL) {
        fprintf(out, "`%s`", key->fallback);
    } else if (key->fallback_words != NULL) {
        put_cell(out, key->fallback_words);
    }
}

static void put_keys(FILE *out, const struct dg_section *section)
{
    if (section->n == 0) {
        return;
    }
    fputs("\n| key | value | default | meaning |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < section->n; i++) {
        const struct dg_key *key = &section->key[i];
        fprintf(out, "| `%s` | ", key->name);
        put_type(out, key);
        fputs(" | ", out);
        put_default(out, key);
        fputs(" | ", out);
        put_cell(out, key->doc);
        fputs(" |\n", out);
    }
}

static void put_section(FILE *out, const struct dg_section *section, bool top)
{
    fprintf(out, top ? "\n## The %s\n\n%s\n" : "\n## `%s`\n\n%s\n", section->name, section->doc);
    put_keys(out, section);
    if (section->other != NULL) {
        fprintf(out, "\nEvery other key is the name of a %s: see `%s`.\n", section->other_name,
                section->other->section->name);
    }
    if (section->example != NULL) {
        fprintf(out, "\n```yaml\n%s\n```\n", section->example);
    }
    for (size_t i = 0; i < section->n; i++) {
        if (section->key[i].section != NULL) {
            put_section(out, section->key[i].section, false);
        }
    }
    if (section->other != NULL) {
        put_section(out, section->other->section, false);
    }
}

void dg_schema_markdown(const struct dg_section *root, FILE *out)
{
    put_section(out, root, true);
}
