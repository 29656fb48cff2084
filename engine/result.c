#include "engine/result.h"

#include <string.h>

const double dg_quantile_levels[DG_QUANTILES] = {0.01, 0.05, 0.10, 0.25, 0.50,
                                                 0.75, 0.90, 0.95, 0.99};

const char *dg_status_name(enum dg_status s)
{
    static const char *const name[] = {
        [DG_STATUS_OK] = "ok",
        [DG_STATUS_WARN] = "warn",
        [DG_STATUS_DRIFT] = "drift",
        [DG_STATUS_INSUFFICIENT] = "insufficient",
        [DG_STATUS_NO_REFERENCE] = "no_reference",
        [DG_STATUS_DEGENERATE] = "degenerate",
    };
    DG_ASSERT((size_t)s < sizeof name / sizeof name[0]);
    return name[s];
}

const char *dg_severity_name(enum dg_severity s)
{
    static const char *const name[] = {
        [DG_OK] = "ok", [DG_WARN] = "warn", [DG_CRITICAL] = "critical"};
    DG_ASSERT((size_t)s < sizeof name / sizeof name[0]);
    return name[s];
}

const char *dg_feature_type_name(enum dg_feature_type type)
{
    DG_ASSERT(type == DG_FEATURE_NUMERIC || type == DG_FEATURE_CATEGORY);
    return type == DG_FEATURE_NUMERIC ? "numeric" : "category";
}

const char *dg_role_name(enum dg_role role)
{
    static const char *const name[] = {
        [DG_ROLE_FEATURE] = "feature",
        [DG_ROLE_SCORE] = "score",
        [DG_ROLE_PREDICTION] = "prediction",
        [DG_ROLE_LATENCY] = "latency",
    };
    DG_ASSERT((size_t)role < sizeof name / sizeof name[0]);
    return name[role];
}

char *dg_flags_format(unsigned flags, char buf[DG_FLAGS_TEXT])
{
    static const struct {
        unsigned bit;
        const char *word;
    } words[] = {
        {DG_FLAG_DEGENERATE, "degenerate"},
        {DG_FLAG_ATOMS, "atoms"},
        {DG_FLAG_POOLED, "pooled"},
        {DG_FLAG_NUMERIC, "numeric"},
        {DG_FLAG_SKETCHED, "sketched"},
        {DG_SERIES_CONSTANT, "constant"},
        {DG_SERIES_MONOTONE, "monotone"},
        {DG_SERIES_VANISHED, "vanished"},
        {DG_SERIES_SKETCH_OVERFLOW, "sketch_overflow"},
    };
    size_t at = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((flags & words[i].bit) != 0) {
            const size_t len = strlen(words[i].word);
            DG_ASSERT(at + len + 2 <= DG_FLAGS_TEXT);
            if (at > 0) {
                buf[at++] = ' ';
            }
            memcpy(buf + at, words[i].word, len);
            at += len;
        }
    }
    buf[at] = '\0';
    return buf;
}
