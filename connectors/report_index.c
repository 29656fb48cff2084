#include "connectors/report_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a (Fowler, Noll, Vo), finished by the multiply-shift of SplitMix64. */
static uint64_t hash_bytes(const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        h = (h ^ at[i]) * UINT64_C(0x100000001b3);
    }
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ (h >> 31);
}

struct dg_report_strings {
    char **text;    /* [n] */
    uint32_t *slot; /* [slots] id + 1; 0: free */
    uint32_t n, cap, slots, limit;
    size_t bytes;
};

struct dg_report_strings *dg_report_strings_new(uint32_t limit)
{
    struct dg_report_strings *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->limit = limit;
    s->slots = 256;
    s->slot = calloc(s->slots, sizeof *s->slot);
    if (s->slot == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void dg_report_strings_free(struct dg_report_strings *s)
{
    if (s == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        free(s->text[i]);
    }
    free(s->text);
    free(s->slot);
    free(s);
}

static uint32_t *find_slot(uint32_t *slot, uint32_t slots, char *const *text, const char *wanted)
{
    uint32_t at = (uint32_t)hash_bytes(wanted, strlen(wanted)) & (slots - 1);
    while (slot[at] != 0 && strcmp(text[slot[at] - 1], wanted) != 0) {
        at = (at + 1) & (slots - 1);
    }
    return &slot[at];
}

static int grow_strings(struct dg_report_strings *s)
{
    const uint32_t slots = s->slots * 2;
    uint32_t *slot = calloc(slots, sizeof *slot);
    if (slot == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        *find_slot(slot, slots, s->text, s->text[i]) = i + 1;
    }
    free(s->slot);
    s->slot = slot;
    s->slots = slots;
    return 0;
}

int dg_report_strings_add(struct dg_report_strings *s, const char *text, uint32_t *id)
{
    uint32_t *slot = find_slot(s->slot, s->slots, s->text, text);
    if (*slot != 0) {
        *id = *slot - 1;
        return 0;
    }
    if (s->n >= s->limit && strcmp(text, "(more)") != 0) {
        return dg_report_strings_add(s, "(more)", id);
    }
    if (s->n == s->cap) {
        const uint32_t cap = s->cap == 0 ? 64 : s->cap * 2;
        char **grown = realloc(s->text, cap * sizeof *grown);
        if (grown == NULL) {
            return ENOMEM;
        }
        s->text = grown;
        s->cap = cap;
    }
    if ((s->n + 1) * 2 > s->slots) {
        if (grow_strings(s) != 0) {
            return ENOMEM;
        }
        slot = find_slot(s->slot, s->slots, s->text, text);
    }
    char *copy = strdup(text);
    if (copy == NULL) {
        return ENOMEM;
    }
    s->bytes += strlen(text) + 1;
    s->text[s->n++] = copy;
    *slot = s->n;
    *id = s->n - 1;
    return 0;
}

const char *dg_report_strings_get(const struct dg_report_strings *s, uint32_t id)
{
    DG_ASSERT(id < s->n);
    return s->text[id];
}

size_t dg_report_strings_bytes(const struct dg_report_strings *s)
{
    return s->bytes + s->cap * sizeof *s->text + s->slots * sizeof *s->slot;
}

struct entry {
    struct dg_report_key key;
    uint32_t value; /* + 1; 0: free */
};

struct dg_report_index {
    struct entry *entry; /* [slots] */
    uint32_t slots, n;
};

struct dg_report_index *dg_report_index_new(void)
{
    struct dg_report_index *x = calloc(1, sizeof *x);
    if (x == NULL) {
        return NULL;
    }
    x->slots = 256;
    x->entry = calloc(x->slots, sizeof *x->entry);
    if (x->entry == NULL) {
        free(x);
        return NULL;
    }
    return x;
}

void dg_report_index_free(struct dg_report_index *x)
{
    if (x != NULL) {
        free(x->entry);
        free(x);
    }
}

static uint32_t find_entry(const struct entry *entry, uint32_t slots,
                           const struct dg_report_key *key)
{
    uint32_t at = (uint32_t)hash_bytes(key, sizeof *key) & (slots - 1);
    while (entry[at].value != 0 && memcmp(&entry[at].key, key, sizeof *key) != 0) {
        at = (at + 1) & (slots - 1);
    }
    return at;
}

static int grow_index(struct dg_report_index *x)
{
    const uint32_t slots = x->slots * 2;
    struct entry *entry = calloc(slots, sizeof *entry);
    if (entry == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < x->slots; i++) {
        if (x->entry[i].value != 0) {
            entry[find_entry(entry, slots, &x->entry[i].key)] = x->entry[i];
        }
    }
    free(x->entry);
    x->entry = entry;
    x->slots = slots;
    return 0;
}

int dg_report_index_put(struct dg_report_index *x, const struct dg_report_key *key, uint32_t value,
                        uint32_t *found)
{
    uint32_t at = find_entry(x->entry, x->slots, key);
    if (x->entry[at].value == 0) {
        if ((x->n + 1) * 2 > x->slots) {
            if (grow_index(x) != 0) {
                return ENOMEM;
            }
            at = find_entry(x->entry, x->slots, key);
        }
        x->entry[at] = (struct entry){*key, value + 1};
        x->n++;
    }
    *found = x->entry[at].value - 1;
    return 0;
}

bool dg_report_index_get(const struct dg_report_index *x, const struct dg_report_key *key,
                         uint32_t *value)
{
    const uint32_t at = find_entry(x->entry, x->slots, key);
    if (x->entry[at].value == 0) {
        return false;
    }
    *value = x->entry[at].value - 1;
    return true;
}

size_t dg_report_index_bytes(const struct dg_report_index *x)
{
    return x->slots * sizeof *x->entry;
}
