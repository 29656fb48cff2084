/* connectors/report_json.h -- a report as JSON: the same facts, for programs.
 *
 *   driftgauge, kind, monitor, config_hash, run, inputs, generated_at
 *   verdict        counts of columns by verdict, and their names
 *   totals         of the run, as in struct dg_run_totals, `seconds` left out
 *   windows        per size: size, slide, windows, drift, warn, silent, history_fields, history
 *   series_fields  names of the columns of `series`, as in every output
 *   series         the latest judged row of each comparison, worst column first
 *   track_fields, tracks    per row of `series`: windows, drift_windows, episodes, first_drift, ...
 *   history_fields, history per row of `series`: the points kept; only in the complete document
 *   slices         per slice other than "all" and window size
 *   complete       false in the page: no history, and with more than 60 comparisons only each
 *                  column's worst one, of the 60 worst columns, to 4 digits: the page stays small
 */
#ifndef DG_CONNECTORS_REPORT_JSON_H
#define DG_CONNECTORS_REPORT_JSON_H

#include "connectors/report_text.h"
#include "connectors/report_view.h"

void dg_report_json_write(struct dg_page *p, const struct dg_report_view *v, bool complete);

#endif
