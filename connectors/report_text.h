/* connectors/report_text.h -- the growing text of a report: escaping for HTML and JSON, numbers and
 * times as people read them. */
#ifndef DG_CONNECTORS_REPORT_TEXT_H
#define DG_CONNECTORS_REPORT_TEXT_H

#include "engine/error.h"

/* A text being written. A zeroed struct is a valid empty page. Appends that run out of memory set
 * `failed` (sticky) and append nothing more, so that a writer checks once, at the end. */
struct dg_page {
    char *data; /* [cap], the first len are in use; not terminated */
    size_t len;
    size_t cap;
    bool failed;
};

void dg_page_deinit(struct dg_page *p);

/* Markup, as it is. Never with anything that came from the input or the configuration. */
void dg_page_raw(struct dg_page *p, const char *markup);
void dg_page_bytes(struct dg_page *p, const char *bytes, size_t n);
void dg_page_format(struct dg_page *p, const char *format, ...) DG_PRINTF(2, 3);

/* Anybody's text as HTML, safe in content and in attributes quoted with ": & < > " ' become
 * references; what is not UTF-8 and control characters become U+FFFD. */
void dg_page_text(struct dg_page *p, const char *text);
/* The same inside <bdi>, so that right-to-left text cannot reorder what stands around it. */
void dg_page_name(struct dg_page *p, const char *text);
/* Anybody's text as a JSON string with its quotes, safe inside <script>: < > & and the line
 * separators are \u escapes. */
void dg_page_json_text(struct dg_page *p, const char *text);
/* A JSON number of at most 12 significant digits, as in every output; null for NAN and infinities.
 */
void dg_page_json_real(struct dg_page *p, double x);

#define DG_WORD_SIZE 40

/* Numbers for people, as HTML. Each returns buf. NAN is an en dash. */
char *dg_word_real(double x, char buf[DG_WORD_SIZE]);  /* 3 digits: "0.0312", "1,204", "3.1e-7" */
char *dg_word_edge(double x, char buf[DG_WORD_SIZE]);  /* as real, but 4 digits: bins are narrow */
char *dg_word_fixed(double x, char buf[DG_WORD_SIZE]); /* 3 decimals: "0.031"; "&lt;0.001" */
char *dg_word_p(double p, char buf[DG_WORD_SIZE]);     /* "0.034", "2e-14", "&lt;1e-300" */
char *dg_word_share(double x, char buf[DG_WORD_SIZE]); /* "3.1 %", "&lt;0.01 %", "0 %" */
char *dg_word_count(uint64_t n, char buf[DG_WORD_SIZE]); /* "1,204,332" */
char *dg_word_time(int64_t us, char buf[DG_WORD_SIZE]);  /* "2026-11-14 06:00" UTC */
/* "14 Nov 06:00", or "14 Nov 2026" on an axis that spans more than 20 days. UTC. */
char *dg_word_tick(int64_t us, int64_t span_us, char buf[DG_WORD_SIZE]);

#endif
