/* connectors/pointer.h -- RFC 6901 pointers: "/features/amount", ~1 for a slash, ~0 for a tilde. */
#ifndef DG_CONNECTORS_POINTER_H
#define DG_CONNECTORS_POINTER_H

#include "stats/base.h"

#include <string.h>

/* One byte of a token at *p, unescaped; moves *p behind it. */
static inline char dg_pointer_byte(const char **p)
{
    const char c = *(*p)++;
    if (c == '~' && (**p == '0' || **p == '1')) {
        return *(*p)++ == '0' ? '~' : '/';
    }
    return c;
}

/* "^/a" is what stands around the events of a record; where each row is one event, in files, that
 * is the row: "/a". Any other path is as it was. */
static inline const char *dg_pointer_around(const char *path)
{
    return path + (path[0] == '^' && path[1] == '/');
}

/* path is a pointer of exactly one token, and that is `name`. */
static inline bool dg_pointer_is_name(const char *path, const char *name)
{
    if (path[0] != '/') {
        return false;
    }
    path++;
    while (*path != '\0' && *path != '/') {
        if (dg_pointer_byte(&path) != *name++) {
            return false;
        }
    }
    return *path == '\0' && *name == '\0';
}

#endif
