/* connectors/registry_http.h -- one GET of JSON over HTTP(S), with everything that a server could
 * do to us bounded. Private to registry*.c. */
#ifndef DG_CONNECTORS_REGISTRY_HTTP_H
#define DG_CONNECTORS_REGISTRY_HTTP_H

#include "connectors/registry.h"

#include <curl/curl.h>
#include <jansson.h>

#define DG_REGISTRY_ANSWER_MAX ((size_t)4 << 20) /* bytes; a schema has 1 MiB at most */

struct dg_registry_http {
    CURL *curl;
    char *url; /* without a slash at its end */
    char *user, *password_file, *ca_file;
    long timeout_ms;
    char said[CURL_ERROR_SIZE];
};

struct dg_registry_answer {
    long status;
    json_t *body;       /* the caller's; NULL: it is not JSON */
    bool too_large;     /* then no body */
    long retry_after_s; /* 0: not said */
};

/* EINVAL: options that cannot be used; EACCES, ENOENT of the password file or
 * of the authorities'; ENOMEM. */
DG_MUST_CHECK int dg_registry_http_init(struct dg_registry_http *h,
                                        const struct dg_registry_options *options,
                                        struct dg_error *err);
void dg_registry_http_deinit(struct dg_registry_http *h);

/* GET <url><path>. 0: there is an answer, whatever it is; EAGAIN: none, and why; ENOMEM. */
DG_MUST_CHECK int dg_registry_http_get(struct dg_registry_http *h, const char *path,
                                       struct dg_registry_answer *out, struct dg_error *err);

#endif
