#include "tests/support/registry_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct registry_server {
    const struct registry_route *routes;
    int listener;
    pthread_t thread;
    char url[64];
    atomic_uint count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool released;
    unsigned open; /* connections that are being answered */
};

struct connection {
    struct registry_server *server;
    int fd;
};

static void say(int fd, const char *text, size_t n)
{
    while (n > 0) {
        const ssize_t sent = send(fd, text, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        text += sent;
        n -= (size_t)sent;
    }
}

static void answer(int fd, int status, const char *headers, const char *body)
{
    char *text = NULL;
    const int n =
        asprintf(&text,
                 "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 "Content-Length: %zu\r\n%s\r\n%s",
                 status, strlen(body), headers == NULL ? "" : headers, body);
    if (n > 0) {
        say(fd, text, (size_t)n);
        free(text);
    }
}

static void endless(int fd)
{
    static const char head[] = "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{\"schema\":\"";
    char block[4096];
    memset(block, 'x', sizeof block);
    say(fd, head, sizeof head - 1);
    for (int i = 0; i < 16384; i++) {
        if (send(fd, block, sizeof block, MSG_NOSIGNAL) <= 0) {
            return;
        }
    }
}

static void hang(struct registry_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->released) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool may(const struct registry_route *r, const char *request)
{
    if (r->authorization == NULL) {
        return true;
    }
    const char *const line = strcasestr(request, "\r\nauthorization: ");
    return line != NULL && strncmp(line + 17, r->authorization, strlen(r->authorization)) == 0;
}

static void serve(struct registry_server *s, int fd, const char *request)
{
    const char *const path = strchr(request, ' ');
    const size_t n = path == NULL ? 0 : strcspn(path + 1, " ");
    const struct registry_route *r = s->routes;
    while (r->path != NULL &&
           (path == NULL || strlen(r->path) != n || strncmp(r->path, path + 1, n) != 0)) {
        r++;
    }
    if (r->path == NULL) {
        answer(fd, 404, NULL, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
    } else if (!may(r, request)) {
        answer(fd, 401, NULL, "{\"error_code\":401,\"message\":\"Unauthorized\"}");
    } else if (r->manner == REGISTRY_ENDLESS) {
        endless(fd);
    } else if (r->manner != REGISTRY_DROP) {
        if (r->manner == REGISTRY_HANG) {
            hang(s);
        }
        answer(fd, r->status, r->headers, r->body);
    }
}

static void *connected(void *context)
{
    struct connection *const c = context;
    struct registry_server *const s = c->server;
    char request[8192];
    size_t n = 0;
    request[0] = '\0';
    while (n < sizeof request - 1 && strstr(request, "\r\n\r\n") == NULL) {
        const ssize_t got = recv(c->fd, request + n, sizeof request - 1 - n, 0);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
        request[n] = '\0';
    }
    if (n > 0) {
        atomic_fetch_add(&s->count, 1);
        serve(s, c->fd, request);
    }
    close(c->fd);
    free(c);
    pthread_mutex_lock(&s->lock);
    s->open--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void *listens(void *context)
{
    struct registry_server *const s = context;
    for (;;) {
        const int fd = accept(s->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        struct connection *c = malloc(sizeof *c);
        pthread_t thread;
        *c = (struct connection){s, fd};
        pthread_mutex_lock(&s->lock);
        s->open++;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&thread, NULL, connected, c) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}

struct registry_server *registry_server_start(const struct registry_route *routes)
{
    struct registry_server *s = calloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    s->routes = routes;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(s->listener, 16) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&s->thread, NULL, listens, s) != 0) {
        perror("registry_server");
        exit(1);
    }
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    return s;
}

void registry_server_release(struct registry_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->released = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void registry_server_stop(struct registry_server *s)
{
    registry_server_release(s);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    pthread_mutex_lock(&s->lock);
    while (s->open > 0) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

const char *registry_server_url(const struct registry_server *s)
{
    return s->url;
}

unsigned registry_server_count(const struct registry_server *s)
{
    return atomic_load(&((struct registry_server *)(uintptr_t)s)->count);
}
