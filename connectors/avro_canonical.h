/* connectors/avro_canonical.h -- by what fingerprint a record names its schema. */
#ifndef DG_CONNECTORS_AVRO_CANONICAL_H
#define DG_CONNECTORS_AVRO_CANONICAL_H

#include "connectors/avro_schema.h"

/* The Parsing Canonical Form of a schema: full names, nothing that does not change the encoding,
 * one order, no white space (Apache Avro 1.11 specification). *text is the caller's, from malloc.
 * ENOMEM. */
DG_MUST_CHECK int dg_avro_canonical(const struct dg_avro_type *root, char **text, size_t *len);

/* CRC-64-AVRO, the specification's Rabin fingerprint. O(n). */
uint64_t dg_avro_crc64(const void *bytes, size_t n);

#endif
