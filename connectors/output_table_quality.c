/* The quality of the data, for people. */
#include "connectors/output_table.h"
#include "connectors/text_grid.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

struct column_quality {
    uint64_t windows, vanished, constant, monotone;
    double validity;
};

static void put_share_of(FILE *out, uint64_t part, uint64_t whole)
{
    if (whole > 0) {
        const double percent = 100.0 * (double)part / (double)whole;
        fprintf(out, percent < 0.01 ? " (<0.01%%)" : " (%.2f%%)", percent);
    }
}

static void print_bad(FILE *out, const struct dg_run_totals *totals)
{
    uint64_t bad = 0;
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        bad += totals->bad[i];
    }
    fprintf(out, "  %" PRIu64 " records, %" PRIu64 " bad", totals->records, bad);
    if (bad > 0) {
        put_share_of(out, bad, totals->records);
    }
    putc('\n', out);
    for (int i = DG_GOOD + 1; i < DG_REASONS; i++) {
        if (totals->bad[i] == 0) {
            continue;
        }
        fprintf(out, "    %s: %" PRIu64, dg_reason_name((enum dg_reason)i), totals->bad[i]);
        const struct dg_bad_place *first = &totals->first_bad[i];
        if (first->source != NULL) {
            fprintf(out, ", first at %s:%" PRIu64, first->source, first->place);
        }
        putc('\n', out);
    }
}

static void print_count(FILE *out, const char *what, uint64_t n, const struct dg_run_totals *totals)
{
    if (n > 0) {
        fprintf(out, "  %" PRIu64 " %s", n, what);
        put_share_of(out, n, totals->records);
        putc('\n', out);
    }
}

static void print_silence(const struct dg_table *t)
{
    for (size_t i = 0; i < t->n_sizes; i++) {
        const struct dg_table_size *s = &t->size[i];
        if (s->silent > 0) {
            char size[DG_TIME_TEXT], first[DG_TIME_TEXT], last[DG_TIME_TEXT];
            fprintf(t->output.stream,
                    "  %" PRIu64 " of %" PRIu64 " windows of %s without a row, between %s and %s\n",
                    s->silent, s->windows, dg_duration_format(s->size_us, size),
                    dg_time_format(s->silent_first_us, first),
                    dg_time_format(s->silent_last_us, last));
        }
    }
}

static void print_new_fields(const struct dg_table *t)
{
    const size_t n = t->field_names.n;
    if (n == 0) {
        return;
    }
    fputs("  fields that the monitor does not know:", t->output.stream);
    for (size_t i = 0; i < n && i < t->options.detail; i++) {
        fprintf(t->output.stream, "%s %s", i == 0 ? "" : ",", t->field_names.name[i]);
    }
    if (n > t->options.detail) {
        fprintf(t->output.stream, " and %zu more", n - t->options.detail);
    }
    putc('\n', t->output.stream);
}

static void print_column(FILE *out, const char *name, const struct column_quality *q)
{
    static const char *const doc[] = {"missing from every row", "constant",
                                      "ever rising or falling, as an id or a clock would be"};
    const uint64_t count[] = {q->vanished, q->constant, q->monotone};
    for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
        if (count[i] > 0) {
            fprintf(out, "  %s: %s in %" PRIu64 " of %" PRIu64 " windows\n", name, doc[i], count[i],
                    q->windows);
        }
    }
    if (q->validity < 1.0) {
        fprintf(out, "  %s: only %.1f%% of the values valid in the worst window\n", name,
                100.0 * q->validity);
    }
}

/* Of each column the table in which it was seen in most windows. */
static struct column_quality quality_of(const struct dg_table *t, const char *name)
{
    struct column_quality q = {.validity = (double)NAN};
    for (size_t i = 0; i < t->block_names.n; i++) {
        const struct dg_table_block *b = &t->block[i];
        const size_t k = dg_name_map_find(&b->names, name);
        if (k != SIZE_MAX && b->column[k].rows > q.windows) {
            const struct dg_table_column *c = &b->column[k];
            q.windows = c->rows;
            q.vanished = c->vanished;
            q.constant = c->constant;
            q.monotone = c->monotone;
        }
        q.validity = k != SIZE_MAX ? fmin(q.validity, b->column[k].validity) : q.validity;
    }
    return q;
}

static bool is_worth_a_line(const struct column_quality *q)
{
    return q->vanished > 0 || q->constant > 0 || q->monotone > 0 || q->validity < 1.0;
}

static int print_columns(const struct dg_table *t)
{
    struct dg_name_map done = {0};
    int code = 0;
    uint64_t noted = 0;
    for (size_t i = 0; i < t->block_names.n && code == 0; i++) {
        const struct dg_table_block *b = &t->block[i];
        for (size_t k = 0; k < b->names.n && code == 0; k++) {
            size_t index;
            bool fresh;
            code = dg_name_map_add(&done, b->names.name[k], &index, &fresh);
            if (code != 0 || !fresh) {
                continue;
            }
            const struct column_quality q = quality_of(t, b->names.name[k]);
            noted += is_worth_a_line(&q);
            if (noted <= t->options.detail) {
                print_column(t->output.stream, b->names.name[k], &q);
            }
        }
    }
    if (noted > t->options.detail) {
        fprintf(t->output.stream, "  %s and %" PRIu64 " more columns\n",
                t->options.unicode ? "…" : "...", noted - t->options.detail);
    }
    dg_name_map_deinit(&done);
    return code;
}

int dg_table_print_quality(const struct dg_table *t, const struct dg_run_totals *totals)
{
    FILE *out = t->output.stream;
    putc('\n', out);
    dg_ink_put(out, DG_INK_BOLD, t->options.colors, "Data");
    putc('\n', out);
    print_bad(out, totals);
    print_count(out, "duplicates", totals->duplicates, totals);
    print_count(out, "late", totals->late, totals);
    print_count(out, "out of order", totals->out_of_order, totals);
    print_silence(t);
    print_new_fields(t);
    return print_columns(t);
}
