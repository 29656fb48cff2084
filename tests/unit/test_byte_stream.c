/* Goal: plain, gzip and zstd files give their bytes, whole and in order; damaged ones give what
 * came before the damage and say what it is. Method: the same bytes stored in each way, read in
 * pieces of many sizes; files cut at every place and with every byte of a stretch changed. */
#include "connectors/byte_stream.h"
#include "tests/compress.h"
#include "tests/input_text.h"

#include <errno.h>

#define N 200000

static uint8_t *content(void)
{
    uint8_t *const p = malloc(N);
    for (size_t i = 0; i < N; i++) { /* compresses, but not to nothing */
        p[i] = (uint8_t)(check_random() % 4 == 0 ? check_random() : i / 100);
    }
    return p;
}

struct stored {
    uint8_t *bytes;
    size_t n;
};

static void append(struct stored *s, uint8_t *bytes, size_t n)
{
    s->bytes = realloc(s->bytes, s->n + n);
    memcpy(s->bytes + s->n, bytes, n);
    s->n += n;
    free(bytes);
}

/* How many bytes a file with these bytes gives; they must be the first of `want`. */
static size_t read_back(struct stored s, const uint8_t *want, size_t step, enum dg_reason *damage)
{
    const char *const path = input_write("stream", s.bytes, s.n);
    struct dg_byte_stream *in = NULL;
    struct dg_error err;
    CHECK(dg_byte_stream_open(path, &in, &err) == 0);
    static uint8_t buffer[N + 1];
    size_t total = 0;
    if (step % 2 == 0) {
        const uint8_t *head;
        const size_t n = dg_byte_stream_peek(in, &head);
        CHECK(n <= N && memcmp(head, want, n) == 0);
    }
    for (;;) {
        const size_t got = dg_byte_stream_read(in, buffer, step);
        CHECK(total + got <= N && memcmp(buffer, want + total, got) == 0);
        total += got;
        if (got < step) {
            break;
        }
    }
    CHECK_INT(dg_byte_stream_read(in, buffer, step), 0);
    *damage = dg_byte_stream_damage(in);
    CHECK((*damage == DG_GOOD) == (dg_byte_stream_damage_text(in)[0] == '\0'));
    if (*damage == DG_GOOD) {
        CHECK_INT(dg_byte_stream_done(in), s.n);
    }
    CHECK_INT(dg_byte_stream_total(in), s.n);
    CHECK_STR(dg_byte_stream_name(in), path);
    dg_byte_stream_close(in);
    remove(path);
    return total;
}

static void check_whole(struct stored s, const uint8_t *want, size_t n)
{
    static const size_t steps[] = {1000, 4096, 4097, 65536, N + 1, 777};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum dg_reason damage;
        CHECK_INT(read_back(s, want, steps[i], &damage), n);
        CHECK_INT(damage, DG_GOOD);
    }
    free(s.bytes);
}

static void plain_bytes(void)
{
    uint8_t *const want = content();
    struct stored s = {0};
    append(&s, memcpy(malloc(N), want, N), N);
    check_whole(s, want, N);
    check_whole((struct stored){0}, want, 0);
    free(want);
}

static void several_gzip_members_and_padding(void)
{
    uint8_t *const want = content();
    struct stored s = {0};
    size_t len;
    uint8_t *part = compress_gzip(want, 70000, &len);
    append(&s, part, len);
    part = compress_gzip(want, 0, &len);
    append(&s, part, len);
    part = compress_gzip(want + 70000, N - 70000, &len);
    append(&s, part, len);
    append(&s, calloc(1, 512), 512);
    check_whole(s, want, N);
    free(want);
}

static void several_zstd_frames_and_a_skippable_one(void)
{
    uint8_t *const want = content();
    struct stored s = {0};
    size_t len;
    static const uint8_t skippable[12] = {0x51, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'n', 'o', 't', 'e'};
    append(&s, memcpy(malloc(12), skippable, 12), 12);
    uint8_t *part = compress_zstd(want, 70000, &len);
    append(&s, part, len);
    part = compress_zstd(want + 70000, N - 70000, &len);
    append(&s, part, len);
    check_whole(s, want, N);
    free(want);
}

static void files_that_are_cut_off(void)
{
    uint8_t *const want = content();
    for (int zstd = 0; zstd < 2; zstd++) {
        struct stored s = {0};
        s.bytes = zstd ? compress_zstd(want, N, &s.n) : compress_gzip(want, N, &s.n);
        for (size_t cut = 5; cut < s.n; cut += 4999) {
            enum dg_reason damage;
            const size_t got = read_back((struct stored){s.bytes, cut}, want, 65536, &damage);
            CHECK_INT(damage, DG_BAD_TRUNCATED);
            CHECK(zstd || cut < s.n / 2 || got > 0); /* a zstd block is 128 KiB */
        }
        enum dg_reason damage;
        const size_t got = read_back((struct stored){s.bytes, s.n - 1}, want, 65536, &damage);
        CHECK_INT(damage, DG_BAD_TRUNCATED);
        CHECK(got > N / 2);
        free(s.bytes);
    }
    free(want);
}

static void bytes_that_are_wrong(void)
{
    uint8_t *const want = content();
    struct stored s = {0};
    s.bytes = compress_gzip(want, N, &s.n);
    s.bytes[s.n - 6] ^= 0x40; /* the checksum */
    enum dg_reason damage;
    CHECK_INT(read_back(s, want, 65536, &damage), N);
    CHECK_INT(damage, DG_BAD_CODEC);
    s.bytes[s.n - 6] ^= 0x40;
    append(&s, memcpy(malloc(5), "tail\n", 5), 5);
    CHECK_INT(read_back(s, want, 65536, &damage), N);
    CHECK_INT(damage, DG_BAD_CODEC);
    free(s.bytes);
    s.bytes = compress_zstd(want, N, &s.n);
    s.bytes[s.n - 2] ^= 0x40;
    (void)read_back(s, want, 65536, &damage);
    CHECK_INT(damage, DG_BAD_CODEC);
    free(s.bytes);
    free(want);
}

static void what_cannot_be_opened(void)
{
    struct dg_byte_stream *in = NULL;
    struct dg_error err;
    CHECK_INT(dg_byte_stream_open("/nonexistent/file.csv", &in, &err), ENOENT);
    CHECK(strstr(err.message, "/nonexistent/file.csv") != NULL);
    CHECK_INT(dg_byte_stream_open("/tmp", &in, &err), EISDIR);
    CHECK(strstr(err.message, "is a directory") != NULL);
    CHECK(in == NULL);
}

static void standard_input(void)
{
    struct input_projection ip;
    struct dg_source *source = NULL;
    struct dg_error err;
    input_project(&ip, "n:a");
    CHECK_INT(dg_file_source_open((const char *const[]){"-", "-"}, 2, NULL, &ip.p, &source, &err),
              EINVAL);
    CHECK(strstr(err.message, "named 2 times") != NULL);
    CHECK_INT(dg_file_source_open(NULL, 0, NULL, &ip.p, &source, &err), EINVAL);
    const struct dg_file_options unknown = {.format = "xml"};
    CHECK_INT(dg_file_source_open((const char *const[]){"-"}, 1, &unknown, &ip.p, &source, &err),
              EINVAL);
    CHECK(strstr(err.message, "unknown format \"xml\"") != NULL);
    const char *const path = input_write("stdin", "a,b\n1,2\n", 8);
    CHECK(freopen(path, "rb", stdin) != NULL);
    char *const text = input_read_file("-", "n:a n:b", NULL);
    CHECK_STR(text, "2 1 2\n");
    free(text);
    remove(path);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(plain_bytes), CASE(several_gzip_members_and_padding),
                      CASE(several_zstd_frames_and_a_skippable_one), CASE(files_that_are_cut_off),
                      CASE(bytes_that_are_wrong), CASE(what_cannot_be_opened),
                      CASE(standard_input));
}
