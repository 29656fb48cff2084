/* The baseline's file: JSON by jansson. Its identity is the SHA-256 of the compact form with sorted
 * keys, the identity itself left out. */
#include "engine/baseline.h"

#include "engine/new_file.h"
#include "engine/timefmt.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT_VERSION 1

static const char *const ROLE_NAMES[] = {"feature", "score", "prediction", "latency"};

static char *encode_base64(const struct dg_bytes *b)
{
    char *text = malloc(b->len / 3 * 4 + 8);
    if (text != NULL) {
        text[EVP_EncodeBlock((unsigned char *)text, b->data, (int)b->len)] = '\0';
    }
    return text;
}

static int decode_base64(const char *text, struct dg_bytes *out)
{
    const size_t len = strlen(text);
    if (len % 4 != 0 || len > INT32_MAX) {
        return EBADMSG;
    }
    out->data = malloc(len / 4 * 3 + 1);
    if (out->data == NULL) {
        return ENOMEM;
    }
    const int n = EVP_DecodeBlock(out->data, (const unsigned char *)text, (int)len);
    const size_t padding =
        len < 2 ? 0u : (text[len - 1] == '=' ? 1u : 0u) + (text[len - 2] == '=' ? 1u : 0u);
    if (n < 0 || (size_t)n < padding) {
        return EBADMSG;
    }
    out->len = (size_t)n - padding;
    out->cap = len / 4 * 3 + 1;
    return 0;
}

static json_t *dump_bins(const struct dg_binning *b)
{
    json_t *edges = json_array(), *points = json_array(), *groups = json_array();
    for (uint32_t j = 0; j < b->n_bins; j++) {
        if (j + 1 < b->n_bins) {
            json_array_append_new(edges, json_real(b->edges[j]));
        }
        if (b->is_point[j]) {
            json_array_append_new(points, json_integer(j));
        }
        json_array_append_new(groups, json_integer(b->group[j]));
    }
    return json_pack("{s:o, s:o, s:o, s:f, s:f}", "edges", edges, "points", points, "groups",
                     groups, "origin", b->origin, "unit", b->unit);
}

static json_t *dump_categories(const struct dg_dictionary *d)
{
    size_t n = 0;
    const struct dg_keyed *known = dg_dictionary_known(d, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, json_pack("[s#, I]", known[i].key, (int)known[i].len,
                                              (json_int_t)known[i].count));
    }
    return json_pack("{s:i, s:o}", "own", (int)dg_dictionary_size(d), "known", list);
}

static json_t *dump_column(const struct dg_baseline *b, const struct dg_baseline_column *c)
{
    json_t *states = json_object();
    for (size_t i = 0; i < b->n_segments; i++) {
        char *text = c->state[i].len == 0 ? NULL : encode_base64(&c->state[i]);
        if (text != NULL) {
            json_object_set_new(states, b->segment_name[i], json_string(text));
        }
        free(text);
    }
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", c->name, "path", c->path, "type",
                          c->type == DG_FEATURE_NUMERIC ? "numeric" : "category", "role",
                          ROLE_NAMES[c->role], "states", states);
    if (c->binning != NULL) {
        json_object_set_new(o, "bins", dump_bins(c->binning));
    }
    if (c->dictionary != NULL) {
        json_object_set_new(o, "categories", dump_categories(c->dictionary));
    }
    return o;
}

static json_t *dump_spec(const struct dg_baseline *b, size_t i)
{
    json_t *columns = json_array(), *values = json_array();
    for (size_t k = 0; k < 2 && b->spec_column[i][k] != NULL; k++) {
        json_array_append_new(columns, json_string(b->spec_column[i][k]));
    }
    for (size_t j = 0; j < b->values[i].n; j++) {
        const struct dg_segment_value *v = &b->values[i].value[j];
        json_t *parts = json_array();
        for (size_t k = 0; k < 2 && v->text[k] != NULL; k++) {
            json_array_append_new(parts, json_stringn(v->text[k], v->len[k]));
        }
        json_array_append_new(values, parts);
    }
    return json_pack("{s:o, s:o}", "columns", columns, "values", values);
}

static json_t *dump_time(int64_t us)
{
    char text[DG_TIME_TEXT];
    return us == DG_TIME_NONE ? json_null() : json_string(dg_time_format(us, text));
}

static json_t *dump_baseline(const struct dg_baseline *b)
{
    json_t *columns = json_array(), *segments = json_array(), *names = json_array();
    for (size_t i = 0; i < b->n_columns; i++) {
        json_array_append_new(columns, dump_column(b, &b->column[i]));
    }
    for (size_t i = 0; i < b->n_specs; i++) {
        json_array_append_new(segments, dump_spec(b, i));
    }
    for (size_t i = 0; i < b->n_segments; i++) {
        json_array_append_new(names, json_string(b->segment_name[i]));
    }
    return json_pack("{s:i, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "driftgauge_baseline",
                     FORMAT_VERSION, "name", b->name, "source", b->source, "rows",
                     (json_int_t)b->rows, "first_time", dump_time(b->first_us), "last_time",
                     dump_time(b->last_us), "segments", segments, "segment_names", names, "columns",
                     columns);
}

/* SHA-256, in hex, of the document without its "version". */
static int identify(json_t *document, char version[65])
{
    json_object_del(document, "version");
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (text == NULL || EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL) != 1) {
        free(text);
        return ENOMEM;
    }
    free(text);
    for (unsigned int i = 0; i < n && i < 32; i++) {
        snprintf(version + 2 * i, 3, "%02x", digest[i]);
    }
    return 0;
}

static int write_stream(json_t *document, FILE *f)
{
    errno = 0;
    const bool written =
        json_dumpf(document, f, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) == 0 &&
        fputc('\n', f) != EOF && fflush(f) == 0 &&
        (fsync(fileno(f)) == 0 || errno == EINVAL || errno == EROFS); /* not of a pipe */
    return written ? 0 : errno != 0 ? errno : EIO;
}

static int write_document(json_t *document, const char *path, struct dg_error *err)
{
    struct dg_new_file f;
    int rc = dg_new_file_begin(path, &f);
    if (rc != 0) {
        return dg_fail(err, rc, "%s: cannot be written: %s", path, strerror(rc));
    }
    const int fd = dup(f.fd);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    rc = stream != NULL ? write_stream(document, stream) : errno;
    if (stream != NULL) {
        fclose(stream); /* flushed and on disk, or failed */
    } else if (fd >= 0) {
        close(fd);
    }
    rc = dg_new_file_end(&f, rc);
    return rc == 0 ? 0 : dg_fail(err, rc, "%s: cannot be written: %s", path, strerror(rc));
}

int dg_baseline_save(struct dg_baseline *b, const char *path, struct dg_error *err)
{
    json_t *document = dump_baseline(b);
    if (document == NULL || identify(document, b->version) != 0) {
        json_decref(document);
        return dg_fail_memory(err);
    }
    json_object_set_new(document, "version", json_string(b->version));
    const int rc = write_document(document, path, err);
    json_decref(document);
    return rc;
}

int dg_baseline_text(const struct dg_baseline *b, char **out, struct dg_error *err)
{
    json_t *document = dump_baseline(b);
    if (document == NULL ||
        json_object_set_new(document, "version", json_string(b->version)) != 0) {
        json_decref(document);
        return dg_fail_memory(err);
    }
    *out = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(document);
    return *out == NULL ? dg_fail_memory(err) : 0;
}

/* What reading complains with: the file, and the place in it. */
struct loading {
    const char *path;
    struct dg_error *err;
};

static int corrupt(const struct loading *l, const char *where, const char *what)
{
    return dg_fail(l->err, EBADMSG, "%s: %s: %s; build the baseline again", l->path, where, what);
}

static char *copy_string(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text == NULL ? NULL : strdup(text);
}

static int load_bins(const struct loading *l, const json_t *o, const char *name,
                     struct dg_binning **out)
{
    const json_t *edges = json_object_get(o, "edges"), *groups = json_object_get(o, "groups");
    const json_t *points = json_object_get(o, "points");
    const size_t n = json_array_size(edges);
    if (!json_is_array(edges) || n >= DG_BINS_MAX || json_array_size(groups) != n + 1) {
        return corrupt(l, name, "bins have no proper edges and groups");
    }
    struct dg_binning *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return dg_fail_memory(l->err);
    }
    *out = b;
    b->n_bins = (uint32_t)n + 1;
    for (size_t i = 0; i < n; i++) {
        b->edges[i] = json_number_value(json_array_get(edges, i));
    }
    for (size_t i = 0; i <= n; i++) {
        const json_int_t group = json_integer_value(json_array_get(groups, i));
        if (group < 0 || group >= DG_BINS_MAX) {
            return corrupt(l, name, "a group number is out of range");
        }
        b->group[i] = (uint8_t)group;
        b->n_groups = (uint32_t)group + 1 > b->n_groups ? (uint32_t)group + 1 : b->n_groups;
    }
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_int_t at = json_integer_value(json_array_get(points, i));
        if (at < 0 || at > (json_int_t)n) {
            return corrupt(l, name, "a point bin is out of range");
        }
        b->is_point[at] = true;
    }
    b->origin = json_number_value(json_object_get(o, "origin"));
    b->unit = json_number_value(json_object_get(o, "unit"));
    return dg_binning_restore(b) == 0 ? 0 : corrupt(l, name, "bins break their own rules");
}

static int load_categories(const struct loading *l, const json_t *o, const char *name,
                           struct dg_dictionary **out)
{
    const json_t *known = json_object_get(o, "known");
    const json_int_t own = json_integer_value(json_object_get(o, "own"));
    const size_t n = json_array_size(known);
    if (n == 0 || own < 1 || own > DG_DICTIONARY_MAX) {
        return corrupt(l, name, "categories are missing");
    }
    struct dg_keyed *keyed = calloc(n, sizeof *keyed);
    if (keyed == NULL) {
        return dg_fail_memory(l->err);
    }
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const json_t *pair = json_array_get(known, i);
        const json_t *key = json_array_get(pair, 0);
        const json_int_t count = json_integer_value(json_array_get(pair, 1));
        if (!json_is_string(key) || count < 0 || json_string_length(key) > DG_KEY_MAX) {
            rc = corrupt(l, name, "a category is not a [text, count]");
        } else {
            const char *text = json_string_value(key);
            const size_t len = json_string_length(key);
            keyed[i] =
                (struct dg_keyed){text, (uint32_t)len, dg_hash_key(text, len), (uint64_t)count};
        }
    }
    if (rc == 0) {
        rc = dg_dictionary_build(keyed, n, (uint32_t)own, out);
        rc = rc == ENOMEM ? dg_fail_memory(l->err)
             : rc != 0    ? corrupt(l, name, "categories repeat")
                          : 0;
    }
    free(keyed);
    return rc;
}

/* Decode a state into scratch: one that cannot be used must not be found out in mid-replay. */
static int check_state(const struct dg_baseline_column *c, const struct dg_bytes *state)
{
    int rc;
    if (c->type == DG_FEATURE_NUMERIC) {
        struct dg_numeric *s = malloc(sizeof *s);
        if (s == NULL) {
            return ENOMEM;
        }
        dg_numeric_init(s, c->binning);
        rc = dg_numeric_add_encoded(s, state->data, state->len);
        dg_numeric_deinit(s);
        free(s);
    } else {
        struct dg_category s;
        dg_category_init(&s, c->dictionary);
        rc = dg_category_add_encoded(&s, state->data, state->len);
        dg_category_deinit(&s);
    }
    return rc;
}

static int load_states(const struct loading *l, const struct dg_baseline *b, const json_t *o,
                       struct dg_baseline_column *c)
{
    c->state = calloc(b->n_segments, sizeof *c->state);
    if (c->state == NULL) {
        return dg_fail_memory(l->err);
    }
    for (size_t i = 0; i < b->n_segments; i++) {
        const json_t *state = json_object_get(o, b->segment_name[i]);
        const char *text = json_string_value(state);
        int rc = state == NULL ? 0 : text == NULL ? EBADMSG : decode_base64(text, &c->state[i]);
        if (rc == 0 && state != NULL) {
            rc = check_state(c, &c->state[i]);
        }
        if (rc != 0) {
            return rc == ENOMEM ? dg_fail_memory(l->err)
                                : corrupt(l, c->name, "a state is not what it should be");
        }
    }
    return 0;
}

static int load_column(const struct loading *l, const struct dg_baseline *b, const json_t *o,
                       struct dg_baseline_column *c)
{
    c->name = copy_string(o, "name");
    c->path = copy_string(o, "path");
    const char *type = json_string_value(json_object_get(o, "type"));
    const char *role = json_string_value(json_object_get(o, "role"));
    if (c->name == NULL || c->path == NULL || type == NULL || role == NULL) {
        return corrupt(l, "columns", "one has no name, path, type or role");
    }
    c->type = strcmp(type, "category") == 0 ? DG_FEATURE_CATEGORY : DG_FEATURE_NUMERIC;
    for (size_t i = 0; i < sizeof ROLE_NAMES / sizeof *ROLE_NAMES; i++) {
        c->role = strcmp(role, ROLE_NAMES[i]) == 0 ? (enum dg_role)i : c->role;
    }
    const json_t *bins = json_object_get(o, "bins"), *categories = json_object_get(o, "categories");
    int rc = bins == NULL ? 0 : load_bins(l, bins, c->name, &c->binning);
    rc = rc != 0 || categories == NULL ? rc
                                       : load_categories(l, categories, c->name, &c->dictionary);
    return rc != 0 ? rc : load_states(l, b, json_object_get(o, "states"), c);
}

static int load_values(const struct loading *l, const json_t *list, struct dg_segment_values *out)
{
    for (size_t j = 0; j < json_array_size(list); j++) {
        const json_t *parts = json_array_get(list, j);
        struct dg_text part[2] = {{0}};
        const size_t n = json_array_size(parts);
        for (size_t k = 0; k < n && k < 2; k++) {
            const json_t *text = json_array_get(parts, k);
            part[k].bytes = json_string_value(text);
            part[k].len = (uint32_t)json_string_length(text);
        }
        if (n < 1 || n > 2 || part[0].bytes == NULL || (n == 2 && part[1].bytes == NULL)) {
            return corrupt(l, "segments", "a value is not a list of one or two texts");
        }
        if (dg_segment_values_add(out, part, n) != 0) {
            return dg_fail_memory(l->err);
        }
    }
    return 0;
}

static int load_segments(const struct loading *l, const json_t *document, struct dg_baseline *b)
{
    const json_t *specs = json_object_get(document, "segments");
    const json_t *names = json_object_get(document, "segment_names");
    b->n_specs = json_array_size(specs);
    b->n_segments = json_array_size(names);
    b->spec_column = calloc(b->n_specs + 1, sizeof *b->spec_column);
    b->values = calloc(b->n_specs + 1, sizeof *b->values);
    b->segment_name = calloc(b->n_segments + 1, sizeof *b->segment_name);
    if (b->spec_column == NULL || b->values == NULL || b->segment_name == NULL) {
        return dg_fail_memory(l->err);
    }
    for (size_t i = 0; i < b->n_segments; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        b->segment_name[i] = name == NULL ? NULL : strdup(name);
        if (b->segment_name[i] == NULL) {
            return corrupt(l, "segment_names", "one is not a text");
        }
    }
    int rc = b->n_segments == 0 ? corrupt(l, "segment_names", "empty") : 0;
    for (size_t i = 0; i < b->n_specs && rc == 0; i++) {
        const json_t *spec = json_array_get(specs, i), *columns = json_object_get(spec, "columns");
        for (size_t k = 0; k < json_array_size(columns) && k < 2; k++) {
            const char *name = json_string_value(json_array_get(columns, k));
            b->spec_column[i][k] = name == NULL ? NULL : strdup(name);
        }
        rc = b->spec_column[i][0] == NULL
                 ? corrupt(l, "segments", "one has no column")
                 : load_values(l, json_object_get(spec, "values"), &b->values[i]);
    }
    return rc;
}

static int64_t load_time(const json_t *o)
{
    const char *text = json_string_value(o);
    int64_t us = DG_TIME_NONE;
    return text != NULL && dg_time_parse(text, strlen(text), DG_TIME_AUTO, &us) ? us : DG_TIME_NONE;
}

static int load_document(const struct loading *l, json_t *document, struct dg_baseline *b)
{
    char version[65] = "";
    const char *claimed = json_string_value(json_object_get(document, "version"));
    if (json_integer_value(json_object_get(document, "driftgauge_baseline")) != FORMAT_VERSION ||
        claimed == NULL) {
        return dg_fail(l->err, EBADMSG,
                       "%s: not a driftgauge baseline of format %d; make one with `driftgauge "
                       "baseline build`",
                       l->path, FORMAT_VERSION);
    }
    const json_t *rows = json_object_get(document, "rows");
    if (!json_is_array(json_object_get(document, "columns")) || json_integer_value(rows) < 0 ||
        (rows != NULL && !json_is_integer(rows))) {
        return corrupt(l, "document", "columns are no list, or rows no count");
    }
    b->name = copy_string(document, "name");
    b->source = copy_string(document, "source");
    b->rows = (uint64_t)json_integer_value(rows);
    b->first_us = load_time(json_object_get(document, "first_time"));
    b->last_us = load_time(json_object_get(document, "last_time"));
    if (b->name == NULL || b->source == NULL) {
        return corrupt(l, "document", "no name or source");
    }
    snprintf(b->version, sizeof b->version, "%s", claimed);
    int rc = load_segments(l, document, b);
    const json_t *columns = json_object_get(document, "columns");
    b->column = calloc(json_array_size(columns) + 1, sizeof *b->column);
    if (b->column == NULL) {
        return dg_fail_memory(l->err);
    }
    b->n_columns = json_array_size(columns);
    for (size_t i = 0; i < b->n_columns && rc == 0; i++) {
        rc = load_column(l, b, json_array_get(columns, i), &b->column[i]);
    }
    if (rc == 0 && (identify(document, version) != 0 || strcmp(version, b->version) != 0)) {
        rc =
            corrupt(l, "version", "the content does not match it, so the file was changed by hand");
    }
    return rc;
}

/* Takes the document; NULL: it is not JSON, as `why` says. */
static int take_document(json_t *document, const json_error_t *why, const char *path,
                         struct dg_baseline **out, struct dg_error *err)
{
    const struct loading l = {path, err};
    if (document == NULL) {
        return dg_fail(err, EBADMSG, "%s:%d:%d: not JSON: %s", path, why->line, why->column,
                       why->text);
    }
    struct dg_baseline *b = calloc(1, sizeof *b);
    const int rc = b == NULL ? dg_fail_memory(err) : load_document(&l, document, b);
    json_decref(document);
    if (rc != 0) {
        dg_baseline_free(b);
        return rc;
    }
    *out = b;
    return 0;
}

int dg_baseline_parse(const char *place, const char *text, struct dg_baseline **out,
                      struct dg_error *err)
{
    json_error_t why;
    json_t *document = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    return take_document(document, &why, place, out, err);
}

int dg_baseline_load(const char *path, struct dg_baseline **out, struct dg_error *err)
{
    json_error_t why;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return dg_fail(err, errno,
                       "%s: cannot be opened: %s; make a baseline with `driftgauge baseline build`",
                       path, strerror(errno));
    }
    json_t *document = json_loadf(f, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    fclose(f);
    return take_document(document, &why, path, out, err);
}
