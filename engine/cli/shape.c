#include "engine/cli/shape.h"

#include "engine/schema.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES  512
#define DEPTH_MAX   8
#define WIDTH_MAX   200 /* elements of an array that become fields */
#define SHAPES_MAX  16  /* different ones among the records */
#define SCALARS_MIN 2   /* of an element that is taken for an event */

/* -- paths -- */

/* base + "/" + key, escaped as RFC 6901 wants; false: too long. */
static bool join(char out[PATH_BYTES], const char *base, const char *key)
{
    size_t n = strlen(base);
    if (n + 2 > PATH_BYTES) {
        return false;
    }
    memmove(out, base, n + 1);
    out[n++] = '/';
    for (; *key != '\0'; key++) {
        const char *put = *key == '~' ? "~0" : *key == '/' ? "~1" : NULL;
        if (n + 3 > PATH_BYTES) {
            return false;
        }
        if (put != NULL) {
            out[n++] = put[0];
            out[n++] = put[1];
        } else {
            out[n++] = *key;
        }
    }
    out[n] = '\0';
    return true;
}

static bool join_index(char out[PATH_BYTES], const char *base, size_t i)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", i);
    return join(out, base, number);
}

/* "^/meta/puid" -> "meta.puid", "/0" -> "feature_0", "^/predictions/#" -> "predictions". */
static char *readable(const char *path)
{
    const char *p = path + strspn(path, "^/");
    char *name = malloc(strlen(p) + sizeof "feature_"), *w = name;
    if (name == NULL) {
        return NULL;
    }
    if (p[strspn(p, "0123456789")] == '\0') {
        w = stpcpy(name, "feature_");
    }
    for (; *p != '\0'; p++) {
        if (p[0] == '/' && p[1] == '#' && (p[2] == '/' || p[2] == '\0')) {
            p++; /* the place in an array goes without saying */
        } else if (p[0] == '~' && (p[1] == '0' || p[1] == '1')) {
            *w++ = *++p == '0' ? '~' : '/';
        } else {
            *w++ = *p == '/' ? '.' : *p;
        }
    }
    *w = '\0';
    return name;
}

/* -- fields -- */

static bool name_is_taken(const struct dg_shape *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->field[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A plain name needs no pointer. */
static const char *shortest(const struct dg_shape *s, const char *path)
{
    const bool plain = s->unpacks && path[0] == '/' && strpbrk(path + 1, "/~^@") == NULL &&
                       path[1 + strspn(path + 1, "0123456789")] != '\0';
    return plain ? path + 1 : path;
}

static int add(struct dg_shape *s, const char *pointer, bool answer)
{
    const char *path = shortest(s, pointer);
    for (size_t i = 0; i < s->n; i++) {
        if (strcmp(s->field[i].path, path) == 0) {
            return 0;
        }
    }
    if (s->n == DG_SHAPE_FIELDS || strlen(path) > 256 || dg_text_has_control(path, "")) {
        return 0;
    }
    struct dg_shape_field *grown = realloc(s->field, (s->n + 1) * sizeof *grown);
    if (grown == NULL) {
        return ENOMEM;
    }
    s->field = grown;
    char *name = readable(path);
    if (name != NULL && (name[0] == '\0' || name_is_taken(s, name))) {
        free(name);
        name = strdup(path);
    }
    struct dg_shape_field f = {strdup(path), name, answer, path[0] == '^'};
    if (f.path == NULL || f.name == NULL) {
        free(f.path);
        free(f.name);
        return ENOMEM;
    }
    s->field[s->n++] = f;
    return 0;
}

static bool is_scalar(const json_t *v)
{
    return v != NULL && !json_is_object(v) && !json_is_array(v);
}

/* The scalars of an object, also of those within; `top` of those directly in it, too. */
static int add_leaves(struct dg_shape *s, const char *base, const json_t *object, bool top,
                      bool answer, unsigned depth)
{
    const char *key;
    json_t *v;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        char path[PATH_BYTES];
        if (rc != 0 || key[0] == '\0' || !join(path, base, key)) {
            continue;
        }
        if (json_is_object(v) && depth < DEPTH_MAX) {
            rc = add_leaves(s, path, v, true, answer, depth + 1);
        } else if (is_scalar(v) && top) {
            rc = add(s, path, answer);
        }
    }
    return rc;
}

/* What an event has: names of an object, places of an array. */
static int add_event(struct dg_shape *s, const char *base, const json_t *event, bool answer)
{
    int rc = 0;
    if (json_is_object(event)) {
        return add_leaves(s, base, event, true, answer, 1);
    }
    for (size_t i = 0; i < json_array_size(event) && i < WIDTH_MAX && rc == 0; i++) {
        char path[PATH_BYTES];
        if (is_scalar(json_array_get(event, i)) && join_index(path, base, i)) {
            rc = add(s, path, answer);
        }
    }
    return rc;
}

/* -- arrays of events -- */

/* How many scalars the elements of an array have, if all are objects or all are arrays of one
 * length; 0: no events. */
static size_t event_scalars(const json_t *array)
{
    const json_t *first = json_array_get(array, 0);
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *v = json_array_get(array, i);
        if (json_typeof(v) != json_typeof(first) ||
            (json_is_array(v) && json_array_size(v) != json_array_size(first))) {
            return 0;
        }
    }
    if (json_is_array(first)) {
        return is_scalar(json_array_get(first, 0)) ? json_array_size(first) : 0;
    }
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)first, key, v)
    {
        n += is_scalar(v);
    }
    return n;
}

struct found {
    char path[PATH_BYTES]; /* of the array with the most scalars per element */
    size_t scalars;
    size_t others; /* scalars of the record that are in no array */
};

static void find_events(struct found *f, const char *base, const json_t *object, unsigned depth)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        char path[PATH_BYTES];
        if (key[0] == '\0' || !join(path, base, key)) {
            continue;
        }
        f->others += is_scalar(v);
        if (json_is_object(v) && depth < DEPTH_MAX) {
            find_events(f, path, v, depth + 1);
        }
        const size_t scalars = json_is_array(v) ? event_scalars(v) : 0;
        if (scalars >= SCALARS_MIN && scalars > f->scalars) {
            f->scalars = scalars;
            memcpy(f->path, path, sizeof path);
        }
    }
}

/* -- whose records they are -- */

static bool has_tensors(const json_t *list)
{
    const json_t *t = json_array_get(list, 0);
    return json_is_string(json_object_get(t, "name")) &&
           json_is_array(json_object_get(t, "shape")) && json_object_get(t, "data") != NULL;
}

struct kind {
    const char *preset;         /* NULL: none */
    char instances[PATH_BYTES]; /* "": the preset's, or none */
};

static struct kind kind_of(const json_t *o)
{
    struct kind k = {0};
    const json_t *data = json_object_get(o, "data");
    struct found f = {.scalars = 0};
    if (has_tensors(json_object_get(o, "inputs")) || has_tensors(json_object_get(o, "outputs"))) {
        k.preset = "open_inference";
    } else if (json_is_object(json_object_get(o, "captureData"))) {
        k.preset = "sagemaker";
    } else if (json_object_get(data, "ndarray") != NULL ||
               json_object_get(data, "tensor") != NULL) {
        k.preset = "seldon";
    } else if (json_is_array(json_object_get(o, "instances"))) {
        k.preset = "kserve";
    } else if (json_is_array(json_object_get(o, "predictions"))) {
        k.preset = "kserve";
        snprintf(k.instances, sizeof k.instances, "/predictions");
    } else {
        find_events(&f, "", o, 1);
        if (f.scalars > 0 && f.scalars >= f.others) {
            memcpy(k.instances, f.path, sizeof f.path);
        }
    }
    return k;
}

/* -- fields of each kind -- */

static const json_t *at_pointer(const json_t *o, const char *path)
{
    while (o != NULL && *path == '/') {
        char key[PATH_BYTES], *w = key;
        for (path++; *path != '/' && *path != '\0'; path++) {
            const bool escaped = path[0] == '~' && (path[1] == '0' || path[1] == '1');
            *w++ = !escaped ? *path : *++path == '0' ? '~' : '/';
        }
        *w = '\0';
        o = json_object_get(o, key);
    }
    return o;
}

/* Arrays of as many elements as there are events go along with them: answers, most often. */
static int add_along(struct dg_shape *s, const char *base, const json_t *object,
                     const json_t *instances, unsigned depth)
{
    const char *key;
    json_t *v;
    int rc = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        char path[PATH_BYTES];
        if (rc != 0 || v == instances || key[0] == '\0' || !join(path, base, key)) {
            continue;
        }
        if (json_is_object(v) && depth < DEPTH_MAX) {
            rc = add_along(s, path, v, instances, depth + 1);
        } else if (json_is_array(v) && json_array_size(v) == json_array_size(instances) &&
                   join(path, path, "#")) {
            const json_t *one = json_array_get(v, 0);
            rc = is_scalar(one) ? add(s, path, true) : add_event(s, path, one, true);
        }
    }
    return rc;
}

static int add_instances(struct dg_shape *s, const json_t *o)
{
    const char *where = s->instances == NULL ? "/instances" : s->instances;
    const json_t *instances = at_pointer(o, where);
    const bool answers = strcmp(where, "/predictions") == 0;
    char path[PATH_BYTES];
    int rc = 0;
    for (size_t i = 0; i < json_array_size(instances) && i < WIDTH_MAX && rc == 0; i++) {
        const json_t *one = json_array_get(instances, i);
        snprintf(path, sizeof path, "^%.500s/#", where);
        rc = is_scalar(one) ? add(s, path, answers) : add_event(s, "", one, answers);
    }
    return rc == 0 && json_array_size(instances) > 0 ? add_along(s, "^", o, instances, 1) : rc;
}

static int add_tensors(struct dg_shape *s, const json_t *list, bool answer)
{
    int rc = 0;
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++) {
        const json_t *t = json_array_get(list, i), *shape = json_object_get(t, "shape");
        const char *name = json_string_value(json_object_get(t, "name"));
        char path[PATH_BYTES], part[PATH_BYTES];
        json_int_t width = 1;
        for (size_t k = 1; k < json_array_size(shape) && width <= WIDTH_MAX; k++) {
            width *= json_integer_value(json_array_get(shape, k));
        }
        if (name == NULL || name[0] == '\0' || !join(path, "", name)) {
            continue;
        }
        rc = width == 1 ? add(s, path, answer) : 0;
        for (json_int_t k = 0; width > 1 && k < width && k < WIDTH_MAX && rc == 0; k++) {
            rc = join_index(part, path, (size_t)k) ? add(s, part, answer) : 0;
        }
    }
    return rc;
}

static int add_seldon(struct dg_shape *s, const json_t *o)
{
    const json_t *data = json_object_get(o, "data"), *names = json_object_get(data, "names");
    const json_t *row = json_array_get(json_object_get(data, "ndarray"), 0);
    const json_t *shape = json_object_get(json_object_get(data, "tensor"), "shape");
    const json_int_t wide = json_integer_value(json_array_get(shape, 1));
    const size_t width = row != NULL ? json_array_size(row) : wide > 0 ? (size_t)wide : 0;
    char path[PATH_BYTES];
    int rc = 0;
    for (size_t i = 0; i < width && i < WIDTH_MAX && rc == 0; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const bool good = name == NULL ? join_index(path, "", i) : join(path, "", name);
        rc = good ? add(s, path, false) : 0;
    }
    return rc;
}

/* The text of a captured body; the caller's. NULL: none. */
static char *captured_text(const json_t *body)
{
    const char *data = json_string_value(json_object_get(body, "data"));
    const char *encoding = json_string_value(json_object_get(body, "encoding"));
    if (data == NULL || encoding == NULL || strcmp(encoding, "BASE64") != 0) {
        return data == NULL ? NULL : strdup(data);
    }
    const size_t len = strlen(data);
    char *text = calloc(1, len + 4);
    if (text != NULL &&
        (len % 4 != 0 || len > INT32_MAX ||
         EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)data, (int)len) < 0)) {
        text[0] = '\0';
    }
    return text;
}

static int add_captured(struct dg_shape *s, const json_t *body, const char *base, bool answer)
{
    char *text = captured_text(body), path[PATH_BYTES];
    int rc = 0;
    if (text == NULL) {
        return 0;
    }
    json_t *document = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *list = json_object_get(document, "instances");
    list = list == NULL ? json_object_get(document, "predictions") : list;
    const json_t *event = list == NULL ? document : json_array_get(list, 0);
    if (event != NULL && !is_scalar(event)) {
        rc = add_event(s, base, event, answer);
    } else if (event != NULL) { /* a number alone */
        rc = add(s, base, answer);
    } else {
        text[strcspn(text, "\r\n")] = '\0';
        size_t fields = text[0] != '\0';
        for (const char *c = text; (c = strchr(c, ',')) != NULL; c++) {
            fields++;
        }
        for (size_t i = 0; i < fields && i < WIDTH_MAX && rc == 0; i++) {
            rc = join_index(path, base, i) ? add(s, path, answer) : 0;
        }
    }
    json_decref(document);
    free(text);
    return rc;
}

/* What stands around the events: neither they themselves nor what is said of the format. */
static int add_around(struct dg_shape *s, json_t *o)
{
    static const char *const of_events[] = {"captureData", "eventVersion", "data"};
    const bool whole = s->preset == NULL ||
                       (strcmp(s->preset, "sagemaker") != 0 && strcmp(s->preset, "seldon") != 0);
    for (size_t i = 0; i < sizeof of_events / sizeof *of_events && !whole; i++) {
        (void)json_object_del(o, of_events[i]);
    }
    return add_leaves(s, "^", o, true, false, 1);
}

/* May take parts out of the record. */
static int add_fields(struct dg_shape *s, json_t *o)
{
    int rc = 0;
    if (!s->unpacks) {
        return add_leaves(s, "", o, false, false, 1);
    }
    if (s->preset == NULL || strcmp(s->preset, "kserve") == 0) {
        rc = add_instances(s, o);
    } else if (strcmp(s->preset, "open_inference") == 0) {
        rc = add_tensors(s, json_object_get(o, "inputs"), false);
        rc = rc != 0 ? rc : add_tensors(s, json_object_get(o, "outputs"), true);
    } else if (strcmp(s->preset, "seldon") == 0) {
        rc = add_seldon(s, o);
    } else {
        const json_t *capture = json_object_get(o, "captureData");
        rc = add_captured(s, json_object_get(capture, "endpointInput"), "/input", false);
        rc = rc != 0 ? rc
                     : add_captured(s, json_object_get(capture, "endpointOutput"), "/output", true);
    }
    return rc != 0 ? rc : add_around(s, o);
}

/* -- the whole file -- */

struct votes {
    struct kind kind[SHAPES_MAX];
    size_t count[SHAPES_MAX];
    size_t n, records, lines;
};

static int vote(void *arg, const char *text, size_t len)
{
    struct votes *v = arg;
    json_t *o = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    if (json_is_object(o)) {
        const struct kind k = kind_of(o);
        size_t i = 0;
        while (i < v->n &&
               (v->kind[i].preset != k.preset || strcmp(v->kind[i].instances, k.instances) != 0)) {
            i++;
        }
        if (i < SHAPES_MAX) {
            v->kind[i] = k;
            v->count[i]++;
            v->n = i == v->n ? v->n + 1 : v->n;
        }
        v->records++;
    }
    json_decref(o);
    return ++v->lines == DG_SHAPE_RECORDS ? -1 : 0;
}

struct collecting {
    struct dg_shape *s;
    size_t lines;
};

static int collect(void *arg, const char *text, size_t len)
{
    struct collecting *c = arg;
    json_t *o = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    const int rc = json_is_object(o) ? add_fields(c->s, o) : 0;
    json_decref(o);
    return rc != 0 ? rc : ++c->lines == DG_SHAPE_RECORDS ? -1 : 0;
}

static int take_kind(struct dg_shape *s, const struct votes *v)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct kind *k = &v->kind[i];
        if (5 * v->count[i] < 4 * v->records || (k->preset == NULL && k->instances[0] == '\0')) {
            continue;
        }
        s->preset = k->preset;
        s->unpacks = true;
        s->instances = k->instances[0] == '\0' ? NULL : strdup(k->instances);
        return k->instances[0] != '\0' && s->instances == NULL ? ENOMEM : 0;
    }
    return 0;
}

int dg_shape_read(const char *path, struct dg_shape *s, struct dg_error *err)
{
    struct votes *votes = calloc(1, sizeof *votes);
    struct collecting c = {.s = s};
    *s = (struct dg_shape){0};
    if (votes == NULL) {
        return dg_fail_memory(err);
    }
    int rc = dg_shape_lines(path, vote, votes, err);
    const bool json = rc == 0 && votes->records > 0 && 2 * votes->records >= votes->lines;
    if (json && take_kind(s, votes) != 0) {
        rc = dg_fail_memory(err);
    }
    free(votes);
    if (rc == 0 && json) {
        rc = dg_shape_lines(path, collect, &c, err);
    }
    if (rc != 0) {
        dg_shape_deinit(s);
    }
    return rc;
}

void dg_shape_deinit(struct dg_shape *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->field[i].path);
        free(s->field[i].name);
    }
    free(s->field);
    free(s->instances);
    *s = (struct dg_shape){0};
}
