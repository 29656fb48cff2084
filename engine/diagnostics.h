/* engine/diagnostics.h -- everything that is wrong with one configuration file, with its place. */
#ifndef DG_ENGINE_DIAGNOSTICS_H
#define DG_ENGINE_DIAGNOSTICS_H

#include <stdio.h>

#include "stats/base.h"

#define DG_DIAGNOSTICS_MAX 200 /* kept; more are only counted */

/* Where in the text. Line and column count from 1, columns in characters (code points); line 0 =
 * the file as a whole. */
struct dg_place {
    uint32_t line;
    uint32_t column;
    uint32_t width; /* characters to underline, at least 1 */
};

enum dg_diagnostic_kind { DG_ERROR, DG_WARNING };

struct dg_diagnostic {
    enum dg_diagnostic_kind kind;
    struct dg_place place;
    char *message; /* owned */
    char *hint;    /* owned; NULL: none */
};

/* A zeroed struct is an empty collection. */
struct dg_diagnostics {
    char *file; /* owned; as the user named it */
    char *text; /* owned; the file's bytes, for source lines; NULL: not readable */
    size_t text_len;
    struct dg_diagnostic *item; /* [n] in the order found */
    size_t n;
    size_t cap;
    size_t n_errors; /* counted, also when not kept */
    size_t n_warnings;
    bool out_of_memory; /* something could not be recorded; counts as an error */
};

void dg_diagnostics_deinit(struct dg_diagnostics *d);

/* Name the file and hand over copies of its bytes (text may be NULL). Forgets everything that was
 * collected before. ENOMEM. */
DG_MUST_CHECK int dg_diagnostics_begin(struct dg_diagnostics *d, const char *file, const char *text,
                                       size_t len);

/* Add one; message in printf style. Bytes that could control a terminal are made visible. `hint`
 * may be NULL; it is copied. Running out of memory is recorded in the struct. */
void dg_diagnose(struct dg_diagnostics *d, enum dg_diagnostic_kind kind, struct dg_place place,
                 const char *hint, const char *format, ...) DG_PRINTF(5, 6);

/* True if anything forbids the use of the file. */
bool dg_diagnostics_failed(const struct dg_diagnostics *d);

/* Sort by place (errors and warnings together, equal places in the order found). */
void dg_diagnostics_sort(struct dg_diagnostics *d);

/* Sort and print:  file:line:column: error: message / source line / carets / hint. */
void dg_diagnostics_print(struct dg_diagnostics *d, FILE *out);

#endif
