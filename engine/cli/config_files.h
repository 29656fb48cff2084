/* engine/cli/config_files.h -- which files a directory of monitors holds. */
#ifndef DG_ENGINE_CLI_CONFIG_FILES_H
#define DG_ENGINE_CLI_CONFIG_FILES_H

#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A zeroed struct is empty. */
struct dg_config_files {
    char **monitor; /* [n] paths, by name */
    size_t n;
    char *settings; /* DG_SETTINGS_FILE of the directory; NULL: there is none */
};
void dg_config_files_deinit(struct dg_config_files *f);

/* `path` is a directory: every *.yaml and *.yml in it that does not begin with a dot, the daemon's
 * file apart. Else the one monitor file. The errno of looking; ENOENT where a directory has no
 * monitor; ENOMEM. */
DG_MUST_CHECK int dg_config_files_find(const char *path, struct dg_config_files *out,
                                       struct dg_error *err);

/* By its name: the daemon's file, not a monitor. */
bool dg_is_settings_file(const char *path);

#endif
