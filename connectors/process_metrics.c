#include "connectors/process_metrics.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void put(FILE *out, const char *name, const char *type, const char *help, double value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

/* Of /proc/self/stat, in the kernel's units. */
struct process_stat {
    unsigned long long user, system, start, virtual_bytes;
    long resident_pages;
};

static bool read_stat(struct process_stat *s)
{
    char line[1024];
    FILE *in = fopen("/proc/self/stat", "re");
    const bool read = in != NULL && fgets(line, sizeof line, in) != NULL;
    if (in != NULL) {
        fclose(in);
    }
    const char *rest = read ? strrchr(line, ')') : NULL; /* the name may hold anything */
    return rest != NULL &&
           sscanf(rest + 1,
                  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d "
                  "%llu %llu %ld",
                  &s->user, &s->system, &s->start, &s->virtual_bytes, &s->resident_pages) == 5;
}

/* When the machine was started, in seconds since the epoch; 0: unknown. */
static unsigned long long boot_time(void)
{
    char line[256];
    unsigned long long seconds = 0;
    FILE *in = fopen("/proc/stat", "re");
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "btime %llu", &seconds) == 1) {
            break;
        }
    }
    if (in != NULL) {
        fclose(in);
    }
    return seconds;
}

static int count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    if (dir == NULL) {
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        n += entry->d_name[0] != '.';
    }
    closedir(dir);
    return n - 1; /* the one just used */
}

void dg_process_metrics(FILE *out)
{
    struct process_stat s;
    struct rlimit limit;
    const double tick = (double)sysconf(_SC_CLK_TCK);
    const unsigned long long boot = boot_time();
    const int files = count_files();
    if (read_stat(&s)) {
        put(out, "process_cpu_seconds_total", "counter", "Processor time, user and system.",
            (double)(s.user + s.system) / tick);
        put(out, "process_resident_memory_bytes", "gauge", "Memory in RAM.",
            (double)s.resident_pages * (double)sysconf(_SC_PAGESIZE));
        put(out, "process_virtual_memory_bytes", "gauge", "Address space.",
            (double)s.virtual_bytes);
        if (boot != 0) {
            put(out, "process_start_time_seconds", "gauge", "When the process was started.",
                (double)boot + (double)s.start / tick);
        }
    }
    if (files >= 0) {
        put(out, "process_open_fds", "gauge", "Open files and sockets.", files);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        put(out, "process_max_fds", "gauge", "Most files and sockets it may open.",
            (double)limit.rlim_cur);
    }
}
