#include "tests/support/memory_ledger_private.h"

#include <stdlib.h>
#include <string.h>

size_t memory_db_positions(const struct memory_db *db, const struct dg_position **out)
{
    *out = db->position;
    return db->n_positions;
}

const struct dg_position *memory_db_position(const struct memory_db *db, int32_t stream,
                                             const char *topic, int32_t partition)
{
    const struct dg_topic_partition place = {topic, partition};
    return find_position(db, stream, &place);
}

size_t memory_db_gaps(const struct memory_db *db, const struct dg_gap **out)
{
    *out = db->gap;
    return db->n_gaps;
}

size_t memory_db_commits(const struct memory_db *db)
{
    return (size_t)db->commits;
}

static const struct stream *look(const struct memory_db *db, int32_t stream)
{
    DG_ASSERT(stream >= 1 && (size_t)stream <= db->n_streams);
    return &db->stream[stream - 1];
}

size_t memory_db_rows(const struct memory_db *db, int32_t stream)
{
    return look(db, stream)->n_rows;
}

int memory_db_deltas(const struct memory_db *db, int32_t stream, dg_store_visitor visitor,
                     void *arg)
{
    const struct stream *s = look(db, stream);
    int rc = 0;
    for (size_t i = 0; i < s->n_rows && rc == 0; i++) {
        const struct delta_row *r = &s->row[i];
        rc = dg_unpack(r->pane_us, r->bytes, r->n, visitor, arg, NULL);
    }
    return rc;
}

const struct dg_group *memory_db_group(const struct memory_db *db, int32_t stream, uint32_t group)
{
    const struct stream *s = look(db, stream);
    return group < s->n_groups ? &s->group[group] : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The strings, sorted, one after the other. */
static void put_sorted(char *line[], size_t n, struct dg_bytes *out)
{
    if (n > 1) {
        qsort(line, n, sizeof *line, by_text);
    }
    for (size_t i = 0; i < n; i++) {
        dg_put_raw(out, line[i], strlen(line[i]));
    }
}

void memory_db_results(const struct memory_db *db, int32_t stream, struct dg_bytes *out,
                       uint64_t *revisions)
{
    const struct stream *s = look(db, stream);
    char **line = must(calloc(s->n_results + 1, sizeof *line));
    uint64_t beyond = 0;
    for (size_t i = 0; i < s->n_results; i++) {
        line[i] = s->result[i].text;
        beyond += s->result[i].revision - 1;
    }
    put_sorted(line, s->n_results, out);
    free(line);
    if (revisions != NULL) {
        *revisions = beyond;
    }
}

void memory_sort_rows(const struct dg_bytes *text, struct dg_bytes *out)
{
    char **line = NULL;
    size_t n = 0;
    for (size_t at = 0; at < text->len;) {
        const char *from = (const char *)text->data + at;
        const char *end = memchr(from, '\n', text->len - at);
        const size_t len = end == NULL ? text->len - at : (size_t)(end - from) + 1;
        if (strncmp(from, "series ", 7) == 0 || strncmp(from, "slice ", 6) == 0) {
            *(char **)more(&line, n++, sizeof *line) = must(strndup(from, len));
        }
        at += len;
    }
    put_sorted(line, n, out);
    for (size_t i = 0; i < n; i++) {
        free(line[i]);
    }
    free(line);
}
