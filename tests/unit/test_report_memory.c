/* tests/unit/test_report_memory.c -- does the report survive the loss of any one allocation? The
 * linker sends malloc, calloc, realloc and strdup here (--wrap); the k-th fails, for every k until
 * a run needs no more. Each run must end in ENOMEM with the old file untouched, or succeed. */
#include "connectors/report_html.h"
#include "tests/check.h"
#include "tests/support/sample_rows.h"

#include <errno.h>
#include <unistd.h>

static long countdown = -1; /* allocations until one fails; negative: never */

static bool fails(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static int run_once(const char *path, long fail_at)
{
    struct sample_options options = SAMPLE_DEFAULTS;
    options.columns = 20;
    options.windows = 12;
    struct dg_sink *sink = NULL;
    struct dg_error err = {{0}};
    countdown = fail_at;
    int rc = dg_report_sink_open(path, NULL, NULL, &sink, &err);
    if (rc == 0) {
        rc = sample_rows_run(sink, &options, &err);
        sink->ops->close(sink);
    }
    countdown = -1;
    return rc;
}

static void every_allocation_may_fail(void)
{
    char path[256];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/dg_report_memory_%ld.html", dir == NULL ? "/tmp" : dir,
             (long)getpid());
    unlink(path);
    long k = 0;
    int rc = ENOMEM;
    for (; rc != 0 && k < 100000; k++) {
        rc = run_once(path, k);
        CHECK(rc == 0 || rc == ENOMEM);
        CHECK((access(path, F_OK) == 0) == (rc == 0));
    }
    CHECK_INT(rc, 0);
    CHECK(k > 100); /* the sweep met the allocations it is about */
    unlink(path);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(every_allocation_may_fail));
}
