#include "engine/cli/config_files.h"

#include "engine/live/settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void dg_config_files_deinit(struct dg_config_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->monitor[i]);
    }
    free(f->monitor);
    free(f->settings);
    *f = (struct dg_config_files){0};
}

bool dg_is_settings_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, DG_SETTINGS_FILE) == 0;
}

static int is_yaml(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return e->d_name[0] != '.' && dot != NULL &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int take(struct dg_config_files *f, const char *directory, const char *name)
{
    char *path = NULL;
    const size_t n = strlen(directory);
    const char *between = n > 0 && directory[n - 1] == '/' ? "" : "/";
    if (asprintf(&path, "%s%s%s", directory, between, name) < 0) {
        return ENOMEM;
    }
    if (dg_is_settings_file(path)) {
        f->settings = path;
    } else {
        f->monitor[f->n++] = path;
    }
    return 0;
}

static int find_all(const char *directory, struct dg_config_files *f, struct dg_error *err)
{
    struct dirent **entry = NULL;
    const int n = scandir(directory, &entry, is_yaml, by_name);
    if (n < 0) {
        return dg_fail(err, errno, "%s: cannot read the directory: %s", directory, strerror(errno));
    }
    f->monitor = calloc((size_t)n + 1, sizeof *f->monitor);
    int rc = f->monitor == NULL ? ENOMEM : 0;
    for (int i = 0; i < n; i++) {
        rc = rc != 0 ? rc : take(f, directory, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    if (rc == 0 && f->n == 0) {
        return dg_fail(err, ENOENT,
                       "%s: the directory has no monitor file (*.yaml); `driftgauge init --from "
                       "DATA` writes a first one",
                       directory);
    }
    return rc == 0 ? 0 : dg_fail_memory(err);
}

int dg_config_files_find(const char *path, struct dg_config_files *out, struct dg_error *err)
{
    struct dg_config_files f = {0};
    struct stat st;
    int rc = 0;
    if (strcmp(path, "-") != 0 && stat(path, &st) != 0) {
        return dg_fail(err, errno, "%s: %s", path, strerror(errno));
    }
    if (strcmp(path, "-") != 0 && S_ISDIR(st.st_mode)) {
        rc = find_all(path, &f, err);
    } else {
        f.monitor = calloc(1, sizeof *f.monitor);
        char *copy = strdup(path);
        if (f.monitor == NULL || copy == NULL) {
            free(copy);
            rc = dg_fail_memory(err);
        } else {
            f.monitor[f.n++] = copy;
        }
    }
    if (rc != 0) {
        dg_config_files_deinit(&f);
        return rc;
    }
    *out = f;
    return 0;
}
