#include "engine/source.h"

#include <stdlib.h>

void dg_chunk_deinit(struct dg_chunk *c)
{
    free(c->data);
    *c = (struct dg_chunk){0};
}
