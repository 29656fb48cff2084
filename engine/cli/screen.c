#include "engine/cli/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
#define HANDLED (sizeof handled / sizeof handled[0])

static struct {
    bool entered, keys; /* standard input is a terminal too */
    struct termios before;
    struct sigaction old[HANDLED];
    int pipe[2];    /* a signal writes a byte, so that no wait misses it */
    bool gone;      /* no terminal any more */
    char bytes[64]; /* [n] read, [at] of them used */
    size_t n, at;
    volatile sig_atomic_t end, stop, resized;
} screen = {.pipe = {-1, -1}};

static void on_signal(int number)
{
    const int code = errno;
    if (number == SIGWINCH) {
        screen.resized = 1;
    } else if (number == SIGTSTP) {
        screen.stop = 1;
    } else {
        screen.end = number;
    }
    const ssize_t written = write(screen.pipe[1], "", 1);
    (void)written; /* full: it will wake anyway */
    errno = code;
}

static void say(const char *bytes)
{
    fputs(bytes, stdout);
    fflush(stdout);
}

static void take(void)
{
    if (screen.keys) {
        struct termios keys = screen.before;
        keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        keys.c_cc[VMIN] = 0;
        keys.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    say("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J");
}

static void give_back(void)
{
    say("\x1b[?7h\x1b[?25h\x1b[?1049l");
    if (screen.keys) {
        tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
    }
}

int dg_screen_enter(void)
{
    DG_ASSERT(!screen.entered);
    if (pipe2(screen.pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return errno;
    }
    screen.keys = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &screen.before) == 0;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < HANDLED; i++) {
        sigaction(handled[i], &action, &screen.old[i]);
    }
    screen.entered = true;
    take();
    return 0;
}

void dg_screen_leave(void)
{
    if (!screen.entered) {
        return;
    }
    give_back();
    for (size_t i = 0; i < HANDLED; i++) {
        sigaction(handled[i], &screen.old[i], NULL);
    }
    close(screen.pipe[0]);
    close(screen.pipe[1]);
    screen.entered = false;
}

static struct winsize size_now(void)
{
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
        return (struct winsize){0};
    }
    return size;
}

int dg_screen_width(void)
{
    return size_now().ws_col;
}

void dg_screen_show(const char *text, const char *footer)
{
    const int rows = size_now().ws_row;
    fputs("\x1b[H", stdout);
    for (int row = 1; *text != '\0' && (rows == 0 || row < rows); row++) {
        const size_t len = strcspn(text, "\n");
        fwrite(text, 1, len, stdout);
        fputs("\x1b[K\r\n", stdout);
        text += len + (text[len] == '\n');
    }
    fputs("\x1b[J", stdout);
    if (rows > 0) {
        printf("\x1b[%d;1H", rows);
    }
    printf("%s\x1b[K", footer);
    fflush(stdout);
}

/* Give the terminal back, stop as the user asked, and take it again when he continues. */
static void stop_here(void)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction ours;
    screen.stop = 0;
    give_back();
    sigaction(SIGTSTP, &standard, &ours);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &ours, NULL);
    take();
    screen.resized = 1;
}

/* Where the sequence that an arrow or function key sends ends: ESC [ ... letter, or ESC O letter.
 */
static size_t skip_sequence(size_t at)
{
    at++;
    if (at < screen.n && screen.bytes[at] == '[') {
        do {
            at++;
        } while (at < screen.n && screen.bytes[at] < '@');
    } else if (at < screen.n && screen.bytes[at] == 'O') {
        at++;
    }
    return at < screen.n ? at + 1 : at;
}

/* The next key of those that were read; 0: there is none. */
static int take_key(void)
{
    while (screen.at < screen.n) {
        const char c = screen.bytes[screen.at];
        screen.at = c == '\x1b' ? skip_sequence(screen.at) : screen.at + 1;
        if (c > ' ' && c != 0x7f) {
            return c;
        }
    }
    return 0;
}

static int read_key(void)
{
    const ssize_t n = read(STDIN_FILENO, screen.bytes, sizeof screen.bytes);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        screen.gone = true;
        return DG_SCREEN_ENDED;
    }
    screen.at = 0;
    screen.n = n > 0 ? (size_t)n : 0;
    return take_key();
}

int dg_screen_key(int timeout_ms)
{
    struct pollfd wait[2] = {{.fd = screen.pipe[0], .events = POLLIN},
                             {.fd = screen.keys ? STDIN_FILENO : -1, .events = POLLIN}};
    char woken[64];
    const int key = screen.end ? 0 : take_key();
    if (key != 0) {
        return key;
    }
    const int ready = poll(wait, 2, timeout_ms);
    while (read(screen.pipe[0], woken, sizeof woken) > 0) {
    }
    if (screen.stop && !screen.end) {
        stop_here();
    }
    if (screen.end) {
        return DG_SCREEN_ENDED;
    }
    if (screen.resized) {
        screen.resized = 0;
        return DG_SCREEN_RESIZED;
    }
    return ready > 0 && wait[1].revents != 0 ? read_key() : 0;
}

bool dg_screen_ended(void)
{
    return screen.end != 0 || screen.gone;
}

int dg_screen_signal(void)
{
    return screen.end;
}
