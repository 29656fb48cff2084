/* Goal: reading allocates nothing per row: once the buffers have grown to the chunks' size, not at
 * all.
 * Method: the linker replaces malloc, calloc and realloc of every object by counting ones. */
#include "tests/input_text.h"
#include "tests/support/counted_malloc.h"

static void check_steady(const char *name, const char *content, size_t n, const char *columns,
                         size_t rows)
{
    const char *const path = input_write(name, content, n);
    const struct dg_file_options options = {.chunk_bytes = 10000};
    struct input_projection ip;
    struct dg_error err;
    struct dg_source *s = NULL;
    struct dg_batch b;
    struct dg_chunk chunk = {0};
    input_project(&ip, columns);
    CHECK(dg_file_source_open(&path, 1, &options, &ip.p, &s, &err) == 0);
    CHECK(dg_batch_init(&b, &ip.p, &err) == 0);
    size_t total = 0;
    size_t chunks = 0;
    size_t before = 0;
    while (s->ops->poll(s, 0, 0, &chunk, &err) == DG_POLL_DATA) {
        dg_batch_clear(&b);
        CHECK(s->ops->decode(s, &chunk, &b, &err) == 0);
        total += b.n;
        if (++chunks == 10) {
            before = allocations;
        }
    }
    CHECK(chunks > 50);
    CHECK(before > 0); /* the counting works */
    CHECK_INT(allocations - before, 0);
    CHECK_INT(total, rows);
    s->ops->close(s);
    dg_batch_deinit(&b);
    dg_chunk_deinit(&chunk);
    remove(path);
}

static void csv_is_steady(void)
{
    char *content;
    size_t n;
    FILE *const f = open_memstream(&content, &n);
    fputs("t,x,y,z\n", f);
    for (int i = 0; i < 40000; i++) {
        fprintf(f, "%d,%d.123456789012345678901,\"a \"\"%d\"\"\",%s\n", i, i % 100, i % 10,
                i % 7 ? "w" : "w,w");
    }
    fclose(f);
    check_steady("steady.csv", content, n, "T:t n:x t:y", 40000);
    free(content);
}

static void ndjson_is_steady(void)
{
    char *content;
    size_t n;
    FILE *const f = open_memstream(&content, &n);
    for (int i = 0; i < 40000; i++) {
        fprintf(f, "{\"t\":%d,\"x\":%d.5,\"y\":\"a\\u00e4%d\",\"new%d\":[1,{}]%s\n", i, i % 100,
                i % 10, i % 90, i % 7 ? "}" : "");
    }
    fclose(f);
    check_steady("steady.ndjson", content, n, "T:t n:x t:y", 40000);
    free(content);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(csv_is_steady), CASE(ndjson_is_steady));
}
