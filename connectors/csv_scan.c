#include "connectors/csv_scan.h"

#include <string.h>

enum dg_csv_quoted dg_csv_quoted_end(const uint8_t *q, const uint8_t *limit, bool ended,
                                     char delimiter, const uint8_t **after, bool *escaped)
{
    const uint8_t *p = q + 1;
    *escaped = false;
    for (;;) {
        const uint8_t *const c = memchr(p, '"', (size_t)(limit - p));
        if (c == NULL) {
            return DG_CSV_OPEN;
        }
        *after = c + 1;
        if (c + 1 == limit) {
            return ended ? DG_CSV_CLOSED : DG_CSV_OPEN;
        }
        if (c[1] == (uint8_t)delimiter || c[1] == '\n') {
            return DG_CSV_CLOSED;
        }
        if (c[1] == '\r') {
            if (c + 2 == limit) {
                return ended ? DG_CSV_CLOSED : DG_CSV_OPEN;
            }
            return c[2] == '\n' ? DG_CSV_CLOSED : DG_CSV_BROKEN;
        }
        if (c[1] != '"') {
            return DG_CSV_BROKEN;
        }
        *escaped = true;
        p = c + 2;
    }
}

/*
 * Walk from quote to quote. What the decoder will make of each must be decided here already, and in
 * the same way whatever the size of the buffer: a region that breaks costs the line it opens on,
 * and the next line starts a record. One that is open at the end of what may be looked at (record
 * limit, end of file) makes a cut right behind its line: the decoder then finds it open at the end
 * of its chunk and comes to the same conclusion.
 */
size_t dg_csv_cut(const struct dg_text_chunks *t, const uint8_t data[], size_t len, bool ended)
{
    const uint8_t *const end = data + len;
    const uint8_t *record = data;
    const uint8_t *p = data;
    while (p < end) {
        const uint8_t *const quote = memchr(p, '"', (size_t)(end - p));
        const uint8_t *const stop = quote != NULL ? quote : end;
        const uint8_t *nl = memrchr(p, '\n', (size_t)(stop - p));
        record = nl != NULL ? nl + 1 : record;
        if (quote == NULL) {
            break;
        }
        if (quote != record && quote[-1] != (uint8_t)t->delimiter) {
            p = quote + 1;
            continue;
        }
        const size_t left = (size_t)(end - record);
        const bool limited = left > t->record_bytes;
        const uint8_t *const limit = limited ? record + t->record_bytes : end;
        enum dg_csv_quoted found = DG_CSV_BROKEN; /* the record is too long before the quote */
        bool escaped;
        if (quote < limit) {
            found = dg_csv_quoted_end(quote, limit, ended && !limited, t->delimiter, &p, &escaped);
        }
        if (found == DG_CSV_CLOSED) {
            continue;
        }
        if (found == DG_CSV_OPEN && !limited && !ended) {
            break; /* more bytes may close it */
        }
        nl = memchr(quote, '\n', (size_t)(end - quote));
        if (nl == NULL) {
            break;
        }
        record = p = nl + 1;
        if (found == DG_CSV_OPEN) {
            break;
        }
    }
    return (size_t)(record - data);
}

char dg_csv_guess_delimiter(const uint8_t head[], size_t n)
{
    static const char candidates[] = {',', ';', '\t', '|'};
    size_t count[sizeof candidates] = {0};
    bool quoted = false;
    for (size_t i = 0; i < n && (quoted || head[i] != '\n'); i++) {
        quoted = quoted != (head[i] == '"');
        for (size_t k = 0; k < sizeof candidates && !quoted; k++) {
            count[k] += head[i] == (uint8_t)candidates[k];
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < sizeof candidates; k++) {
        best = count[k] > count[best] ? k : best;
    }
    return candidates[best];
}
