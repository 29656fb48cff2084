#include "connectors/report_path.h"

struct dg_path dg_path_begin(struct dg_page *p, const char *name)
{
    dg_page_format(p, "<path class=\"%s\" d=\"", name);
    return (struct dg_path){.page = p};
}

/* Horizontal steps are collected, because charts of quiet columns are mostly flat. */
static void flush(struct dg_path *path)
{
    if (path->level != 0) {
        dg_page_format(path->page, "h%d", path->level);
        path->level = 0;
        path->in_line = false;
    }
}

void dg_path_end(struct dg_path *path)
{
    flush(path);
    dg_page_raw(path->page, "\"/>");
}

void dg_path_move(struct dg_path *path, int x, int y)
{
    flush(path);
    if (path->begun) {
        const int dy = y - path->y;
        dg_page_format(path->page, dy < 0 ? "m%d%d" : "m%d %d", x - path->x, dy);
    } else {
        dg_page_format(path->page, "M%d %d", x, y);
    }
    path->begun = true;
    path->in_line = false;
    path->x = x;
    path->y = y;
}

void dg_path_line(struct dg_path *path, int x, int y)
{
    const int dx = x - path->x, dy = y - path->y;
    path->x = x;
    path->y = y;
    if (dy == 0) {
        path->level += dx;
        return;
    }
    flush(path);
    if (dx == 0) {
        dg_page_format(path->page, "v%d", dy);
        path->in_line = false;
        return;
    }
    dg_page_raw(path->page, !path->in_line ? "l" : dx < 0 ? "" : " ");
    dg_page_format(path->page, dy < 0 ? "%d%d" : "%d %d", dx, dy);
    path->in_line = true;
}

void dg_path_close(struct dg_path *path)
{
    flush(path);
    dg_page_raw(path->page, "z");
    path->in_line = false;
}

void dg_path_dot(struct dg_path *path, int x, int y)
{
    dg_path_move(path, x, y);
    dg_page_raw(path->page, "h0");
}

void dg_path_box(struct dg_path *path, int x, int y, int width, int height)
{
    dg_path_move(path, x, y);
    dg_page_format(path->page, "h%dv%dh%dz", width, height, -width);
}
