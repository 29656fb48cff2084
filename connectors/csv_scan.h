/* connectors/csv_scan.h -- where CSV records end: the one rule that cutting and decoding share. */
#ifndef DG_CONNECTORS_CSV_SCAN_H
#define DG_CONNECTORS_CSV_SCAN_H

#include "connectors/text_chunks.h"

enum dg_csv_quoted {
    DG_CSV_CLOSED,
    DG_CSV_BROKEN, /* the closing quote is followed by what may not follow */
    DG_CSV_OPEN,   /* no closing quote before the limit */
};

/* The quoted field that opens at *q == '"': *after = behind its closing quote, *escaped = it holds
 * doubled quotes. Looks at [q, limit); `ended`: nothing follows limit. */
enum dg_csv_quoted dg_csv_quoted_end(const uint8_t *q, const uint8_t *limit, bool ended,
                                     char delimiter, const uint8_t **after, bool *escaped);

/* A dg_text_cut. Costs a search for quotes; a chunk without any costs nothing but its last line. */
size_t dg_csv_cut(const struct dg_text_chunks *t, const uint8_t data[], size_t len, bool ended);

/* The delimiter that occurs most often outside quotes in the first line; a comma if none does. */
char dg_csv_guess_delimiter(const uint8_t head[], size_t n);

#endif
