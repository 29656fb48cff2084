/* Goal: running out of memory anywhere in reading a monitor file is an answer, not a crash or leak.
 * Method: the n-th allocation of our code fails, for every n until reading succeeds. The sanitizer
 * build sees leaks. */
#include "engine/config.h"

#include "tests/check.h"

#include <errno.h>

static long allocations_left = -1; /* -1: no limit */

static bool fail_now(void)
{
    if (allocations_left < 0) {
        return false;
    }
    if (allocations_left > 0) {
        allocations_left--;
        return false;
    }
    return true; /* this one and all that follow */
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

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

char *__wrap_strdup(const char *text)
{
    return fail_now() ? NULL : __real_strdup(text);
}

/* Reads `path` under the data directory with ever more memory, until the answer is `want`. */
static void sweep(const char *path, int want)
{
    char full[1024];
    const char *root = getenv("DG_SOURCE_DIR");
    snprintf(full, sizeof full, "%s/%s", root == NULL ? "." : root, path);
    long n = 0;
    int rc = ENOMEM;
    for (; rc == ENOMEM && n < 100000; n++) {
        struct dg_diagnostics d = {0};
        struct dg_monitor *m = NULL;
        allocations_left = n;
        rc = dg_monitor_load(full, &d, &m);
        allocations_left = -1;
        CHECK(rc == 0 || dg_diagnostics_failed(&d));
        CHECK((m != NULL) == (rc == 0));
        dg_monitor_free(m);
        dg_diagnostics_deinit(&d);
    }
    CHECK_INT(rc, want);
    CHECK(n > 20);
}

static void a_good_file_is_read_or_memory_is_out(void)
{
    sweep("docs/examples/monitor.yaml", 0);
}

static void a_bad_file_is_refused_or_memory_is_out(void)
{
    sweep("tests/unit/config/columns.yaml", EINVAL);
    sweep("tests/unit/config/yaml_features.yaml", EINVAL);
    sweep("tests/unit/config/wrong_types.yaml", EINVAL);
    sweep("tests/unit/config/checks.yaml", EINVAL);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_good_file_is_read_or_memory_is_out),
                      CASE(a_bad_file_is_refused_or_memory_is_out));
}
