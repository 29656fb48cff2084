#include "engine/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct anchor {
    struct anchor *next;
    const char *name;
    struct dg_yaml_node *node;
    bool open; /* its node is still being read */
};

struct parser {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one being handled */
    const char *text;
    size_t len;
    struct dg_arena *arena;
    struct dg_diagnostics *d;
    struct anchor *anchors;
    int depth;
    bool stop; /* nothing more can be read */
    bool out_of_memory;
};

/* Growing array of children, before it is copied to the arena. */
struct children {
    void *at;
    size_t n;
    size_t cap;
    size_t size;
};

static struct dg_place place_of(yaml_mark_t start, yaml_mark_t end)
{
    const bool one_line = end.line == start.line && end.column > start.column;
    return (struct dg_place){.line = (uint32_t)start.line + 1,
                             .column = (uint32_t)start.column + 1,
                             .width = one_line ? (uint32_t)(end.column - start.column) : 1};
}

static struct dg_place event_place(const struct parser *p)
{
    return place_of(p->event.start_mark, p->event.end_mark);
}

static void *no_memory(struct parser *p)
{
    p->stop = p->out_of_memory = true;
    return NULL;
}

/* libyaml's reader reports a byte offset and no mark. */
static struct dg_place offset_place(const struct parser *p, size_t offset)
{
    struct dg_place place = {1, 1, 1};
    for (size_t i = 0; i < offset && i < p->len; i++) {
        if (p->text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

static const char *advice(const struct parser *p, struct dg_place place)
{
    const char *line = p->text, *end = p->text + p->len;
    for (uint32_t i = 1; i < place.line && line < end; i++) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        line = next == NULL ? end : next + 1;
    }
    while (line < end && *line == ' ') {
        line++;
    }
    if (line < end && *line == '\t') {
        return "indent with spaces; YAML does not allow tabs there";
    }
    if (p->yaml.problem != NULL && strstr(p->yaml.problem, "cannot start any token") != NULL) {
        return "put the text in quotes";
    }
    if (p->yaml.problem != NULL && strstr(p->yaml.problem, "mapping values are not") != NULL) {
        return "is this line indented like its neighbours, and text with ': ' in it quoted?";
    }
    return NULL;
}

static void syntax_error(struct parser *p)
{
    p->stop = true;
    if (p->yaml.error == YAML_MEMORY_ERROR) {
        p->out_of_memory = true;
    } else if (p->yaml.error == YAML_READER_ERROR) {
        dg_diagnose(p->d, DG_ERROR, offset_place(p, p->yaml.problem_offset),
                    "the file must be UTF-8 text without control characters",
                    "this is not a text file: %s", p->yaml.problem);
    } else {
        const struct dg_place place = place_of(p->yaml.problem_mark, p->yaml.problem_mark);
        const char *context = p->yaml.context == NULL ? "" : p->yaml.context;
        dg_diagnose(p->d, DG_ERROR, place, advice(p, place), "not valid YAML%s%s: %s",
                    *context == '\0' ? "" : ", ", context, p->yaml.problem);
    }
}

static bool next(struct parser *p)
{
    if (p->stop) {
        return false;
    }
    yaml_event_delete(&p->event);
    if (!yaml_parser_parse(&p->yaml, &p->event)) {
        syntax_error(p);
        return false;
    }
    return true;
}

static bool grow(struct parser *p, struct children *c)
{
    if (c->n < c->cap) {
        return true;
    }
    const size_t cap = c->cap == 0 ? 8 : 2 * c->cap;
    void *at = realloc(c->at, cap * c->size);
    if (at == NULL) {
        return no_memory(p) != NULL;
    }
    c->at = at;
    c->cap = cap;
    return true;
}

static void *keep(struct parser *p, const struct children *c)
{
    void *copy = dg_arena_take(p->arena, c->n, c->size);
    if (copy == NULL) {
        return no_memory(p);
    }
    if (c->n > 0) {
        memcpy(copy, c->at, c->n * c->size);
    }
    return copy;
}

static struct dg_yaml_node *new_node(struct parser *p, enum dg_yaml_kind kind)
{
    struct dg_yaml_node *node = dg_arena_take(p->arena, 1, sizeof *node);
    if (node == NULL) {
        return no_memory(p);
    }
    *node = (struct dg_yaml_node){.kind = kind, .place = event_place(p), .weight = 1, .text = ""};
    return node;
}

static void refuse_tag(struct parser *p, const yaml_char_t *tag)
{
    if (tag != NULL) {
        dg_diagnose(p->d, DG_ERROR, event_place(p), "remove it; each key has one type already",
                    "tags such as '%s' are not used here", (const char *)tag);
    }
}

static struct anchor *add_anchor(struct parser *p, const yaml_char_t *name,
                                 struct dg_yaml_node *node)
{
    if (name == NULL) {
        return NULL;
    }
    struct anchor *anchor = dg_arena_take(p->arena, 1, sizeof *anchor);
    if (anchor == NULL) {
        return no_memory(p);
    }
    const char *copy = dg_arena_text(p->arena, (const char *)name, strlen((const char *)name));
    *anchor = (struct anchor){.next = p->anchors, .name = copy, .node = node, .open = true};
    if (copy == NULL) {
        return no_memory(p);
    }
    p->anchors = anchor;
    return anchor;
}

/* Nodes with every alias written out are bounded, so that nobody walks 2^30 of them. */
static void weigh(struct parser *p, struct dg_yaml_node *node, const struct dg_yaml_node *child)
{
    node->weight += child->weight;
    if (node->weight > DG_YAML_NODES_MAX && !p->stop) {
        dg_diagnose(p->d, DG_ERROR, node->place, NULL,
                    "too large: more than %d values, aliases written out", DG_YAML_NODES_MAX);
        p->stop = true;
    }
}

static struct dg_yaml_node *parse_alias(struct parser *p)
{
    const char *name = (const char *)p->event.data.alias.anchor;
    const struct anchor *a = p->anchors;
    while (a != NULL && strcmp(a->name, name) != 0) {
        a = a->next;
    }
    if (a != NULL && !a->open) {
        return a->node;
    }
    dg_diagnose(p->d, DG_ERROR, event_place(p), "quote the text if it is meant to begin with '*'",
                a == NULL ? "alias '*%s' has no anchor '&%s' above it"
                          : "alias '*%s' stands inside its own anchor '&%s'",
                name, name);
    struct dg_yaml_node *node = new_node(p, DG_YAML_SCALAR);
    if (node != NULL) {
        node->broken = true;
    }
    return node;
}

static struct dg_yaml_node *parse_scalar(struct parser *p, bool is_key)
{
    struct dg_yaml_node *node = new_node(p, DG_YAML_SCALAR);
    if (node == NULL) {
        return NULL;
    }
    const size_t errors = p->d->n_errors;
    refuse_tag(p, p->event.data.scalar.tag);
    struct anchor *anchor = add_anchor(p, p->event.data.scalar.anchor, node);
    const char *text = (const char *)p->event.data.scalar.value;
    const size_t len = p->event.data.scalar.length;
    if (memchr(text, '\0', len) != NULL) {
        dg_diagnose(p->d, DG_ERROR, node->place, NULL, "text cannot contain a NUL character");
    }
    node->plain = p->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = dg_arena_text(p->arena, text, len);
    if (node->text != NULL && !is_key) {
        node->text = dg_yaml_expand(node->text, node->place, p->arena, p->d);
    }
    node->broken = p->d->n_errors > errors;
    if (node->text == NULL || p->out_of_memory) {
        return no_memory(p);
    }
    if (anchor != NULL) {
        anchor->open = false;
    }
    return node;
}

static struct dg_yaml_node *parse_node(struct parser *p);

static struct dg_yaml_node *parse_list(struct parser *p)
{
    struct dg_yaml_node *node = new_node(p, DG_YAML_LIST);
    if (node == NULL) {
        return NULL;
    }
    refuse_tag(p, p->event.data.sequence_start.tag);
    struct anchor *anchor = add_anchor(p, p->event.data.sequence_start.anchor, node);
    struct children items = {.size = sizeof(struct dg_yaml_node *)};
    while (next(p) && p->event.type != YAML_SEQUENCE_END_EVENT) {
        struct dg_yaml_node *item = parse_node(p);
        if (item == NULL || !grow(p, &items)) {
            break;
        }
        ((struct dg_yaml_node **)items.at)[items.n++] = item;
        weigh(p, node, item);
    }
    if (!p->stop) {
        node->item = keep(p, &items);
        node->n = items.n;
    }
    free(items.at);
    if (anchor != NULL) {
        anchor->open = false;
    }
    return p->stop ? NULL : node;
}

static int by_key(const void *a, const void *b)
{
    const struct dg_yaml_pair *const *x = a, *const *y = b;
    const int order = strcmp((*x)->key, (*y)->key);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Report keys that occur again; the first stays. */
static void refuse_duplicates(struct parser *p, struct children *c)
{
    struct dg_yaml_pair *pair = c->at;
    if (c->n < 2) {
        return;
    }
    const struct dg_yaml_pair **sorted = malloc(c->n * sizeof *sorted);
    if (sorted == NULL) {
        no_memory(p);
        return;
    }
    for (size_t i = 0; i < c->n; i++) {
        sorted[i] = &pair[i];
    }
    qsort(sorted, c->n, sizeof *sorted, by_key);
    const struct dg_yaml_pair *first = sorted[0];
    for (size_t i = 1; i < c->n; i++) {
        if (strcmp(sorted[i]->key, first->key) != 0) {
            first = sorted[i];
            continue;
        }
        dg_diagnose(p->d, DG_ERROR, sorted[i]->place, "remove one of them",
                    "key '%s' is here a second time; the first is on line %u", first->key,
                    first->place.line);
        pair[sorted[i] - pair].value = NULL;
    }
    free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (pair[i].value != NULL) {
            pair[kept++] = pair[i];
        }
    }
    c->n = kept;
}

/* The key under the parser's event: its text, or NULL after saying why it cannot be one. */
static const char *parse_key(struct parser *p, struct dg_place *place)
{
    *place = event_place(p);
    const bool scalar = p->event.type == YAML_SCALAR_EVENT;
    struct dg_yaml_node *node = scalar ? parse_scalar(p, true) : parse_node(p);
    if (node == NULL) {
        return NULL;
    }
    if (node->kind != DG_YAML_SCALAR) {
        dg_diagnose(p->d, DG_ERROR, *place, NULL, "a key must be plain text");
        return NULL;
    }
    if (scalar && node->plain && strcmp(node->text, "<<") == 0) {
        dg_diagnose(p->d, DG_ERROR, *place, "write the keys out",
                    "merge keys ('<<') are not used here");
        return NULL;
    }
    return node->text;
}

static struct dg_yaml_node *parse_map(struct parser *p)
{
    struct dg_yaml_node *node = new_node(p, DG_YAML_MAP);
    if (node == NULL) {
        return NULL;
    }
    refuse_tag(p, p->event.data.mapping_start.tag);
    struct anchor *anchor = add_anchor(p, p->event.data.mapping_start.anchor, node);
    struct children pairs = {.size = sizeof(struct dg_yaml_pair)};
    while (next(p) && p->event.type != YAML_MAPPING_END_EVENT) {
        struct dg_yaml_pair pair = {0};
        pair.key = parse_key(p, &pair.place);
        pair.value = next(p) ? parse_node(p) : NULL;
        if (pair.value == NULL || !grow(p, &pairs)) {
            break;
        }
        weigh(p, node, pair.value);
        if (pair.key != NULL) {
            ((struct dg_yaml_pair *)pairs.at)[pairs.n++] = pair;
        }
    }
    if (!p->stop) {
        refuse_duplicates(p, &pairs);
        node->pair = keep(p, &pairs);
        node->n = pairs.n;
    }
    free(pairs.at);
    if (anchor != NULL) {
        anchor->open = false;
    }
    return p->stop ? NULL : node;
}

/* The node that the parser's event begins; NULL: stopped. */
static struct dg_yaml_node *parse_node(struct parser *p)
{
    if (p->event.type == YAML_ALIAS_EVENT) {
        return parse_alias(p);
    }
    if (p->event.type == YAML_SCALAR_EVENT) {
        return parse_scalar(p, false);
    }
    if (p->depth == DG_YAML_DEPTH_MAX) {
        dg_diagnose(p->d, DG_ERROR, event_place(p), NULL, "nested deeper than %d levels",
                    DG_YAML_DEPTH_MAX);
        p->stop = true;
        return NULL;
    }
    p->depth++;
    struct dg_yaml_node *node =
        p->event.type == YAML_SEQUENCE_START_EVENT ? parse_list(p) : parse_map(p);
    p->depth--;
    return node;
}

static struct dg_yaml_node *parse_stream(struct parser *p)
{
    struct dg_yaml_node *root = NULL;
    while (next(p) && p->event.type != YAML_STREAM_END_EVENT) {
        if (p->event.type != YAML_DOCUMENT_START_EVENT) {
            continue;
        }
        if (root != NULL) {
            dg_diagnose(p->d, DG_ERROR, event_place(p), "one monitor per file",
                        "a second YAML document begins here");
            break;
        }
        root = next(p) ? parse_node(p) : NULL;
    }
    return p->stop ? NULL : root;
}

int dg_yaml_parse(const char *text, size_t len, struct dg_arena *arena, struct dg_diagnostics *d,
                  struct dg_yaml_node **root)
{
    *root = NULL;
    if (len > DG_YAML_BYTES_MAX) {
        dg_diagnose(d, DG_ERROR, (struct dg_place){0}, NULL,
                    "the file is larger than %d bytes; is it a configuration?", DG_YAML_BYTES_MAX);
        return 0;
    }
    struct parser p = {.text = text, .len = len, .arena = arena, .d = d};
    if (!yaml_parser_initialize(&p.yaml)) {
        return ENOMEM;
    }
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
    struct dg_yaml_node *found = parse_stream(&p);
    yaml_event_delete(&p.event);
    yaml_parser_delete(&p.yaml);
    if (p.out_of_memory) {
        return ENOMEM;
    }
    *root = found;
    return 0;
}

bool dg_yaml_is_nothing(const struct dg_yaml_node *node)
{
    return node->kind == DG_YAML_SCALAR && node->plain && node->text[0] == '\0';
}
