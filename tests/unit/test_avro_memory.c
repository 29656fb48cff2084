/* Goal: lack of memory anywhere in reading a container is an answer, not a crash or a leak, and a
 * warm reader asks for none.
 * Method: the n-th allocation of our code fails, for every n until the reading succeeds; then
 * allocations are counted. The sanitizer build sees leaks. */
#include "tests/input_text.h"
#include "tests/support/avro_writer.h"

#include <errno.h>

static long allocations_left = -1; /* -1: no limit */
static long allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fail_now(void)
{
    allocations++;
    if (allocations_left > 0) {
        allocations_left--;
        return false;
    }
    return allocations_left == 0; /* this one and all that follow */
}

void *__wrap_malloc(size_t size)
{
    return fail_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fail_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fail_now() ? NULL : __real_realloc(old, size);
}

#define COLUMNS "n:f3 t:country x:ts t:score n:/f4 n:/m/k"

static const char *make_file(const char *codec, uint64_t records)
{
    struct ocf_writer *w = ocf_open(NULL, ocf_event_schema, codec, 1 << 10);
    for (uint64_t i = 0; i < records; i++) {
        ocf_event_put(&w->block, i);
        ocf_next(w);
    }
    struct ocf_bytes file = ocf_finish(w);
    const char *path = input_write("m.avro", file.data, file.len);
    ocf_bytes_free(&file);
    return path;
}

/* Rows read, or -errno. */
static long read_all(const char *path, const struct dg_projection *projection, long *late)
{
    struct dg_error err = {.message = ""};
    struct dg_source *s = NULL;
    struct dg_batch batch = {0};
    struct dg_chunk chunk = {0};
    long rows = 0, chunks = 0;
    enum dg_poll poll = DG_POLL_DATA;
    int rc = dg_file_source_open(&path, 1, NULL, projection, &s, &err);
    if (rc == 0) {
        rc = dg_batch_init(&batch, projection, &err);
    }
    while (rc == 0 && (poll = s->ops->poll(s, 0, 0, &chunk, &err)) == DG_POLL_DATA) {
        dg_batch_clear(&batch);
        rc = s->ops->decode(s, &chunk, &batch, &err);
        rows += (long)batch.n;
        if (++chunks == 3) {
            allocations = 0;
        }
    }
    *late = allocations;
    if (poll == DG_POLL_FATAL) {
        rc = ENOMEM;
    }
    CHECK(rc == 0 || strstr(err.message, "memory") != NULL);
    if (s != NULL) {
        s->ops->close(s);
    }
    dg_chunk_deinit(&chunk);
    dg_batch_deinit(&batch);
    return rc == 0 ? rows : -rc;
}

static void sweep(const char *codec)
{
    struct input_projection ip;
    input_project(&ip, COLUMNS);
    const char *path = make_file(codec, 100);
    long rows = -ENOMEM, n = 0, late;
    for (; rows == -ENOMEM && n < 10000; n++) {
        allocations_left = n;
        rows = read_all(path, &ip.p, &late);
        allocations_left = -1;
    }
    CHECK_INT(rows, 100);
    CHECK(n > 20);
    remove(path);
}

static void every_allocation_may_fail(void)
{
    sweep("null");
    sweep("deflate");
    sweep("snappy");
    sweep("zstandard");
}

static void a_warm_reader_allocates_nothing(void)
{
    static const char *const codecs[] = {"null", "deflate", "snappy", "zstandard"};
    struct input_projection ip;
    input_project(&ip, COLUMNS);
    for (size_t c = 0; c < 4; c++) {
        const char *path = make_file(codecs[c], 10000);
        long late = -1;
        CHECK_INT(read_all(path, &ip.p, &late), 10000);
        CHECK(late <= 1); /* the scratch, where a later block happens to be the largest */
        remove(path);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_allocation_may_fail),
                      CASE(a_warm_reader_allocates_nothing));
}
