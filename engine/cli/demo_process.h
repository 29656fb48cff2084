/* engine/cli/demo_process.h -- programs that the demo runs beside itself: they end with it. */
#ifndef DG_ENGINE_CLI_DEMO_PROCESS_H
#define DG_ENGINE_CLI_DEMO_PROCESS_H

#include "engine/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct dg_demo_spawn {
    const char *const *argv; /* NULL-terminated; argv[0] is a path */
    const char *log;         /* file that gets standard output and error, appended */
    uid_t uid;               /* run as, where we are root; else our own */
    gid_t gid;
    int orphaned; /* the signal that it gets when this process ends; 0: it goes on */
};

/* Start it, in a process group of its own: a terminal's Ctrl-C does not reach it. The errno of what
 * failed; a program that cannot be run ends with 127. */
DG_MUST_CHECK int dg_demo_spawn(const struct dg_demo_spawn *how, pid_t *pid, struct dg_error *err);
/* Start it and wait: EIO if it fails, with the last line of its log. */
DG_MUST_CHECK int dg_demo_run(const struct dg_demo_spawn *how, struct dg_error *err);
/* Has it ended? Does not wait. */
bool dg_demo_ended(pid_t *pid);
/* Signal it, wait up to timeout_ms, then SIGKILL. 0 as pid does nothing; sets it to 0. */
void dg_demo_stop(pid_t *pid, int signal, int timeout_ms);
/* The last line of a file that is not blank, in buf; "" if there is none. */
void dg_demo_last_line(const char *path, char *buf, size_t n);
void dg_demo_sleep_ms(int ms);

#endif
