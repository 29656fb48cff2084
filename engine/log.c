#include "engine/log.h"

#include "engine/json_text.h"
#include "engine/timefmt.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#define KEYS           64
#define KEY_MAX        64
#define LINE_MAX_BYTES 1000

struct limit {
    char key[KEY_MAX];
    int64_t since_us;
    uint64_t lines;
    uint64_t left_out;
};

static struct {
    pthread_mutex_t lock;
    enum dg_log_level most;
    enum dg_log_format format;
    FILE *stream;
    int64_t (*now_us)(void);
    void (*before)(void *context);
    void *context;
    struct limit limit[KEYS];
    size_t n_limits;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = DG_LOG_INFO};

void dg_log_set_level(enum dg_log_level most)
{
    logger.most = most;
}

void dg_log_set_format(enum dg_log_format format)
{
    logger.format = format;
}

void dg_log_set_stream(FILE *stream)
{
    logger.stream = stream;
}

void dg_log_set_clock(int64_t (*now_us)(void))
{
    logger.now_us = now_us;
    logger.n_limits = 0;
}

void dg_log_set_before(void (*before)(void *context), void *context)
{
    pthread_mutex_lock(&logger.lock);
    logger.before = before;
    logger.context = context;
    pthread_mutex_unlock(&logger.lock);
}

const char *dg_log_level_name(enum dg_log_level level)
{
    static const char *const name[] = {
        [DG_LOG_ERROR] = "error",
        [DG_LOG_WARNING] = "warning",
        [DG_LOG_INFO] = "info",
        [DG_LOG_DEBUG] = "debug",
    };
    DG_ASSERT((size_t)level < sizeof name / sizeof name[0]);
    return name[level];
}

/* Words on a line of their own: nothing in them may move the cursor. */
static void put_plain(FILE *out, const char *message)
{
    for (const char *c = message; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*c);
        } else {
            putc(*c, out);
        }
    }
}

static void write_line(enum dg_log_level level, const char *event, const char *message)
{
    FILE *out = logger.stream != NULL ? logger.stream : stderr;
    const int64_t now_us = logger.now_us != NULL ? logger.now_us() : DG_TIME_NONE;
    char when[DG_TIME_TEXT] = "";
    if (now_us != DG_TIME_NONE) {
        dg_time_format(now_us, when);
    }
    if (logger.before != NULL) {
        logger.before(logger.context);
    }
    switch (logger.format) {
    case DG_LOG_TEXT:
        fprintf(out, "driftgauge: %s%s", level == DG_LOG_INFO ? "" : dg_log_level_name(level),
                level == DG_LOG_INFO ? "" : ": ");
        put_plain(out, message);
        putc('\n', out);
        break;
    case DG_LOG_LOGFMT:
        fprintf(out, "%s%s%slevel=%s event=%s message=", when[0] != '\0' ? "time=" : "", when,
                when[0] != '\0' ? " " : "", dg_log_level_name(level), event);
        dg_json_put_text(out, message, strlen(message));
        putc('\n', out);
        break;
    case DG_LOG_JSON:
        fprintf(out, "{%s%s%s\"level\":\"%s\",\"event\":\"%s\",\"message\":",
                when[0] != '\0' ? "\"time\":\"" : "", when, when[0] != '\0' ? "\"," : "",
                dg_log_level_name(level), event);
        dg_json_put_text(out, message, strlen(message));
        fputs("}\n", out);
        break;
    }
    fflush(out);
}

void dg_log(enum dg_log_level level, const char *event, const char *format, ...)
{
    if (level > logger.most) {
        return;
    }
    char message[LINE_MAX_BYTES + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&logger.lock);
    write_line(level, event, message);
    pthread_mutex_unlock(&logger.lock);
}

static struct limit *limit_of(const char *key)
{
    for (size_t i = 0; i < logger.n_limits; i++) {
        if (strncmp(logger.limit[i].key, key, KEY_MAX - 1) == 0) {
            return &logger.limit[i];
        }
    }
    if (logger.n_limits == KEYS) {
        return &logger.limit[KEYS - 1];
    }
    struct limit *fresh = &logger.limit[logger.n_limits++];
    *fresh = (struct limit){.since_us = INT64_MIN};
    snprintf(fresh->key, sizeof fresh->key, "%s", key);
    return fresh;
}

/* May one more line of this key be written? *left_out: how many were not since the last that was.
 */
static bool admit(const char *key, uint64_t *left_out)
{
    struct limit *l = limit_of(key);
    const int64_t now_us = logger.now_us != NULL ? logger.now_us() : 0;
    if (l->since_us == INT64_MIN || now_us - l->since_us >= DG_LOG_PERIOD_US) {
        l->since_us = now_us;
        l->lines = 0;
    }
    if (l->lines >= DG_LOG_BURST) {
        l->left_out++;
        return false;
    }
    l->lines++;
    *left_out = l->left_out;
    l->left_out = 0;
    return true;
}

void dg_log_limited(enum dg_log_level level, const char *event, const char *key, const char *format,
                    ...)
{
    if (level > logger.most) {
        return;
    }
    char message[LINE_MAX_BYTES + 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&logger.lock);
    uint64_t left_out = 0;
    if (admit(key, &left_out)) {
        if (left_out > 0) {
            const size_t used = strlen(message);
            snprintf(message + used, sizeof message - used, " (%" PRIu64 " more like it left out)",
                     left_out);
        }
        write_line(level, event, message);
    }
    pthread_mutex_unlock(&logger.lock);
}
