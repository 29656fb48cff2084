#include "engine/suggest.h"

#include <string.h>

enum { LONGEST = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST + 1];
    for (size_t j = 0; j <= m; j++) {
        row[0][j] = j;
    }
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3];
        const size_t *one = row[(i + 2) % 3], *two = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = least(least(one[j] + 1, now[j - 1] + 1), one[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                now[j] = least(now[j], two[j - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}

void dg_suggest(struct dg_suggestion *s, const char *known)
{
    const size_t n = strlen(s->word), m = strlen(known);
    if (n == 0 || n > LONGEST || m == 0 || m > LONGEST) {
        return;
    }
    const size_t longer = n > m ? n : m, shorter = least(n, m);
    size_t d = distance(s->word, n, known, m);
    const bool prefix = shorter >= 4 && strncmp(s->word, known, shorter) == 0;
    if (d > least(longer / 3, 3) && !prefix) {
        return;
    }
    if (s->best == NULL || d < s->distance) {
        s->best = known;
        s->distance = d;
    }
}

const char *dg_suggest_from(const char *word, const char *const known[], size_t n)
{
    struct dg_suggestion s = {.word = word};
    for (size_t i = 0; i < n; i++) {
        dg_suggest(&s, known[i]);
    }
    return s.best;
}
