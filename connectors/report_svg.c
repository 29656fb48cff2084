#include "connectors/report_svg.h"

#include "connectors/report_path.h"

#include <math.h>

#define WIDTH  600 /* of time charts, in their own units */
#define HEIGHT 100

static void open_chart(struct dg_page *p, const char *name, int width, int height)
{
    dg_page_format(p,
                   "<svg class=\"%s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
                   "role=\"img\" aria-label=\"",
                   name, width, height);
}

/* A chart within a row whose numbers say the same: nothing to read aloud. */
static void open_small(struct dg_page *p, const char *name, int width, int height)
{
    dg_page_format(p,
                   "<svg class=\"%s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
                   "aria-hidden=\"true\">",
                   name, width, height);
}

/* Where a time lies on an axis of `width` units. */
static int time_x(int64_t first_us, int64_t last_us, int64_t us, int width)
{
    if (last_us <= first_us) {
        return width / 2;
    }
    const double share = (double)(us - first_us) / (double)(last_us - first_us);
    return (int)lround(share * width);
}

static int value_y(double value, double low, double high, int height)
{
    if (!(high > low) || isnan(value)) {
        return height;
    }
    const double share = (value - low) / (high - low);
    return height - (int)lround(fmin(fmax(share, 0.0), 1.0) * height);
}

static double largest_share(const float reference[], const float current[], size_t n)
{
    double top = 0;
    for (size_t i = 0; i < n; i++) {
        top = fmax(top, fmax((double)reference[i], (double)current[i]));
    }
    return top > 0 ? top : 1.0;
}

static void silhouette(struct dg_page *p, const char *name, const float share[], size_t n,
                       double top, int left)
{
    struct dg_path path = dg_path_begin(p, name);
    dg_path_move(&path, left, 20);
    for (size_t i = 0; i < n; i++) {
        const int y = 20 - (int)lround((double)share[i] / top * 19);
        dg_path_line(&path, path.x, y);
        dg_path_line(&path, left + (int)(40 * (i + 1) / n), y);
    }
    dg_path_line(&path, path.x, 20);
    dg_path_close(&path);
    dg_path_end(&path);
}

void dg_svg_pair(struct dg_page *p, const float reference[], const float current[], size_t n)
{
    const double top = largest_share(reference, current, n);
    open_small(p, "pair", 88, 20);
    silhouette(p, "r", reference, n, top, 0);
    silhouette(p, "c", current, n, top, 48);
    dg_page_raw(p, "</svg>");
}

void dg_svg_shares(struct dg_page *p, const float reference[], const float current[], size_t n)
{
    const double top = largest_share(reference, current, n);
    open_chart(p, "shares", (int)n * 20, HEIGHT);
    dg_page_format(p, "Shares in %zu bins, reference and current side by side\">", n);
    const float *const share[2] = {reference, current};
    for (int side = 0; side < 2; side++) {
        struct dg_path path = dg_path_begin(p, side == 0 ? "r" : "c");
        for (size_t i = 0; i < n; i++) {
            const int height = (int)lround((double)share[side][i] / top * (HEIGHT - 2));
            dg_path_box(&path, (int)i * 20 + (side == 0 ? 2 : 10), HEIGHT - height, 8, height);
        }
        dg_path_end(&path);
    }
    dg_page_raw(p, "</svg>");
}

/* One value of a point; the charts choose by it. */
typedef double value_of(const struct dg_report_point *point);

/* Too few values make any PSI: such windows are holes in the chart. */
static bool is_judged(const struct dg_report_point *point)
{
    return point->status == DG_STATUS_OK || point->status == DG_STATUS_WARN ||
           point->status == DG_STATUS_DRIFT;
}

static double psi_of(const struct dg_report_point *point)
{
    return is_judged(point) ? point->psi : (double)NAN;
}

static double missing_of(const struct dg_report_point *point)
{
    return point->missing;
}

static double low_of(const struct dg_report_point *point)
{
    return is_judged(point) ? point->psi_low : (double)NAN;
}

static double high_of(const struct dg_report_point *point)
{
    return is_judged(point) ? point->psi_high : (double)NAN;
}

static double band_of(const struct dg_report_point *point, size_t i)
{
    return point->status == DG_STATUS_INSUFFICIENT ? (double)NAN : point->band[i];
}

static double median_of(const struct dg_report_point *point)
{
    return band_of(point, 2);
}

/* The plane a chart draws on. */
struct plane {
    const struct dg_report_axis *axis;
    const struct dg_report_point *point; /* [n] */
    size_t n;
    double low, high; /* y range */
    int width, height;
};

static int x_of(const struct plane *c, size_t i)
{
    return time_x(c->axis->first_us, c->axis->last_us, c->point[i].end_us, c->width);
}

static bool joined(const struct plane *c, size_t i, value_of *value)
{
    return i > 0 && !isnan(value(&c->point[i - 1])) &&
           c->point[i].ordinal - c->point[i - 1].ordinal <= 2 * c->axis->stride;
}

static void draw_line(struct dg_page *p, const struct plane *c, const char *name, value_of *value)
{
    struct dg_path path = dg_path_begin(p, name);
    for (size_t i = 0; i < c->n; i++) {
        const double v = value(&c->point[i]);
        if (isnan(v)) {
            continue;
        }
        const int x = x_of(c, i), y = value_y(v, c->low, c->high, c->height);
        if (joined(c, i, value)) {
            dg_path_line(&path, x, y);
        } else {
            dg_path_dot(&path, x, y);
        }
    }
    dg_path_end(&path);
}

/* The area between two values, one polygon for each run of joined points. */
static void draw_area(struct dg_page *p, const struct plane *c, const char *name, value_of *low,
                      value_of *high)
{
    struct dg_path path = dg_path_begin(p, name);
    for (size_t first = 0; first < c->n;) {
        if (isnan(low(&c->point[first])) || isnan(high(&c->point[first]))) {
            first++;
            continue;
        }
        size_t end = first + 1;
        while (end < c->n && joined(c, end, low) && !isnan(low(&c->point[end]))) {
            end++;
        }
        dg_path_move(&path, x_of(c, first),
                     value_y(high(&c->point[first]), c->low, c->high, c->height));
        for (size_t i = first + 1; i < end; i++) {
            dg_path_line(&path, x_of(c, i),
                         value_y(high(&c->point[i]), c->low, c->high, c->height));
        }
        for (size_t i = end; i-- > first;) {
            dg_path_line(&path, x_of(c, i), value_y(low(&c->point[i]), c->low, c->high, c->height));
        }
        /* Closing moves the pen back to the start of this polygon. */
        dg_path_close(&path);
        path.x = x_of(c, first);
        path.y = value_y(high(&c->point[first]), c->low, c->high, c->height);
        first = end;
    }
    dg_path_end(&path);
}

static void draw_level(struct dg_page *p, const struct plane *c, const char *name, double value)
{
    if (!isnan(value) && value >= c->low && value <= c->high) {
        dg_page_format(p, "<path class=\"%s\" d=\"M0 %dh%d\"/>", name,
                       value_y(value, c->low, c->high, c->height), c->width);
    }
}

static bool has_drift(const struct plane *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->point[i].status == DG_STATUS_DRIFT) {
            return true;
        }
    }
    return false;
}

/* Shade the windows whose verdict is drift. */
static void draw_drift(struct dg_page *p, const struct plane *c)
{
    if (!has_drift(c)) {
        return;
    }
    const int step = c->n > 1 ? c->width / (int)(c->n - 1) : c->width;
    struct dg_path path = dg_path_begin(p, "z");
    for (size_t i = 0; i < c->n; i++) {
        if (c->point[i].status != DG_STATUS_DRIFT) {
            continue;
        }
        size_t end = i;
        while (end + 1 < c->n && c->point[end + 1].status == DG_STATUS_DRIFT) {
            end++;
        }
        const int left = x_of(c, i) - step / 2 - 1, right = x_of(c, end) + step / 2 + 1;
        dg_path_box(&path, left, 0, right - left, c->height);
        i = end;
    }
    dg_path_end(&path);
}

static double largest(const struct plane *c, value_of *value, double at_least)
{
    double top = at_least;
    for (size_t i = 0; i < c->n; i++) {
        const double v = value(&c->point[i]);
        top = isfinite(v) ? fmax(top, v) : top;
    }
    return top;
}

void dg_svg_spark(struct dg_page *p, const struct dg_report_axis *axis,
                  const struct dg_report_point point[], size_t n)
{
    struct plane c = {axis, point, n, 0, 0, 120, 20};
    const double reached = largest(&c, psi_of, 0);
    c.high = fmax(reached, isnan(axis->threshold) ? 0.1 : axis->threshold) * 1.1;
    open_small(p, "spark", c.width, c.height);
    draw_drift(p, &c);
    draw_level(p, &c, "t", axis->threshold);
    draw_line(p, &c, "l", psi_of);
    dg_page_raw(p, "</svg>");
}

static void axis_label(struct dg_page *p, const struct plane *c, double value)
{
    char buf[DG_WORD_SIZE];
    dg_page_format(p, "<span class=\"y\" style=\"--t:%.2g\">%s</span>",
                   value_y(value, c->low, c->high, 100) / 100.0, dg_word_real(value, buf));
}

/* The frame of a large chart: y labels at their heights, x labels below. */
static void open_plot(struct dg_page *p, const struct plane *c, double mark)
{
    dg_page_raw(p, "<div class=\"plot\">");
    axis_label(p, c, c->high);
    const int y = isnan(mark) ? 0 : value_y(mark, c->low, c->high, 100);
    if (y > 12 && y < 88) {
        axis_label(p, c, mark);
    }
    axis_label(p, c, c->low);
}

static void close_plot(struct dg_page *p, const struct dg_report_axis *axis)
{
    const int64_t span = axis->last_us - axis->first_us;
    char buf[DG_WORD_SIZE];
    dg_page_raw(p, "</svg><div class=\"x\">");
    for (int i = 0; i <= 2; i++) {
        dg_page_format(p, "<span>%s</span>",
                       dg_word_tick(axis->first_us + span / 2 * i, span, buf));
    }
    dg_page_raw(p, "</div></div>");
}

void dg_svg_psi(struct dg_page *p, const struct dg_report_axis *axis,
                const struct dg_report_point point[], size_t n, bool interval)
{
    struct plane c = {axis, point, n, 0, 0, WIDTH, HEIGHT};
    const double reached = largest(&c, psi_of, 0);
    const double floor = isnan(axis->threshold) ? 0.1 : axis->threshold;
    const double top = interval ? largest(&c, high_of, floor * 1.25) : floor * 1.25;
    c.high = fmin(fmax(top, reached), fmax(reached, floor) * 1.6) * 1.04;
    char buf[DG_WORD_SIZE];
    open_plot(p, &c, axis->threshold);
    open_chart(p, "chart", c.width, c.height);
    dg_page_format(p, "PSI over %zu windows, at most %s\">", n, dg_word_fixed(reached, buf));
    draw_drift(p, &c);
    if (interval) {
        draw_area(p, &c, "b", low_of, high_of);
    }
    draw_level(p, &c, "t", axis->threshold);
    draw_line(p, &c, "l", psi_of);
    close_plot(p, axis);
}

static double band_0(const struct dg_report_point *point)
{
    return band_of(point, 0);
}

static double band_1(const struct dg_report_point *point)
{
    return band_of(point, 1);
}

static double band_3(const struct dg_report_point *point)
{
    return band_of(point, 3);
}

static double band_4(const struct dg_report_point *point)
{
    return band_of(point, 4);
}

void dg_svg_bands(struct dg_page *p, const struct dg_report_axis *axis,
                  const struct dg_report_point point[], size_t n, double reference_mean,
                  double reference_sd)
{
    struct plane c = {axis, point, n, INFINITY, -INFINITY, WIDTH, HEIGHT};
    for (size_t i = 0; i < n; i++) {
        c.low = fmin(c.low, band_of(&point[i], 0)); /* fmin and fmax pass NAN over */
        c.high = fmax(c.high, band_of(&point[i], 4));
    }
    if (!isnan(reference_mean) && !isnan(reference_sd)) {
        c.low = fmin(c.low, reference_mean - reference_sd);
        c.high = fmax(c.high, reference_mean + reference_sd);
    }
    if (!(c.high > c.low) || !isfinite(c.high) || !isfinite(c.low)) {
        return;
    }
    open_plot(p, &c, NAN);
    open_chart(p, "chart", c.width, c.height);
    dg_page_format(p, "Quantiles of the values over %zu windows\">", n);
    if (!isnan(reference_mean) && reference_sd > 0) {
        const int top = value_y(reference_mean + reference_sd, c.low, c.high, c.height);
        const int bottom = value_y(reference_mean - reference_sd, c.low, c.high, c.height);
        dg_page_format(p, "<path class=\"k\" d=\"M0 %dh%dv%dh-%dz\"/>", top, c.width, bottom - top,
                       c.width);
    }
    draw_area(p, &c, "b", band_0, band_4);
    draw_area(p, &c, "b", band_1, band_3);
    draw_line(p, &c, "l", median_of);
    close_plot(p, axis);
}

void dg_svg_missing(struct dg_page *p, const struct dg_report_axis *axis,
                    const struct dg_report_point point[], size_t n)
{
    struct plane c = {axis, point, n, 0, 0, 120, 20};
    const double reached = largest(&c, missing_of, 0);
    c.high = fmax(reached, 0.01);
    open_small(p, "spark", c.width, c.height);
    draw_line(p, &c, "l", missing_of);
    dg_page_raw(p, "</svg>");
}

/* -- timelines ----------------------------------------------------------------------------- */

enum look { LOOK_QUIET, LOOK_WARN, LOOK_DRIFT, LOOK_UNJUDGED, LOOK_SILENT };

static const char *const look_class[] = {"o", "w", "d", "u", "s"};
static const int look_top[] = {20, 10, 0, 27, 22};

/* x of the left edge of the bucket that ends at `us`. */
static int bucket_left(const struct dg_report_size *s, int64_t us)
{
    const int64_t slide = s->slide_us > 0 ? s->slide_us : s->size_us;
    const int64_t first = s->first_us - slide;
    return time_x(first, s->last_us, us - slide, WIDTH);
}

static int bucket_right(const struct dg_report_size *s, int64_t us)
{
    const int64_t slide = s->slide_us > 0 ? s->slide_us : s->size_us;
    return time_x(s->first_us - slide, s->last_us, us, WIDTH);
}

static enum look window_look(const struct dg_report_window *w)
{
    if (w->drift > 0) {
        return LOOK_DRIFT;
    }
    if (w->warn > 0 || w->severity != DG_OK) {
        return LOOK_WARN;
    }
    return w->silent ? LOOK_SILENT : LOOK_QUIET;
}

static void tooltip(struct dg_page *p, const struct dg_report_size *s,
                    const struct dg_report_window *from, const struct dg_report_window *to)
{
    static const char *const words[] = {"quiet", "warning", "drift", "not judged", "no rows"};
    char first[DG_WORD_SIZE], last[DG_WORD_SIZE];
    dg_page_format(p, "<title>%s \xe2\x80\x93 %s: %s",
                   dg_word_time(from->end_us - s->size_us, first), dg_word_time(to->end_us, last),
                   words[window_look(from)]);
    if (from->drift > 0) {
        dg_page_format(p, " in %u of %u columns", from->drift, from->columns);
    } else if (from->warn > 0) {
        dg_page_format(p, " in %u of %u columns", from->warn, from->columns);
    }
    dg_page_raw(p, "</title>");
}

void dg_svg_strip(struct dg_page *p, const struct dg_report_size *s)
{
    open_chart(p, "strip", WIDTH, 30);
    dg_page_format(p, "Verdicts of %u windows: %u with drift, %u with warnings, %u without rows\">",
                   s->windows, s->drift_windows, s->warn_windows, s->silent_windows);
    for (size_t i = 0; i < s->n_windows;) {
        const struct dg_report_window *from = &s->window[i];
        size_t end = i + 1;
        while (end < s->n_windows && window_look(&s->window[end]) == window_look(from) &&
               s->window[end].drift == from->drift && s->window[end].warn == from->warn) {
            end++;
        }
        const struct dg_report_window *to = &s->window[end - 1];
        /* Up to the next bucket's edge, so that thinned windows leave no hole. */
        const int left = bucket_left(s, from->end_us);
        int right = end < s->n_windows ? bucket_left(s, s->window[end].end_us) : WIDTH;
        if (s->stride == 1) {
            right = bucket_right(s, to->end_us);
        }
        const enum look look = window_look(from);
        dg_page_format(p, "<path class=\"%s\" d=\"M%d %dh%dV30h-%dz\">", look_class[look], left,
                       look_top[look], right > left ? right - left : 1,
                       right > left ? right - left : 1);
        tooltip(p, s, from, to);
        dg_page_raw(p, "</path>");
        i = end;
    }
    dg_page_raw(p, "</svg>");
}

static enum look point_look(const struct dg_report_point *point)
{
    if (point->status == DG_STATUS_DRIFT) {
        return LOOK_DRIFT;
    }
    if (point->status == DG_STATUS_WARN || point->severity != DG_OK) {
        return LOOK_WARN;
    }
    return point->status == DG_STATUS_OK ? LOOK_QUIET : LOOK_UNJUDGED;
}

void dg_svg_lane(struct dg_page *p, const struct dg_report_size *s, const struct dg_report_track *t)
{
    open_chart(p, "lane", WIDTH, 30);
    dg_page_format(p, "%u of %u windows with drift\">", t->drift_windows, t->windows);
    for (int look = LOOK_QUIET; look <= LOOK_UNJUDGED; look++) {
        struct dg_path path = {.page = p};
        for (size_t i = 0; i < t->n_points; i++) {
            if ((int)point_look(&t->point[i]) != look) {
                continue;
            }
            size_t end = i;
            while (end + 1 < t->n_points && (int)point_look(&t->point[end + 1]) == look &&
                   t->point[end + 1].ordinal - t->point[end].ordinal < 2 * s->stride) {
                end++;
            }
            const int left = bucket_left(s, t->point[i].end_us);
            int right = bucket_right(s, t->point[end].end_us);
            if (s->stride > 1 && end + 1 < t->n_points) {
                right = bucket_left(s, t->point[end + 1].end_us);
            }
            if (!path.begun) {
                path = dg_path_begin(p, look_class[look]);
            }
            dg_path_box(&path, left, look_top[look], right > left ? right - left : 1,
                        30 - look_top[look]);
            i = end;
        }
        if (path.begun) {
            dg_path_end(&path);
        }
    }
    dg_page_raw(p, "</svg>");
}

void dg_svg_volume(struct dg_page *p, const struct dg_report_size *s)
{
    uint64_t most = 1;
    for (size_t i = 0; i < s->n_windows; i++) {
        most = s->window[i].rows > most ? s->window[i].rows : most;
    }
    char buf[DG_WORD_SIZE];
    const struct plane c = {.high = (double)most};
    open_plot(p, &c, NAN);
    open_chart(p, "chart", WIDTH, HEIGHT);
    dg_page_format(p, "Rows per window, at most %s\">", dg_word_count(most, buf));
    struct dg_path path = dg_path_begin(p, "c");
    for (size_t i = 0; i < s->n_windows; i++) {
        const int left = bucket_left(s, s->window[i].end_us);
        const int right = i + 1 < s->n_windows ? bucket_left(s, s->window[i + 1].end_us) : WIDTH;
        const int height = (int)lround((double)s->window[i].rows / (double)most * HEIGHT);
        const int width = s->n_windows > 200 || right - left < 3 ? right - left : right - left - 1;
        dg_path_box(&path, left, HEIGHT - height, width > 0 ? width : 1, height);
    }
    dg_path_end(&path);
    const struct dg_report_axis axis = {s->first_us, s->last_us, s->stride, NAN};
    close_plot(p, &axis);
}
