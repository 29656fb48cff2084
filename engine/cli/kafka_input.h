/* engine/cli/kafka_input.h -- topics as the input of replay and baseline: kafka://TOPIC where a
 * file could stand. */
#ifndef DG_ENGINE_CLI_KAFKA_INPUT_H
#define DG_ENGINE_CLI_KAFKA_INPUT_H

#include "connectors/kafka_source.h"
#include "engine/cli/inputs.h"
#include "engine/live/settings.h"

/* As given on the command line; NULL: as the settings file says, or its defaults. */
struct dg_kafka_input_options {
    const char *settings; /* driftgauge.yaml: brokers, properties, registry */
    const char *brokers, *registry;
    int64_t from_us; /* leave out records that are older by their own time; DG_TIME_NONE: none */
};

/* The same options for every command that takes topics; `type` is the settings struct. */
#define DG_KAFKA_INPUT_OPTIONS(type, member)                                                       \
    {.name = "settings",                                                                           \
     .kind = DG_OPTION_TEXT,                                                                       \
     .value = "FILE",                                                                              \
     .complete = DG_COMPLETE_FILE,                                                                 \
     .doc = "how to reach brokers and schema registry, for kafka:// inputs; default: "             \
            "driftgauge.yaml beside the monitor, if there is one",                                 \
     .offset = offsetof(type, member.settings)},                                                   \
        {.name = "brokers",                                                                        \
         .kind = DG_OPTION_TEXT,                                                                   \
         .value = "LIST",                                                                          \
         .doc = "Kafka brokers, host:port,...; default: the settings', $DRIFTGAUGE_BROKERS, "      \
                "localhost:9092",                                                                  \
         .offset = offsetof(type, member.brokers)},                                                \
        {.name = "registry",                                                                       \
         .kind = DG_OPTION_TEXT,                                                                   \
         .value = "URL",                                                                           \
         .doc = "schema registry; default: the settings'",                                         \
         .offset = offsetof(type, member.registry)},                                               \
    {                                                                                              \
        .name = "records-from", .kind = DG_OPTION_TIME,                                            \
        .doc = "leave out records of topics that are older, by their own timestamps; windows "     \
               "that need them miss them",                                                         \
        .offset = offsetof(type, member.from_us)                                                   \
    }

/* A zeroed struct is empty. */
struct dg_kafka_input {
    struct dg_daemon_settings settings;
    struct dg_kafka_property *property; /* [settings.kafka.n_properties] */
    const char **topic;                 /* [n_topics] borrowed texts */
    size_t n_topics;
    char *schema_path;
    struct dg_record_format format;
    struct dg_registry *registry;
    struct dg_kafka_source_options source;
};
/* After the source that was opened from it. */
void dg_kafka_input_deinit(struct dg_kafka_input *k);

/* Are the inputs topics? Both kinds at once: EINVAL. */
DG_MUST_CHECK int dg_kafka_input_wanted(const struct dg_input_files *inputs, bool *wanted,
                                        struct dg_error *err);

/*
 * Everything but connecting: settings, names (kafka:// alone: the monitor's own topics), registry.
 * Borrows the monitor, the inputs and the options' texts. 0; EINVAL: the settings file is wrong
 * (what is wrong has been printed), or there is no topic; errors of dg_registry_open.
 */
DG_MUST_CHECK int dg_kafka_input_prepare(struct dg_kafka_input *k,
                                         const struct dg_input_files *inputs,
                                         const struct dg_monitor *monitor,
                                         const struct dg_kafka_input_options *options,
                                         struct dg_error *err);
/* Open the topics as they are now: dg_kafka_source_open. */
DG_MUST_CHECK int dg_kafka_input_open(const struct dg_kafka_input *k,
                                      const struct dg_projection *projection,
                                      struct dg_source **out, struct dg_error *err);
/* What its failure is to the shell. */
int dg_kafka_input_exit(int code);

#endif
