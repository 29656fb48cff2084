/* connectors/postgres_copy.h -- rows for COPY ... FROM STDIN (FORMAT binary), and names for ids. */
#ifndef DG_CONNECTORS_POSTGRES_COPY_H
#define DG_CONNECTORS_POSTGRES_COPY_H

#include "connectors/postgres.h"

/* Encoded rows. A zeroed struct is empty. Lack of memory sets `failed`, which sending reports. */
struct dg_copy {
    uint8_t *data; /* [cap], the first len are in use */
    size_t len;
    size_t cap;
    size_t rows;
    bool failed;
};

void dg_copy_deinit(struct dg_copy *c);
void dg_copy_clear(struct dg_copy *c); /* no rows; keeps the memory */

/* A row of n_columns fields; that many of the calls below must follow. */
void dg_copy_row(struct dg_copy *c, size_t n_columns);
void dg_copy_null(struct dg_copy *c);
void dg_copy_bool(struct dg_copy *c, bool x);
void dg_copy_int16(struct dg_copy *c, int x);      /* smallint */
void dg_copy_int32(struct dg_copy *c, int32_t x);  /* integer */
void dg_copy_count(struct dg_copy *c, uint64_t x); /* bigint; above 2^63 - 1: that */
void dg_copy_int64(struct dg_copy *c, int64_t x);  /* bigint */
void dg_copy_bytes(struct dg_copy *c, const uint8_t bytes[], size_t n); /* bytea */
void dg_copy_real(struct dg_copy *c, double x);          /* double precision, NAN = null */
void dg_copy_time(struct dg_copy *c, int64_t us);        /* timestamptz */
void dg_copy_duration(struct dg_copy *c, int64_t us);    /* interval of microseconds only */
void dg_copy_text(struct dg_copy *c, const char *text);  /* text, cleaned as dg_pg_clean does */
void dg_copy_jsonb(struct dg_copy *c, const char *json); /* jsonb; must be valid */
/* real[] and double precision[], NAN elements null, n = 0: null. */
void dg_copy_reals4(struct dg_copy *c, const float x[], size_t n);
void dg_copy_reals8(struct dg_copy *c, const double x[], size_t n);

/* The head of a one-dimensional array of n elements of a type (PostgreSQL's number of it), without
 * the array's own length: n calls of the functions above follow. */
void dg_copy_array(struct dg_copy *c, uint32_t element_type, size_t n);

#define DG_COPY_HEAD 19 /* bytes before the first row */

/* Send all rows by `sql`, a COPY ... FROM STDIN (FORMAT binary); they are still there afterwards.
 * Errors of dg_pg_run. */
DG_MUST_CHECK int dg_copy_send_kept(struct dg_copy *c, struct dg_pg *pg, const char *sql,
                                    struct dg_error *err);
/* The same, and clear. */
DG_MUST_CHECK int dg_copy_send(struct dg_copy *c, struct dg_pg *pg, const char *sql,
                               struct dg_error *err);

/* PostgreSQL takes only UTF-8 without NUL: every other byte becomes \xHH, so that different names
 * stay different. A malloc'd string for the caller to free; NULL: out of memory. */
char *dg_pg_clean(const char *text, size_t len);

/* Names (tuples of texts) that have got a number: a hash table. A zeroed struct is empty. */
struct dg_name_entry;
struct dg_names {
    struct dg_name_entry *entry; /* [cap], cap a power of two or 0 */
    size_t n;
    size_t cap;
};

#define DG_NAME_PARTS 4
struct dg_name {
    const char *part[DG_NAME_PARTS]; /* [n] */
    size_t n;
};

void dg_names_deinit(struct dg_names *names);
/* The number, or 0 if it has none. */
int32_t dg_names_find(const struct dg_names *names, const struct dg_name *name);
/* id > 0; the name must be new. ENOMEM. */
DG_MUST_CHECK int dg_names_add(struct dg_names *names, const struct dg_name *name, int32_t id);

#endif
