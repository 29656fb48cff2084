#include "connectors/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX 256
#define BACKLOG  128

struct address {
    char host[HOST_MAX]; /* "": every one */
    char port[8];
};

static bool parse_port(const char *text, char port[8])
{
    const size_t n = strlen(text);
    unsigned value = 0;
    if (n == 0 || n > 5 || strspn(text, "0123456789") != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        value = 10 * value + (unsigned)(text[i] - '0');
    }
    memcpy(port, text, n + 1);
    return value <= 65535;
}

/* "[v6]:port", "host:port" with no other colon, ":port". */
static bool parse(const char *listen, struct address *out)
{
    const char *begin = listen, *end, *colon;
    if (*listen == '[') {
        begin++;
        end = strchr(listen, ']');
        colon = end != NULL && end > begin ? end + 1 : NULL;
    } else {
        colon = end = strchr(listen, ':');
    }
    if (colon == NULL || *colon != ':' || end - begin >= HOST_MAX) {
        return false;
    }
    memcpy(out->host, begin, (size_t)(end - begin));
    out->host[end - begin] = '\0';
    return parse_port(colon + 1, out->port);
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, a, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
        return 0;
    }
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &a, sizeof v4);
    memcpy(&v6, &a, sizeof v6);
    return ntohs(a.ss_family == AF_INET ? v4.sin_port : v6.sin6_port);
}

/* 0 or an errno. */
static int listen_at(const struct addrinfo *at, bool every, struct dg_http_socket *out)
{
    const int on = 1, both = every ? 0 : 1;
    const int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    bool done = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (at->ai_family == AF_INET6) {
        done = done && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both) == 0;
    }
    if (!done || bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        const int code = errno;
        close(fd);
        return code;
    }
    *out = (struct dg_http_socket){fd, port_of(fd), !every && is_loopback(at->ai_addr)};
    return 0;
}

/* The first that can be had; for every address, IPv6 first, which takes IPv4 too. */
static int listen_at_any(const struct addrinfo *list, bool every, struct dg_http_socket *out)
{
    int code = EADDRNOTAVAIL;
    for (int pass = 0; pass < 2; pass++) {
        for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
            if (every && (at->ai_family == AF_INET6) != (pass == 0)) {
                continue;
            }
            code = listen_at(at, every, out);
            if (code == 0 || code == EADDRINUSE || code == EACCES) {
                return code;
            }
        }
    }
    return code;
}

static int explain(int code, const char *listen, struct dg_error *err)
{
    switch (code) {
    case EADDRINUSE:
        return dg_fail(err, code,
                       "cannot listen on %s: another program has the port; choose "
                       "another one in http.listen",
                       listen);
    case EADDRNOTAVAIL:
        return dg_fail(err, code, "cannot listen on %s: this machine has no such address", listen);
    case EACCES:
        return dg_fail(err, code,
                       "cannot listen on %s: ports below 1024 need a privilege; choose "
                       "a higher one in http.listen",
                       listen);
    default:
        return dg_fail(err, code, "cannot listen on %s: %s", listen, strerror(code));
    }
}

int dg_http_listen(const char *listen, struct dg_http_socket *out, struct dg_error *err)
{
    struct address address;
    if (!parse(listen, &address)) {
        return dg_fail(err, EINVAL,
                       "cannot listen on \"%s\": write host:port, [IPv6 address]:port "
                       "or :port for every address",
                       listen);
    }
    const bool every = address.host[0] == '\0';
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(every ? NULL : address.host, address.port, &hints, &list);
    if (rc != 0) {
        return dg_fail(err, rc == EAI_MEMORY ? ENOMEM : EADDRNOTAVAIL, "cannot listen on %s: %s",
                       listen, gai_strerror(rc));
    }
    const int code = listen_at_any(list, every, out);
    freeaddrinfo(list);
    return code == 0 ? 0 : explain(code, listen, err);
}
