#include "connectors/byte_stream.h"
#include "engine/cli/shape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define READ_BYTES     ((size_t)64 << 10)

struct lines {
    struct dg_byte_stream *in;
    char *buf;
    size_t len, cap;
    bool end;
};

/* More bytes behind those that are there. */
static int read_more(struct lines *l)
{
    if (l->cap - l->len < READ_BYTES) {
        const size_t cap = 2 * l->cap + READ_BYTES;
        char *grown = realloc(l->buf, cap);
        if (grown == NULL) {
            return ENOMEM;
        }
        l->buf = grown;
        l->cap = cap;
    }
    const size_t n = dg_byte_stream_read(l->in, (uint8_t *)l->buf + l->len, READ_BYTES);
    l->len += n;
    l->end = n == 0;
    return 0;
}

static int tell_lines(struct lines *l, int (*line)(void *arg, const char *text, size_t len),
                      void *arg)
{
    size_t at = 0;
    int rc = 0;
    while (rc == 0) {
        const char *stop = at < l->len ? memchr(l->buf + at, '\n', l->len - at) : NULL;
        if (stop == NULL && !l->end && l->len - at <= LINE_MAX_BYTES) {
            if (at > 0) {
                memmove(l->buf, l->buf + at, l->len - at);
            }
            l->len -= at;
            at = 0;
            rc = read_more(l);
            continue;
        }
        const size_t n = stop == NULL ? l->len - at : (size_t)(stop - (l->buf + at));
        if (n > 0 && strspn(l->buf + at, " \t\r") < n) {
            rc = line(arg, l->buf + at, n);
        }
        at += n + 1;
        if (stop == NULL) { /* the end, or a line without one */
            break;
        }
    }
    return rc < 0 ? 0 : rc;
}

int dg_shape_lines(const char *path, int (*line)(void *arg, const char *text, size_t len),
                   void *arg, struct dg_error *err)
{
    struct lines l = {0};
    int rc = dg_byte_stream_open(path, &l.in, err);
    if (rc != 0) {
        return rc;
    }
    rc = read_more(&l);
    rc = rc != 0 ? rc : tell_lines(&l, line, arg);
    free(l.buf);
    dg_byte_stream_close(l.in);
    return rc == ENOMEM ? dg_fail_memory(err) : rc;
}
