#include "engine/cli/demo_process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void dg_demo_sleep_ms(int ms)
{
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* In the child, after fork: only what signal handlers may call, for there may be threads. */
static _Noreturn void become(const struct dg_demo_spawn *how, int log, pid_t parent)
{
    setpgid(0, 0);
    if (log >= 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
    }
    const int none = open("/dev/null", O_RDONLY);
    if (none >= 0) {
        dup2(none, STDIN_FILENO);
    }
    if (geteuid() == 0 && how->uid != 0 &&
        (setgroups(0, NULL) != 0 || setgid(how->gid) != 0 || setuid(how->uid) != 0 ||
         chdir("/") != 0)) {
        _exit(126);
    }
    if (how->orphaned != 0) {
        prctl(PR_SET_PDEATHSIG, how->orphaned);
        if (getppid() != parent) {
            _exit(126);
        }
    }
    for (int fd = 3; fd < 256; fd++) {
        close(fd);
    }
    execv(how->argv[0], (char *const *)(uintptr_t)how->argv);
    _exit(127);
}

int dg_demo_spawn(const struct dg_demo_spawn *how, pid_t *pid, struct dg_error *err)
{
    const int log = open(how->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0) {
        return dg_fail(err, errno, "cannot write %s: %s", how->log, strerror(errno));
    }
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        become(how, log, parent);
    }
    const int rc = child < 0 ? errno : 0;
    close(log);
    if (rc != 0) {
        return dg_fail(err, rc, "cannot start %s: %s", how->argv[0], strerror(rc));
    }
    *pid = child;
    return 0;
}

int dg_demo_run(const struct dg_demo_spawn *how, struct dg_error *err)
{
    pid_t pid = 0;
    int status = 0;
    const int rc = dg_demo_spawn(how, &pid, err);
    if (rc != 0) {
        return rc;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    char why[512];
    dg_demo_last_line(how->log, why, sizeof why);
    return dg_fail(err, EIO, "%s failed: %s", how->argv[0], why);
}

bool dg_demo_ended(pid_t *pid)
{
    int status = 0;
    if (*pid <= 0 || waitpid(*pid, &status, WNOHANG) == 0) {
        return *pid <= 0;
    }
    *pid = 0;
    return true;
}

void dg_demo_stop(pid_t *pid, int signal, int timeout_ms)
{
    if (*pid <= 0) {
        return;
    }
    kill(*pid, signal);
    for (int waited = 0; !dg_demo_ended(pid); waited += 20) {
        if (waited >= timeout_ms) {
            kill(*pid, SIGKILL);
            waited = 0;
        }
        dg_demo_sleep_ms(20);
    }
}

void dg_demo_last_line(const char *path, char *buf, size_t n)
{
    char line[1024];
    snprintf(buf, n, "%s", "");
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t")] != '\0') {
            snprintf(buf, n, "%s", line);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}
