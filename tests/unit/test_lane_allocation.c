/* Goal: a lane allocates for panes, series, partitions and commits, never per event.
 * Method: the linker replaces malloc, calloc and realloc of every object by counting ones. n and 4n
 * records over the same hours, the same values, are counted and committed equally often; the longer
 * log may not need more than a few allocations beyond the shorter. The log is made beforehand. */
#include "tests/check.h"
#include "tests/support/counted_malloc.h"
#include "tests/support/lane_world.h"

#define RECORDS 20000
#define HOURS   8
#define MONDAY  INT64_C(1767571200000000)
#define COMMITS 10
#define SLACK   (RECORDS / 500) /* for buffers that double; one per event would be 3 * RECORDS */

static void make_log(struct fake_log *l, size_t n)
{
    static const char *const VERSIONS[] = {"v7", "v8"}, *const SEGMENTS[] = {"x", "y", "z"};
    for (size_t i = 0; i < n; i++) {
        const size_t k = i % 500;
        char id[24];
        snprintf(id, sizeof id, "event%zu", i);
        const struct memory_row r = {
            .time_us = MONDAY + (int64_t)(i * HOURS * 3600 * (size_t)DG_US_PER_S / n),
            .number = {(double)(k * 7919 % 4801) / 8 - 100.25, (double)(k * 104729 % 3271) / 64},
            .text = {VERSIONS[k % 9 == 0], id, SEGMENTS[k % 3], VERSIONS[k % 2]}};
        fake_log_add(l, &r, 1, r.time_us);
    }
}

/* Allocations of counting and committing n records. */
static size_t count(size_t n)
{
    struct lane_world w;
    struct lane_member m;
    lane_world_open(&w);
    make_log(&w.log[0], n);
    const size_t before = allocations;
    lane_member_open(&m, &w, NULL, NULL, NULL);
    CHECK_INT(lane_member_take(&m, 0, NULL), 0);
    for (size_t i = 0; i < COMMITS; i++) {
        for (size_t k = 0; k < 20; k++) {
            CHECK_INT(lane_member_feed(&m, 0, n / COMMITS / 20, NULL), 0);
        }
        CHECK_INT(lane_member_commit(&m), 0);
    }
    const size_t made = allocations - before;
    struct dg_admission_totals t;
    dg_lane_totals(m.lane, w.stream[0], &t);
    CHECK_INT(t.rows, n);
    lane_member_close(&m);
    lane_world_close(&w);
    return made;
}

static void a_lane_allocates_nothing_per_event(void)
{
    const size_t one = count(RECORDS), four = count((size_t)4 * RECORDS);
    printf("%zu allocations for %d records, %zu for %d\n", one, RECORDS, four, 4 * RECORDS);
    CHECK(one > 100); /* the counting works */
    CHECK(four <= one + SLACK);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(argc, argv, CASE(a_lane_allocates_nothing_per_event));
}
