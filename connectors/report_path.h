/* connectors/report_path.h -- the `d` of an SVG path in few bytes: whole, relative coordinates. */
#ifndef DG_CONNECTORS_REPORT_PATH_H
#define DG_CONNECTORS_REPORT_PATH_H

#include "connectors/report_text.h"

struct dg_path {
    struct dg_page *page;
    int x, y;
    bool begun;
    int level;    /* a horizontal stretch not yet written */
    bool in_line; /* the last command was l: more pairs need no letter */
};

/* <path class="name" d="   ...   "/> */
struct dg_path dg_path_begin(struct dg_page *p, const char *name);
void dg_path_end(struct dg_path *path);
void dg_path_move(struct dg_path *path, int x, int y);
void dg_path_line(struct dg_path *path, int x, int y);
void dg_path_close(struct dg_path *path);
/* A dot, where the line's caps are round. */
void dg_path_dot(struct dg_path *path, int x, int y);
/* A closed rectangle. */
void dg_path_box(struct dg_path *path, int x, int y, int width, int height);

#endif
