#include "engine/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/monitor_build.h"

int dg_config_slurp(const char *path, char **text, size_t *len)
{
    const bool standard_input = strcmp(path, "-") == 0;
    const int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const size_t cap = DG_YAML_BYTES_MAX + 1;
    char *buf = malloc(cap);
    size_t used = 0;
    int rc = buf == NULL ? ENOMEM : 0;
    while (rc == 0 && used < cap) {
        const ssize_t n = read(fd, buf + used, cap - used);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            used += (size_t)n;
        } else if (errno != EINTR) {
            rc = errno;
        }
    }
    if (!standard_input) {
        close(fd);
    }
    if (rc != 0) {
        free(buf);
        return rc;
    }
    *text = buf;
    *len = used;
    return 0;
}

int dg_config_load(const char *path, struct dg_diagnostics *d, struct dg_config *c)
{
    char *text = NULL;
    size_t len = 0;
    *c = (struct dg_config){0};
    int rc = dg_config_slurp(path, &text, &len);
    if (rc != 0) {
        if (dg_diagnostics_begin(d, path, NULL, 0) == 0) {
            dg_diagnose(d, DG_ERROR, (struct dg_place){0},
                        rc == ENOENT ? "`driftgauge init --from DATA` writes a first one" : NULL,
                        "cannot read the file: %s", strerror(rc));
        }
        return rc;
    }
    rc = dg_config_parse(strcmp(path, "-") == 0 ? "<stdin>" : path, text, len, d, c);
    free(text);
    return rc;
}

int dg_monitor_load(const char *path, struct dg_diagnostics *d, struct dg_monitor **out)
{
    struct dg_config c;
    const int rc = dg_config_load(path, d, &c);
    if (rc == 0) {
        *out = c.monitor;
        c.monitor = NULL;
    }
    dg_config_deinit(&c);
    return rc;
}

char *dg_monitor_resolve(const struct dg_monitor *m, const char *file)
{
    const char *slash = m->path == NULL ? NULL : strrchr(m->path, '/');
    if (file[0] == '/' || slash == NULL) {
        return strdup(file);
    }
    const size_t n = (size_t)(slash - m->path) + 1;
    char *path = malloc(n + strlen(file) + 1);
    if (path != NULL) {
        memcpy(path, m->path, n);
        strcpy(path + n, file);
    }
    return path;
}

void dg_config_check_files(const struct dg_config *c, struct dg_diagnostics *d)
{
    const struct dg_settings *s = dg_builder_section(c->settings, MONITOR_BASELINES);
    for (size_t i = 0; s != NULL && i < s->n_entries; i++) {
        const struct dg_setting *file = &s->entry[i].setting.sections.at[0]->value[BASELINE_FILE];
        if (!file->present) {
            continue;
        }
        char *path = dg_monitor_resolve(c->monitor, file->text);
        if (path == NULL) {
            d->out_of_memory = true;
        } else if (access(path, R_OK) != 0) {
            dg_diagnose(d, DG_WARNING, file->place, "`driftgauge baseline build` makes it",
                        "the baseline file '%s' cannot be read: %s", path, strerror(errno));
        }
        free(path);
    }
}
