#include "tests/support/board_sample.h"

#define HOUR_US INT64_C(3600000000)

static const char *const monitors[BOARD_SAMPLE_MONITORS] = {"credit-risk", "fraud \"eu\"\\n",
                                                            "churn"};
static const char *const topics[2] = {"ml.predictions", "ml.scores"};

static void fill_lane(struct dg_board *b, uint32_t lane, int64_t now_us, unsigned tick)
{
    struct dg_board_partition p[BOARD_SAMPLE_MONITORS * 3];
    size_t n = 0;
    for (int m = 0; m < BOARD_SAMPLE_MONITORS; m++) {
        for (int k = 0; k < 3; k++) {
            const int64_t next = 4000 + 500 * (int64_t)tick + k;
            p[n++] = (struct dg_board_partition){
                .monitor = monitors[m],
                .view = {.stream = m + 1,
                         .place = {topics[m % 2], 3 * (int32_t)lane + k},
                         .next_offset = next,
                         .committed_offset = next - 250,
                         .clock = {.first_us = now_us - HOUR_US, .max_us = now_us - 1500000},
                         .idle = k == 2},
                .high = k == 2 ? next : next + 17,
            };
        }
        dg_board_totals(b, lane, monitors[m],
                        &(struct dg_admission_totals){
                            .records = 1000 + 1500 * tick,
                            .rows = 990 + 1490 * tick,
                            .duplicates = 4 + tick,
                            .late = 2,
                            .out_of_order = 11,
                            .bad = {[DG_BAD_MALFORMED] = 3, [DG_BAD_FUTURE] = 1 + tick}});
    }
    dg_board_partitions(b, lane, p, n);
    dg_board_lane(b, lane, true, 3, 1 << 20);
}

static void fill_judges(struct dg_board *b, int64_t now_us, unsigned tick)
{
    const int64_t end_us = now_us / HOUR_US * HOUR_US;
    const struct dg_judge_report report = {.leading = true,
                                           .windows = 2,
                                           .again = tick % 2,
                                           .rows_written = 80,
                                           .judged_us = end_us,
                                           .newest_us = now_us - 1500000,
                                           .watermark_us = now_us - 61500000,
                                           .worst = DG_CRITICAL,
                                           .unrevised = 1,
                                           .bytes = 3 << 20};
    dg_board_judge(b, monitors[0], "c0ffee01", &report);
    dg_board_judge(b, monitors[1], "c0ffee02", &report);
    dg_board_judge(b, monitors[2], "c0ffee03", &(struct dg_judge_report){.leading = false});
    dg_board_window(b, monitors[0], HOUR_US, end_us, 81000, 40, 0, 1, DG_OK);
    dg_board_window(b, monitors[1], HOUR_US, end_us, 62000, 24, 3 + tick % 5, 2, DG_CRITICAL);
    dg_board_window(b, monitors[1], 24 * HOUR_US, end_us, 980000, 24, 1, 0, DG_WARN);
}

void board_sample_fill(struct dg_board *b, int64_t now_us, unsigned tick)
{
    dg_board_about(b, "/etc/driftgauge/driftgauge.yaml", "driftgauge");
    dg_board_monitors(b, monitors, BOARD_SAMPLE_MONITORS);
    dg_board_state(b, DG_PART_CONFIG, "main", DG_STATE_OK, "3 monitors");
    dg_board_state(b, DG_PART_LEDGER, "judge", DG_STATE_OK, "%s", "");
    for (uint32_t lane = 0; lane < 2; lane++) {
        char who[16];
        snprintf(who, sizeof who, "lane %u", lane);
        dg_board_state(b, DG_PART_BROKER, who, DG_STATE_OK, "%s", "");
        dg_board_state(b, DG_PART_LEDGER, who, DG_STATE_OK, "%s", "");
        dg_board_beat(b, who);
        fill_lane(b, lane, now_us, tick);
    }
    fill_judges(b, now_us, tick);
    dg_board_add(b, DG_COUNT_RECORDS, 3000);
    dg_board_add(b, DG_COUNT_COMMITS, 2);
    dg_board_took(b, DG_TIME_COMMIT, 0.021);
    dg_board_took(b, DG_TIME_JUDGE, 0.3);
    dg_board_took(b, DG_TIME_VISIBLE, 2.2);
}
