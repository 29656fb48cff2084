/* connectors/record_decoder.h -- records of a topic into rows: framing, format, fields from key,
 * headers and place, several events in one record. */
#ifndef DG_CONNECTORS_RECORD_DECODER_H
#define DG_CONNECTORS_RECORD_DECODER_H

#include "connectors/registry.h"
#include "engine/decoder.h"
#include "engine/monitor.h"

/* From monitor->source; borrowed, and outlives the decoder. */
struct dg_record_format {
    const struct dg_source_spec *spec;
    const char *schema_path; /* of spec->schema_file, resolved; NULL: none. Read by open only */
};

/*
 * A decoder as engine/decoder.h wants it; docs/KAFKA.md has the rules, record by record. The
 * projection and the registry are borrowed and outlive it. The registry may be shared with others,
 * or be NULL: Confluent framing of Avro is then DG_BAD_SCHEMA.
 *
 * Paths of the projection, beside names and pointers into the value: @key (text), @key/NAME (into a
 * key that is JSON), @header/NAME, @topic, @partition, @offset, @timestamp (record time); and where
 * a record holds several events, ^/NAME around them and ^/ARRAY/#/NAME in an array that goes along.
 * The columns that projection.topic, partition, offset and record_time name are filled from the
 * record's own place and time.
 *
 * decode ends a batch early where the reader changes (another writer's schema, JSON after Avro) and
 * at 32768 rows, and says EAGAIN where the registry does not answer (EAGAIN and EACCES of
 * dg_registry_schema). base.tombstones counts records without a value. Nothing is allocated once
 * the batch has grown to what is handed in, except by the preset sagemaker; a schema that is new
 * costs a plan. Cost: one way through the bytes, two for several events.
 *
 * EINVAL: a path or schema that cannot be used; the errno of reading the schema file; ENOMEM.
 */
DG_MUST_CHECK int dg_record_decoder_open(const struct dg_record_format *format,
                                         const struct dg_projection *projection,
                                         struct dg_registry *registry, struct dg_decoder **out,
                                         struct dg_error *err);

#endif
