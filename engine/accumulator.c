#include "engine/accumulator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Empty states that panes have given back, of one column, the last on top. Each is trimmed: with
 * what a wide one ever needed kept, all would in time be as wide as the widest. */
struct pool {
    void **free; /* [n] */
    size_t n;
    size_t cap;
    size_t least; /* that n has been since the pool was last thinned */
};

#define FLUSHES_KEPT 256 /* flushes of something until what none of them needed is freed */

struct pane {
    int64_t start;
    void **state;   /* [n_slices * n_columns] struct dg_numeric or dg_category, by series */
    uint64_t *rows; /* [n_slices] */
    uint32_t n_slices;
    uint32_t *touched; /* [n_touched] series that have a state */
    size_t n_touched;
    size_t cap_touched;
};

/* The rows of one slice within one pane of the batch at hand. */
struct run {
    struct pane *pane;
    uint32_t slice;
    const uint32_t *row; /* [n]; NULL: every row of the batch */
    size_t n;
};

struct dg_accumulator {
    struct dg_plan *plan;
    struct pane *pane; /* [n_panes] */
    size_t n_panes;
    size_t cap_panes;
    struct pool *pool; /* [n_columns] */
    size_t bytes;      /* of the states of open panes */
    uint32_t flushes;  /* of something, since the pools were thinned */
    struct dg_prepared prepared;
    struct dg_coded coded;
    struct dg_group_cache groups;
    /* Scratch for sorting the rows of a batch by slice; [rows of the batch] or [n_slices]. */
    uint32_t *group;
    size_t cap_rows;
    uint32_t *segment; /* [rows * n_specs] */
    uint32_t *sorted;  /* [rows * (1 + n_specs)] */
    size_t cap_sorted;
    uint32_t *slice_count; /* [cap_slices], all zero between batches */
    uint32_t cap_slices;
    uint32_t *seen; /* [cap_slices] slices with rows in the pane at hand */
    struct run *run;
    size_t n_runs;
    size_t cap_runs;
    struct dg_bytes encoded;
};

int dg_accumulator_open(struct dg_plan *plan, struct dg_accumulator **out, struct dg_error *err)
{
    struct dg_accumulator *a = calloc(1, sizeof *a);
    if (a == NULL) {
        return dg_fail_memory(err);
    }
    a->plan = plan;
    a->pool = calloc(plan->n_columns + 1, sizeof *a->pool);
    if (a->pool == NULL) {
        free(a);
        return dg_fail_memory(err);
    }
    *out = a;
    return 0;
}

static bool is_numeric(const struct dg_accumulator *a, size_t column)
{
    return a->plan->column[column].feature->type == DG_FEATURE_NUMERIC;
}

static void free_state(const struct dg_accumulator *a, size_t column, void *state)
{
    if (state == NULL) {
        return;
    }
    if (is_numeric(a, column)) {
        dg_numeric_deinit(state);
    } else {
        dg_category_deinit(state);
    }
    free(state);
}

static void free_pane(const struct dg_accumulator *a, struct pane *p)
{
    for (size_t i = 0; i < p->n_touched; i++) {
        free_state(a, p->touched[i] % a->plan->n_columns, p->state[p->touched[i]]);
    }
    free(p->state);
    free(p->rows);
    free(p->touched);
}

void dg_accumulator_close(struct dg_accumulator *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < a->n_panes; i++) {
        free_pane(a, &a->pane[i]);
    }
    for (size_t c = 0; c < a->plan->n_columns; c++) {
        for (size_t i = 0; i < a->pool[c].n; i++) {
            free_state(a, c, a->pool[c].free[i]);
        }
        free(a->pool[c].free);
    }
    free(a->pool);
    free(a->pane);
    dg_prepared_deinit(&a->prepared);
    dg_coded_deinit(&a->coded);
    free(a->group);
    free(a->segment);
    free(a->sorted);
    free(a->slice_count);
    free(a->seen);
    free(a->run);
    dg_bytes_deinit(&a->encoded);
    free(a);
}

size_t dg_accumulator_bytes(const struct dg_accumulator *a)
{
    return a->bytes;
}

static size_t state_bytes(const struct dg_accumulator *a, size_t column, const void *state)
{
    return is_numeric(a, column) ? dg_numeric_bytes(state) : dg_category_bytes(state);
}

size_t dg_accumulator_kept_bytes(const struct dg_accumulator *a)
{
    size_t sum = 0;
    for (size_t c = 0; c < a->plan->n_columns; c++) {
        for (size_t i = 0; i < a->pool[c].n; i++) {
            sum += state_bytes(a, c, a->pool[c].free[i]);
        }
    }
    return sum;
}

/* Grow `*array` to hold n elements of `size` bytes; new ones are zero. */
static int grow(void *array_at, size_t *cap, size_t n, size_t size)
{
    void **array = array_at;
    if (n <= *cap) {
        return 0;
    }
    size_t want = *cap == 0 ? 16 : *cap;
    while (want < n) {
        want += want / 2 + 1;
    }
    char *grown = realloc(*array, want * size);
    if (grown == NULL) {
        return ENOMEM;
    }
    memset(grown + *cap * size, 0, (want - *cap) * size);
    *array = grown;
    *cap = want;
    return 0;
}

/* Index of the pane that starts there, made if need be; -1 for want of memory. */
static ptrdiff_t find_pane(struct dg_accumulator *a, int64_t start)
{
    for (size_t i = a->n_panes; i-- > 0;) {
        if (a->pane[i].start == start) {
            return (ptrdiff_t)i;
        }
    }
    if (grow(&a->pane, &a->cap_panes, a->n_panes + 1, sizeof *a->pane) != 0) {
        return -1;
    }
    a->pane[a->n_panes] = (struct pane){.start = start};
    return (ptrdiff_t)a->n_panes++;
}

static int pane_slices(const struct dg_accumulator *a, struct pane *p, uint32_t n_slices)
{
    const size_t columns = a->plan->n_columns;
    if (p->n_slices >= n_slices) {
        return 0;
    }
    size_t cap_state = p->n_slices * columns, cap_rows = p->n_slices;
    void **state = realloc(p->state, n_slices * columns * sizeof *state);
    if (state == NULL) {
        return ENOMEM;
    }
    p->state = state;
    uint64_t *rows = realloc(p->rows, n_slices * sizeof *rows);
    if (rows == NULL) {
        return ENOMEM;
    }
    p->rows = rows;
    memset(state + cap_state, 0, (n_slices * columns - cap_state) * sizeof *state);
    memset(rows + cap_rows, 0, (n_slices - cap_rows) * sizeof *rows);
    p->n_slices = n_slices;
    return 0;
}

/* A fresh state of the column, from the pool if there is one. */
static void *take_state(struct dg_accumulator *a, size_t column)
{
    struct pool *pool = &a->pool[column];
    const struct dg_plan_column *c = &a->plan->column[column];
    if (pool->n > 0) {
        pool->n--;
        pool->least = pool->n < pool->least ? pool->n : pool->least;
        return pool->free[pool->n];
    }
    if (is_numeric(a, column)) {
        struct dg_numeric *s = malloc(sizeof *s);
        if (s != NULL) {
            dg_numeric_init(s, c->binning);
        }
        return s;
    }
    struct dg_category *s = malloc(sizeof *s);
    if (s != NULL) {
        dg_category_init(s, c->dictionary);
    }
    return s;
}

static void *series_state(struct dg_accumulator *a, struct pane *p, uint32_t slice, size_t column)
{
    const uint32_t series = dg_plan_series(a->plan, slice, column);
    if (p->state[series] == NULL) {
        if (grow(&p->touched, &p->cap_touched, p->n_touched + 1, sizeof *p->touched) != 0) {
            return NULL;
        }
        p->state[series] = take_state(a, column);
        if (p->state[series] != NULL) {
            p->touched[p->n_touched++] = series;
            a->bytes += state_bytes(a, column, p->state[series]);
        }
    }
    return p->state[series];
}

static int add_run(struct dg_accumulator *a, struct pane *p, uint32_t slice, const uint32_t *row,
                   size_t n)
{
    if (grow(&a->run, &a->cap_runs, a->n_runs + 1, sizeof *a->run) != 0) {
        return ENOMEM;
    }
    a->run[a->n_runs++] = (struct run){p, slice, row, n};
    p->rows[slice] += n;
    return 0;
}

static int reserve_rows(struct dg_accumulator *a, size_t rows)
{
    const size_t specs = a->plan->slicer.n_specs;
    size_t cap = a->cap_rows;
    if (grow(&a->group, &cap, rows, sizeof *a->group) != 0) {
        return ENOMEM;
    }
    if (cap > a->cap_rows || a->segment == NULL) {
        uint32_t *segment = realloc(a->segment, (cap * specs + 1) * sizeof *segment);
        if (segment == NULL) {
            return ENOMEM;
        }
        a->segment = segment;
    }
    a->cap_rows = cap;
    return grow(&a->sorted, &a->cap_sorted, rows * (1 + specs), sizeof *a->sorted);
}

static int reserve_slices(struct dg_accumulator *a, uint32_t n)
{
    size_t cap = a->cap_slices, cap_seen = a->cap_slices;
    if (grow(&a->slice_count, &cap, n, sizeof *a->slice_count) != 0 ||
        grow(&a->seen, &cap_seen, n, sizeof *a->seen) != 0) {
        return ENOMEM;
    }
    a->cap_slices = (uint32_t)cap;
    return 0;
}

/* Every slice that the row belongs to: its group's whole, then one segment per spec. */
static size_t row_slices(const struct dg_accumulator *a, size_t row, uint32_t out[])
{
    const struct dg_slicer *s = &a->plan->slicer;
    const uint32_t base = a->group[row] * s->n_segments;
    out[0] = base;
    for (size_t i = 0; i < s->n_specs; i++) {
        out[1 + i] = base + a->segment[row * s->n_specs + i];
    }
    return 1 + s->n_specs;
}

#define SPECS_MAX 64

/* Counting sort of the rows of one pane by slice; the runs point into sorted[*used ...]. */
static int sort_pane(struct dg_accumulator *a, const struct dg_admitted *ad, int32_t local,
                     struct pane *p, size_t *used)
{
    uint32_t slices[1 + SPECS_MAX];
    size_t n_seen = 0;
    for (size_t row = 0; row < ad->n; row++) {
        const size_t n = ad->pane[row] == local ? row_slices(a, row, slices) : 0;
        for (size_t i = 0; i < n; i++) {
            if (a->slice_count[slices[i]]++ == 0) {
                a->seen[n_seen++] = slices[i];
            }
        }
    }
    const size_t first_run = a->n_runs;
    for (size_t i = 0; i < n_seen; i++) {
        const uint32_t slice = a->seen[i];
        if (add_run(a, p, slice, a->sorted + *used, a->slice_count[slice]) != 0) {
            return ENOMEM;
        }
        *used += a->slice_count[slice];
        /* From here on the count is the run's number, so that rows find their place. */
        a->slice_count[slice] = (uint32_t)(a->n_runs - first_run);
        a->run[a->n_runs - 1].n = 0;
    }
    for (size_t row = 0; row < ad->n; row++) {
        const size_t n = ad->pane[row] == local ? row_slices(a, row, slices) : 0;
        for (size_t i = 0; i < n; i++) {
            struct run *r = &a->run[first_run + a->slice_count[slices[i]] - 1];
            a->sorted[(size_t)(r->row - a->sorted) + r->n++] = (uint32_t)row;
        }
    }
    for (size_t i = 0; i < n_seen; i++) {
        a->slice_count[a->seen[i]] = 0;
    }
    return 0;
}

/* Sort the batch into runs of (pane, slice). */
static int make_runs(struct dg_accumulator *a, const struct dg_batch *b,
                     const struct dg_admitted *ad)
{
    const struct dg_slicer *s = &a->plan->slicer;
    if (reserve_rows(a, b->n) != 0 ||
        dg_slicer_groups(&a->plan->slicer, &a->groups, b, ad->pane, a->group) != 0) {
        return ENOMEM;
    }
    DG_ASSERT(s->n_specs <= SPECS_MAX);
    uint32_t n_groups = 0;
    bool one_group = true;
    for (size_t row = 0; row < b->n; row++) {
        if (ad->pane[row] < 0) {
            continue;
        }
        one_group = one_group && (n_groups == 0 || a->group[row] + 1 == n_groups);
        n_groups = a->group[row] + 1 > n_groups ? a->group[row] + 1 : n_groups;
        for (size_t i = 0; i < s->n_specs; i++) {
            a->segment[row * s->n_specs + i] = dg_slicer_segment(s, i, b, row);
        }
    }
    const uint32_t n_slices = n_groups * s->n_segments;
    if (reserve_slices(a, n_slices) != 0) {
        return ENOMEM;
    }
    a->n_runs = 0;
    /* Panes are found before pointers to them are taken: finding may move them. */
    for (size_t i = 0; i < ad->n_panes; i++) {
        const ptrdiff_t at = find_pane(a, ad->start[i]);
        if (at < 0 || pane_slices(a, &a->pane[at], n_slices) != 0) {
            return ENOMEM;
        }
    }
    if (ad->n_panes == 1 && one_group && s->n_specs == 0 && ad->n_rows == b->n) {
        return add_run(a, &a->pane[find_pane(a, ad->start[0])], n_slices - s->n_segments, NULL,
                       b->n);
    }
    size_t used = 0;
    for (size_t i = 0; i < ad->n_panes; i++) {
        struct pane *p = &a->pane[find_pane(a, ad->start[i])];
        if (sort_pane(a, ad, (int32_t)i, p, &used) != 0) {
            return ENOMEM;
        }
    }
    return 0;
}

static int add_numeric(struct dg_accumulator *a, const struct dg_batch *b, size_t column)
{
    const struct dg_plan_column *c = &a->plan->column[column];
    if (dg_prepare(&a->prepared, c->binning, c->feature->valid_min, c->feature->valid_max,
                   b->column[c->source].number, b->n) != 0) {
        return ENOMEM;
    }
    for (size_t i = 0; i < a->n_runs; i++) {
        const struct run *r = &a->run[i];
        struct dg_numeric *s = series_state(a, r->pane, r->slice, column);
        const size_t before = s == NULL ? 0 : dg_numeric_bytes(s);
        if (s == NULL || dg_numeric_add(s, &a->prepared, r->row, r->n) != 0) {
            return ENOMEM;
        }
        a->bytes += dg_numeric_bytes(s) - before;
    }
    return 0;
}

static int add_category(struct dg_accumulator *a, const struct dg_batch *b, size_t column)
{
    const struct dg_plan_column *c = &a->plan->column[column];
    if (dg_code(&a->coded, c->dictionary, c->allowed, b->column[c->source].text, b->n) != 0) {
        return ENOMEM;
    }
    for (size_t i = 0; i < a->n_runs; i++) {
        const struct run *r = &a->run[i];
        struct dg_category *s = series_state(a, r->pane, r->slice, column);
        const size_t before = s == NULL ? 0 : dg_category_bytes(s);
        if (s == NULL || dg_category_add(s, &a->coded, r->row, r->n) != 0) {
            return ENOMEM;
        }
        a->bytes += dg_category_bytes(s) - before;
    }
    return 0;
}

/* A row without meaning must not be looked at: its texts may point anywhere. */
static void blank_bad_rows(const struct dg_plan *plan, struct dg_batch *b)
{
    for (size_t c = 0; c < plan->projection.n; c++) {
        if (plan->projection.field[c].type != DG_FIELD_TEXT) {
            continue;
        }
        for (size_t row = 0; row < b->n; row++) {
            if (b->reason[row] != DG_GOOD) {
                b->column[c].text[row] = (struct dg_text){"", 0, DG_ABSENT};
            }
        }
    }
}

int dg_accumulator_add(struct dg_accumulator *a, struct dg_batch *b,
                       const struct dg_admitted *admitted)
{
    DG_ASSERT(admitted->n == b->n);
    if (admitted->n_rows == 0) {
        return 0;
    }
    if (admitted->n_rows != b->n) {
        blank_bad_rows(a->plan, b);
    }
    int rc = make_runs(a, b, admitted);
    for (size_t c = 0; c < a->plan->n_columns && rc == 0; c++) {
        rc = is_numeric(a, c) ? add_numeric(a, b, c) : add_category(a, b, c);
    }
    return rc;
}

static int give_back(struct dg_accumulator *a, size_t column, void *state)
{
    struct pool *pool = &a->pool[column];
    if (grow(&pool->free, &pool->cap, pool->n + 1, sizeof *pool->free) != 0) {
        free_state(a, column, state);
        return ENOMEM;
    }
    if (is_numeric(a, column)) {
        dg_numeric_reset(state);
        dg_numeric_trim(state);
    } else {
        dg_category_reset(state);
        dg_category_trim(state);
    }
    pool->free[pool->n++] = state;
    return 0;
}

/* The pane's states go back to the pool, its memory is freed. 0 or ENOMEM. */
static int empty_pane(struct dg_accumulator *a, struct pane *p)
{
    int rc = 0;
    for (size_t i = 0; i < p->n_touched; i++) {
        const uint32_t series = p->touched[i];
        a->bytes -= state_bytes(a, series % a->plan->n_columns, p->state[series]);
        if (give_back(a, series % a->plan->n_columns, p->state[series]) != 0) {
            rc = ENOMEM;
        }
    }
    p->n_touched = 0;
    free_pane(a, p);
    return rc;
}

static int append(struct dg_accumulator *a, struct dg_store *store, const struct pane *p,
                  enum dg_state_kind kind, uint32_t id, struct dg_error *err)
{
    if (a->encoded.failed) {
        return dg_fail_memory(err);
    }
    const struct dg_delta d = {p->start, kind, id, a->encoded.data, a->encoded.len};
    return store->ops->append(store, &d, 1, err);
}

static int flush_pane(struct dg_accumulator *a, struct pane *p, struct dg_store *store,
                      struct dg_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < p->n_touched && rc == 0; i++) {
        const uint32_t series = p->touched[i];
        const size_t column = series % a->plan->n_columns;
        const size_t before = state_bytes(a, column, p->state[series]);
        dg_bytes_clear(&a->encoded);
        if (is_numeric(a, column)) {
            dg_numeric_encode(p->state[series], &a->encoded);
        } else {
            dg_category_encode(p->state[series], &a->encoded);
        }
        /* A category sorts its keys for it, and keeps the room. */
        a->bytes += state_bytes(a, column, p->state[series]) - before;
        rc = append(a, store, p, DG_STATE_SERIES, series, err);
    }
    for (uint32_t slice = 0; slice < p->n_slices && rc == 0; slice++) {
        if (p->rows[slice] > 0) {
            const struct dg_counters c = {.rows = p->rows[slice]};
            dg_bytes_clear(&a->encoded);
            dg_counters_encode(&c, &a->encoded);
            rc = append(a, store, p, DG_STATE_SLICE, slice, err);
        }
    }
    const int emptied = empty_pane(a, p);
    return rc == 0 && emptied != 0 ? dg_fail_memory(err) : rc;
}

/* Free what lay at the bottom of the pools all the time: what a rush needed goes when it is over.
 */
static void thin_pools(struct dg_accumulator *a)
{
    for (size_t c = 0; c < a->plan->n_columns; c++) {
        struct pool *p = &a->pool[c];
        for (size_t i = 0; i < p->least; i++) {
            free_state(a, c, p->free[i]);
        }
        p->n -= p->least;
        if (p->least > 0) {
            memmove(p->free, p->free + p->least, p->n * sizeof *p->free);
        }
        p->least = p->n;
    }
    a->flushes = 0;
}

void dg_accumulator_clear(struct dg_accumulator *a)
{
    for (size_t i = 0; i < a->n_panes; i++) {
        (void)empty_pane(a, &a->pane[i]); /* what the pool has no room for is freed */
    }
    a->n_panes = 0;
}

int dg_accumulator_flush(struct dg_accumulator *a, int64_t before_us, struct dg_store *store,
                         struct dg_error *err)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < a->n_panes; i++) {
        if (a->pane[i].start < before_us && rc == 0) {
            rc = flush_pane(a, &a->pane[i], store, err);
        } else {
            a->pane[kept++] = a->pane[i];
        }
    }
    a->flushes += kept < a->n_panes;
    a->n_panes = kept;
    if (a->flushes == FLUSHES_KEPT) {
        thin_pools(a);
    }
    return rc;
}
