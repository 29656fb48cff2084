/* connectors/report_page.h -- the HTML page: the template of dashboards/report/ filled from a view.
 */
#ifndef DG_CONNECTORS_REPORT_PAGE_H
#define DG_CONNECTORS_REPORT_PAGE_H

#include "connectors/report_text.h"
#include "connectors/report_view.h"

/* The whole page. Everything in it comes from the view; nothing from a clock or the machine. On
 * lack of memory p->failed is set. */
void dg_report_page_write(struct dg_page *p, const struct dg_report_view *v);

/* Its parts, as the template names them. */
void dg_report_columns_write(struct dg_page *p, const struct dg_report_view *v);
void dg_report_segments_write(struct dg_page *p, const struct dg_report_view *v);
void dg_report_quality_write(struct dg_page *p, const struct dg_report_view *v);
void dg_report_method_write(struct dg_page *p, const struct dg_report_view *v);

/* <span class="badge X">sign words</span>; class: d, w, b (recovered), o, u. */
void dg_report_badge(struct dg_page *p, const char *name, const char *words);
const char *dg_report_badness_class(int badness);

#endif
