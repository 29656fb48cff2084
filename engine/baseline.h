/* engine/baseline.h -- a versioned, immutable reference: bins, dictionaries and the state of every
 * series of the sample it was built from. A file of JSON, so that people can read and compare it.
 */
#ifndef DG_ENGINE_BASELINE_H
#define DG_ENGINE_BASELINE_H

#include "engine/slicer.h"
#include "stats/category.h"
#include "stats/numeric.h"

/* The reference of one column: what fixes its bins or dictionary, and its state per segment. */
struct dg_baseline_column {
    char *name;
    char *path;
    enum dg_feature_type type;
    enum dg_role role;
    struct dg_binning *binning;       /* numeric, owned; NULL if the sample had no finite value */
    struct dg_dictionary *dictionary; /* categorical, owned; NULL if it had no value */
    struct dg_bytes *state;           /* [n_segments] encoded dg_numeric or dg_category */
};

struct dg_baseline {
    char *name;       /* as given on `baseline build --name`, else the file's stem */
    char version[65]; /* SHA-256 of the content, hex: the identity of the reference */
    char *source;     /* what it was built from, for people */
    uint64_t rows;
    int64_t first_us, last_us;         /* event times of the sample, DG_TIME_NONE without */
    struct dg_baseline_column *column; /* [n_columns] */
    size_t n_columns;
    /* Segments of the build: names as the slicer gives them; values per spec. */
    size_t n_specs;
    char *(*spec_column)[2];          /* [n_specs] segment columns, [1] NULL for a single one */
    struct dg_segment_values *values; /* [n_specs] */
    char **segment_name;              /* [n_segments] */
    size_t n_segments;
};

void dg_baseline_free(struct dg_baseline *b);

/* Read and verify a file: structure, invariants of every binning, checksum. The message names the
 * file and what is wrong. EBADMSG for content, else the errno of reading. */
DG_MUST_CHECK int dg_baseline_load(const char *path, struct dg_baseline **out,
                                   struct dg_error *err);

/* The same from and to a text: what stands in the file, in one line; `place` takes the file's name
 * in messages. The text is the caller's, from malloc. */
DG_MUST_CHECK int dg_baseline_parse(const char *place, const char *text, struct dg_baseline **out,
                                    struct dg_error *err);
DG_MUST_CHECK int dg_baseline_text(const struct dg_baseline *b, char **out, struct dg_error *err);

/* Fill in b->version, then write the file (through a temporary one, so that a reader never sees
 * half). */
DG_MUST_CHECK int dg_baseline_save(struct dg_baseline *b, const char *path, struct dg_error *err);

/* -1 if there is none. */
int dg_baseline_find_column(const struct dg_baseline *b, const char *name);
int dg_baseline_find_segment(const struct dg_baseline *b, const char *name);
/* The spec with these columns, or -1. */
int dg_baseline_find_spec(const struct dg_baseline *b, char *const column[2]);

#endif
