/* The versions and variants of a stream, by the numbers that its panes use.
 *
 * What this object has read of them it keeps, and compares with the table at every commit and every
 * read: rows that are gone (deleted by hand, or lost with the last commits of a server whose
 * standby took over) are written again under their numbers. Where the table has another name under
 * such a number the server has gone back in time and somebody else went on: then nothing that is
 * counted under the old numbers may be written, ESTALE, and the numbers are asked for anew. */
#include "connectors/postgres_ledger_parts.h"
#include "engine/log.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define ROW_HASH "hashtextextended(g.version || chr(1) || g.variant, g.group_no)"

static const char read_sql[] =
    "SELECT g.group_no, g.version, g.variant, " ROW_HASH " FROM driftgauge.live_group g WHERE "
    "g.stream_id = $1 ORDER BY g.group_no";
const char dg_ledger_groups_sql[] =
    "SELECT count(*) FROM unnest($1::int4[], $2::int4[], $3::int8[]) x (id, n, hash) WHERE NOT "
    "EXISTS (SELECT FROM driftgauge.live_group g WHERE g.stream_id = x.id AND g.group_no < x.n "
    "HAVING count(*) = x.n AND coalesce(bit_xor(" ROW_HASH "), 0) = x.hash)";

void dg_ledger_forget_groups(struct dg_ledger_stream *s)
{
    for (uint32_t i = 0; i < s->n_groups; i++) {
        free(s->group[i].version);
        free(s->group[i].variant);
    }
    s->n_groups = 0;
}

static int learn(struct dg_ledger_stream *s, const struct pg_result *r, int row,
                 struct dg_error *err)
{
    if (s->n_groups == s->cap_groups) {
        const uint32_t cap = s->cap_groups == 0 ? 8 : 2 * s->cap_groups;
        struct dg_ledger_group *grown = realloc(s->group, cap * sizeof *grown);
        if (grown == NULL) {
            return dg_fail_memory(err);
        }
        s->group = grown;
        s->cap_groups = cap;
    }
    struct dg_ledger_group *g = &s->group[s->n_groups];
    *g = (struct dg_ledger_group){.version = strdup(dg_pg_text(r, row, 1)),
                                  .variant = strdup(dg_pg_text(r, row, 2)),
                                  .hash = dg_pg_integer(r, row, 3, 0)};
    if (g->version == NULL || g->variant == NULL) {
        free(g->version);
        free(g->variant);
        return dg_fail_memory(err);
    }
    s->n_groups++;
    return 0;
}

static bool has_row(const struct pg_result *r, uint32_t group, int *row)
{
    while (*row < PQntuples(r) && dg_pg_integer(r, *row, 0, 0) < group) {
        ++*row;
    }
    return *row < PQntuples(r) && dg_pg_integer(r, *row, 0, 0) == group;
}

static int other_name(struct dg_pg_ledger *l, struct dg_ledger_stream *s, uint32_t group,
                      const struct pg_result *r, int row, struct dg_error *err)
{
    const struct dg_ledger_group *g = &s->group[group];
    dg_fail(
        err, ESTALE,
        "%s has gone back in time: number %u of stream %d is version \"%.60s\", variant "
        "\"%.60s\" there, and was \"%.60s\", \"%.60s\"; what was not committed is counted again",
        l->pg->place, (unsigned)group, (int)s->stream, dg_pg_text(r, row, 1), dg_pg_text(r, row, 2),
        g->version, g->variant);
    l->base.set_back++;
    dg_ledger_forget_groups(s);
    return ESTALE;
}

int dg_ledger_compare_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s,
                             const struct pg_result *r, bool *lacks, struct dg_error *err)
{
    int row = 0;
    *lacks = false;
    for (uint32_t i = 0; i < s->n_groups; i++) {
        if (!has_row(r, i, &row)) {
            *lacks = true;
        } else if (strcmp(dg_pg_text(r, row, 1), s->group[i].version) != 0 ||
                   strcmp(dg_pg_text(r, row, 2), s->group[i].variant) != 0) {
            return other_name(l, s, i, r, row, err);
        } else { /* another release of the server may count it otherwise */
            s->group[i].hash = dg_pg_integer(r, row, 3, 0);
        }
    }
    for (; row < PQntuples(r); row++) {
        const long long number = dg_pg_integer(r, row, 0, -1);
        if (number < s->n_groups) {
            continue;
        }
        if (number > s->n_groups) {
            return dg_fail(err, EBADMSG,
                           "%s: driftgauge.live_group lacks version %u of stream %d, which its "
                           "panes need, and this process never knew it: were rows deleted by hand? "
                           "A process that ran when they were there writes them again",
                           l->pg->place, (unsigned)s->n_groups, (int)s->stream);
        }
        const int code = learn(s, r, row, err);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

int dg_ledger_ask_groups(struct dg_pg_ledger *l, int32_t stream, struct pg_result **r,
                         struct dg_error *err)
{
    dg_pg_args_clear(&l->args);
    dg_pg_args_int4(&l->args, stream);
    return dg_pg_ask(l->pg, "read the groups of a stream", read_sql, &l->args, r, err);
}

static int add_group(struct dg_pg_ledger *l, const struct dg_ledger_stream *s, uint32_t number,
                     const char *version, const char *variant, struct dg_error *err)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4(a, s->stream);
    dg_pg_args_int4(a, (int32_t)number);
    dg_pg_args_int2(a, l->tenant_id);
    dg_pg_args_text(a, version);
    dg_pg_args_text(a, variant);
    return dg_ledger_run(l, "number a group",
                         "INSERT INTO driftgauge.live_group (stream_id, group_no, tenant_id, "
                         "version, variant) VALUES ($1, $2, $3, $4, $5)",
                         err);
}

static int add_missing(struct dg_pg_ledger *l, const struct dg_ledger_stream *s,
                       const struct pg_result *r, struct dg_error *err)
{
    int row = 0, code = 0;
    unsigned n = 0;
    for (uint32_t i = 0; i < s->n_groups && code == 0; i++) {
        if (!has_row(r, i, &row)) {
            code = add_group(l, s, i, s->group[i].version, s->group[i].variant, err);
            n++;
        }
    }
    if (code == 0) {
        l->base.set_back++;
        dg_log(DG_LOG_WARNING, "set_back",
               "%s lacked %u versions of stream %d that it had: they are written again",
               l->pg->place, n, (int)s->stream);
    }
    return code;
}

/* Whoever makes groups of a stream holds its row; commits go on meanwhile. A transaction is open
 * afterwards, in which all that was known is there. */
static int begin_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s, struct dg_error *err)
{
    struct pg_result *r = NULL;
    bool lacks = false;
    int code = dg_pg_run(l->pg, "number a group", "BEGIN", err);
    if (code == 0) {
        dg_pg_args_clear(&l->args);
        dg_pg_args_int4(&l->args, s->stream);
        code = dg_pg_ask(l->pg, "number a group",
                         "SELECT 1 FROM driftgauge.live_stream WHERE stream_id = $1 AND ended_at "
                         "IS NULL FOR NO KEY UPDATE",
                         &l->args, &r, err);
    }
    if (code == 0 && PQntuples(r) == 0) {
        code = dg_ledger_ended(l, s->stream, err);
    }
    dg_pg_clear(r);
    r = NULL;
    if (code == 0) {
        code = dg_ledger_ask_groups(l, s->stream, &r, err);
    }
    if (code == 0) {
        code = dg_ledger_compare_groups(l, s, r, &lacks, err);
    }
    if (code == 0 && lacks) {
        code = add_missing(l, s, r, err);
    }
    dg_pg_clear(r);
    return code;
}

int dg_ledger_mend_groups(struct dg_pg_ledger *l, struct dg_ledger_stream *s, struct dg_error *err)
{
    const int code = begin_groups(l, s, err);
    return code != 0 ? code : dg_pg_run(l->pg, "number a group", "COMMIT", err);
}

/* The number + 1; 0: not known. */
static uint32_t find(const struct dg_ledger_stream *s, const char *version, const char *variant)
{
    for (uint32_t i = 0; i < s->n_groups; i++) {
        if (strcmp(s->group[i].version, version) == 0 &&
            strcmp(s->group[i].variant, variant) == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* The name of the group that those share for which there is no number. */
static const char *rest_of(const char *name)
{
    return name[0] != '\0' ? "rest" : "";
}

static int make_group(struct dg_pg_ledger *l, struct dg_ledger_stream *s, const char *version,
                      const char *variant, uint32_t max_groups, struct dg_error *err)
{
    int code = begin_groups(l, s, err);
    if (code == 0 && find(s, version, variant) == 0 && s->n_groups < max_groups) {
        /* The last number is for all that come from now on, unless one has that name already. */
        const bool rest = s->n_groups + 1 == max_groups && max_groups > 1;
        const char *const name[] = {rest ? rest_of(version) : version,
                                    rest ? rest_of(variant) : variant};
        if (find(s, name[0], name[1]) == 0) {
            code = add_group(l, s, s->n_groups, name[0], name[1], err);
        }
    }
    if (code == 0) {
        code = dg_pg_run(l->pg, "number a group", "COMMIT", err);
    }
    if (code == 0) { /* known from now on, since it was committed */
        struct pg_result *r = NULL;
        bool lacks = false;
        code = dg_ledger_ask_groups(l, s->stream, &r, err);
        code = code != 0 ? code : dg_ledger_compare_groups(l, s, r, &lacks, err);
        dg_pg_clear(r);
    }
    return code;
}

static int find_group(struct dg_pg_ledger *l, struct dg_ledger_stream *s, const char *version,
                      const char *variant, uint32_t max_groups, uint32_t *group,
                      struct dg_error *err)
{
    uint32_t id = find(s, version, variant);
    int code = 0;
    if (id == 0 && s->n_groups < max_groups) {
        code = dg_ledger_session(l, err);
        if (code == 0) {
            code = make_group(l, s, version, variant, max_groups, err);
        }
        id = find(s, version, variant);
    }
    if (code == 0 && id == 0) {
        id = find(s, rest_of(version), rest_of(variant));
    }
    if (code == 0 && id == 0 && s->n_groups < max_groups) { /* it went as soon as it was made */
        code = dg_fail(err, EAGAIN,
                       "%s: driftgauge.live_group lacks a version of stream %d that was just "
                       "written: are rows deleted by hand?",
                       l->pg->place, (int)s->stream);
    }
    if (code == 0) { /* a limit that was lowered, or a single group */
        *group = (id == 0 ? max_groups : id) - 1;
    }
    return dg_ledger_done(l, code);
}

int dg_ledger_group(struct dg_ledger *self, int32_t stream, const char *version,
                    const char *variant, uint32_t max_groups, uint32_t *group, struct dg_error *err)
{
    struct dg_pg_ledger *l = dg_pg_ledger_of(self);
    DG_ASSERT(max_groups >= 1);
    struct dg_ledger_stream *s = dg_ledger_stream(l, stream);
    char *clean[2] = {dg_pg_clean(version, strlen(version)), dg_pg_clean(variant, strlen(variant))};
    const int code = s == NULL || clean[0] == NULL || clean[1] == NULL
                         ? dg_fail_memory(err)
                         : find_group(l, s, clean[0], clean[1], max_groups, group, err);
    free(clean[0]);
    free(clean[1]);
    return code;
}

/* -- with a commit -- */

void dg_ledger_groups_args(struct dg_pg_ledger *l, const int32_t stream[], size_t n)
{
    struct dg_pg_args *a = &l->args;
    dg_pg_args_clear(a);
    dg_pg_args_int4s(a, stream, n);
    for (int column = 0; column < 2; column++) {
        dg_pg_args_array(a, column == 0 ? DG_PG_INT4 : DG_PG_INT8, n);
        for (size_t i = 0; i < n; i++) {
            const struct dg_ledger_stream *s = dg_ledger_stream(l, stream[i]);
            int64_t hash = 0;
            for (uint32_t k = 0; s != NULL && k < s->n_groups; k++) {
                hash ^= s->group[k].hash;
            }
            if (column == 0) {
                dg_copy_int32(&a->buf, s == NULL ? 0 : (int32_t)s->n_groups);
            } else {
                dg_copy_int64(&a->buf, hash);
            }
        }
        dg_pg_args_array_end(a);
    }
}
