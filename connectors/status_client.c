#include "connectors/status_client.h"

#include "connectors/token_file.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOCUMENT_MAX (64 << 20)

struct body {
    char *text;
    size_t len;
    bool failed;
};

static size_t take(char *bytes, size_t size, size_t n, void *arg)
{
    struct body *b = arg;
    char *text = b->len + n <= DOCUMENT_MAX ? realloc(b->text, b->len + n + 1) : NULL;
    (void)size; /* 1 */
    if (text == NULL) {
        b->failed = true;
        return 0;
    }
    memcpy(text + b->len, bytes, n);
    b->text = text;
    b->len += n;
    text[b->len] = '\0';
    return n;
}

static int ask_stop(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct dg_status_request *r = arg;
    (void)a, (void)b, (void)c, (void)d;
    return r->stop != NULL && r->stop();
}

/* The address of the document; owned. */
static char *full_url(const char *url)
{
    static const char path[] = "/v1/status";
    const char *scheme = strstr(url, "://") != NULL ? "" : "http://";
    const char *host = strstr(url, "://") != NULL ? strstr(url, "://") + 3 : url;
    const size_t slash = strcspn(host, "/");
    const bool whole = host[slash] != '\0' && host[slash + 1] != '\0';
    char *full = NULL;
    return asprintf(&full, "%s%.*s%s", scheme,
                    (int)(host - url + (ptrdiff_t)(whole ? strlen(host) : slash)), url,
                    whole ? "" : path) < 0
               ? NULL
               : full;
}

static int explain(CURLcode rc, const char *url, const char *detail, struct dg_error *err)
{
    switch ((int)rc) {
    case CURLE_OPERATION_TIMEDOUT:
        return dg_fail(err, ETIMEDOUT, "%s does not answer in time", url);
    case CURLE_ABORTED_BY_CALLBACK:
        return dg_fail(err, ECANCELED, "interrupted");
    case CURLE_OUT_OF_MEMORY:
        return dg_fail_memory(err);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return dg_fail(err, EINVAL, "\"%s\" is no address: write http://host:port", url);
    default:
        return dg_fail(err, ECONNREFUSED,
                       "nobody answers at %s (%s); is driftgauge running there, and is that what "
                       "its http.listen says?",
                       url, detail[0] != '\0' ? detail : curl_easy_strerror(rc));
    }
}

static int check_answer(long status, const char *url, bool token, struct dg_error *err)
{
    switch (status) {
    case 200:
        return 0;
    case 401:
    case 403:
        return dg_fail(err, EACCES, "%s %s", url,
                       token ? "does not take the token of --token-file"
                             : "wants a token; give the file that holds it as --token-file");
    default:
        return dg_fail(err, EPROTO, "%s answers %ld; is that a driftgauge?", url, status);
    }
}

static bool set_up(CURL *curl, const struct dg_status_request *r, const char *url,
                   struct body *body, char *detail)
{
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, r->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, ask_stop) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)r) == CURLE_OK;
}

static bool set_token(CURL *curl, const char *token)
{
    return token[0] == '\0' ||
           (curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token) == CURLE_OK);
}

static int request_document(const struct dg_status_request *r, const char *url, const char *token,
                            struct body *body, struct dg_error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();
    if (curl == NULL || !set_up(curl, r, url, body, detail) || !set_token(curl, token)) {
        curl_easy_cleanup(curl);
        return dg_fail_memory(err);
    }
    const CURLcode rc = curl_easy_perform(curl);
    if (rc == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(curl);
    if (body->failed) {
        return dg_fail(err, EPROTO, "%s sends more than a status", url);
    }
    return rc != CURLE_OK ? explain(rc, url, detail, err)
                          : check_answer(status, url, token[0] != '\0', err);
}

int dg_status_fetch(const struct dg_status_request *request, char **text, size_t *len,
                    struct dg_error *err)
{
    char token[DG_TOKEN_MAX] = "";
    struct body body = {0};
    int code = request->token_file != NULL ? dg_token_read(request->token_file, token, err) : 0;
    if (code != 0) {
        return code;
    }
    char *url = full_url(request->url);
    code = url == NULL ? dg_fail_memory(err) : request_document(request, url, token, &body, err);
    OPENSSL_cleanse(token, sizeof token);
    if (code == 0 && body.text == NULL) {
        code = dg_fail(err, EPROTO, "%s answers nothing; is that a driftgauge?", url);
    }
    free(url);
    if (code != 0) {
        free(body.text);
        return code;
    }
    *text = body.text;
    *len = body.len;
    return 0;
}
