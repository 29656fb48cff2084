/* tests/unit/test_log.c -- is a message one line in each format, never more than its share, and
 * never able to move the cursor? Method: memory streams and a clock that the test turns. */
#include "engine/log.h"
#include "tests/check.h"

#include <jansson.h>

static int64_t clock_us;

static int64_t now_us(void)
{
    return clock_us;
}

static char *text;
static size_t len;

static FILE *begin(enum dg_log_format format, enum dg_log_level most)
{
    FILE *out = open_memstream(&text, &len);
    clock_us = INT64_C(1795284000) * 1000000;
    dg_log_set_stream(out);
    dg_log_set_clock(now_us);
    dg_log_set_format(format);
    dg_log_set_level(most);
    return out;
}

static void check_end(FILE *out, const char *want)
{
    dg_log_set_stream(NULL);
    fclose(out);
    CHECK_STR(text, want);
    free(text);
}

static void each_format_is_one_line(void)
{
    FILE *out = begin(DG_LOG_TEXT, DG_LOG_INFO);
    dg_log(DG_LOG_INFO, "start", "reading %s", "a.csv");
    dg_log(DG_LOG_ERROR, "stop", "no \"%s\"", "b.csv");
    dg_log(DG_LOG_DEBUG, "quiet", "not shown");
    check_end(out, "driftgauge: reading a.csv\ndriftgauge: error: no \"b.csv\"\n");
    out = begin(DG_LOG_LOGFMT, DG_LOG_DEBUG);
    dg_log(DG_LOG_DEBUG, "stop", "no \"%s\"", "b.csv");
    check_end(out,
              "time=2026-11-21T18:00:00Z level=debug event=stop message=\"no \\\"b.csv\\\"\"\n");
}

static void json_parses_whatever_the_message_holds(void)
{
    FILE *out = begin(DG_LOG_JSON, DG_LOG_INFO);
    dg_log(DG_LOG_WARNING, "bad_record", "field \"%s\"", "a\n\x1b[2J\xff");
    dg_log_set_stream(NULL);
    fclose(out);
    json_t *object = json_loads(text, 0, NULL);
    CHECK_STR(json_string_value(json_object_get(object, "level")), "warning");
    CHECK_STR(json_string_value(json_object_get(object, "event")), "bad_record");
    CHECK_STR(json_string_value(json_object_get(object, "message")),
              "field \"a\n\x1b[2J\xef\xbf\xbd\"");
    CHECK_INT(strcspn(text, "\n") + 1, len);
    json_decref(object);
    free(text);
}

static void control_characters_of_the_data_do_not_reach_the_terminal(void)
{
    FILE *out = begin(DG_LOG_TEXT, DG_LOG_INFO);
    dg_log(DG_LOG_INFO, "x", "a%cb\x1b[2J\n", '\r');
    check_end(out, "driftgauge: a\\x0db\\x1b[2J\\x0a\n");
}

static void a_key_gets_five_lines_in_ten_seconds(void)
{
    FILE *out = begin(DG_LOG_TEXT, DG_LOG_INFO);
    for (int i = 0; i < 1000; i++) {
        dg_log_limited(DG_LOG_WARNING, "bad", "one", "bad %d", i);
        if (i == 500) {
            dg_log_limited(DG_LOG_WARNING, "bad", "two", "another");
        }
    }
    clock_us += DG_LOG_PERIOD_US;
    dg_log_limited(DG_LOG_WARNING, "bad", "one", "bad again");
    dg_log_limited(DG_LOG_WARNING, "bad", "one", "and again");
    check_end(out, "driftgauge: warning: bad 0\ndriftgauge: warning: bad 1\n"
                   "driftgauge: warning: bad 2\ndriftgauge: warning: bad 3\n"
                   "driftgauge: warning: bad 4\ndriftgauge: warning: another\n"
                   "driftgauge: warning: bad again (995 more like it left out)\n"
                   "driftgauge: warning: and again\n");
}

static void many_keys_share_but_never_flood(void)
{
    FILE *out = begin(DG_LOG_TEXT, DG_LOG_INFO);
    for (int i = 0; i < 10000; i++) {
        char key[32];
        snprintf(key, sizeof key, "file-%d.csv", i);
        dg_log_limited(DG_LOG_WARNING, "bad", key, "bad");
    }
    dg_log_set_stream(NULL);
    fclose(out);
    CHECK(len / strlen("driftgauge: warning: bad\n") <= 64 + DG_LOG_BURST);
    free(text);
}

static void a_very_long_message_is_cut(void)
{
    static char word[5000];
    memset(word, 'x', sizeof word - 1);
    FILE *out = begin(DG_LOG_TEXT, DG_LOG_INFO);
    dg_log(DG_LOG_INFO, "x", "%s", word);
    dg_log_set_stream(NULL);
    fclose(out);
    CHECK_INT(len, strlen("driftgauge: ") + 1000 + 1);
    free(text);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(each_format_is_one_line),
                      CASE(json_parses_whatever_the_message_holds),
                      CASE(control_characters_of_the_data_do_not_reach_the_terminal),
                      CASE(a_key_gets_five_lines_in_ten_seconds),
                      CASE(many_keys_share_but_never_flood), CASE(a_very_long_message_is_cut));
}
