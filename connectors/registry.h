/* connectors/registry.h -- a Confluent-compatible schema registry: schemas by id, over HTTP(S).
 * Shared by all decoders; thread-safe. */
#ifndef DG_CONNECTORS_REGISTRY_H
#define DG_CONNECTORS_REGISTRY_H

#include "connectors/avro_schema.h"

struct dg_registry_options {
    const char *url; /* http(s)://host[:port][/prefix]; no user or password in it */
    const char *user, *password_file; /* basic auth; NULL: none */
    const char *ca_file;              /* NULL: the system's; TLS is always verified */
    int timeout_ms;                   /* of one request; 0: 5000 */
};

/* Every function may be called by any thread. Who asks for a schema that is known never waits; who
 * asks for another waits for at most one request per schema that has to be fetched (references are
 * schemas too). Redirects are not followed; an answer has 4 MiB at most. The password file is read
 * anew for every request. No message has a password in it. */

struct dg_registry;
/* Copies the options; asks nothing yet. EINVAL: the URL cannot be used; the errno of reading the
 * password file or the authorities'; ENOMEM. */
DG_MUST_CHECK int dg_registry_open(const struct dg_registry_options *options,
                                   struct dg_registry **out, struct dg_error *err);
void dg_registry_close(struct dg_registry *r);

/*
 * The writer's schema of this id, with references resolved; lives as long as the registry. Known
 * ones are answered from memory. ENOENT: the registry says there is none (remembered for 30 s);
 * EINVAL: there is one that is no usable Avro schema (remembered); EAGAIN: the registry cannot be
 * asked now, or said 5xx or 429 (backs off: 0.1 s doubling to 10 s, with jitter; until then EAGAIN
 * at once); EACCES: 401 or 403, treated like EAGAIN by callers that must not lose records.
 */
DG_MUST_CHECK int dg_registry_schema(struct dg_registry *r, uint32_t id,
                                     const struct dg_avro_type **root, struct dg_error *err);

/* One request, for --check-connect. EAGAIN: no answer, or not that of a registry; EACCES. */
DG_MUST_CHECK int dg_registry_probe(struct dg_registry *r, struct dg_error *err);

#endif
