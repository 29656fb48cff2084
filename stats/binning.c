#include "stats/binning.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>

enum {
    EDGES_MAX = DG_BINS_MAX - 1,
    TAIL_RESERVE = 12,   /* edges kept free for the tails while atoms are chosen */
    TAIL_MAX = 16,       /* per side */
    TAIL_COUNT = 4,      /* least reference count in a tail bin */
    FEW = 64,            /* so many distinct values or fewer: all are points */
    FEW_INTEGERS = 127,  /* the same, when all are integers */
    CANDIDATES = 2 * 240 /* values can weigh 1/(2K) or more */
};

#define COUNT_MAX (UINT64_C(1) << 48)

struct sample {
    const struct dg_weighted *v;
    size_t n;
    uint64_t total;
    const struct dg_binning_options *options;
};

/* Edges in any order, possibly repeated. */
struct edge_list {
    double e[2 * DG_BINS_MAX];
    size_t n;
};

struct atom {
    size_t index;
    uint64_t count;
    uint64_t before; /* cumulative count below it */
};

static void push(struct edge_list *l, double e)
{
    if (isfinite(e)) {
        DG_ASSERT(l->n < sizeof l->e / sizeof l->e[0]);
        l->e[l->n++] = e + 0.0;
    }
}

static double below(double v)
{
    return nextafter(v + 0.0, -INFINITY);
}

/* The greatest double below the value or the cell at index i. */
static double below_at(const struct sample *s, size_t i)
{
    return s->options->below != NULL ? s->options->below[i] : below(s->v[i].value);
}

/* A bin of its own for the value or the cell at index i. */
static void push_alone(const struct sample *s, struct edge_list *l, size_t i)
{
    push(l, below_at(s, i));
    push(l, s->v[i].value);
}

/* The value at which the count from the bottom of v[first..) first reaches `target`. */
struct walk {
    size_t at;
    uint64_t cumulative; /* through v[at] */
};

static double walk_to(const struct sample *s, struct walk *w, uint64_t target)
{
    while (w->cumulative < target) {
        w->cumulative += s->v[++w->at].count;
    }
    return s->v[w->at].value;
}

static uint64_t bins_of_run(const struct sample *s, uint64_t mass)
{
    if (mass == 0) {
        return 0;
    }
    const dg_u128 twice = (dg_u128)2 * s->options->fine_bins * mass;
    const uint64_t k = (uint64_t)((twice + s->total) / ((dg_u128)2 * s->total));
    return k > 0 ? k : 1;
}

static void push_run(const struct sample *s, struct edge_list *l, size_t first, uint64_t mass)
{
    const uint64_t k = bins_of_run(s, mass);
    struct walk w = {first, mass > 0 ? s->v[first].count : 0};
    for (uint64_t i = 1; i < k; i++) {
        push(l, walk_to(s, &w, (uint64_t)(((dg_u128)i * mass + k - 1) / k)));
    }
}

static bool is_heavy(const struct sample *s, uint64_t count)
{
    return (dg_u128)count * 2 * s->options->fine_bins >= s->total;
}

static size_t find_atoms(const struct sample *s, struct atom out[])
{
    size_t n = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (is_heavy(s, s->v[i].count)) {
            DG_ASSERT(n < CANDIDATES);
            out[n++] = (struct atom){i, s->v[i].count, before};
        }
        before += s->v[i].count;
    }
    return n;
}

static bool heavier(const struct atom *a, const struct atom *b)
{
    return a->count > b->count || (a->count == b->count && a->index < b->index);
}

static bool earlier(const struct atom *a, const struct atom *b)
{
    return a->index < b->index;
}

static void sort_atoms(struct atom a[], size_t n,
                       bool (*before)(const struct atom *, const struct atom *))
{
    for (size_t i = 1; i < n; i++) {
        const struct atom x = a[i];
        size_t j = i;
        for (; j > 0 && before(&x, &a[j - 1]); j--) {
            a[j] = a[j - 1];
        }
        a[j] = x;
    }
}

/* Edges of the atoms a[n], ascending, and of the runs between them; l == NULL: only counts. */
static size_t push_atoms(const struct sample *s, const struct atom a[], size_t n,
                         struct edge_list *l)
{
    size_t edges = 0, first = 0;
    uint64_t from = 0;
    for (size_t i = 0; i <= n; i++) {
        const uint64_t mass = (i < n ? a[i].before : s->total) - from;
        const uint64_t k = bins_of_run(s, mass);
        edges += (k > 0 ? k - 1 : 0) + (i < n ? 2 : 0);
        if (l != NULL) {
            push_run(s, l, first, mass);
        }
        if (i < n) {
            if (l != NULL) {
                push_alone(s, l, a[i].index);
            }
            first = a[i].index + 1;
            from = a[i].before + a[i].count;
        }
    }
    return edges;
}

static void push_body(const struct sample *s, struct edge_list *l)
{
    struct atom candidate[CANDIDATES], chosen[EDGES_MAX / 2];
    size_t n = find_atoms(s, candidate);
    sort_atoms(candidate, n, heavier);
    if (n > sizeof chosen / sizeof chosen[0]) {
        n = sizeof chosen / sizeof chosen[0];
    }
    for (;; n--) {
        memcpy(chosen, candidate, n * sizeof chosen[0]);
        sort_atoms(chosen, n, earlier);
        if (n == 0 || push_atoms(s, chosen, n, NULL) + 2 + TAIL_RESERVE <= EDGES_MAX) {
            break;
        }
    }
    push_atoms(s, chosen, n, l);
}

static void push_tails(const struct sample *s, struct edge_list *l)
{
    size_t room = (EDGES_MAX - 2 - l->n) / 2;
    room = room > TAIL_MAX ? TAIL_MAX : room;
    uint64_t target = s->total / s->options->fine_bins / 2;
    const bool low = !is_heavy(s, s->v[0].count), high = !is_heavy(s, s->v[s->n - 1].count);
    for (; room > 0 && target >= TAIL_COUNT; room--, target /= 2) {
        if (low) {
            struct walk w = {0, s->v[0].count};
            push(l, walk_to(s, &w, target));
        }
        size_t above = s->n;
        uint64_t count = 0;
        while (count < target) {
            count += s->v[--above].count;
        }
        if (high && above > 0) {
            push(l, s->v[above - 1].value);
        }
    }
}

static bool all_integers(const struct sample *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].value != trunc(s->v[i].value)) {
            return false;
        }
    }
    return true;
}

static void collect_edges(const struct sample *s, struct edge_list *l)
{
    const bool few = s->n <= FEW || (s->n <= FEW_INTEGERS && all_integers(s));
    for (size_t i = 0; few && i < s->n; i++) {
        push_alone(s, l, i);
    }
    if (!few) {
        push_body(s, l);
        push_tails(s, l);
        push(l, s->v[s->n - 1].value);
        push(l, below_at(s, 0));
    }
}

static void set_edges(const struct edge_list *l, bool cells, struct dg_binning *b)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const double e = l->e[i];
        size_t j = n;
        while (j > 0 && b->edges[j - 1] > e) {
            j--;
        }
        if (j > 0 && b->edges[j - 1] == e) {
            continue;
        }
        memmove(b->edges + j + 1, b->edges + j, (n - j) * sizeof b->edges[0]);
        b->edges[j] = e;
        n++;
    }
    DG_ASSERT(n <= EDGES_MAX);
    b->n_bins = (uint32_t)n + 1;
    for (size_t j = 0; j < b->n_bins; j++) {
        const double left = j > 0 ? b->edges[j - 1] : (double)-INFINITY;
        const double right = j < n ? b->edges[j] : (double)INFINITY;
        b->is_point[j] = !cells && j < n && below(right) == left;
    }
}

/* What the reference has in each bin, and whether that is one value or cell and all of the bin. */
struct bin_content {
    uint64_t count[DG_BINS_MAX];
    bool alone[DG_BINS_MAX];
};

static void count_bins(const struct sample *s, const struct dg_binning *b, struct bin_content *c)
{
    memset(c, 0, sizeof *c);
    uint32_t bin = 0;
    for (size_t i = 0; i < s->n; i++) {
        while (bin + 1 < b->n_bins && b->edges[bin] < s->v[i].value) {
            bin++;
        }
        c->alone[bin] = c->count[bin] == 0 && bin > 0 && b->edges[bin - 1] == below_at(s, i) + 0.0;
        c->count[bin] += s->v[i].count;
    }
}

struct grouping {
    struct dg_binning *b;
    uint64_t total;
    uint64_t groups_wanted; /* B */
    uint32_t first;         /* first bin of the open group */
    uint64_t mass;          /* of the open group */
};

static bool is_light(const struct grouping *g)
{
    return (dg_u128)g->mass * 2 * g->groups_wanted < g->total;
}

/* Give the bins [first, end) a group of their own, or, if they are light, that of their left. */
static void close_group(struct grouping *g, uint32_t end)
{
    if (g->first == end) {
        return;
    }
    if (g->b->n_groups == 0 || !is_light(g)) {
        g->b->n_groups++;
    }
    memset(g->b->group + g->first, (int)g->b->n_groups - 1, end - g->first);
    g->first = end;
    g->mass = 0;
}

static bool is_group_atom(const struct grouping *g, const struct bin_content *c, uint32_t j)
{
    return c->alone[j] && (dg_u128)c->count[j] * 2 * g->groups_wanted >= g->total;
}

/* Bins from j on where the reference has nothing, between atoms or beyond the last on a side: what
 * moves from an atom into such a gap must not stay in the atom's group. Their end; j if none. */
static uint32_t gap_end(const struct grouping *g, const struct bin_content *c, uint32_t j)
{
    uint32_t end = j;
    while (end < g->b->n_bins && c->count[end] == 0) {
        end++;
    }
    const bool after_atom = j > 0 && is_group_atom(g, c, j - 1);
    const bool before_atom = end < g->b->n_bins && is_group_atom(g, c, end);
    const bool left = j == 0 || after_atom, right = end == g->b->n_bins || before_atom;
    return left && right && (after_atom || before_atom) ? end : j;
}

/* The bins [first, end) become a group whatever their mass. */
static void add_group(struct grouping *g, uint32_t end)
{
    memset(g->b->group + g->first, (int)g->b->n_groups, end - g->first);
    g->b->n_groups++;
    g->first = end;
    g->mass = 0;
}

static void set_groups(const struct sample *s, struct dg_binning *b)
{
    struct bin_content c;
    count_bins(s, b, &c);
    struct grouping g = {.b = b, .total = s->total, .groups_wanted = s->options->groups};
    uint64_t cumulative = 0, next = 1;
    b->n_groups = 0;
    for (uint32_t j = 0; j < b->n_bins; j++) {
        const uint32_t gap = g.first == j ? gap_end(&g, &c, j) : j;
        if (gap > j) {
            add_group(&g, gap);
            j = gap - 1;
            continue;
        }
        const bool atom = is_group_atom(&g, &c, j);
        if (atom && !(b->n_groups == 0 && is_light(&g))) {
            close_group(&g, j);
        }
        cumulative += c.count[j];
        g.mass += c.count[j];
        if (atom ||
            ((dg_u128)cumulative * g.groups_wanted >= (dg_u128)next * g.total && !is_light(&g))) {
            close_group(&g, j + 1);
            next = (uint64_t)((dg_u128)cumulative * g.groups_wanted / g.total) + 1;
        }
    }
    close_group(&g, b->n_bins);
}

/* Neumaier's compensated sum. */
struct exact_sum {
    double sum, rest;
};

static void sum_add(struct exact_sum *s, double x)
{
    const double t = s->sum + x;
    s->rest += fabs(s->sum) >= fabs(x) ? (s->sum - t) + x : (x - t) + s->sum;
    s->sum = t;
}

static int exponent_at_least(double x)
{
    int e;
    return frexp(x, &e) == 0.5 ? e - 1 : e;
}

static void set_scale(const struct sample *s, struct dg_binning *b)
{
    const double low = s->v[0].value + 0.0, high = s->v[s->n - 1].value + 0.0;
    const double greatest = fabs(low) > fabs(high) ? fabs(low) : fabs(high);
    const double total = (double)s->total;
    int e = 0;
    frexp(greatest, &e); /* values are scaled to (-1, 1], so that no square overflows */
    struct exact_sum sum = {0}, squares = {0};
    for (size_t i = 0; i < s->n; i++) {
        sum_add(&sum, ldexp(s->v[i].value, -e) * (double)s->v[i].count);
    }
    const double mean = (sum.sum + sum.rest) / total;
    for (size_t i = 0; i < s->n; i++) {
        const double d = ldexp(s->v[i].value, -e) - mean;
        sum_add(&squares, d * d * (double)s->v[i].count);
    }
    const double origin = ldexp(mean, e) + 0.0;
    b->origin = origin < low ? low : origin > high ? high : origin;
    const double sd = s->n > 1 ? sqrt((squares.sum + squares.rest) / total) : 0.0;
    int scale = sd > 0.0 ? exponent_at_least(sd) + e : INT_MIN;
    if (scale < -1000) {
        scale = greatest > 0.0 ? exponent_at_least(greatest) : 0;
    }
    b->unit = ldexp(1.0, (scale < -1000 ? -1000 : scale) - 20);
}

static int check_sample(struct sample *s)
{
    if (s->n == 0) {
        return EDOM;
    }
    const struct dg_binning_options *o = s->options;
    if (o->fine_bins < 2 || o->fine_bins > 240 || o->groups < 2 || o->groups > 50) {
        return EINVAL;
    }
    for (size_t i = 0; i < s->n; i++) {
        bool ascending = i == 0 || s->v[i - 1].value < s->v[i].value;
        if (o->below != NULL) {
            ascending = ascending && o->below[i] < s->v[i].value &&
                        (i == 0 || s->v[i - 1].value <= o->below[i]);
        }
        const uint64_t count = s->v[i].count;
        if (!isfinite(s->v[i].value) || !ascending || count == 0 || count >= COUNT_MAX - s->total) {
            return EINVAL;
        }
        s->total += count;
    }
    return 0;
}

int dg_binning_build(const struct dg_weighted v[], size_t n,
                     const struct dg_binning_options *options, struct dg_binning *out)
{
    struct sample s = {.v = v, .n = n, .options = options};
    const int status = check_sample(&s);
    if (status != 0) {
        return status;
    }
    struct edge_list edges = {.n = 0};
    collect_edges(&s, &edges);
    memset(out, 0, sizeof *out);
    set_edges(&edges, options->below != NULL, out);
    set_groups(&s, out);
    set_scale(&s, out);
    const int restored = dg_binning_restore(out);
    DG_ASSERT(restored == 0);
    return 0;
}
