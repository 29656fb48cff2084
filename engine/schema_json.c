#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "engine/schema.h"

/* Jansson's setters take the value and fail on NULL, so that one answer tells of all. */
static int set(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value);
}

static json_t *json_section(const struct dg_section *section);

static json_t *pattern(const char *text)
{
    return json_pack("{s:s, s:s}", "type", "string", "pattern", text);
}

/* A value that may also come from the environment: the editor cannot know it. */
static json_t *or_variable(json_t *known)
{
    return json_pack("{s:[o, o]}", "anyOf", known, pattern("\\$\\{env:"));
}

static json_t *json_words(const struct dg_key *key)
{
    json_t *words = json_array();
    int rc = words == NULL;
    for (size_t i = 0; key->words[i] != NULL; i++) {
        rc |= json_array_append_new(words, json_string(key->words[i]));
    }
    json_t *out = rc == 0 ? json_pack("{s:O}", "enum", words) : NULL;
    json_decref(words);
    return out == NULL ? NULL : or_variable(out);
}

static json_t *json_number(const struct dg_key *key)
{
    json_t *number = json_pack("{s:s}", "type", key->type == DG_KEY_COUNT ? "integer" : "number");
    if (number == NULL) {
        return NULL;
    }
    if (key->min < key->max &&
        set(number, "minimum", json_real(key->min)) + set(number, "maximum", json_real(key->max)) !=
            0) {
        json_decref(number);
        return NULL;
    }
    return number;
}

#define NUMBER "[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)"

static json_t *json_scalar(const struct dg_key *key)
{
    switch (key->type) {
    case DG_KEY_NAME:
        return json_pack("{s:[s, s], s:s}", "type", "string", "number", "pattern",
                         "^[A-Za-z0-9$][A-Za-z0-9._${}:-]*$");
    case DG_KEY_TEXT:
    case DG_KEY_FIELD:
        return json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
    case DG_KEY_WORD:
        return json_words(key);
    case DG_KEY_SWITCH:
        return or_variable(
            json_pack("{s:[s, s, s, s, b, b]}", "enum", "on", "off", "yes", "no", 1, 0));
    case DG_KEY_NUMBER:
        return or_variable(json_pack("{s:[o, o]}", "anyOf", json_number(key),
                                     pattern("^" NUMBER "([eE][-+]?[0-9]+|%)?$")));
    case DG_KEY_COUNT:
        return or_variable(json_number(key));
    case DG_KEY_DURATION:
        return or_variable(json_pack("{s:[{s:i}, o]}", "anyOf", "const", 0,
                                     pattern("^([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
                                             "([0-9]+ms)?([0-9]+us)?$")));
    case DG_KEY_BOUND:
        return or_variable(
            json_pack("{s:[{s:s}, o]}", "anyOf", "type", "number",
                      pattern("^((above|below) +)?" NUMBER "([eE][-+]?[0-9]+|%)?$")));
    case DG_KEY_RANGE:
        return json_pack("{s:s, s:i, s:i, s:{s:[s, s]}}", "type", "array", "minItems", 2,
                         "maxItems", 2, "items", "type", "number", "string");
    case DG_KEY_TEXTS:
        return json_pack("{s:[{s:[s, s, s]}, {s:s, s:{s:[s, s, s]}}]}", "anyOf", "type", "string",
                         "number", "boolean", "type", "array", "items", "type", "string", "number",
                         "boolean");
    case DG_KEY_SECTION:
    case DG_KEY_SECTIONS:
        break;
    }
    return NULL;
}

/* A map, or the scalar that stands for it, or a list of both. */
static json_t *json_sections(const struct dg_key *key)
{
    const struct dg_section *section = key->section;
    json_t *one = json_section(section);
    for (size_t i = 0; section->scalar != NULL && i < section->n; i++) {
        if (strcmp(section->key[i].name, section->scalar) == 0) {
            one = json_pack("{s:[o, o]}", "anyOf", json_scalar(&section->key[i]), one);
        }
    }
    if (key->type == DG_KEY_SECTION || one == NULL) {
        return one;
    }
    json_t *out = json_pack("{s:[O, {s:s, s:O}]}", "anyOf", one, "type", "array", "items", one);
    json_decref(one);
    return out;
}

static json_t *json_key(const struct dg_key *key)
{
    const bool section = key->type == DG_KEY_SECTION || key->type == DG_KEY_SECTIONS;
    json_t *out = section ? json_sections(key) : json_scalar(key);
    int rc = out == NULL;
    if (rc == 0 && key->doc != NULL) {
        rc |= set(out, "description", json_string(key->doc));
    }
    if (rc == 0 && key->fallback != NULL) {
        rc |= set(out, "default", json_string(key->fallback));
    }
    if (rc != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static int set_free_names(json_t *out, const struct dg_section *section)
{
    if (section->other == NULL) {
        return set(out, "additionalProperties", json_false());
    }
    int rc = set(out, "additionalProperties", json_key(section->other));
    if (rc != 0 || section->other_word == NULL) {
        return rc;
    }
    json_t *names = json_array();
    rc = names == NULL;
    for (size_t i = 0; rc == 0 && i < section->n; i++) {
        rc = json_array_append_new(names, json_string(section->key[i].name));
    }
    for (size_t i = 0; rc == 0 && section->other_word(i) != NULL; i++) {
        rc = json_array_append_new(names, json_string(section->other_word(i)));
    }
    rc |= set(out, "propertyNames", json_pack("{s:O}", "enum", names));
    json_decref(names);
    return rc;
}

static json_t *json_section(const struct dg_section *section)
{
    json_t *out = json_pack("{s:s, s:s}", "type", "object", "description", section->doc);
    json_t *properties = json_object(), *required = json_array();
    int rc = out == NULL || properties == NULL || required == NULL;
    for (size_t i = 0; rc == 0 && i < section->n; i++) {
        const struct dg_key *key = &section->key[i];
        rc |= set(properties, key->name, json_key(key));
        rc |= key->required ? json_array_append_new(required, json_string(key->name)) : 0;
    }
    if (rc == 0 && json_array_size(required) > 0) {
        rc |= json_object_set(out, "required", required);
    }
    if (rc == 0 && section->n > 0) {
        rc |= json_object_set(out, "properties", properties);
    }
    if (rc == 0) {
        rc |= set_free_names(out, section);
    }
    json_decref(properties);
    json_decref(required);
    if (rc != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

int dg_schema_json(const struct dg_section *root, FILE *out)
{
    json_t *body = json_section(root);
    json_t *head = json_pack("{s:s, s:s}", "$schema",
                             "https://json-schema.org/draft/2020-12/schema", "title", root->name);
    int rc = body == NULL || head == NULL ? ENOMEM : 0;
    if (rc == 0 && json_object_update(head, body) != 0) {
        rc = ENOMEM;
    }
    if (rc == 0 && json_dumpf(head, out, JSON_INDENT(2)) == 0) {
        fputc('\n', out);
    }
    json_decref(body);
    json_decref(head);
    return rc;
}
