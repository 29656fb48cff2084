/* tests/support/registry_server.h -- a schema registry for tests, on a port of its own of loopback,
 * that can be told to misbehave. One connection at a time, each on its own thread. */
#ifndef DG_TESTS_SUPPORT_REGISTRY_SERVER_H
#define DG_TESTS_SUPPORT_REGISTRY_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum registry_manner {
    REGISTRY_ANSWER,  /* status, body */
    REGISTRY_HANG,    /* says nothing until registry_server_release */
    REGISTRY_DROP,    /* closes the connection */
    REGISTRY_ENDLESS, /* a body without end */
};

struct registry_route {
    const char *path; /* as asked for, or NULL after the last */
    int status;
    const char *headers; /* further ones, each with its line end; NULL: none */
    const char *body;
    enum registry_manner manner;
    const char *authorization; /* what the request must carry, else 401; NULL: nothing */
};

struct registry_server;

/* `routes` is read at every request, and may be changed in between. Ends the process if there is no
 * port. */
struct registry_server *registry_server_start(const struct registry_route *routes);
void registry_server_stop(struct registry_server *s);
const char *registry_server_url(const struct registry_server *s);
/* Requests so far. */
unsigned registry_server_count(const struct registry_server *s);
void registry_server_release(struct registry_server *s);

#endif
