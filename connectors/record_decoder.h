/* connectors/record_decoder.h -- records of a topic into rows: framing, format, fields from key,
 * headers and place, several events in one record. */
#ifndef DG_CONNECTORS_RECORD_DECODER_H
#define DG_CONNECTORS_RECORD_DECODER_H

#include "connectors/registry.h"
#include "engine/decoder.h"
#include "engine/monitor.h"

/* From monitor->source; borrowed. */
struct dg_record_format {
    const struct dg_source_spec *spec;
    const char *schema_path; /* of spec->schema_file, resolved; NULL: none */
};

/*
 * Paths of the projection, beside names and pointers into the value: @key (text), @key/ptr (into a
 * JSON key), @header/NAME, @topic, @partition, @offset, @timestamp (record time). EINVAL: a path or
 * schema that cannot be used; ENOENT/EACCES of the schema file. The registry may be NULL: Confluent
 * framing is then DG_BAD_SCHEMA.
 */
DG_MUST_CHECK int dg_record_decoder_open(const struct dg_record_format *format,
                                         const struct dg_projection *projection,
                                         struct dg_registry *registry, struct dg_decoder **out,
                                         struct dg_error *err);

#endif
