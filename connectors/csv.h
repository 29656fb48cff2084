/* connectors/csv.h -- comma-separated values (RFC 4180), read in parallel and in one pass. */
#ifndef DG_CONNECTORS_CSV_H
#define DG_CONNECTORS_CSV_H

#include "connectors/format.h"

/*
 * The dialect:
 * - A header row is required. Its names are trimmed; a planned name that occurs twice is an error.
 *   A path "/name" means the column "name" (a pointer of one token).
 * - Lines end in LF or CRLF; blank lines are no records. A byte order mark is skipped.
 * - Delimiter as configured, or the most frequent of , ; tab | in the header outside quotes.
 * - A quote opens a quoted field only as the first byte of a field; elsewhere it is a literal. A
 *   quoted field may hold delimiters, line ends and doubled quotes.
 * - A closing quote that is followed by anything but a delimiter or line end, and a quote that is
 *   not closed within the record limit, break the line of the opening quote: DG_BAD_MALFORMED, and
 *   reading goes on with the next line, so that a stray quote costs one line. Likewise the later
 *   lines of a record that spans several and has the wrong number of fields are read again, each
 *   on its own.
 * - A last record without a line end that has too few fields is DG_BAD_TRUNCATED.
 * - A record with a NUL is DG_BAD_BINARY; longer than the limit: DG_BAD_TOO_LARGE; with a planned
 *   text field that is not UTF-8: DG_BAD_UTF8.
 *
 * Values. Empty, and the null words (exact, after trimming for numbers): DG_NULL. In a text column
 * a quoted null word is that word, since writers quote what is text; quoted empty is still DG_NULL.
 * Numbers: see dg_number_parse_words, spaces and tabs around them ignored; NaN stays DG_NAN, 1e400
 * is DG_POS_INF, other text DG_UNPARSABLE. Booleans are text.
 *
 * Places are the line numbers of the records' first lines, from 1 for the header.
 */
extern const struct dg_format_ops dg_csv_format;

#endif
