/* connectors/token_file.h -- a bearer token from a file: the server's side and the client's. */
#ifndef DG_CONNECTORS_TOKEN_FILE_H
#define DG_CONNECTORS_TOKEN_FILE_H

#include "engine/error.h"

#define DG_TOKEN_MAX 501

/* The first line of the file. EINVAL: it is empty, longer than 500 bytes or has control characters
 * or blanks; the errno of reading. The message names the file, never what stands in it. */
DG_MUST_CHECK int dg_token_read(const char *path, char token[DG_TOKEN_MAX], struct dg_error *err);

#endif
