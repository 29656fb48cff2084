/* engine/new_file.h -- write a file so that readers see the old one or the whole new one. */
#ifndef DG_ENGINE_NEW_FILE_H
#define DG_ENGINE_NEW_FILE_H

#include "engine/error.h"
#include "stats/base.h"

/*
 * Open for writing what shall stand under `path`. Where a regular file or nothing is, that is a new
 * file beside it (beside its target, if path is a symbolic link), which dg_new_file_end puts in its
 * place; a device, a pipe or a socket is opened and written itself, for a rename would replace it
 * (/dev/null too, where the user may).
 */
struct dg_new_file {
    int fd;
    char *path;      /* owned: where it goes */
    char *temporary; /* owned; NULL: written in place */
};
/* 0 or an errno. */
DG_MUST_CHECK int dg_new_file_begin(const char *path, struct dg_new_file *f);
/* Close, and put the file in its place if rc is 0, else remove it. Returns rc, or the errno of what
 * failed here. Call it once after a successful begin. */
DG_MUST_CHECK int dg_new_file_end(struct dg_new_file *f, int rc);

#endif
