/* engine/cli/options_value.h -- from the text of an option's value to the member it sets. */
#ifndef DG_ENGINE_CLI_OPTIONS_VALUE_H
#define DG_ENGINE_CLI_OPTIONS_VALUE_H

#include "engine/cli/options.h"

/* Set the member of *settings that `option` names from `text` (NULL for a flag). EINVAL with a
 * sentence that names the option, the text and what would do; ENOMEM. */
DG_MUST_CHECK int dg_option_set(const struct dg_option *option, const char *text, void *settings,
                                struct dg_error *err);
/* Append to a list. ENOMEM; the list is then as it was. */
DG_MUST_CHECK int dg_words_add(struct dg_words *w, const char *word, struct dg_error *err);
/* "; did you mean ...?" ready to append to a message, or "". `list` is NULL-terminated. */
#define DG_HINT_MAX 96
char *dg_hint(const char *word, const char *const list[], char buf[DG_HINT_MAX]);

#endif
