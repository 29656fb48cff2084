#include "connectors/avro_canonical.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_FINGERPRINT UINT64_C(0xc15d213aa4d7a795)

/* Named types that have been written in full. */
struct names {
    const struct dg_avro_type **seen; /* [n] */
    size_t n, cap;
    bool no_memory;
};

static bool is_known(struct names *names, const struct dg_avro_type *t)
{
    for (size_t i = 0; i < names->n; i++) {
        if (names->seen[i] == t) {
            return true;
        }
    }
    if (names->n == names->cap) {
        const size_t cap = names->cap * 2 + 16;
        const struct dg_avro_type **seen = realloc(names->seen, cap * sizeof *seen);
        if (seen == NULL) {
            names->no_memory = true;
            return true; /* ends the walk */
        }
        names->seen = seen;
        names->cap = cap;
    }
    names->seen[names->n++] = t;
    return false;
}

static void write_type(FILE *out, const struct dg_avro_type *t, struct names *names)
{
    static const char quote[] = "\"";
    if (t->kind < DG_AVRO_ENUM) {
        fprintf(out, "\"%s\"", dg_avro_kind_name(t->kind));
        return;
    }
    if (t->kind == DG_AVRO_ARRAY || t->kind == DG_AVRO_MAP) {
        fprintf(out, "{\"type\":\"%s\",\"%s\":", dg_avro_kind_name(t->kind),
                t->kind == DG_AVRO_ARRAY ? "items" : "values");
        write_type(out, t->child[0], names);
        fputc('}', out);
        return;
    }
    if (t->kind == DG_AVRO_UNION) {
        for (uint32_t i = 0; i < t->n; i++) {
            fputc(i == 0 ? '[' : ',', out);
            write_type(out, t->child[i], names);
        }
        fputs(t->n == 0 ? "[]" : "]", out);
        return;
    }
    if (is_known(names, t)) {
        fprintf(out, "\"%s\"", t->name);
        return;
    }
    fprintf(out, "{\"name\":\"%s\",\"type\":\"%s\"", t->name, dg_avro_kind_name(t->kind));
    if (t->kind == DG_AVRO_FIXED) {
        fprintf(out, ",\"size\":%" PRIu64 "}", t->wire);
        return;
    }
    fputs(t->kind == DG_AVRO_ENUM ? ",\"symbols\":[" : ",\"fields\":[", out);
    for (uint32_t i = 0; i < t->n; i++) {
        fputs(i == 0 ? "" : ",", out);
        if (t->kind == DG_AVRO_ENUM) {
            fprintf(out, "%s%s%s", quote, t->label[i], quote);
        } else {
            fprintf(out, "{\"name\":\"%s\",\"type\":", t->label[i]);
            write_type(out, t->child[i], names);
            fputc('}', out);
        }
    }
    fputs("]}", out);
}

int dg_avro_canonical(const struct dg_avro_type *root, char **text, size_t *len)
{
    struct names names = {0};
    char *buf = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&buf, &n);
    if (out == NULL) {
        return ENOMEM;
    }
    write_type(out, root, &names);
    const bool ok = ferror(out) == 0;
    if (fclose(out) != 0 || !ok || names.no_memory) {
        free(names.seen);
        free(buf);
        return ENOMEM;
    }
    free(names.seen);
    *text = buf;
    *len = n;
    return 0;
}

uint64_t dg_avro_crc64(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t crc = EMPTY_FINGERPRINT;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (EMPTY_FINGERPRINT & -(crc & 1));
        }
    }
    return crc;
}
