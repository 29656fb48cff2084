/* engine/cli/shape.h -- how records of JSON are built: objects within objects, several events in
 * one, whose format they are. */
#ifndef DG_ENGINE_CLI_SHAPE_H
#define DG_ENGINE_CLI_SHAPE_H

#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DG_SHAPE_RECORDS 1000 /* looked at, at most */
#define DG_SHAPE_FIELDS  1000 /* of all of them together, at most */

struct dg_shape_field {
    char *path;  /* as a monitor file names it: /a/b, ^/meta/id, ^/predictions/# */
    char *name;  /* for people: a.b, meta.id, predictions */
    bool answer; /* it stands where the model's answers stand */
    bool around; /* of the record around its events */
};

/* Zeroed: plain records, or a file that is not JSON lines. */
struct dg_shape {
    const char *preset; /* source.preset; NULL: none. Static */
    char *instances;    /* source.instances; NULL: none, or the preset's own */
    bool unpacks;       /* a record holds several events: a file source cannot read them */
    struct dg_shape_field *field; /* [n] if it unpacks, all; else those of nested objects */
    size_t n;
};

/*
 * Look at the first records of the file. Four of five must agree that they hold several events, and
 * where. 0, also where the file is of another format; ENOMEM; the errno of opening it.
 */
DG_MUST_CHECK int dg_shape_read(const char *path, struct dg_shape *s, struct dg_error *err);
void dg_shape_deinit(struct dg_shape *s);

/* Calls `line` for every line of the file that is not empty (at most 16 MiB of it) until it gives
 * something other than 0, which is returned unless negative: then 0. ENOMEM; the errno of opening.
 */
DG_MUST_CHECK int dg_shape_lines(const char *path,
                                 int (*line)(void *arg, const char *text, size_t len), void *arg,
                                 struct dg_error *err);

#endif
