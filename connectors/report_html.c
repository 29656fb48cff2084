#include "connectors/report_html.h"

#include "connectors/report_json.h"
#include "connectors/report_page.h"
#include "engine/new_file.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct report_sink {
    struct dg_sink base;
    char *html_path, *json_path, *generated_at; /* or NULL */
    struct dg_report_model model;
};

static struct report_sink *self_of(struct dg_sink *sink)
{
    return (struct report_sink *)sink;
}

static int out_of_memory_or(int rc, struct dg_error *err)
{
    return rc == 0 ? 0 : dg_fail_memory(err);
}

static int report_open(struct dg_sink *sink, const struct dg_run_info *run, struct dg_error *err)
{
    struct report_sink *self = self_of(sink);
    dg_report_model_deinit(&self->model);
    return out_of_memory_or(dg_report_model_open(&self->model, run), err);
}

static int report_window_begin(struct dg_sink *sink, const struct dg_window_id *w,
                               struct dg_error *err)
{
    return out_of_memory_or(dg_report_model_begin(&self_of(sink)->model, w), err);
}

static int report_series(struct dg_sink *sink, const struct dg_series_row *row,
                         struct dg_error *err)
{
    return out_of_memory_or(dg_report_model_series(&self_of(sink)->model, row), err);
}

static int report_slice(struct dg_sink *sink, const struct dg_slice_row *row, struct dg_error *err)
{
    return out_of_memory_or(dg_report_model_slice(&self_of(sink)->model, row), err);
}

static int report_window_end(struct dg_sink *sink, struct dg_error *err)
{
    return out_of_memory_or(dg_report_model_end(&self_of(sink)->model), err);
}

static bool write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        const ssize_t written = write(fd, data, n);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        }
    }
    return true;
}

static int replace_file(const char *path, const struct dg_page *page, struct dg_error *err)
{
    struct dg_new_file f;
    int rc = dg_new_file_begin(path, &f);
    if (rc != 0) {
        return dg_fail(err, rc, "%s: cannot create the report: %s", path, strerror(rc));
    }
    rc = dg_new_file_end(&f, write_all(f.fd, page->data, page->len) ? 0 : errno);
    return rc == 0 ? 0 : dg_fail(err, rc, "%s: cannot write the report: %s", path, strerror(rc));
}

static int write_page(const struct report_sink *self, const struct dg_report_view *v,
                      struct dg_error *err)
{
    struct dg_page page = {0};
    int rc = 0;
    if (self->html_path != NULL) {
        dg_report_page_write(&page, v);
        rc = page.failed ? dg_fail_memory(err) : replace_file(self->html_path, &page, err);
    }
    if (rc == 0 && self->json_path != NULL) {
        page.len = 0;
        dg_report_json_write(&page, v, true);
        dg_page_raw(&page, "\n");
        rc = page.failed ? dg_fail_memory(err) : replace_file(self->json_path, &page, err);
    }
    dg_page_deinit(&page);
    return rc;
}

static int report_finish(struct dg_sink *sink, const struct dg_run_totals *totals,
                         struct dg_error *err)
{
    struct report_sink *self = self_of(sink);
    self->model.totals = *totals;
    struct dg_report_view view;
    if (dg_report_view_init(&view, &self->model, self->generated_at) != 0) {
        return dg_fail_memory(err);
    }
    /* Numbers have a point, whatever the user's locale. */
    const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    const locale_t before = uselocale(plain);
    const int rc = plain == (locale_t)0 ? dg_fail_memory(err) : write_page(self, &view, err);
    uselocale(before);
    if (plain != (locale_t)0) {
        freelocale(plain);
    }
    dg_report_view_deinit(&view);
    return rc;
}

static void report_close(struct dg_sink *sink)
{
    struct report_sink *self = self_of(sink);
    dg_report_model_deinit(&self->model);
    free(self->html_path);
    free(self->json_path);
    free(self->generated_at);
    free(self);
}

static const struct dg_sink_ops report_ops = {
    .name = "report",
    .open = report_open,
    .window_begin = report_window_begin,
    .series = report_series,
    .slice = report_slice,
    .window_end = report_window_end,
    .finish = report_finish,
    .close = report_close,
};

static bool copy_text(const char *text, char **copy)
{
    *copy = text == NULL ? NULL : strdup(text);
    return text == NULL || *copy != NULL;
}

int dg_report_sink_open(const char *html_path, const char *json_path, const char *generated_at,
                        struct dg_sink **out, struct dg_error *err)
{
    if ((html_path == NULL && json_path == NULL) || (html_path != NULL && html_path[0] == '\0') ||
        (json_path != NULL && json_path[0] == '\0')) {
        return dg_fail(err, EINVAL, "a report needs the path of a file to write");
    }
    struct report_sink *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return dg_fail_memory(err);
    }
    self->base.ops = &report_ops;
    dg_report_model_init(&self->model);
    if (!copy_text(html_path, &self->html_path) || !copy_text(json_path, &self->json_path) ||
        !copy_text(generated_at, &self->generated_at)) {
        report_close(&self->base);
        return dg_fail_memory(err);
    }
    *out = &self->base;
    return 0;
}

size_t dg_report_sink_bytes(const struct dg_sink *sink)
{
    DG_ASSERT(sink->ops == &report_ops);
    return dg_report_model_bytes(&((const struct report_sink *)sink)->model);
}
