/* engine/cli/profile.h -- what the first rows of a file look like, column by column. */
#ifndef DG_ENGINE_CLI_PROFILE_H
#define DG_ENGINE_CLI_PROFILE_H

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
    uint64_t rows; /* looked at */
    uint64_t bad;  /* records that could not be read */
    bool whole;    /* that was the whole file */
};

/*
 * Look at the first rows of the file. A first pass learns the names of fields (from the header, or
 * from records), a second one reads them all as text. 0; ENOMEM; the errno of opening the file;
 * EBADMSG if it has no readable record. *err says what. A zeroed struct may be deinit'ed.
 */
DG_MUST_CHECK int dg_profile_read(const char *path, struct dg_profile *p, struct dg_error *err);
void dg_profile_deinit(struct dg_profile *p);

/* How a monitor file names the top-level field `name`: itself, or a pointer where it begins with a
 * slash. The caller's, from malloc; NULL: out of memory. */
char *dg_profile_path(const char *name);

#endif
