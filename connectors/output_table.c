#include "connectors/output_table.h"

#include "engine/result_fields.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOP    25
#define DETAIL 10

/* The array with room for one more than n elements of `size` bytes; NULL without memory. */
static void *reserve(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return array;
    }
    const size_t more = *cap == 0 ? 8 : *cap * 2;
    void *grown = realloc(array, more * size);
    *cap = grown != NULL ? more : *cap;
    return grown;
}

static void spark_add(struct dg_table_spark *s, double value)
{
    if (s->n > 0 && s->in_last < s->stride) {
        s->point[s->n - 1] = fmax(s->point[s->n - 1], value); /* fmax: a number wins over NAN */
        s->in_last++;
        return;
    }
    if (s->n == DG_TABLE_SPARK) {
        for (size_t i = 0; i < DG_TABLE_SPARK / 2; i++) {
            s->point[i] = fmax(s->point[2 * i], s->point[2 * i + 1]);
        }
        s->n = DG_TABLE_SPARK / 2;
        s->stride *= 2;
    }
    s->point[s->n++] = value;
    s->in_last = 1;
}

static char *key_of(char *buf, size_t size, int64_t size_us, const struct dg_slice_name *slice,
                    const char *baseline)
{
    snprintf(buf, size, "%020lld\x1f%s\x1f%s\x1f%s", (long long)size_us, slice->version,
             slice->variant, baseline);
    return buf;
}

static int add_block(struct dg_table *t, const struct dg_series_row *row, size_t *index)
{
    char key[1024];
    bool fresh;
    void *grown = reserve(t->block, t->block_names.n, &t->blocks_cap, sizeof *t->block);
    if (grown == NULL) {
        return ENOMEM;
    }
    t->block = grown;
    if (dg_name_map_add(&t->block_names,
                        key_of(key, sizeof key, row->window.size_us, &row->slice, row->baseline),
                        index, &fresh) != 0) {
        return ENOMEM;
    }
    if (!fresh) {
        return 0;
    }
    struct dg_table_block *b = &t->block[*index];
    *b = (struct dg_table_block){.size_us = row->window.size_us, .last_end_us = DG_TIME_NONE};
    b->baseline = strdup(row->baseline);
    b->version = strdup(row->slice.version);
    b->variant = strdup(row->slice.variant);
    return b->baseline != NULL && b->version != NULL && b->variant != NULL ? 0 : ENOMEM;
}

static int add_column(struct dg_table_block *b, const struct dg_series_row *row, size_t *index)
{
    bool fresh;
    void *grown = reserve(b->column, b->names.n, &b->cap, sizeof *b->column);
    if (grown == NULL) {
        return ENOMEM;
    }
    b->column = grown;
    if (dg_name_map_add(&b->names, row->column, index, &fresh) != 0) {
        return ENOMEM;
    }
    if (fresh) {
        b->column[*index] = (struct dg_table_column){
            .type = row->type,
            .importance = row->importance,
            .since_us = DG_TIME_NONE,
            .psi = (double)NAN,
            .psi_low = (double)NAN,
            .psi_high = (double)NAN,
            .ks = (double)NAN,
            .w1 = (double)NAN,
            .missing = (double)NAN,
            .validity = (double)NAN,
            .spark = {.stride = 1},
        };
    }
    return 0;
}

static bool evaluated(const struct dg_series_row *row)
{
    return row->status == DG_STATUS_OK || row->status == DG_STATUS_WARN ||
           row->status == DG_STATUS_DRIFT || row->status == DG_STATUS_DEGENERATE;
}

static bool alarming(const struct dg_series_row *row)
{
    return row->severity > DG_OK || row->status == DG_STATUS_DRIFT;
}

/* A window with too few rows is no news, good or bad: what was known before it stands. */
static bool judged(const struct dg_series_row *row)
{
    return evaluated(row) || alarming(row);
}

/* The worst of the windows that were judged; of all of them as long as none was. In a window of
 * six rows any distance is large. */
static void keep_worst(struct dg_table_column *c, const struct dg_series_row *row)
{
    if (evaluated(row) && c->evaluated == 1) {
        c->psi = c->psi_low = c->psi_high = c->ks = c->w1 = (double)NAN;
    } else if (!evaluated(row) && c->evaluated > 0) {
        return;
    }
    if (!(row->drift.psi_adjusted <= c->psi) && !isnan(row->drift.psi_adjusted)) {
        c->psi = row->drift.psi_adjusted;
        c->psi_low = row->drift.psi_low;
        c->psi_high = row->drift.psi_high;
    }
    c->ks = fmax(c->ks, row->drift.ks);
    c->w1 = fmax(c->w1, row->drift.w1_normed);
}

/* Of one check: is this value worse than that one? */
static bool further(const struct dg_tripped *t, double than)
{
    return t->check->below ? t->value < than : t->value > than;
}

static void count_column(struct dg_table_column *c, const struct dg_series_row *row, double missing)
{
    c->rows++;
    c->evaluated += evaluated(row);
    c->drifted += row->status == DG_STATUS_DRIFT;
    c->warned += row->status == DG_STATUS_WARN;
    c->no_reference += row->status == DG_STATUS_NO_REFERENCE;
    c->vanished += (row->flags & DG_SERIES_VANISHED) != 0;
    c->constant += (row->flags & DG_SERIES_CONSTANT) != 0;
    c->monotone += (row->flags & DG_SERIES_MONOTONE) != 0;
    if (alarming(row) && c->since_us == DG_TIME_NONE) {
        c->since_us = row->since_us != 0 ? row->since_us : row->window.end_us;
    }
    keep_worst(c, row);
    c->missing = fmax(c->missing, missing);
    c->validity = fmin(c->validity, row->validity);
    c->worst = row->severity > c->worst ? row->severity : c->worst;
    if (row->tripped.severity > c->tripped.severity ||
        (row->tripped.check != NULL && row->tripped.check == c->tripped.check &&
         further(&row->tripped, c->tripped.value))) {
        c->tripped = row->tripped;
    }
    if (judged(row)) {
        c->now = row->severity;
        c->drifts_now = row->status == DG_STATUS_DRIFT;
    }
    spark_add(&c->spark, evaluated(row) ? row->drift.psi_adjusted : (double)NAN);
}

#define UNRECORDED SIZE_MAX /* an episode beyond the limit */

static int begin_episode(struct dg_table *t, size_t block, size_t column, int64_t from_us)
{
    struct dg_table_column *c = &t->block[block].column[column];
    if (t->n_episodes == DG_TABLE_EPISODES) {
        t->episodes_beyond++;
        c->episode = UNRECORDED;
        return 0;
    }
    void *grown = reserve(t->episode, t->n_episodes, &t->episodes_cap, sizeof *t->episode);
    if (grown == NULL) {
        return ENOMEM;
    }
    t->episode = grown;
    t->episode[t->n_episodes++] = (struct dg_table_episode){.block = block,
                                                            .column = column,
                                                            .from_us = from_us,
                                                            .until_us = DG_TIME_NONE,
                                                            .psi = (double)NAN};
    c->episode = t->n_episodes;
    return 0;
}

static int follow_episode(struct dg_table *t, size_t block, size_t column,
                          const struct dg_series_row *row)
{
    struct dg_table_column *c = &t->block[block].column[column];
    if (!judged(row)) {
        return 0;
    }
    if (!alarming(row)) {
        if (c->episode != 0 && c->episode != UNRECORDED) {
            t->episode[c->episode - 1].until_us = row->window.end_us;
        }
        c->episode = 0;
        return 0;
    }
    if (c->episode == 0 && begin_episode(t, block, column, row->window.end_us) != 0) {
        return ENOMEM;
    }
    if (c->episode != UNRECORDED) {
        struct dg_table_episode *e = &t->episode[c->episode - 1];
        e->worst = row->severity > e->worst ? row->severity : e->worst;
        e->psi = fmax(e->psi, row->drift.psi_adjusted);
    }
    return 0;
}

static int follow_segment(struct dg_table *t, size_t block, const struct dg_series_row *row)
{
    char key[2048];
    snprintf(key, sizeof key, "%zu\x1f%s\x1f%s", block, row->slice.segment, row->column);
    if (t->segment_names.n >= DG_TABLE_SEGMENTS &&
        dg_name_map_find(&t->segment_names, key) == SIZE_MAX) {
        t->segments_beyond++;
        return 0;
    }
    size_t index;
    bool fresh;
    void *grown = reserve(t->segment, t->segment_names.n, &t->segments_cap, sizeof *t->segment);
    if (grown == NULL) {
        return ENOMEM;
    }
    t->segment = grown;
    if (dg_name_map_add(&t->segment_names, key, &index, &fresh) != 0) {
        return ENOMEM;
    }
    struct dg_table_segment *s = &t->segment[index];
    if (fresh) {
        *s = (struct dg_table_segment){.block = block, .psi = (double)NAN};
        s->segment = strdup(row->slice.segment);
        s->column = strdup(row->column);
        if (s->segment == NULL || s->column == NULL) {
            return ENOMEM;
        }
    }
    s->windows++;
    s->psi = fmax(s->psi, row->drift.psi_adjusted);
    s->worst = row->severity > s->worst ? row->severity : s->worst;
    return 0;
}

static int table_series(struct dg_sink *sink, const struct dg_series_row *row, struct dg_error *err)
{
    struct dg_table *t = (struct dg_table *)sink;
    size_t block, column;
    if (add_block(t, row, &block) != 0) {
        return dg_fail_memory(err);
    }
    if (strcmp(row->slice.segment, "all") != 0) {
        return !alarming(row) || follow_segment(t, block, row) == 0 ? 0 : dg_fail_memory(err);
    }
    struct dg_table_block *b = &t->block[block];
    if (add_column(b, row, &column) != 0) {
        return dg_fail_memory(err);
    }
    if (b->last_end_us != row->window.end_us) {
        b->last_end_us = row->window.end_us;
        b->windows++;
    }
    count_column(&b->column[column], row, t->missing->get(row).real);
    return follow_episode(t, block, column, row) == 0 ? 0 : dg_fail_memory(err);
}

static struct dg_table_size *size_of(struct dg_table *t, int64_t size_us)
{
    for (size_t i = 0; i < t->n_sizes; i++) {
        if (t->size[i].size_us == size_us) {
            return &t->size[i];
        }
    }
    if (t->n_sizes == sizeof t->size / sizeof t->size[0]) {
        return &t->size[t->n_sizes - 1];
    }
    t->size[t->n_sizes] = (struct dg_table_size){
        .size_us = size_us, .silent_first_us = DG_TIME_NONE, .silent_last_us = DG_TIME_NONE};
    return &t->size[t->n_sizes++];
}

/* A window sees a field again that the window before it saw: the largest count is what is known. */
static int follow_fields(struct dg_table *t, const struct dg_slice_row *row)
{
    for (size_t i = 0; i < row->n_new_fields; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)row->new_field[i].len, row->new_field[i].key);
        size_t index = dg_name_map_find(&t->field_names, name);
        bool fresh = false;
        if (index == SIZE_MAX && t->field_names.n == DG_TABLE_FIELDS) {
            continue;
        }
        if (dg_name_map_add(&t->field_names, name, &index, &fresh) != 0) {
            return ENOMEM;
        }
        const uint64_t rows = row->new_field[i].count;
        t->field_rows[index] = rows > t->field_rows[index] ? rows : t->field_rows[index];
    }
    return 0;
}

static int table_slice(struct dg_sink *sink, const struct dg_slice_row *row, struct dg_error *err)
{
    struct dg_table *t = (struct dg_table *)sink;
    if (row->tripped.check != NULL) {
        t->tripped_rows++;
        t->tripped = row->tripped.severity > t->tripped.severity ? row->tripped : t->tripped;
    }
    if (!row->stream) {
        return 0;
    }
    struct dg_table_size *s = size_of(t, row->window.size_us);
    s->windows++;
    if (row->silent) {
        s->silent++;
        s->silent_first_us = s->silent == 1 ? row->window.start_us : s->silent_first_us;
        s->silent_last_us = row->window.end_us;
    }
    return follow_fields(t, row) == 0 ? 0 : dg_fail_memory(err);
}

static int table_open(struct dg_sink *sink, const struct dg_run_info *run, struct dg_error *err)
{
    struct dg_table *t = (struct dg_table *)sink;
    t->title = strdup(run->monitor->name);
    t->inputs = strdup(run->inputs);
    t->checked = run->monitor->n_checks > 0;
    return t->title != NULL && t->inputs != NULL ? 0 : dg_fail_memory(err);
}

static int table_window_begin(struct dg_sink *sink, const struct dg_window_id *w,
                              struct dg_error *err)
{
    (void)sink, (void)w, (void)err;
    return 0;
}

static int table_window_end(struct dg_sink *sink, struct dg_error *err)
{
    (void)sink, (void)err;
    return 0;
}

static int table_finish(struct dg_sink *sink, const struct dg_run_totals *totals,
                        struct dg_error *err)
{
    struct dg_table *t = (struct dg_table *)sink;
    if (dg_table_print(t, totals) != 0) {
        return dg_fail_memory(err);
    }
    fflush(t->output.stream);
    return dg_output_check(&t->output, err);
}

static void table_close(struct dg_sink *sink)
{
    struct dg_table *t = (struct dg_table *)sink;
    for (size_t i = 0; i < t->block_names.n; i++) {
        free(t->block[i].baseline);
        free(t->block[i].version);
        free(t->block[i].variant);
        free(t->block[i].column);
        dg_name_map_deinit(&t->block[i].names);
    }
    for (size_t i = 0; i < t->segment_names.n; i++) {
        free(t->segment[i].segment);
        free(t->segment[i].column);
    }
    free(t->block);
    free(t->segment);
    free(t->episode);
    free(t->title);
    free(t->inputs);
    dg_name_map_deinit(&t->block_names);
    dg_name_map_deinit(&t->segment_names);
    dg_name_map_deinit(&t->field_names);
    free(t);
}

static const struct dg_sink_ops table_ops = {
    .name = "table",
    .open = table_open,
    .window_begin = table_window_begin,
    .series = table_series,
    .slice = table_slice,
    .window_end = table_window_end,
    .finish = table_finish,
    .close = table_close,
};

int dg_output_table_new(const struct dg_output *output, const struct dg_table_options *options,
                        struct dg_sink **out, struct dg_error *err)
{
    struct dg_table *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return dg_fail_memory(err);
    }
    t->sink.ops = &table_ops;
    t->output = *output;
    t->missing = dg_series_field("missing");
    t->options = *options;
    t->options.top = options->top == 0 ? TOP : options->top;
    t->options.detail = options->detail == 0 ? DETAIL : options->detail;
    *out = &t->sink;
    return 0;
}
