#include "engine/cli/run_lane.h"

#include "engine/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS  5000            /* the broker, once */
#define TAKE_US INT64_C(200000) /* at most this long without looking for a rebalance */

void run_free_places(struct run_lane *l)
{
    for (size_t i = 0; i < l->n_places; i++) {
        free(l->place[i].reader);
        free(l->place[i].position);
    }
    free(l->place);
    l->place = NULL;
    l->n_places = l->n_acquired = l->n_taken = 0;
}

struct run_place *run_place_of(struct run_lane *l, const struct dg_topic_partition *place)
{
    for (size_t i = 0; i < l->n_places; i++) {
        struct run_place *p = &l->place[i];
        if (p->place.partition == place->partition && strcmp(p->place.topic, place->topic) == 0) {
            return p;
        }
    }
    return NULL;
}

/* Somebody has to act; the other partitions go on. */
static void leave_out(struct run_lane *l, struct run_place *p, const struct dg_error *why)
{
    p->failed = true;
    p->why = *why;
    dg_log(DG_LOG_ERROR, "failed", "%s: %s [%d] is left out: %s", l->name, p->place.topic,
           p->place.partition, why->message);
}

/* -- acquiring -- */

/* How many partitions each monitor's topics have: the judge waits for as many. *ledger: it was the
 * ledger that was asked last. */
static int count_partitions(struct run_lane *l, bool *ledger, struct dg_error *err)
{
    for (size_t i = 0; i < l->g->n; i++) {
        struct run_monitor *m = &l->g->monitor[i];
        const struct dg_source_spec *source = &m->loaded.monitor->source;
        size_t sum = 0;
        for (size_t k = 0; k < source->n_topics; k++) {
            int32_t n = 0;
            *ledger = false;
            const int rc = dg_kafka_partitions(l->member, source->topic[k], ASK_MS, &n, err);
            if (rc != 0 && rc != ENOENT) {
                return rc;
            }
            if (n <= 0) {
                dg_log_limited(DG_LOG_WARNING, "gone", source->topic[k],
                               "%s: there is no topic '%s'", m->loaded.monitor->name,
                               source->topic[k]);
            }
            sum += n > 0 ? (size_t)n : 0;
            atomic_store(&m->partitions[k], n);
            *ledger = true;
            const int enrolled =
                n <= 0 ? 0 : l->ledger->ops->enroll(l->ledger, m->stream, source->topic[k], n, err);
            if (enrolled != 0) {
                return enrolled;
            }
        }
        atomic_store(&m->expected, sum);
    }
    l->counted_partitions = true;
    return 0;
}

static int acquire_place(struct run_lane *l, struct run_place *p, struct dg_error *err)
{
    const size_t most = l->g->n + 1;
    if (p->reader == NULL) {
        p->reader = calloc(most, sizeof(struct run_monitor *));
        p->position = calloc(most, sizeof *p->position);
    }
    int32_t *stream = calloc(most, sizeof *stream);
    if (p->reader == NULL || p->position == NULL || stream == NULL) {
        free(stream);
        return dg_fail_memory(err);
    }
    size_t which = 0;
    p->n_readers = 0;
    for (size_t i = 0; i < l->g->n; i++) {
        if (run_reads_topic(&l->g->monitor[i], p->place.topic, &which)) {
            stream[p->n_readers] = l->g->monitor[i].stream;
            p->reader[p->n_readers++] = &l->g->monitor[i];
        }
    }
    const int rc = l->ledger->ops->acquire(l->ledger, l->g->settings.kafka.group, &p->place, stream,
                                           p->n_readers, p->position, err);
    free(stream);
    return rc;
}

/* -- where to begin -- */

/* Where a monitor begins in a partition it has never read. One that appeared after the stream began
 * is read from its beginning: nothing of it has been passed over on purpose. */
static int start_offset(struct run_lane *l, const struct run_monitor *m, const struct run_place *p,
                        bool appeared, int64_t low, int64_t high, int64_t *offset,
                        struct dg_error *err)
{
    const struct dg_source_spec *source = &m->loaded.monitor->source;
    int rc = 0;
    *offset = low;
    if (appeared) {
        return 0;
    }
    switch (source->start) {
    case DG_START_EARLIEST:
        break;
    case DG_START_LATEST:
        *offset = high;
        break;
    case DG_START_TIME:
        rc = dg_kafka_offset_at(l->member, &p->place, source->start_us, ASK_MS, offset, err);
        *offset = rc != 0 || *offset < low ? low : *offset > high ? high : *offset;
        break;
    }
    return rc;
}

static bool stops_on_loss(const struct run_place *p)
{
    for (size_t i = 0; i < p->n_readers; i++) {
        if (p->reader[i]->loaded.monitor->source.stop_on_loss) {
            return true;
        }
    }
    return false;
}

/* Records [from, low) are gone, or the partition ends before `from`: a gap, or the end of it. */
static int lose(struct run_lane *l, struct run_place *p, int64_t from, int64_t low, int64_t high,
                struct dg_error *err)
{
    const char *reason = from < low ? "retention" : "truncated";
    struct dg_error words;
    if (from < low) {
        dg_fail(&words, ENODATA,
                "records %" PRId64 " to %" PRId64 " were deleted before they were read (retention)",
                from, low - 1);
    } else {
        dg_fail(&words, ENODATA,
                "it ends at %" PRId64 ", but %" PRId64
                " was to come next: the topic was truncated or made anew",
                high, from);
    }
    if (stops_on_loss(p)) {
        struct dg_error why;
        dg_fail(&why, ENODATA, "%.600s; on_loss is stop: set it to go on, and restart",
                words.message);
        leave_out(l, p, &why);
        return 0;
    }
    dg_log(DG_LOG_WARNING, "gap", "%s: %s [%d]: %s; going on at %" PRId64, l->name, p->place.topic,
           p->place.partition, words.message, low);
    l->wanted = true;
    return dg_lane_gap(l->lane, &p->place, low, reason, err);
}

/* Compare where the monitors stand with what is there. */
static int look_for_loss(struct run_lane *l, struct run_place *p, int64_t low, int64_t high,
                         struct dg_error *err)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    for (size_t i = 0; i < p->n_readers; i++) {
        const int64_t next = p->position[i].next_offset;
        least = next < least ? next : least;
        most = next > most ? next : most;
    }
    if (most > high) {
        p->read_from = low;
        return lose(l, p, most, low, high, err);
    }
    p->read_from = p->read_from < low ? low : p->read_from > high ? high : p->read_from;
    return least < low ? lose(l, p, least, low, high, err) : 0;
}

static int begin_place(struct run_lane *l, struct run_place *p, struct dg_error *err)
{
    int64_t low = 0, high = 0;
    int rc = dg_kafka_range(l->member, &p->place, ASK_MS, &low, &high, err);
    bool *fresh = rc != 0 ? NULL : calloc(p->n_readers + 1, sizeof *fresh);
    if (fresh == NULL) {
        return rc != 0 ? rc : dg_fail_memory(err);
    }
    p->high = high;
    p->at_end = p->idle = false; /* what was not committed of that is forgotten too */
    for (size_t i = 0; i < p->n_readers && rc == 0; i++) {
        struct dg_position *at = &p->position[i];
        fresh[i] = at->next_offset == DG_OFFSET_NONE;
        if (fresh[i]) {
            rc = start_offset(l, p->reader[i], p, at->appeared, low, high, &at->next_offset, err);
            at->warm_offset = at->next_offset;
        }
        if (rc != 0) {
            at->next_offset = DG_OFFSET_NONE;
        }
    }
    if (rc == 0) {
        rc = dg_lane_take(l->lane, p->position, p->n_readers, fresh, &p->read_from, err);
        if (rc != 0 && rc != ENOMEM) { /* what was saved of it cannot be used */
            leave_out(l, p, err);
            rc = 0;
        } else if (rc == 0) {
            rc = look_for_loss(l, p, low, high, err);
        }
    }
    free(fresh);
    return rc;
}

static int start_reading(struct run_lane *l, struct dg_error *err)
{
    struct dg_topic_partition *place = calloc(l->n_places + 1, sizeof *place);
    int64_t *offset = calloc(l->n_places + 1, sizeof *offset);
    size_t n = 0;
    int rc = place == NULL || offset == NULL ? dg_fail_memory(err) : 0;
    for (size_t i = 0; i < l->n_places && rc == 0; i++) {
        if (!l->place[i].failed) {
            place[n] = l->place[i].place;
            offset[n++] = l->place[i].read_from;
        }
    }
    rc = rc != 0 ? rc : dg_kafka_assign(l->member, place, offset, n, err);
    free(place);
    free(offset);
    return rc;
}

/* One step; *again = there is more to do at once, *ledger: what fails is the ledger. */
static int take_step(struct run_lane *l, bool *again, bool *ledger, struct dg_error *err)
{
    *again = true;
    *ledger = false;
    if (!l->counted_partitions) {
        return count_partitions(l, ledger, err);
    }
    if (l->n_acquired < l->n_places) {
        *ledger = true;
        const int rc = acquire_place(l, &l->place[l->n_acquired], err);
        l->n_acquired += rc == 0;
        return rc;
    }
    if (l->n_taken < l->n_places) {
        struct run_place *p = &l->place[l->n_taken];
        const int rc = p->failed ? 0 : begin_place(l, p, err);
        l->n_taken += rc == 0;
        return rc;
    }
    *again = false;
    return start_reading(l, err);
}

static void taken(struct run_lane *l)
{
    l->phase = RUN_COUNT;
    l->retry = (struct run_backoff){0};
    l->committed_us = l->checked_us = dg_steady_us();
    l->wanted |= dg_lane_dirty(l->lane); /* where the start policy began is not to be forgotten */
    run_set_paused(l, false);
    if (l->ended_said) {
        dg_board_state(l->run->board, DG_PART_CONFIG, l->name, DG_STATE_OK, "%s", "");
        l->ended_said = false;
        atomic_store(&l->run->ended, false);
    }
    for (size_t i = 0; i < l->n_places; i++) {
        const struct run_place *p = &l->place[i];
        if (!p->failed) {
            dg_log(DG_LOG_INFO, "partition_taken", "%s: reads %s [%d] from offset %" PRId64,
                   l->name, p->place.topic, p->place.partition, p->read_from);
        }
    }
    run_tell(l);
}

/* Another process of the group runs a monitor under another configuration. */
static void ended(struct run_lane *l, const struct dg_error *why)
{
    l->ended_said = true;
    atomic_store(&l->run->ended, true);
    dg_board_state(l->run->board, DG_PART_CONFIG, l->name, DG_STATE_FAILED, "%s", why->message);
    dg_log_limited(DG_LOG_ERROR, "failed", l->name, "%s: %s", l->name, why->message);
}

void run_take(struct run_lane *l)
{
    const int64_t until_us = dg_steady_us() + TAKE_US;
    bool again = true;
    if (!run_backoff_over(&l->retry)) {
        return;
    }
    while (again && dg_steady_us() < until_us) {
        struct dg_error err = {0};
        bool asked_ledger = false;
        const int rc = take_step(l, &again, &asked_ledger, &err);
        if (rc != 0) {
            if (!asked_ledger) { /* the ledger's failures are told by itself */
                l->broker_words = err;
                dg_log_limited(DG_LOG_WARNING, "blocked", l->name, "%s: %s", l->name, err.message);
            }
            if (rc == ESTALE && asked_ledger) {
                ended(l, &err);
            } else if (rc == EIDRM) {
                run_reopen(l->run, &err);
            }
            if (rc != EAGAIN && asked_ledger) {
                l->retry.wait_us = DG_US_PER_S * 5; /* nothing that mends itself */
            }
            run_backoff_next(&l->retry);
            return;
        }
        if (!again) {
            taken(l);
            return;
        }
    }
}

/* -- later -- */

static void go_on_at(struct run_lane *l, struct run_place *p, int64_t offset)
{
    struct dg_error err = {0};
    p->at_end = p->idle = false;
    if (dg_kafka_seek(l->member, &p->place, offset, &err) != 0) {
        dg_log_limited(DG_LOG_WARNING, "failed", l->name, "%s: %s [%d]: %s", l->name,
                       p->place.topic, p->place.partition, err.message);
        run_retake(l);
    }
}

bool run_look_again(struct run_lane *l, struct run_place *p)
{
    if (!p->doubt) {
        return false;
    }
    p->doubt = p->gone = false;
    go_on_at(l, p, dg_lane_from(l->lane, &p->place));
    return true;
}

void run_out_of_range(struct run_lane *l, const struct dg_kafka_event *event)
{
    struct dg_error err = {0};
    struct run_place *p = run_place_of(l, &event->place);
    int64_t low = 0, high = 0;
    if (p == NULL || p->failed || l->phase != RUN_COUNT) {
        return;
    }
    const bool inside = event->offset >= 0;
    int rc = dg_kafka_range(l->member, &p->place, ASK_MS, &low, &high, &err);
    if (rc == 0 && inside && event->offset >= low && event->offset <= high) {
        go_on_at(l, p, event->offset); /* it has mended itself */
        return;
    }
    rc = rc != 0 ? rc : lose(l, p, event->offset, low, high, &err);
    if (rc != 0) {
        dg_log_limited(DG_LOG_WARNING, "blocked", l->name, "%s: %s [%d]: %s", l->name,
                       p->place.topic, p->place.partition, err.message);
        run_retake(l);
    } else if (!p->failed) {
        go_on_at(l, p, low);
    }
}

void run_recreated(struct run_lane *l, const struct dg_topic_partition *place,
                   const struct dg_error *why)
{
    struct dg_error err = {0};
    struct run_place *p = run_place_of(l, place);
    int64_t low = 0, high = 0;
    if (p == NULL) {
        return;
    }
    if (stops_on_loss(p)) {
        leave_out(l, p, why);
        run_retake(l); /* without it */
        return;
    }
    int rc = dg_kafka_range(l->member, &p->place, ASK_MS, &low, &high, &err);
    rc = rc != 0 ? rc : dg_lane_gap(l->lane, &p->place, low, "recreated", &err);
    if (rc != 0) {
        dg_log_limited(DG_LOG_WARNING, "blocked", l->name, "%s: %s [%d]: %s", l->name,
                       p->place.topic, p->place.partition, err.message);
        run_retake(l);
        return;
    }
    dg_log(DG_LOG_WARNING, "gap", "%s: %s; going on at %" PRId64, l->name, why->message, low);
    l->wanted = true;
    go_on_at(l, p, low);
}
