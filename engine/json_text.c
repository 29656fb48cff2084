#include "engine/json_text.h"

#include <math.h>

size_t dg_utf8_length(const char *text, size_t len)
{
    const unsigned char *u = (const unsigned char *)text;
    if (u[0] < 0x80) {
        return 1;
    }
    const size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    if (u[0] < 0xc2 || u[0] > 0xf4 || len < n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xf0 && u[1] < 0x90);
    const bool surrogate = u[0] == 0xed && u[1] > 0x9f;
    const bool beyond = u[0] == 0xf4 && u[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

static void put_escaped(FILE *out, unsigned char c)
{
    switch (c) {
    case '"':
        fputs("\\\"", out);
        break;
    case '\\':
        fputs("\\\\", out);
        break;
    case '\n':
        fputs("\\n", out);
        break;
    case '\r':
        fputs("\\r", out);
        break;
    case '\t':
        fputs("\\t", out);
        break;
    default:
        fprintf(out, "\\u%04x", (unsigned)c);
    }
}

void dg_json_put_text(FILE *out, const char *text, size_t len)
{
    putc('"', out);
    for (size_t at = 0; at < len;) {
        const unsigned char c = (unsigned char)text[at];
        const size_t n = dg_utf8_length(text + at, len - at);
        if (n == 0) {
            fputs("\\ufffd", out);
            at++;
        } else if (c < 0x20 || c == 0x7f || c == '"' || c == '\\') {
            put_escaped(out, c);
            at++;
        } else {
            fwrite(text + at, 1, n, out);
            at += n;
        }
    }
    putc('"', out);
}

void dg_json_put_real(FILE *out, double x)
{
    if (isfinite(x)) {
        fprintf(out, "%.12g", x == 0.0 ? 0.0 : x);
    } else {
        fputs("null", out);
    }
}
