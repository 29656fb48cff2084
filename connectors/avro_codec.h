/* connectors/avro_codec.h -- the block codecs of Avro container files. */
#ifndef DG_CONNECTORS_AVRO_CODEC_H
#define DG_CONNECTORS_AVRO_CODEC_H

#include "engine/batch.h"

#define DG_AVRO_INFLATED_MAX ((size_t)256 << 20) /* bytes of one block, inflated */

enum dg_avro_codec { DG_AVRO_RAW, DG_AVRO_DEFLATE, DG_AVRO_SNAPPY, DG_AVRO_ZSTD, DG_AVRO_CODECS };

/* By the name in the file's header, [len] bytes: null, deflate, snappy, zstandard. */
bool dg_avro_codec_find(const char *name, size_t len, enum dg_avro_codec *codec);

/* Reused decompressor states, one per lane at most. Opaque, shared by threads. */
struct dg_avro_inflaters;
DG_MUST_CHECK int dg_avro_inflaters_new(enum dg_avro_codec codec, struct dg_avro_inflaters **out);
void dg_avro_inflaters_free(struct dg_avro_inflaters *p);

/*
 * Inflate block[len] to out->data[0 .. *inflated - 1], whose memory grows as needed; out->len stays
 * 0. Not for DG_AVRO_RAW. Sets *reason to DG_GOOD, DG_BAD_CODEC (corrupt, or its checksum differs)
 * or DG_BAD_TOO_LARGE (above DG_AVRO_INFLATED_MAX). Returns 0 or ENOMEM. Allocates nothing once the
 * buffer has the size of the blocks.
 */
DG_MUST_CHECK int dg_avro_inflate(struct dg_avro_inflaters *p, const uint8_t block[], size_t len,
                                  struct dg_bytes *out, size_t *inflated, enum dg_reason *reason);

#endif
