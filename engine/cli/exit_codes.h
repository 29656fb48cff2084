/* engine/cli/exit_codes.h -- what the process answers. Part of the contract: never renumbered; 10
 * and 20 are kept for the verdicts of roll-outs. */
#ifndef DG_ENGINE_CLI_EXIT_CODES_H
#define DG_ENGINE_CLI_EXIT_CODES_H

#include "engine/monitor.h"

#include <stddef.h>

enum dg_exit {
    DG_EXIT_OK = 0,           /* done */
    DG_EXIT_UNEXPECTED = 1,   /* anything that is none of the others: out of memory, disk full */
    DG_EXIT_USAGE = 2,        /* the command line is wrong */
    DG_EXIT_CONFIG = 3,       /* a configuration or baseline file is wrong */
    DG_EXIT_DEPENDENCY = 4,   /* a database, broker or registry cannot be reached */
    DG_EXIT_DATA = 5,         /* the input cannot be read, or is worse than tolerated */
    DG_EXIT_TIMEOUT = 6,      /* gave up waiting */
    DG_EXIT_WARN = 11,        /* severity warn, where the command was asked to fail on it */
    DG_EXIT_CRITICAL = 21,    /* severity critical, where the command was asked to fail on it */
    DG_EXIT_INTERRUPTED = 130 /* ended by SIGINT */
};

/* The same list for help and the man page. */
struct dg_exit_doc {
    enum dg_exit code;
    const char *doc;
};
extern const struct dg_exit_doc dg_exit_docs[];
extern const size_t dg_n_exit_docs;

/* What a verdict becomes where the command was asked to fail from `floor` on: DG_EXIT_WARN,
 * DG_EXIT_CRITICAL, or DG_EXIT_OK below the floor (DG_OK as floor: never fail). */
int dg_exit_of_severity(enum dg_severity severity, enum dg_severity floor);

#endif
