/* connectors/report_svg.h -- the charts of a report as inline SVG.
 *
 * Charts stretch to the width they are given (preserveAspectRatio none, strokes that do not scale),
 * so text stands beside them in HTML. Coordinates are whole numbers and moves relative: a chart of
 * 60 points is about 400 bytes. Colours are classes of the style sheet; no chart tells anything by
 * colour alone: the reference is grey, the current data filled; drift is full height, a warning two
 * thirds, quiet one third. Every chart has an aria-label that says what it shows.
 */
#ifndef DG_CONNECTORS_REPORT_SVG_H
#define DG_CONNECTORS_REPORT_SVG_H

#include "connectors/report_model.h"
#include "connectors/report_text.h"

/* What a chart of points spans and is judged by. */
struct dg_report_axis {
    int64_t first_us, last_us; /* of the x axis: window ends */
    uint32_t stride;           /* points further apart than 1.5 strides are not joined */
    double threshold;          /* NAN: none */
};

/* Reference and current side by side, on one scale. */
void dg_svg_pair(struct dg_page *p, const float reference[], const float current[], size_t n);
/* The bias-corrected PSI over time, small. */
void dg_svg_spark(struct dg_page *p, const struct dg_report_axis *axis,
                  const struct dg_report_point point[], size_t n);
/* Paired bars of shares. */
void dg_svg_shares(struct dg_page *p, const float reference[], const float current[], size_t n);
/* PSI with its interval, the threshold, and the windows of drift shaded. */
void dg_svg_psi(struct dg_page *p, const struct dg_report_axis *axis,
                const struct dg_report_point point[], size_t n, bool interval);
/* Quantiles 5..95, 25..75, median; and the reference's mean +- sd where known. */
void dg_svg_bands(struct dg_page *p, const struct dg_report_axis *axis,
                  const struct dg_report_point point[], size_t n, double reference_mean,
                  double reference_sd);
/* The missing share over time. */
void dg_svg_missing(struct dg_page *p, const struct dg_report_axis *axis,
                    const struct dg_report_point point[], size_t n);
/* Verdicts of all windows of a resolution: runs of equal verdict, each with a tooltip. */
void dg_svg_strip(struct dg_page *p, const struct dg_report_size *s);
/* Verdicts of one track, in the same x scale as its resolution's strip. */
void dg_svg_lane(struct dg_page *p, const struct dg_report_size *s,
                 const struct dg_report_track *t);
/* Rows per window over time. */
void dg_svg_volume(struct dg_page *p, const struct dg_report_size *s);

#endif
