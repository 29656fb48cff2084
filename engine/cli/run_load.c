#include "engine/cli/config_files.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/run.h"
#include "engine/diagnostics.h"
#include "engine/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* -- what is wrong -- */

static void problem(struct run_problems *p, const char *format, ...) DG_PRINTF(2, 3);
static void problem(struct run_problems *p, const char *format, ...)
{
    struct dg_error e;
    va_list args;
    va_start(args, format);
    vsnprintf(e.message, sizeof e.message, format, args);
    va_end(args);
    if (p->n++ == 0) {
        p->first = e;
    }
    dg_log(DG_LOG_ERROR, "config", "%s", e.message);
}

static void say_diagnostics(struct run_problems *p, struct dg_diagnostics *d)
{
    dg_diagnostics_sort(d);
    for (size_t i = 0; i < d->n; i++) {
        const struct dg_diagnostic *item = &d->item[i];
        char words[1000];
        snprintf(words, sizeof words, "%s:%u:%u: %.600s%s%.200s%s", d->file, item->place.line,
                 item->place.column, item->message, item->hint != NULL ? " (" : "",
                 item->hint != NULL ? item->hint : "", item->hint != NULL ? ")" : "");
        if (item->kind == DG_ERROR) {
            problem(p, "%s", words);
        } else {
            dg_log(DG_LOG_WARNING, "config", "%s", words);
        }
    }
    if (d->out_of_memory) {
        problem(p, "out of memory");
    }
}

/* -- settings -- */

static bool override_text(char **at, const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);
    if (text == NULL || copy == NULL) {
        return text == NULL;
    }
    free(*at);
    *at = copy;
    return true;
}

/* What stands on the command line goes before what stands in the file. */
static bool override(struct dg_daemon_settings *s, const struct run_options *o)
{
    s->lanes = o->lanes != 0 ? (uint32_t)o->lanes : s->lanes;
    s->memory_mb = o->memory != 0 ? o->memory : s->memory_mb;
    s->commit_interval_us =
        o->commit_interval_us != 0 ? o->commit_interval_us : s->commit_interval_us;
    return override_text(&s->kafka.brokers, o->brokers) &&
           override_text(&s->kafka.group, o->group) &&
           override_text(&s->kafka.instance, o->instance) &&
           override_text(&s->database.db, o->db) &&
           override_text(&s->database.password_file, o->db_password_file) &&
           override_text(&s->registry.url, o->registry) &&
           override_text(&s->http.listen, o->listen);
}

static void load_settings(struct run_generation *g, const struct run_options *o, const char *path,
                          struct run_problems *p)
{
    struct dg_diagnostics d = {0};
    (void)!dg_daemon_settings_load(path, &d, NULL, &g->settings); /* failures are in d */
    say_diagnostics(p, &d);
    dg_diagnostics_deinit(&d);
    if (p->n == 0 && !override(&g->settings, o)) {
        problem(p, "out of memory");
    }
}

struct dg_kafka_options run_kafka_options(const struct run_generation *g)
{
    return (struct dg_kafka_options){.brokers = g->settings.kafka.brokers,
                                     .property = g->property,
                                     .n_properties = g->settings.kafka.n_properties};
}

static void check_kafka(struct run_generation *g, struct run_problems *p)
{
    struct dg_error err = {0};
    const size_t n = g->settings.kafka.n_properties;
    g->property = calloc(n + 1, sizeof *g->property);
    if (g->property == NULL) {
        problem(p, "out of memory");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        g->property[i].name = g->settings.kafka.property[i].name;
        g->property[i].value = g->settings.kafka.property[i].value;
    }
    const struct dg_kafka_options kafka = run_kafka_options(g);
    if (dg_kafka_check(&kafka, &err) != 0) {
        problem(p, "%s", err.message);
    }
}

static void open_registry(struct run_generation *g, struct run_problems *p)
{
    struct dg_error err = {0};
    const struct dg_registry_options options = {.url = g->settings.registry.url,
                                                .user = g->settings.registry.user,
                                                .password_file = g->settings.registry.password_file,
                                                .ca_file = g->settings.registry.ca_file};
    if (options.url != NULL && dg_registry_open(&options, &g->registry, &err) != 0) {
        problem(p, "%s", err.message);
    }
}

/* -- monitors -- */

static void free_monitor(struct run_monitor *m)
{
    if (m->planned) {
        dg_plan_deinit(&m->plan);
    }
    dg_loaded_deinit(&m->loaded);
    free(m->schema_path);
    free(m->baselines);
    for (size_t i = 1; i < m->key.n_texts; i++) { /* the first is the monitor's own */
        free((char *)(uintptr_t)m->text[i].text);
    }
    free(m->text);
    free(m->partitions);
    pthread_mutex_destroy(&m->passed.lock);
}

void run_generation_free(struct run_generation *g)
{
    if (g == NULL) {
        return;
    }
    for (size_t i = 0; i < g->n; i++) {
        free_monitor(&g->monitor[i]);
    }
    if (g->registry != NULL) {
        dg_registry_close(g->registry);
    }
    free(g->monitor);
    free(g->topic);
    free(g->property);
    dg_daemon_settings_deinit(&g->settings);
    free(g);
}

/* What the monitor's windows are compared with, as far as it is a file: a part of who it is. */
static char *name_baselines(const struct dg_loaded *l)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < l->monitor->n_baselines; i++) {
        if (l->file[i] != NULL) {
            fprintf(out, "%s%.16s", ftell(out) > 0 ? "," : "", l->file[i]->version);
        }
    }
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The monitor first, then its baselines. */
static int keep_texts(struct run_monitor *m, struct dg_error *err)
{
    const struct dg_monitor *monitor = m->loaded.monitor;
    m->text = calloc(1 + monitor->n_baselines, sizeof *m->text);
    if (m->text == NULL) {
        return dg_fail_memory(err);
    }
    m->text[0] = (struct dg_stream_text){"", monitor->definition};
    m->key.text = m->text;
    m->key.n_texts = 1;
    for (size_t i = 0; i < monitor->n_baselines; i++) {
        char *text = NULL;
        if (m->loaded.file[i] == NULL) {
            continue;
        }
        const int rc = dg_baseline_text(m->loaded.file[i], &text, err);
        if (rc != 0) {
            return rc;
        }
        m->text[m->key.n_texts++] = (struct dg_stream_text){monitor->baseline[i].name, text};
    }
    return 0;
}

void run_monitor_init(struct run_monitor *m)
{
    pthread_mutex_init(&m->passed.lock, NULL);
    for (size_t i = 0; i < DG_LANES_MAX; i++) {
        m->passed.lane_us[i] = INT64_MAX;
    }
}

int run_monitor_prepare(struct run_monitor *m, const char *group, struct dg_error *err)
{
    const struct dg_monitor *monitor = m->loaded.monitor;
    const int rc = dg_plan_init(&m->plan, monitor, m->loaded.main, NULL, err);
    if (rc != 0) {
        return rc;
    }
    m->planned = true;
    m->plan.row_partitions = false;
    m->baselines = name_baselines(&m->loaded);
    if (m->baselines == NULL) {
        return dg_fail_memory(err);
    }
    m->key = (struct dg_stream_key){.group = group,
                                    .monitor = monitor->name,
                                    .config_hash = monitor->hash,
                                    .baseline = m->baselines,
                                    .of = monitor};
    return 0;
}

static int prepare_decoder(const struct run_generation *g, const struct run_monitor *m,
                           struct dg_error *err)
{
    const struct dg_record_format format = {.spec = &m->loaded.monitor->source,
                                            .schema_path = m->schema_path};
    struct dg_decoder *trial = NULL;
    const int rc = dg_record_decoder_open(&format, &m->plan.projection, g->registry, &trial, err);
    if (rc == 0) {
        trial->ops->close(trial);
    }
    return rc;
}

/* Everything that a lane will do once more is tried here, where a mistake can be said. */
static int prepare(struct run_generation *g, struct run_monitor *m, struct dg_error *err)
{
    const struct dg_monitor *monitor = m->loaded.monitor;
    if (monitor->source.n_topics == 0) {
        return dg_fail(err, EINVAL,
                       "%s: the monitor '%s' has no topic: name it as source.topic, or keep the "
                       "file out of the directory",
                       monitor->path, monitor->name);
    }
    int rc = dg_loaded_baselines(&m->loaded, err);
    if (rc == 0 && monitor->source.schema_file != NULL) {
        m->schema_path = dg_monitor_resolve(monitor, monitor->source.schema_file);
        rc = m->schema_path == NULL ? dg_fail_memory(err) : 0;
    }
    rc = rc != 0 ? rc : run_monitor_prepare(m, g->settings.kafka.group, err);
    rc = rc != 0 ? rc : keep_texts(m, err);
    if (rc != 0) {
        return rc;
    }
    m->partitions = calloc(monitor->source.n_topics, sizeof *m->partitions);
    if (m->partitions == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < monitor->source.n_topics; i++) {
        atomic_init(&m->partitions[i], -1);
    }
    return prepare_decoder(g, m, err);
}

static bool same_name(const struct run_generation *g, const struct dg_monitor *monitor,
                      struct run_problems *p)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct dg_monitor *other = g->monitor[i].loaded.monitor;
        if (strcmp(other->name, monitor->name) == 0) {
            problem(p, "%s: '%s' is also the monitor of %s; every monitor has a name of its own",
                    monitor->path, monitor->name, other->path);
            return true;
        }
    }
    return false;
}

static void load_monitor(struct run_generation *g, const char *path, struct run_problems *p)
{
    struct dg_diagnostics d = {0};
    struct dg_error err = {0};
    struct run_monitor *m = &g->monitor[g->n];
    const int rc = dg_monitor_load(path, &d, &m->loaded.monitor);
    say_diagnostics(p, &d);
    dg_diagnostics_deinit(&d);
    if (rc != 0) {
        return;
    }
    if (same_name(g, m->loaded.monitor, p)) {
        dg_loaded_deinit(&m->loaded);
        return;
    }
    run_monitor_init(m);
    g->n++;
    if (prepare(g, m, &err) != 0) {
        problem(p, "%s", err.message);
    }
}

static bool has_topic(const struct run_generation *g, const char *topic)
{
    for (size_t i = 0; i < g->n_topics; i++) {
        if (strcmp(g->topic[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

static void list_topics(struct run_generation *g, struct run_problems *p)
{
    size_t most = 0;
    for (size_t i = 0; i < g->n; i++) {
        most += g->monitor[i].loaded.monitor->source.n_topics;
    }
    g->topic = calloc(most + 1, sizeof *g->topic);
    if (g->topic == NULL) {
        problem(p, "out of memory");
        return;
    }
    for (size_t i = 0; i < g->n; i++) {
        const struct dg_source_spec *source = &g->monitor[i].loaded.monitor->source;
        for (size_t k = 0; k < source->n_topics; k++) {
            if (!has_topic(g, source->topic[k])) {
                g->topic[g->n_topics++] = source->topic[k];
            }
        }
    }
}

static void load_all(struct run_generation *g, const struct run_options *o,
                     const struct dg_config_files *files, struct run_problems *p)
{
    load_settings(g, o, o->settings != NULL ? o->settings : files->settings, p);
    if (p->n == 0) {
        check_kafka(g, p);
        open_registry(g, p);
    }
    g->monitor = calloc(files->n + 1, sizeof *g->monitor);
    if (g->monitor == NULL) {
        problem(p, "out of memory");
        return;
    }
    for (size_t i = 0; i < files->n; i++) {
        load_monitor(g, files->monitor[i], p);
    }
    list_topics(g, p);
}

int run_load(const struct run_options *options, struct run_problems *problems,
             struct run_generation **out)
{
    struct dg_config_files files = {0};
    struct dg_error err = {0};
    struct run_generation *g = calloc(1, sizeof *g);
    if (g == NULL) {
        problem(problems, "out of memory");
        return DG_EXIT_UNEXPECTED;
    }
    if (dg_config_files_find(options->config, &files, &err) != 0) {
        problem(problems, "%s", err.message);
    } else {
        load_all(g, options, &files, problems);
    }
    dg_config_files_deinit(&files);
    if (problems->n > 0) {
        run_generation_free(g);
        return DG_EXIT_CONFIG;
    }
    *out = g;
    return 0;
}

/* -- looking things up -- */

struct run_monitor *run_monitor_of(struct run_generation *g, int32_t stream)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->monitor[i].stream == stream) {
            return &g->monitor[i];
        }
    }
    return NULL;
}

bool run_reads_topic(const struct run_monitor *m, const char *topic, size_t *which)
{
    const struct dg_source_spec *source = &m->loaded.monitor->source;
    for (size_t i = 0; i < source->n_topics; i++) {
        if (strcmp(source->topic[i], topic) == 0) {
            *which = i;
            return true;
        }
    }
    return false;
}

bool run_same_stream(const struct dg_stream_key *a, const struct dg_stream_key *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->monitor, b->monitor) == 0 &&
           strcmp(a->config_hash, b->config_hash) == 0 && strcmp(a->baseline, b->baseline) == 0;
}
