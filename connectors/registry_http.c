#include "connectors/registry_http.h"

#include "stats/bytes.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS   5000
#define PASSWORD_MAX 1024

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_ready;

static void start_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- options ------------------------------------------------------------------------------- */

static bool part_is(CURLU *u, CURLUPart part, const char *a, const char *b)
{
    char *text = NULL;
    const bool there = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    const bool same = there && (a == NULL || strcmp(text, a) == 0 || strcmp(text, b) == 0);
    curl_free(text);
    return same;
}

/* The words do not repeat the URL where it may hold a password. */
static int check_url(const char *url, struct dg_error *err)
{
    CURLU *u = curl_url();
    if (u == NULL) {
        return dg_fail_memory(err);
    }
    int rc = 0;
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        rc = dg_fail(err, EINVAL,
                     "the schema registry's URL cannot be read: write "
                     "http://HOST:PORT or https://HOST, with the path if there is one");
    } else if (!part_is(u, CURLUPART_SCHEME, "http", "https")) {
        rc = dg_fail(err, EINVAL, "the schema registry's URL must begin with http:// or https://");
    } else if (part_is(u, CURLUPART_USER, NULL, NULL) ||
               part_is(u, CURLUPART_PASSWORD, NULL, NULL)) {
        rc = dg_fail(err, EINVAL,
                     "the schema registry's URL must not hold a user or password: "
                     "give the user by itself and the password in a file");
    } else if (part_is(u, CURLUPART_QUERY, NULL, NULL) ||
               part_is(u, CURLUPART_FRAGMENT, NULL, NULL)) {
        rc = dg_fail(err, EINVAL,
                     "the schema registry's URL ends with its path: remove what "
                     "begins with ? or #");
    }
    curl_url_cleanup(u);
    return rc;
}

/* Read anew for every request: it may be changed while we run. */
static int read_password(const struct dg_registry_http *h, char out[PASSWORD_MAX],
                         struct dg_error *err)
{
    FILE *in = fopen(h->password_file, "re");
    const size_t n = in == NULL ? 0 : fread(out, 1, PASSWORD_MAX - 1, in);
    const int code = in == NULL ? errno : ferror(in) != 0 ? EIO : 0;
    if (in != NULL) {
        fclose(in);
    }
    if (code != 0) {
        return dg_fail(err, code, "cannot read the schema registry's password from %s: %s",
                       h->password_file, strerror(code));
    }
    out[n] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
    return 0;
}

static char *copy(const char *text, bool *no_memory)
{
    char *made = text == NULL ? NULL : strdup(text);
    *no_memory |= text != NULL && made == NULL;
    return made;
}

int dg_registry_http_init(struct dg_registry_http *h, const struct dg_registry_options *o,
                          struct dg_error *err)
{
    bool no_memory = false;
    *h = (struct dg_registry_http){0};
    pthread_once(&curl_once, start_curl);
    if (!curl_ready) {
        return dg_fail_memory(err);
    }
    int rc = check_url(o->url, err);
    if (rc != 0) {
        return rc;
    }
    h->url = copy(o->url, &no_memory);
    h->user = copy(o->user, &no_memory);
    h->password_file = copy(o->password_file, &no_memory);
    h->ca_file = copy(o->ca_file, &no_memory);
    h->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    h->curl = curl_easy_init();
    if (no_memory || h->curl == NULL) {
        rc = dg_fail_memory(err);
    }
    for (size_t n = rc == 0 ? strlen(h->url) : 0; n > 0 && h->url[n - 1] == '/'; n--) {
        h->url[n - 1] = '\0';
    }
    if (rc == 0 && h->password_file != NULL) {
        char password[PASSWORD_MAX];
        rc = read_password(h, password, err);
        explicit_bzero(password, sizeof password);
    }
    if (rc == 0 && h->ca_file != NULL && access(h->ca_file, R_OK) != 0) {
        rc = dg_fail(err, errno, "cannot read the schema registry's `ca_file`, %s: %s", h->ca_file,
                     strerror(errno));
    }
    if (rc != 0) {
        dg_registry_http_deinit(h);
    }
    return rc;
}

void dg_registry_http_deinit(struct dg_registry_http *h)
{
    if (h->curl != NULL) {
        curl_easy_cleanup(h->curl);
    }
    free(h->url);
    free(h->user);
    free(h->password_file);
    free(h->ca_file);
    *h = (struct dg_registry_http){0};
}

/* ---- the request --------------------------------------------------------------------------- */

struct answer {
    struct dg_bytes bytes;
    bool too_large;
};

static size_t take(char *data, size_t size, size_t n, void *context)
{
    struct answer *const a = context;
    if (a->bytes.len + size * n > DG_REGISTRY_ANSWER_MAX) {
        a->too_large = true;
        return 0;
    }
    dg_put_raw(&a->bytes, data, size * n);
    return a->bytes.failed ? 0 : size * n;
}

static bool set_options(struct dg_registry_http *h, const char *url, struct answer *a,
                        struct curl_slist *headers)
{
    CURL *const c = h->curl;
    curl_easy_reset(c);
    h->said[0] = '\0';
    bool ok = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK;
    ok = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, h->timeout_ms) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, h->timeout_ms) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_USERAGENT, "driftgauge/" DG_VERSION) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->said) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK && ok;
    ok = curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, NULL) == CURLE_OK && ok;
    if (h->ca_file != NULL) {
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file) == CURLE_OK && ok;
    }
    return ok;
}

static int authorise(struct dg_registry_http *h, struct dg_error *err)
{
    if (h->user == NULL) {
        return 0;
    }
    char password[PASSWORD_MAX] = "";
    int rc = h->password_file == NULL ? 0 : read_password(h, password, err);
    if (rc == 0 && (curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
                    curl_easy_setopt(h->curl, CURLOPT_USERNAME, h->user) != CURLE_OK ||
                    curl_easy_setopt(h->curl, CURLOPT_PASSWORD, password) != CURLE_OK)) {
        rc = dg_fail_memory(err);
    }
    explicit_bzero(password, sizeof password);
    return rc == 0 || rc == ENOMEM ? rc : EAGAIN;
}

static json_t *parse(const struct dg_bytes *bytes)
{
    /* jansson limits the depth by itself (JSON_PARSER_MAX_DEPTH, 2048) */
    return json_loadb((const char *)bytes->data, bytes->len, JSON_REJECT_DUPLICATES, NULL);
}

/* What to do about it, "" where libcurl's words are enough. */
static const char *hint(struct dg_registry_http *h, CURLcode code)
{
    long verified = 0;
    (void)curl_easy_getinfo(h->curl, CURLINFO_SSL_VERIFYRESULT, &verified);
    const bool tls = strncasecmp(h->url, "https:", 6) == 0;
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        switch (verified) {
        case X509_V_OK: /* libcurl compares the name by itself, before it asks for this */
        case X509_V_ERR_UNSPECIFIED:
            return "; write a name that stands in its certificate in `url`";
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "; have it renewed";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "; check the clocks of both machines";
        default:
            return "; name its authority's certificate in `ca_file`";
        }
    }
    if (code == CURLE_SSL_CACERT_BADFILE) {
        return "; `ca_file` must hold certificates in PEM";
    }
    if (code == CURLE_SSL_CONNECT_ERROR) {
        return "; if it does not speak TLS, write http:// in `url`";
    }
    const bool cut = code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR;
    return cut && !tls ? "; if it wants TLS, write https:// in `url`" : "";
}

static int perform(struct dg_registry_http *h, struct answer *a, struct dg_registry_answer *out,
                   struct dg_error *err)
{
    const CURLcode code = curl_easy_perform(h->curl);
    if (code != CURLE_OK && !a->too_large) {
        return a->bytes.failed
                   ? dg_fail_memory(err)
                   : dg_fail(err, EAGAIN, "the schema registry at %s does not answer: %s%s", h->url,
                             h->said[0] != '\0' ? h->said : curl_easy_strerror(code),
                             hint(h, code));
    }
    curl_off_t after = 0;
    *out = (struct dg_registry_answer){.too_large = a->too_large};
    (void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &out->status);
    (void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after);
    out->retry_after_s = after > 0 && after < 3600 ? (long)after : 0;
    out->body = a->too_large || a->bytes.len == 0 ? NULL : parse(&a->bytes);
    return 0;
}

int dg_registry_http_get(struct dg_registry_http *h, const char *path,
                         struct dg_registry_answer *out, struct dg_error *err)
{
    struct answer a = {0};
    char *url = NULL;
    struct curl_slist *headers =
        curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    int rc = asprintf(&url, "%s%s", h->url, path) < 0 ? ENOMEM : 0;
    url = rc == 0 ? url : NULL;
    if (rc != 0 || headers == NULL || !set_options(h, url, &a, headers)) {
        rc = dg_fail_memory(err);
    }
    rc = rc == 0 ? authorise(h, err) : rc;
    rc = rc == 0 ? perform(h, &a, out, err) : rc;
    dg_bytes_deinit(&a.bytes);
    curl_slist_free_all(headers);
    free(url);
    return rc;
}
