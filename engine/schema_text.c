#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/schema.h"
#include "engine/timefmt.h"
#include "engine/yaml.h"

/* ---- values as text ------------------------------------------------------------------------ */

/* The shortest decimal that reads back as the same double. */
static void put_number(FILE *out, double x)
{
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, x);
        if (strtod(buf, NULL) == x) {
            break;
        }
    }
    fputs(buf, out);
}

static bool plain_is_safe(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "~"};
    const char first = text[0];
    if (!((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '_' ||
          first == '/')) {
        return false;
    }
    for (const char *p = text; *p != '\0'; p++) {
        const bool letter =
            (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        if (!letter && strchr("_./-", *p) == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return false;
        }
    }
    return true;
}

void dg_yaml_put_text(FILE *out, const char *text)
{
    if (plain_is_safe(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *p = text; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            fprintf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(out, "\\x%02x", (unsigned)c);
        } else if (c == 0xc2 && (unsigned char)p[1] < 0xa0) { /* C1, among them NEL */
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*++p);
        } else if (strncmp(p, "\xe2\x80\xa8", 3) == 0 || strncmp(p, "\xe2\x80\xa9", 3) == 0) {
            p += 2; /* line and paragraph separator: YAML would fold them */
            fprintf(out, "\\u20%02x", (unsigned)(unsigned char)*p - 0x80);
        } else if (strncmp(p, "\xef\xbb\xbf", 3) == 0) {
            p += 2;
            fputs("\\ufeff", out);
        } else if (strncmp(p, "${env:", 6) == 0) {
            fputs("$$", out);
        } else {
            fputc(c, out);
        }
    }
    fputc('"', out);
}

static void put_scalar(FILE *out, const struct dg_key *key, const struct dg_setting *v)
{
    char buf[DG_TIME_TEXT];
    switch (key->type) {
    case DG_KEY_TEXT:
    case DG_KEY_NAME:
    case DG_KEY_FIELD:
    case DG_KEY_WORD:
        dg_yaml_put_text(out, v->text);
        break;
    case DG_KEY_SWITCH:
        fputs(v->on ? "on" : "off", out);
        break;
    case DG_KEY_NUMBER:
        put_number(out, v->number);
        break;
    case DG_KEY_COUNT:
        fprintf(out, "%llu", (unsigned long long)v->count);
        break;
    case DG_KEY_DURATION:
        fputs(v->us == 0 ? "0" : dg_duration_format(v->us, buf), out);
        break;
    case DG_KEY_BOUND:
        fputs(v->bound.below ? "below " : "above ", out);
        put_number(out, v->bound.at);
        break;
    case DG_KEY_RANGE:
        fputc('[', out);
        put_number(out, v->range.low);
        fputs(", ", out);
        put_number(out, v->range.high);
        fputc(']', out);
        break;
    case DG_KEY_TEXTS:
        fputc('[', out);
        for (size_t i = 0; i < v->texts.n; i++) {
            fputs(i == 0 ? "" : ", ", out);
            dg_yaml_put_text(out, v->texts.text[i]);
        }
        fputc(']', out);
        break;
    case DG_KEY_SECTION:
    case DG_KEY_SECTIONS:
        break;
    }
}

/* ---- YAML ---------------------------------------------------------------------------------- */

static void show_section(FILE *out, const struct dg_settings *s, int indent, bool in_list);

static bool is_section(const struct dg_key *key)
{
    return key->type == DG_KEY_SECTION || key->type == DG_KEY_SECTIONS;
}

/* A section without any value is left out where it is optional, so that what was not written does
 * not come to mean something. */
static bool is_empty(const struct dg_settings *s)
{
    for (size_t i = 0; i < s->section->n; i++) {
        const struct dg_setting *v = &s->value[i];
        if (!v->present) {
            continue;
        }
        if (s->section->key[i].type != DG_KEY_SECTION || !is_empty(v->sections.at[0])) {
            return false;
        }
    }
    return s->n_entries == 0;
}

static void show_setting(FILE *out, const struct dg_key *key, const char *name,
                         const struct dg_setting *v, int indent)
{
    if (!is_section(key)) {
        dg_yaml_put_text(out, name);
        fputs(": ", out);
        put_scalar(out, key, v);
        fputc('\n', out);
        return;
    }
    const bool list = key->type == DG_KEY_SECTIONS;
    const bool empty = v->sections.n == 0 || (!list && is_empty(v->sections.at[0]));
    dg_yaml_put_text(out, name);
    fputs(empty && list ? ": []\n" : empty ? ": {}\n" : ":\n", out);
    for (size_t i = 0; i < v->sections.n && !empty; i++) {
        if (list) {
            fprintf(out, "%*s- ", indent + 2, "");
        }
        show_section(out, v->sections.at[i], indent + (list ? 4 : 2), list);
    }
}

/* `in_list`: the first line stands behind a dash already. */
static void show_section(FILE *out, const struct dg_settings *s, int indent, bool in_list)
{
    bool first = in_list;
    for (size_t i = 0; i < s->section->n; i++) {
        const struct dg_key *key = &s->section->key[i];
        const struct dg_setting *v = &s->value[i];
        const bool left_out =
            key->type == DG_KEY_SECTION && !v->given && v->present && is_empty(v->sections.at[0]);
        if (v->present && !left_out) {
            fprintf(out, "%*s", first ? 0 : indent, "");
            show_setting(out, key, key->name, v, indent);
            first = false;
        }
    }
    for (size_t i = 0; i < s->n_entries; i++) {
        if (s->entry[i].setting.present) {
            fprintf(out, "%*s", first ? 0 : indent, "");
            const char *const name = s->entry[i].name;
            if (s->section->secret != NULL && s->section->secret(name)) {
                dg_yaml_put_text(out, name);
                fputs(": " DG_SETTINGS_SECRET "\n", out);
            } else {
                show_setting(out, s->section->other, name, &s->entry[i].setting, indent);
            }
            first = false;
        }
    }
}

void dg_settings_show(const struct dg_settings *s, FILE *out)
{
    show_section(out, s, 0, false);
}

/* ---- the meaning --------------------------------------------------------------------------- */

/* Texts carry their length, so that no text can look like structure. */
static void put_exact(FILE *out, const char *text)
{
    fprintf(out, "%zu:%s", strlen(text), text);
}

static void put_bits(FILE *out, double x)
{
    fprintf(out, "%a;", x);
}

static int by_string(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool put_set(FILE *out, const struct dg_setting *v)
{
    const size_t n = v->texts.n;
    const char **sorted = malloc((n + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = v->texts.text[i];
    }
    qsort(sorted, n, sizeof *sorted, by_string);
    fprintf(out, "%zu[", n);
    for (size_t i = 0; i < n; i++) {
        put_exact(out, sorted[i]);
    }
    free(sorted);
    return true;
}

static bool put_section(FILE *out, const struct dg_settings *s);

static bool put_sections(FILE *out, const struct dg_setting *v)
{
    fprintf(out, "%zu(", v->sections.n);
    for (size_t i = 0; i < v->sections.n; i++) {
        if (!put_section(out, v->sections.at[i])) {
            return false;
        }
    }
    fputc(')', out);
    return true;
}

static bool put_meaning(FILE *out, const struct dg_key *key, const struct dg_setting *v)
{
    switch (key->type) {
    case DG_KEY_TEXT:
    case DG_KEY_NAME:
    case DG_KEY_FIELD:
    case DG_KEY_WORD:
        put_exact(out, v->text);
        return true;
    case DG_KEY_SWITCH:
        fputc(v->on ? '1' : '0', out);
        return true;
    case DG_KEY_NUMBER:
        put_bits(out, v->number);
        return true;
    case DG_KEY_COUNT:
        fprintf(out, "%llu;", (unsigned long long)v->count);
        return true;
    case DG_KEY_DURATION:
        fprintf(out, "%lldus;", (long long)v->us);
        return true;
    case DG_KEY_BOUND:
        fputc(v->bound.below ? '<' : '>', out);
        put_bits(out, v->bound.at);
        return true;
    case DG_KEY_RANGE:
        put_bits(out, v->range.low);
        put_bits(out, v->range.high);
        return true;
    case DG_KEY_TEXTS:
        return put_set(out, v);
    case DG_KEY_SECTION:
    case DG_KEY_SECTIONS:
        return put_sections(out, v);
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct dg_entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool put_entries(FILE *out, const struct dg_settings *s)
{
    const struct dg_entry **sorted = malloc((s->n_entries + 1) * sizeof *sorted);
    bool ok = sorted != NULL;
    for (size_t i = 0; i < s->n_entries && ok; i++) {
        sorted[i] = &s->entry[i];
    }
    if (ok) {
        qsort(sorted, s->n_entries, sizeof *sorted, by_name);
    }
    for (size_t i = 0; i < s->n_entries && ok; i++) {
        put_exact(out, sorted[i]->name);
        fputc('=', out);
        ok =
            !sorted[i]->setting.present || put_meaning(out, s->section->other, &sorted[i]->setting);
    }
    free(sorted);
    return ok;
}

/* An empty section means nothing, unless leaving it out means something else. */
static bool says_nothing(const struct dg_key *key, const struct dg_setting *v)
{
    return key->type == DG_KEY_SECTION && is_empty(v->sections.at[0]) &&
           !(v->given && key->fallback_words != NULL);
}

static bool put_section(FILE *out, const struct dg_settings *s)
{
    fputc('{', out);
    for (size_t i = 0; i < s->section->n; i++) {
        const struct dg_key *key = &s->section->key[i];
        if (s->value[i].present && !key->remark && !says_nothing(key, &s->value[i])) {
            fprintf(out, "%s=", key->name);
            if (!put_meaning(out, key, &s->value[i])) {
                return false;
            }
        }
    }
    const bool ok = put_entries(out, s);
    fputc('}', out);
    return ok;
}

int dg_settings_canonical(const struct dg_settings *s, char **text, size_t *len)
{
    char *buf = NULL;
    size_t used = 0;
    FILE *out = open_memstream(&buf, &used);
    if (out == NULL) {
        return ENOMEM;
    }
    bool ok = put_section(out, s);
    ok = ferror(out) == 0 && ok;
    ok = fclose(out) == 0 && ok;
    if (!ok) {
        free(buf);
        return ENOMEM;
    }
    *text = buf;
    *len = used;
    return 0;
}
