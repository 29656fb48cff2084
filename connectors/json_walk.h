/* connectors/json_walk.h -- over a JSON text that has been checked before: elements, members,
 * numbers. Nothing here can fail on such a text. */
#ifndef DG_CONNECTORS_JSON_WALK_H
#define DG_CONNECTORS_JSON_WALK_H

#include "connectors/json_scan.h"

#include <string.h>

/* The elements of an array, or the members of an object. */
struct dg_json_walk {
    const uint8_t *p; /* at the next one; NULL: there is none */
    const uint8_t *end;
};

static inline const uint8_t *dg_json_skip_space(const uint8_t *p, const uint8_t *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

/* p is at a container, white space before it allowed. False: it is something else. */
static inline bool dg_json_walk_begin(struct dg_json_walk *w, char open, const uint8_t *p,
                                      const uint8_t *end)
{
    *w = (struct dg_json_walk){.end = end};
    p = p == NULL ? NULL : dg_json_skip_space(p, end);
    if (p == NULL || p == end || *p != (uint8_t)open) {
        return false;
    }
    p = dg_json_skip_space(p + 1, end);
    w->p = p < end && *p != ']' && *p != '}' ? p : NULL;
    return true;
}

/* p is behind one. */
static inline void dg_json_walk_next(struct dg_json_walk *w, const uint8_t *p)
{
    p = dg_json_skip_space(p, w->end);
    w->p = p < w->end && *p == ',' ? dg_json_skip_space(p + 1, w->end) : NULL;
}

/* Behind the value at p; *v is what it is. NULL: no JSON after all. */
static inline const uint8_t *dg_json_walk_value(const uint8_t *p, const uint8_t *end,
                                                struct dg_json_value *v)
{
    struct dg_json j = {.p = p, .end = end};
    if (!dg_json_value(&j, v)) {
        return NULL;
    }
    const bool container = v->kind == DG_JSON_OBJECT || v->kind == DG_JSON_ARRAY;
    return !container || dg_json_skip(&j) ? j.p : NULL;
}

/* The member at w->p: its key, and where its value begins. False: no JSON after all. */
static inline bool dg_json_walk_key(const struct dg_json_walk *w, struct dg_json_string *key,
                                    const uint8_t **value)
{
    struct dg_json j = {.p = w->p, .end = w->end};
    if (j.p == j.end || *j.p != '"' || !dg_json_string(&j, key)) {
        return false;
    }
    dg_json_space(&j);
    if (j.p == j.end || *j.p != ':') {
        return false;
    }
    *value = dg_json_skip_space(j.p + 1, w->end);
    return true;
}

/* The values of the named members of the object at p, NULL where there is none; of a key that comes
 * twice the last. Keys with escapes are not found. False: no object. */
static inline bool dg_json_walk_members(const uint8_t *p, const uint8_t *end,
                                        const char *const names[], size_t n, const uint8_t *value[])
{
    struct dg_json_walk w;
    if (!dg_json_walk_begin(&w, '{', p, end)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        value[i] = NULL;
    }
    while (w.p != NULL) {
        struct dg_json_string key;
        struct dg_json_value v;
        const uint8_t *at;
        if (!dg_json_walk_key(&w, &key, &at)) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (strlen(names[i]) == key.len && memcmp(names[i], key.bytes, key.len) == 0) {
                value[i] = at;
            }
        }
        const uint8_t *const next = dg_json_walk_value(at, end, &v);
        if (next == NULL) {
            return false;
        }
        dg_json_walk_next(&w, next);
    }
    return true;
}

#endif
