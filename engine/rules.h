/* engine/rules.h -- from statistics to verdicts: false discovery control over a window's families,
 * the drift rule with its effect gate and hysteresis, plain threshold checks. */
#ifndef DG_ENGINE_RULES_H
#define DG_ENGINE_RULES_H

#include "engine/result.h"

/* A row of the window at hand, and where its memory lives. */
struct dg_ruled_row {
    struct dg_series_row row;
    uint32_t group;    /* order of the slice's (version, variant) among the window's */
    uint32_t level;    /* segment level: 0 all, 1 + spec */
    uint32_t baseline; /* index */
    uint64_t memory;   /* key of its rule memory: the same series, baseline and window size */
};

struct dg_rules;

DG_MUST_CHECK int dg_rules_open(const struct dg_monitor *m, struct dg_rules **out,
                                struct dg_error *err);
void dg_rules_close(struct dg_rules *r);

/*
 * Judge the rows of one window. Windows of a size come in order of their end.
 *
 * Family: rows of one (group, level, baseline): p_adjusted is Benjamini-Hochberg over it.
 * Drift rule: gates = p_adjusted <= q and psi_adjusted >= effect. DRIFT after `consecutive` windows
 * in a row with both; it stays until as many in a row have p_adjusted > 0.05 or psi_adjusted < 0.75
 * effect. WARN: p_adjusted <= q otherwise. Rows with fewer than min_rows values, or without a
 * reference, keep their status and their memory. 0 or ENOMEM.
 */
DG_MUST_CHECK int dg_rules_judge(struct dg_rules *r, struct dg_ruled_row rows[], size_t n,
                                 struct dg_error *err);

/* Raise the severity of a slice row by the threshold checks that name its fields, and say which
 * one did it. `memory` as above. 0 or ENOMEM. */
DG_MUST_CHECK int dg_rules_judge_slice(struct dg_rules *r, struct dg_slice_row *row,
                                       uint64_t memory, struct dg_error *err);

/* What the rules remember, and back: only of series that are not calm, so a few bytes each of a
 * few; ascending by key, so equal memories have equal bytes. decode takes all that is left to read.
 * EBADMSG: not such bytes; ENOMEM; the memory is as it was in both cases. */
struct dg_bytes;
struct dg_reader;
void dg_rules_encode(const struct dg_rules *r, struct dg_bytes *out);
DG_MUST_CHECK int dg_rules_decode(struct dg_rules *r, struct dg_reader *in, struct dg_error *err);

#endif
