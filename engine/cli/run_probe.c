#include "connectors/postgres_ledger.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/run.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_MS 10000

static bool put(bool ok, const char *what, const char *words)
{
    printf("%-6s %-30s %s\n", ok ? "ok" : "FAILED", what, words);
    return ok;
}

static bool probe_topics(const struct run_generation *g, const char *const topic[], size_t n)
{
    struct dg_error err = {0};
    char words[160];
    const struct dg_kafka_options kafka = run_kafka_options(g);
    int32_t *partitions = calloc(n + 1, sizeof *partitions);
    if (partitions == NULL) {
        return put(false, "broker", "out of memory");
    }
    bool ok = dg_kafka_probe(&kafka, topic, n, PROBE_MS, partitions, &err) == 0;
    put(ok, "broker", ok ? kafka.brokers : err.message);
    for (size_t i = 0; i < n && ok; i++) {
        char name[300];
        snprintf(name, sizeof name, "topic %.250s", topic[i]);
        if (partitions[i] == 0) {
            snprintf(words, sizeof words,
                     "there is no such topic, or no right to see it: make it, or correct the "
                     "monitor");
        } else {
            snprintf(words, sizeof words, "%d partition%s", partitions[i],
                     partitions[i] == 1 ? "" : "s");
        }
        ok &= put(partitions[i] > 0, name, words);
    }
    free(partitions);
    return ok;
}

/* Topics that are read, and those of dead letters. */
static bool probe_kafka(const struct run_generation *g)
{
    const char **topic = calloc(g->n_topics + g->n + 1, sizeof *topic);
    size_t n = 0;
    if (topic == NULL) {
        return put(false, "broker", "out of memory");
    }
    for (size_t i = 0; i < g->n_topics; i++) {
        topic[n++] = g->topic[i];
    }
    for (size_t i = 0; i < g->n; i++) {
        const char *letters = g->monitor[i].loaded.monitor->source.dead_letters;
        bool known = letters == NULL;
        for (size_t k = 0; k < n && !known; k++) {
            known = strcmp(topic[k], letters) == 0;
        }
        if (!known) {
            topic[n++] = letters;
        }
    }
    const bool ok = probe_topics(g, topic, n);
    free(topic);
    return ok;
}

static bool probe_ledger(const struct run_generation *g)
{
    struct dg_error err = {0};
    const struct dg_postgres_ledger_options options = {
        .connection = {.db = g->settings.database.db,
                       .password_file = g->settings.database.password_file},
        .tenant = g->settings.database.tenant,
        .owner = "check-connect"};
    const bool ok = dg_postgres_ledger_probe(&options, &err) == 0;
    return put(ok, "database", ok ? "schema up to date, rights as needed" : err.message);
}

static bool probe_registry(const struct run_generation *g)
{
    struct dg_error err = {0};
    if (g->registry == NULL) {
        return put(true, "registry", "none configured");
    }
    const bool ok = dg_registry_probe(g->registry, &err) == 0;
    return put(ok, "registry", ok ? g->settings.registry.url : err.message);
}

int run_check_connect(const struct run_generation *g)
{
    for (size_t i = 0; i < g->n; i++) {
        char name[160];
        snprintf(name, sizeof name, "monitor %s", g->monitor[i].key.monitor);
        put(true, name, g->monitor[i].loaded.monitor->path);
    }
    bool ok = probe_kafka(g);
    ok &= probe_ledger(g);
    ok &= probe_registry(g);
    return ok ? DG_EXIT_OK : DG_EXIT_DEPENDENCY;
}
