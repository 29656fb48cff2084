#include "engine/monitor_build.h"
#include "engine/suggest.h"
#include "engine/timefmt.h"

#include <string.h>

#define TOPIC_LENGTH_MAX 249 /* Kafka's */

static const char *text_of(const struct dg_settings *s, size_t key)
{
    return s->value[key].present ? s->value[key].text : NULL;
}

/* The place of word among words[n]; n if it is none of them. */
static size_t index_of(const char *word, const char *const words[], size_t n)
{
    size_t i = 0;
    while (i < n && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

/* ---- topics -------------------------------------------------------------------------------- */

bool dg_topic_name_valid(const char *text)
{
    const size_t n = strlen(text);
    return n > 0 && n <= TOPIC_LENGTH_MAX && strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static void check_topic(struct dg_builder *b, const char *topic, struct dg_place place)
{
    if (!dg_topic_name_valid(topic)) {
        dg_diagnose(b->d, DG_ERROR, place,
                    "Kafka's have 1 to 249 letters, digits, '.', '_' and '-'",
                    "'%.100s' is no name of a topic", topic);
    }
}

static void build_topics(struct dg_builder *b, const struct dg_settings *s)
{
    struct dg_source_spec *const spec = &b->m->source;
    const struct dg_setting *one = &s->value[SOURCE_TOPIC], *many = &s->value[SOURCE_TOPICS];
    if (one->given && many->given) {
        dg_diagnose(b->d, DG_ERROR, many->place, "name all of them in 'topics'",
                    "a source has 'topic' or 'topics', not both");
    } else if (many->present) {
        dg_builder_texts(b, many, "topics", &spec->topic, &spec->n_topics);
        for (size_t i = 0; i < many->texts.n; i++) {
            check_topic(b, many->texts.text[i], many->texts.place[i]);
        }
        if (many->texts.n == 0 || many->texts.n > DG_TOPICS_MAX) {
            dg_diagnose(b->d, DG_ERROR, many->place, NULL, "'topics' names 1 to %d topics",
                        DG_TOPICS_MAX);
        }
    } else if (one->present) {
        check_topic(b, one->text, one->place);
        spec->topic = dg_builder_take(b, 1, sizeof *spec->topic);
        if (spec->topic != NULL) {
            spec->topic[0] = dg_builder_copy(b, one->text);
            spec->n_topics = 1;
        }
    }
    const struct dg_setting *dead = &s->value[SOURCE_DEAD_LETTERS];
    if (!dead->present) {
        return;
    }
    check_topic(b, dead->text, dead->place);
    spec->dead_letters = dg_builder_copy(b, dead->text);
    for (size_t i = 0; i < spec->n_topics && !b->out_of_memory; i++) {
        if (strcmp(spec->topic[i], dead->text) == 0) {
            dg_diagnose(b->d, DG_ERROR, dead->place, "each bad record would come back for ever",
                        "'%.100s' is read, and cannot take the dead letters as well", dead->text);
        }
    }
}

/* ---- form ---------------------------------------------------------------------------------- */

static void build_delimiter(struct dg_builder *b, const struct dg_settings *s, const char *format)
{
    const struct dg_setting *delimiter = &s->value[SOURCE_DELIMITER];
    if (!delimiter->present) {
        return;
    }
    const char *c = delimiter->text;
    if (strcmp(c, "auto") == 0) {
        b->m->csv_delimiter = 0;
    } else if (strcmp(c, "tab") == 0 || strcmp(c, "\t") == 0) {
        b->m->csv_delimiter = '\t';
    } else if (c[1] == '\0' && strchr(" !#$%&'*+,-./:;<=>?@\\^_`|~", c[0]) != NULL) {
        b->m->csv_delimiter = c[0];
    } else {
        dg_diagnose(b->d, DG_ERROR, delimiter->place, "for example \",\" or \";\" or tab",
                    "'delimiter' must be one punctuation character, tab or auto, not '%.100s'", c);
    }
    if (strcmp(c, "auto") != 0 && strcmp(format, "auto") != 0 && strcmp(format, "csv") != 0) {
        dg_diagnose(b->d, DG_ERROR, delimiter->place, "remove one of them",
                    "'delimiter' is for CSV, but 'format' is %s", format);
    }
}

static void build_framing(struct dg_builder *b, const struct dg_settings *s)
{
    static const char *const words[] = {
        [DG_FRAMING_AUTO] = "auto",
        [DG_FRAMING_CONFLUENT] = "confluent",
        [DG_FRAMING_SINGLE_OBJECT] = "single_object",
        [DG_FRAMING_BARE] = "bare",
    };
    struct dg_source_spec *const spec = &b->m->source;
    const char *word = text_of(s, SOURCE_FRAMING);
    spec->schema_file = dg_builder_copy(b, text_of(s, SOURCE_SCHEMA));
    if (word == NULL) {
        return;
    }
    spec->framing = (enum dg_framing)index_of(word, words, sizeof words / sizeof *words);
    const bool json = spec->kind == DG_RECORD_JSON;
    const struct dg_place place = s->value[SOURCE_FRAMING].place;
    if (spec->framing == DG_FRAMING_SINGLE_OBJECT && json) {
        dg_diagnose(b->d, DG_ERROR, place, "remove 'framing', or say format: avro",
                    "JSON has no single-object framing");
    } else if (spec->framing == DG_FRAMING_SINGLE_OBJECT && !s->value[SOURCE_SCHEMA].given) {
        dg_diagnose(b->d, DG_ERROR, place, "add schema: FILE",
                    "single-object records name their schema by a fingerprint only: the schema "
                    "itself is needed");
    } else if (spec->framing == DG_FRAMING_BARE && !json && !s->value[SOURCE_SCHEMA].given) {
        dg_diagnose(b->d, DG_ERROR, place, "add schema: FILE, or say format: json",
                    "bare Avro cannot be read without its schema");
    }
    if (json && s->value[SOURCE_SCHEMA].given) {
        dg_diagnose(b->d, DG_ERROR, s->value[SOURCE_SCHEMA].place, "remove one of them",
                    "'schema' is for Avro, but 'format' is %s", text_of(s, SOURCE_FORMAT));
    }
}

static void build_format(struct dg_builder *b, const struct dg_settings *s)
{
    const char *format = text_of(s, SOURCE_FORMAT);
    if (format == NULL) {
        return;
    }
    const bool json = strcmp(format, "json") == 0 || strcmp(format, "ndjson") == 0;
    b->m->format = dg_builder_copy(b, json ? "ndjson" : format);
    b->m->source.kind = json                          ? DG_RECORD_JSON
                        : strcmp(format, "avro") == 0 ? DG_RECORD_AVRO
                                                      : DG_RECORD_AUTO;
    build_delimiter(b, s, format);
    build_framing(b, s);
}

/* ---- events in a record -------------------------------------------------------------------- */

/* Of a preset whose records are JSON: nothing else may say that they are Avro. */
static void refuse_avro(struct dg_builder *b, const struct dg_settings *s, const char *preset)
{
    const struct dg_source_spec *const spec = &b->m->source;
    const bool json = spec->kind == DG_RECORD_JSON; /* then build_framing has spoken */
    const size_t key = spec->kind == DG_RECORD_AVRO               ? SOURCE_FORMAT
                       : !json && s->value[SOURCE_SCHEMA].present ? SOURCE_SCHEMA
                                                                  : SOURCE_FRAMING;
    static const char *const name[] = {
        [SOURCE_FORMAT] = "format", [SOURCE_SCHEMA] = "schema", [SOURCE_FRAMING] = "framing"};
    if (key == SOURCE_FRAMING && (json || spec->framing == DG_FRAMING_AUTO)) {
        return;
    }
    dg_diagnose(b->d, DG_ERROR, s->value[key].place,
                "where they are JSON, say format: json and leave out 'schema'; where they are "
                "Avro, leave out 'preset' and name their fields under 'columns', see "
                "docs/KAFKA.md",
                "monitor '%.100s': the preset %s reads JSON only, and '%s' says that the records "
                "are Avro",
                b->m->name == NULL ? "" : b->m->name, preset, name[key]);
}

static void build_instances(struct dg_builder *b, const struct dg_settings *s)
{
    struct dg_source_spec *const spec = &b->m->source;
    const char *preset = text_of(s, SOURCE_PRESET);
    const struct dg_setting *instances = &s->value[SOURCE_INSTANCES];
    spec->preset = dg_builder_copy(b, preset);
    spec->instances = dg_builder_copy(b, instances->present ? instances->text : NULL);
    const bool json_only =
        preset != NULL && strcmp(preset, "canonical") != 0 && strcmp(preset, "kserve") != 0;
    if (json_only) {
        refuse_avro(b, s, preset);
    }
    if (!instances->present) {
        return;
    }
    if (json_only) {
        dg_diagnose(b->d, DG_ERROR, instances->place, "remove one of them",
                    "the preset %s knows where its instances are", preset);
    }
    if (instances->text[0] != '/') {
        char hint[300];
        snprintf(hint, sizeof hint, "for a field of that name, write /%.250s", instances->text);
        dg_diagnose(b->d, DG_ERROR, instances->place, hint,
                    "'instances' must be a pointer, not '%.100s'", instances->text);
    }
}

static void build_start(struct dg_builder *b, const struct dg_settings *s)
{
    struct dg_source_spec *const spec = &b->m->source;
    const char *start = text_of(s, SOURCE_START);
    if (start == NULL || strcmp(start, "earliest") == 0) {
        spec->start = DG_START_EARLIEST;
    } else if (strcmp(start, "latest") == 0) {
        spec->start = DG_START_LATEST;
    } else if (dg_time_parse(start, strlen(start), DG_TIME_RFC3339, &spec->start_us)) {
        spec->start = DG_START_TIME;
    } else {
        static const char *const words[] = {"earliest", "latest"};
        const char *near = dg_suggest_from(start, words, 2);
        char hint[100];
        snprintf(hint, sizeof hint, "did you mean '%s'?", near == NULL ? "" : near);
        dg_diagnose(b->d, DG_ERROR, s->value[SOURCE_START].place,
                    near != NULL ? hint : "a time is written 2026-11-01T00:00:00Z",
                    "'start' must be earliest, latest or a time, not '%.100s'", start);
    }
}

void dg_build_source(struct dg_builder *b)
{
    const struct dg_settings *s = dg_builder_section(b->root, MONITOR_SOURCE);
    if (s == NULL) {
        return;
    }
    build_format(b, s);
    build_topics(b, s);
    build_instances(b, s);
    build_start(b, s);
    const char *on_loss = text_of(s, SOURCE_ON_LOSS);
    b->m->source.stop_on_loss = on_loss != NULL && strcmp(on_loss, "stop") == 0;
    if (s->value[SOURCE_IDLE_AFTER].present) {
        b->m->source.idle_after_us = s->value[SOURCE_IDLE_AFTER].us;
    }
}

/* ---- paths --------------------------------------------------------------------------------- */

bool dg_builder_canonical(const struct dg_builder *b)
{
    const char *preset = b->m->source.preset;
    return preset != NULL && strcmp(preset, "canonical") == 0;
}

static void check_beside(struct dg_builder *b, const char *path, struct dg_place place)
{
    static const char *const names[] = {"@key",       "@header", "@topic",
                                        "@partition", "@offset", "@timestamp"};
    enum { N = sizeof names / sizeof *names };
    char name[64], hint[400];
    const size_t len = strcspn(path, "/");
    const bool more = path[len] == '/';
    const char *const rest = path + len + more;
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), path);
    const size_t i = index_of(name, names, N);
    if (i == 0 && (!more || rest[0] != '\0')) {
        return;
    }
    if (i == 1 && rest[0] != '\0') {
        return;
    }
    if (i > 1 && i < N && !more) {
        return;
    }
    const char *near = dg_suggest_from(name, names, N);
    if (i == 1) {
        snprintf(hint, sizeof hint, "write @header/NAME");
    } else if (near != NULL) {
        snprintf(hint, sizeof hint, "did you mean '%s'? A field of that name is /%.250s", near,
                 path);
    } else {
        snprintf(hint, sizeof hint, "a field of that name is /%.250s", path);
    }
    dg_diagnose(b->d, DG_ERROR, place, hint,
                "'%.100s' is nothing that stands beside a record's value", path);
}

void dg_builder_check_path(struct dg_builder *b, const char *path, struct dg_place place)
{
    const struct dg_source_spec *const spec = &b->m->source;
    if (path[0] == '@') {
        check_beside(b, path, place);
    }
    if (path[0] != '^' || path[1] != '/') {
        return;
    }
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '~' && p[1] != '0' && p[1] != '1') {
            dg_diagnose(b->d, DG_ERROR, place, "write ~0 for a tilde and ~1 for a slash",
                        "'%.100s' is no pointer", path);
            return;
        }
    }
    const bool several =
        spec->instances != NULL || (spec->preset != NULL && strcmp(spec->preset, "canonical") != 0);
    if (!several) {
        char hint[400];
        snprintf(hint, sizeof hint, "without 'source.instances', write %.250s", path + 1);
        dg_diagnose(b->d, DG_ERROR, place, hint,
                    "'%.100s' is a field of the record around the instances, and there are none",
                    path);
    }
}

const char *dg_builder_path_name(struct dg_builder *b, const char *path)
{
    if (strncmp(path, "@header/", 8) == 0) {
        return path + 8;
    }
    const char *start = path;
    if (path[0] == '/' || path[0] == '@') {
        start = path + 1;
    } else if (path[0] == '^' && path[1] == '/') {
        start = path + 2;
    } else {
        return path;
    }
    char *name = dg_arena_text(b->arena, start, strlen(start));
    if (name == NULL) {
        b->out_of_memory = true;
        return path;
    }
    char *w = name;
    for (const char *p = start; *p != '\0'; p++) {
        if (path[0] == '^' && strcmp(p, "/#") == 0) {
            break; /* /predictions/# is "predictions" */
        }
        if (*p == '~') {
            *w++ = *++p == '0' ? '~' : '/';
        } else {
            *w++ = *p == '/' ? '.' : *p;
        }
    }
    *w = '\0';
    return name;
}
