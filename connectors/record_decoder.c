#include "connectors/record_decoder.h"

#include "connectors/avro_canonical.h"
#include "connectors/file_source.h"
#include "connectors/record_state.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINGLE_HEAD      10                 /* C3 01, the schema's fingerprint */
#define SCRATCH_AT_ONCE  ((size_t)32 << 20) /* asked for in advance, if the records need it */
#define ROWS_AT_ONCE     ((size_t)1 << 15)  /* a batch of this many is handed over */
#define ID_LENGTH_MAX    4096               /* of one that gets an instance's number */
#define ID_NUMBER_LENGTH 12                 /* "#" and the number */

/* ---- frames -------------------------------------------------------------------------------- */

static void refuse(struct dg_payload *payload, enum dg_reason reason)
{
    payload->reason = reason;
}

/* The reader of a schema that is at hand. */
static int use_schema(struct dg_record_decoder *d, enum dg_schema_name name, uint32_t id,
                      const struct dg_avro_type *root, struct dg_payload *payload,
                      struct dg_error *err)
{
    const struct dg_record_avro *avro = NULL;
    if (d->preset != NULL) { /* its records are JSON */
        refuse(payload, DG_BAD_MALFORMED);
        return 0;
    }
    const int rc = dg_record_avro_find(d, name, id, root, &avro, err);
    if (rc == 0 && avro == NULL) {
        refuse(payload, DG_BAD_SCHEMA);
    }
    payload->mode = rc == 0 ? avro : NULL;
    return rc;
}

static int use_id(struct dg_record_decoder *d, uint32_t id, struct dg_payload *payload,
                  struct dg_error *err)
{
    const struct dg_avro_type *root = NULL;
    if (d->n_avro > 0 && dg_record_avro_known(d, DG_SCHEMA_ID, id) != NULL) {
        return use_schema(d, DG_SCHEMA_ID, id, NULL, payload, err);
    }
    if (d->registry == NULL) {
        refuse(payload, DG_BAD_SCHEMA);
        return 0;
    }
    const int rc = dg_registry_schema(d->registry, id, &root, err);
    if (rc == 0) {
        return use_schema(d, DG_SCHEMA_ID, id, root, payload, err);
    }
    if (rc == ENOENT || rc == EINVAL) {
        refuse(payload, DG_BAD_SCHEMA);
        return 0;
    }
    return rc == ENOMEM ? ENOMEM : EAGAIN;
}

static void advance(struct dg_payload *payload, size_t n)
{
    payload->bytes += n;
    payload->len -= n;
}

static int confluent(struct dg_record_decoder *d, struct dg_payload *payload, struct dg_error *err)
{
    if (payload->len < DG_CONFLUENT_HEAD || payload->bytes[0] != 0) {
        refuse(payload, DG_BAD_MALFORMED);
        return 0;
    }
    uint32_t id;
    memcpy(&id, payload->bytes + 1, sizeof id);
    advance(payload, DG_CONFLUENT_HEAD);
    if (d->spec->kind == DG_RECORD_JSON) { /* the JSON says all that the schema could */
        payload->mode = &dg_record_json_mode;
        return 0;
    }
    return use_id(d, be32toh(id), payload, err);
}

static int single_object(struct dg_record_decoder *d, struct dg_payload *payload,
                         struct dg_error *err)
{
    if (payload->len < SINGLE_HEAD || payload->bytes[0] != 0xc3 || payload->bytes[1] != 0x01) {
        refuse(payload, DG_BAD_MALFORMED);
        return 0;
    }
    uint64_t fingerprint;
    memcpy(&fingerprint, payload->bytes + 2, sizeof fingerprint);
    advance(payload, SINGLE_HEAD);
    if (d->schema == NULL || le64toh(fingerprint) != d->fingerprint) {
        refuse(payload, DG_BAD_SCHEMA);
        return 0;
    }
    return use_schema(d, DG_SCHEMA_FILE, 0, dg_avro_schema_root(d->schema), payload, err);
}

static int bare(struct dg_record_decoder *d, struct dg_payload *payload, struct dg_error *err)
{
    if (d->spec->kind != DG_RECORD_JSON && d->schema != NULL) {
        return use_schema(d, DG_SCHEMA_FILE, 0, dg_avro_schema_root(d->schema), payload, err);
    }
    if (d->spec->kind == DG_RECORD_AVRO) {
        refuse(payload, DG_BAD_SCHEMA);
        return 0;
    }
    payload->mode = &dg_record_json_mode;
    return 0;
}

/* 0; EAGAIN, ENOMEM. */
static int unframe(struct dg_record_decoder *d, const struct dg_record *record,
                   struct dg_payload *payload, struct dg_error *err)
{
    *payload = (struct dg_payload){.bytes = record->value, .len = record->value_len};
    if (record->value_len > DG_RECORD_BYTES_DEFAULT || record->key_len > DG_RECORD_BYTES_DEFAULT) {
        refuse(payload, DG_BAD_TOO_LARGE);
        return 0;
    }
    switch (d->spec->framing) {
    case DG_FRAMING_CONFLUENT:
        return confluent(d, payload, err);
    case DG_FRAMING_SINGLE_OBJECT:
        return single_object(d, payload, err);
    case DG_FRAMING_BARE:
        return bare(d, payload, err);
    case DG_FRAMING_AUTO:
        break;
    }
    const uint8_t *const v = payload->bytes;
    if (payload->len >= DG_CONFLUENT_HEAD && v[0] == 0) {
        return confluent(d, payload, err);
    }
    if (payload->len >= SINGLE_HEAD && v[0] == 0xc3 && v[1] == 0x01) {
        return single_object(d, payload, err);
    }
    return bare(d, payload, err);
}

/* ---- rows ---------------------------------------------------------------------------------- */

int dg_record_row(struct dg_record_decoder *d, struct dg_batch *batch)
{
    if (batch->n < batch->cap) {
        return 0;
    }
    const size_t cap = batch->cap;
    const int rc = dg_batch_reserve(batch, batch->n + 1);
    if (rc == 0 && batch->cap != cap) {
        dg_record_parts_bind(&d->parts, batch);
    }
    return rc;
}

static size_t room_beside(const struct dg_record_decoder *d, const struct dg_record *record)
{
    const size_t key = d->parts.key.projection.n > 0 ? 2 * record->key_len + DG_JSON_PAD : 0;
    return key + d->parts.row_room;
}

static size_t room_of(const struct dg_record_decoder *d, const void *mode,
                      const struct dg_record *record)
{
    const size_t own = mode == &dg_record_json_mode ? dg_record_json_room(d, record->value_len)
                                                    : dg_record_avro_room(mode);
    return own + room_beside(d, record);
}

/* The first record of a batch that has a reader: room for as many as there may be. */
static int begin(struct dg_record_decoder *d, const void *mode, const struct dg_record records[],
                 size_t n, size_t least, struct dg_batch *batch)
{
    size_t room = 0;
    for (size_t i = 0; i < n && room < SCRATCH_AT_ONCE; i++) {
        room += room_of(d, mode, &records[i]);
    }
    const size_t first = room_of(d, mode, &records[0]);
    room = room > SCRATCH_AT_ONCE && first < SCRATCH_AT_ONCE ? SCRATCH_AT_ONCE : room;
    room = room < least ? least : room;
    int rc = dg_batch_reserve(batch, batch->n + (n < ROWS_AT_ONCE ? n : ROWS_AT_ONCE));
    batch->scratch.len = 0;
    rc = rc != 0 ? rc : dg_batch_scratch(batch, room < first ? first : room);
    if (rc != 0) {
        return rc;
    }
    dg_record_parts_bind(&d->parts, batch);
    if (mode == &dg_record_json_mode) {
        dg_record_json_begin(d, batch);
    } else {
        dg_record_avro_begin(d, mode, batch);
    }
    return 0;
}

/* Ids of instances that share their record's id: "ID#0", "ID#1", ... */
static int number_ids(const struct dg_record_decoder *d, struct dg_batch *batch, size_t first)
{
    struct dg_text *const id = batch->column[d->parts.whole->id].text;
    const struct dg_text shared = id[first];
    if (shared.triage != DG_FINITE || shared.len == 0) {
        return 0;
    }
    for (size_t row = first; row < batch->n; row++) {
        if (shared.len > ID_LENGTH_MAX) {
            batch->reason[row] = DG_BAD_TOO_LARGE;
            continue;
        }
        if (!dg_record_has_room(batch, shared.len + ID_NUMBER_LENGTH)) {
            return ENOBUFS;
        }
        char *const text = (char *)batch->scratch.data + batch->scratch.len;
        memcpy(text, shared.bytes, shared.len);
        const int n = snprintf(text + shared.len, ID_NUMBER_LENGTH, "#%zu", row - first);
        id[row] = (struct dg_text){.bytes = text, .len = shared.len + (uint32_t)n};
        batch->scratch.len += id[row].len;
    }
    return 0;
}

/* The columns of a record without a good row may hold anything. */
static bool any_good(const struct dg_batch *batch, size_t first)
{
    for (size_t row = first; row < batch->n; row++) {
        if (batch->reason[row] == DG_GOOD) {
            return true;
        }
    }
    return false;
}

/* What stands beside the value, of rows of which one at least is good. */
static int put_beside(struct dg_record_decoder *d, const struct dg_topic_partition *place,
                      const struct dg_record *record, struct dg_batch *batch, size_t first)
{
    struct dg_record_parts *const p = &d->parts;
    const int time = p->whole->time;
    const bool good = dg_record_beside(p, place, record, batch, first);
    if (p->several) {
        dg_record_parts_share(p, batch, first, batch->n);
    }
    if (good && p->several && p->id_shared && number_ids(d, batch, first) != 0) {
        return ENOBUFS;
    }
    for (size_t row = first; row < batch->n; row++) {
        if (batch->reason[row] == DG_GOOD && !good) {
            batch->reason[row] = DG_BAD_UTF8;
        } else if (batch->reason[row] == DG_GOOD && time >= 0 &&
                   batch->column[time].integer[row] == DG_TIME_NONE) {
            batch->reason[row] = DG_BAD_TIME;
        }
    }
    return 0;
}

static int finish(struct dg_record_decoder *d, const struct dg_topic_partition *place,
                  const struct dg_record *record, struct dg_batch *batch, size_t first)
{
    if (any_good(batch, first) && put_beside(d, place, record, batch, first) != 0) {
        return ENOBUFS;
    }
    for (size_t row = first; row < batch->n; row++) {
        batch->place[row] = (uint64_t)record->offset;
        batch->record_us[row] = record->time_us;
        batch->news[row] = batch->reason[row] == DG_GOOD ? batch->news[row] : 0;
    }
    return 0;
}

static int add_bad(struct dg_batch *batch, enum dg_reason reason, const struct dg_record *record)
{
    const int rc = dg_batch_add_bad(batch, reason, (uint64_t)record->offset);
    if (rc == 0) {
        batch->record_us[batch->n - 1] = record->time_us;
    }
    return rc;
}

static int one(struct dg_record_decoder *d, const struct dg_topic_partition *place,
               const struct dg_record *record, const struct dg_payload *payload,
               struct dg_batch *batch)
{
    const size_t first = batch->n;
    int rc = payload->mode == &dg_record_json_mode ? dg_record_json(d, payload, batch)
                                                   : dg_record_avro(d, payload, batch);
    if (rc == 0 && !dg_record_has_room(batch, room_beside(d, record))) {
        rc = ENOBUFS;
    }
    rc = rc == 0 ? finish(d, place, record, batch, first) : rc;
    if (rc != 0) {
        batch->n = first;
    }
    return rc;
}

/* Reading the records of one call. */
struct walk {
    const struct dg_record *records;
    size_t n, i;
    const void *mode; /* of the batch; NULL: nothing in it has been read yet */
    size_t start;     /* the first record of that mode */
    struct dg_batch *batch;
};

/* 0: on to the next; EAGAIN, ENOMEM; ENOBUFS: the batch ends before this record. */
static int step(struct dg_record_decoder *d, const struct dg_topic_partition *place, struct walk *w,
                struct dg_error *err)
{
    const struct dg_record *const record = &w->records[w->i];
    struct dg_payload payload;
    if (record->value == NULL) {
        d->base.tombstones++;
        return 0;
    }
    int rc = unframe(d, record, &payload, err);
    if (rc != 0 || payload.reason != DG_GOOD) {
        return rc != 0 ? rc : add_bad(w->batch, payload.reason, record);
    }
    if (w->mode != NULL && w->mode != payload.mode) {
        return ENOBUFS;
    }
    if (w->mode == NULL) {
        w->mode = payload.mode;
        w->start = w->i;
        rc = begin(d, w->mode, record, w->n - w->i, 0, w->batch);
    }
    rc = rc == 0 ? one(d, place, record, &payload, w->batch) : rc;
    while (rc == ENOBUFS && w->i == w->start) { /* alone it needs more; nothing points there yet */
        rc = begin(d, w->mode, record, w->n - w->i, 2 * w->batch->scratch.cap, w->batch);
        rc = rc == 0 ? one(d, place, record, &payload, w->batch) : rc;
    }
    return rc;
}

static bool is_avro(const void *mode)
{
    return mode != NULL && mode != &dg_record_json_mode;
}

static int decode(struct dg_decoder *self, const struct dg_topic_partition *place,
                  const struct dg_record records[], size_t n, struct dg_batch *batch, size_t *done,
                  struct dg_error *err)
{
    struct dg_record_decoder *const d = (struct dg_record_decoder *)self;
    struct walk w = {.records = records, .n = n, .batch = batch};
    int rc = 0;
    batch->timed = true;
    while (w.i < n && rc == 0 && batch->n < ROWS_AT_ONCE) {
        rc = step(d, place, &w, err);
        w.i += rc == 0;
        for (size_t read = 1; rc == 0 && read > 0 && is_avro(w.mode); w.i += read) {
            read = dg_record_avro_stretch(d, w.mode, &records[w.i], n - w.i, batch);
        }
    }
    *done = w.i;
    return rc == ENOMEM ? dg_fail_memory(err) : rc == ENOBUFS ? 0 : rc;
}

/* ---- open and close ------------------------------------------------------------------------ */

static void close_decoder(struct dg_decoder *self)
{
    struct dg_record_decoder *const d = (struct dg_record_decoder *)self;
    for (size_t i = 0; i < d->n_avro; i++) {
        dg_record_avro_free(d->avro[i]);
    }
    free(d->avro);
    for (size_t i = 0; d->array != NULL && i <= d->parts.n_parallel; i++) {
        free(d->array[i].step);
    }
    free(d->array);
    dg_record_parts_deinit(&d->parts);
    dg_avro_schema_free(d->schema);
    dg_bytes_deinit(&d->unpacked);
    free(d);
}

static const struct dg_decoder_ops record_decoder_ops = {
    .name = "record",
    .decode = decode,
    .close = close_decoder,
};

static int slurp(const char *path, char **text, size_t *len, struct dg_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *buf = fd < 0 ? NULL : malloc(DG_AVRO_SCHEMA_BYTES_MAX + 1);
    size_t n = 0;
    ssize_t got = buf == NULL ? -1 : 1;
    while (got > 0 && n <= DG_AVRO_SCHEMA_BYTES_MAX) {
        got = read(fd, buf + n, DG_AVRO_SCHEMA_BYTES_MAX + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    const int code = got < 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (code != 0) {
        free(buf);
        return dg_fail(err, code, "cannot read the Avro schema %s: %s", path, strerror(code));
    }
    *text = buf;
    *len = n;
    return 0;
}

static int load_schema(struct dg_record_decoder *d, const char *path, struct dg_error *err)
{
    char *text = NULL, *canonical = NULL;
    size_t len = 0, n = 0;
    struct dg_error inner = {0};
    int rc = slurp(path, &text, &len, err);
    if (rc != 0) {
        return rc;
    }
    rc = dg_avro_schema_parse(text, len, &d->schema, &inner);
    free(text);
    if (rc != 0) {
        return dg_fail(err, rc == ENOMEM ? ENOMEM : EINVAL, "%s: %s", path, inner.message);
    }
    rc = dg_avro_canonical(dg_avro_schema_root(d->schema), &canonical, &n);
    if (rc != 0) {
        return dg_fail_memory(err);
    }
    d->fingerprint = dg_avro_crc64(canonical, n);
    free(canonical);
    return 0;
}

static int split(const char *path, struct dg_record_steps *out)
{
    const size_t len = strlen(path);
    size_t n = 0;
    for (const char *p = path; *p != '\0'; p++) {
        n += *p == '/';
    }
    char **step = malloc(n * sizeof(char *) + len + 1);
    if (step == NULL) {
        return ENOMEM;
    }
    char *w = (char *)(step + n);
    for (const char *p = path; *p == '/';) {
        step[out->n++] = w;
        for (p++; *p != '\0' && *p != '/'; p++) {
            if (*p == '~') {
                *w++ = *++p == '0' ? '~' : '/';
            } else {
                *w++ = *p;
            }
        }
        *w++ = '\0';
    }
    out->step = step;
    return 0;
}

static const char *instances_of(const struct dg_source_spec *spec)
{
    const bool kserve = spec->preset != NULL && strcmp(spec->preset, "kserve") == 0;
    return spec->instances != NULL ? spec->instances : kserve ? "/instances" : NULL;
}

/* Where the events stand; 0: the record is the event. */
static size_t events_of(const struct dg_record_decoder *d, const char *events[DG_PRESET_CAPTURES])
{
    size_t n = 0;
    if (d->preset != NULL) {
        while (n < DG_PRESET_CAPTURES && d->preset->capture[n] != NULL) {
            events[n] = d->preset->capture[n];
            n++;
        }
    } else if (instances_of(d->spec) != NULL) {
        events[n++] = instances_of(d->spec);
    }
    return n;
}

static int split_arrays(struct dg_record_decoder *d, struct dg_error *err)
{
    const struct dg_record_parts *const p = &d->parts;
    d->array = calloc(p->n_parallel + 1, sizeof *d->array);
    int rc = d->array == NULL ? ENOMEM : 0;
    for (size_t i = 0; p->several && i <= p->n_parallel && rc == 0; i++) {
        const char *const path = i > 0               ? p->parallel[i - 1].array
                                 : d->preset != NULL ? ""
                                                     : instances_of(d->spec);
        rc = split(path, &d->array[i]);
    }
    return rc == 0 ? 0 : dg_fail_memory(err);
}

/* Paths are judged once, by a plan for a schema that has none of them. */
static int check_paths(const struct dg_record_decoder *d, struct dg_error *err)
{
    static const struct dg_avro_type nothing = {.kind = DG_AVRO_NULL};
    const struct dg_record_parts *const p = &d->parts;
    const struct dg_record_part *const part[] = {&p->event, &p->around, &p->key};
    for (size_t i = 0; i < 3 + p->n_parallel; i++) {
        struct dg_avro_plan *plan = NULL;
        const struct dg_record_part *const x = i < 3 ? part[i] : &p->parallel[i - 3];
        const int rc = dg_avro_plan_compile(&nothing, &x->projection, &plan, err);
        dg_avro_plan_free(plan);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int dg_record_decoder_open(const struct dg_record_format *format,
                           const struct dg_projection *projection, struct dg_registry *registry,
                           struct dg_decoder **out, struct dg_error *err)
{
    struct dg_record_decoder *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return dg_fail_memory(err);
    }
    d->base.ops = &record_decoder_ops;
    d->spec = format->spec;
    d->registry = registry;
    d->preset = dg_preset_find(format->spec->preset);
    const char *events[DG_PRESET_CAPTURES];
    const size_t n_events = events_of(d, events);
    int rc = dg_record_parts_init(&d->parts, projection, events, n_events, err);
    rc = rc != 0 ? rc : split_arrays(d, err);
    rc = rc != 0 ? rc : check_paths(d, err);
    if (rc == 0 && format->schema_path != NULL) {
        rc = load_schema(d, format->schema_path, err);
    }
    if (rc != 0) {
        close_decoder(&d->base);
        return rc;
    }
    *out = &d->base;
    return 0;
}
