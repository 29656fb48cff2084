#include "connectors/kafka_conf.h"

#include "connectors/clock.h"
#include "engine/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pair {
    const char *name, *value;
};

static const struct pair common_defaults[] = {
    {"socket.keepalive.enable", "true"}, {"socket.nagle.disable", "true"},
    {"statistics.interval.ms", "5000"},  {"topic.metadata.refresh.interval.ms", "10000"},
    {"log.connection.close", "false"},   {"ssl.endpoint.identification.algorithm", "https"},
};

static const struct pair consumer_defaults[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"},
    {"allow.auto.create.topics", "false"},
    {"enable.partition.eof", "true"},
    {"check.crcs", "true"},
    {"fetch.min.bytes", "65536"},
    {"fetch.wait.max.ms", "100"},
    {"queued.min.messages", "20000"},
    {"session.timeout.ms", "15000"},
    {"heartbeat.interval.ms", "3000"},
    {"max.poll.interval.ms", "300000"},
};

/* message.timeout.ms 0: a broker that is away is waited for; a timeout would break the order of an
 * idempotent producer for good. message.max.bytes: the broker's limit decides. */
static const struct pair producer_defaults[] = {
    {"enable.idempotence", "true"},    {"linger.ms", "20"},
    {"compression.type", "zstd"},      {"message.timeout.ms", "0"},
    {"message.max.bytes", "67108864"},
};

static const struct pair denied[] = {
    {"bootstrap.servers", "say the brokers in `brokers`"},
    {"metadata.broker.list", "say the brokers in `brokers`"},
    {"group.id", "say it in `group`"},
    {"group.instance.id", "say it in `instance`"},
    {"enable.auto.commit", "positions are kept in PostgreSQL"},
    {"auto.commit.enable", "positions are kept in PostgreSQL"},
    {"auto.commit.interval.ms", "positions are kept in PostgreSQL"},
    {"enable.auto.offset.store", "positions are kept in PostgreSQL"},
    {"offset.store.method", "positions are kept in PostgreSQL"},
    {"offset.store.path", "positions are kept in PostgreSQL"},
    {"auto.offset.reset", "where a new partition begins is `start` of the monitor's source"},
    {"partition.assignment.strategy", "only eager rebalancing is safe with this librdkafka"},
    {"isolation.level", "only committed records are counted"},
    {"enable.partition.eof", "ends of partitions are needed to tell idle from slow"},
    {"allow.auto.create.topics", "a misspelt topic would be created"},
    {"statistics.interval.ms", "the broker's state is read from the statistics"},
    {"enable.idempotence", "dead letters must not be lost or doubled by retries"},
    {"transactional.id", "dead letters are no transaction"},
    {"acks", "dead letters are acknowledged by all replicas"},
    {"request.required.acks", "dead letters are acknowledged by all replicas"},
    {"message.timeout.ms", "dead letters wait for the broker"},
    {"delivery.timeout.ms", "dead letters wait for the broker"},
    {"client.rack", "reading from followers crashes this librdkafka"},
    {"plugin.library.paths", "no code is loaded at run time"},
};

void dg_kafka_health_set(struct dg_kafka_link *link, enum dg_kafka_health health)
{
    const int before = atomic_exchange(&link->health, (int)health);
    if (before == (int)health) {
        return;
    }
    if (health == DG_KAFKA_UP) {
        link->silent_stats = 0;
        link->words[0] = '\0';
        link->hint = NULL;
        atomic_store(&link->code, 0);
        atomic_store(&link->certificate, 0);
        dg_log_limited(DG_LOG_INFO, "kafka_up", "kafka_up", "connected to Kafka");
    } else if (health == DG_KAFKA_DOWN) {
        dg_log_limited(DG_LOG_WARNING, "kafka_down", "kafka_down",
                       "no Kafka broker answers, trying again: %s",
                       link->words[0] != '\0' ? link->words : "no connection");
        link->said_ms = dg_steady_ms();
    }
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    struct dg_kafka_link *link = opaque;
    enum { SAY_AGAIN_MS = 60000 };
    const bool down = code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    dg_kafka_note(link, code, reason);
    link->vanished |= down || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
                      code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
                      code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (down || code == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
        dg_kafka_health_set(link, DG_KAFKA_DOWN);
    }
    const bool connection = code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                            code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__SSL ||
                            code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                            code == RD_KAFKA_RESP_ERR__TIMED_OUT;
    const int64_t now = dg_steady_ms();
    const bool news = link->said_ms == 0 || now - link->said_ms > SAY_AGAIN_MS;
    const bool quiet = down || (connection && link->hint != NULL && !news);
    link->said_ms = quiet ? link->said_ms : now;
    dg_log_limited(quiet ? DG_LOG_DEBUG : DG_LOG_WARNING, "kafka",
                   rd_kafka_err2name((rd_kafka_resp_err_t)code), "%s",
                   connection ? link->words : reason);
}

/* librdkafka begins with the name of its thread, which says nothing to who runs the program. */
static const char *without_thread(const char *words)
{
    const char *end = strncmp(words, "[thrd:", 6) == 0 ? strstr(words, "]: ") : NULL;
    return end == NULL ? words : end + 3;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *words)
{
    (void)rk;
    /* One set of properties serves consumers and producers: half of them are "ignored". */
    if (strcmp(facility, "CONFWARN") == 0) {
        return;
    }
    /* The first two come as errors too, and are told there together with what to do. */
    if (strcmp(facility, "FAIL") == 0 || strcmp(facility, "SSLCERTVRFY") == 0 ||
        strcmp(facility, "BGQUEUE") == 0) {
        level = 7;
    }
    const enum dg_log_level levels[] = {DG_LOG_ERROR,   DG_LOG_ERROR, DG_LOG_ERROR, DG_LOG_WARNING,
                                        DG_LOG_WARNING, DG_LOG_INFO,  DG_LOG_INFO,  DG_LOG_DEBUG};
    char key[64];
    snprintf(key, sizeof key, "kafka %s", facility);
    dg_log_limited(levels[level < 0   ? 0
                          : level > 7 ? 7
                                      : level],
                   "kafka", key, "librdkafka, %s: %s", facility, without_thread(words));
}

/* Some broker's connection is up: brokers come first in the statistics. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
    (void)rk;
    (void)len;
    struct dg_kafka_link *link = opaque;
    const char *topics = strstr(json, "\"topics\":");
    const char *up = strstr(json, "\"state\":\"UP\"");
    if (up != NULL && (topics == NULL || up < topics)) {
        link->silent_stats = 0;
        dg_kafka_health_set(link, DG_KAFKA_UP);
    } else if (atomic_load(&link->health) == DG_KAFKA_UP && ++link->silent_stats >= 2) {
        dg_kafka_health_set(link, DG_KAFKA_DOWN);
    }
    return 0; /* librdkafka frees json */
}

static bool is_secret(const char *name)
{
    static const char *const parts[] = {"password", "secret", "token", ".pem",
                                        "ssl_key",  "jaas",   "oauth", "username"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(name, parts[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static int refuse(const char *name, const char *value, const char *why, struct dg_error *err)
{
    if (is_secret(name) && value[0] != '\0' && strstr(why, value) != NULL) {
        return dg_fail(err, EINVAL, "Kafka property `%s`: librdkafka refuses its value", name);
    }
    return dg_fail(err, EINVAL, "Kafka property `%s`: %s", name, why);
}

int dg_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                      struct dg_error *err)
{
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        return refuse(name, value, why, err);
    }
    return 0;
}

static int set_all(rd_kafka_conf_t *conf, const struct pair pairs[], size_t n, struct dg_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = dg_kafka_conf_set(conf, pairs[i].name, pairs[i].value, err);
    }
    return rc;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The file's first line, all of it for a certificate or a key; in memory of the caller. */
static int read_secret(const char *name, const char *path, char **out, struct dg_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return dg_fail(err, errno, "Kafka property `%s`: %s: %s", name, path, strerror(errno));
    }
    char *line = NULL;
    size_t capacity = 0;
    errno = 0;
    const bool whole = ends_with(name, ".pem_file");
    const ssize_t len = getdelim(&line, &capacity, whole ? '\0' : '\n', file);
    const int error = errno;
    fclose(file);
    if (len > 0 && !whole) {
        line[strcspn(line, "\r\n")] = '\0';
    }
    if (len <= 0 || line[0] == '\0') {
        free(line);
        return error != 0
                   ? dg_fail(err, error, "Kafka property `%s`: %s: %s", name, path, strerror(error))
                   : dg_fail(err, EINVAL, "Kafka property `%s`: %s has an empty first line", name,
                             path);
    }
    *out = line;
    return 0;
}

static void wipe(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
        free(secret);
    }
}

static int set_from_file(rd_kafka_conf_t *conf, const struct dg_kafka_property *p, size_t stem,
                         struct dg_error *err)
{
    char name[128], why[512];
    if (stem >= sizeof name) {
        return dg_fail(err, EINVAL, "Kafka property `%s`: there is no such property", p->name);
    }
    memcpy(name, p->name, stem);
    name[stem] = '\0';
    char *secret = NULL;
    int rc = read_secret(p->name, p->value, &secret, err);
    if (rc == 0 && rd_kafka_conf_set(conf, name, secret, why, sizeof why) != RD_KAFKA_CONF_OK) {
        rc =
            strstr(why, secret) != NULL
                ? dg_fail(err, EINVAL, "Kafka property `%s`: librdkafka refuses its value", p->name)
                : dg_fail(err, EINVAL, "Kafka property `%s`: %s", p->name, why);
    }
    wipe(secret);
    return rc;
}

/* librdkafka's own words about a file that cannot be read do not name it. */
static bool is_file(const char *name, const char *value)
{
    return strncmp(name, "ssl.", 4) == 0 && ends_with(name, ".location") &&
           strcmp(value, "probe") != 0;
}

static int set_property(rd_kafka_conf_t *conf, struct dg_kafka_link *link,
                        const struct dg_kafka_property *p, struct dg_error *err)
{
    static const char suffix[] = "_file";
    const size_t len = strlen(p->name), tail = sizeof suffix - 1;
    const bool from_file = len > tail && strcmp(p->name + len - tail, suffix) == 0;
    const size_t stem = from_file ? len - tail : len;
    for (size_t i = 0; i < sizeof denied / sizeof denied[0]; i++) {
        if (strlen(denied[i].name) == stem && strncmp(denied[i].name, p->name, stem) == 0) {
            return dg_fail(err, EINVAL, "Kafka property `%s` cannot be set: %s", p->name,
                           denied[i].value);
        }
    }
    if (strcmp(p->name, "sasl.oauthbearer.token_file") == 0) {
        char *token = NULL;
        const int rc = read_secret(p->name, p->value, &token, err);
        wipe(token);
        if (rc == 0) {
            free(link->token_file);
            link->token_file = strdup(p->value);
        }
        return rc != 0 ? rc : link->token_file == NULL ? dg_fail_memory(err) : 0;
    }
    if (is_file(p->name, p->value) && access(p->value, R_OK) != 0) {
        return dg_fail(err, EINVAL, "Kafka property `%s`: %s: %s", p->name, p->value,
                       strerror(errno));
    }
    return from_file ? set_from_file(conf, p, stem, err)
                     : dg_kafka_conf_set(conf, p->name, p->value, err);
}

/* A claim of a JSON web token that is a number; -1: there is none. Nothing is verified here: that
 * is the broker's business. */
static long long token_expiry(const char *token)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *claims = strchr(token, '.');
    char text[4096];
    size_t n = 0;
    unsigned bits = 0, held = 0;
    for (const char *c = claims == NULL ? "" : claims + 1; *c != '\0' && *c != '.'; c++) {
        const char *digit = strchr(digits, *c);
        if (digit == NULL || n + 1 >= sizeof text) {
            break;
        }
        held = held << 6 | (unsigned)(digit - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            text[n++] = (char)(held >> bits & 0xff);
        }
    }
    text[n] = '\0';
    const char *claim = strstr(text, "\"exp\"");
    long long seconds = -1;
    return claim != NULL && sscanf(claim + 5, " : %lld", &seconds) == 1 ? seconds : -1;
}

/* Called by librdkafka's own thread whenever the token is about to expire. */
static void on_token_wanted(rd_kafka_t *rk, const char *config, void *opaque)
{
    (void)config;
    enum { LIFETIME_S = 300 }; /* of a token that does not say */
    const struct dg_kafka_link *link = opaque;
    struct dg_error err;
    char *token = NULL, why[512];
    if (read_secret("sasl.oauthbearer.token_file", link->token_file, &token, &err) != 0) {
        dg_log_limited(DG_LOG_ERROR, "kafka_token", "kafka_token", "%s", err.message);
        rd_kafka_oauthbearer_set_token_failure(rk, err.message);
        return;
    }
    long long expiry = token_expiry(token);
    if (expiry < 0) {
        expiry = (long long)time(NULL) + LIFETIME_S;
    }
    if (rd_kafka_oauthbearer_set_token(rk, token, expiry * 1000, "driftgauge", NULL, 0, why,
                                       sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *said = strstr(why, token) == NULL ? why : "not usable";
        dg_log_limited(DG_LOG_ERROR, "kafka_token", "kafka_token", "the token in %s: %s",
                       link->token_file, said);
        rd_kafka_oauthbearer_set_token_failure(rk, said);
    }
    wipe(token);
}

static bool property_is(const rd_kafka_conf_t *conf, const char *name, const char *what)
{
    char value[256];
    size_t size = sizeof value;
    return rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK &&
           strcmp(value, what) == 0;
}

int dg_kafka_conf(const struct dg_kafka_options *options, enum dg_kafka_role role,
                  struct dg_kafka_link *link, rd_kafka_conf_t **out, struct dg_error *err)
{
    memset(link, 0, sizeof *link);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const bool consumer = role == DG_KAFKA_CONSUMER;
    int rc =
        set_all(conf, common_defaults, sizeof common_defaults / sizeof common_defaults[0], err);
    if (rc == 0) {
        rc = consumer ? set_all(conf, consumer_defaults,
                                sizeof consumer_defaults / sizeof consumer_defaults[0], err)
                      : set_all(conf, producer_defaults,
                                sizeof producer_defaults / sizeof producer_defaults[0], err);
    }
    if (rc == 0) {
        rc = dg_kafka_conf_set(conf, "client.id",
                               options->client_id != NULL ? options->client_id : "driftgauge", err);
    }
    if (rc == 0 && options->brokers != NULL) {
        rc = dg_kafka_conf_set(conf, "bootstrap.servers", options->brokers, err);
    }
    for (size_t i = 0; i < options->n_properties && rc == 0; i++) {
        rc = set_property(conf, link, &options->property[i], err);
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        dg_kafka_link_deinit(link);
        return rc;
    }
    rd_kafka_conf_set_opaque(conf, link);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_stats_cb(conf, on_statistics);
    dg_kafka_watch_certificates(conf);
    if (link->token_file != NULL) {
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token_wanted);
    }
    /* Whoever makes the token: nobody polls while the first question waits for it. */
    rd_kafka_conf_enable_sasl_queue(conf, property_is(conf, "sasl.mechanism", "OAUTHBEARER"));
    *out = conf;
    return 0;
}

void dg_kafka_link_deinit(struct dg_kafka_link *link)
{
    free(link->token_file);
    link->token_file = NULL;
}

int dg_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **out,
                 struct dg_error *err)
{
    char why[512];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return dg_fail(err, EINVAL, "cannot set up a Kafka client: %s%s", why,
                       dg_kafka_setup_hint(why));
    }
    /* Only there with OAUTHBEARER; an error says that it is not. */
    rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
    *out = rk;
    return 0;
}

int dg_kafka_errno(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
        code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED) {
        return EACCES;
    }
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
        code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return ENOENT;
    }
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
        code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE) {
        return EFBIG;
    }
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
        code == RD_KAFKA_RESP_ERR__TRANSPORT) {
        return ECONNREFUSED;
    }
    const bool late =
        code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
        code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
        code == RD_KAFKA_RESP_ERR__WAIT_COORD;
    return late ? ETIMEDOUT : EIO;
}

struct farewell {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    rd_kafka_t *rk;
    void (*done)(void *arg);
    void *arg;
    bool close_consumer, over, alone;
};

static void farewell_free(struct farewell *f)
{
    pthread_cond_destroy(&f->ended);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static void *say_farewell(void *arg)
{
    struct farewell *f = arg;
    if (f->close_consumer) {
        (void)rd_kafka_consumer_close(f->rk);
    }
    rd_kafka_destroy_flags(f->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    f->done(f->arg);
    pthread_mutex_lock(&f->lock);
    f->over = true;
    const bool alone = f->alone;
    pthread_cond_signal(&f->ended);
    pthread_mutex_unlock(&f->lock);
    if (alone) {
        farewell_free(f);
    }
    return NULL;
}

void dg_kafka_destroy(rd_kafka_t *rk, bool close_consumer, void (*done)(void *arg), void *arg)
{
    enum { PATIENCE_S = 5 };
    struct farewell *f = calloc(1, sizeof *f);
    pthread_t thread;
    DG_ASSERT(f != NULL);
    f->rk = rk;
    f->done = done;
    f->arg = arg;
    f->close_consumer = close_consumer;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&thread, NULL, say_farewell, f) != 0) {
        say_farewell(f);
        farewell_free(f);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&f->lock);
    while (!f->over && pthread_cond_timedwait(&f->ended, &f->lock, &until) == 0) {
    }
    f->alone = !f->over;
    const bool alone = f->alone;
    pthread_mutex_unlock(&f->lock);
    if (alone) {
        dg_log_limited(DG_LOG_WARNING, "kafka", "kafka close",
                       "librdkafka does not end within %d s; it is left behind", PATIENCE_S);
        pthread_detach(thread);
        return;
    }
    pthread_join(thread, NULL);
    farewell_free(f);
}
