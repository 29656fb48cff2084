#include <stdlib.h>
#include <string.h>

#include "engine/yaml.h"

static const char open_mark[] = "${env:";

static bool name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

static bool fits(const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return strlen(value) <= DG_YAML_ENV_MAX;
}

/* `p` stands behind ${env: ; append the variable's value, return what follows the brace, or NULL if
 * the rest of the scalar makes no sense. */
static const char *expand_one(const char *p, struct dg_place place, FILE *out,
                              struct dg_diagnostics *d)
{
    char name[256];
    size_t n = 0;
    while (n + 1 < sizeof name && name_char(p[n], n == 0)) {
        name[n] = p[n];
        n++;
    }
    name[n] = '\0';
    const char *close = strchr(p, '}');
    const bool fallback = strncmp(p + n, ":-", 2) == 0;
    if (n == 0 || close == NULL || (!fallback && p[n] != '}')) {
        dg_diagnose(d, DG_ERROR, place,
                    "write ${env:NAME} or ${env:NAME:-default}; $${env: stands for itself",
                    "broken variable '${env:%.40s'", p);
        return NULL;
    }
    const char *value = getenv(name);
    if (value == NULL && fallback) {
        fwrite(p + n + 2, 1, (size_t)(close - (p + n + 2)), out);
    } else if (value == NULL) {
        dg_diagnose(d, DG_ERROR, place, "set it, or give a default: ${env:NAME:-default}",
                    "the environment has no variable '%s'", name);
    } else if (!fits(value)) {
        dg_diagnose(d, DG_ERROR, place, "a variable holds one line of text",
                    "the value of the variable '%s' is too long or has control characters", name);
    } else {
        fputs(value, out);
    }
    return close + 1;
}

const char *dg_yaml_expand(const char *text, struct dg_place place, struct dg_arena *arena,
                           struct dg_diagnostics *d)
{
    if (strstr(text, "${") == NULL) {
        return text;
    }
    char *buf = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&buf, &len);
    if (out == NULL) {
        return NULL;
    }
    const size_t mark = sizeof open_mark - 1;
    const char *p = text;
    while (p != NULL && *p != '\0') {
        if (*p == '$' && strncmp(p + 1, open_mark, mark) == 0) {
            fputs(open_mark, out);
            p += 1 + mark;
        } else if (strncmp(p, open_mark, mark) == 0) {
            p = expand_one(p + mark, place, out, d);
        } else {
            if (p[0] == '$' && p[1] == '{') {
                dg_diagnose(d, DG_WARNING, place, "variables are written ${env:NAME}",
                            "'${' without 'env:' is plain text here");
            }
            fputc(*p++, out);
        }
    }
    const bool failed = ferror(out) != 0;
    char *copy = fclose(out) != 0 || failed ? NULL : dg_arena_text(arena, buf, len);
    free(buf);
    return copy;
}
