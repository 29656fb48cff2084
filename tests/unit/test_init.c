/* Goal: `driftgauge init` guesses roles, types and windows that a person would, and whatever the
 * data, writes a file that passes its own check.
 * Method: small files made here with known columns; names and values chosen to hurt YAML; the
 * command itself, called as main would. */
#include "engine/cli/commands.h"
#include "engine/cli/exit_codes.h"
#include "engine/cli/infer.h"
#include "engine/config.h"
#include "engine/timefmt.h"
#include "tests/check.h"

#include <errno.h>
#include <unistd.h>

#define MINUTE (60 * DG_US_PER_S)

static char directory[] = "/tmp/dg-init-XXXXXX";

static char *in_directory(const char *name)
{
    static char path[16][256];
    static unsigned next;
    char *buf = path[next++ % 16];
    snprintf(buf, sizeof path[0], "%s/%s", directory, name);
    return buf;
}

static char *write_file(const char *name, const char *text)
{
    char *path = in_directory(name);
    FILE *out = fopen(path, "w");
    CHECK(out != NULL);
    fputs(text, out);
    fclose(out);
    return path;
}

/* 3000 rows, 20 s apart, each row up to 90 s behind. */
static char *events_csv(void)
{
    char *path = in_directory("events.csv");
    FILE *out = fopen(path, "w");
    fputs("event_id,created,model_version,y_pred_proba,y_pred,latency_ms,income,children,channel,"
          "comment,label,empty,kafka_offset\n",
          out);
    for (int i = 0; i < 3000; i++) {
        char time[DG_TIME_TEXT];
        const int behind = i % 50 == 7 ? 90 : 0;
        dg_time_format((INT64_C(1767225600) + 20 * i - behind) * DG_US_PER_S, time);
        fprintf(out, "e%d,%s,%d,%.4f,%d,%.1f,%s%.2f,%d,%s,free text %d,%d,,%d\n", i, time,
                13 + i % 2, check_uniform(), i % 2, 100 * check_uniform(), i % 100 == 3 ? "-" : "",
                1000 * check_uniform(), i % 4, i % 3 == 0 ? "web" : "branch", i * 7919, i % 2, i);
    }
    fclose(out);
    return path;
}

static enum dg_guess guess_of(const struct dg_profile *p, const struct dg_inference *x,
                              const char *name)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->column[i].name, name) == 0) {
            return x->column[i].what;
        }
    }
    return DG_GUESSES;
}

static void roles_and_types_are_found(void)
{
    static const struct {
        const char *name;
        enum dg_guess what;
    } want[] = {
        {"event_id", DG_GUESS_ID},           {"created", DG_GUESS_TIMESTAMP},
        {"model_version", DG_GUESS_VERSION}, {"y_pred_proba", DG_GUESS_SCORE},
        {"y_pred", DG_GUESS_CLASS},          {"latency_ms", DG_GUESS_LATENCY},
        {"income", DG_GUESS_NUMERIC},        {"children", DG_GUESS_NUMERIC},
        {"channel", DG_GUESS_CATEGORY},      {"comment", DG_GUESS_IGNORE},
        {"label", DG_GUESS_IGNORE},          {"empty", DG_GUESS_IGNORE},
        {"kafka_offset", DG_GUESS_NUMERIC}, /* no partition beside it */
    };
    struct dg_profile p;
    struct dg_inference x;
    struct dg_error err = {0};
    CHECK_INT(dg_profile_read(events_csv(), &p, &err), 0);
    CHECK_INT(p.rows, 3000);
    CHECK(p.whole);
    CHECK_INT(dg_infer(&p, NULL, &x, &err), 0);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (guess_of(&p, &x, want[i].name) != want[i].what) {
            fprintf(stderr, "%s: guessed %d, want %d\n", want[i].name,
                    (int)guess_of(&p, &x, want[i].name), (int)want[i].what);
            check_failures++;
        }
    }
    CHECK_INT(x.size_us,
              6 * 60 * MINUTE); /* 180 rows an hour, 16 h 40 m in all: 1080 rows, twice */
    CHECK_INT(x.out_of_order_us, 5 * MINUTE);
    CHECK(fabs(x.rows_per_hour - 180) < 1);
    dg_inference_deinit(&x);
    dg_profile_deinit(&p);
}

/* A profile of nothing but a time column: rows rows, `seconds` apart. */
static int64_t window_of(const char *every, int rows)
{
    char *path = in_directory("times.csv");
    int64_t step = 0;
    FILE *out = fopen(path, "w");
    CHECK(dg_duration_parse(every, strlen(every), &step));
    fputs("ts\n", out);
    for (int i = 0; i < rows; i++) {
        fprintf(out, "%lld\n", (long long)(INT64_C(1767225600000) + i * (step / 1000)));
    }
    fclose(out);
    struct dg_profile p;
    struct dg_inference x;
    struct dg_error err = {0};
    CHECK_INT(dg_profile_read(path, &p, &err), 0);
    CHECK_INT(dg_infer(&p, NULL, &x, &err), 0);
    const int64_t size = x.size_us;
    CHECK(x.slide_us > 0 && size % x.slide_us == 0);
    dg_inference_deinit(&x);
    dg_profile_deinit(&p);
    return size / MINUTE;
}

static void windows_hold_enough_rows_and_fit_into_the_data(void)
{
    CHECK_INT(window_of("100ms", 12000), 5);      /* 3000 rows in 5 minutes */
    CHECK_INT(window_of("1s", 12000), 60);        /* more than the sample: 3600 an hour */
    CHECK_INT(window_of("30m", 12000), 7 * 1440); /* 336 rows a week */
    CHECK_INT(window_of("1h", 8000), 14 * 1440);  /* 336 rows in a fortnight */
    CHECK_INT(window_of("1h", 20), 14 * 1440);    /* 20 rows: no window could be right */
    CHECK_INT(window_of("1d", 100), 28 * 1440);
}

static void names_are_taken_apart(void)
{
    CHECK(dg_name_has_word("y_pred_proba", "pred"));
    CHECK(dg_name_has_word("requestId", "id"));
    CHECK(dg_name_has_word("ID", "id"));
    CHECK(dg_name_has_word("proba1", "proba"));
    CHECK(dg_name_has_word("risk.score", "score"));
    CHECK(!dg_name_has_word("width", "id"));
    CHECK(!dg_name_has_word("paid", "id"));
    CHECK(!dg_name_has_word("scoreboard", "score"));
    CHECK(!dg_name_has_word("", "id"));
}

static void every_field_of_wide_json_is_found(void)
{
    char *path = in_directory("wide.ndjson");
    FILE *out = fopen(path, "w");
    for (int row = 0; row < 50; row++) {
        fprintf(out, "{\"ts\":\"2026-01-01T00:%02d:00Z\",\"nested\":{\"a\":1}", row);
        for (int i = 0; i < 200; i++) {
            fprintf(out, ",\"f%d\":%d", i, i * row);
        }
        fputs("}\n", out);
    }
    fclose(out);
    struct dg_profile p;
    struct dg_inference x;
    struct dg_error err = {0};
    CHECK_INT(dg_profile_read(path, &p, &err), 0);
    CHECK_INT(p.n, 202); /* and not "nested", which is only what nested.a is in */
    CHECK_INT(dg_infer(&p, NULL, &x, &err), 0);
    CHECK_INT(guess_of(&p, &x, "f199"), DG_GUESS_NUMERIC);
    CHECK_INT(guess_of(&p, &x, "nested"), DG_GUESSES);
    CHECK_INT(guess_of(&p, &x, "nested.a"), DG_GUESS_NUMERIC);
    dg_inference_deinit(&x);
    dg_profile_deinit(&p);
}

/* ---- records within records ----------------------------------------------------------------- */

/* 40 records; every $ is the record's number. */
static char *write_records(const char *name, const char *record)
{
    char *path = in_directory(name);
    FILE *out = fopen(path, "w");
    for (int i = 0; i < 40; i++) {
        for (const char *c = record; *c != '\0'; c++) {
            if (*c == '$') {
                fprintf(out, "%d", i + 10);
            } else {
                putc(*c, out);
            }
        }
        fputs(i % 2 == 0 ? "\n" : "\r\n\n", out);
    }
    fclose(out);
    return path;
}

static struct dg_monitor *load(const char *path);
static int init(const char *from, const char *out, const char *more);

/* What stands in the monitor file that is made of such records, as one text. */
static void check_draft_of(int line, const char *record, const char *topic, const char *want)
{
    const char *out = in_directory("shape.yaml");
    char *text = NULL;
    size_t len = 0;
    unlink(out);
    CHECK_INT(init(write_records("shape.ndjson", record), out, topic), DG_EXIT_OK);
    struct dg_monitor *m = load(out);
    FILE *f = open_memstream(&text, &len);
    if (m != NULL) {
        fprintf(f, "%s%s%s time=%s id=%s", m->source.preset == NULL ? "-" : m->source.preset,
                m->source.instances == NULL ? "" : " in ",
                m->source.instances == NULL ? "" : m->source.instances, m->time_path,
                m->id_path == NULL ? "-" : m->id_path);
    }
    for (size_t i = 0; m != NULL && i < m->n_features; i++) {
        static const char *const role[] = {"", "score ", "class ", "latency "};
        fprintf(f, "; %s%s%s%s%s", role[m->feature[i].role], m->feature[i].name,
                m->feature[i].type == DG_FEATURE_NUMERIC ? "" : " (texts)",
                strcmp(m->feature[i].name, m->feature[i].path) == 0 ? "" : " from ",
                strcmp(m->feature[i].name, m->feature[i].path) == 0 ? "" : m->feature[i].path);
    }
    for (size_t i = 0; m != NULL && i < m->n_ignore; i++) {
        fprintf(f, "; no %s", m->ignore[i]);
    }
    fclose(f);
    if (strcmp(text, want) != 0) {
        fprintf(stderr, "line %d:\n  got:    %s\n  wanted: %s\n", line, text, want);
        check_failures++;
    }
    free(text);
    dg_monitor_free(m);
}
#define DRAFT(record, want) check_draft_of(__LINE__, record, "--topic=t", want)

static void objects_within_objects_are_looked_into(void)
{
    DRAFT("{\"ts\":17672256$,\"event_id\":\"e$\",\"score\":0.$,\"customer\":{\"country\":\"DE\","
          "\"a/b\":{\"~x\":$.5}},\"tags\":[1,2]}",
          "- time=ts id=event_id; customer.country (texts) from /customer/country; customer.a/b.~x "
          "from /customer/a~1b/~0x; score score; no tags");
    /* A name that is taken; an object that is sometimes none; nothing to watch in one. */
    DRAFT("{\"ts\":17672256$,\"a.b\":$,\"a\":{\"b\":1$},\"t\":{\"at\":\"2026-01-01T00:00:$Z\"}}",
          "- time=ts id=-; a.b; /a/b");
    /* Three things that happened to the event are no three events. */
    DRAFT("{\"ts\":17672256$,\"x\":$,\"w\":$,\"z\":$,\"steps\":[{\"k\":1,\"v\":2},{\"k\":3,\"v\":$}"
          "]}",
          "- time=ts id=-; x; w; z; no steps");
}

static void several_events_in_a_record_are_found(void)
{
    DRAFT(
        "{\"request_id\":\"q$\",\"request\":{\"rows\":[{\"age\":$,\"in\":{\"x\":$.5}, \"c\":\"a\"},"
        "{\"age\":2,\"c\":\"b\"}]},\"response\":{\"scores\":[0.$,0.5]}}",
        "- in /request/rows time=@timestamp id=^/request_id; age; in.x from /in/x; c (texts); "
        "score "
        "response.scores from ^/response/scores/#");
    DRAFT("{\"instances\":[{\"age\":$},{\"age\":45}],\"predictions\":[0.$,0.2]}",
          "kserve time=@timestamp id=-; age; score predictions from ^/predictions/#");
    DRAFT("{\"instances\":[[1.$,\"a\"],[2,\"b\"]]}",
          "kserve time=@timestamp id=-; feature_0 from /0; feature_1 (texts) from /1");
    DRAFT("{\"predictions\":[{\"label\":\"a\",\"score\":0.$},{\"label\":\"b\",\"score\":0.1}]}",
          "kserve in /predictions time=@timestamp id=-; score score; class label (texts)");
    DRAFT("{\"id\":\"r$\",\"model_name\":\"m\",\"inputs\":[{\"name\":\"age\",\"shape\":[2],"
          "\"datatype\":"
          "\"FP64\",\"data\":[31,$]},{\"name\":\"pixels\",\"shape\":[2,3],\"datatype\":\"FP32\","
          "\"data\":"
          "[1,2,3,4,5,$]}],\"outputs\":[{\"name\":\"score\",\"shape\":[2,1],\"data\":[0.$,0.2]}]}",
          "open_inference time=@timestamp id=^/id; age; pixels.0 from /pixels/0; pixels.1 from "
          "/pixels/1; pixels.2 from /pixels/2; score score");
    DRAFT("{\"meta\":{\"puid\":\"p$\"},\"data\":{\"names\":[\"age\",\"income\"],\"tensor\":{"
          "\"shape\":[2,2],"
          "\"values\":[31,4200,45,$]}}}",
          "seldon time=@timestamp id=^/meta/puid; age; income");
    DRAFT("{\"data\":{\"ndarray\":[[$,\"a\"]]}}",
          "seldon time=@timestamp id=-; feature_0 from /0; feature_1 (texts) from /1");
    DRAFT("{\"captureData\":{\"endpointInput\":{\"data\":\"$,DE\\n45,FR\",\"encoding\":\"CSV\"},"
          "\"endpointOutput\":{\"data\":\"0.$\\n0.2\",\"encoding\":\"CSV\"}},\"eventMetadata\":{"
          "\"eventId\":\"e$\",\"inferenceTime\":\"2026-11-21T18:00:$Z\"},\"eventVersion\":\"0\"}",
          "sagemaker time=^/eventMetadata/inferenceTime id=^/eventMetadata/eventId; input.0 from "
          "/input/0; input.1 (texts) from /input/1; score output.0 from /output/0");
    DRAFT("{\"captureData\":{\"endpointInput\":{\"observedContentType\":\"application/"
          "json\",\"data\":\"eyJhZ2UiOjMxfQ==\",\"encoding\":"
          "\"BASE64\"},"
          "\"endpointOutput\":{\"data\":\"{\\\"score\\\":0.$}\",\"encoding\":\"JSON\"}},"
          "\"eventMetadata\":{\"eventId\":\"e$\",\"inferenceTime\":\"2026-11-21T18:00:$Z\"}}",
          "sagemaker time=^/eventMetadata/inferenceTime id=^/eventMetadata/eventId; input.age from "
          "/input/age; score output.score from /output/score");
}

/* Without a topic there is no time beside the record. */
static void events_without_a_time_need_a_topic(void)
{
    CHECK_INT(init(write_records("shape.ndjson", "{\"instances\":[{\"age\":$,\"x\":1}]}"),
                   in_directory("shape.yaml"), "--force"),
              DG_EXIT_DATA);
    CHECK_INT(init(write_records("shape.ndjson", "{\"a\":{\"b\":1}}"), in_directory("shape.yaml"),
                   "--topic=t"),
              DG_EXIT_DATA);
    check_draft_of(
        __LINE__,
        "{\"when\":\"2026-11-21T18:00:$Z\",\"rows\":[{\"a\":$,\"b\":1},{\"a\":1,\"b\":2}]}",
        "--force", "- in /rows time=^/when id=-; a; b");
}

/* ---- the command ---------------------------------------------------------------------------- */

static int init(const char *from, const char *out, const char *more)
{
    char *argv[] = {(char *)(uintptr_t) "init",
                    (char *)(uintptr_t) "--from",
                    (char *)(uintptr_t)from,
                    (char *)(uintptr_t) "--out",
                    (char *)(uintptr_t)out,
                    (char *)(uintptr_t)more,
                    NULL};
    return dg_command_init(more == NULL ? 5 : 6, argv);
}

static struct dg_monitor *load(const char *path)
{
    struct dg_diagnostics d = {0};
    struct dg_monitor *m = NULL;
    CHECK_INT(dg_monitor_load(path, &d, &m), 0);
    dg_diagnostics_print(&d, stderr);
    dg_diagnostics_deinit(&d);
    return m;
}

static void the_written_file_is_a_monitor(void)
{
    const char *out = in_directory("events.yaml");
    CHECK_INT(init(events_csv(), out, "--baseline=ref.json"), DG_EXIT_OK);
    struct dg_monitor *m = load(out);
    if (m != NULL) {
        CHECK_STR(m->name, "events");
        CHECK_STR(m->time_path, "created");
        CHECK_INT(m->n_features, 7);
        CHECK_INT(m->n_baselines, 2);
        CHECK_INT(m->baseline[0].kind, DG_BASELINE_FILE);
        CHECK(m->drop_duplicates);
    }
    dg_monitor_free(m);
}

static void a_topic_makes_it_a_monitor_for_the_daemon(void)
{
    const char *out = in_directory("live.yaml");
    CHECK_INT(init(events_csv(), out, "--topic=a topic"), DG_EXIT_USAGE);
    CHECK_INT(init(events_csv(), out, "--topic=scores.v7"), DG_EXIT_OK);
    struct dg_monitor *m = load(out);
    CHECK(m != NULL && m->source.n_topics == 1);
    if (m != NULL && m->source.n_topics == 1) {
        CHECK_STR(m->name, "scores.v7"); /* that of the file would be `events` */
        CHECK_STR(m->source.topic[0], "scores.v7");
        CHECK(m->source.dead_letters == NULL);
    }
    dg_monitor_free(m);
    unlink(out);
}

/* 20 rows, of which `x` has a value in 16: the proposed bounds leave that room, and a little more.
 */
static void what_is_missing_in_the_sample_is_not_an_alarm(void)
{
    char csv[2048] = "ts,x,colour\n";
    for (int i = 0; i < 20; i++) {
        char row[64];
        snprintf(row, sizeof row, "2026-01-01 00:%02d,%s,%s\n", i, i % 5 == 0 ? "" : "2.5",
                 i % 2 == 0 ? "red" : "blue");
        strcat(csv, row);
    }
    const char *out = in_directory("gaps.yaml");
    CHECK_INT(init(write_file("gaps.csv", csv), out, NULL), DG_EXIT_OK);
    struct dg_monitor *m = load(out);
    CHECK(m != NULL && m->n_checks == 1);
    if (m != NULL && m->n_checks == 1) {
        CHECK_STR(m->check[0].metric, "completeness");
        CHECK(m->check[0].below);
        CHECK_REL(m->check[0].warn, 0.75, 1e-12);
        CHECK_REL(m->check[0].critical, 0.65, 1e-12);
    }
    dg_monitor_free(m);
}

static void a_file_that_is_there_is_kept(void)
{
    const char *out = write_file("mine.yaml", "mine\n");
    CHECK_INT(init(events_csv(), out, NULL), DG_EXIT_UNEXPECTED);
    char line[16] = "";
    FILE *in = fopen(out, "r");
    CHECK(fgets(line, sizeof line, in) != NULL);
    fclose(in);
    CHECK_STR(line, "mine\n");
    CHECK_INT(init(events_csv(), out, "--force"), DG_EXIT_OK);
    dg_monitor_free(load(out));
}

static void data_that_cannot_be_guessed_is_refused(void)
{
    const char *out = in_directory("never.yaml");
    CHECK_INT(init(in_directory("missing.csv"), out, NULL), DG_EXIT_DATA);
    CHECK_INT(init(write_file("empty.csv", ""), out, NULL), DG_EXIT_DATA);
    CHECK_INT(init(write_file("head.csv", "ts,x\n"), out, NULL), DG_EXIT_DATA);
    CHECK_INT(init(write_file("timeless.csv", "a,b\n1,2\n3,4\n"), out, NULL), DG_EXIT_DATA);
    CHECK_INT(init(write_file("other.csv", "when,b\nx,2\n"), out, "--timestamp=wehn"),
              DG_EXIT_DATA);
    CHECK_INT(init(write_file("other.csv", "when,b\nx,2\n"), out, "--name=a b"), DG_EXIT_USAGE);
    CHECK(access(out, F_OK) != 0);
    CHECK_INT(init(write_file("other.csv", "when,b\nx,2\n"), out, "--timestamp=when"), DG_EXIT_OK);
    dg_monitor_free(load(out));
    unlink(out);
}

/* Names and values that mean something to YAML, to comments, to pointers and to variables. */
static void names_and_values_that_hurt_yaml_are_survived(void)
{
    static const char *const nasty[] = {"a: b",
                                        "- x",
                                        "#c",
                                        "no",
                                        "~",
                                        "${env:HOME}",
                                        "/a/b",
                                        "/~1",
                                        "'q'",
                                        "\\n",
                                        "[x",
                                        "{y}",
                                        "&a",
                                        "*a",
                                        "!t",
                                        "%d",
                                        "@at",
                                        "`tick`",
                                        "\xc3\xa9",
                                        "\xe2\x80\xa8"
                                        "ls",
                                        "\xef\xbb\xbf"
                                        "bom",
                                        "id",
                                        "time",
                                        "target",
                                        "score",
                                        "y_pred",
                                        "a b",
                                        " lead",
                                        "trail ",
                                        "0x10",
                                        "1.5",
                                        "null",
                                        "?",
                                        "? k",
                                        "|",
                                        ">",
                                        "<<",
                                        "=",
                                        "...",
                                        "---",
                                        "\xc2\x85nel",
                                        "version",
                                        "variant",
                                        "latency",
                                        "\x01"
                                        "c"};
    const size_t n = sizeof nasty / sizeof *nasty;
    for (int round = 0; round < 60; round++) {
        char *path = in_directory("nasty.csv");
        const char *out = in_directory("nasty.yaml");
        FILE *csv = fopen(path, "w");
        const size_t columns = 1 + check_random() % 12, first = check_random() % n;
        fputs("when", csv);
        for (size_t c = 0; c < columns; c++) {
            fprintf(csv, ",\"%s\"", nasty[(first + 7 * c) % n]);
        }
        for (int row = 0; row < 30; row++) {
            fprintf(csv, "\n2026-01-01 00:%02d", row);
            for (size_t c = 0; c < columns; c++) {
                fprintf(csv, ",\"%s\"", nasty[check_random() % (c % 2 == 0 ? n : 5)]);
            }
        }
        fputc('\n', csv);
        fclose(csv);
        CHECK_INT(init(path, out, "--timestamp=when"), DG_EXIT_OK);
        dg_monitor_free(load(out));
        unlink(out);
    }
}

int main(int argc, char **argv)
{
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    const int failed = CHECK_MAIN(
        argc, argv, CASE(roles_and_types_are_found),
        CASE(windows_hold_enough_rows_and_fit_into_the_data), CASE(names_are_taken_apart),
        CASE(every_field_of_wide_json_is_found), CASE(objects_within_objects_are_looked_into),
        CASE(several_events_in_a_record_are_found), CASE(events_without_a_time_need_a_topic),
        CASE(the_written_file_is_a_monitor), CASE(a_topic_makes_it_a_monitor_for_the_daemon),
        CASE(what_is_missing_in_the_sample_is_not_an_alarm), CASE(a_file_that_is_there_is_kept),
        CASE(data_that_cannot_be_guessed_is_refused),
        CASE(names_and_values_that_hurt_yaml_are_survived));
    static const char *const made[] = {"events.csv", "times.csv", "wide.ndjson",  "events.yaml",
                                       "mine.yaml",  "empty.csv", "head.csv",     "timeless.csv",
                                       "other.csv",  "nasty.csv", "shape.ndjson", "shape.yaml"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        unlink(in_directory(made[i]));
    }
    rmdir(directory);
    return failed;
}
