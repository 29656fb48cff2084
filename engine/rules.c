#include "engine/rules.h"

#include "engine/result_fields.h"
#include "stats/bytes.h"
#include "stats/multiple.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the rules remember of one series, baseline and window size. */
struct memory {
    uint64_t key;   /* 0 = free slot */
    uint32_t gates; /* windows in a row that passed both gates */
    uint32_t quiet; /* windows in a row, while drifting, that would clear it */
    bool drifting;
    int64_t since_us; /* end of the first window of the run */
    uint32_t *check;  /* [n_checks] windows in a row beyond the bound; owned, NULL until needed */
};

/* The field a check watches: of a series row or of a slice row. */
struct watched {
    const struct dg_check *check;
    const struct dg_result_field *field;
    bool slice;
};

struct dg_rules {
    const struct dg_monitor *monitor;
    struct watched *watched; /* [monitor->n_checks] */
    struct memory *slot;     /* [mask + 1] open addressing */
    uint64_t mask;
    uint64_t n;
    double *p, *adjusted; /* [cap] one family */
    size_t *index, *scratch;
    size_t cap;
};

int dg_rules_open(const struct dg_monitor *m, struct dg_rules **out, struct dg_error *err)
{
    struct dg_rules *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return dg_fail_memory(err);
    }
    r->monitor = m;
    r->watched = calloc(m->n_checks + 1, sizeof *r->watched);
    r->mask = 1023;
    r->slot = calloc(r->mask + 1, sizeof *r->slot);
    if (r->watched == NULL || r->slot == NULL) {
        dg_rules_close(r);
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < m->n_checks; i++) {
        struct watched *w = &r->watched[i];
        w->check = &m->check[i];
        w->field = dg_series_field(w->check->metric);
        if (w->field == NULL) {
            w->field = dg_slice_field(w->check->metric);
            w->slice = true;
        }
        if (w->field == NULL) {
            const int rc = dg_fail(err, EINVAL, "%s:%d: no result field is called \"%s\"", m->path,
                                   w->check->line, w->check->metric);
            dg_rules_close(r);
            return rc;
        }
    }
    *out = r;
    return 0;
}

void dg_rules_close(struct dg_rules *r)
{
    if (r == NULL) {
        return;
    }
    for (uint64_t i = 0; r->slot != NULL && i <= r->mask; i++) {
        free(r->slot[i].check);
    }
    free(r->slot);
    free(r->watched);
    free(r->p);
    free(r->adjusted);
    free(r->index);
    free(r->scratch);
    free(r);
}

static uint64_t find_slot(const struct memory *slot, uint64_t mask, uint64_t key)
{
    uint64_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 20 & mask;
    while (slot[at].key != 0 && slot[at].key != key) {
        at = (at + 1) & mask;
    }
    return at;
}

/* The memory under a key, made if need be; NULL for want of memory. */
static struct memory *recall(struct dg_rules *r, uint64_t key)
{
    key += 1; /* 0 marks a free slot */
    uint64_t at = find_slot(r->slot, r->mask, key);
    if (r->slot[at].key == key) {
        return &r->slot[at];
    }
    if (2 * r->n > r->mask) {
        const uint64_t mask = 2 * r->mask + 1;
        struct memory *grown = calloc(mask + 1, sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        for (uint64_t i = 0; i <= r->mask; i++) {
            if (r->slot[i].key != 0) {
                grown[find_slot(grown, mask, r->slot[i].key)] = r->slot[i];
            }
        }
        free(r->slot);
        r->slot = grown;
        r->mask = mask;
        at = find_slot(r->slot, r->mask, key);
    }
    r->n++;
    r->slot[at].key = key;
    return &r->slot[at];
}

static int reserve_family(struct dg_rules *r, size_t n)
{
    if (n <= r->cap) {
        return 0;
    }
    free(r->p);
    free(r->adjusted);
    free(r->index);
    free(r->scratch);
    r->p = malloc(n * sizeof *r->p);
    r->adjusted = malloc(n * sizeof *r->adjusted);
    r->index = malloc(n * sizeof *r->index);
    r->scratch = malloc(n * sizeof *r->scratch);
    r->cap = r->p != NULL && r->adjusted != NULL && r->index != NULL && r->scratch != NULL ? n : 0;
    return r->cap == n ? 0 : ENOMEM;
}

static bool is_compared(const struct dg_series_row *row)
{
    return row->status != DG_STATUS_INSUFFICIENT && row->status != DG_STATUS_NO_REFERENCE;
}

static void adjust_family(struct dg_rules *r, struct dg_ruled_row rows[], size_t first, size_t n)
{
    const struct dg_ruled_row *head = &rows[first];
    size_t size = 0;
    for (size_t i = first; i < n && rows[i].group == head->group; i++) {
        if (rows[i].level == head->level && rows[i].baseline == head->baseline &&
            is_compared(&rows[i].row)) {
            r->index[size] = i;
            r->p[size++] = rows[i].row.drift.p;
        }
    }
    dg_adjust_bh(r->p, size, r->scratch, r->adjusted);
    for (size_t i = 0; i < size; i++) {
        rows[r->index[i]].row.p_adjusted = dg_round12(r->adjusted[i]);
    }
}

/* p_adjusted of every compared row; a family is adjusted when its first row is met. */
static void adjust_all(struct dg_rules *r, struct dg_ruled_row rows[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_compared(&rows[i].row) && isnan(rows[i].row.p_adjusted) &&
            !isnan(rows[i].row.drift.p)) {
            adjust_family(r, rows, i, n);
        }
    }
}

static void apply_drift_rule(const struct dg_drift_rule *rule, struct memory *m,
                             struct dg_series_row *row)
{
    const double effect = row->drift.psi_adjusted;
    const bool significant = row->p_adjusted <= rule->q;
    const bool gates = significant && effect >= rule->effect;
    const bool calm = !(row->p_adjusted <= 0.05) || !(effect >= 0.75 * rule->effect);
    if (gates && m->gates == 0 && !m->drifting) {
        m->since_us = row->window.end_us;
    }
    m->gates = gates ? m->gates + 1 : 0;
    m->quiet = m->drifting && calm ? m->quiet + 1 : 0;
    if (m->drifting && m->quiet >= rule->consecutive) {
        m->drifting = false;
        m->quiet = 0;
    }
    m->drifting = m->drifting || m->gates >= rule->consecutive;
    row->consecutive = m->gates;
    row->since_us = m->drifting || m->gates > 0 ? m->since_us : 0;
    if (m->drifting) {
        row->status = DG_STATUS_DRIFT;
        row->severity = DG_CRITICAL;
    } else if (significant) {
        row->status = DG_STATUS_WARN;
        row->severity = DG_WARN;
    }
}

static double field_number(const struct dg_result_field *field, const void *row)
{
    const struct dg_value v = field->get(row);
    if (v.null) {
        return NAN;
    }
    switch (v.kind) {
    case DG_VALUE_REAL:
        return v.real;
    case DG_VALUE_COUNT:
        return (double)v.count;
    case DG_VALUE_BOOL:
        return v.yes ? 1.0 : 0.0;
    case DG_VALUE_TIME:
    case DG_VALUE_DURATION:
        return (double)v.us;
    case DG_VALUE_TEXT:
        break;
    }
    return NAN;
}

/* How bad the value is, once it has been so for long enough. An unknown value is no evidence. */
static int apply_check(const struct dg_rules *r, size_t i, struct memory *m, double value,
                       enum dg_severity *severity, struct dg_tripped *tripped)
{
    const struct dg_check *c = r->watched[i].check;
    const bool critical = c->has_critical && (c->below ? value < c->critical : value > c->critical);
    const bool warn = c->has_warn && (c->below ? value < c->warn : value > c->warn);
    if (m->check == NULL) {
        m->check = calloc(r->monitor->n_checks, sizeof *m->check);
        if (m->check == NULL) {
            return ENOMEM;
        }
    }
    m->check[i] = critical || warn ? m->check[i] + 1 : 0;
    if (m->check[i] >= c->consecutive && (critical || warn)) {
        const enum dg_severity found = critical ? DG_CRITICAL : DG_WARN;
        *severity = found > *severity ? found : *severity;
        if (found > tripped->severity) {
            *tripped = (struct dg_tripped){c, found, value};
        }
    }
    return 0;
}

static int judge_row(struct dg_rules *r, struct dg_ruled_row *ruled)
{
    struct dg_series_row *row = &ruled->row;
    struct memory *m = recall(r, ruled->memory);
    if (m == NULL) {
        return ENOMEM;
    }
    row->severity = DG_OK;
    row->tripped = (struct dg_tripped){0};
    row->consecutive = m->gates;
    row->since_us = m->drifting || m->gates > 0 ? m->since_us : 0;
    if (is_compared(row) && r->monitor->drift.enabled) {
        apply_drift_rule(&r->monitor->drift, m, row);
    }
    for (size_t i = 0; i < r->monitor->n_checks; i++) {
        const struct watched *w = &r->watched[i];
        const bool meant =
            w->check->baseline == NULL || strcmp(w->check->baseline, row->baseline) == 0;
        if (w->slice || !meant) {
            continue;
        }
        if (apply_check(r, i, m, field_number(w->field, row), &row->severity, &row->tripped) != 0) {
            return ENOMEM;
        }
    }
    return 0;
}

int dg_rules_judge(struct dg_rules *r, struct dg_ruled_row rows[], size_t n, struct dg_error *err)
{
    if (reserve_family(r, n) != 0) {
        return dg_fail_memory(err);
    }
    adjust_all(r, rows, n);
    for (size_t i = 0; i < n; i++) {
        if (judge_row(r, &rows[i]) != 0) {
            return dg_fail_memory(err);
        }
    }
    return 0;
}

int dg_rules_judge_slice(struct dg_rules *r, struct dg_slice_row *row, uint64_t memory,
                         struct dg_error *err)
{
    struct memory *m = recall(r, memory);
    if (m == NULL) {
        return dg_fail_memory(err);
    }
    row->tripped = (struct dg_tripped){0};
    for (size_t i = 0; i < r->monitor->n_checks; i++) {
        const struct watched *w = &r->watched[i];
        if (w->slice &&
            apply_check(r, i, m, field_number(w->field, row), &row->severity, &row->tripped) != 0) {
            return dg_fail_memory(err);
        }
    }
    return 0;
}

/* Nothing that a fresh memory would not say as well. */
static bool is_calm(const struct dg_rules *r, const struct memory *m)
{
    uint32_t beyond = 0;
    for (size_t i = 0; m->check != NULL && i < r->monitor->n_checks; i++) {
        beyond |= m->check[i];
    }
    return m->gates == 0 && !m->drifting && beyond == 0;
}

static int by_key(const void *a, const void *b)
{
    const struct memory *x = *(const struct memory *const *)a,
                        *y = *(const struct memory *const *)b;
    return (x->key > y->key) - (x->key < y->key);
}

static void encode_memory(const struct dg_rules *r, const struct memory *m, uint64_t last_key,
                          struct dg_bytes *out)
{
    const bool run = m->gates > 0 || m->drifting;
    dg_put_varint(out, m->key - last_key);
    dg_put_u8(out, (uint8_t)(m->drifting | run << 1 | (m->check != NULL) << 2));
    if (run) {
        dg_put_varint(out, m->gates);
        dg_put_varint(out, m->quiet);
        dg_put_zigzag(out, m->since_us);
    }
    for (size_t i = 0; m->check != NULL && i < r->monitor->n_checks; i++) {
        dg_put_varint(out, m->check[i]);
    }
}

void dg_rules_encode(const struct dg_rules *r, struct dg_bytes *out)
{
    const struct memory **found = malloc((r->n + 1) * sizeof *found);
    size_t n = 0;
    if (found == NULL) {
        out->failed = true;
        return;
    }
    for (uint64_t i = 0; i <= r->mask; i++) {
        if (r->slot[i].key != 0 && !is_calm(r, &r->slot[i])) {
            found[n++] = &r->slot[i];
        }
    }
    qsort(found, n, sizeof *found, by_key);
    dg_put_varint(out, n);
    for (size_t i = 0; i < n; i++) {
        encode_memory(r, found[i], i == 0 ? 0 : found[i - 1]->key, out);
    }
    free(found);
}

static uint32_t get_u32(struct dg_reader *in)
{
    const uint64_t v = dg_get_varint(in);
    in->failed = in->failed || v > UINT32_MAX;
    return (uint32_t)v;
}

/* Into `r`, which knows nothing of that key. 0, EBADMSG or ENOMEM. */
static int decode_memory(struct dg_rules *r, struct dg_reader *in, uint64_t *key)
{
    const uint64_t step = dg_get_varint(in);
    const uint8_t bits = dg_get_u8(in);
    if (in->failed || step == 0 || step > UINT64_MAX - *key || bits > 7 || (bits & 3) == 1) {
        return EBADMSG;
    }
    *key += step;
    struct memory *m = recall(r, *key - 1);
    if (m == NULL) {
        return ENOMEM;
    }
    m->drifting = bits & 1;
    if (bits & 2) {
        m->gates = get_u32(in);
        m->quiet = get_u32(in);
        m->since_us = dg_get_zigzag(in);
    }
    if (bits & 4) {
        m->check = calloc(r->monitor->n_checks + 1, sizeof *m->check);
        if (m->check == NULL) {
            return ENOMEM;
        }
        for (size_t i = 0; i < r->monitor->n_checks; i++) {
            m->check[i] = get_u32(in);
        }
    }
    return in->failed ? EBADMSG : 0;
}

int dg_rules_decode(struct dg_rules *r, struct dg_reader *in, struct dg_error *err)
{
    struct dg_rules *got = NULL;
    int rc = dg_rules_open(r->monitor, &got, err);
    if (rc != 0) {
        return rc;
    }
    const uint64_t n = dg_get_varint(in);
    uint64_t key = 0;
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        rc = decode_memory(got, in, &key);
    }
    rc = rc == 0 && (in->failed || in->p != in->end) ? EBADMSG : rc;
    if (rc == 0) {
        const struct dg_rules before = *r;
        r->slot = got->slot;
        r->mask = got->mask;
        r->n = got->n;
        got->slot = before.slot;
        got->mask = before.mask;
    }
    dg_rules_close(got);
    return rc == ENOMEM ? dg_fail_memory(err)
           : rc != 0    ? dg_fail(err, rc, "saved memory of the rules is damaged")
                        : 0;
}
