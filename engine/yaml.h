/* engine/yaml.h -- a YAML document as a tree that remembers where everything was written. */
#ifndef DG_ENGINE_YAML_H
#define DG_ENGINE_YAML_H

#include "engine/arena.h"
#include "engine/diagnostics.h"

#define DG_YAML_BYTES_MAX 1048576 /* of a file */
#define DG_YAML_DEPTH_MAX 32
#define DG_YAML_NODES_MAX 200000 /* with every alias written out */
#define DG_YAML_ENV_MAX   65536  /* bytes of a scalar after ${env:...} */

enum dg_yaml_kind { DG_YAML_SCALAR, DG_YAML_LIST, DG_YAML_MAP };

struct dg_yaml_pair;

/* Nodes are shared where the document uses an alias; they never contain themselves. */
struct dg_yaml_node {
    enum dg_yaml_kind kind;
    struct dg_place place;      /* of an alias: where the alias stands is not kept, its anchor is */
    const char *text;           /* SCALAR: never coerced; after ${env:...}; no NUL inside */
    bool plain;                 /* SCALAR: written without quotes */
    bool broken;                /* its text is not what it should be, which was said already */
    struct dg_yaml_node **item; /* LIST [n] */
    struct dg_yaml_pair *pair;  /* MAP [n], in the order written, keys distinct */
    size_t n;
    size_t weight; /* nodes in it, aliases written out */
};

struct dg_yaml_pair {
    const char *key;
    struct dg_place place; /* of the key */
    struct dg_yaml_node *value;
};

/*
 * Parse the one document in text[len] into nodes that live in `arena`. Everything that is wrong is
 * added to `d`: broken syntax (libyaml stops at the first), more than one document, tags, merge
 * keys, duplicate keys, keys that are not text, aliases without an anchor or to a node around them,
 * nesting deeper than DG_YAML_DEPTH_MAX, undefined variables.
 * Scalars stay text: `no`, `1.0` and `~` are what they look like. `${env:NAME}` and
 * `${env:NAME:-default}` are replaced inside values after parsing, so that a variable cannot change
 * the structure; `$${env:` stands for itself.
 * Returns 0 and *root, which is NULL if the text could not be parsed at all; ENOMEM.
 */
DG_MUST_CHECK int dg_yaml_parse(const char *text, size_t len, struct dg_arena *arena,
                                struct dg_diagnostics *d, struct dg_yaml_node **root);

/* True for a value that was left out: `key:` and nothing after it. */
bool dg_yaml_is_nothing(const struct dg_yaml_node *node);

/* Replace variables in `text`, which stands at `place`. Returns the result in `arena` (`text`
 * itself where nothing was to do); NULL: out of memory. What is wrong goes to `d`. */
const char *dg_yaml_expand(const char *text, struct dg_place place, struct dg_arena *arena,
                           struct dg_diagnostics *d);

/* `text` as a YAML scalar on one line: plain where no tool can misread it, else in double quotes.
 */
void dg_yaml_put_text(FILE *out, const char *text);

#endif
