#include "engine/cli/kafka_input.h"

#include "engine/cli/exit_codes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char SCHEME[] = "kafka://";

static bool is_topic(const char *input)
{
    return strncmp(input, SCHEME, sizeof SCHEME - 1) == 0;
}

int dg_kafka_input_wanted(const struct dg_input_files *inputs, bool *wanted, struct dg_error *err)
{
    size_t topics = 0;
    for (size_t i = 0; i < inputs->n; i++) {
        topics += is_topic(inputs->path[i]);
    }
    if (topics > 0 && topics < inputs->n) {
        return dg_fail(err, EINVAL, "inputs are files or topics (kafka://...), not both at once");
    }
    *wanted = topics > 0;
    return 0;
}

static int load_settings(struct dg_kafka_input *k, const char *path, struct dg_error *err)
{
    struct dg_diagnostics d = {0};
    const int rc = dg_daemon_settings_load(path, &d, NULL, &k->settings);
    if (d.n > 0 && (rc != 0 || !dg_common()->quiet)) {
        dg_diagnostics_print(&d, stderr);
    }
    dg_diagnostics_deinit(&d);
    return rc == 0 ? 0 : dg_fail(err, rc, "%s cannot be used", path != NULL ? path : "settings");
}

/* The settings that were named, else those beside the monitor, else the defaults. */
static int find_settings(struct dg_kafka_input *k, const struct dg_monitor *monitor,
                         const char *named, struct dg_error *err)
{
    char *beside = named == NULL ? dg_monitor_resolve(monitor, "driftgauge.yaml") : NULL;
    if (named == NULL && beside == NULL) {
        return dg_fail_memory(err);
    }
    if (beside != NULL && access(beside, F_OK) == 0) {
        named = beside;
    }
    const int rc = load_settings(k, named, err);
    free(beside);
    return rc;
}

static int take_topics(struct dg_kafka_input *k, const struct dg_input_files *inputs,
                       const struct dg_monitor *monitor, struct dg_error *err)
{
    k->topic = calloc(inputs->n + monitor->source.n_topics, sizeof *k->topic);
    if (k->topic == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < inputs->n; i++) {
        const char *name = inputs->path[i] + sizeof SCHEME - 1;
        if (name[0] != '\0') {
            k->topic[k->n_topics++] = name;
        }
    }
    for (size_t i = 0; k->n_topics == 0 && i < monitor->source.n_topics; i++) {
        k->topic[i] = monitor->source.topic[i];
    }
    k->n_topics = k->n_topics > 0 ? k->n_topics : monitor->source.n_topics;
    return k->n_topics > 0 ? 0
                           : dg_fail(err, EINVAL,
                                     "%s alone means the topics of %s, which names none: add "
                                     "source.topic, or the topic after %s",
                                     SCHEME, monitor->path, SCHEME);
}

static int take_properties(struct dg_kafka_input *k, struct dg_error *err)
{
    const size_t n = k->settings.kafka.n_properties;
    k->property = calloc(n + 1, sizeof *k->property);
    if (k->property == NULL) {
        return dg_fail_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        k->property[i].name = k->settings.kafka.property[i].name;
        k->property[i].value = k->settings.kafka.property[i].value;
    }
    return 0;
}

static int open_registry(struct dg_kafka_input *k, const char *url, struct dg_error *err)
{
    const struct dg_registry_options how = {.url = url != NULL ? url : k->settings.registry.url,
                                            .user = k->settings.registry.user,
                                            .password_file = k->settings.registry.password_file,
                                            .ca_file = k->settings.registry.ca_file};
    return how.url == NULL ? 0 : dg_registry_open(&how, &k->registry, err);
}

int dg_kafka_input_prepare(struct dg_kafka_input *k, const struct dg_input_files *inputs,
                           const struct dg_monitor *monitor,
                           const struct dg_kafka_input_options *options, struct dg_error *err)
{
    int rc = find_settings(k, monitor, options->settings, err);
    rc = rc != 0 ? rc : take_topics(k, inputs, monitor, err);
    rc = rc != 0 ? rc : take_properties(k, err);
    rc = rc != 0 ? rc : open_registry(k, options->registry, err);
    if (rc == 0 && monitor->source.schema_file != NULL) {
        k->schema_path = dg_monitor_resolve(monitor, monitor->source.schema_file);
        rc = k->schema_path == NULL ? dg_fail_memory(err) : 0;
    }
    if (rc != 0) {
        return rc;
    }
    k->format = (struct dg_record_format){.spec = &monitor->source, .schema_path = k->schema_path};
    k->source = (struct dg_kafka_source_options){
        .client = {.brokers =
                       options->brokers != NULL ? options->brokers : k->settings.kafka.brokers,
                   .property = k->property,
                   .n_properties = k->settings.kafka.n_properties},
        .topic = k->topic,
        .n_topics = k->n_topics,
        .from_us = options->from_us,
        .format = &k->format,
        .registry = k->registry};
    return 0;
}

int dg_kafka_input_open(const struct dg_kafka_input *k, const struct dg_projection *projection,
                        struct dg_source **out, struct dg_error *err)
{
    return dg_kafka_source_open(&k->source, projection, out, err);
}

int dg_kafka_input_exit(int code)
{
    switch (code) {
    case ENOMEM:
        return DG_EXIT_UNEXPECTED;
    case EINVAL:
        return DG_EXIT_CONFIG;
    case ECONNREFUSED:
    case EACCES:
        return DG_EXIT_DEPENDENCY;
    case ETIMEDOUT:
        return DG_EXIT_TIMEOUT;
    default:
        return dg_input_exit(code);
    }
}

void dg_kafka_input_deinit(struct dg_kafka_input *k)
{
    if (k->registry != NULL) {
        dg_registry_close(k->registry);
    }
    free(k->schema_path);
    free(k->topic);
    free(k->property);
    dg_daemon_settings_deinit(&k->settings);
    *k = (struct dg_kafka_input){0};
}
