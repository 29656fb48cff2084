/* engine/monitor_build.h -- settings to monitor, section by section; private to monitor*.c. */
#ifndef DG_ENGINE_MONITOR_BUILD_H
#define DG_ENGINE_MONITOR_BUILD_H

#include "engine/monitor.h"
#include "engine/monitor_keys.h"

/* Bounds on what one monitor may ask for. */
#define DG_WINDOWS_MAX        16
#define DG_PANES_MAX          10000  /* of one window */
#define DG_TRAILING_PANES_MAX 100000 /* of a trailing baseline */
#define DG_BASELINES_MAX      32
#define DG_SEGMENTS_MAX       100
#define DG_SEGMENT_VALUES_MAX 1000
#define DG_SEGMENT_TOP        20 /* default */
#define DG_CHECKS_MAX         1000
#define DG_TOPICS_MAX         1000

struct dg_builder {
    struct dg_monitor *m;
    struct dg_settings *root;
    struct dg_arena *arena;
    struct dg_diagnostics *d;
    bool out_of_memory; /* sticky: every step does nothing more */
};

/* The section of a key; NULL if it is not there (left out, or wrong). */
struct dg_settings *dg_builder_section(const struct dg_settings *s, size_t key);
/* A copy for the monitor; NULL for NULL, or out of memory (then it is recorded). */
char *dg_builder_copy(struct dg_builder *b, const char *text);
/* Zeroed memory for the monitor. */
void *dg_builder_take(struct dg_builder *b, size_t n, size_t size);
/* Copies of the texts of a TEXTS setting; says which values are there twice. */
void dg_builder_texts(struct dg_builder *b, const struct dg_setting *s, const char *what,
                      char ***out, size_t *n);
/* Fill in a default that depends on other keys. */
void dg_builder_derive_text(struct dg_setting *s, const char *text);
void dg_builder_derive_count(struct dg_setting *s, uint64_t count);
void dg_builder_derive_us(struct dg_setting *s, int64_t us);

/* Say what is wrong with a field's path beyond its syntax; see docs/KAFKA.md for @ and ^. */
void dg_builder_check_path(struct dg_builder *b, const char *path, struct dg_place place);
/* The name of a column that is only given by its path: the pointer's parts, joined by dots. */
const char *dg_builder_path_name(struct dg_builder *b, const char *path);
/* The preset is "canonical": the columns that are not given are where that event has them. */
bool dg_builder_canonical(const struct dg_builder *b);

/* Each fills its part of b->m and says what is wrong in b->d. Order: source, columns
 * and windows first. */
void dg_build_source(struct dg_builder *b);
void dg_build_columns(struct dg_builder *b);
void dg_build_windows(struct dg_builder *b);
void dg_build_baselines(struct dg_builder *b);
void dg_build_segments(struct dg_builder *b);
void dg_build_checks(struct dg_builder *b);

#endif
