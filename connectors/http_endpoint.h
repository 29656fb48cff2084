/* connectors/http_endpoint.h -- /metrics, /livez, /readyz, /v1/status of a running daemon, by
 * libmicrohttpd: loopback unless told otherwise, GET and HEAD only, optional bearer token (not for
 * /livez and /readyz). */
#ifndef DG_CONNECTORS_HTTP_ENDPOINT_H
#define DG_CONNECTORS_HTTP_ENDPOINT_H

#include "engine/live/board.h"

struct dg_http_options {
    const char *listen;     /* "host:port", "[::1]:9464", ":9464" (every address), port 0: any */
    const char *token_file; /* NULL: none */
};

struct dg_http_endpoint;
/* EADDRINUSE, EADDRNOTAVAIL, EINVAL (listen), errno of the token file. `board` is borrowed. */
DG_MUST_CHECK int dg_http_endpoint_open(const struct dg_http_options *options,
                                        const struct dg_board *board, struct dg_http_endpoint **out,
                                        struct dg_error *err);
void dg_http_endpoint_close(struct dg_http_endpoint *e);
uint16_t dg_http_endpoint_port(const struct dg_http_endpoint *e);

#endif
