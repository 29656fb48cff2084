/* engine/cli/init.h -- writing a first monitor file; private to init*.c. */
#ifndef DG_ENGINE_CLI_INIT_H
#define DG_ENGINE_CLI_INIT_H

#include "engine/cli/infer.h"

#include <stdio.h>

struct dg_draft {
    const char *data;     /* the file that was looked at, for the comment */
    const char *name;     /* of the monitor */
    const char *topic;    /* of Kafka, for the daemon; NULL: files only */
    const char *baseline; /* as the monitor file shall name it; NULL: none */
    const struct dg_profile *profile;
    const struct dg_inference *guess;
};

/* The monitor file with its comments. Errors: ferror(out); ENOMEM. */
DG_MUST_CHECK int dg_draft_write(const struct dg_draft *draft, FILE *out);

#endif
