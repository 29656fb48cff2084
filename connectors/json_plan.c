#include "connectors/json_plan.h"

#include "connectors/pointer.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

static uint64_t hash_of(uint32_t parent, const void *key, size_t len)
{
    return XXH3_64bits_withSeed(key, len, parent);
}

uint32_t dg_json_plan_find(const struct dg_json_plan *plan, uint32_t parent, const void *key,
                           size_t len)
{
    const uint64_t hash = hash_of(parent, key, len);
    for (uint32_t i = (uint32_t)hash & plan->mask;; i = (i + 1) & plan->mask) {
        const uint32_t found = plan->table[i];
        if (found == 0) {
            return 0;
        }
        const struct dg_json_node *const node = &plan->node[found];
        if (node->hash == hash && node->parent == parent && node->len == len &&
            memcmp(node->key, key, len) == 0) {
            return found;
        }
    }
}

/* The child of that name, made if there is none. `key` must live in plan->keys. */
static uint32_t child(struct dg_json_plan *plan, uint32_t parent, const char *key, size_t len)
{
    const uint32_t found = dg_json_plan_find(plan, parent, key, len);
    if (found != 0) {
        return found;
    }
    const uint32_t made = plan->n++;
    const uint64_t hash = hash_of(parent, key, len);
    plan->node[made] = (struct dg_json_node){.key = key,
                                             .len = (uint32_t)len,
                                             .parent = parent,
                                             .hash = hash,
                                             .first_column = -1,
                                             .capture = -1,
                                             .first_child = -1,
                                             .next_sibling = plan->node[parent].first_child};
    plan->node[parent].first_child = (int32_t)made;
    uint32_t i = (uint32_t)hash & plan->mask;
    while (plan->table[i] != 0) {
        i = (i + 1) & plan->mask;
    }
    plan->table[i] = made;
    return made;
}

/* Walk the tokens of `path`, making what is missing; *keys is where unescaped tokens go. */
static uint32_t place(struct dg_json_plan *plan, const char *path, char **keys)
{
    uint32_t node = 0;
    path = dg_pointer_around(path);
    const bool pointer = path[0] == '/';
    if (path[0] == '\0') {
        return node;
    }
    do {
        path += pointer;
        char *const key = *keys;
        while (*path != '\0' && !(pointer && *path == '/')) {
            *(*keys)++ = pointer ? dg_pointer_byte(&path) : *path++;
        }
        node = child(plan, node, key, (size_t)(*keys - key));
    } while (*path != '\0');
    return node;
}

static void add_column(struct dg_json_plan *plan, size_t c, uint32_t node)
{
    plan->n_wanted += plan->node[node].first_column < 0;
    plan->node_of[c] = node;
    plan->next_column[c] = plan->node[node].first_column;
    plan->node[node].first_column = (int32_t)c;
}

static void count(const char *path, size_t *bytes, size_t *nodes)
{
    ++*nodes;
    for (const char *p = path; *p != '\0'; p++) {
        ++*bytes;
        *nodes += *p == '/';
    }
}

int dg_json_plan_init(struct dg_json_plan *plan, const struct dg_projection *projection,
                      const char *const capture[], uint32_t n_captures, struct dg_error *err)
{
    *plan = (struct dg_json_plan){.projection = projection, .n_captures = n_captures};
    size_t bytes = 1;
    size_t nodes = 1;
    for (size_t i = 0; i < projection->n; i++) {
        count(projection->field[i].path, &bytes, &nodes);
    }
    for (size_t i = 0; i < projection->n_ignore; i++) {
        count(projection->ignore[i], &bytes, &nodes);
    }
    for (size_t i = 0; i < n_captures; i++) {
        count(capture[i], &bytes, &nodes);
    }
    size_t slots = 16;
    while (slots < 3 * nodes) {
        slots *= 2;
    }
    plan->node = calloc(nodes, sizeof plan->node[0]);
    plan->table = calloc(slots, sizeof plan->table[0]);
    plan->mask = (uint32_t)(slots - 1);
    plan->next_column = calloc(projection->n + 1, sizeof plan->next_column[0]);
    plan->node_of = calloc(projection->n + 1, sizeof plan->node_of[0]);
    plan->keys = malloc(bytes);
    if (plan->node == NULL || plan->table == NULL || plan->next_column == NULL ||
        plan->node_of == NULL || plan->keys == NULL) {
        return dg_fail_memory(err);
    }
    plan->node[0] = (struct dg_json_node){
        .first_column = -1, .capture = -1, .first_child = -1, .next_sibling = -1};
    plan->n = 1;
    char *keys = plan->keys;
    for (size_t i = 0; i < projection->n; i++) {
        add_column(plan, i, place(plan, projection->field[i].path, &keys));
    }
    for (uint32_t i = 0; i < n_captures; i++) {
        plan->node[place(plan, capture[i], &keys)].capture = (int32_t)i;
    }
    for (size_t i = 0; i < projection->n_ignore; i++) {
        const size_t len = strlen(projection->ignore[i]); /* always top-level names */
        memcpy(keys, projection->ignore[i], len);
        (void)child(plan, 0, keys, len);
        keys += len;
    }
    return 0;
}

void dg_json_plan_deinit(struct dg_json_plan *plan)
{
    free(plan->node);
    free(plan->table);
    free(plan->next_column);
    free(plan->node_of);
    free(plan->keys);
    *plan = (struct dg_json_plan){0};
}
