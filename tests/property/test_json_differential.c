/* Goal: the JSON scanner accepts what jansson accepts, rejects what it rejects, and finds the same
 * values.
 * Method: random documents, each mutated a few times (bytes changed, removed, doubled, parts of
 * others spliced in), as the lines of one file, and as records of a topic. Where jansson has a
 * limit of its own (numbers that overflow, NUL in keys) the line does not count; the test says how
 * many did. */
#include "connectors/record_decoder.h"
#include "tests/json_oracle.h"

#define LINES  4000
#define ROUNDS 12

static size_t put_value(char *out, int depth);

static size_t put_string(char *out)
{
    static const char *const parts[] = {"a",        "xyz",
                                        "\\n",      "\\\"",
                                        "\\u00e9",  "\\ud83d\\ude00",
                                        "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        "\\u0000",  " ",
                                        "\\ud800",  "0123456789abcdefghij",
                                        "\\/",      "{",
                                        "]"};
    size_t n = 0;
    out[n++] = '"';
    for (uint64_t k = check_random() % 4; k > 0; k--) {
        const char *const part = parts[check_random() % (sizeof parts / sizeof parts[0])];
        n += (size_t)sprintf(out + n, "%s", part);
    }
    out[n++] = '"';
    return n;
}

static size_t put_number(char *out)
{
    switch (check_random() % 5) {
    case 0:
        return (size_t)sprintf(out, "%d", (int)(check_random() % 2000) - 1000);
    case 1:
        return (size_t)sprintf(out, "%.17g", check_normal());
    case 2:
        return (size_t)sprintf(out, "%.3e", check_normal() * 1e10);
    case 3:
        return (size_t)sprintf(out, "%llu%llu", (unsigned long long)check_random(),
                               (unsigned long long)check_random());
    default:
        return (size_t)sprintf(out, "-0.%dE%d", (int)(check_random() % 1000),
                               (int)(check_random() % 600) - 300);
    }
}

static size_t put_container(char *out, int depth, bool object)
{
    static const char *const keys[] = {"a", "b", "o", "l", "x", "y", "1", "other", "\\u0061"};
    size_t n = 0;
    out[n++] = object ? '{' : '[';
    const uint64_t items = check_random() % 5;
    for (uint64_t k = 0; k < items; k++) {
        if (k > 0) {
            out[n++] = ',';
        }
        if (check_random() % 4 == 0) {
            out[n++] = " \t"[check_random() % 2];
        }
        if (object) {
            n += (size_t)sprintf(out + n, "\"%s\"%s:", keys[check_random() % 9],
                                 check_random() % 8 ? "" : " ");
        }
        n += put_value(out + n, depth + 1);
    }
    out[n++] = object ? '}' : ']';
    return n;
}

static size_t put_value(char *out, int depth)
{
    switch (check_random() % (depth < 3 ? 8 : 6)) {
    case 0:
        return (size_t)sprintf(out, "true");
    case 1:
        return (size_t)sprintf(out, "null");
    case 2:
    case 3:
        return put_string(out);
    case 4:
    case 5:
        return put_number(out);
    case 6:
        return put_container(out, depth, false);
    default:
        return put_container(out, depth, true);
    }
}

static size_t mutate(char *p, size_t n)
{
    for (uint64_t k = check_random() % 4; k > 0 && n > 2; k--) {
        const size_t at = check_random() % n;
        const size_t len = check_random() % (n - at < 6 ? n - at : 6);
        switch (check_random() % 4) {
        case 0:
            p[at] = "{}[]:,\"\\0123e.+-tfnu \t\x01\x7f\xff\xc3\xed"[check_random() % 27];
            break;
        case 1:
            memmove(p + at, p + at + len, n - at - len);
            n -= len;
            break;
        case 2:
            memmove(p + at + len, p + at, n - at);
            n += len;
            break;
        default:
            p[at] = (char)check_random();
            break;
        }
    }
    for (size_t i = 0; i < n; i++) {
        p[i] = p[i] == '\n' ? ' ' : p[i];
    }
    return n;
}

/* The lines as records, their numbers as offsets. To be freed. */
static char *read_records(const char *content, size_t n)
{
    static const struct dg_topic_partition place = {.topic = "t", .partition = 0};
    const struct dg_source_spec spec = {.kind = DG_RECORD_JSON, .framing = DG_FRAMING_BARE};
    const struct dg_record_format format = {.spec = &spec};
    struct dg_record *record = calloc(LINES + 1, sizeof *record);
    struct input_projection ip;
    struct dg_decoder *d = NULL;
    struct dg_batch batch;
    char *text = NULL;
    size_t len = 0, count = 0, line = 0;
    FILE *out = open_memstream(&text, &len);
    input_project(&ip, ORACLE_COLUMNS);
    CHECK_INT(dg_record_decoder_open(&format, &ip.p, NULL, &d, NULL), 0);
    CHECK_INT(dg_batch_init(&batch, &ip.p, NULL), 0);
    for (const char *p = content, *nl; p < content + n; p = nl + 1) {
        nl = memchr(p, '\n', (size_t)(content + n - p));
        line++;
        if (!oracle_is_blank(p, (size_t)(nl - p))) {
            record[count++] = (struct dg_record){.offset = (int64_t)line,
                                                 .value = (const uint8_t *)p,
                                                 .value_len = (size_t)(nl - p)};
        }
    }
    for (size_t at = 0, done = 0; at < count; at += done) {
        const size_t left = count - at, most = 1 + check_random() % 700;
        dg_batch_clear(&batch);
        CHECK_INT(
            d->ops->decode(d, &place, record + at, left < most ? left : most, &batch, &done, NULL),
            0);
        for (size_t row = 0; row < batch.n; row++) {
            input_put_row(out, &batch, row);
        }
    }
    fclose(out);
    d->ops->close(d);
    dg_batch_deinit(&batch);
    free(record);
    return text;
}

static void mutated_documents(void)
{
    char *const content = malloc((size_t)LINES * 8192);
    input_flat = true;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = 3;
        memcpy(content, "{}\n", 3);
        for (int line = 0; line < LINES && n < (size_t)LINES * 8192 - 100000; line++) {
            size_t len = put_container(content + n, 0, check_random() % 50 != 0);
            if (check_random() % 3 != 0) {
                len = mutate(content + n, len);
            }
            n += len;
            content[n++] = '\n';
        }
        const struct dg_file_options options = {.format = "ndjson",
                                                .chunk_bytes = 1 + check_random() % 100000};
        char *const text = input_read_bytes("d.ndjson", content, n, ORACLE_COLUMNS, &options);
        CHECK(oracle_agrees_on_all(content, n, text));
        free(text);
        char *const records = read_records(content, n);
        CHECK(oracle_agrees_on_all(content, n, records));
        free(records);
        if (check_failures > 0) {
            break;
        }
    }
    free(content);
}

static void the_oracle_can_disagree(void)
{
    CHECK(!oracle_agrees("{\"a\":1}", 7, " 2 <absent> <absent> <absent> <absent>", 38));
    CHECK(oracle_agrees("{\"a\":2}", 7, " 2 <absent> <absent> <absent> <absent>", 38));
    CHECK(!oracle_agrees("{\"a\":2", 6, " 2 <absent> <absent> <absent> <absent>", 38));
    CHECK(!oracle_agrees("{}", 2, " BAD malformed", 14));
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(mutated_documents), CASE(the_oracle_can_disagree));
}
