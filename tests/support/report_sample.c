/* tests/support/report_sample.c -- write a sample report, and the rows it was made from:
 *
 *   report_sample PAGE.html [DOCUMENT.json [ROWS.ndjson [key=number ...]]]
 *
 * keys: columns windows sizes baselines segments hostile drifting versions seed */
#include "connectors/output.h"
#include "connectors/report_html.h"
#include "tests/support/sample_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool set(struct sample_options *o, const char *pair)
{
    const char *value = strchr(pair, '=');
    if (value == NULL) {
        return false;
    }
    const uint32_t number = (uint32_t)strtoul(value + 1, NULL, 10);
    const struct {
        const char *name;
        uint32_t *to;
    } key[] = {{"columns=", &o->columns},   {"windows=", &o->windows},
               {"sizes=", &o->sizes},       {"baselines=", &o->baselines},
               {"versions=", &o->versions}, {"drifting=", &o->drifting}};
    for (size_t i = 0; i < sizeof key / sizeof key[0]; i++) {
        if (strncmp(pair, key[i].name, strlen(key[i].name)) == 0) {
            *key[i].to = number;
            return true;
        }
    }
    if (strncmp(pair, "seed=", 5) == 0) {
        o->seed = number;
    } else if (strncmp(pair, "segments=", 9) == 0) {
        o->segments = number != 0;
    } else if (strncmp(pair, "hostile=", 8) == 0) {
        o->hostile = number != 0;
    } else {
        return false;
    }
    return true;
}

static int tell_report(const char *html, const char *json, const struct sample_options *options,
                       struct dg_error *err)
{
    struct dg_sink *sink = NULL;
    int rc = dg_report_sink_open(html, json, NULL, &sink, err);
    if (rc == 0) {
        rc = sample_rows_run(sink, options, err);
        sink->ops->close(sink);
    }
    return rc;
}

static int tell_rows(const char *path, const struct sample_options *options, struct dg_error *err)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        return dg_fail(err, 1, "cannot write %s", path);
    }
    struct dg_sink *sink = NULL;
    int rc = dg_output_ndjson_new(&(struct dg_output){f, path}, &sink, err);
    if (rc == 0) {
        rc = sample_rows_run(sink, options, err);
        sink->ops->close(sink);
    }
    fclose(f);
    return rc;
}

int main(int argc, char **argv)
{
    struct sample_options options = SAMPLE_DEFAULTS;
    for (int i = 4; i < argc; i++) {
        if (!set(&options, argv[i])) {
            fprintf(stderr, "report_sample: %s: no such option\n", argv[i]);
            return 2;
        }
    }
    if (argc < 2) {
        fprintf(stderr,
                "usage: report_sample PAGE.html [DOCUMENT.json [ROWS.ndjson [key=number ...]]]\n");
        return 2;
    }
    struct dg_error err = {{0}};
    int rc = tell_report(argv[1], argc > 2 ? argv[2] : NULL, &options, &err);
    if (rc == 0 && argc > 3) {
        rc = tell_rows(argv[3], &options, &err);
    }
    if (rc != 0) {
        fprintf(stderr, "report_sample: %s\n", err.message);
    }
    return rc == 0 ? 0 : 1;
}
