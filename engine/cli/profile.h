/* engine/cli/profile.h -- what the first rows of a file look like, column by column. */
#ifndef DG_ENGINE_CLI_PROFILE_H
#define DG_ENGINE_CLI_PROFILE_H

#include "engine/cli/shape.h"
#include "engine/source.h"

#define DG_PROFILE_ROWS   10000   /* looked at, at most */
#define DG_PROFILE_CELLS  2000000 /* rows times columns, at most */
#define DG_PROFILE_LISTED 50      /* different values whose text is kept */
#define DG_PROFILE_TEXT   64      /* bytes of it, at most */

struct dg_profile_value {
    uint64_t hash;
    uint64_t count;
    char *text; /* owned; NULL beyond the first DG_PROFILE_LISTED, or if longer than can be kept */
};

struct dg_profile_column {
    char *name;
    char *path;      /* the field, as a monitor file names it */
    bool nested_in;  /* within another field: name is made from the path */
    bool answer;     /* where the model's answers stand */
    bool around;     /* of the record around several events */
    uint64_t values; /* texts that are neither missing nor null */
    uint64_t nested; /* objects and arrays */
    uint64_t numbers;
    uint64_t integers;
    uint64_t times;            /* ISO 8601 texts */
    uint64_t epochs;           /* numbers that are times between 2001 and 2100, in some unit */
    double min, max;           /* of the numbers */
    int64_t first_us, last_us; /* of the times or epochs: least and greatest */
    int64_t newest_us;         /* greatest so far, in the order of the rows */
    int64_t behind_us;         /* how far a row was behind the newest before it, at most */
    uint64_t longest;          /* bytes of a value */
    size_t distinct;
    struct dg_profile_value *slot; /* [cap] open addressing; count 0 = free */
    size_t cap;
};

struct dg_profile {
    struct dg_profile_column *column; /* [n] in the order of the file */
    size_t n;
    struct dg_shape shape; /* of records of JSON */
    bool record_time;      /* events come with a time beside them: they will be a topic's records */
    uint64_t rows;         /* looked at */
    uint64_t bad;          /* records that could not be read */
    bool whole;            /* that was the whole file */
};

/*
 * Look at the first rows of the file; several events in a record of JSON are rows of their own, and
 * objects within objects are looked into. A first pass learns the names of fields (from the header,
 * or from records), a second one reads them all as text. 0; ENOMEM; the errno of opening the file;
 * EBADMSG if it has no readable record. *err says what. A zeroed struct may be deinit'ed.
 */
DG_MUST_CHECK int dg_profile_read(const char *path, struct dg_profile *p, struct dg_error *err);
void dg_profile_deinit(struct dg_profile *p);

#endif
