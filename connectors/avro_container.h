/* connectors/avro_container.h -- Avro object container files as a format (connectors/format.h).
 *
 * Codecs: null, deflate, snappy (checksum verified), zstandard. A chunk is one block, still
 * compressed; its records become rows with places 0, 1, ... through the file.
 *
 * Damage, and what it costs:
 *   a block whose end has no sync marker   one row DG_BAD_MALFORMED; reading goes on behind the
 *                                          next marker. A damaged marker between two blocks that
 *                                          are whole costs that row and no record
 *   a block that does not inflate          its declared records as DG_BAD_CODEC
 *   a datum that does not decode           it and the block's other declared records
 *   bytes behind the last datum            one row DG_BAD_MALFORMED
 *   the file ends inside a block           whole records of an uncompressed block are read, the
 *                                          other declared ones are DG_BAD_TRUNCATED
 *   more than 2^20 unreadable records of one block: one row for all of them, since the count
 *                                          itself is then in doubt
 *   a block above DG_AVRO_BLOCK_MAX bytes or DG_AVRO_ROWS_MAX records: one row DG_BAD_TOO_LARGE
 */
#ifndef DG_CONNECTORS_AVRO_CONTAINER_H
#define DG_CONNECTORS_AVRO_CONTAINER_H

#include "connectors/format.h"

#define DG_AVRO_SYNC       16
#define DG_AVRO_BLOCK_MAX  ((uint64_t)64 << 20) /* bytes of a block as stored */
#define DG_AVRO_ROWS_MAX   ((uint64_t)1 << 22)  /* records of a block */
#define DG_AVRO_HEADER_MAX ((uint64_t)16 << 20) /* bytes of the file's metadata */

extern const struct dg_format_ops dg_avro_format;

#endif
