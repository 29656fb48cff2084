/* Goal: chunks decoded by several threads at once give the same rows as one after the other.
 * Method: all chunks of three files are polled first; four threads then decode them in turn, each
 * into a batch of its own. Meant for the thread sanitizer too. */
#include "tests/input_text.h"

#include <pthread.h>

#define LANES      4
#define CHUNKS_MAX 512
#define FILES      3

struct work {
    struct dg_source *source;
    const struct dg_projection *projection;
    struct dg_chunk chunk[CHUNKS_MAX];
    char *text[CHUNKS_MAX];
    size_t n;
};

struct lane {
    struct work *work;
    size_t first;
    size_t step;
    pthread_t thread;
};

static void *decode_some(void *arg)
{
    const struct lane *const lane = arg;
    struct work *const w = lane->work;
    struct dg_error err;
    struct dg_batch b;
    if (dg_batch_init(&b, w->projection, &err) != 0) {
        abort();
    }
    for (size_t i = lane->first; i < w->n; i += lane->step) {
        dg_batch_clear(&b);
        if (w->source->ops->decode(w->source, &w->chunk[i], &b, &err) != 0) {
            abort();
        }
        size_t len;
        FILE *const out = open_memstream(&w->text[i], &len);
        for (size_t row = 0; row < b.n; row++) {
            input_put_row(out, &b, row);
        }
        fclose(out);
    }
    dg_batch_deinit(&b);
    return NULL;
}

static void write_files(char *paths[FILES])
{
    for (int f = 0; f < FILES; f++) {
        char *content;
        size_t n;
        FILE *const out = open_memstream(&content, &n);
        fputs(f == 2 ? "" : "x,y,z\n", out);
        for (int i = 0; i < 20000; i++) {
            fprintf(out,
                    f == 2 ? "{\"x\":%d.25,\"y\":\"q\\n%d\",\"n%d\":0}\n"
                           : "%d.25,\"q\"\"%d\",%d\n",
                    i, i % 50, i % 9);
        }
        fclose(out);
        paths[f] = strdup(input_write(f == 2   ? "l.ndjson"
                                      : f == 1 ? "l1.csv"
                                               : "l0.csv",
                                      content, n));
        free(content);
    }
}

static void lanes_agree_with_one_thread(void)
{
    static struct work work;
    char *paths[FILES];
    struct input_projection ip;
    struct dg_error err;
    const struct dg_file_options options = {.chunk_bytes = 16384};
    write_files(paths);
    input_project(&ip, "n:x t:y");
    work.projection = &ip.p;
    CHECK(dg_file_source_open((const char *const[]){paths[0], paths[1], paths[2]}, FILES, &options,
                              &ip.p, &work.source, &err) == 0);
    for (uint32_t f = 0; f < FILES; f++) {
        while (work.source->ops->poll(work.source, f, 0, &work.chunk[work.n], &err) ==
               DG_POLL_DATA) {
            work.n++;
            CHECK(work.n < CHUNKS_MAX);
        }
    }
    CHECK(work.n > 3 * LANES);
    decode_some(&(struct lane){.work = &work, .first = 0, .step = 1});
    char *alone[CHUNKS_MAX];
    memcpy(alone, work.text, sizeof alone);
    struct lane lanes[LANES];
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (struct lane){.work = &work, .first = i, .step = LANES};
        CHECK(pthread_create(&lanes[i].thread, NULL, decode_some, &lanes[i]) == 0);
    }
    for (size_t i = 0; i < LANES; i++) {
        pthread_join(lanes[i].thread, NULL);
    }
    for (size_t i = 0; i < work.n; i++) {
        CHECK_STR(work.text[i], alone[i]);
        free(work.text[i]);
        free(alone[i]);
        dg_chunk_deinit(&work.chunk[i]);
    }
    dg_chunk_deinit(&work.chunk[work.n]);
    uint64_t done;
    uint64_t total;
    work.source->ops->progress(work.source, &done, &total);
    CHECK(done == total && total > 0);
    CHECK_STR(work.source->ops->partition_name(work.source, 1), paths[1]);
    const char *const *names;
    size_t n;
    work.source->ops->fields(work.source, 0, &names, &n);
    CHECK(n == 3 && strcmp(names[2], "z") == 0);
    work.source->ops->fields(work.source, 2, &names, &n);
    CHECK_INT(n, 0);
    work.source->ops->close(work.source);
    for (int f = 0; f < FILES; f++) {
        remove(paths[f]);
        free(paths[f]);
    }
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(lanes_agree_with_one_thread));
}
