/* connectors/output_table.h -- what the table for people keeps of a run; private to
 * output_table*.c.
 */
#ifndef DG_CONNECTORS_OUTPUT_TABLE_H
#define DG_CONNECTORS_OUTPUT_TABLE_H

#include "connectors/name_map.h"
#include "connectors/output.h"
#include "engine/result_fields.h"

#define DG_TABLE_SPARK    32
#define DG_TABLE_SEGMENTS 20000
#define DG_TABLE_EPISODES 1000
#define DG_TABLE_FIELDS   1000

/* The worst over windows, in points that each stand for `stride` windows; when the points run out,
 * neighbours merge and the stride doubles. */
struct dg_table_spark {
    double point[DG_TABLE_SPARK];
    size_t n;
    uint64_t stride;  /* >= 1 */
    uint64_t in_last; /* windows in point[n - 1] */
};

/* One column against one baseline, over all windows. */
struct dg_table_column {
    enum dg_feature_type type;
    double importance;
    uint64_t rows, evaluated, drifted, warned;
    uint64_t no_reference, vanished, constant, monotone;
    int64_t since_us;              /* first drift or alert; DG_TIME_NONE: never */
    double psi, psi_low, psi_high; /* of the judged window with the largest adjusted PSI */
    double ks, w1;                 /* largest of the judged windows; of all if none was */
    double missing;                /* largest */
    double validity;               /* least */
    enum dg_severity worst, now;   /* over the run; of the last window that was judged */
    bool drifts_now;
    struct dg_tripped tripped; /* the worst: the first that was as bad */
    size_t episode;            /* index + 1 of the one that is open, 0: none */
    struct dg_table_spark spark;
};

struct dg_table_block {
    int64_t size_us;
    char *baseline, *version, *variant; /* owned */
    uint64_t windows;
    int64_t last_end_us;
    struct dg_name_map names;       /* of columns */
    struct dg_table_column *column; /* [names.n] */
    size_t cap;
};

/* A column of a segment that drifted or alerted at least once. */
struct dg_table_segment {
    size_t block;
    char *segment, *column; /* owned */
    uint64_t windows;
    double psi;
    enum dg_severity worst;
};

/* A run of windows in which a column was not ok. */
struct dg_table_episode {
    size_t block, column;
    int64_t from_us, until_us; /* ends of its first window, and of the first that was ok again;
                                  DG_TIME_NONE: it lasts */
    enum dg_severity worst;
    double psi;
};

/* Windows of one size. */
struct dg_table_size {
    int64_t size_us;
    uint64_t windows, silent;
    int64_t silent_first_us, silent_last_us;
};

struct dg_table {
    struct dg_sink sink;
    struct dg_output output;
    struct dg_table_options options;
    const struct dg_result_field *missing;
    char *title, *inputs; /* owned */
    bool checked;         /* the monitor has threshold checks, which need no baseline */
    struct dg_name_map block_names;
    struct dg_table_block *block; /* [block_names.n] */
    size_t blocks_cap;
    struct dg_name_map segment_names;
    struct dg_table_segment *segment; /* [segment_names.n] */
    size_t segments_cap;
    uint64_t segments_beyond;
    struct dg_table_episode *episode; /* [n_episodes] */
    size_t n_episodes, episodes_cap;
    uint64_t episodes_beyond;
    struct dg_name_map field_names; /* new fields */
    uint64_t field_rows[DG_TABLE_FIELDS];
    struct dg_tripped tripped; /* the worst by a check of a slice */
    uint64_t tripped_rows;     /* slice rows for which one was */
    struct dg_table_size size[64];
    size_t n_sizes;
};

/* Everything that was kept, as text. 0, ENOMEM. */
DG_MUST_CHECK int dg_table_print(const struct dg_table *t, const struct dg_run_totals *totals);
/* The part about the quality of the data. 0, ENOMEM. */
DG_MUST_CHECK int dg_table_print_quality(const struct dg_table *t,
                                         const struct dg_run_totals *totals);

#endif
