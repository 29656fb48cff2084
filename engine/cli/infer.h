/* engine/cli/infer.h -- guesses, from names and values, what each column of a file is. */
#ifndef DG_ENGINE_CLI_INFER_H
#define DG_ENGINE_CLI_INFER_H

#include "engine/cli/profile.h"

enum dg_guess {
    DG_GUESS_NUMERIC,
    DG_GUESS_CATEGORY,
    DG_GUESS_IGNORE,
    DG_GUESS_TIMESTAMP,
    DG_GUESS_ID,
    DG_GUESS_VERSION,
    DG_GUESS_VARIANT,
    DG_GUESS_TOPIC,
    DG_GUESS_PARTITION,
    DG_GUESS_OFFSET,
    DG_GUESS_SCORE,
    DG_GUESS_CLASS,
    DG_GUESS_LATENCY,
    DG_GUESSES
};

struct dg_guessed {
    enum dg_guess what;
    char why[160]; /* for a comment; may be empty */
};

#define DG_NO_COLUMN SIZE_MAX

struct dg_inference {
    struct dg_guessed *column; /* [profile->n], owned */
    size_t of[DG_GUESSES];     /* the column of each single role, DG_NO_COLUMN: none */
    int64_t size_us, slide_us; /* proposed windows */
    int64_t out_of_order_us;
    double rows_per_hour; /* in the sample; 0: unknown */
};

/*
 * Guess. `timestamp` names the column of the event time, NULL: guess it too. 0; ENOMEM; ENOENT:
 * there is no such column, or none that looks like a time. *err says what.
 */
DG_MUST_CHECK int dg_infer(const struct dg_profile *p, const char *timestamp,
                           struct dg_inference *out, struct dg_error *err);
void dg_inference_deinit(struct dg_inference *x);

/* Whether `name` has `word` as one of its parts: parts end at other characters than letters and
 * digits, and where a capital follows a small letter; case is ignored. */
bool dg_name_has_word(const char *name, const char *word);

#endif
