/* connectors/report_html.h -- the sink that turns a run into one self-contained HTML file. */
#ifndef DG_CONNECTORS_REPORT_HTML_H
#define DG_CONNECTORS_REPORT_HTML_H

#include "engine/sink.h"

/*
 * A sink that collects what a report needs in bounded memory (see report_model.h) and writes it in
 * `finish`: the page to html_path and, if json_path is not NULL, the complete JSON document to
 * json_path. Each file is written beside its place and renamed, so that a reader sees the old one
 * or the new one, and a failed run leaves the old one. The same rows give the same bytes.
 *
 *   html_path     or NULL: no page
 *   json_path     or NULL: no document of its own; the page embeds one
 *   generated_at  what the page says about when it was made; NULL: nothing. Not read from a clock.
 *   out           owned by the caller, to be closed by its `close`
 *
 * The strings are copied. Returns 0; EINVAL if both paths are NULL or one is empty; ENOMEM. What
 * `open` of the sink is given must live until `finish`. `finish` gives the errno of the file
 * operation that failed, with the path in err. Cost: O(columns) per window in time; memory does
 * not grow with the number of windows beyond 400 points per comparison.
 */
DG_MUST_CHECK int dg_report_sink_open(const char *html_path, const char *json_path,
                                      const char *generated_at, struct dg_sink **out,
                                      struct dg_error *err);

/* Bytes that the sink holds now. For tests of its bound. */
size_t dg_report_sink_bytes(const struct dg_sink *sink);

#endif
