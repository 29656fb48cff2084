#include "engine/live/settings.h"

#include "engine/config.h"
#include "engine/live/settings_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dg_daemon_file_deinit(struct dg_daemon_file *f)
{
    dg_arena_deinit(&f->arena);
    *f = (struct dg_daemon_file){0};
}

void dg_daemon_settings_deinit(struct dg_daemon_settings *s)
{
    for (size_t i = 0; i < s->kafka.n_properties; i++) {
        free(s->kafka.property[i].name);
        free(s->kafka.property[i].value);
    }
    free(s->kafka.property);
    char *text[] = {s->path,
                    s->kafka.brokers,
                    s->kafka.group,
                    s->kafka.instance,
                    s->registry.url,
                    s->registry.user,
                    s->registry.password_file,
                    s->registry.ca_file,
                    s->database.db,
                    s->database.password_file,
                    s->database.tenant,
                    s->http.listen,
                    s->http.token_file};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        free(text[i]);
    }
    *s = (struct dg_daemon_settings){0};
}

struct build {
    const char *path;
    struct dg_diagnostics *d;
    struct dg_settings *root;
    struct dg_daemon_settings s;
    bool out_of_memory;
};

static struct dg_settings *section_of(const struct dg_settings *s, size_t key)
{
    const struct dg_setting *v = &s->value[key];
    return v->present && v->sections.n > 0 ? v->sections.at[0] : NULL;
}

static char *copy_text(struct build *b, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    b->out_of_memory |= text != NULL && copy == NULL;
    return copy;
}

/* NULL where there is no value; an empty one is an error. */
static const char *text_of(struct build *b, const struct dg_settings *s, size_t key)
{
    const struct dg_setting *v = &s->value[key];
    if (!v->present) {
        return NULL;
    }
    if (v->text[0] == '\0') {
        dg_diagnose(b->d, DG_ERROR, v->place, "give it a value or remove the key", "'%s' is empty",
                    s->section->key[key].name);
    }
    return v->text;
}

/* `file` as written is relative to the directory of the settings. */
static char *copy_path(struct build *b, const char *file)
{
    const char *slash = b->path == NULL || file == NULL ? NULL : strrchr(b->path, '/');
    if (slash == NULL || file[0] == '/') {
        return copy_text(b, file);
    }
    char *path = NULL;
    if (asprintf(&path, "%.*s/%s", (int)(slash - b->path), b->path, file) < 0) {
        b->out_of_memory = true;
        return NULL;
    }
    return path;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The line where something was written came from a variable. */
static bool from_environment(const struct dg_diagnostics *d, struct dg_place place)
{
    const char *line = d->text, *end = d->text + d->text_len;
    for (uint32_t i = 1; i < place.line && line != NULL; i++) {
        line = memchr(line, '\n', (size_t)(end - line));
        line = line == NULL ? NULL : line + 1;
    }
    if (line == NULL) {
        return false;
    }
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    return memmem(line, (size_t)((stop == NULL ? end : stop) - line), "${env:", 6) != NULL;
}

/* A word in clear is read by everybody who may read the file, and ends in copies of it. */
static void doubt_secret(struct build *b, const struct dg_entry *e)
{
    if (dg_property_is_secret(e->name) && !from_environment(b->d, e->place)) {
        char hint[256];
        snprintf(hint, sizeof hint, "%.100s_file: FILE reads it from a file", e->name);
        dg_diagnose(b->d, DG_WARNING, e->place, hint,
                    "'%.100s' is a secret: it should not stand in this file", e->name);
    }
}

/* Every file of the settings is named relative to them; librdkafka's `probe` looks for one. */
static bool names_file(const char *name, const char *value)
{
    return ends_with(name, "_file") ||
           (strncmp(name, "ssl.", 4) == 0 && ends_with(name, ".location") &&
            strcmp(value, "probe") != 0);
}

static void build_properties(struct build *b, const struct dg_settings *s)
{
    b->s.kafka.property = calloc(s->n_entries + 1, sizeof *b->s.kafka.property);
    if (b->s.kafka.property == NULL) {
        b->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < s->n_entries; i++) {
        const struct dg_entry *e = &s->entry[i];
        const struct dg_settings *of =
            e->setting.present && e->setting.sections.n > 0 ? e->setting.sections.at[0] : NULL;
        if (of == NULL || !of->value[PROPERTY_VALUE].present) {
            continue;
        }
        const char *value = of->value[PROPERTY_VALUE].text;
        doubt_secret(b, e);
        b->s.kafka.property[b->s.kafka.n_properties++] = (struct dg_setting_pair){
            .name = copy_text(b, e->name),
            .value = names_file(e->name, value) ? copy_path(b, value) : copy_text(b, value)};
    }
}

static void build_kafka(struct build *b)
{
    const struct dg_settings *s = section_of(b->root, DAEMON_KAFKA);
    if (s == NULL) {
        return;
    }
    const char *brokers = text_of(b, s, KAFKA_BROKERS);
    const char *environment = getenv("DRIFTGAUGE_BROKERS");
    if (brokers == NULL) {
        const bool there = environment != NULL && environment[0] != '\0';
        brokers = there ? environment : "localhost:9092";
    }
    b->s.kafka.brokers = copy_text(b, brokers);
    b->s.kafka.group = copy_text(b, text_of(b, s, KAFKA_GROUP));
    b->s.kafka.instance = copy_text(b, text_of(b, s, KAFKA_INSTANCE));
    const struct dg_settings *properties = section_of(s, KAFKA_PROPERTIES);
    if (properties != NULL) {
        build_properties(b, properties);
    }
}

static void build_registry(struct build *b)
{
    const struct dg_settings *s = section_of(b->root, DAEMON_REGISTRY);
    if (s == NULL) {
        return;
    }
    b->s.registry.url = copy_text(b, text_of(b, s, REGISTRY_URL));
    b->s.registry.user = copy_text(b, text_of(b, s, REGISTRY_USER));
    b->s.registry.password_file = copy_path(b, text_of(b, s, REGISTRY_PASSWORD_FILE));
    b->s.registry.ca_file = copy_path(b, text_of(b, s, REGISTRY_CA_FILE));
    const struct dg_setting *url = &s->value[REGISTRY_URL];
    if (url->present && strncmp(url->text, "http://", 7) != 0 &&
        strncmp(url->text, "https://", 8) != 0) {
        dg_diagnose(b->d, DG_ERROR, url->place, "for example https://registry.example.org",
                    "'url' must begin with http:// or https://");
    } else if (url->present && strchr(url->text, '@') != NULL) {
        dg_diagnose(b->d, DG_ERROR, url->place, "use user and password_file",
                    "'url' must not hold a user or a password");
    }
    if ((s->value[REGISTRY_USER].present || s->value[REGISTRY_PASSWORD_FILE].present) &&
        !url->present) {
        dg_diagnose(b->d, DG_ERROR, s->place, "say where it is, or remove the section",
                    "'registry' has no url");
    }
}

static void build_database(struct build *b)
{
    const struct dg_settings *s = section_of(b->root, DAEMON_DATABASE);
    if (s == NULL) {
        return;
    }
    b->s.database.db = copy_text(b, text_of(b, s, DATABASE_TARGET));
    b->s.database.password_file = copy_path(b, text_of(b, s, DATABASE_PASSWORD_FILE));
    b->s.database.tenant = copy_text(b, text_of(b, s, DATABASE_TENANT));
}

static void build_rest(struct build *b)
{
    const struct dg_settings *http = section_of(b->root, DAEMON_HTTP);
    if (http != NULL) {
        b->s.http.listen = copy_text(b, text_of(b, http, HTTP_LISTEN));
        b->s.http.token_file = copy_path(b, text_of(b, http, HTTP_TOKEN_FILE));
    }
    const struct dg_settings *commit = section_of(b->root, DAEMON_COMMIT);
    if (commit != NULL) {
        b->s.commit_interval_us = commit->value[COMMIT_INTERVAL].us;
    }
    const struct dg_settings *judge = section_of(b->root, DAEMON_JUDGE);
    if (judge != NULL) {
        b->s.judge_interval_us = judge->value[JUDGE_INTERVAL].us;
        b->s.horizon_us = judge->value[JUDGE_HORIZON].us;
    }
    b->s.lanes = (uint32_t)b->root->value[DAEMON_LANES].count;
    b->s.memory_mb = b->root->value[DAEMON_MEMORY].count;
    b->s.path = copy_text(b, b->path);
}

/* An empty file says nothing: defaults. */
static int read_text(const char *text, size_t len, struct dg_daemon_file *file,
                     struct dg_diagnostics *d)
{
    static const char nothing[] = "{}";
    struct dg_yaml_node *node = NULL;
    int rc = dg_yaml_parse(text, len, &file->arena, d, &node);
    if (rc == 0 && node == NULL && !dg_diagnostics_failed(d)) {
        rc = dg_yaml_parse(nothing, sizeof nothing - 1, &file->arena, d, &node);
    }
    return rc != 0 || node == NULL
               ? rc
               : dg_settings_read(&dg_daemon_section, node, &file->arena, d, &file->written);
}

static int open_text(const char *path, char **text, size_t *len, struct dg_diagnostics *d)
{
    const char *name = path == NULL ? "<defaults>" : strcmp(path, "-") == 0 ? "<stdin>" : path;
    int rc = 0;
    if (path == NULL) {
        *text = calloc(1, 1);
        rc = *text == NULL ? ENOMEM : 0;
    } else {
        rc = dg_config_slurp(path, text, len);
    }
    if (rc == 0) {
        return dg_diagnostics_begin(d, name, *text, *len);
    }
    if (dg_diagnostics_begin(d, name, NULL, 0) == 0) {
        dg_diagnose(d, DG_ERROR, (struct dg_place){0}, NULL, "cannot read the file: %s",
                    strerror(rc));
    }
    return rc;
}

int dg_daemon_settings_load(const char *path, struct dg_diagnostics *d, struct dg_daemon_file *file,
                            struct dg_daemon_settings *out)
{
    struct dg_daemon_file own = {0};
    struct dg_daemon_file *const read = file != NULL ? file : &own;
    struct build b = {.path = path, .d = d};
    char *text = NULL;
    size_t len = 0;
    int rc = open_text(path, &text, &len, d);
    rc = rc != 0 ? rc : read_text(text, len, read, d);
    if (rc == 0 && read->written != NULL) {
        b.root = read->written;
        build_kafka(&b);
        build_registry(&b);
        build_database(&b);
        build_rest(&b);
    }
    free(text);
    dg_daemon_file_deinit(&own);
    d->out_of_memory |= rc == ENOMEM || b.out_of_memory;
    rc = rc != 0 ? rc : d->out_of_memory ? ENOMEM : dg_diagnostics_failed(d) ? EINVAL : 0;
    if (rc != 0) {
        dg_daemon_settings_deinit(&b.s);
        return rc;
    }
    *out = b.s;
    return 0;
}
