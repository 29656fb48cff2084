/* connectors/http_listen.h -- from "host:port" to a socket that listens; private to http_*.c. */
#ifndef DG_CONNECTORS_HTTP_LISTEN_H
#define DG_CONNECTORS_HTTP_LISTEN_H

#include "engine/error.h"

struct dg_http_socket {
    int fd; /* non-blocking, closed on exec */
    uint16_t port;
    bool loopback; /* nobody from another machine can reach it */
};

/* Errors as dg_http_endpoint_open. The caller closes the socket. */
DG_MUST_CHECK int dg_http_listen(const char *listen, struct dg_http_socket *out,
                                 struct dg_error *err);

#endif
