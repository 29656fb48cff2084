/* Stands in for libFuzzer where it is not: gives each file of the directories named, and each of
 * its beginnings, to the target once. Fails if there is no file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A copy of its exact size, so that a sanitizer sees a read behind the end. */
static void give(const uint8_t *data, size_t n)
{
    uint8_t *const copy = malloc(n + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, n);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int replay_file(const char *path)
{
    static uint8_t data[FILE_MAX];
    FILE *const f = fopen(path, "rb");
    if (f == NULL) {
        return 0;
    }
    const size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    give(data, n);
    for (size_t cut = 0; cut < n; cut += 1 + n / 64) {
        give(data, cut);
    }
    return 1;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *const dir = opendir(argv[i]);
        if (dir == NULL) {
            perror(argv[i]);
            return 1;
        }
        for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            files += e->d_type == DT_REG ? replay_file(path) : 0;
        }
        closedir(dir);
    }
    printf("%d files replayed\n", files);
    return files == 0;
}
