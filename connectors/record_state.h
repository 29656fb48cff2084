/* connectors/record_state.h -- a record decoder from inside. Private to record_*.c. */
#ifndef DG_CONNECTORS_RECORD_STATE_H
#define DG_CONNECTORS_RECORD_STATE_H

#include "connectors/avro_plan.h"
#include "connectors/record_decoder.h"
#include "connectors/record_parts.h"
#include "connectors/record_presets.h"

#define DG_CONFLUENT_HEAD 5 /* a zero byte, the schema's id */

/* A pointer to an array of events, as steps. */
struct dg_record_steps {
    char **step; /* [n], in one allocation with their text */
    size_t n;
};

/* How to read the records of one writer's schema. */
struct dg_record_avro;

struct dg_record_decoder {
    struct dg_decoder base;
    const struct dg_source_spec *spec;
    struct dg_registry *registry; /* NULL: none */
    struct dg_record_parts parts;
    struct dg_avro_schema *schema; /* of spec->schema_file; NULL: none */
    uint64_t fingerprint;          /* of schema */
    struct dg_record_avro **avro;  /* [n_avro] the last used first */
    size_t n_avro, cap_avro;
    const struct dg_preset *preset; /* unpacks the events; NULL: they are where `array` says */
    struct dg_bytes unpacked;
    struct dg_record_steps *array; /* [1 + parts.n_parallel]; several only */
};

/* What a record holds, without its frame. */
struct dg_payload {
    const void *mode; /* how it is read: &dg_record_json_mode, or a struct dg_record_avro */
    const uint8_t *bytes;
    size_t len;
    enum dg_reason reason; /* else why it cannot be read */
};

extern const char dg_record_json_mode;

/*
 * The reader's part of a record: rows added to the batch, with reason and news. 0; ENOBUFS: the
 * scratch has not enough room, the batch's rows are as before; ENOMEM.
 */
DG_MUST_CHECK int dg_record_json(struct dg_record_decoder *d, const struct dg_payload *payload,
                                 struct dg_batch *batch);
DG_MUST_CHECK int dg_record_avro(struct dg_record_decoder *d, const struct dg_payload *payload,
                                 struct dg_batch *batch);

/* Records at the front that need nothing but the plan of `avro`, which the batch has begun with, as
 * far as there is room: how many were read. The next one is another case, or damaged. */
size_t dg_record_avro_stretch(struct dg_record_decoder *d, const struct dg_record_avro *avro,
                              const struct dg_record record[], size_t n, struct dg_batch *batch);

/* The first record of this mode in the batch, which has no texts yet. */
void dg_record_json_begin(struct dg_record_decoder *d, struct dg_batch *batch);
void dg_record_avro_begin(struct dg_record_decoder *d, const struct dg_record_avro *avro,
                          struct dg_batch *batch);
/* Scratch that the payload needs; several instances may need more. */
size_t dg_record_json_room(const struct dg_record_decoder *d, size_t len);
size_t dg_record_avro_room(const struct dg_record_avro *avro);

/* The reader of this schema, compiled once. NULL in *out: the schema cannot be used. ENOMEM. */
enum dg_schema_name { DG_SCHEMA_FILE, DG_SCHEMA_ID };
DG_MUST_CHECK int dg_record_avro_find(struct dg_record_decoder *d, enum dg_schema_name name,
                                      uint32_t id, const struct dg_avro_type *root,
                                      const struct dg_record_avro **out, struct dg_error *err);
/* The reader of that id, if there has been one. */
const struct dg_record_avro *dg_record_avro_known(struct dg_record_decoder *d,
                                                  enum dg_schema_name name, uint32_t id);
void dg_record_avro_free(struct dg_record_avro *avro);

/* Room for one more row; the parts follow the batch when it moves. */
DG_MUST_CHECK int dg_record_row(struct dg_record_decoder *d, struct dg_batch *batch);

static inline bool dg_record_has_room(const struct dg_batch *batch, size_t bytes)
{
    return batch->scratch.cap - batch->scratch.len >= bytes;
}

#endif
