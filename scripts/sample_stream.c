/* scripts/sample_stream.c -- the demo's log as CSV: what engine/cli/demo_events.h makes.
 *
 *   sample_stream reference N       N rows of the month before
 *   sample_stream stream DAYS PER_DAY   the live log; half-way the world changes
 *
 * The same arguments give the same bytes. */
#include "engine/cli/demo_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START 1772323200 /* 2026-03-01T00:00:00Z */
#define DAY   86400

int main(int argc, char **argv)
{
    const bool reference = argc == 3 && strcmp(argv[1], "reference") == 0;
    const bool stream = argc == 4 && strcmp(argv[1], "stream") == 0;
    if (!reference && !stream) {
        fprintf(stderr,
                "usage: sample_stream reference ROWS | sample_stream stream DAYS PER_DAY\n");
        return 2;
    }
    puts(dg_demo_csv_header);
    const uint64_t days = reference ? 28 : strtoull(argv[2], NULL, 10);
    const uint64_t rows =
        reference ? strtoull(argv[2], NULL, 10) : days * strtoull(argv[3], NULL, 10);
    const double from = reference ? START - 28.0 * DAY : START;
    struct dg_demo_events events = {DG_DEMO_SEED + (reference ? 0 : 1)};
    for (uint64_t i = 0; i < rows; i++) {
        const double at =
            from + (double)days * DAY * ((double)i + dg_demo_uniform(&events)) / (double)rows;
        struct dg_demo_event event;
        dg_demo_event_next(&events, (reference ? 0 : 10000000) + i, at, stream && i >= rows / 2,
                           &event);
        char line[DG_DEMO_TEXT];
        dg_demo_event_csv(&event, line, sizeof line);
        puts(line);
    }
    return 0;
}
