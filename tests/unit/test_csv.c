/* Goal: the CSV dialect of connectors/csv.h, rule by rule.
 * Method: small files through the whole file source; the text of all rows is compared. The same
 * files are read with chunks of every small size: where a chunk ends must not matter. */
#include "tests/input_text.h"

static void check_csv(const char *content, const char *columns, const char *want)
{
    for (size_t chunk = 0; chunk < 24; chunk++) { /* 0 = the default */
        const struct dg_file_options options = {.format = "csv", .chunk_bytes = chunk};
        input_check("t.csv", content, strlen(content), columns, &options, want);
    }
}

static void columns_are_found_by_header_and_others_are_news(void)
{
    check_csv("a,b,c\n1.5,x,2\n-3,y,4\n", "t:b n:a", "2 'x' 1.5 +c\n3 'y' -3 +c\n");
    check_csv("a,b,c\n1.5,x,2\n", "t:b n:a -c", "2 'x' 1.5\n");
    check_csv("a,b,c\n1.5,x,2\n", "n:/a -b -c", "2 1.5\n");
    check_csv("a,b\n1,2\n", "n:gone t:gone i:gone -a -b", "2 <absent> <absent> <none>\n");
}

static void delimiter_is_guessed(void)
{
    check_csv("a;b\n1,5;2\n", "t:a n:b", "2 '1,5' 2\n");
    check_csv("a\tb\n1\t2\n", "n:a n:b", "2 1 2\n");
    check_csv("\"a,b,c\"|d\n1|2\n", "n:a,b,c n:d", "2 1 2\n");
    check_csv("a\n1\n", "n:a", "2 1\n");
}

static void line_ends_and_byte_order_mark(void)
{
    check_csv("\xef\xbb\xbf"
              "a,b\r\n1,x\r\n\r\n\n2,\"y\"\r\n3,z",
              "n:a t:b", "2 1 'x'\n5 2 'y'\n6 3 'z'\n");
    check_csv("\n\na\n1\n", "n:a", "4 1\n");
}

static void quoted_fields_hold_anything(void)
{
    check_csv("a,b\n\"x,\"\"y\"\"\nz\",1\n\"\",2\nq\"q,3\n", "t:a n:b",
              "2 'x,\"y\"\nz' 1\n4 <null> 2\n5 'q\"q' 3\n");
}

static void wrong_field_count_costs_one_line(void)
{
    check_csv("a,b\n1,2\n3\n4,5,6\n7,8\n", "n:a n:b",
              "2 1 2\n3 BAD malformed\n4 BAD malformed\n5 7 8\n");
}

static void unclosed_quote_costs_one_line(void)
{
    check_csv("a,b\n1,\"x\n2,y\n3,z\n", "n:a t:b", "2 BAD malformed\n3 2 'y'\n4 3 'z'\n");
    check_csv("a,b\n1,\"x\n2,\"y\"\n3,z\n", "n:a t:b", "2 BAD malformed\n3 2 'y'\n4 3 'z'\n");
    check_csv("a,b\n1,\"x\"y\n2,z\n", "n:a t:b", "2 BAD malformed\n3 2 'z'\n");
    check_csv("a,b\n1,x\n2,\"y", "n:a t:b", "2 1 'x'\n3 BAD truncated\n");
    check_csv("a,b\n1,x\n2", "n:a t:b", "2 1 'x'\n3 BAD truncated\n");
    check_csv("a,b\n1,x\n2,y,z", "n:a t:b", "2 1 'x'\n3 BAD malformed\n");
}

static void good_rows_inside_a_broken_record_are_kept(void)
{
    /* The quote of line 2 closes on line 4 in front of a delimiter: a record of three fields. */
    check_csv("a,b\n1,\"x\n2,y\n3\",4,5\n6,z\n", "n:a t:b",
              "2 BAD malformed\n3 2 'y'\n4 BAD malformed\n5 6 'z'\n");
}

static void values_are_triaged(void)
{
    check_csv(
        "a,b\n,\nNA,NA\n\"NA\",\"NA\"\n 7 ,null\nNaN,NaN\n1e400,inf\n-Infinity,-1e400\nabc,x\n"
        "true,1\n.5,5.\n+1,0x10\n",
        "n:a t:b",
        "2 <null> <null>\n3 <null> <null>\n4 <null> 'NA'\n5 7 <null>\n6 <nan> 'NaN'\n"
        "7 <+inf> 'inf'\n8 <-inf> '-1e400'\n9 <unparsable> 'x'\n10 <unparsable> '1'\n"
        "11 0.5 '5.'\n12 1 '0x10'\n");
}

static void null_words_can_be_configured(void)
{
    static const char *const words[] = {"-999", "?"};
    const struct dg_file_options options = {.null_words = words, .n_null_words = 2};
    const char *const content = "a,b\n-999,?\n-9,NA\n";
    input_check("t.csv", content, strlen(content), "n:a t:b", &options,
                "2 <null> <null>\n3 -9 'NA'\n");
}

static void times_and_integers(void)
{
    check_csv("t,i\n1970-01-01 00:00:01,12\n,13\nyesterday,x\n2.5,9223372036854775807\n", "T:t i:i",
              "2 1000000 12\n3 BAD time\n4 BAD time\n5 2500000 9223372036854775807\n");
}

static void text_that_is_not_utf8_is_a_bad_row_where_it_is_wanted(void)
{
    check_csv("a,b\n\xff,1\nx,\xff\n\xc3\xa4,2\n", "t:a -b", "2 BAD utf8\n3 'x'\n4 '\xc3\xa4'\n");
}

static void limits_are_the_same_whatever_the_chunk(void)
{
    const char *const content = "a,b\n1,xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n2,y\n3,\"zzzzzz\nzzzz\nzzz"
                                "zzzzzz\"\n4,\"z\nz\"\n5,\"aa\nbbbbbbbbbb\",cccccccccccccc\n6,x\n";
    for (size_t chunk = 1; chunk < 300; chunk++) {
        const struct dg_file_options options = {.chunk_bytes = chunk, .record_bytes = 20};
        input_check("t.csv", content, strlen(content), "n:a t:b", &options,
                    "2 BAD too_large\n3 2 'y'\n4 BAD malformed\n5 BAD malformed\n6 BAD malformed\n"
                    "7 4 'z\nz'\n9 BAD too_large\n11 6 'x'\n");
    }
}

static void headers_that_cannot_be(void)
{
    char *text = input_read_bytes("h.csv", "1,2\n3,4\n", 8, "n:a", NULL);
    CHECK(strstr(text, "holds only numbers") != NULL);
    free(text);
    text = input_read_bytes("h.csv", "a,b,a\n3,4,5\n", 12, "n:a", NULL);
    CHECK(strstr(text, "\"a\" occurs twice, as fields 1 and 3") != NULL);
    free(text);
    text = input_read_bytes("h.csv", "a,b,a\n3,4,5\n", 12, "n:b -a", NULL);
    CHECK_STR(text, "2 4\n");
    free(text);
    text = input_read_bytes("h.csv", "a,\"b\n3,4\n", 9, "n:b -a", NULL);
    CHECK(strstr(text, "is not closed") != NULL);
    free(text);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(columns_are_found_by_header_and_others_are_news),
                      CASE(delimiter_is_guessed), CASE(line_ends_and_byte_order_mark),
                      CASE(quoted_fields_hold_anything), CASE(wrong_field_count_costs_one_line),
                      CASE(unclosed_quote_costs_one_line),
                      CASE(good_rows_inside_a_broken_record_are_kept), CASE(values_are_triaged),
                      CASE(null_words_can_be_configured), CASE(times_and_integers),
                      CASE(text_that_is_not_utf8_is_a_bad_row_where_it_is_wanted),
                      CASE(limits_are_the_same_whatever_the_chunk), CASE(headers_that_cannot_be));
}
