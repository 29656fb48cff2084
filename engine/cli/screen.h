/* engine/cli/screen.h -- the whole terminal for one program, and back as it was: on return, on
 * signals that end it, while it is stopped. One per process. */
#ifndef DG_ENGINE_CLI_SCREEN_H
#define DG_ENGINE_CLI_SCREEN_H

#include "engine/error.h"

/* Take standard output's terminal: alternate screen, no cursor, keys without echo. 0 or an errno.
 * Handles SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH until leave. */
DG_MUST_CHECK int dg_screen_enter(void);
/* Give it back, and the signals' old actions. Idempotent. */
void dg_screen_leave(void);

/* Show lines of text from the top, cut at the terminal's height; the last line shows `footer`. */
void dg_screen_show(const char *text, const char *footer);
/* Columns at present; 0: unknown. */
int dg_screen_width(void);

#define DG_SCREEN_RESIZED (-1) /* or continued after a stop */
#define DG_SCREEN_ENDED   (-2) /* a signal, or the terminal is gone */
/* The next key within timeout_ms, 0 if there was none, or one of the above. Keys that send several
 * bytes are passed over. */
int dg_screen_key(int timeout_ms);
/* A signal asks to end. */
bool dg_screen_ended(void);
/* Which one; 0: the terminal is gone. */
int dg_screen_signal(void);

#endif
