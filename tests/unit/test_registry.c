/* Goal: connectors/registry.h against every kind of answer a server can give, and what a decoder
 * makes of schemas that come, change, fail to come and come later.
 * Method: a small server of the test's own, told how to behave; its requests are counted. */
#include "tests/record_text.h"

#include "tests/support/avro_writer.h"
#include "tests/support/registry_server.h"

#include <pthread.h>
#include <time.h>

#define NONE REGISTRY_ANSWER, NULL

static struct registry_route routes[] = {
    {"/schemas/ids/1", 200, NULL,
     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"E\\\",\\\"fields\\\":[{"
     "\\\"name\\\":"
     "\\\"x\\\",\\\"type\\\":\\\"double\\\"}]}\",\"references\":[]}",
     NONE},
    {"/schemas/ids/2", 200, NULL,
     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"E\\\",\\\"fields\\\":[{"
     "\\\"name\\\":"
     "\\\"c\\\",\\\"type\\\":\\\"string\\\"},{\\\"name\\\":\\\"x\\\",\\\"type\\\":\\\"long\\\"}]}"
     "\"}",
     NONE},
    {"/schemas/ids/3", 200, NULL,
     "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"a.E\\\",\\\"fields\\\":[{"
     "\\\"name\\\":"
     "\\\"money\\\",\\\"type\\\":\\\"b.Money\\\"},{\\\"name\\\":\\\"x\\\",\\\"type\\\":"
     "\\\"double\\\"}]}\","
     "\"references\":[{\"name\":\"b.Money\",\"subject\":\"b/money\",\"version\":4},{\"name\":"
     "\"b.Unit\",\"subject\":\"unit\",\"version\":1}]}",
     NONE},
    {"/subjects/b%2Fmoney/versions/4", 200, NULL,
     "{\"subject\":\"b/money\",\"version\":4,\"id\":31,\"schema\":\"{\\\"type\\\":\\\"record\\\","
     "\\\"name\\\":\\\"b.Money\\\",\\\"fields\\\":[{\\\"name\\\":\\\"n\\\",\\\"type\\\":"
     "\\\"long\\\"},"
     "{\\\"name\\\":\\\"u\\\",\\\"type\\\":\\\"Unit\\\"}]}\",\"references\":[{\"name\":\"b.Unit\","
     "\"subject\":\"unit\",\"version\":1}]}",
     NONE},
    {"/subjects/unit/versions/1", 200, NULL,
     "{\"schema\":\"{\\\"type\\\":\\\"enum\\\",\\\"name\\\":\\\"b.Unit\\\",\\\"symbols\\\":["
     "\\\"EUR\\\","
     "\\\"CHF\\\"]}\"}",
     NONE},
    {"/schemas/ids/4", 200, NULL, "{\"schema\":\"{}\",\"schemaType\":\"JSON\"}", NONE},
    {"/schemas/ids/5", 200, NULL, "{\"schema\":\"{\\\"type\\\":\\\"recrod\\\"}\"}", NONE},
    {"/schemas/ids/6", 500, NULL, "{\"error_code\":50001,\"message\":\"store\"}", NONE},
    {"/schemas/ids/7", 429, "Retry-After: 1\r\n", "", NONE},
    {"/schemas/ids/8", 403, NULL, "{}", NONE},
    {"/schemas/ids/9", 302, "Location: http://127.0.0.1:1/elsewhere\r\n", "", NONE},
    {"/schemas/ids/10", 200, NULL, "<html>welcome</html>", NONE},
    {"/schemas/ids/11", 200, NULL, "", REGISTRY_ENDLESS, NULL},
    {"/schemas/ids/12", 200, NULL, "{\"schema\":\"\\\"string\\\"\"}", REGISTRY_HANG, NULL},
    {"/schemas/ids/13", 404, NULL, "<html>not here</html>", NONE},
    {"/schemas/ids/14", 200, NULL, "{\"schema\":\"\\\"string\\\"\"}", NONE},
    {"/schemas/ids/15", 200, NULL,
     "{\"schema\":\"\\\"long\\\"\",\"references\":[{\"name\":\"r\",\"subject\":\"round\","
     "\"version\":"
     "1}]}",
     NONE},
    {"/subjects/round/versions/1", 200, NULL,
     "{\"schema\":\"\\\"int\\\"\",\"references\":[{\"name\":\"r\",\"subject\":\"round\","
     "\"version\":1}"
     "]}",
     NONE},
    {"/schemas/ids/16", 200, NULL, "{\"status\":\"up\"}", NONE},
    {"/schemas/ids/17", 200, NULL, "", REGISTRY_DROP, NULL},
    {"/schemas/ids/18", 200, NULL,
     "{\"schema\":\"\\\"long\\\"\",\"references\":[{\"name\":\"r\",\"subject\":\"gone\","
     "\"version\":9}]"
     "}",
     NONE},
    {"/schemas/ids/19", 200, NULL, "{\"schema\":\"\\\"bytes\\\"\"}", REGISTRY_ANSWER,
     "Basic dXM6cDpz"},
    {"/schemas/ids/20", 503, NULL, "", NONE},
    {"/subjects", 200, NULL, "[\"unit\"]", NONE},
    {NULL, 0, NULL, NULL, NONE},
};

static struct registry_route *route(const char *path)
{
    struct registry_route *r = routes;
    while (strcmp(r->path, path) != 0) {
        r++;
    }
    return r;
}

struct bench {
    struct registry_server *server;
    struct dg_registry *registry;
};

static struct bench begin(int timeout_ms)
{
    struct bench b = {.server = registry_server_start(routes)};
    struct dg_error err = {0};
    const struct dg_registry_options o = {.url = registry_server_url(b.server),
                                          .timeout_ms = timeout_ms};
    CHECK_INT(dg_registry_open(&o, &b.registry, &err), 0);
    return b;
}

static void end(struct bench *b)
{
    dg_registry_close(b->registry);
    registry_server_stop(b->server);
}

static void every_answer_has_its_meaning(void)
{
    static const struct {
        uint32_t id;
        int code;
        const char *words; /* in the message */
    } known[] = {
        {1, 0, ""},
        {2, 0, ""},
        {14, 0, ""},
        {15, 0, ""},
        {99, ENOENT, "has no schema 99"},
        {4, EINVAL, "it is JSON, not Avro"},
        {5, EINVAL, "recrod"},
        {11, EINVAL, "longer than"},
        {18, EINVAL, "version 9 of gone"},
        {6, EAGAIN, "HTTP 500"},
        {7, EAGAIN, "HTTP 429"},
        {8, EACCES, "refuses us"},
        {9, EAGAIN, "sends us elsewhere"},
        {10, EAGAIN, "no schema registry"},
        {12, EAGAIN, "does not answer"},
        {13, EAGAIN, "no schema registry"},
        {16, EAGAIN, "no schema registry"},
        {17, EAGAIN, "does not answer"},
        {19, EACCES, "refuses us"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct bench b = begin(300); /* a new one: a back-off would hide the next answer */
        const struct dg_avro_type *root = NULL;
        struct dg_error err = {0};
        CHECK_INT(dg_registry_schema(b.registry, known[i].id, &root, &err), known[i].code);
        CHECK((root != NULL) == (known[i].code == 0));
        if (strstr(err.message, known[i].words) == NULL) {
            fprintf(stderr, "%u: \"%s\"\n", known[i].id, err.message);
            check_failures++;
        }
        end(&b);
    }
}

static void references_are_resolved(void)
{
    struct bench b = begin(0);
    const struct dg_avro_type *root = NULL;
    struct dg_error err = {0};
    CHECK_INT(dg_registry_schema(b.registry, 3, &root, &err), 0);
    if (root != NULL) {
        CHECK_STR(root->name, "a.E");
        CHECK_STR(root->child[0]->name, "b.Money");
        CHECK_STR(root->child[0]->child[1]->label[1], "CHF");
    }
    CHECK_INT(registry_server_count(b.server), 3); /* unit once, though two refer to it */
    end(&b);
}

static void what_is_known_is_not_asked_for_again(void)
{
    static const uint32_t ids[] = {1, 99, 4, 5};
    struct bench b = begin(0);
    const struct dg_avro_type *first = NULL, *root = NULL;
    CHECK_INT(dg_registry_schema(b.registry, 1, &first, NULL), 0);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 4; i++) {
            const int rc = dg_registry_schema(b.registry, ids[i], &root, NULL);
            CHECK_INT(rc, i == 0 ? 0 : i == 1 ? ENOENT : EINVAL);
        }
    }
    CHECK_INT(registry_server_count(b.server), 4);
    CHECK_INT(dg_registry_schema(b.registry, 1, &root, NULL), 0);
    CHECK(root == first);
    end(&b);
}

static void a_registry_in_trouble_is_left_in_peace(void)
{
    enum { CALLS = 2000 };
    struct bench b = begin(0);
    const struct dg_avro_type *root = NULL;
    struct dg_error err = {0};
    CHECK_INT(dg_registry_schema(b.registry, 1, &root, NULL), 0);
    for (int i = 0; i < CALLS; i++) {
        CHECK_INT(dg_registry_schema(b.registry, 20, &root, &err), EAGAIN);
    }
    CHECK(strstr(err.message, "HTTP 503") != NULL);
    CHECK(registry_server_count(b.server) < CALLS / 10);
    CHECK_INT(dg_registry_schema(b.registry, 1, &root, NULL), 0); /* what is known stays known */
    route("/schemas/ids/20")->status = 200;
    route("/schemas/ids/20")->body = "{\"schema\":\"\\\"float\\\"\"}";
    int rc = EAGAIN;
    for (int i = 0; i < 3000 && rc == EAGAIN; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        rc = dg_registry_schema(b.registry, 20, &root, &err);
    }
    CHECK_INT(rc, 0);
    route("/schemas/ids/20")->status = 503;
    end(&b);
}

static void the_password_is_sent_and_never_said(void)
{
    const char *const path = input_write("password", "p:s\n", 4);
    char kept[256];
    snprintf(kept, sizeof kept, "%s", path);
    struct registry_server *server = registry_server_start(routes);
    struct dg_registry *r = NULL;
    struct dg_error err = {0};
    const struct dg_avro_type *root = NULL;
    struct dg_registry_options o = {
        .url = registry_server_url(server), .user = "us", .password_file = kept};
    CHECK_INT(dg_registry_open(&o, &r, &err), 0);
    CHECK_INT(dg_registry_schema(r, 19, &root, &err), 0);
    CHECK_INT(dg_registry_probe(r, &err), 0);
    dg_registry_close(r);
    input_write("password", "geheim", 6);
    CHECK_INT(dg_registry_open(&o, &r, &err), 0);
    CHECK_INT(dg_registry_schema(r, 19, &root, &err), EACCES);
    CHECK(strstr(err.message, "geheim") == NULL);
    dg_registry_close(r);
    remove(kept);
    CHECK_INT(dg_registry_open(&o, &r, &err), ENOENT);
    CHECK(strstr(err.message, kept) != NULL);
    registry_server_stop(server);
}

static void urls_are_judged_at_once(void)
{
    static const char *const bad[] = {"",
                                      "registry:8081",
                                      "ftp://registry",
                                      "file:///etc/passwd",
                                      "http://us:geheim@registry",
                                      "http://geheim@registry",
                                      "http://registry?geheim",
                                      "http://"};
    struct dg_registry *r = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dg_error err = {0};
        CHECK_INT(dg_registry_open(&(struct dg_registry_options){.url = bad[i]}, &r, &err), EINVAL);
        CHECK(err.message[0] != '\0' && strstr(err.message, "geheim") == NULL);
    }
    CHECK(r == NULL);
    struct dg_error err = {0};
    CHECK_INT(
        dg_registry_open(&(struct dg_registry_options){.url = "http://127.0.0.1:1/"}, &r, &err), 0);
    CHECK_INT(dg_registry_probe(r, &err), EAGAIN);
    CHECK(strstr(err.message, "http://127.0.0.1:1") != NULL);
    dg_registry_close(r);
}

static void *ask_slow(void *context)
{
    const struct bench *const b = context;
    const struct dg_avro_type *root = NULL;
    CHECK_INT(dg_registry_schema(b->registry, 12, &root, NULL), 0);
    return NULL;
}

static void *ask_known(void *context)
{
    const struct bench *const b = context;
    const struct dg_avro_type *root = NULL;
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(dg_registry_schema(b->registry, 1 + (uint32_t)i % 2, &root, NULL), 0);
    }
    return NULL;
}

static void a_slow_answer_does_not_hold_up_who_knows(void)
{
    struct bench b = begin(60000);
    const struct dg_avro_type *root = NULL;
    pthread_t slow, known[4];
    CHECK_INT(dg_registry_schema(b.registry, 1, &root, NULL), 0);
    CHECK_INT(dg_registry_schema(b.registry, 2, &root, NULL), 0);
    pthread_create(&slow, NULL, ask_slow, &b);
    while (registry_server_count(b.server) < 3) { /* the request is under way */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    for (size_t i = 0; i < 4; i++) { /* would wait for ever if the lock were held */
        pthread_create(&known[i], NULL, ask_known, &b);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(known[i], NULL);
    }
    registry_server_release(b.server);
    pthread_join(slow, NULL);
    CHECK_INT(registry_server_count(b.server), 3);
    end(&b);
}

static void many_who_ask_at_once_ask_once(void)
{
    struct bench b = begin(0);
    pthread_t known[8];
    for (size_t i = 0; i < 8; i++) {
        pthread_create(&known[i], NULL, ask_known, &b);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(known[i], NULL);
    }
    CHECK_INT(registry_server_count(b.server), 2);
    end(&b);
}

/* ---- with a decoder ------------------------------------------------------------------------ */

static void add(struct records *r, struct ocf_bytes *b, uint32_t id, double x, int64_t k)
{
    const uint8_t head[5] = {0, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                             (uint8_t)id};
    const size_t start = b->len;
    ocf_bytes_put(b, head, sizeof head);
    if (id == 2) {
        ocf_bytes_string(b, "de", 2);
        ocf_bytes_long(b, k);
    } else {
        ocf_bytes_double(b, x);
    }
    record_add(r, (const void *)(uintptr_t)start, b->len - start); /* b may still move */
}

static void settle(struct records *r, const struct ocf_bytes *b)
{
    for (size_t i = 0; i < r->n; i++) {
        r->at[i].value = b->data + (uintptr_t)r->at[i].value;
    }
}

static void schemas_may_change_in_the_middle(void)
{
    struct bench b = begin(0);
    struct ocf_bytes bytes = {0};
    struct records r = {0};
    const struct dg_source_spec spec = {.framing = DG_FRAMING_CONFLUENT};
    add(&r, &bytes, 1, 0.5, 0);
    add(&r, &bytes, 1, 1.5, 0);
    add(&r, &bytes, 2, 0, 7); /* x is a long now, and c is new */
    add(&r, &bytes, 99, 1, 0);
    add(&r, &bytes, 2, 0, 8);
    add(&r, &bytes, 5, 1, 0);
    add(&r, &bytes, 14, 1, 0); /* no record at all: a string of 0 bytes, and more behind it */
    add(&r, &bytes, 1, 2.5, 0);
    settle(&r, &bytes);
    char *got = records_read(&spec, NULL, b.registry, "n:x", &r, NULL);
    CHECK_STR(got, "100 0.5\n101 1.5\n--\n102 7 +c\n103 BAD schema\n104 8 +c\n105 BAD schema\n--\n"
                   "106 BAD malformed\n--\n107 2.5\n");
    free(got);
    ocf_bytes_free(&bytes);
    end(&b);
}

static void records_wait_for_their_schema(void)
{
    struct bench b = begin(0);
    struct ocf_bytes bytes = {0};
    struct records r = {0};
    const struct dg_source_spec spec = {0};
    add(&r, &bytes, 1, 0.5, 0);
    add(&r, &bytes, 20, 1.5, 0);
    add(&r, &bytes, 1, 2.5, 0);
    settle(&r, &bytes);
    char *got = records_read(&spec, NULL, b.registry, "n:x", &r, NULL);
    CHECK(strncmp(got, "100 0.5\nLATER: ", 15) == 0 && strstr(got, "HTTP 503") != NULL);
    free(got);
    ocf_bytes_free(&bytes);
    end(&b);
}

int main(int argc, char **argv)
{
    return CHECK_MAIN(
        argc, argv, CASE(every_answer_has_its_meaning), CASE(references_are_resolved),
        CASE(what_is_known_is_not_asked_for_again), CASE(a_registry_in_trouble_is_left_in_peace),
        CASE(the_password_is_sent_and_never_said), CASE(urls_are_judged_at_once),
        CASE(a_slow_answer_does_not_hold_up_who_knows), CASE(many_who_ask_at_once_ask_once),
        CASE(schemas_may_change_in_the_middle), CASE(records_wait_for_their_schema));
}
