#include "engine/schema_scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/suggest.h"
#include "engine/timefmt.h"

enum { NAME_MAX_LENGTH = 100, FIELD_MAX_LENGTH = 256, NUMBER_MAX_LENGTH = 40 };

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of [-+]digits[.digits][e[-+]digits] at the start of text; 0: none. */
static size_t number_length(const char *text, bool *has_exponent)
{
    const char *p = text;
    size_t digits = 0;
    *has_exponent = false;
    p += *p == '-' || *p == '+';
    for (; digit(*p); p++) {
        digits++;
    }
    if (*p == '.') {
        for (p++; digit(*p); p++) {
            digits++;
        }
    }
    if (digits == 0) {
        return 0;
    }
    if (*p == 'e' || *p == 'E') {
        const char *e = p + 1;
        e += *e == '-' || *e == '+';
        if (!digit(*e)) {
            return 0;
        }
        while (digit(*e)) {
            e++;
        }
        p = e;
        *has_exponent = true;
    }
    return (size_t)(p - text);
}

bool dg_config_number(const char *text, double *number)
{
    bool has_exponent;
    const size_t n = number_length(text, &has_exponent);
    const bool percent = n > 0 && text[n] == '%' && text[n + 1] == '\0';
    if (n == 0 || n > NUMBER_MAX_LENGTH || (text[n] != '\0' && !percent) ||
        (percent && has_exponent)) {
        return false;
    }
    char copy[NUMBER_MAX_LENGTH + 4];
    memcpy(copy, text, n);
    strcpy(copy + n, percent ? "e-2" : ""); /* 0.1% is then 0.001 to the last bit */
    const double x = strtod(copy, NULL);
    if (!isfinite(x)) {
        return false;
    }
    *number = x + 0.0; /* -0 is 0 */
    return true;
}

bool dg_schema_open_number(const char *text, double *number)
{
    const char *p = text + (*text == '-' || *text == '+');
    p += *p == '.';
    if (strcmp(p, "inf") == 0) {
        *number = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return dg_config_number(text, number);
}

char *dg_schema_words(const char *const *words, const char *separator, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        const int n = snprintf(buf + used, size - used, "%s%s", i == 0 ? "" : separator, words[i]);
        used += (size_t)n;
    }
    return buf;
}

const char *dg_schema_type_words(enum dg_key_type type)
{
    switch (type) {
    case DG_KEY_TEXT:
        return "text without control characters";
    case DG_KEY_NAME:
        return "a name of letters, digits, '.', '_' and '-'";
    case DG_KEY_FIELD:
        return "the name of a field, or a pointer such as /features/age";
    case DG_KEY_WORD:
        return "one of a few words";
    case DG_KEY_SWITCH:
        return "on or off";
    case DG_KEY_NUMBER:
        return "a number such as 0.1 or 10%";
    case DG_KEY_COUNT:
        return "a whole number";
    case DG_KEY_DURATION:
        return "a duration such as 5m, 1h30m or 7d";
    case DG_KEY_BOUND:
        return "a bound such as 'above 0.25', 'below 90%' or 0.25";
    case DG_KEY_RANGE:
        return "a range such as [18, 110]";
    case DG_KEY_TEXTS:
        return "a list such as [a, b]";
    case DG_KEY_SECTION:
        return "keys and values";
    case DG_KEY_SECTIONS:
        return "keys and values, or a list of such";
    }
    return "";
}

bool dg_name_valid(const char *text)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        const char c = text[n];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digit(c);
        if (!letter && (n == 0 || strchr("._-", c) == NULL)) {
            return false;
        }
    }
    return n > 0 && n <= NAME_MAX_LENGTH;
}

bool dg_text_has_control(const char *text, const char *allowed)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        const bool c0 = (*p < 0x20 || *p == 0x7f) && strchr(allowed, *p) == NULL;
        if (c0 || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)) {
            return true;
        }
    }
    return false;
}

/* RFC 6901: after '~' comes 0 or 1. */
static bool read_field(const char *text, struct dg_setting *out)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        if (text[0] == '/' && text[n] == '~' && text[n + 1] != '0' && text[n + 1] != '1') {
            return false;
        }
    }
    out->text = text;
    return n > 0 && !dg_text_has_control(text, "") && n <= FIELD_MAX_LENGTH &&
           strcmp(text, "/") != 0;
}

static bool read_switch(const char *text, struct dg_setting *out)
{
    static const char *const words[] = {"off", "on", "false", "true", "no", "yes"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            out->on = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool read_count(const char *text, struct dg_setting *out)
{
    uint64_t n = 0;
    for (const char *p = text; *p != '\0'; p++) {
        if (!digit(*p) || __builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n)) {
            return false;
        }
    }
    out->count = n;
    return *text != '\0';
}

static bool read_duration(const char *text, struct dg_setting *out)
{
    if (strcmp(text, "0") == 0) {
        out->us = 0;
        return true;
    }
    return dg_duration_parse(text, strlen(text), &out->us) && out->us >= 0;
}

static bool read_bound(const char *text, struct dg_setting *out)
{
    static const char *const words[] = {"above", "below"};
    bool below = false;
    for (size_t i = 0; i < 2; i++) {
        const size_t n = strlen(words[i]);
        if (strncmp(text, words[i], n) == 0 && text[n] == ' ') {
            below = i == 1;
            text += n;
            text += strspn(text, " ");
        }
    }
    out->bound.below = below;
    return dg_config_number(text, &out->bound.at);
}

static bool read_word(const struct dg_key *key, const char *text, struct dg_setting *out)
{
    for (size_t i = 0; key->words[i] != NULL; i++) {
        if (strcmp(text, key->words[i]) == 0) {
            out->text = key->words[i];
            return true;
        }
    }
    return false;
}

static bool read_value(const struct dg_key *key, const char *text, struct dg_setting *out)
{
    switch (key->type) {
    case DG_KEY_TEXT:
        out->text = text;
        return text[0] != '\0' && !dg_text_has_control(text, "\t\n");
    case DG_KEY_NAME:
        out->text = text;
        return dg_name_valid(text);
    case DG_KEY_FIELD:
        return read_field(text, out);
    case DG_KEY_WORD:
        return read_word(key, text, out);
    case DG_KEY_SWITCH:
        return read_switch(text, out);
    case DG_KEY_NUMBER:
        return dg_config_number(text, &out->number);
    case DG_KEY_COUNT:
        return read_count(text, out);
    case DG_KEY_DURATION:
        return read_duration(text, out);
    case DG_KEY_BOUND:
        return read_bound(text, out);
    case DG_KEY_RANGE:
    case DG_KEY_TEXTS:
    case DG_KEY_SECTION:
    case DG_KEY_SECTIONS:
        break;
    }
    return false;
}

static void refuse(const struct dg_key *key, const char *text, struct dg_place place,
                   struct dg_diagnostics *d)
{
    if (*text == '\0') {
        dg_diagnose(d, DG_ERROR, place, "give it a value or remove the key", "'%s' is empty",
                    key->name);
        return;
    }
    if (key->type != DG_KEY_WORD) {
        dg_diagnose(d, DG_ERROR, place, NULL, "'%s' must be %s, not '%.100s'", key->name,
                    dg_schema_type_words(key->type), text);
        return;
    }
    size_t n = 0;
    while (key->words[n] != NULL) {
        n++;
    }
    char words[256], hint[128];
    const char *near = dg_suggest_from(text, key->words, n);
    snprintf(hint, sizeof hint, "did you mean '%s'?", near == NULL ? "" : near);
    dg_diagnose(d, DG_ERROR, place, near == NULL ? key->hint : hint,
                n == 1 ? "'%s' must be %s, not '%.100s'" : "'%s' must be one of %s, not '%.100s'",
                key->name, dg_schema_words(key->words, ", ", words, sizeof words), text);
}

static bool in_range(const struct dg_key *key, const char *text, struct dg_place place,
                     struct dg_diagnostics *d, const struct dg_setting *out)
{
    char low[DG_TIME_TEXT], high[DG_TIME_TEXT];
    double x = 0;
    if (key->type == DG_KEY_NUMBER) {
        x = out->number;
    } else if (key->type == DG_KEY_COUNT) {
        x = (double)out->count;
    } else if (key->type == DG_KEY_DURATION) {
        x = (double)out->us;
    } else {
        return true;
    }
    if ((key->min >= key->max) || (x >= key->min && x <= key->max)) {
        return true;
    }
    if (key->type == DG_KEY_DURATION) {
        dg_duration_format((int64_t)key->min, low);
        dg_duration_format((int64_t)key->max, high);
    } else {
        snprintf(low, sizeof low, "%.15g", key->min);
        snprintf(high, sizeof high, "%.15g", key->max);
    }
    dg_diagnose(d, DG_ERROR, place, NULL, "'%s' must be from %s to %s, not '%.100s'", key->name,
                low, high, text);
    return false;
}

bool dg_schema_scalar(const struct dg_key *key, const char *text, struct dg_place place,
                      struct dg_diagnostics *d, struct dg_setting *out)
{
    struct dg_setting value = {.given = true, .present = true, .place = place};
    if (!read_value(key, text, &value)) {
        refuse(key, text, place, d);
        return false;
    }
    if (!in_range(key, text, place, d, &value)) {
        return false;
    }
    *out = value;
    return true;
}
