/* Goal: a monitor file means what it says, and everything wrong with one is said at its place.
 * Method: bad files with their exact messages (tests/unit/config/NAME.yaml and .txt; DG_UPDATE=1
 * writes the .txt anew, to be read before it is committed), values of a full and a minimal file,
 * equal and different meanings by hash, the round trip through `config show`, and mutations. */
#include "engine/config.h"

#include "engine/monitor_keys.h"
#include "tests/check.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>

static char *in_source(const char *path)
{
    const char *root = getenv("DG_SOURCE_DIR");
    char *full = NULL;
    if (asprintf(&full, "%s/%s", root == NULL ? "." : root, path) < 0) {
        abort();
    }
    return full;
}

static char *slurp(const char *path, size_t *len)
{
    char *text = NULL, *full = in_source(path);
    *len = 0;
    const int rc = dg_config_slurp(full, &text, len);
    free(full);
    if (rc != 0) {
        return NULL;
    }
    char *copy = calloc(1, *len + 1);
    memcpy(copy, text, *len);
    free(text);
    return copy;
}

/* What parsing says, as printed. */
static char *messages_of(const char *name, const char *text, size_t len, int *rc)
{
    struct dg_diagnostics d = {0};
    struct dg_config c;
    char *said = NULL;
    size_t n = 0;
    *rc = dg_config_parse(name, text, len, &d, &c);
    FILE *out = open_memstream(&said, &n);
    dg_diagnostics_print(&d, out);
    fclose(out);
    dg_config_deinit(&c);
    dg_diagnostics_deinit(&d);
    return said;
}

/* ---- bad files ---------------------------------------------------------------------------- */

static void compare(const char *name, const char *said, const char *path)
{
    size_t n = 0;
    char *want = slurp(path, &n);
    if (getenv("DG_UPDATE") != NULL) {
        char *full = in_source(path);
        FILE *out = fopen(full, "w");
        fputs(said, out);
        fclose(out);
        free(full);
    } else if (want == NULL || strcmp(want, said) != 0) {
        fprintf(stderr, "%s: messages differ from %s:\n%s", name, path, said);
        CHECK(want != NULL && strcmp(want, said) == 0);
    }
    free(want);
}

static int is_yaml(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot != NULL && strcmp(dot, ".yaml") == 0;
}

static void bad_files_get_exactly_these_messages(void)
{
    setenv("DG_TEST_NAME", "from-environment", 1);
    setenv("DG_TEST_LINES", "two\nlines", 1);
    unsetenv("DG_TEST_NOT_SET");
    char *directory = in_source("tests/unit/config");
    struct dirent **list = NULL;
    const int n = scandir(directory, &list, is_yaml, alphasort);
    CHECK(n >= 20);
    for (int i = 0; i < n; i++) {
        char yaml[512], txt[512];
        size_t len = 0;
        int rc = 0;
        snprintf(yaml, sizeof yaml, "tests/unit/config/%s", list[i]->d_name);
        snprintf(txt, sizeof txt, "%.*s.txt", (int)strlen(yaml) - 5, yaml);
        char *text = slurp(yaml, &len);
        char *said = messages_of(list[i]->d_name, text, len, &rc);
        CHECK_INT(rc, EINVAL);
        compare(list[i]->d_name, said, txt);
        free(said);
        free(text);
        free(list[i]);
    }
    free(list);
    free(directory);
}

static void a_missing_file_is_named(void)
{
    struct dg_diagnostics d = {0};
    struct dg_monitor *m = NULL;
    CHECK_INT(dg_monitor_load("/nonexistent/a.yaml", &d, &m), ENOENT);
    CHECK(m == NULL && d.n == 1);
    CHECK_STR(d.item[0].message, "cannot read the file: No such file or directory");
    CHECK_STR(d.file, "/nonexistent/a.yaml");
    dg_diagnostics_deinit(&d);
}

static void more_messages_than_are_kept_are_counted(void)
{
    struct dg_diagnostics d = {0};
    CHECK_INT(dg_diagnostics_begin(&d, "a", NULL, 0), 0);
    for (unsigned i = 0; i < DG_DIAGNOSTICS_MAX + 7; i++) {
        dg_diagnose(&d, DG_WARNING, (struct dg_place){1, i + 1, 1}, NULL, "%u", i);
    }
    CHECK_INT(d.n, DG_DIAGNOSTICS_MAX);
    CHECK_INT(d.n_warnings, DG_DIAGNOSTICS_MAX + 7);
    CHECK(!dg_diagnostics_failed(&d));
    dg_diagnostics_deinit(&d);
}

static void a_file_beyond_the_limit_is_refused(void)
{
    const size_t len = DG_YAML_BYTES_MAX + 1;
    char *text = malloc(len);
    int rc = 0;
    memset(text, '#', len);
    char *said = messages_of("big", text, len, &rc);
    CHECK_INT(rc, EINVAL);
    CHECK(strstr(said, "larger than 1048576 bytes") != NULL);
    free(said);
    free(text);
}

/* ---- values ------------------------------------------------------------------------------- */

static struct dg_monitor *parse(const char *text)
{
    struct dg_diagnostics d = {0};
    struct dg_config c;
    if (dg_config_parse("test.yaml", text, strlen(text), &d, &c) != 0) {
        dg_diagnostics_print(&d, stderr);
    }
    struct dg_monitor *m = c.monitor;
    c.monitor = NULL;
    dg_config_deinit(&c);
    dg_diagnostics_deinit(&d);
    CHECK(m != NULL);
    return m;
}

static const char minimal[] = "monitor: a\ncolumns: { timestamp: ts }\nwindows: { size: 1h }\n";
static const int64_t minute = 60 * DG_US_PER_S;

static void defaults_are_filled_in(void)
{
    struct dg_monitor *m = parse(minimal);
    if (m == NULL) {
        return;
    }
    CHECK_STR(m->format, "auto");
    CHECK_INT(m->csv_delimiter, 0);
    CHECK_STR(m->time_path, "ts");
    CHECK_INT(m->time_format, DG_TIME_AUTO);
    CHECK(m->id_path == NULL && m->version_path == NULL && m->description == NULL);
    CHECK(m->features_from_data && m->n_features == 0);
    CHECK_INT(m->window[0].slide_us, 60 * minute);
    CHECK_INT(m->pane_us, 60 * minute);
    CHECK_INT(m->out_of_order_us, 0);
    CHECK_INT(m->late_events_us, 60 * minute);
    CHECK_INT(m->max_ahead_us, 1440 * minute);
    CHECK(m->drift.enabled && m->drift.q == 0.01 && m->drift.effect == 0.1);
    CHECK_INT(m->drift.consecutive, 3);
    CHECK_INT(m->drift.min_rows, 200);
    CHECK_INT(m->max_series, 20000);
    CHECK(!m->drop_duplicates);
    CHECK_INT(strlen(m->hash), 16);
    dg_monitor_free(m);
}

static char *example(size_t *len)
{
    char *text = slurp("docs/examples/monitor.yaml", len);
    CHECK(text != NULL);
    return text;
}

static void check_columns(const struct dg_monitor *m)
{
    CHECK_INT(m->n_features, 7);
    CHECK_STR(m->feature[1].name, "age");
    CHECK_STR(m->feature[1].path, "/applicant/age");
    CHECK(m->feature[1].valid_min == 18 && m->feature[1].valid_max == 110);
    CHECK(m->feature[1].importance == 2 && m->feature[0].importance == 1);
    CHECK(m->feature[0].valid_min == -HUGE_VAL && m->feature[2].valid_max == HUGE_VAL);
    CHECK_INT(m->feature[3].type, DG_FEATURE_CATEGORY);
    CHECK_INT(m->feature[3].n_values, 3);
    CHECK_STR(m->feature[3].values[2], "branch");
    CHECK_STR(m->feature[4].name, "y_pred_proba");
    CHECK_INT(m->feature[4].role, DG_ROLE_SCORE);
    CHECK_INT(m->feature[5].role, DG_ROLE_PREDICTION);
    CHECK_INT(m->feature[5].type, DG_FEATURE_CATEGORY);
    CHECK_INT(m->feature[6].role, DG_ROLE_LATENCY);
    CHECK_INT(m->time_format, DG_TIME_RFC3339);
    CHECK_STR(m->partition_path, "kafka_partition");
    CHECK_STR(m->record_time_path, "kafka_timestamp");
    CHECK_STR(m->source.topic[0], "credit.predictions");
    CHECK_STR(m->source.schema_file, "prediction.avsc");
    CHECK_INT(m->n_ignore, 2);
    CHECK(m->drop_duplicates && !m->features_from_data);
}

static void check_rules(const struct dg_monitor *m)
{
    CHECK_INT(m->n_windows, 2);
    CHECK_INT(m->pane_us, 5 * minute);
    CHECK_INT(m->n_segments, 3);
    CHECK_STR(m->segment[2].column[1], "channel");
    CHECK_INT(m->segment[2].top, 50);
    CHECK_INT(m->segment[0].top, 20);
    CHECK_INT(m->segment[1].n_values, 2);
    CHECK_INT(m->n_baselines, 5);
    CHECK_INT(m->baseline[1].kind, DG_BASELINE_PREVIOUS);
    CHECK_INT(m->baseline[2].span_us, 7 * 1440 * minute);
    CHECK_INT(m->baseline[3].period_us, 7 * 1440 * minute);
    CHECK_INT(m->baseline[3].cycles, 4);
    CHECK_INT(m->baseline[3].min_cycles, 2);
    CHECK_STR(m->baseline[4].variant, "champion");
    CHECK_INT(m->n_checks, 4);
    CHECK_STR(m->check[1].baseline, "previous");
    CHECK(m->check[1].has_critical && !m->check[1].has_warn && m->check[1].critical == 0.5);
    CHECK(m->check[2].below && m->check[2].warn == 0.99 && m->check[2].critical == 0.9);
    CHECK_INT(m->check[0].consecutive, 3);
    CHECK_INT(m->check[3].consecutive, 1);
}

static void the_example_means_what_it_says(void)
{
    size_t len = 0;
    char *text = example(&len);
    struct dg_monitor *m = parse(text);
    if (m != NULL) {
        check_columns(m);
        check_rules(m);
    }
    dg_monitor_free(m);
    free(text);
}

static void a_percentage_is_exact(void)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"5%", 0.05},   {"0.1%", 0.001}, {"2.5%", 0.025}, {"-3.5", -3.5},
                {"1e-3", 1e-3}, {".5", 0.5},     {"99.9%", 0.999}};
    static const char *const bad[] = {"",     "%",   "0x10", "nan", "inf", "1e999", "1 %",
                                      "1e2%", "1,5", "1..2", "--1", "1e",  " 1",    "1_000"};
    double x = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(dg_config_number(good[i].text, &x));
        CHECK(x == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        x = 2.385;
        CHECK(!dg_config_number(bad[i], &x));
        CHECK(x == 2.385);
    }
}

static void a_segment_by_a_features_name_reads_the_features_field(void)
{
    struct dg_monitor *m = parse("monitor: a\n"
                                 "columns: { timestamp: ts, prediction: { score: /answer/p~1q },\n"
                                 "  features: { channel: { type: category, from: /web/ch } } }\n"
                                 "windows: 1h\n"
                                 "segments: { column: channel, values: [a] }\n");
    if (m != NULL) {
        CHECK_STR(m->segment[0].column[0], "/web/ch");
        CHECK_STR(m->segment[0].name[0], "channel");
        CHECK_STR(m->feature[1].name, "answer.p/q");
    }
    dg_monitor_free(m);
}

static void text_is_never_converted(void)
{
    struct dg_monitor *m = parse("monitor: 1.0\ncolumns: { timestamp: no, id: ~, version: 0x10 }\n"
                                 "windows: 1h\n");
    if (m != NULL) {
        CHECK_STR(m->name, "1.0");
        CHECK_STR(m->time_path, "no");
        CHECK_STR(m->id_path, "~");
        CHECK_STR(m->version_path, "0x10");
    }
    dg_monitor_free(m);
}

static void variables_are_replaced_after_parsing(void)
{
    setenv("DG_TEST_NAME", "x: [y", 1);
    struct dg_monitor *m = parse("monitor: ${env:DG_TEST_NOT_SET:-a}\n"
                                 "description: 'is ${env:DG_TEST_NAME}, $${env:NOT} it'\n"
                                 "columns: { timestamp: ts }\nwindows: 1h\n");
    if (m != NULL) {
        CHECK_STR(m->name, "a");
        CHECK_STR(m->description, "is x: [y, ${env:NOT} it");
    }
    dg_monitor_free(m);
}

static void a_source_says_where_records_are(void)
{
    struct dg_monitor *m = parse(
        "monitor: a\nwindows: 1h\nsource: { topics: [a.b, c_d], format: json, framing: confluent,\n"
        "  instances: /request/rows, start: 2026-11-01T00:00:00+01:00, dead_letters: bad,\n"
        "  idle_after: 90s, on_loss: stop }\n"
        "columns: { timestamp: '@header/ce_time', id: ^/id, version: '@key/model',\n"
        "  record_timestamp: kafka_ts, latency: ^/timing/ms~1row,\n"
        "  prediction: { score: ^/predictions/#, class: '@header/class' },\n"
        "  features: { '@partition': category } }\n");
    if (m == NULL) {
        return;
    }
    const struct dg_source_spec *s = &m->source;
    CHECK_INT(s->n_topics, 2);
    CHECK_STR(s->topic[1], "c_d");
    CHECK_STR(m->format, "ndjson");
    CHECK_INT(s->kind, DG_RECORD_JSON);
    CHECK_INT(s->framing, DG_FRAMING_CONFLUENT);
    CHECK_STR(s->instances, "/request/rows");
    CHECK_INT(s->start, DG_START_TIME);
    CHECK_INT(s->start_us, INT64_C(1793487600) * DG_US_PER_S);
    CHECK_STR(s->dead_letters, "bad");
    CHECK_INT(s->idle_after_us, 90 * DG_US_PER_S);
    CHECK(s->stop_on_loss && s->schema_file == NULL && s->preset == NULL);
    CHECK_STR(m->record_time_path, "kafka_ts");
    CHECK_STR(m->feature[0].path, "@partition");
    CHECK_STR(m->feature[1].name, "predictions");
    CHECK_STR(m->feature[1].path, "^/predictions/#");
    CHECK_STR(m->feature[2].name, "class");
    CHECK_STR(m->feature[3].name, "timing.ms/row");
    dg_monitor_free(m);
    m = parse(minimal);
    CHECK(m->source.n_topics == 0 && m->source.kind == DG_RECORD_AUTO && !m->source.stop_on_loss);
    CHECK(m->source.framing == DG_FRAMING_AUTO && m->source.start == DG_START_EARLIEST);
    CHECK_INT(m->source.idle_after_us, 30 * DG_US_PER_S);
    dg_monitor_free(m);
}

static void the_canonical_preset_fills_in_what_is_not_given(void)
{
    struct dg_monitor *m =
        parse("monitor: a\nwindows: 1h\nsource: { topic: a, preset: canonical }\n"
              "columns: { variant: arm, features: { a/b~c: numeric, d: { type: category, from: d } "
              "} }\n");
    if (m == NULL) {
        return;
    }
    CHECK_STR(m->time_path, "ts");
    CHECK_STR(m->id_path, "event_id");
    CHECK_STR(m->version_path, "version");
    CHECK_STR(m->variant_path, "arm");
    CHECK_INT(m->n_features, 3);
    CHECK_STR(m->feature[0].path, "/features/a~1b~0c");
    CHECK_STR(m->feature[1].path, "d");
    CHECK_STR(m->feature[2].name, "prediction.value"); /* no label, no latency: they may not be */
    CHECK(m->drop_duplicates);
    dg_monitor_free(m);
}

/* ---- the meaning --------------------------------------------------------------------------- */

static void same_hash(const char *a, const char *b, bool same)
{
    struct dg_monitor *x = parse(a), *y = parse(b);
    if (x != NULL && y != NULL && (strcmp(x->hash, y->hash) == 0) != same) {
        fprintf(stderr, "%s\n--- and ---\n%s\n", a, b);
        check_failures++;
    }
    dg_monitor_free(x);
    dg_monitor_free(y);
}

#define HEAD "monitor: a\nwindows: 1h\n"

static void the_hash_depends_on_the_meaning_only(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {HEAD "columns: { timestamp: ts, id: i }\n",
         "# comment\ncolumns:\n  id: \"i\"\n  timestamp: { format: auto, from: ts }\nduplicates: "
         "drop\nwindows: [{ slide: 60m, size: 3600s }]\nmonitor: a\nowner: me\n",
         true},
        {HEAD "columns: { timestamp: ts, features: { x: numeric, y: category } }\n",
         HEAD "columns: { timestamp: ts, features: { y: { type: category, importance: 1 }, x: "
              "numeric } }\n",
         true},
        {HEAD "columns: { timestamp: ts, ignore: [a, b] }\n",
         HEAD "columns: { timestamp: ts, ignore: [b, a] }\n", true},
        {HEAD "columns: { timestamp: ts }\nchecks: { drift: { q: 1% } }\n",
         HEAD "columns: { timestamp: ts }\n", true},
        {HEAD "columns: { timestamp: ts }\n",
         HEAD
         "columns: { timestamp: ts }\nsource: { topic: t, format: avro, framing: bare, schema: "
         "a.avsc, start: latest, dead_letters: d, idle_after: 1m, on_loss: stop }\n",
         true},
        {HEAD "columns: { timestamp: ts }\n",
         HEAD "columns: { timestamp: ts }\nsource: { format: csv, delimiter: ; }\n", true},
        {HEAD "columns: { timestamp: ts }\n",
         HEAD "columns: { timestamp: ts }\nsource: { instances: /a }\n", false},
        {HEAD "columns: { timestamp: ts }\n",
         HEAD "columns: { timestamp: ts }\nsource: { preset: kserve }\n", false},
        {HEAD "columns: { timestamp: ts }\n", HEAD "columns: { timestamp: t }\n", false},
        {HEAD "columns: { timestamp: ts, features: {} }\n", HEAD "columns: { timestamp: ts }\n",
         false},
        {HEAD "columns: { timestamp: ts, ignore: [ab] }\n",
         HEAD "columns: { timestamp: ts, ignore: [a, b] }\n", false},
        {HEAD "columns: { timestamp: ts }\nchecks: { rows: { warn: above 1 } }\n",
         HEAD "columns: { timestamp: ts }\nchecks: { rows: { warn: below 1 } }\n", false},
        {HEAD "columns: { timestamp: ts }\nchecks: { rows: { warn: 1 } }\n",
         HEAD "columns: { timestamp: ts }\nchecks: { rows: { critical: 1 } }\n", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        same_hash(pairs[i].a, pairs[i].b, pairs[i].same);
    }
}

/* show(parse(text)) must parse, mean the same and show the same. */
static void round_trip(const char *text, size_t len)
{
    struct dg_diagnostics d = {0};
    struct dg_config first, second;
    char *shown = NULL, *again = NULL;
    size_t n = 0, k = 0;
    if (dg_config_parse("first", text, len, &d, &first) == 0) {
        FILE *out = open_memstream(&shown, &n);
        dg_settings_show(first.settings, out);
        fclose(out);
        const int rc = dg_config_parse("second", shown, n, &d, &second);
        CHECK_INT(rc, 0);
        if (rc == 0) {
            CHECK_STR(second.monitor->hash, first.monitor->hash);
            out = open_memstream(&again, &k);
            dg_settings_show(second.settings, out);
            fclose(out);
            CHECK_STR(again, shown);
        } else {
            dg_diagnostics_print(&d, stderr);
        }
        dg_config_deinit(&second);
    }
    free(shown);
    free(again);
    dg_config_deinit(&first);
    dg_diagnostics_deinit(&d);
}

static void what_is_shown_means_the_same(void)
{
    size_t len = 0;
    char *text = example(&len);
    round_trip(text, len);
    round_trip(minimal, strlen(minimal));
    static const char odd[] =
        "monitor: a\nwindows: [1h, { size: 1d, slide: 6h }]\ndescription: \"\\\"q\\\\\\n\\tx "
        "$${env:A} ${b} \\u2028\"\nsource: { delimiter: \"\\t\" }\n"
        "columns: { timestamp: 'no', features: { 'a: b': { valid: [-inf, 1e-300] }, 'on': { "
        "values: "
        "['', 'yes', '- x', '#'] }, '=': numeric }, ignore: [] }\nchecks: { drift: off, rows: [{ "
        "warn: "
        "below 0.1% }, { critical: -3 }] }\nsegments: []\nbaselines: {}\n";
    round_trip(odd, strlen(odd));
    free(text);
}

static void mutations_never_crash(void)
{
    static const char *const pieces[] = {
        "{",      "}", "[", "]",  ":",  "- ",   "\n",           "&a", "*a", "!",
        "${env:", "%", "'", "\"", "\t", "\xff", "\xe2\x80\xa8", "0",  "-",  "? "};
    size_t len = 0;
    char *text = example(&len);
    for (int round = 0; round < 1500; round++) {
        char *copy = malloc(len + 64);
        size_t n = len;
        memcpy(copy, text, len);
        for (uint64_t k = 1 + check_random() % 4; k > 0; k--) {
            const size_t at = check_random() % n;
            const char *piece = pieces[check_random() % (sizeof pieces / sizeof *pieces)];
            const size_t m = strlen(piece);
            const uint64_t what = check_random() % 3;
            if (what == 0 && n + m < len + 64) { /* insert */
                memmove(copy + at + m, copy + at, n - at);
                memcpy(copy + at, piece, m);
                n += m;
            } else if (what == 1 && n > 100) { /* cut */
                const size_t cut = 1 + check_random() % 20;
                const size_t end = at + cut < n ? at + cut : n;
                memmove(copy + at, copy + end, n - end);
                n -= end - at;
            } else {
                copy[at] = piece[0];
            }
        }
        round_trip(copy, n);
        free(copy);
    }
    free(text);
}

/* ---- documents ----------------------------------------------------------------------------- */

static bool given_anywhere(const struct dg_settings *s, const struct dg_section *section,
                           size_t key)
{
    if (s->section == section && s->value[key].given) {
        return true;
    }
    for (size_t i = 0; i < s->section->n + s->n_entries; i++) {
        const bool entry = i >= s->section->n;
        const struct dg_key *k = entry ? s->section->other : &s->section->key[i];
        const struct dg_setting *v = entry ? &s->entry[i - s->section->n].setting : &s->value[i];
        if (k->section == NULL || !v->present) {
            continue;
        }
        for (size_t n = 0; n < v->sections.n; n++) {
            if (given_anywhere(v->sections.at[n], section, key)) {
                return true;
            }
        }
    }
    return false;
}

/* Keys that cannot stand beside the others of the example. */
static bool excludes_others(const struct dg_key *key)
{
    static const char *const names[] = {"topics", "preset", "instances"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(key->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static size_t missing_keys(const struct dg_settings *root, const struct dg_section *section)
{
    size_t missing = 0;
    for (size_t i = 0; i < section->n; i++) {
        if (!given_anywhere(root, section, i) && !excludes_others(&section->key[i])) {
            fprintf(stderr, "docs/examples/monitor.yaml has no %s of %s\n", section->key[i].name,
                    section->name);
            missing++;
        }
        if (section->key[i].section != NULL) {
            missing += missing_keys(root, section->key[i].section);
        }
    }
    return missing + (section->other != NULL ? missing_keys(root, section->other->section) : 0);
}

static void the_example_has_every_key_and_no_error(void)
{
    struct dg_diagnostics d = {0};
    struct dg_config c;
    char *path = in_source("docs/examples/monitor.yaml");
    CHECK_INT(dg_config_load(path, &d, &c), 0);
    CHECK_INT(d.n_errors + d.n_warnings, 0);
    CHECK_INT(missing_keys(c.settings, &dg_monitor_section), 0);
    dg_config_deinit(&c);
    dg_diagnostics_deinit(&d);
    free(path);
}

static void the_json_schema_has_the_tables_keys(void)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    CHECK_INT(dg_schema_json(&dg_monitor_section, out), 0);
    fclose(out);
    json_t *schema = json_loadb(text, n, 0, NULL);
    const json_t *keys = json_object_get(schema, "properties");
    CHECK_INT(json_object_size(keys), MONITOR_KEYS);
    CHECK_INT(json_array_size(json_object_get(schema, "required")), 3);
    const json_t *metric = json_object_get(json_object_get(keys, "checks"), "propertyNames");
    CHECK(json_array_size(json_object_get(metric, "enum")) > 20);
    json_decref(schema);
    free(text);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(bad_files_get_exactly_these_messages), CASE(a_missing_file_is_named),
        CASE(more_messages_than_are_kept_are_counted), CASE(a_file_beyond_the_limit_is_refused),
        CASE(defaults_are_filled_in), CASE(the_example_means_what_it_says),
        CASE(a_percentage_is_exact), CASE(a_segment_by_a_features_name_reads_the_features_field),
        CASE(text_is_never_converted), CASE(a_source_says_where_records_are),
        CASE(the_canonical_preset_fills_in_what_is_not_given),
        CASE(variables_are_replaced_after_parsing), CASE(the_hash_depends_on_the_meaning_only),
        CASE(what_is_shown_means_the_same), CASE(mutations_never_crash),
        CASE(the_example_has_every_key_and_no_error), CASE(the_json_schema_has_the_tables_keys));
}
