/* Goal: the rules of connectors/ndjson.h, one by one.
 * Method: small files through the whole file source, read with chunks of every small size. */
#include "tests/input_text.h"

static void check_json(const char *content, const char *columns, const char *want)
{
    for (size_t chunk = 0; chunk < 24; chunk++) { /* 0 = the default */
        const struct dg_file_options options = {.format = "ndjson", .chunk_bytes = chunk};
        input_check("t.ndjson", content, strlen(content), columns, &options, want);
    }
}

static void kinds_of_values_in_each_type_of_column(void)
{
    const char *const content = "{\"a\":2.5e1}\n{\"a\":\"17\"}\n{\"a\":\"17x\"}\n{\"a\":\"\"}\n"
                                "{\"a\":true}\n{\"a\":false}\n{\"a\":null}\n{\"a\":{}}\n"
                                "{\"a\":[1,[2]]}\n{}\n{\"a\":1e400}\n{\"a\":-1e400}\n";
    check_json(content, "n:a",
               "1 25\n2 17\n3 <unparsable>\n4 <unparsable>\n5 1\n6 0\n7 <null>\n8 <unparsable>\n"
               "9 <unparsable>\n10 <absent>\n11 <+inf>\n12 <-inf>\n");
    check_json(content, "t:a",
               "1 '2.5e1'\n2 '17'\n3 '17x'\n4 ''\n5 'true'\n6 'false'\n7 <null>\n8 <unparsable>\n"
               "9 <unparsable>\n10 <absent>\n11 '1e400'\n12 '-1e400'\n");
    check_json(content, "i:a",
               "1 25\n2 17\n3 <none>\n4 <none>\n5 <none>\n6 <none>\n7 <none>\n8 <none>\n"
               "9 <none>\n10 <none>\n11 <none>\n12 <none>\n");
    check_json("{\"t\":\"1970-01-01T00:00:01Z\"}\n{\"t\":2.5}\n{\"t\":true}\n{}\n", "T:t",
               "1 1000000\n2 2500000\n3 BAD time\n4 BAD time\n");
}

static void one_field_can_fill_columns_of_several_types(void)
{
    check_json("{\"a\":\"7\"}\n{\"a\":8.50}\n", "n:a t:a i:a", "1 7 '7' 7\n2 8.5 '8.50' <none>\n");
}

static void pointers_reach_into_objects_and_arrays(void)
{
    check_json("{\"f\":{\"x\":1,\"y\":[10,{\"z\":\"q\"}]},\"x\":5}\n{\"f\":{}}\n{\"f\":[]}\n"
               "{\"f\":3}\n{\"f\":null}\n",
               "n:/f/x t:/f/y/1/z n:/x n:x n:/f/y/0",
               "1 1 'q' 5 5 10\n2 <absent> <absent> <absent> <absent> <absent>\n"
               "3 <absent> <absent> <absent> <absent> <absent>\n"
               "4 <absent> <absent> <absent> <absent> <absent>\n"
               "5 <absent> <absent> <absent> <absent> <absent>\n");
    check_json("{\"a/b\":1,\"m~n\":2,\"\":{\"\":3}}\n", "n:/a~1b n:/m~0n n:a/b n://",
               "1 1 2 1 3\n");
    check_json("{\"o\":{\"a\":1}}\n", "t:/o n:/o/a", "1 <unparsable> 1\n");
    check_json("{\"o\":{\"a\":1}}\n", "n:^/o/a n:^", "1 1 <absent>\n");
}

static void of_equal_keys_the_last_one_counts(void)
{
    check_json("{\"a\":1,\"a\":2}\n{\"a\":1,\"a\":null}\n", "n:a", "1 2\n2 <null>\n");
    check_json("{\"o\":{\"a\":1,\"b\":2},\"o\":{\"b\":3}}\n{\"o\":{\"a\":1},\"o\":5}\n",
               "n:/o/a n:/o/b", "1 <absent> 3\n2 <absent> <absent>\n");
}

static void strings_are_unescaped(void)
{
    check_json("{\"a\":\"\\u00e4\\\"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00\",\"\\u0062\":1}\n",
               "t:a n:b", "1 '\xc3\xa4\"\\/\b\f\n\r\t\xf0\x9f\x98\x80' 1\n");
}

static void unknown_members_are_news(void)
{
    check_json("{\"a\":1,\"x\":2}\n{\"y\":{\"a\":3},\"a\":4,\"\\u0079y\":0}\n{\"a\":5,\"ig\":1}\n",
               "n:a -ig", "1 1 +x\n2 4 +y +yy\n3 5\n");
}

static void more_news_than_can_be_named(void)
{
    char content[4096] = "{\"a\":1";
    for (int i = 0; i < 70; i++) {
        sprintf(content + strlen(content), ",\"k%d\":0", i);
    }
    strcat(content, "}\n{\"a\":2,\"k3\":1,\"k69\":1}\n{\"a\":3,\"k3\":1}\n");
    char *const text = input_read_bytes("n.ndjson", content, strlen(content), "n:a", NULL);
    CHECK(strstr(text, "1 1 +k0 +k1 ") == text);
    CHECK(strstr(text, " +k62 +more\n") != NULL);
    CHECK(strstr(text, "\n2 2 +k3 +more\n3 3 +k3\n") != NULL);
    free(text);
}

static void what_is_not_json_is_malformed_and_costs_its_line(void)
{
    static const char *const bad[] = {"{\"a\":NaN}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":+1}",
                                      "{\"a\":1e}",
                                      "{\"a\":tru}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 2}",
                                      "{\"a\":'x'}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\t\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":1}}",
                                      "{\"a\":1} {\"a\":2}",
                                      "[1]",
                                      "1",
                                      "{\"x\":[1,]}",
                                      "{\"x\":[1}",
                                      "{\"x\":{\"y\"}}",
                                      "{\"x\":[,]}",
                                      "{,}",
                                      "{\"a\":-}",
                                      "{\"a\":0x10}",
                                      "{\"a\":1}x",
                                      "\"a\":1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char content[256];
        sprintf(content, "{\"a\":1}\n%s\n{\"a\":2}\n", bad[i]);
        const int before = check_failures;
        check_json(content, "n:a", "1 1\n2 BAD malformed\n3 2\n");
        if (check_failures != before) {
            fprintf(stderr, "with %s\n", bad[i]);
        }
    }
}

static void depth_is_limited(void)
{
    char content[512];
    char deep[200];
    memset(deep, '[', 63);
    memset(deep + 63, ']', 63);
    deep[126] = '\0';
    sprintf(content, "{\"x\":%s,\"a\":1}\n{\"x\":[%s],\"a\":2}\n{\"a\":3}\n", deep, deep);
    check_json(content, "n:a -x", "1 1\n2 BAD malformed\n3 3\n");
}

static void bad_utf8_anywhere(void)
{
    check_json("{\"a\":1,\"x\":\"\xff\"}\n{\"\xc0\x80\":1,\"a\":2}\n{\"a\":3,\"x\":\"\\ud800\"}\n"
               "{\"a\":4,\"x\":\"\xc3\xa4\"}\n{\"a\":5,\"x\":[\"\xed\xa0\x80\"]}\n",
               "n:a -x", "1 BAD utf8\n2 BAD utf8\n3 BAD utf8\n4 4\n5 BAD utf8\n");
}

static void lines_and_ends(void)
{
    check_json("\xef\xbb\xbf{\"a\":1}\r\n\n  \n {\"a\" : 2 } \n{\"a\":3}", "n:a",
               "1 1\n4 2\n5 3\n");
    check_json("{\"a\":1}\n{\"a\":2,\"b", "n:a", "1 1\n2 BAD truncated\n");
    check_json("{\"a\":1}\n{\"a\":x", "n:a", "1 1\n2 BAD malformed\n");
}

static void lines_above_the_limit(void)
{
    const char *const content = "{\"a\":1}\n{\"a\":2,\"x\":\"yyyyyyyyyyyyyy\"}\n{\"a\":3}\n";
    for (size_t chunk = 1; chunk < 80; chunk++) {
        const struct dg_file_options options = {.chunk_bytes = chunk, .record_bytes = 20};
        input_check("t.ndjson", content, strlen(content), "n:a", &options,
                    "1 1\n2 BAD too_large\n3 3\n");
    }
}

static void documents_over_several_lines_are_refused(void)
{
    char *text = input_read_bytes("d.json", "[{\"a\":1}]\n", 10, "n:a", NULL);
    CHECK(strstr(text, "is a JSON array") != NULL);
    free(text);
    text = input_read_bytes("d.json", "{\n  \"a\": 1\n}\n", 13, "n:a", NULL);
    CHECK(strstr(text, "over several lines") != NULL);
    free(text);
}

static void many_keys_and_a_changing_order(void)
{
    /* More keys than are predicted, in an order that changes from line to line. */
    char *content = malloc(400000);
    char *want = malloc(40000);
    size_t n = 0;
    size_t w = 0;
    for (unsigned row = 0; row < 50; row++) {
        n += (size_t)sprintf(content + n, "{");
        for (unsigned k = 0; k < 300; k++) {
            n += (size_t)sprintf(content + n, "%s\"k%u\":%u", k ? "," : "", (k + row * 7) % 300,
                                 row * 1000 + (k + row * 7) % 300);
        }
        n += (size_t)sprintf(content + n, "}\n");
        w += (size_t)sprintf(want + w, "%u %u %u %u +more\n", row + 1, row * 1000 + 3,
                             row * 1000 + 299, row * 1000);
    }
    char *const text = input_read_bytes("k.ndjson", content, n, "n:k3 n:k299 n:k0", NULL);
    /* The names of the news differ in number; compare the values. */
    char *line = text;
    char *wanted = want;
    for (unsigned row = 0; row < 50; row++) {
        const size_t values = strcspn(wanted, "+");
        CHECK(strncmp(line, wanted, values) == 0);
        line = strchr(line, '\n') + 1;
        wanted = strchr(wanted, '\n') + 1;
    }
    CHECK(*line == '\0');
    free(text);
    free(content);
    free(want);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(kinds_of_values_in_each_type_of_column),
                      CASE(one_field_can_fill_columns_of_several_types),
                      CASE(pointers_reach_into_objects_and_arrays),
                      CASE(of_equal_keys_the_last_one_counts), CASE(strings_are_unescaped),
                      CASE(unknown_members_are_news), CASE(more_news_than_can_be_named),
                      CASE(what_is_not_json_is_malformed_and_costs_its_line),
                      CASE(depth_is_limited), CASE(bad_utf8_anywhere), CASE(lines_and_ends),
                      CASE(lines_above_the_limit), CASE(documents_over_several_lines_are_refused),
                      CASE(many_keys_and_a_changing_order));
}
