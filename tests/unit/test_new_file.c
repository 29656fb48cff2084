/* Files are replaced whole; what is no file is written, never replaced. */
#include "engine/new_file.h"
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/new_file.XXXXXX";

static const char *in(const char *name)
{
    static char path[4][200];
    static unsigned next = 0;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", directory, name);
    return p;
}

static void put(const char *path, const char *text, int outcome)
{
    struct dg_new_file f;
    CHECK_INT(dg_new_file_begin(path, &f), 0);
    CHECK_INT(write(f.fd, text, strlen(text)), strlen(text));
    CHECK_INT(dg_new_file_end(&f, outcome), outcome);
}

static const char *text_of(const char *path)
{
    static char text[100];
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    close(fd);
    return n < 0 ? "(none)" : text;
}

static void a_file_is_new_or_as_it_was(void)
{
    put(in("a"), "one", 0);
    CHECK_STR(text_of(in("a")), "one");
    put(in("a"), "two", ENOSPC);
    CHECK_STR(text_of(in("a")), "one");
    put(in("a"), "three", 0);
    CHECK_STR(text_of(in("a")), "three");
}

static void a_link_stays_and_its_target_is_written(void)
{
    struct stat st;
    CHECK_INT(symlink("a", in("link")), 0);
    put(in("link"), "by link", 0);
    CHECK(lstat(in("link"), &st) == 0 && S_ISLNK(st.st_mode));
    CHECK_STR(text_of(in("a")), "by link");
}

static void a_pipe_stays_a_pipe(void)
{
    struct stat st;
    char text[10] = "";
    CHECK_INT(mkfifo(in("pipe"), 0600), 0);
    const int reader = open(in("pipe"), O_RDONLY | O_NONBLOCK);
    put(in("pipe"), "through", 0);
    CHECK_INT(read(reader, text, sizeof text), 7);
    close(reader);
    CHECK_STR(text, "through");
    CHECK(stat(in("pipe"), &st) == 0 && S_ISFIFO(st.st_mode));
}

static void what_cannot_be_opened_says_why(void)
{
    struct dg_new_file f;
    CHECK_INT(dg_new_file_begin(directory, &f), EISDIR);
    CHECK_INT(dg_new_file_begin(in("none/x"), &f), ENOENT);
    unlink(in("a"));
    unlink(in("link"));
    unlink(in("pipe"));
    CHECK_INT(rmdir(directory), 0); /* nothing else was left behind */
}

int main(int argc, char **argv)
{
    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    return CHECK_MAIN(argc, argv, CASE(a_file_is_new_or_as_it_was),
                      CASE(a_link_stays_and_its_target_is_written), CASE(a_pipe_stays_a_pipe),
                      CASE(what_cannot_be_opened_says_why));
}
