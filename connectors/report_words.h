/* connectors/report_words.h -- verdicts as sentences. */
#ifndef DG_CONNECTORS_REPORT_WORDS_H
#define DG_CONNECTORS_REPORT_WORDS_H

#include "connectors/report_text.h"
#include "connectors/report_view.h"

/* "small", "moderate", "large", "very large": of a bias-corrected PSI. */
const char *dg_words_effect(double psi);
/* "overwhelming", "strong", "fair", "weak": of an adjusted p-value. */
const char *dg_words_evidence(double p);
/* What to call a status, and its sign and class on the page. */
const char *dg_words_status(enum dg_status s);
const char *dg_words_badness(int badness);
const char *dg_words_role(enum dg_role role);

/* The name of a unit, escaped: column, and version or variant where there are several. */
void dg_words_unit(struct dg_page *p, const struct dg_report_view *v,
                   const struct dg_report_unit *u);
/* "1 d windows against training". */
void dg_words_comparison(struct dg_page *p, const struct dg_series_row *row);
/* Where the shares moved: "share of (0.31, 0.58] rose from 8 % to 21 %". */
void dg_words_contribution(struct dg_page *p, const struct dg_contribution *c,
                           enum dg_feature_type type);
/* The bin or category, escaped. */
void dg_words_bin(struct dg_page *p, const struct dg_contribution *c, enum dg_feature_type type);
/* The headline, and a sentence for each drifted column. */
void dg_words_headline(struct dg_page *p, const struct dg_report_view *v);
/* Which check failed, and by how much, in a sentence. `row` is one of the unit's. */
void dg_words_failed(struct dg_page *p, const struct dg_report_view *v,
                     const struct dg_report_unit *u, const struct dg_series_row *row);
void dg_words_drift(struct dg_page *p, const struct dg_report_view *v,
                    const struct dg_report_unit *u);
/* <li> for each flag; how many. */
size_t dg_words_flags(struct dg_page *p, unsigned flags);

#endif
