/* engine/slicer.h -- which slices a row belongs to.
 *
 * A slice is a group (model version, variant) crossed with a segment. Segments are fixed when the
 * plan is made: 0 is everything, then each spec's values in order and its "rest". Groups appear as
 * the data brings them. slice = group * n_segments + segment, so every slice of every series has a
 * dense number; names decide the order in which results are given, never the numbers. */
#ifndef DG_ENGINE_SLICER_H
#define DG_ENGINE_SLICER_H

#include "engine/batch.h"
#include "engine/monitor.h"

#include <pthread.h>

/* One value of a segment column, or of a pair. */
struct dg_segment_value {
    char *text[2]; /* text[1] NULL for a single column */
    uint32_t len[2];
};

/* The values that get a slice of their own, one list per segment spec of the monitor. */
struct dg_segment_values {
    struct dg_segment_value *value; /* [n] owned */
    size_t n;
};

void dg_segment_values_deinit(struct dg_segment_values *v);
/* Append a copy of the value. 0 or ENOMEM. */
DG_MUST_CHECK int dg_segment_values_add(struct dg_segment_values *v, const struct dg_text part[2],
                                        size_t parts);

/* The version or variant of rows that have none, where the monitor has the column. */
#define DG_GROUP_NONE "(none)"
/* Bytes of a version's or variant's name. What is longer is cut, at a NUL too: whoever writes the
 * log must not be able to make names that no database takes as a key. */
#define DG_GROUP_NAME_MAX 200

struct dg_group {
    char *version; /* "" when the monitor has no such column */
    char *variant;
};

struct dg_slicer {
    uint32_t n_segments;     /* 1 + sum over specs of (values + 1) */
    char **segment_name;     /* [n_segments] "all", "country=DE", "country=rest", "a=1,b=2" */
    uint32_t *spec_first;    /* [n_specs] segment of the spec's first value */
    uint32_t *segment_level; /* [n_segments] 0 for all, 1 + spec otherwise: the family of tests */
    size_t n_specs;
    int (*column)[2];               /* [n_specs] projection columns, [1] = -1 for a single one */
    int version, variant;           /* projection columns or -1 */
    struct dg_segment_table *table; /* [n_specs] private */

    pthread_mutex_t lock; /* guards the groups below; lanes cache what they have seen */
    struct dg_group *group;
    uint32_t n_groups;
    uint32_t cap_groups;
    uint32_t max_groups;    /* later ones share the group named "rest": the last, or one that the
                               rows themselves named so */
    uint64_t overflow_rows; /* rows that fell into it */
};

/* values[n_specs]: as listed in the monitor or chosen by the baseline; copied. */
DG_MUST_CHECK int dg_slicer_init(struct dg_slicer *s, const struct dg_monitor *m,
                                 const struct dg_segment_values *values, int (*column)[2],
                                 int version, int variant, uint32_t max_groups,
                                 struct dg_error *err);
void dg_slicer_deinit(struct dg_slicer *s);

/* The segment of `row` under spec `i`. */
uint32_t dg_slicer_segment(const struct dg_slicer *s, size_t i, const struct dg_batch *b,
                           size_t row);

/* The group of each row of b into group[b->n]; rows where skip[row] < 0 (NULL: none) are not looked
 * at and make no group. `cache` belongs to the lane. 0 or ENOMEM. */
struct dg_group_cache {
    uint64_t hash[64];
    uint32_t group[64];
    bool used[64];
};
DG_MUST_CHECK int dg_slicer_groups(struct dg_slicer *s, struct dg_group_cache *cache,
                                   const struct dg_batch *b, const int32_t skip[],
                                   uint32_t group[]);

/* The number of the group of that name, added at the end if there is none, whatever max_groups
 * says: for groups that were numbered elsewhere. 0 or ENOMEM. */
DG_MUST_CHECK int dg_slicer_name_group(struct dg_slicer *s, const char *version,
                                       const char *variant, uint32_t *group);

/* As before the first group: nobody uses a number that was given. */
void dg_slicer_forget_groups(struct dg_slicer *s);

#endif
