#include "connectors/record_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_ROOM 40 /* of a number or a time */

/* Where a path leads, and what is left of it there. */
enum where { EVENT, AROUND, PARALLEL, KEY, BESIDE };

static size_t parallel_length(const char *path)
{
    const char *hash = strstr(path, "/#");
    while (hash != NULL && hash[2] != '\0' && hash[2] != '/') {
        hash = strstr(hash + 1, "/#");
    }
    return hash == NULL ? 0 : (size_t)(hash - path);
}

static const char *beside_name(const char *path, enum dg_beside_kind *kind)
{
    static const char *const words[] = {
        [DG_BESIDE_KEY] = "@key",       [DG_BESIDE_HEADER] = "@header/",
        [DG_BESIDE_TOPIC] = "@topic",   [DG_BESIDE_PARTITION] = "@partition",
        [DG_BESIDE_OFFSET] = "@offset", [DG_BESIDE_TIMESTAMP] = "@timestamp",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i]);
        *kind = (enum dg_beside_kind)i;
        if (i == DG_BESIDE_HEADER ? strncmp(path, words[i], n) == 0 && path[n] != '\0'
                                  : strcmp(path, words[i]) == 0) {
            return path + n;
        }
    }
    return NULL;
}

static enum where where_of(const char *path, bool several)
{
    enum dg_beside_kind kind;
    if (path[0] == '@' && beside_name(path, &kind) != NULL) {
        return BESIDE;
    }
    if (strncmp(path, "@key/", 5) == 0) {
        return KEY;
    }
    if (path[0] != '^' || path[1] != '/') {
        return EVENT;
    }
    return !several ? EVENT : parallel_length(path + 1) > 0 ? PARALLEL : AROUND;
}

static int add(struct dg_record_part *part, const char *path, const struct dg_field *field,
               uint32_t column)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return ENOMEM;
    }
    const size_t i = part->projection.n++;
    part->projection.field[i] = *field;
    part->projection.field[i].path = copy;
    part->column[i] = column;
    return 0;
}

static int part_init(struct dg_record_part *part, size_t n)
{
    part->projection = (struct dg_projection){
        .time = -1, .id = -1, .topic = -1, .partition = -1, .offset = -1, .record_time = -1};
    part->projection.field = calloc(n + 1, sizeof *part->projection.field);
    part->column = calloc(n + 1, sizeof *part->column);
    part->view.column = calloc(n + 1, sizeof *part->view.column);
    part->rows = malloc(sizeof *part->rows);
    const bool ok = part->projection.field != NULL && part->column != NULL &&
                    part->view.column != NULL && part->rows != NULL;
    return ok ? 0 : ENOMEM;
}

static int add_parallel(struct dg_record_parts *p, const char *path, uint32_t column)
{
    const size_t n = parallel_length(path);
    size_t i = 0;
    while (i < p->n_parallel &&
           (strlen(p->parallel[i].array) != n || strncmp(p->parallel[i].array, path, n) != 0)) {
        i++;
    }
    if (i == DG_RECORD_PARALLEL_MAX) {
        return E2BIG;
    }
    struct dg_record_part *part = &p->parallel[i];
    if (i == p->n_parallel) {
        part->array = strndup(path, n);
        p->n_parallel++;
        if (part->array == NULL || part_init(part, p->whole->n) != 0) {
            return ENOMEM;
        }
    }
    return add(part, path + n + 2, &p->whole->field[column], column);
}

static int place_field(struct dg_record_parts *p, uint32_t column)
{
    const struct dg_field *field = &p->whole->field[column];
    const char *path = field->path;
    const enum where where = where_of(path, p->several);
    if (where != EVENT && where != PARALLEL) {
        p->shared[p->n_shared++] = column;
        p->id_shared |= (int)column == p->whole->id;
    }
    switch (where) {
    case EVENT:
        return add(&p->event, path + (path[0] == '^' && path[1] == '/'), field, column);
    case AROUND:
        return add(&p->around, path + 1, field, column);
    case PARALLEL:
        return add_parallel(p, path + 1, column);
    case KEY:
        return add(&p->key, path + 4, field, column);
    case BESIDE:
        break;
    }
    struct dg_beside *beside = &p->beside[p->n_beside++];
    beside->name = beside_name(path, &beside->kind);
    beside->column = column;
    p->row_room += TEXT_ROOM;
    return 0;
}

/* Where the record says itself what a file's columns say of it. */
static enum where own_place(struct dg_record_parts *p, uint32_t column)
{
    const struct dg_projection *w = p->whole;
    const int own[] = {w->topic, w->partition, w->offset, w->record_time};
    static const enum dg_beside_kind kind[] = {DG_BESIDE_TOPIC, DG_BESIDE_PARTITION,
                                               DG_BESIDE_OFFSET, DG_BESIDE_TIMESTAMP};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i] == (int)column) {
            p->beside[p->n_beside++] = (struct dg_beside){.kind = kind[i], .column = column};
            p->shared[p->n_shared++] = column;
            p->row_room += TEXT_ROOM;
            return BESIDE;
        }
    }
    return EVENT;
}

static int plan_part(struct dg_record_part *part, const char *const capture[], uint32_t n,
                     struct dg_error *err)
{
    const int rc = dg_json_plan_init(&part->plan, &part->projection, capture, n, err);
    if (rc != 0) {
        return rc;
    }
    part->seen = calloc(part->plan.n, sizeof *part->seen);
    part->captured = calloc(n + 1, sizeof *part->captured);
    return part->seen != NULL && part->captured != NULL ? 0 : dg_fail_memory(err);
}

static int plan_parts(struct dg_record_parts *p, const char *const events[], size_t n,
                      struct dg_error *err)
{
    const char **capture = calloc(p->n_parallel + n + 1, sizeof *capture);
    if (capture == NULL) {
        return dg_fail_memory(err);
    }
    uint32_t captures = 0;
    for (size_t i = 0; i < n; i++) {
        capture[captures++] = events[i];
    }
    for (size_t i = 0; i < p->n_parallel; i++) { /* one that is there already, or one more */
        uint32_t k = 0;
        while (k < captures && strcmp(p->parallel[i].array, capture[k]) != 0) {
            k++;
        }
        p->parallel[i].capture = k;
        capture[k] = p->parallel[i].array;
        captures += k == captures;
    }
    int rc = plan_part(&p->event, NULL, 0, err);
    rc = rc != 0 ? rc : plan_part(&p->around, capture, captures, err);
    rc = rc != 0 ? rc : plan_part(&p->key, NULL, 0, err);
    p->around.plan.no_news = p->key.plan.no_news = true;
    for (size_t i = 0; i < p->n_parallel && rc == 0; i++) {
        rc = plan_part(&p->parallel[i], NULL, 0, err);
        p->parallel[i].plan.no_news = true;
    }
    free(capture);
    return rc;
}

int dg_record_parts_init(struct dg_record_parts *p, const struct dg_projection *projection,
                         const char *const events[], size_t n_events, struct dg_error *err)
{
    const size_t n = projection->n;
    *p = (struct dg_record_parts){.whole = projection, .several = n_events > 0};
    p->beside = calloc(n + 1, sizeof *p->beside);
    p->shared = calloc(n + 1, sizeof *p->shared);
    p->parallel = calloc(DG_RECORD_PARALLEL_MAX, sizeof *p->parallel);
    int rc = p->beside == NULL || p->shared == NULL || p->parallel == NULL ? ENOMEM : 0;
    rc = rc != 0 ? rc : part_init(&p->event, n);
    rc = rc != 0 ? rc : part_init(&p->around, n);
    rc = rc != 0 ? rc : part_init(&p->key, n);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        rc = own_place(p, i) == BESIDE ? 0 : place_field(p, i);
    }
    if (rc == 0) {
        p->event.projection.ignore = projection->ignore;
        p->event.projection.n_ignore = projection->n_ignore;
        rc = plan_parts(p, events, n_events, err);
    } else if (rc == E2BIG) {
        rc = dg_fail(err, EINVAL, "more than %d arrays go along with the instances (^/NAME/#)",
                     DG_RECORD_PARALLEL_MAX);
    } else {
        rc = dg_fail_memory(err);
    }
    if (rc != 0) {
        dg_record_parts_deinit(p);
    }
    return rc;
}

static void part_deinit(struct dg_record_part *part)
{
    for (size_t i = 0; i < part->projection.n; i++) {
        free((char *)(uintptr_t)part->projection.field[i].path);
    }
    free(part->projection.field);
    free(part->column);
    free(part->view.column);
    free(part->array);
    free(part->rows);
    free(part->seen);
    free(part->captured);
    dg_json_plan_deinit(&part->plan);
}

void dg_record_parts_deinit(struct dg_record_parts *p)
{
    part_deinit(&p->event);
    part_deinit(&p->around);
    part_deinit(&p->key);
    for (size_t i = 0; i < p->n_parallel; i++) {
        part_deinit(&p->parallel[i]);
    }
    free(p->parallel);
    free(p->beside);
    free(p->shared);
    *p = (struct dg_record_parts){0};
}

static void bind(struct dg_record_part *part, const struct dg_batch *batch)
{
    union dg_column *column = part->view.column;
    const struct dg_news names = part->view.news_names;
    part->view = *batch;
    part->view.news_names = names;
    part->view.projection = &part->projection;
    part->view.n_columns = part->projection.n;
    part->view.column = column;
    for (size_t i = 0; i < part->projection.n; i++) {
        column[i] = batch->column[part->column[i]];
    }
}

void dg_record_parts_bind(struct dg_record_parts *p, struct dg_batch *batch)
{
    bind(&p->event, batch);
    bind(&p->around, batch);
    bind(&p->key, batch);
    for (size_t i = 0; i < p->n_parallel; i++) {
        bind(&p->parallel[i], batch);
    }
}

void dg_record_parts_share(const struct dg_record_parts *p, struct dg_batch *batch, size_t from,
                           size_t end)
{
    for (size_t i = 0; i < p->n_shared; i++) {
        const union dg_column c = batch->column[p->shared[i]];
        const enum dg_field_type type = p->whole->field[p->shared[i]].type;
        for (size_t row = from + 1; row < end; row++) {
            if (type == DG_FIELD_NUMERIC) {
                memcpy(&c.number[row], &c.number[from], sizeof *c.number);
            } else if (type == DG_FIELD_TEXT) {
                c.text[row] = c.text[from];
            } else {
                c.integer[row] = c.integer[from];
            }
        }
    }
}
