#include "connectors/http_endpoint.h"
#include "connectors/clock.h"

#include "connectors/http_listen.h"
#include "connectors/process_metrics.h"
#include "connectors/token_file.h"
#include "engine/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES 16384 /* of one connection: request line and header fields */
#define SWEEP_MS      200

/* A connection, so that one that takes too long can be ended. */
struct link {
    int fd; /* -1: free */
    int64_t since_ms;
};

struct dg_http_endpoint {
    const struct dg_board *board;
    struct MHD_Daemon *daemon;
    struct dg_http_socket socket;
    int timeout_ms;
    char *token_file;
    char token[DG_TOKEN_MAX]; /* only the answering thread reads it after open */
    pthread_t sweeper;
    bool sweeping;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t ended;
    bool end;
    struct link link[DG_HTTP_CONNECTIONS];
};

/* -- answers -- */

static const char plain[] = "text/plain; charset=utf-8";

/* Hand over text[len], which is owned from here on. */
static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              char *text, size_t len, const char *name, const char *value)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (r == NULL) {
        free(text);
        return MHD_NO;
    }
    const bool dressed =
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
        (name == NULL || MHD_add_response_header(r, name, value) == MHD_YES);
    const enum MHD_Result result = dressed ? MHD_queue_response(c, status, r) : MHD_NO;
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result answer_words(struct MHD_Connection *c, unsigned status, const char *words,
                                    const char *name, const char *value)
{
    char *text = NULL;
    const int n = asprintf(&text, "%s\n", words);
    return n < 0 ? MHD_NO : answer(c, status, plain, text, (size_t)n, name, value);
}

static int write_metrics(const struct dg_board *b, FILE *out)
{
    const int code = dg_board_metrics(b, out);
    dg_process_metrics(out);
    return code != 0 || ferror(out) != 0 ? ENOMEM : 0;
}

static enum MHD_Result answer_document(struct MHD_Connection *c, const struct dg_board *b,
                                       int (*write)(const struct dg_board *b, FILE *out),
                                       const char *type)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    const int code = out != NULL ? write(b, out) : ENOMEM;
    if (out == NULL || fclose(out) != 0 || code != 0) {
        free(text);
        return answer_words(c, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory", NULL, NULL);
    }
    return answer(c, MHD_HTTP_OK, type, text, len, NULL, NULL);
}

static enum MHD_Result answer_probe(struct MHD_Connection *c, const struct dg_board *b,
                                    bool (*good)(const struct dg_board *b, char *why, size_t n),
                                    const char *yes)
{
    char why[DG_BOARD_WORDS_MAX] = "";
    return good(b, why, sizeof why)
               ? answer_words(c, MHD_HTTP_OK, yes, NULL, NULL)
               : answer_words(c, MHD_HTTP_SERVICE_UNAVAILABLE, why, NULL, NULL);
}

/* -- who may ask -- */

/* Equal, in a time that tells nothing about where they differ. */
static bool same_secret(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned char a_hash[SHA256_DIGEST_LENGTH], b_hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)a, a_len, a_hash);
    SHA256((const unsigned char *)b, b_len, b_hash);
    return CRYPTO_memcmp(a_hash, b_hash, sizeof a_hash) == 0;
}

static bool may_ask(struct dg_http_endpoint *e, struct MHD_Connection *c)
{
    static const char scheme[] = "Bearer ";
    if (e->token_file == NULL) {
        return true;
    }
    char fresh[DG_TOKEN_MAX];
    if (dg_token_read(e->token_file, fresh, NULL) == 0) {
        memcpy(e->token, fresh, sizeof fresh);
        OPENSSL_cleanse(fresh, sizeof fresh);
    } else {
        dg_log_limited(DG_LOG_WARNING, "token_file", "token_file",
                       "the token file %s cannot be read any more; the token it held counts",
                       e->token_file);
    }
    const char *given =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (given == NULL || strncasecmp(given, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    given += sizeof scheme - 1;
    given += strspn(given, " ");
    size_t len = strlen(given);
    while (len > 0 && given[len - 1] == ' ') {
        len--;
    }
    return same_secret(given, len, e->token, strlen(e->token));
}

/* -- routes -- */

enum page { PAGE_INDEX, PAGE_LIVE, PAGE_READY, PAGE_METRICS, PAGE_STATUS, PAGES };

static const char *const page_paths[PAGES] = {"/", "/livez", "/readyz", "/metrics", "/v1/status"};

static const char index_words[] = "driftgauge\n\n"
                                  "/metrics    for Prometheus\n"
                                  "/livez      200 while its threads move\n"
                                  "/readyz     200 when ready, else 503 and why\n"
                                  "/v1/status  everything, as JSON";

static enum page find_page(const char *path)
{
    int i = 0;
    while (i < PAGES && strcmp(page_paths[i], path) != 0) {
        i++;
    }
    return (enum page)i;
}

static enum MHD_Result answer_page(struct dg_http_endpoint *e, struct MHD_Connection *c,
                                   enum page page)
{
    switch (page) {
    case PAGE_LIVE:
        return answer_probe(c, e->board, dg_board_alive, "alive");
    case PAGE_READY:
        return answer_probe(c, e->board, dg_board_ready, "ready");
    case PAGE_INDEX:
    case PAGE_METRICS:
    case PAGE_STATUS:
    case PAGES:
        break;
    }
    if (!may_ask(e, c)) {
        return answer_words(c, MHD_HTTP_UNAUTHORIZED, "a bearer token is needed",
                            MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"driftgauge\"");
    }
    switch (page) {
    case PAGE_METRICS:
        return answer_document(c, e->board, write_metrics,
                               "text/plain; version=0.0.4; charset=utf-8");
    case PAGE_STATUS:
        return answer_document(c, e->board, dg_board_status, "application/json");
    case PAGE_INDEX:
        return answer_words(c, MHD_HTTP_OK, index_words, NULL, NULL);
    case PAGE_LIVE:
    case PAGE_READY:
    case PAGES:
        break;
    }
    return answer_words(c, MHD_HTTP_NOT_FOUND, "no such page; / lists them", NULL, NULL);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    static int seen;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_words(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD", MHD_HTTP_HEADER_ALLOW,
                            "GET, HEAD");
    }
    if (*request == NULL) { /* the header fields have come */
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_len > 0) { /* nobody asked for a body */
        *upload_len = 0;
        return MHD_YES;
    }
    return answer_page(cls, c, find_page(url));
}

/* -- connections that take too long -- */

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct dg_http_endpoint *e = cls;
    pthread_mutex_lock(&e->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
        for (size_t i = 0; info != NULL && i < DG_HTTP_CONNECTIONS && *context == NULL; i++) {
            if (e->link[i].fd < 0) {
                e->link[i] = (struct link){info->connect_fd, dg_steady_ms()};
                *context = &e->link[i];
            }
        }
    } else if (*context != NULL) { /* before the socket is closed */
        struct link *link = *context;
        link->fd = -1;
        *context = NULL;
    }
    pthread_mutex_unlock(&e->lock);
}

/* The server's own time-out begins anew with every byte; this one does not. */
static void *sweep(void *arg)
{
    struct dg_http_endpoint *e = arg;
    pthread_mutex_lock(&e->lock);
    while (!e->end) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SWEEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&e->ended, &e->lock, &until);
        const int64_t now_ms = dg_steady_ms();
        for (size_t i = 0; i < DG_HTTP_CONNECTIONS; i++) {
            const struct link *l = &e->link[i];
            if (l->fd >= 0 && now_ms - l->since_ms > e->timeout_ms) {
                shutdown(l->fd, SHUT_RDWR);
            }
        }
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* -- life -- */

DG_PRINTF(2, 0)
static void log_server(void *cls, const char *format, va_list args)
{
    char words[500];
    (void)cls;
    vsnprintf(words, sizeof words, format, args);
    words[strcspn(words, "\n")] = '\0';
    dg_log_limited(DG_LOG_DEBUG, "http", "http", "%s", words);
}

static int prepare(struct dg_http_endpoint *e, const struct dg_http_options *options,
                   struct dg_error *err)
{
    pthread_condattr_t steady;
    e->socket.fd = -1;
    e->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DG_HTTP_TIMEOUT_MS;
    for (size_t i = 0; i < DG_HTTP_CONNECTIONS; i++) {
        e->link[i].fd = -1;
    }
    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&e->ended, &steady);
    pthread_condattr_destroy(&steady);
    if (options->token_file != NULL) {
        e->token_file = strdup(options->token_file);
        return e->token_file == NULL ? dg_fail_memory(err)
                                     : dg_token_read(e->token_file, e->token, err);
    }
    return 0;
}

static int start(struct dg_http_endpoint *e, struct dg_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
    e->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, e,
        MHD_OPTION_EXTERNAL_LOGGER, log_server, NULL, MHD_OPTION_LISTEN_SOCKET, e->socket.fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)DG_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(e->timeout_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)REQUEST_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, e, MHD_OPTION_END);
    const int code = errno;
    if (e->daemon == NULL) {
        e->socket.fd = -1; /* the library may have closed it */
    } else {
        e->sweeping = pthread_create(&e->sweeper, NULL, sweep, e) == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (e->daemon == NULL) {
        return dg_fail(err, code != 0 ? code : ENOMEM, "cannot start the HTTP server: %s",
                       strerror(code));
    }
    return e->sweeping ? 0 : dg_fail(err, EAGAIN, "cannot start a thread of the HTTP server");
}

int dg_http_endpoint_open(const struct dg_http_options *options, const struct dg_board *board,
                          struct dg_http_endpoint **out, struct dg_error *err)
{
    struct dg_http_endpoint *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return dg_fail_memory(err);
    }
    e->board = board;
    int code = prepare(e, options, err);
    code = code != 0 ? code : dg_http_listen(options->listen, &e->socket, err);
    code = code != 0 ? code : start(e, err);
    if (code != 0) {
        dg_http_endpoint_close(e);
        return code;
    }
    if (!e->socket.loopback && e->token_file == NULL) {
        dg_log(DG_LOG_WARNING, "http_open",
               "other machines can read metrics and status on %s without a token; set "
               "http.token_file, or listen on 127.0.0.1",
               options->listen);
    }
    *out = e;
    return 0;
}

void dg_http_endpoint_close(struct dg_http_endpoint *e)
{
    if (e == NULL) {
        return;
    }
    if (e->sweeping) {
        pthread_mutex_lock(&e->lock);
        e->end = true;
        pthread_cond_signal(&e->ended);
        pthread_mutex_unlock(&e->lock);
        pthread_join(e->sweeper, NULL);
    }
    if (e->daemon != NULL) {
        MHD_stop_daemon(e->daemon); /* closes the socket */
    } else if (e->socket.fd >= 0) {
        close(e->socket.fd);
    }
    pthread_cond_destroy(&e->ended);
    pthread_mutex_destroy(&e->lock);
    OPENSSL_cleanse(e->token, sizeof e->token);
    free(e->token_file);
    free(e);
}

uint16_t dg_http_endpoint_port(const struct dg_http_endpoint *e)
{
    return e->socket.port;
}
