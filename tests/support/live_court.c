#include "tests/support/live_court.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FAR (INT64_C(10000) * 86400 * DG_US_PER_S)

int32_t live_court_stream(const struct live_logs *logs, struct dg_ledger *ledger)
{
    const struct dg_monitor *m = logs->config.monitor;
    const struct dg_stream_key key = {"g", m->name, m->hash, "", m, NULL, 0};
    struct dg_error err = {0};
    bool replaced = false;
    int32_t stream = 0;
    int rc = EAGAIN;
    while (rc == EAGAIN) {
        rc = ledger->ops->open_stream(ledger, &key, &stream, &replaced, &err);
    }
    DG_ASSERT(rc == 0 && !replaced);
    return stream;
}

void live_court_open(struct live_court *c, struct memory_db *db, const struct live_logs *logs)
{
    struct dg_error err = {0};
    const struct dg_judge_options options = {.file = logs->file, .threads = 1, .horizon_us = FAR};
    c->logs = logs;
    c->ledger = memory_ledger_open(db);
    c->stream = live_court_stream(logs, c->ledger);
    live_logs_plan(logs, &c->plan);
    const int rc = dg_judge_open(&c->plan, c->ledger, c->stream, &options, &c->judge, &err);
    DG_ASSERT(rc == 0);
    dg_judge_expect(c->judge, logs->n);
}

void live_court_close(struct live_court *c)
{
    dg_judge_close(c->judge);
    c->ledger->ops->close(c->ledger);
    dg_plan_deinit(&c->plan);
}

bool live_court_run(struct live_court *c, bool end)
{
    struct dg_judge_report report;
    struct dg_error err = {0};
    const int rc = dg_judge_run(c->judge, end, &report, &err);
    if (rc != 0 && rc != EAGAIN && rc != ESTALE) {
        fprintf(stderr, "judge: %d, %s\n", rc, err.message);
        exit(1);
    }
    c->again += report.again;
    c->windows += report.windows;
    c->unrevised += report.unrevised;
    return rc == 0 && report.leading;
}

bool live_court_agrees(const struct live_court *c, const struct memory_db *db, bool quiet)
{
    struct dg_bytes want = {0}, got = {0};
    uint64_t revisions = 0;
    live_logs_replay(c->logs, &want);
    memory_db_results(db, c->stream, &got, &revisions);
    size_t at = 0;
    while (at < want.len && at < got.len && want.data[at] == got.data[at]) {
        at++;
    }
    const bool same = want.len == got.len && at == want.len;
    if (!same && !quiet) {
        const size_t from = at > 400 ? at - 400 : 0;
        fprintf(stderr, "differs at byte %zu of %zu and %zu:\n  %.*s\n\n  %.*s\n", at, want.len,
                got.len, (int)(want.len - from < 800 ? want.len - from : 800),
                (const char *)want.data + from, (int)(got.len - from < 800 ? got.len - from : 800),
                (const char *)got.data + from);
    }
    DG_ASSERT(want.len > 10000); /* there is something to compare */
    dg_bytes_deinit(&want);
    dg_bytes_deinit(&got);
    return same;
}
