/* scripts/sample_stream.c -- a credit-scoring model's log, made up but plausible: what the demo
 * judges.
 *
 *   sample_stream reference N       N rows of the month before, as CSV
 *   sample_stream stream DAYS PER_DAY   the live log; half-way the world changes:
 *     - a partner channel goes live and brings smaller incomes
 *     - utilization is missing in one row of five (an upstream join broke)
 *     - the score follows, and latency grows a tail
 * The same arguments give the same bytes. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START 1772323200 /* 2026-03-01T00:00:00Z */
#define DAY   86400

static uint64_t state = 20260301;

/* SplitMix64: Steele, Lea and Flood 2014. */
static uint64_t draw(void)
{
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(void)
{
    return ((double)(draw() >> 11) + 0.5) * 0x1p-53;
}

static double normal(void)
{
    return sqrt(-2.0 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static const char *pick(const char *const word[], const double weight[], size_t n)
{
    double u = uniform();
    for (size_t i = 0; i + 1 < n; i++) {
        u -= weight[i];
        if (u < 0.0) {
            return word[i];
        }
    }
    return word[n - 1];
}

static const char *const COUNTRIES[] = {"DE", "FR", "IT", "ES", "NL"};
static const double COUNTRY_SHARE[] = {0.42, 0.23, 0.15, 0.12, 0.08};
static const char *const CHANNELS[] = {"web", "mobile", "branch"};
static const double CHANNEL_SHARE[] = {0.46, 0.41, 0.13};
static const char *const JOBS[] = {"employed", "self-employed", "retired", "student"};
static const double JOB_SHARE[] = {0.68, 0.17, 0.10, 0.05};

static void put_row(uint64_t id, double at, int drifted)
{
    const int partner = drifted && uniform() < 0.15;
    const char *channel = partner ? "partner" : pick(CHANNELS, CHANNEL_SHARE, 3);
    const double income = exp(10.35 + (partner ? -0.55 : 0.0) + 0.42 * normal());
    const int age = 19 + (int)(46.0 * sqrt(uniform() * uniform()));
    const double used = 1.0 / (1.0 + exp(0.6 - 1.1 * normal()));
    const int unknown = drifted ? uniform() < 0.20 : uniform() < 0.01;
    const double amount = 500.0 * floor(2.0 + 28.0 * uniform() * uniform());
    const double z = -1.1 + 0.9 * (log(income) - 10.35) - 1.4 * (used - 0.4) + 0.02 * (age - 40) -
                     (unknown ? 0.35 : 0.0) + 0.5 * normal();
    const double score = 1.0 / (1.0 + exp(-z));
    const double latency =
        18.0 + 9.0 * -log(uniform()) + (drifted && uniform() < 0.06 ? 180.0 : 0.0);
    const time_t second = (time_t)floor(at);
    struct tm utc;
    char text[32];
    gmtime_r(&second, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    printf("e%08" PRIu64 ",%s.%03dZ,7,%s,%s,%.2f,%d,", id, text, (int)(1000.0 * (at - floor(at))),
           pick(COUNTRIES, COUNTRY_SHARE, 5), channel, income, age);
    if (!unknown) {
        printf("%.4f", used);
    }
    printf(",%.0f,%d,%s,%.5f,%s,%.1f\n", amount, 12 * (1 + (int)(7.0 * uniform())),
           pick(JOBS, JOB_SHARE, 4), score, score > 0.35 ? "approve" : "decline", latency);
}

int main(int argc, char **argv)
{
    const int reference = argc == 3 && strcmp(argv[1], "reference") == 0;
    const int stream = argc == 4 && strcmp(argv[1], "stream") == 0;
    if (!reference && !stream) {
        fprintf(stderr,
                "usage: sample_stream reference ROWS | sample_stream stream DAYS PER_DAY\n");
        return 2;
    }
    puts("event_id,ts,model_version,country,channel,income,age,utilization,loan_amount,term_months,"
         "employment,score,decision,latency_ms");
    const uint64_t days = reference ? 28 : strtoull(argv[2], NULL, 10);
    const uint64_t rows =
        reference ? strtoull(argv[2], NULL, 10) : days * strtoull(argv[3], NULL, 10);
    const double from = reference ? START - 28.0 * DAY : START;
    state += reference ? 0 : 1;
    for (uint64_t i = 0; i < rows; i++) {
        const double at = from + (double)days * DAY * ((double)i + uniform()) / (double)rows;
        put_row((reference ? 0 : 10000000) + i, at, stream && i >= rows / 2);
    }
    return 0;
}
