/* Goal: driftgauge.yaml means what it says, every default is as documented, and everything wrong
 * with it is said at its place. Method: files written to a scratch directory, values and exact
 * messages; the round trip through what `config show` prints. */
#include "engine/live/settings.h"

#include "tests/check.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

static char directory[64], path[128];

static void write_file(const char *text)
{
    FILE *out = fopen(path, "w");
    if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0) {
        abort();
    }
}

static int load(const char *text, struct dg_daemon_settings *s, struct dg_diagnostics *d)
{
    write_file(text);
    return dg_daemon_settings_load(path, d, NULL, s);
}

static void nothing_written_means_the_defaults(void)
{
    const char *const texts[] = {"", "# nothing\n", "{}\n", "kafka: {}\nhttp: {}\n"};
    unsetenv("DRIFTGAUGE_BROKERS");
    for (size_t i = 0; i < sizeof texts / sizeof *texts + 1; i++) {
        struct dg_diagnostics d = {0};
        struct dg_daemon_settings s = {0};
        const bool file = i < sizeof texts / sizeof *texts;
        CHECK_INT(file ? load(texts[i], &s, &d) : dg_daemon_settings_load(NULL, &d, NULL, &s), 0);
        CHECK_STR(s.kafka.brokers, "localhost:9092");
        CHECK_STR(s.kafka.group, "driftgauge");
        CHECK_STR(s.database.tenant, "default");
        CHECK_STR(s.http.listen, "127.0.0.1:9464");
        CHECK(s.kafka.instance == NULL && s.registry.url == NULL && s.database.db == NULL);
        CHECK(s.database.password_file == NULL && s.http.token_file == NULL);
        CHECK(file == (s.path != NULL));
        CHECK_INT(s.kafka.n_properties, 0);
        CHECK_INT(s.lanes, 1);
        CHECK_INT(s.memory_mb, 256);
        CHECK_INT(s.commit_interval_us, 10000000);
        CHECK_INT(s.judge_interval_us, 1000000);
        CHECK_INT(s.horizon_us, INT64_C(86400000000));
        dg_daemon_settings_deinit(&s);
        dg_diagnostics_deinit(&d);
    }
}

static const char full[] = "kafka:\n"
                           "  brokers: k1:9092,k2:9092\n"
                           "  group: risk watch\n"
                           "  instance: host-7\n"
                           "  properties:\n"
                           "    security.protocol: SASL_SSL\n"
                           "    sasl.password_file: secrets/kafka\n"
                           "    fetch.wait.max.ms: 50\n"
                           "    ssl.ca.location: ca.pem\n"
                           "    ssl.crl.location: /etc/crl.pem\n"
                           "    ssl.keystore.location: probe\n"
                           "registry: { url: \"https://r.example.org/v7\", user: u, "
                           "password_file: /run/registry, ca_file: ca.pem }\n"
                           "database: { target: \"host=db dbname=ml\", password_file: pw, "
                           "tenant: acme }\n"
                           "http: { listen: \"[::1]:9999\", token_file: token }\n"
                           "lanes: 3\n"
                           "memory: 1000\n"
                           "commit: { interval: 2500ms }\n"
                           "judge: { interval: 5s, horizon: 7d }\n";

static void check_full(const struct dg_daemon_settings *s)
{
    char at[160];
    CHECK_STR(s->kafka.brokers, "k1:9092,k2:9092");
    CHECK_STR(s->kafka.group, "risk watch");
    CHECK_STR(s->kafka.instance, "host-7");
    CHECK_INT(s->kafka.n_properties, 6);
    CHECK_STR(s->kafka.property[0].name, "security.protocol");
    CHECK_STR(s->kafka.property[0].value, "SASL_SSL");
    snprintf(at, sizeof at, "%s/secrets/kafka", directory);
    CHECK_STR(s->kafka.property[1].value, at);
    CHECK_STR(s->kafka.property[2].value, "50");
    snprintf(at, sizeof at, "%s/ca.pem", directory);
    CHECK_STR(s->kafka.property[3].value, at);
    CHECK_STR(s->kafka.property[4].value, "/etc/crl.pem");
    CHECK_STR(s->kafka.property[5].value, "probe");
    CHECK_STR(s->registry.url, "https://r.example.org/v7");
    CHECK_STR(s->registry.password_file, "/run/registry");
    snprintf(at, sizeof at, "%s/ca.pem", directory);
    CHECK_STR(s->registry.ca_file, at);
    CHECK_STR(s->database.db, "host=db dbname=ml");
    CHECK_STR(s->database.tenant, "acme");
    CHECK_STR(s->http.listen, "[::1]:9999");
    CHECK_INT(s->lanes, 3);
    CHECK_INT(s->memory_mb, 1000);
    CHECK_INT(s->commit_interval_us, 2500000);
    CHECK_INT(s->judge_interval_us, 5000000);
    CHECK_INT(s->horizon_us, INT64_C(604800000000));
}

static void everything_written_is_taken(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_settings s = {0};
    CHECK_INT(load(full, &s, &d), 0);
    CHECK_INT(d.n, 0);
    check_full(&s);
    dg_daemon_settings_deinit(&s);
    dg_diagnostics_deinit(&d);
}

static void what_is_shown_means_the_same(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_file file = {0};
    struct dg_daemon_settings s = {0};
    char *shown = NULL;
    size_t n = 0;
    write_file(full);
    CHECK_INT(dg_daemon_settings_load(path, &d, &file, &s), 0);
    FILE *out = open_memstream(&shown, &n);
    dg_settings_show(file.written, out);
    fclose(out);
    dg_daemon_settings_deinit(&s);
    dg_daemon_file_deinit(&file);
    CHECK_INT(load(shown, &s, &d), 0);
    check_full(&s);
    free(shown);
    dg_daemon_settings_deinit(&s);
    dg_diagnostics_deinit(&d);
}

static void a_secret_is_not_shown(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_file file = {0};
    struct dg_daemon_settings s = {0};
    char *shown = NULL;
    size_t n = 0;
    setenv("DG_TEST_SECRET", "hunter2.385", 1);
    write_file(
        "kafka: { properties: { sasl.username: u, sasl.password: \"${env:DG_TEST_SECRET}\",\n"
        "  ssl.key.password: { value: \"${env:DG_TEST_SECRET}\" } } }\n");
    CHECK_INT(dg_daemon_settings_load(path, &d, &file, &s), 0);
    CHECK_STR(s.kafka.property[1].value, "hunter2.385");
    FILE *out = open_memstream(&shown, &n);
    dg_settings_show(file.written, out);
    fclose(out);
    CHECK(strstr(shown, "hunter2") == NULL);
    CHECK(strstr(shown, "sasl.password: " DG_SETTINGS_SECRET "\n") != NULL);
    CHECK(strstr(shown, "ssl.key.password: " DG_SETTINGS_SECRET "\n") != NULL);
    CHECK(strstr(shown, "value: u\n") != NULL);
    free(shown);
    dg_daemon_settings_deinit(&s);
    dg_daemon_file_deinit(&file);
    dg_diagnostics_deinit(&d);
}

static void variables_are_replaced(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_settings s = {0};
    setenv("DG_TEST_DB", "postgresql://db.example.org/ml", 1);
    setenv("DRIFTGAUGE_BROKERS", "elsewhere:9192", 1);
    CHECK_INT(load("database: ${env:DG_TEST_DB}\nkafka: { properties: { sasl.password: "
                   "\"${env:DG_TEST_DB}\" } }\n",
                   &s, &d),
              0);
    CHECK_STR(s.database.db, "postgresql://db.example.org/ml");
    CHECK_STR(s.kafka.brokers, "elsewhere:9192");
    CHECK_INT(d.n, 0); /* a secret from the environment is fine */
    unsetenv("DRIFTGAUGE_BROKERS");
    dg_daemon_settings_deinit(&s);
    dg_diagnostics_deinit(&d);
}

static void a_mistake_is_said_at_its_place(void)
{
    static const struct {
        const char *text;
        uint32_t line;
        const char *message;
    } cases[] = {
        {"lanes: 0\n", 1, "'lanes' must"},
        {"lanes: 1\nlanse: 2\n", 2, "unknown key 'lanse'"},
        {"commit: { interval: 2m }\n", 1, "'interval' must"},
        {"commit: { interval: 10 }\n", 1, "'interval' must"},
        {"http:\n  listen: \"\"\n", 2, "'listen' is empty"},
        {"kafka:\n  group:\n", 2, "'group' has no value"},
        {"kafka:\n  properties:\n    a.b: [1]\n", 3, "'a.b' must be"},
        {"registry: ftp://x\n", 1, "'url' must begin"},
        {"registry: \"http://u:p@x\"\n", 1, "'url' must not hold a user"},
        {"lanes: 2\nregistry: { user: u }\n", 2, "'registry' has no url"},
        {"database: ${env:DG_TEST_NOT_SET}\n", 1, "the environment has no variable"},
        {"- lanes\n", 1, "'settings file' must be"},
    };
    unsetenv("DG_TEST_NOT_SET");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dg_diagnostics d = {0};
        struct dg_daemon_settings s = {0};
        CHECK_INT(load(cases[i].text, &s, &d), EINVAL);
        CHECK_INT(d.n_errors, 1);
        CHECK(s.kafka.group == NULL); /* left as it was */
        if (d.n > 0) {
            CHECK_INT(d.item[0].place.line, cases[i].line);
            if (strstr(d.item[0].message, cases[i].message) == NULL) {
                fprintf(stderr, "case %zu: %s\n", i, d.item[0].message);
                check_failures++;
            }
        }
        dg_diagnostics_deinit(&d);
    }
}

static void a_secret_in_the_file_is_doubted(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_settings s = {0};
    CHECK_INT(load("kafka:\n  properties: { sasl.password: hunter2, ssl.key.password_file: f }\n",
                   &s, &d),
              0);
    CHECK_INT(d.n_warnings, 1);
    CHECK(d.n == 1 && strstr(d.item[0].message, "sasl.password") != NULL &&
          strstr(d.item[0].message, "hunter2") == NULL);
    dg_daemon_settings_deinit(&s);
    dg_diagnostics_deinit(&d);
}

static void a_file_that_is_not_there_is_said(void)
{
    struct dg_diagnostics d = {0};
    struct dg_daemon_settings s = {0};
    CHECK_INT(dg_daemon_settings_load("/nonexistent/driftgauge.yaml", &d, NULL, &s), ENOENT);
    CHECK_INT(d.n_errors, 1);
    dg_diagnostics_deinit(&d);
}

static void the_schema_is_json(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    CHECK_INT(dg_schema_json(&dg_daemon_section, out), 0);
    fclose(out);
    json_t *schema = json_loads(text, 0, NULL);
    CHECK(json_object_get(json_object_get(schema, "properties"), "lanes") != NULL);
    json_decref(schema);
    free(text);
}

int main(int argc, char **argv)
{
    strcpy(directory, "/tmp/dg-settings-XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/driftgauge.yaml", directory);
    const int code =
        CHECK_MAIN(argc, argv, CASE(nothing_written_means_the_defaults),
                   CASE(everything_written_is_taken), CASE(what_is_shown_means_the_same),
                   CASE(a_secret_is_not_shown), CASE(variables_are_replaced),
                   CASE(a_mistake_is_said_at_its_place), CASE(a_secret_in_the_file_is_doubted),
                   CASE(a_file_that_is_not_there_is_said), CASE(the_schema_is_json));
    unlink(path);
    rmdir(directory);
    return code;
}
