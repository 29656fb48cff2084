/* tests/unit/test_output_memory.c -- what happens when memory runs out in an output? Method: let
 * the k-th allocation of a run fail, for k = 0, 1, ... until a run needs no more: each must end in
 * ENOMEM, and nothing may crash or leak (the sanitizer presets look). The C library's own
 * allocations are not ours to fail. */
#include "connectors/output.h"
#include "connectors/sink_fan.h"
#include "tests/unit/play.h"

#include <errno.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

static long left = -1; /* allocations until the one that fails; negative: none fails */

static bool fails(void)
{
    return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static int run_once(void)
{
    FILE *nowhere = fopen("/dev/null", "w");
    struct dg_error err;
    const struct dg_output output = {nowhere, "nowhere"};
    const struct dg_table_options options = {.unicode = true, .width = 100};
    struct dg_sink *sinks[3];
    struct dg_sink *fan = NULL;
    size_t n = 0;
    int code = dg_output_table_new(&output, &options, &sinks[n], &err);
    n += code == 0;
    code = code != 0 ? code : dg_output_json_new(&output, &sinks[n], &err);
    n += n == 1 && code == 0;
    code = code != 0 ? code : dg_output_csv_new(&output, DG_OUTPUT_SLICES, &sinks[n], &err);
    n += n == 2 && code == 0;
    if (code == 0) {
        code = dg_sink_fan_new(sinks, n, &fan, &err); /* closes them if it fails */
        code = code != 0 ? code : play(fan, &err);
    } else {
        while (n > 0) {
            n--;
            sinks[n]->ops->close(sinks[n]);
        }
    }
    if (fan != NULL) {
        fan->ops->close(fan);
    }
    fclose(nowhere);
    return code;
}

static void every_failed_allocation_is_an_error_not_a_crash(void)
{
    long k = 0;
    for (bool failed = true; failed; k++) {
        left = k;
        const int code = run_once();
        failed = left < 0;
        CHECK_INT(code, failed ? ENOMEM : 0);
    }
    left = -1;
    CHECK(k > 40);
    printf("%ld allocations failed in turn\n", k - 1);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_failed_allocation_is_an_error_not_a_crash));
}
