/* A board that looks busy, served over HTTP: what stands in for the daemon in tests of the endpoint
 * and of the commands that read it.
 *
 *   board_server LISTEN [TOKEN_FILE|-] [TIMEOUT_MS]
 *
 * Prints its port, then obeys lines on standard input until it ends:
 *   block WORDS | fail WORDS | ok   the ledger's state
 *   freeze                          no new numbers from now on
 *   wide N                          N partitions of one topic
 *   files                           prints how many files are open */
#include "connectors/http_endpoint.h"
#include "tests/support/board_sample.h"

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int open_files(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

static void widen(struct dg_board *b, int n)
{
    struct dg_board_partition *p = calloc((size_t)n + 1, sizeof *p);
    for (int i = 0; i < n && p != NULL; i++) {
        p[i] = (struct dg_board_partition){
            .monitor = "credit-risk", .view = {.place = {"wide", i}, .next_offset = i}, .high = n};
    }
    if (p != NULL) {
        dg_board_partitions(b, 5, p, (size_t)n);
    }
    free(p);
}

static void obey(struct dg_board *b, char *line, bool *frozen)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "block ", 6) == 0) {
        dg_board_state(b, DG_PART_LEDGER, "lane 1", DG_STATE_BLOCKED, "%s", line + 6);
        *frozen = true;
    } else if (strncmp(line, "fail ", 5) == 0) {
        dg_board_state(b, DG_PART_LEDGER, "lane 1", DG_STATE_FAILED, "%s", line + 5);
        *frozen = true;
    } else if (strcmp(line, "ok") == 0) {
        *frozen = false;
    } else if (strcmp(line, "freeze") == 0) {
        *frozen = true;
    } else if (strncmp(line, "wide ", 5) == 0) {
        widen(b, atoi(line + 5));
    }
    printf("files %d\n", open_files());
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct dg_error err = {0};
    struct dg_board *b = NULL;
    struct dg_http_endpoint *e = NULL;
    if (argc < 2) {
        return 2;
    }
    const struct dg_http_options options = {
        .listen = argv[1],
        .token_file = argc > 2 && strcmp(argv[2], "-") != 0 ? argv[2] : NULL,
        .timeout_ms = argc > 3 ? atoi(argv[3]) : 0,
    };
    if (dg_board_open(&b, &err) != 0 || dg_http_endpoint_open(&options, b, &e, &err) != 0) {
        fprintf(stderr, "board_server: %s\n", err.message);
        dg_board_close(b);
        return 1;
    }
    printf("%d\n", dg_http_endpoint_port(e));
    fflush(stdout);
    bool frozen = false;
    char line[200];
    struct pollfd in = {.fd = 0, .events = POLLIN};
    board_sample_fill(b, now_us(), 0);
    for (unsigned tick = 1;; tick++) {
        if (poll(&in, 1, 100) > 0) {
            if (fgets(line, sizeof line, stdin) == NULL) {
                break;
            }
            obey(b, line, &frozen);
        }
        if (!frozen) {
            board_sample_fill(b, now_us(), tick);
        }
    }
    dg_http_endpoint_close(e);
    dg_board_close(b);
    return 0;
}
