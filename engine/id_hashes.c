#include "engine/id_hashes.h"

#include <errno.h>
#include <stdlib.h>

void dg_id_hashes_deinit(struct dg_id_hashes *h)
{
    free(h->hash);
    *h = (struct dg_id_hashes){0};
}

int dg_id_hashes_of(struct dg_id_hashes *h, const struct dg_batch *b, const uint64_t **out)
{
    const int id = b->projection->id;
    if (id < 0 || b->n == 0) {
        *out = NULL;
        return 0;
    }
    if (b->n > h->cap) {
        uint64_t *grown = realloc(h->hash, b->n * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        h->hash = grown;
        h->cap = b->n;
    }
    for (size_t row = 0; row < b->n; row++) {
        const struct dg_text *t = &b->column[id].text[row];
        const bool has = b->reason[row] == DG_GOOD && t->triage == DG_FINITE;
        h->hash[row] = has ? dg_hash_key(t->bytes, t->len) : 0;
    }
    *out = h->hash;
    return 0;
}
