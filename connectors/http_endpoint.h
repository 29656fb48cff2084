/* connectors/http_endpoint.h -- /metrics, /livez, /readyz, /v1/status of a running daemon, by
 * libmicrohttpd: loopback unless told otherwise, GET and HEAD only, optional bearer token (not for
 * /livez and /readyz).
 *
 * One thread answers, one ends connections that take too long; both keep every signal to others.
 * Each connection is for one request. Nothing a client sends is kept or logged. */
#ifndef DG_CONNECTORS_HTTP_ENDPOINT_H
#define DG_CONNECTORS_HTTP_ENDPOINT_H

#include "engine/live/board.h"

#define DG_HTTP_CONNECTIONS 64 /* at once; more wait to be accepted */
#define DG_HTTP_TIMEOUT_MS  10000

struct dg_http_options {
    /* "host:port", "[::1]:9464", ":9464" (every address, IPv6 and IPv4), port 0: any free one. A
     * name: the first of its addresses that can be had. */
    const char *listen;
    const char *token_file; /* its first line, at most 500 bytes, is the token; NULL: none needed.
                               Read again at every request, so that it can be replaced; while it
                               cannot be read, the last good one counts */
    int timeout_ms;         /* from connecting to the last byte of the answer; 0: the default */
};

struct dg_http_endpoint;
/*
 * Listen and answer from now on. `board` is borrowed until close; options are copied. Every address
 * without a token: a warning in the log. EADDRINUSE, EADDRNOTAVAIL, EACCES (port), EINVAL (listen,
 * or a token file without a token), errno of the token file, ENOMEM.
 */
DG_MUST_CHECK int dg_http_endpoint_open(const struct dg_http_options *options,
                                        const struct dg_board *board, struct dg_http_endpoint **out,
                                        struct dg_error *err);
/* Ends connections that are open; returns within a second or so. NULL is fine. */
void dg_http_endpoint_close(struct dg_http_endpoint *e);
/* The port that it listens on. */
uint16_t dg_http_endpoint_port(const struct dg_http_endpoint *e);

#endif
