/* Goal: a baseline file gives back what was saved, and nothing else is taken for one.
 * Method: round trips of odd samples; then the file changed in every place that can be. */
#include "engine/compare.h"
#include "tests/check.h"
#include "tests/support/engine_run.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <unistd.h>

#define YAML                                                                                       \
    "monitor: m\ncolumns: { timestamp: time, features: { n0: numeric, n1: numeric, n2: numeric, "  \
    "t0: category, t1: category, t2: category } }\n"                                               \
    "windows: { size: 1h, slide: 1h }\nsegments: [{ column: t3, values: [a, \"b,c\"] }]\n"

#define ROWS 1000
static struct memory_row rows[ROWS];
static char words[ROWS][8];
static char path[] = "/tmp/dg-baseline-XXXXXX", changed[sizeof path + 8];

static void make_rows(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(words[i], sizeof words[i], "k%zu", i % 400);
        rows[i] = (struct memory_row){.time_us = MONDAY + (int64_t)i,
                                      .number = {check_normal(), 3.5, dg_box(DG_NULL)},
                                      .text = {words[i], "one", NULL, i % 2 == 0 ? "a" : "b,c"}};
    }
    rows[1].number[0] = 1e300;
    rows[2].number[0] = -1e-300;
    rows[3].number[0] = (double)NAN;
    rows[4].text[0] = "\xc3\xa9\"\\\n\x01";
    rows[5].text[0] = "";
}

static void a_segment_is_called_as_the_monitor_calls_it(void)
{
    struct dg_baseline *b =
        engine_baseline("monitor: m\ncolumns: { timestamp: time, features: { letter: { type: "
                        "category, from: t3 } } }\nwindows: 1h\n"
                        "segments: [{ column: letter, values: [a] }]\n",
                        rows, ROWS);
    CHECK_STR(b->segment_name[1], "letter=a");
    CHECK_STR(b->segment_name[2], "letter=rest");
    dg_baseline_free(b);
}

static void odd_samples_come_back_as_they_were(void)
{
    struct dg_error err = {0};
    make_rows();
    struct dg_baseline *b = engine_baseline(YAML, rows, ROWS), *again = NULL;
    CHECK_INT(dg_baseline_save(b, path, &err), 0);
    CHECK_INT(dg_baseline_load(path, &again, &err), 0);
    if (again == NULL) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    CHECK_STR(again->version, b->version);
    CHECK_STR(again->name, "training");
    CHECK_INT(again->rows, ROWS);
    CHECK_INT(again->first_us, MONDAY);
    CHECK_INT(again->n_segments, 4);
    CHECK_STR(again->segment_name[2], "t3=b,c");
    char *text[2] = {NULL};
    struct dg_baseline *third = NULL;
    CHECK_INT(dg_baseline_text(again, &text[0], &err), 0);
    CHECK_INT(dg_baseline_parse("kept", text[0], &third, &err), 0);
    CHECK_STR(third->version, b->version);
    CHECK_INT(dg_baseline_text(third, &text[1], &err), 0);
    CHECK_STR(text[1], text[0]);
    text[0][strlen(text[0]) - 1] = '\0';
    CHECK_INT(dg_baseline_parse("kept", text[0], &third, &err), EBADMSG);
    CHECK(strncmp(err.message, "kept:1:", 7) == 0);
    dg_baseline_free(third);
    free(text[0]);
    free(text[1]);
    for (size_t c = 0; c < 6; c++) {
        const struct dg_baseline_column *x = &b->column[c], *y = &again->column[c];
        CHECK((x->binning == NULL) == (y->binning == NULL));
        CHECK((x->dictionary == NULL) == (y->dictionary == NULL));
        if (x->binning != NULL) {
            CHECK_INT(memcmp(x->binning->edges, y->binning->edges, sizeof x->binning->edges), 0);
            CHECK_INT(memcmp(x->binning->group, y->binning->group, sizeof x->binning->group), 0);
            CHECK(x->binning->origin == y->binning->origin && x->binning->unit == y->binning->unit);
        }
        CHECK_INT(dg_dictionary_fingerprint(x->dictionary),
                  dg_dictionary_fingerprint(y->dictionary));
        for (size_t s = 0; s < 4; s++) {
            CHECK_INT(x->state[s].len, y->state[s].len);
            CHECK_INT(memcmp(x->state[s].data, y->state[s].data, x->state[s].len), 0);
        }
    }
    CHECK_INT(again->column[1].binning->n_bins >= 1, 1); /* a constant */
    CHECK(again->column[2].binning == NULL);             /* only nulls */
    CHECK_INT(dg_dictionary_size(again->column[3].dictionary), 256);
    CHECK_INT(dg_dictionary_size(again->column[4].dictionary), 1);
    CHECK(again->column[5].dictionary == NULL);
    /* Judged against itself: no drift anywhere, and no failure. */
    struct engine_run r = {.file = {again}};
    engine_run_rows(&r, YAML "baselines: { b: { file: b } }\nchecks: { drift: { min_rows: 10 } }\n",
                    rows, ROWS);
    for (size_t i = 0; i < r.n_series; i++) {
        CHECK(isnan(r.series[i].drift.tv) || r.series[i].drift.tv < 1e-9);
        CHECK_INT(r.series[i].severity, DG_OK);
    }
    CHECK_INT(r.n_series, 6 * 3);
    engine_run_close(&r);
    dg_baseline_free(b);
    dg_baseline_free(again);
}

static void write_text(const char *to, const char *text, size_t n)
{
    FILE *f = fopen(to, "we");
    DG_ASSERT(f != NULL);
    CHECK_INT(fwrite(text, 1, n, f), n);
    fclose(f);
}

static void refused(const char *text, size_t n, const char *why)
{
    struct dg_baseline *b = NULL;
    struct dg_error err = {0};
    write_text(changed, text, n);
    const int rc = dg_baseline_load(changed, &b, &err);
    if (rc != EBADMSG || b != NULL || strstr(err.message, changed) == NULL ||
        (why != NULL && strstr(err.message, why) == NULL)) {
        check_failures++;
        fprintf(stderr, "gave %d, \"%s\"; wanted \"%s\"; file %.200s\n", rc, err.message,
                why == NULL ? "any reason" : why, text);
    }
    dg_baseline_free(b);
}

static char *read_text(size_t *n)
{
    char *text = NULL;
    CHECK_INT(dg_config_slurp(path, &text, n), 0);
    return text;
}

static void what_is_no_baseline_is_refused(void)
{
    static const char *const texts[][2] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "not a driftgauge baseline"},
        {"{}", "not a driftgauge baseline"},
        {"{\"driftgauge_baseline\":2,\"version\":\"x\"}", "not a driftgauge baseline of format 1"},
        {"{\"driftgauge_baseline\":1,\"version\":1}", "not a driftgauge baseline"},
        {"{\"driftgauge_baseline\":1,\"version\":\"x\"}", "columns are no list"},
        {"{\"driftgauge_baseline\":1,\"version\":\"x\",\"columns\":[]}", "no name or source"},
        {"{\"driftgauge_baseline\":1,\"version\":\"x\",\"name\":\"a\",\"source\":\"b\","
         "\"columns\":[]}",
         "empty"},
        {"{\"a\":1,\"a\":2}", "not JSON"},
        {"\x1f\x8b\x08", "not JSON"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        refused(texts[i][0], strlen(texts[i][0]), texts[i][1]);
    }
    struct dg_baseline *b = NULL;
    struct dg_error err = {0};
    CHECK_INT(dg_baseline_load("/nowhere/b.json", &b, &err), ENOENT);
    CHECK(strstr(err.message, "/nowhere/b.json") != NULL);
}

static void a_file_cut_off_anywhere_is_refused(void)
{
    size_t n = 0;
    char *text = read_text(&n);
    for (size_t cut = 0; cut + 2 < n; cut += 1 + n / 60) {
        refused(text, cut, "not JSON");
    }
    free(text);
}

/* Refused (1), or the same after all (0). */
static size_t same_content(const char *text, size_t n)
{
    struct dg_baseline *b = NULL;
    struct dg_error err = {0};
    size_t len = 0;
    write_text(changed, text, n);
    if (dg_baseline_load(changed, &b, &err) != 0) {
        return 1;
    }
    char *want = read_text(&len), *got = NULL;
    CHECK_INT(dg_baseline_save(b, changed, &err), 0);
    CHECK_INT(dg_config_slurp(changed, &got, &len), 0);
    CHECK_STR(got, want);
    free(want);
    free(got);
    dg_baseline_free(b);
    return 0;
}

static void an_edited_file_is_refused(void)
{
    size_t n = 0;
    char *text = read_text(&n);
    /* Any digit: what still parses must not be taken, unless it is the same number (the 17th digit
     * of a double): then it is saved as it was. */
    size_t edits = 0;
    for (size_t at = 10; at < n; at += 1 + n / 300) {
        while (at < n && (text[at] < '1' || text[at] > '8')) {
            at++;
        }
        if (at < n) {
            text[at]++;
            edits += same_content(text, n);
            text[at]--;
        }
    }
    CHECK(edits > 100);
    free(text);
}

/* The identity that the document should have, whatever is in it. */
static void put_version(json_t *document)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char hex[65];
    json_object_del(document, "version");
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    CHECK_INT(EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL), 1);
    for (unsigned int i = 0; i < 32; i++) {
        snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
    }
    free(text);
    json_object_set_new(document, "version", json_string(hex));
}

/* Change the document and give it the version that it should then have: only the rules of the
 * content are left to refuse it, when it is read or when it is first used. */
static void hostile(const char *place, const char *value)
{
    json_error_t why;
    json_t *document = json_load_file(path, 0, &why);
    json_t *at = document;
    char key[64];
    const char *p = place;
    while (strchr(p, '/') != NULL) {
        const size_t len = strcspn(p, "/");
        snprintf(key, sizeof key, "%.*s", (int)len, p);
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
        p += len + 1;
    }
    json_t *put = json_loads(value, JSON_DECODE_ANY, &why);
    DG_ASSERT(at != NULL && put != NULL);
    if (json_is_array(at)) {
        CHECK_INT(json_array_set_new(at, strtoul(p, NULL, 10), put), 0);
    } else {
        CHECK_INT(json_object_set_new(at, p, put), 0);
    }
    put_version(document);
    char *text = json_dumps(document, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    const int before = check_failures;
    refused(text, strlen(text), "build");
    if (check_failures != before) {
        fprintf(stderr, "that was: %s := %s\n", place, value);
    }
    free(text);
    json_decref(document);
}

static void hostile_content_is_refused(void)
{
    static const char *const edits[][2] = {
        {"columns", "7"},
        {"columns", "[[]]"},
        {"columns", "[{}]"},
        {"columns/0/name", "null"},
        {"columns/0/type", "[1]"},
        {"columns/0/bins", "{}"},
        {"columns/0/bins", "[]"},
        {"columns/0/bins/edges", "[3, 2, 1]"},
        {"columns/0/bins/edges/0", "1e308"},
        {"columns/0/bins/edges/0", "\"x\""},
        {"columns/0/bins/groups/0", "-1"},
        {"columns/0/bins/groups/0", "99999999999"},
        {"columns/0/bins/points", "[-1]"},
        {"columns/0/bins/points", "[1000000]"},
        {"columns/0/bins/unit", "0"},
        {"columns/0/bins/unit", "-1"},
        {"columns/0/states/all", "\"!!!!\""},
        {"columns/0/states/all", "\"AAA\""},
        {"columns/0/states/all", "\"====\""},
        {"columns/0/states/all", "\"\""},
        {"columns/0/states/all", "12"},
        {"columns/0/states/all", "\"AAAA\""},
        {"columns/3/states/all", "\"/////w==\""},
        {"columns/3/categories/own", "0"},
        {"columns/3/categories/own", "100000"},
        {"columns/3/categories/known", "[]"},
        {"columns/3/categories/known/0", "[1, 2]"},
        {"columns/3/categories/known/0", "[\"x\", -2]"},
        {"columns/3/categories/known/0", "[\"x\", 0]"},
        {"segments/0/columns", "[]"},
        {"segments/0/values", "[[1]]"},
        {"segments/0/values", "[[\"a\", \"b\", \"c\"]]"},
        {"segment_names", "[]"},
        {"segment_names/0", "1"},
        {"rows", "-5"},
        {"rows", "1e300"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        hostile(edits[i][0], edits[i][1]);
    }
}

static void a_save_that_fails_leaves_nothing(void)
{
    struct dg_error err = {0};
    struct dg_baseline *b = engine_baseline(YAML, rows, ROWS);
    CHECK_INT(dg_baseline_save(b, "/nowhere/b.json", &err), ENOENT);
    CHECK(strstr(err.message, "/nowhere/b.json") != NULL);
    dg_baseline_free(b);
}

int main(int argc, char **argv)
{
    const int fd = mkstemp(path);
    DG_ASSERT(fd >= 0);
    close(fd);
    snprintf(changed, sizeof changed, "%s.other", path);
    make_rows();
    struct dg_error err = {0};
    struct dg_baseline *b = engine_baseline(YAML, rows, ROWS);
    CHECK_INT(dg_baseline_save(b, path, &err), 0);
    dg_baseline_free(b);
    const int rc = CHECK_MAIN(
        argc, argv, CASE(odd_samples_come_back_as_they_were),
        CASE(a_segment_is_called_as_the_monitor_calls_it), CASE(what_is_no_baseline_is_refused),
        CASE(a_file_cut_off_anywhere_is_refused), CASE(an_edited_file_is_refused),
        CASE(hostile_content_is_refused), CASE(a_save_that_fails_leaves_nothing));
    unlink(path);
    unlink(changed);
    return rc;
}
