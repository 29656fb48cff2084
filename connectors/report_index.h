/* connectors/report_index.h -- names as small numbers, and tuples of them as places in lists. */
#ifndef DG_CONNECTORS_REPORT_INDEX_H
#define DG_CONNECTORS_REPORT_INDEX_H

#include "stats/base.h"

/* Distinct strings, numbered in order of arrival. At most `limit`; later ones become "(more)". */
struct dg_report_strings;
struct dg_report_strings *dg_report_strings_new(uint32_t limit); /* NULL: no memory */
void dg_report_strings_free(struct dg_report_strings *s);
DG_MUST_CHECK int dg_report_strings_add(struct dg_report_strings *s, const char *text,
                                        uint32_t *id); /* ENOMEM */
const char *dg_report_strings_get(const struct dg_report_strings *s, uint32_t id);
size_t dg_report_strings_bytes(const struct dg_report_strings *s);

/* A map from five numbers to one. */
struct dg_report_key {
    uint32_t part[5];
};
struct dg_report_index;
struct dg_report_index *dg_report_index_new(void); /* NULL: no memory */
void dg_report_index_free(struct dg_report_index *x);
/* Find `key`; if it is not there, put `value` there. *found is what the key has now. ENOMEM. */
DG_MUST_CHECK int dg_report_index_put(struct dg_report_index *x, const struct dg_report_key *key,
                                      uint32_t value, uint32_t *found);
bool dg_report_index_get(const struct dg_report_index *x, const struct dg_report_key *key,
                         uint32_t *value);
size_t dg_report_index_bytes(const struct dg_report_index *x);

#endif
