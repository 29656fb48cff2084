#include "engine/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(struct dg_new_file *f)
{
    free(f->path);
    free(f->temporary);
    *f = (struct dg_new_file){.fd = -1};
}

int dg_new_file_begin(const char *path, struct dg_new_file *f)
{
    struct stat st;
    const bool exists = stat(path, &st) == 0;
    *f = (struct dg_new_file){.fd = -1};
    const bool regular = exists && S_ISREG(st.st_mode);
    errno = 0;
    f->path = regular ? realpath(path, NULL) : strdup(path);
    if (f->path == NULL) {
        return errno != 0 ? errno : ENOMEM;
    }
    int flags = O_WRONLY | O_CLOEXEC | O_TRUNC;
    if (!exists || regular) {
        flags |= O_CREAT;
        if (asprintf(&f->temporary, "%s.%ld.tmp", f->path, (long)getpid()) < 0) {
            f->temporary = NULL;
            forget(f);
            return ENOMEM;
        }
    }
    /* In place by the name that was given: /dev/stdout may lead to a pipe that has no other. */
    f->fd = open(f->temporary != NULL ? f->temporary : path, flags, 0666);
    if (f->fd < 0) {
        const int rc = errno;
        forget(f);
        return rc;
    }
    return 0;
}

int dg_new_file_end(struct dg_new_file *f, int rc)
{
    if (close(f->fd) != 0 && rc == 0) {
        rc = errno;
    }
    if (f->temporary != NULL) {
        if (rc == 0 && rename(f->temporary, f->path) != 0) {
            rc = errno;
        }
        if (rc != 0) {
            unlink(f->temporary);
        }
    }
    forget(f);
    return rc;
}
