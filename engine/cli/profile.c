#include "engine/cli/profile.h"

#include "connectors/file_source.h"
#include "connectors/number.h"
#include "connectors/record_decoder.h"
#include "engine/schema.h"
#include "engine/timefmt.h"
#include "stats/category.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 256 }; /* of a name that a monitor file can hold */
enum { NAME_PASSES = 20 }; /* each learns DG_NEWS_MAX names at most */

void dg_profile_deinit(struct dg_profile *p)
{
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->column[i].cap; k++) {
            free(p->column[i].slot[k].text);
        }
        free(p->column[i].slot);
        free(p->column[i].name);
        free(p->column[i].path);
    }
    free(p->column);
    dg_shape_deinit(&p->shape);
    *p = (struct dg_profile){0};
}

/* ---- one value ----------------------------------------------------------------------------- */

static int grow_values(struct dg_profile_column *c)
{
    const size_t cap = c->cap == 0 ? 64 : 2 * c->cap;
    struct dg_profile_value *slot = calloc(cap, sizeof *slot);
    if (slot == NULL) {
        return ENOMEM;
    }
    for (size_t i = 0; i < c->cap; i++) {
        size_t at = c->slot[i].hash & (cap - 1);
        while (slot[at].count != 0) {
            at = (at + 1) & (cap - 1);
        }
        if (c->slot[i].count != 0) {
            slot[at] = c->slot[i];
        }
    }
    free(c->slot);
    c->slot = slot;
    c->cap = cap;
    return 0;
}

static int count_value(struct dg_profile_column *c, const struct dg_text *text)
{
    if (2 * c->distinct >= c->cap && grow_values(c) != 0) {
        return ENOMEM;
    }
    const uint64_t hash = dg_hash_key(text->bytes, text->len);
    size_t at = hash & (c->cap - 1);
    while (c->slot[at].count != 0 && c->slot[at].hash != hash) {
        at = (at + 1) & (c->cap - 1);
    }
    struct dg_profile_value *v = &c->slot[at];
    if (v->count++ > 0) {
        return 0;
    }
    v->hash = hash;
    if (c->distinct++ < DG_PROFILE_LISTED && text->len <= DG_PROFILE_TEXT) {
        v->text = strndup(text->bytes, text->len);
        return v->text == NULL ? ENOMEM : 0;
    }
    return 0;
}

static void see_time(struct dg_profile_column *c, int64_t us)
{
    const bool first = c->times + c->epochs == 0;
    c->first_us = first || us < c->first_us ? us : c->first_us;
    c->last_us = first || us > c->last_us ? us : c->last_us;
    if (first || us > c->newest_us) {
        c->newest_us = us;
    } else if (c->newest_us - us > c->behind_us) {
        c->behind_us = c->newest_us - us;
    }
}

static void see_number(struct dg_profile_column *c, double x)
{
    static const int64_t from = INT64_C(978307200) * 1000000; /* 2001 */
    static const int64_t to = INT64_C(4102444800) * 1000000;  /* 2100 */
    int64_t us;
    c->min = c->numbers == 0 || x < c->min ? x : c->min;
    c->max = c->numbers == 0 || x > c->max ? x : c->max;
    c->numbers++;
    c->integers += x == floor(x);
    if (dg_time_from_number(x, DG_TIME_AUTO, &us) && us >= from && us < to) {
        see_time(c, us);
        c->epochs++;
    }
}

static int see(struct dg_profile_column *c, const struct dg_text *text)
{
    double x;
    int64_t us;
    if (text->triage != DG_FINITE) {
        c->nested += text->triage == DG_UNPARSABLE;
        return 0;
    }
    c->values++;
    c->longest = text->len > c->longest ? text->len : c->longest;
    if (dg_number_parse(text->bytes, text->len, &x) && isfinite(x)) {
        see_number(c, x);
    } else if (dg_time_parse(text->bytes, text->len, DG_TIME_RFC3339, &us)) {
        see_time(c, us);
        c->times++;
    }
    return count_value(c, text);
}

/* ---- passes over the file ------------------------------------------------------------------- */

/* Calls `rows` for every decoded chunk until it asks to stop. */
struct pass {
    const char *path;
    struct dg_projection projection;
    int (*rows)(void *context, const struct dg_batch *batch, bool *stop);
    void *context;
    struct dg_profile *profile;
};

static int run_source(struct pass *pass, struct dg_source *source, struct dg_error *err)
{
    struct dg_chunk chunk = {0};
    struct dg_batch batch = {0};
    bool stop = false;
    int code = dg_batch_init(&batch, &pass->projection, err);
    while (code == 0 && !stop) {
        const enum dg_poll poll = source->ops->poll(source, 0, 0, &chunk, err);
        if (poll != DG_POLL_DATA) {
            code = poll == DG_POLL_FATAL ? ENOMEM : 0;
            pass->profile->whole = poll == DG_POLL_END;
            break;
        }
        dg_batch_clear(&batch);
        code = source->ops->decode(source, &chunk, &batch, err);
        if (code == 0 && pass->rows(pass->context, &batch, &stop) != 0) {
            code = dg_fail_memory(err);
        }
    }
    dg_chunk_deinit(&chunk);
    dg_batch_deinit(&batch);
    return code;
}

static int run(struct pass *pass, struct dg_error *err)
{
    struct dg_source *source = NULL;
    int code = dg_file_source_open(&pass->path, 1, NULL, &pass->projection, &source, err);
    if (code == 0) {
        code = run_source(pass, source, err);
        source->ops->close(source);
    }
    return code;
}

/* ---- names ---------------------------------------------------------------------------------- */

static char *path_of(const char *name);

/* Takes both texts. */
static int add_column(struct dg_profile *p, char *name, char *path)
{
    struct dg_profile_column *column = p->column;
    if ((p->n & (p->n - 1)) == 0) { /* full at each power of two */
        const size_t cap = p->n == 0 ? 1 : 2 * p->n;
        column = realloc(p->column, cap * sizeof *column);
        p->column = column != NULL ? column : p->column;
    }
    if (name == NULL || path == NULL || column == NULL) {
        free(name);
        free(path);
        return ENOMEM;
    }
    p->column[p->n++] = (struct dg_profile_column){.name = name, .path = path};
    return 0;
}

static int add_name(struct dg_profile *p, const char *name, size_t len)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strlen(p->column[i].name) == len && memcmp(p->column[i].name, name, len) == 0) {
            return 0;
        }
    }
    if (len == 0 || len > NAME_BYTES || memchr(name, '\0', len) != NULL) {
        return 0;
    }
    char *copy = strndup(name, len);
    if (copy != NULL && dg_text_has_control(copy, "")) {
        free(copy);
        return 0;
    }
    return add_column(p, copy, copy == NULL ? NULL : path_of(copy));
}

struct names {
    struct dg_profile *p;
    uint64_t rows;
    bool more; /* there were fields without room for their name */
};

static int collect_names(void *context, const struct dg_batch *batch, bool *stop)
{
    struct names *names = context;
    for (size_t i = 0; i < batch->news_names.n; i++) {
        if (add_name(names->p, batch->news_names.name[i], batch->news_names.len[i]) != 0) {
            return ENOMEM;
        }
    }
    for (size_t i = 0; i < batch->n; i++) {
        names->more |= (batch->news[i] >> DG_NEWS_MAX & 1) != 0;
    }
    names->rows += batch->n;
    *stop = names->rows >= DG_PROFILE_ROWS;
    return 0;
}

static int header_names(const char *path, struct dg_profile *p, struct dg_error *err)
{
    const struct dg_projection nothing = {
        .time = -1, .id = -1, .topic = -1, .partition = -1, .offset = -1, .record_time = -1};
    struct dg_source *source = NULL;
    const char *const *name = NULL;
    size_t n = 0;
    int code = dg_file_source_open(&path, 1, NULL, &nothing, &source, err);
    if (code != 0) {
        return code;
    }
    source->ops->fields(source, 0, &name, &n);
    for (size_t i = 0; i < n && code == 0; i++) {
        code = add_name(p, name[i], strlen(name[i])) == 0 ? 0 : dg_fail_memory(err);
    }
    source->ops->close(source);
    return code;
}

/* How a monitor file names the top-level field `name`: itself, or a pointer where it begins as
 * other paths do. */
static char *path_of(const char *name)
{
    if (name[0] != '/' && name[0] != '@' && name[0] != '^') { /* these begin other paths */
        return strdup(name);
    }
    char *path = malloc(2 * strlen(name) + 2), *w = path;
    if (path == NULL) {
        return NULL;
    }
    *w++ = '/';
    for (; *name != '\0'; name++) {
        if (*name == '/' || *name == '~') {
            *w++ = '~';
            *w++ = *name == '/' ? '1' : '0';
        } else {
            *w++ = *name;
        }
    }
    *w = '\0';
    return path;
}

static void free_fields(struct dg_projection *projection)
{
    for (size_t i = 0; i < projection->n; i++) {
        free((char *)(uintptr_t)projection->field[i].path);
    }
    free(projection->field);
}

/* Every column as text. */
static int all_fields(const struct dg_profile *p, struct dg_projection *projection)
{
    *projection = (struct dg_projection){
        .time = -1, .id = -1, .topic = -1, .partition = -1, .offset = -1, .record_time = -1};
    projection->field = calloc(p->n + 1, sizeof *projection->field);
    for (size_t i = 0; i < p->n && projection->field != NULL; i++) {
        projection->field[i] =
            (struct dg_field){.path = strdup(p->column[i].path), .type = DG_FIELD_TEXT};
        if (projection->field[i].path == NULL) {
            free_fields(projection);
            return ENOMEM;
        }
        projection->n = i + 1;
    }
    return projection->field == NULL ? ENOMEM : 0;
}

static int record_names(const char *path, struct dg_profile *p, struct dg_error *err)
{
    struct names names = {.p = p, .more = true};
    int code = 0;
    for (int i = 0; i < NAME_PASSES && names.more && code == 0; i++) {
        struct pass pass = {.path = path, .rows = collect_names, .context = &names, .profile = p};
        names = (struct names){.p = p};
        if (all_fields(p, &pass.projection) != 0) {
            return dg_fail_memory(err);
        }
        code = run(&pass, err);
        free_fields(&pass.projection);
    }
    return code;
}

/* ---- fields within others -------------------------------------------------------------------- */

static bool has_name(const struct dg_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->column[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int add_shape(struct dg_profile *p)
{
    for (size_t i = 0; i < p->shape.n; i++) {
        const struct dg_shape_field *f = &p->shape.field[i];
        const char *name = has_name(p, f->name) ? f->path : f->name;
        if (add_column(p, strdup(name), strdup(f->path)) != 0) {
            return ENOMEM;
        }
        struct dg_profile_column *c = &p->column[p->n - 1];
        c->nested_in = strchr(f->path, '/') != NULL;
        c->answer = f->answer;
        c->around = f->around;
    }
    return 0;
}

/* Whether a field within `c` is a column of its own. */
static bool is_looked_into(const struct dg_profile *p, const struct dg_profile_column *c)
{
    const char *path = c->path + (c->path[0] == '/');
    const size_t n = strlen(path);
    for (size_t i = 0; i < p->n; i++) {
        const char *other = p->column[i].path;
        if (p->column[i].nested_in && other[0] == '/' && strncmp(other + 1, path, n) == 0 &&
            other[1 + n] == '/') {
            return true;
        }
    }
    return false;
}

/* What only holds others that are looked into, and what was there and never had a value. */
static void drop_empty(struct dg_profile *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct dg_profile_column *c = &p->column[i];
        const bool holds = c->values == 0 && c->nested > 0 && is_looked_into(p, c);
        const bool never = c->values == 0 && c->nested == 0 && p->shape.unpacks;
        if (holds || never) {
            free(c->slot);
            free(c->name);
            free(c->path);
        } else {
            p->column[kept++] = *c;
        }
    }
    p->n = kept;
}

/* ---- values --------------------------------------------------------------------------------- */

static int collect_values(void *context, const struct dg_batch *batch, bool *stop)
{
    struct dg_profile *p = context;
    const uint64_t most = DG_PROFILE_CELLS / (p->n + 1) < DG_PROFILE_ROWS
                              ? DG_PROFILE_CELLS / (p->n + 1)
                              : DG_PROFILE_ROWS;
    for (size_t row = 0; row < batch->n && p->rows < most; row++) {
        if (batch->reason[row] != DG_GOOD) {
            p->bad++;
            continue;
        }
        p->rows++;
        for (size_t i = 0; i < p->n; i++) {
            if (see(&p->column[i], &batch->column[i].text[row]) != 0) {
                return ENOMEM;
            }
        }
    }
    *stop = p->rows >= most;
    return 0;
}

/* Several events in a record: as the daemon reads them. */
struct unpacking {
    struct dg_decoder *decoder;
    struct dg_batch batch;
    struct dg_profile *p;
    struct dg_error *err;
    int64_t offset;
    bool stop;
};

static int unpack_line(void *arg, const char *text, size_t len)
{
    static const struct dg_topic_partition place = {"", 0};
    struct unpacking *u = arg;
    const struct dg_record record = {.offset = u->offset++,
                                     .time_us = DG_TIME_NONE,
                                     .value = (const uint8_t *)text,
                                     .value_len = len};
    size_t done = 0;
    dg_batch_clear(&u->batch);
    int rc = u->decoder->ops->decode(u->decoder, &place, &record, 1, &u->batch, &done, u->err);
    rc = rc != 0 ? rc : collect_values(u->p, &u->batch, &u->stop);
    return rc != 0 ? ENOMEM : u->stop ? -1 : 0;
}

static int read_unpacked(const char *path, struct dg_profile *p,
                         const struct dg_projection *projection, struct dg_error *err)
{
    const struct dg_source_spec spec = {.kind = DG_RECORD_JSON,
                                        .preset = (char *)(uintptr_t)p->shape.preset,
                                        .instances = p->shape.instances};
    const struct dg_record_format format = {.spec = &spec};
    struct unpacking u = {.p = p, .err = err};
    int code = dg_record_decoder_open(&format, projection, NULL, &u.decoder, err);
    if (code != 0) {
        return code;
    }
    code = dg_batch_init(&u.batch, projection, err);
    code = code != 0 ? code : dg_shape_lines(path, unpack_line, &u, err);
    p->whole = code == 0 && !u.stop;
    dg_batch_deinit(&u.batch);
    u.decoder->ops->close(u.decoder);
    return code;
}

static int find_columns(const char *path, struct dg_profile *p, struct dg_error *err)
{
    int code = header_names(path, p, err);
    if (code != 0 || p->n > 0) {
        return code;
    }
    code = dg_shape_read(path, &p->shape, err);
    if (code == 0 && !p->shape.unpacks) {
        code = record_names(path, p, err);
    }
    return code == 0 && add_shape(p) != 0 ? dg_fail_memory(err) : code;
}

static int read_all(const char *path, struct dg_profile *p, struct dg_error *err)
{
    struct pass pass = {.path = path, .rows = collect_values, .context = p, .profile = p};
    int code = find_columns(path, p, err);
    if (code != 0) {
        return code;
    }
    if (all_fields(p, &pass.projection) != 0) {
        return dg_fail_memory(err);
    }
    p->whole = false;
    code = p->shape.unpacks ? read_unpacked(path, p, &pass.projection, err) : run(&pass, err);
    free_fields(&pass.projection);
    drop_empty(p);
    if (code == 0 && p->rows == 0) {
        return dg_fail(err, EBADMSG, "%s has no record that can be read (%llu cannot)", path,
                       (unsigned long long)p->bad);
    }
    return code;
}

int dg_profile_read(const char *path, struct dg_profile *p, struct dg_error *err)
{
    *p = (struct dg_profile){0};
    if (strcmp(path, "-") == 0) {
        return dg_fail(err, EINVAL, "the data is read twice, so it must be a file, not '-'");
    }
    const int code = read_all(path, p, err);
    if (code != 0) {
        dg_profile_deinit(p);
    }
    return code;
}
