#include "engine/cli/demo_events.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CUSTOMERS = 5000 };

/* SplitMix64: Steele, Lea and Flood 2014. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double dg_demo_uniform(struct dg_demo_events *self)
{
    self->state += UINT64_C(0x9e3779b97f4a7c15);
    return ((double)(mix(self->state) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct dg_demo_events *self)
{
    const double radius = sqrt(-2.0 * log(dg_demo_uniform(self)));
    return radius * cos(6.283185307179586 * dg_demo_uniform(self));
}

static const char *pick(struct dg_demo_events *self, const char *const word[],
                        const double weight[], size_t n)
{
    double u = dg_demo_uniform(self);
    for (size_t i = 0; i + 1 < n; i++) {
        u -= weight[i];
        if (u < 0.0) {
            return word[i];
        }
    }
    return word[n - 1];
}

/* x as a log with that many decimals has it. */
static double decimal(double x, int digits)
{
    char text[64];
    snprintf(text, sizeof text, "%.*f", digits, x);
    return strtod(text, NULL);
}

static const char *const COUNTRIES[] = {"DE", "FR", "IT", "ES", "NL"};
static const double COUNTRY_SHARE[] = {0.42, 0.23, 0.15, 0.12, 0.08};
static const char *const CHANNELS[] = {"web", "mobile", "branch"};
static const double CHANNEL_SHARE[] = {0.46, 0.41, 0.13};
static const char *const JOBS[] = {"employed", "self-employed", "retired", "student"};
static const double JOB_SHARE[] = {0.68, 0.17, 0.10, 0.05};

void dg_demo_event_next(struct dg_demo_events *self, uint64_t id, double at, bool drifted,
                        struct dg_demo_event *out)
{
    const bool partner = drifted && dg_demo_uniform(self) < 0.15;
    out->channel = partner ? "partner" : pick(self, CHANNELS, CHANNEL_SHARE, 3);
    const double income = exp(10.35 + (partner ? -0.55 : 0.0) + 0.42 * normal(self));
    out->age = 19 + (int32_t)(46.0 * sqrt(dg_demo_uniform(self) * dg_demo_uniform(self)));
    const double used = 1.0 / (1.0 + exp(0.6 - 1.1 * normal(self)));
    const bool unknown = dg_demo_uniform(self) < (drifted ? 0.20 : 0.01);
    out->loan_amount = 500.0 * floor(2.0 + 28.0 * dg_demo_uniform(self) * dg_demo_uniform(self));
    const double z = -1.1 + 0.9 * (log(income) - 10.35) - 1.4 * (used - 0.4) +
                     0.02 * (out->age - 40) - (unknown ? 0.35 : 0.0) + 0.5 * normal(self);
    const double score = 1.0 / (1.0 + exp(-z));
    double latency = 18.0 + 9.0 * -log(dg_demo_uniform(self));
    latency += drifted && dg_demo_uniform(self) < 0.06 ? 180.0 : 0.0;
    out->country = pick(self, COUNTRIES, COUNTRY_SHARE, 5);
    out->employment = pick(self, JOBS, JOB_SHARE, 4);
    out->term_months = 12 * (1 + (int32_t)(7.0 * dg_demo_uniform(self)));
    out->decision = score > 0.35 ? "approve" : "decline";
    out->id = id;
    out->time_ms = (int64_t)floor(at) * 1000 + (int64_t)(1000.0 * (at - floor(at)));
    out->income = decimal(income, 2);
    out->utilization = unknown ? (double)NAN : decimal(used, 4);
    out->score = decimal(score, 5);
    out->latency_ms = decimal(latency, 1);
}

const char dg_demo_csv_header[] =
    "event_id,ts,model_version,country,channel,income,age,utilization,"
    "loan_amount,term_months,employment,score,decision,latency_ms";

static void time_text(int64_t time_ms, char buf[32])
{
    const time_t second = (time_t)(time_ms / 1000);
    struct tm utc;
    gmtime_r(&second, &utc);
    const size_t n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(buf + n, 32 - n, ".%03dZ", (int)(time_ms % 1000));
}

size_t dg_demo_event_csv(const struct dg_demo_event *e, char *buf, size_t n)
{
    char at[32], used[32] = "";
    time_text(e->time_ms, at);
    if (!isnan(e->utilization)) {
        snprintf(used, sizeof used, "%.4f", e->utilization);
    }
    return (size_t)snprintf(buf, n, "e%08" PRIu64 ",%s,7,%s,%s,%.2f,%d,%s,%.0f,%d,%s,%.5f,%s,%.1f",
                            e->id, at, e->country, e->channel, e->income, e->age, used,
                            e->loan_amount, e->term_months, e->employment, e->score, e->decision,
                            e->latency_ms);
}

size_t dg_demo_event_json(const struct dg_demo_event *e, char *buf, size_t n)
{
    char at[32], used[32] = "null";
    time_text(e->time_ms, at);
    if (!isnan(e->utilization)) {
        snprintf(used, sizeof used, "%.4f", e->utilization);
    }
    return (size_t)snprintf(
        buf, n,
        "{\"event_id\":\"e%08" PRIu64 "\",\"ts\":\"%s\",\"model_version\":\"7\",\"country\":\"%s\","
        "\"channel\":\"%s\",\"income\":%.2f,\"age\":%d,\"utilization\":%s,\"loan_amount\":%.0f,"
        "\"term_months\":%d,\"employment\":\"%s\",\"score\":%.5f,\"decision\":\"%s\","
        "\"latency_ms\":%.1f}",
        e->id, at, e->country, e->channel, e->income, e->age, used, e->loan_amount, e->term_months,
        e->employment, e->score, e->decision, e->latency_ms);
}

char *dg_demo_event_key(const struct dg_demo_event *e, char buf[DG_DEMO_KEY])
{
    snprintf(buf, DG_DEMO_KEY, "c%04u", (unsigned)(mix(e->id) % CUSTOMERS));
    return buf;
}
