/* connectors/sink_fan.h -- one sink that forwards to several. */
#ifndef DG_CONNECTORS_SINK_FAN_H
#define DG_CONNECTORS_SINK_FAN_H

#include "engine/sink.h"

/*
 * Forward every call to sinks[0 .. n) in that order. The first that fails ends the call with its
 * code and sentence, and the rest do not get it: a run with a failed output is a failed run. The
 * fan owns the sinks from here on, on failure of this call too, and closes all of them, in reverse
 * order, in its own close. n may be 0. ENOMEM.
 */
DG_MUST_CHECK int dg_sink_fan_new(struct dg_sink *const sinks[], size_t n, struct dg_sink **out,
                                  struct dg_error *err);

#endif
