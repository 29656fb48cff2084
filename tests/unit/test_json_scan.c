/* Goal: reading over a value that nobody wants accepts and refuses the same texts, and stops at the
 * same byte, as reading it.
 * Method: every text of up to 5 characters that numbers are made of, numbers as long as the fast
 * path and longer, and containers that hold them; the two ways compared. */
#include "connectors/json_scan.h"
#include "tests/check.h"

enum { LONGEST = 128 };

static bool read(struct dg_json *j)
{
    struct dg_json_value v;
    if (!dg_json_value(j, &v)) {
        return false;
    }
    return (v.kind != DG_JSON_OBJECT && v.kind != DG_JSON_ARRAY) || dg_json_skip(j);
}

static void compare(const char *text)
{
    uint8_t bytes[LONGEST + DG_JSON_PAD] = {0};
    const size_t n = strlen(text);
    memcpy(bytes, text, n);
    struct dg_json a = {.p = bytes, .end = bytes + n}, b = a;
    const bool wanted = read(&a), passed = dg_json_pass(&b);
    if (wanted != passed || a.p != b.p || a.reason != b.reason || a.depth != b.depth) {
        check_failures++;
        fprintf(stderr, "'%s': read %d up to %td, passed %d up to %td\n", text, wanted, a.p - bytes,
                passed, b.p - bytes);
    }
}

static void compare_all(char *text, size_t at, size_t longest)
{
    static const char alphabet[] = "019-+.eE, ";
    text[at] = '\0';
    compare(text);
    for (size_t i = 0; at < longest && alphabet[i] != '\0'; i++) {
        text[at] = alphabet[i];
        compare_all(text, at + 1, longest);
    }
}

/* Whole digits, a point, digits behind it, something after: around every length that matters. */
static void long_numbers(void)
{
    static const char *const tails[] = {"", ",", "e5", "E-7]", ".", ".5", "}", "x"};
    char text[LONGEST];
    for (int whole = 0; whole < 36; whole++) {
        for (int fraction = 0; fraction + whole < 40; fraction++) {
            for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
                snprintf(text, sizeof text, "%s%.*s%s%.*s%s", (whole + fraction) % 3 ? "" : "-",
                         whole, "123456789012345678901234567890123456789", fraction > 0 ? "." : "",
                         fraction, "987654321098765432109876543210987654321", tails[i]);
                compare(text);
            }
        }
    }
}

static void containers(void)
{
    static const char *const texts[] = {"[]",
                                        "[1]",
                                        "[1,-2.5,3e4]",
                                        "[1,]",
                                        "[01]",
                                        "[1.]",
                                        "[-]",
                                        "{\"a\":1}",
                                        "{\"a\":}",
                                        "{\"a\":-1.}",
                                        "{\"a\":[1,2]}",
                                        "[[1],2]",
                                        "[1",
                                        "[true,1.5,null]",
                                        "[\"x\",10]",
                                        "[1 2]",
                                        " 7 ",
                                        "\t[ 1 , 2 ] ",
                                        "nul",
                                        "-",
                                        ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        compare(texts[i]);
    }
}

static void short_texts_of_number_characters(void)
{
    char text[LONGEST];
    compare_all(text, 0, 5);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(short_texts_of_number_characters), CASE(long_numbers),
                      CASE(containers));
}
