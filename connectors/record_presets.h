/* connectors/record_presets.h -- records of others whose events are no elements of an array: they
 * are rewritten into one. Private to record_*.c.
 *
 *   open_inference  /inputs, /outputs: tensors {name, shape, datatype, data}. The first dimension
 *                   counts events; a tensor of one value per event becomes a field of its name, of
 *                   several an array: {"age": 31, "pixels": [0, 1]}
 *   seldon          /data/names and /data/ndarray or /data/tensor: a field per name, or arrays
 *                   where there are no names
 *   sagemaker       /captureData/endpointInput and endpointOutput, each CSV, JSON or JSON lines in
 * a string, or in BASE64: {"input": ..., "output": ...}, a line of CSV as an array
 */
#ifndef DG_CONNECTORS_RECORD_PRESETS_H
#define DG_CONNECTORS_RECORD_PRESETS_H

#include "engine/batch.h"

#define DG_PRESET_CAPTURES    4
#define DG_PRESET_TENSORS_MAX 512
#define DG_PRESET_BYTES_MAX   ((size_t)64 << 20) /* of a record rewritten */

struct dg_preset {
    const char *name;
    const char *capture[DG_PRESET_CAPTURES]; /* what unpack gets, NULL after the last */
    /* captured[i]: where the value at capture[i] begins in a text that ends at `end` and has been
     * read before; NULL: there is none. The array of events to `out`, nothing if there are none.
     * Another reason than DG_GOOD: the record is not of the preset. Check out->failed. */
    enum dg_reason (*unpack)(const uint8_t *const captured[], const uint8_t *end,
                             struct dg_bytes *out);
};

/* NULL: no preset of that name needs unpacking. */
const struct dg_preset *dg_preset_find(const char *name);

/* For the files of presets. */
enum dg_reason dg_preset_open_inference(const uint8_t *const captured[], const uint8_t *end,
                                        struct dg_bytes *out);
enum dg_reason dg_preset_seldon(const uint8_t *const captured[], const uint8_t *end,
                                struct dg_bytes *out);
enum dg_reason dg_preset_sagemaker(const uint8_t *const captured[], const uint8_t *end,
                                   struct dg_bytes *out);

#endif
