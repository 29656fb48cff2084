#include "engine/live/settings_keys.h"

#include "engine/live/settings.h"

#include <string.h>

#define US_PER_S   1e6
#define US_PER_DAY 86400e6

#define SECTION(table, count) .key = (table), .n = (count)

static const struct dg_key property_keys[] = {
    [PROPERTY_VALUE] = {.name = "value",
                        .type = DG_KEY_TEXT,
                        .required = true,
                        .doc = "The property's value."},
};
static const struct dg_section property_section = {
    .name = "kafka.properties.<property>",
    .doc = "One property of librdkafka; its value alone is enough.",
    SECTION(property_keys, PROPERTY_KEYS),
    .scalar = "value",
};
static const struct dg_key property_key = {
    .name = "property", .type = DG_KEY_SECTION, .section = &property_section};
/* A name that ends in _file holds a path, which is none. */
bool dg_property_is_secret(const char *name)
{
    static const char *const ends[] = {"password", "client.secret", "key.pem"};
    const size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t m = strlen(ends[i]);
        if (n >= m && strcmp(name + n - m, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const struct dg_section properties_section = {
    .name = "kafka.properties",
    .doc = "Any property of librdkafka: TLS, SASL, time-outs, fetch sizes. A name that ends in "
           "`_file` takes its value from the first line of that file (`.pem_file` from all of it): "
           "use it for secrets. These "
           "files, and those of `ssl.*.location`, are relative to the directory of this file.",
    .other = &property_key,
    .other_name = "property",
    .secret = dg_property_is_secret,
    .example = "kafka:\n  properties:\n    security.protocol: SASL_SSL\n    sasl.mechanism: "
               "SCRAM-SHA-512\n    sasl.username: driftgauge\n    sasl.password_file: "
               "/run/secrets/kafka",
};

static const struct dg_key kafka_keys[] = {
    [KAFKA_BROKERS] = {.name = "brokers",
                       .type = DG_KEY_TEXT,
                       .fallback_words = "$DRIFTGAUGE_BROKERS, then localhost:9092",
                       .doc = "Where the cluster is: host:port, several separated by commas."},
    [KAFKA_GROUP] = {.name = "group",
                     .type = DG_KEY_TEXT,
                     .fallback = "driftgauge",
                     .doc = "The consumer group. Processes of one group share the partitions; "
                            "another group counts everything again, with results of its own."},
    [KAFKA_INSTANCE] = {.name = "instance",
                        .type = DG_KEY_NAME,
                        .fallback_words = "none: a member leaves when it stops",
                        .doc = "Static membership: a name that is this process's alone and stays "
                               "over restarts, so that a quick restart moves no partition."},
    [KAFKA_PROPERTIES] = {.name = "properties",
                          .type = DG_KEY_SECTION,
                          .section = &properties_section,
                          .doc = "Properties of librdkafka."},
};
static const struct dg_section kafka_section = {
    .name = "kafka",
    .doc = "Where the records come from. Topics stand in the monitors.",
    SECTION(kafka_keys, KAFKA_KEYS),
    .example = "kafka: { brokers: \"kafka-1:9092,kafka-2:9092\", group: driftgauge }",
};

static const struct dg_key registry_keys[] = {
    [REGISTRY_URL] = {.name = "url",
                      .type = DG_KEY_TEXT,
                      .fallback_words = "none",
                      .doc = "Its address, http or https, without user and password."},
    [REGISTRY_USER] = {.name = "user",
                       .type = DG_KEY_TEXT,
                       .doc = "Its user (basic "
                              "authentication)."},
    [REGISTRY_PASSWORD_FILE] = {.name = "password_file",
                                .type = DG_KEY_TEXT,
                                .doc = "The file whose first line is the user's password."},
    [REGISTRY_CA_FILE] = {.name = "ca_file",
                          .type = DG_KEY_TEXT,
                          .fallback_words = "the system's",
                          .doc = "Certificates of the authorities that are trusted (PEM)."},
};
static const struct dg_section registry_section = {
    .name = "registry",
    .doc = "A schema registry with Confluent's interface, for Avro records that carry a schema id.",
    SECTION(registry_keys, REGISTRY_KEYS),
    .scalar = "url",
    .example = "registry: { url: \"https://registry.example.org\", user: driftgauge, "
               "password_file: /run/secrets/registry }",
};

static const struct dg_key database_keys[] = {
    [DATABASE_TARGET] = {.name = "target",
                         .type = DG_KEY_TEXT,
                         .fallback_words = "$DRIFTGAUGE_DB, then PGHOST, PGDATABASE, ...",
                         .doc = "A database's name, postgresql://... or \"host=... dbname=...\"; "
                                "no password in it."},
    [DATABASE_PASSWORD_FILE] = {.name = "password_file",
                                .type = DG_KEY_TEXT,
                                .doc = "The file whose first line is the password."},
    [DATABASE_TENANT] = {.name = "tenant",
                         .type = DG_KEY_NAME,
                         .fallback = "default",
                         .doc = "Whose rows they are, where several share a database."},
};
static const struct dg_section database_section = {
    .name = "database",
    .doc = "PostgreSQL: positions, panes and results. `driftgauge db migrate` makes the schema.",
    SECTION(database_keys, DATABASE_KEYS),
    .scalar = "target",
    .example = "database: { target: \"host=db.example.org dbname=ml user=writer\", password_file: "
               "/run/secrets/db }",
};

static const struct dg_key http_keys[] = {
    [HTTP_LISTEN] = {.name = "listen",
                     .type = DG_KEY_TEXT,
                     .fallback = "127.0.0.1:9464",
                     .doc = "host:port of /metrics, /livez, /readyz and /v1/status; \":9464\" is "
                            "every address; off: none."},
    [HTTP_TOKEN_FILE] = {.name = "token_file",
                         .type = DG_KEY_TEXT,
                         .fallback_words = "none: anybody who gets there may read",
                         .doc = "The file whose first line is the bearer token that readers of "
                                "/metrics and /v1 must have."},
};
static const struct dg_section http_section = {
    .name = "http",
    .doc = "What the daemon tells about itself.",
    SECTION(http_keys, HTTP_KEYS),
    .scalar = "listen",
    .example = "http: { listen: \"127.0.0.1:9464\" }",
};

static const struct dg_key commit_keys[] = {
    [COMMIT_INTERVAL] = {.name = "interval",
                         .type = DG_KEY_DURATION,
                         .min = US_PER_S / 10,
                         .max = 60 * US_PER_S,
                         .fallback = "10s",
                         .doc = "At most this long between commits: what a crash costs in records "
                                "read again, and how late a window may be seen."},
};
static const struct dg_section commit_section = {
    .name = "commit",
    .doc = "How often what was counted goes to the database.",
    SECTION(commit_keys, COMMIT_KEYS),
    .example = "commit: { interval: 5s }",
};

static const struct dg_key judge_keys[] = {
    [JUDGE_INTERVAL] = {.name = "interval",
                        .type = DG_KEY_DURATION,
                        .min = US_PER_S / 10,
                        .max = 3600 * US_PER_S,
                        .fallback = "1s",
                        .doc = "How often windows that may be due are looked for."},
    [JUDGE_HORIZON] = {.name = "horizon",
                       .type = DG_KEY_DURATION,
                       .min = 60 * US_PER_S,
                       .max = 366 * US_PER_DAY,
                       .fallback = "1d",
                       .doc = "How far behind the newest event a window may still be judged again "
                              "for a partition that was idle."},
};
static const struct dg_section judge_section = {
    .name = "judge",
    .doc = "When windows are judged.",
    SECTION(judge_keys, JUDGE_KEYS),
    .example = "judge: { interval: 1s, horizon: 1d }",
};

static const struct dg_key daemon_keys[] = {
    [DAEMON_KAFKA] = {.name = "kafka",
                      .type = DG_KEY_SECTION,
                      .section = &kafka_section,
                      .doc = "Where the records come from."},
    [DAEMON_REGISTRY] = {.name = "registry",
                         .type = DG_KEY_SECTION,
                         .section = &registry_section,
                         .doc = "Where schemas come from."},
    [DAEMON_DATABASE] = {.name = "database",
                         .type = DG_KEY_SECTION,
                         .section = &database_section,
                         .doc = "Where results go."},
    [DAEMON_HTTP] = {.name = "http",
                     .type = DG_KEY_SECTION,
                     .section = &http_section,
                     .doc = "Metrics, health and status."},
    [DAEMON_LANES] = {.name = "lanes",
                      .type = DG_KEY_COUNT,
                      .min = 1,
                      .max = DG_LANES_MAX,
                      .fallback = "1",
                      .doc = "Threads that consume, each a member of the group with partitions of "
                             "its own. Results do not depend on it."},
    [DAEMON_MEMORY] = {.name = "memory",
                       .type = DG_KEY_COUNT,
                       .min = 16,
                       .max = 1e6,
                       .fallback = "256",
                       .doc = "Memory of all lanes for what is not committed yet, in MB; above it "
                              "they commit early."},
    [DAEMON_COMMIT] = {.name = "commit",
                       .type = DG_KEY_SECTION,
                       .section = &commit_section,
                       .doc = "How often what was counted is committed."},
    [DAEMON_JUDGE] = {.name = "judge",
                      .type = DG_KEY_SECTION,
                      .section = &judge_section,
                      .doc = "When windows are judged."},
};
const struct dg_section dg_daemon_section = {
    .name = "settings file",
    .doc = "`driftgauge.yaml` beside the monitors, or `driftgauge run --settings FILE`: how the "
           "daemon runs. Every key may be left out, and so may the file. Paths are relative to the "
           "file.",
    SECTION(daemon_keys, DAEMON_KEYS),
};
