/* connectors/text_grid.h -- a table of texts, laid out to fit a width. */
#ifndef DG_CONNECTORS_TEXT_GRID_H
#define DG_CONNECTORS_TEXT_GRID_H

#include "engine/error.h"

#include <stdio.h>

enum dg_ink { DG_INK_PLAIN, DG_INK_DIM, DG_INK_BOLD, DG_INK_GREEN, DG_INK_YELLOW, DG_INK_RED };

/* Print text in a colour, or plainly where colours are off. */
void dg_ink_put(FILE *out, enum dg_ink ink, bool colors, const char *text);

struct dg_grid_column {
    const char *title;
    bool right; /* aligned to the right */
    bool cut;   /* may be shortened, to 8 columns at least */
    int drop;   /* 0: always shown; else left out where width lacks, the highest first */
};

struct dg_grid {
    const struct dg_grid_column *column; /* [n_columns], borrowed */
    size_t n_columns;
    char **cell;      /* [n_cells], owned, row by row */
    enum dg_ink *ink; /* [n_cells] */
    size_t n_cells, cap;
    bool failed; /* out of memory; sticky */
};

struct dg_grid_look {
    int width;  /* columns to fit into; 0: any */
    int indent; /* blanks before each line */
    bool colors;
    bool unicode;
};

void dg_grid_init(struct dg_grid *g, const struct dg_grid_column column[], size_t n_columns);
void dg_grid_deinit(struct dg_grid *g);
/* The next cell, from left to right, then the next row. The text is copied. */
void dg_grid_put(struct dg_grid *g, enum dg_ink ink, const char *format, ...) DG_PRINTF(3, 4);
/* Header and rows, columns apart by two blanks. ENOMEM if any put failed; nothing is printed then.
 */
DG_MUST_CHECK int dg_grid_print(const struct dg_grid *g, const struct dg_grid_look *look,
                                FILE *out);

#endif
