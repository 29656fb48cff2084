#include "connectors/registry.h"
#include "connectors/clock.h"

#include "connectors/registry_http.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_MS     30000 /* how long the registry's "there is none" is believed */
#define BACK_OFF_MS    100   /* the first one */
#define BACK_OFF_MAX   10000
#define RETRY_AFTER_MS 60000 /* the most that a server can ask for */
#define MISSING_MAX    10000 /* remembered at once */
#define REFERENCES_MAX 64    /* schemas of one schema */
#define NOT_FOUND      404
#define NO_SCHEMA      40403 /* error_code */

/* What is known of an id. */
struct entry {
    uint32_t id;
    int code; /* 0, ENOENT until `until_ms`, EINVAL */
    int64_t until_ms;
    struct dg_avro_schema *schema;
    const struct dg_avro_type *root;
    char *why; /* EINVAL */
};

struct dg_registry {
    pthread_rwlock_t known; /* guards entry, n, cap */
    struct entry **entry;   /* [n] by id */
    size_t n, cap, n_missing;

    pthread_mutex_t asking; /* guards all below: one request at a time */
    struct dg_registry_http http;
    int64_t back_off_ms; /* the last one; 0: the last request was answered */
    int64_t next_ms;     /* no request before this */
    int last_code;       /* EAGAIN, EACCES */
    struct dg_error last;
    uint64_t random;
};

/* ---- what is known ------------------------------------------------------------------------- */

static size_t place_of(const struct dg_registry *r, uint32_t id)
{
    size_t low = 0, high = r->n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (r->entry[mid]->id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* -1: it must be asked for. */
static int look_up(struct dg_registry *r, uint32_t id, const struct dg_avro_type **root,
                   struct dg_error *err)
{
    int rc = -1;
    pthread_rwlock_rdlock(&r->known);
    const size_t i = place_of(r, id);
    if (i < r->n && r->entry[i]->id == id) {
        const struct entry *const e = r->entry[i];
        if (e->code == 0) {
            *root = e->root;
            rc = 0;
        } else if (e->code == EINVAL) {
            rc = dg_fail(err, EINVAL, "schema %" PRIu32 " of the registry cannot be used: %s", id,
                         e->why);
        } else if (dg_steady_ms() < e->until_ms) {
            rc = dg_fail(err, ENOENT, "the schema registry has no schema %" PRIu32, id);
        }
    }
    pthread_rwlock_unlock(&r->known);
    return rc;
}

static void free_entry(struct entry *e)
{
    if (e != NULL) {
        dg_avro_schema_free(e->schema);
        free(e->why);
        free(e);
    }
}

/* Ids that are not there, when there are too many of them: none has been handed out. */
static void forget_missing(struct dg_registry *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->entry[i]->code == ENOENT) {
            free_entry(r->entry[i]);
        } else {
            r->entry[kept++] = r->entry[i];
        }
    }
    r->n = kept;
    r->n_missing = 0;
}

static int insert(struct dg_registry *r, struct entry *e)
{
    if (r->n == r->cap) {
        const size_t cap = r->cap * 2 + 16;
        struct entry **entry = realloc(r->entry, cap * sizeof(struct entry *));
        if (entry == NULL) {
            return ENOMEM;
        }
        r->entry = entry;
        r->cap = cap;
    }
    const size_t i = place_of(r, e->id);
    memmove(r->entry + i + 1, r->entry + i, (r->n - i) * sizeof(struct entry *));
    r->entry[i] = e;
    r->n++;
    return 0;
}

static int remember(struct dg_registry *r, const struct entry *what)
{
    struct entry *e = malloc(sizeof *e);
    int rc = e == NULL ? ENOMEM : 0;
    if (rc == 0) {
        *e = *what;
        pthread_rwlock_wrlock(&r->known);
        if (r->n_missing >= MISSING_MAX) {
            forget_missing(r);
        }
        const size_t i = place_of(r, e->id);
        if (i < r->n && r->entry[i]->id == e->id) { /* one that was missing */
            DG_ASSERT(r->entry[i]->code == ENOENT);
            r->n_missing--;
            free_entry(r->entry[i]);
            r->entry[i] = e;
        } else {
            rc = insert(r, e);
        }
        r->n_missing += rc == 0 && e->code == ENOENT;
        pthread_rwlock_unlock(&r->known);
    }
    if (rc != 0) {
        free(e);
    }
    return rc;
}

/* ---- asking -------------------------------------------------------------------------------- */

static uint64_t random_below(struct dg_registry *r, uint64_t n)
{
    r->random = r->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (r->random >> 33) % n;
}

/* Nothing is asked for a while: half to all of the back-off, so that many do not come at once. */
static int back_off(struct dg_registry *r, int code, int64_t at_least_ms,
                    const struct dg_error *why, struct dg_error *err)
{
    r->back_off_ms = r->back_off_ms == 0 ? BACK_OFF_MS : r->back_off_ms * 2;
    r->back_off_ms = r->back_off_ms > BACK_OFF_MAX ? BACK_OFF_MAX : r->back_off_ms;
    const int64_t half = r->back_off_ms / 2;
    int64_t wait = half + (int64_t)random_below(r, (uint64_t)half + 1);
    at_least_ms = at_least_ms > RETRY_AFTER_MS ? RETRY_AFTER_MS : at_least_ms;
    wait = wait < at_least_ms ? at_least_ms : wait;
    r->next_ms = dg_steady_ms() + wait;
    r->last_code = code;
    r->last = *why;
    return dg_fail(err, code, "%s", why->message);
}

/* GET `path`: 0 and an object that has a schema; ENOENT; EFBIG; EAGAIN, EACCES. */
static int get(struct dg_registry *r, const char *path, json_t **body, struct dg_error *err)
{
    struct dg_registry_answer a = {0};
    struct dg_error why = {0};
    int rc = dg_registry_http_get(&r->http, path, &a, &why);
    if (rc != 0) {
        return rc == ENOMEM ? dg_fail_memory(err) : back_off(r, EAGAIN, 0, &why, err);
    }
    const char *const url = r->http.url;
    const json_int_t code = json_integer_value(json_object_get(a.body, "error_code"));
    if (a.status == 200 && json_is_string(json_object_get(a.body, "schema"))) {
        r->back_off_ms = 0;
        *body = a.body;
        return 0;
    }
    json_decref(a.body);
    if (a.status == 200 && a.too_large) {
        r->back_off_ms = 0;
        return dg_fail(err, EFBIG, "its text is longer than %zu bytes", DG_REGISTRY_ANSWER_MAX);
    }
    if (a.status == NOT_FOUND && code / 100 == NOT_FOUND) {
        r->back_off_ms = 0;
        return ENOENT;
    }
    if (a.status == 401 || a.status == 403) {
        dg_fail(&why, EACCES,
                "the schema registry at %s refuses us (HTTP %ld): check the user and "
                "the password file",
                url, a.status);
        return back_off(r, EACCES, 0, &why, err);
    }
    if (a.status == 200 || a.status == NOT_FOUND) {
        dg_fail(&why, EAGAIN,
                "what answers at %s (HTTP %ld) is no schema registry: check the URL, "
                "with its path",
                url, a.status);
    } else if (a.status / 100 == 3) {
        dg_fail(&why, EAGAIN,
                "the schema registry at %s sends us elsewhere (HTTP %ld), and "
                "redirects are not followed: use the URL that it names",
                url, a.status);
    } else {
        dg_fail(&why, EAGAIN, "the schema registry at %s answers with HTTP %ld", url, a.status);
    }
    return back_off(r, EAGAIN, a.retry_after_s * 1000, &why, err);
}

/* ---- one schema ---------------------------------------------------------------------------- */

/* Texts of a schema and all that it refers to, those first. */
struct gathered {
    char *subject[REFERENCES_MAX]; /* with the version */
    size_t n;
    FILE *out; /* fields of a record that defines them one after the other */
};

static int gather(struct dg_registry *r, struct gathered *g, const json_t *body, int depth,
                  struct dg_error *err);

/* Without the characters that would mean something in a URL. */
static char *escape(struct dg_registry *r, const char *subject)
{
    char *escaped = curl_easy_escape(r->http.curl, subject, 0);
    char *copy = escaped == NULL ? NULL : strdup(escaped);
    curl_free(escaped);
    return copy;
}

static bool is_gathered(const struct gathered *g, const char *path)
{
    for (size_t i = 0; i < g->n; i++) {
        if (strcmp(g->subject[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static int gather_one(struct dg_registry *r, struct gathered *g, const json_t *reference, int depth,
                      struct dg_error *err)
{
    const char *const subject = json_string_value(json_object_get(reference, "subject"));
    const json_int_t version = json_integer_value(json_object_get(reference, "version"));
    if (subject == NULL || version < 1) {
        return dg_fail(err, EINVAL, "a reference without subject and version");
    }
    char *const escaped = escape(r, subject);
    char *path = NULL;
    if (escaped == NULL ||
        asprintf(&path, "/subjects/%s/versions/%" JSON_INTEGER_FORMAT, escaped, version) < 0) {
        free(escaped);
        return dg_fail_memory(err);
    }
    free(escaped);
    if (is_gathered(g, path)) {
        free(path);
        return 0;
    }
    if (g->n == REFERENCES_MAX) {
        free(path);
        return dg_fail(err, EINVAL, "it refers to more than %d schemas", REFERENCES_MAX);
    }
    g->subject[g->n++] = path; /* before its own references: a circle ends here */
    json_t *body = NULL;
    int rc = get(r, path, &body, err);
    if (rc == ENOENT) {
        rc = dg_fail(err, EINVAL,
                     "it refers to version %" JSON_INTEGER_FORMAT
                     " of %.200s, which the registry does not have",
                     version, subject);
    }
    rc = rc == 0 ? gather(r, g, body, depth + 1, err) : rc;
    json_decref(body);
    return rc;
}

static int gather(struct dg_registry *r, struct gathered *g, const json_t *body, int depth,
                  struct dg_error *err)
{
    const char *const type = json_string_value(json_object_get(body, "schemaType"));
    const json_t *const text = json_object_get(body, "schema");
    const json_t *const references = json_object_get(body, "references");
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        return dg_fail(err, EINVAL, "it is %.50s, not Avro", type);
    }
    int rc = 0;
    for (size_t i = 0; i < json_array_size(references) && rc == 0; i++) {
        rc = gather_one(r, g, json_array_get(references, i), depth, err);
    }
    if (rc == 0) {
        fprintf(g->out, "%s{\"name\":\"s%ld\",\"type\":%s}", ftell(g->out) > 0 ? "," : "",
                ftell(g->out), json_string_value(text));
    }
    return rc;
}

/* The texts as one, by way of a record whose last field is the schema. */
static int parse_gathered(const char *fields, struct entry *e, struct dg_error *err)
{
    char *text = NULL;
    const int n = asprintf(
        &text, "{\"type\":\"record\",\"name\":\"driftgauge_references\",\"fields\":[%s]}", fields);
    if (n < 0) {
        return dg_fail_memory(err);
    }
    const int rc = dg_avro_schema_parse(text, (size_t)n, &e->schema, err);
    free(text);
    if (rc == 0) {
        const struct dg_avro_type *const all = dg_avro_schema_root(e->schema);
        e->root = all->child[all->n - 1];
    }
    return rc;
}

static int parse(struct dg_registry *r, const json_t *body, struct entry *e, struct dg_error *err)
{
    struct gathered g = {0};
    char *fields = NULL;
    size_t len = 0;
    g.out = open_memstream(&fields, &len);
    if (g.out == NULL) {
        return dg_fail_memory(err);
    }
    int rc = gather(r, &g, body, 0, err);
    if (fclose(g.out) != 0) {
        rc = dg_fail_memory(err);
    }
    rc = rc == 0 ? parse_gathered(fields, e, err) : rc;
    for (size_t i = 0; i < g.n; i++) {
        free(g.subject[i]);
    }
    free(fields);
    return rc;
}

static int fetch(struct dg_registry *r, uint32_t id, struct dg_error *err)
{
    char path[40];
    struct entry e = {.id = id};
    json_t *body = NULL;
    snprintf(path, sizeof path, "/schemas/ids/%" PRIu32, id);
    struct dg_error why = {0};
    e.code = get(r, path, &body, &why);
    if (e.code == 0) {
        e.code = parse(r, body, &e, &why);
    }
    json_decref(body);
    if (e.code == EAGAIN || e.code == EACCES || e.code == ENOMEM) {
        return dg_fail(err, e.code, "%s", why.message);
    }
    if (e.code == ENOENT) {
        e.until_ms = dg_steady_ms() + MISSING_MS;
    } else if (e.code != 0) {
        e.code = EINVAL;
        e.why = strdup(why.message);
    }
    if ((e.code == EINVAL && e.why == NULL) || remember(r, &e) != 0) {
        dg_avro_schema_free(e.schema);
        free(e.why);
        return dg_fail_memory(err);
    }
    return 0;
}

int dg_registry_schema(struct dg_registry *r, uint32_t id, const struct dg_avro_type **root,
                       struct dg_error *err)
{
    int rc = look_up(r, id, root, err);
    if (rc >= 0) {
        return rc;
    }
    pthread_mutex_lock(&r->asking);
    rc = look_up(r, id, root, err); /* somebody else may have asked meanwhile */
    if (rc < 0 && r->back_off_ms > 0 && dg_steady_ms() < r->next_ms) {
        rc = dg_fail(err, r->last_code, "%s", r->last.message);
    }
    const int asked = rc < 0 ? fetch(r, id, err) : 0;
    pthread_mutex_unlock(&r->asking);
    if (rc < 0) {
        rc = asked != 0 ? asked : look_up(r, id, root, err);
        if (rc < 0) { /* forgotten at once, by a flood of others */
            rc = dg_fail(err, ENOENT, "the schema registry has no schema %" PRIu32, id);
        }
    }
    return rc;
}

/* ---- open and close ------------------------------------------------------------------------ */

int dg_registry_open(const struct dg_registry_options *options, struct dg_registry **out,
                     struct dg_error *err)
{
    struct dg_registry *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return dg_fail_memory(err);
    }
    const int rc = dg_registry_http_init(&r->http, options, err);
    if (rc != 0) {
        free(r);
        return rc;
    }
    if (pthread_rwlock_init(&r->known, NULL) != 0 || pthread_mutex_init(&r->asking, NULL) != 0) {
        dg_registry_http_deinit(&r->http);
        free(r);
        return dg_fail_memory(err);
    }
    r->random = (uint64_t)dg_steady_ms() ^ (uint64_t)(uintptr_t)r;
    *out = r;
    return 0;
}

void dg_registry_close(struct dg_registry *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        free_entry(r->entry[i]);
    }
    free(r->entry);
    dg_registry_http_deinit(&r->http);
    pthread_rwlock_destroy(&r->known);
    pthread_mutex_destroy(&r->asking);
    free(r);
}

int dg_registry_probe(struct dg_registry *r, struct dg_error *err)
{
    struct dg_registry_answer a = {0};
    pthread_mutex_lock(&r->asking);
    const int rc = dg_registry_http_get(&r->http, "/subjects", &a, err);
    pthread_mutex_unlock(&r->asking);
    const bool good = rc == 0 && a.status == 200 && (a.too_large || json_is_array(a.body));
    json_decref(a.body);
    if (rc != 0 || good) {
        return rc;
    }
    if (a.status == 401 || a.status == 403) {
        return dg_fail(err, EACCES,
                       "the schema registry at %s refuses us (HTTP %ld): check the "
                       "user and the password file",
                       r->http.url, a.status);
    }
    return dg_fail(err, EAGAIN,
                   "what answers at %s (HTTP %ld) is no schema registry: check the "
                   "URL, with its path",
                   r->http.url, a.status);
}
