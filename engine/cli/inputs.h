/* engine/cli/inputs.h -- what replay and baseline share: the monitor, its baseline files, the event
 * files. */
#ifndef DG_ENGINE_CLI_INPUTS_H
#define DG_ENGINE_CLI_INPUTS_H

#include "connectors/file_source.h"
#include "engine/baseline.h"
#include "engine/cli/options.h"
#include "engine/replay.h"

/* A monitor and the baseline files that it names. Zeroed = nothing loaded. */
struct dg_loaded {
    struct dg_monitor *monitor;
    struct dg_baseline **file;      /* [monitor->n_baselines], NULL where the baseline is no file */
    const struct dg_baseline *main; /* the first file, or NULL */
};
void dg_loaded_deinit(struct dg_loaded *l);

/* Load the monitor, printing every problem; 0 or an exit code. */
DG_MUST_CHECK int dg_load_monitor(const char *path, struct dg_loaded *l);
/* Load its baseline files (paths are relative to the monitor file) and take over columns if it
 * lists none. 0 or an exit code, after a message. */
DG_MUST_CHECK int dg_load_baselines(struct dg_loaded *l);
/* The same without words on stderr: 0; ENOMEM; another errno with *err. */
DG_MUST_CHECK int dg_loaded_baselines(struct dg_loaded *l, struct dg_error *err);

/* The same for baselines that are there already, in l->file[n_baselines]. */
DG_MUST_CHECK int dg_loaded_adopt(struct dg_loaded *l, struct dg_error *err);

/* The files given as --input FILE and as operands, in that order. */
struct dg_input_files {
    const char **path; /* [n], owned array of borrowed texts */
    size_t n;
};
void dg_input_files_deinit(struct dg_input_files *f);
DG_MUST_CHECK int dg_input_files_init(struct dg_input_files *f, const struct dg_words *inputs,
                                      const struct dg_words *operands, struct dg_error *err);

/* How a monitor wants its files read. */
struct dg_file_options dg_file_options_of(const struct dg_monitor *m);

/* What a failure of opening or reading input is to the shell. */
int dg_input_exit(int code);

/* Say which records were bad and where, on stderr. */
void dg_report_bad(const uint64_t bad[DG_REASONS], const struct dg_bad_example example[],
                   size_t n_examples, const struct dg_source *source);

#endif
