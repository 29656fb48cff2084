/* connectors/report_template.h -- the files of dashboards/report/, compiled in by the build. */
#ifndef DG_CONNECTORS_REPORT_TEMPLATE_H
#define DG_CONNECTORS_REPORT_TEMPLATE_H

#include <stddef.h>

extern const char dg_report_skeleton[]; /* page.html; {{name}} is a part of report_page.c */
extern const size_t dg_report_skeleton_size;
extern const char dg_report_style[]; /* page.css */
extern const size_t dg_report_style_size;
extern const char dg_report_script[]; /* page.js */
extern const size_t dg_report_script_size;

#endif
