/* Goal: container files of another implementation are read to the last digit.
 * Method: files and expectations by tests/golden/avro_files.py (fastavro): every type and logical
 * type, every codec, unions, maps, arrays, a recursive record. */
#include "tests/input_text.h"

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    char *text = calloc(1, 1 << 20);
    if (text == NULL || fread(text, 1, (1 << 20) - 1, f) == 0) {
        exit(1);
    }
    fclose(f);
    return text;
}

static const char *golden(const char *name)
{
    static char path[512];
    const char *dir = getenv("DG_SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/golden/avro/%s", dir != NULL ? dir : ".", name);
    return path;
}

static void every_file_reads_as_it_was_written(void)
{
    char *expected = read_text(golden("expected.txt"));
    size_t readings = 0;
    for (char *p = expected; *p != '\0'; readings++) {
        char *end = strstr(p, "\n\n");
        char *next = end != NULL ? end + 2 : p + strlen(p);
        if (end != NULL) {
            end[1] = '\0';
        }
        char *rows = strchr(p, '\n') + 1;
        rows[-1] = '\0';
        char *columns = strchr(p, ' ') + 1;
        columns[-1] = '\0';
        char *got = input_read_file(golden(p), columns, NULL);
        if (strcmp(got, rows) != 0) {
            check_failures++;
            fprintf(stderr, "%s %s: got\n%swant\n%s", p, columns, got, rows);
        }
        free(got);
        p = next;
    }
    CHECK_INT(readings, 10);
    free(expected);
}

static void an_unknown_codec_is_named(void)
{
    char *got = input_read_file(golden("codec_bzip2.avro"), "n:real", NULL);
    CHECK(strstr(got, "FAILED: ") == got);
    CHECK(strstr(got, "codec_bzip2.avro: the Avro codec \"bzip2\" is not read") != NULL);
    CHECK(strstr(got, "deflate") != NULL);
    free(got);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_file_reads_as_it_was_written),
                      CASE(an_unknown_codec_is_named));
}
