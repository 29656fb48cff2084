/* connectors/file_source.h -- files as a source: one partition per file. */
#ifndef DG_CONNECTORS_FILE_SOURCE_H
#define DG_CONNECTORS_FILE_SOURCE_H

#include "engine/source.h"

#define DG_CHUNK_BYTES_DEFAULT  ((size_t)256 << 10)
#define DG_RECORD_BYTES_DEFAULT ((size_t)16 << 20)

/* Zero means default throughout: a zeroed struct is the usual choice. Strings are borrowed until
 * the source is closed. */
struct dg_file_options {
    const char *format;            /* "auto" (NULL), "csv", "ndjson", "avro" */
    char csv_delimiter;            /* 0 = guess among , ; tab | from the header */
    size_t chunk_bytes;            /* about how much a chunk of a text format holds, 256 KiB; any
                                      value >= 1 gives the same rows */
    size_t record_bytes;           /* longest record, 16 MiB; a longer one is DG_BAD_TOO_LARGE */
    const char *const *null_words; /* [n_null_words] CSV words that mean null; NULL = the default:
                                      "NA" "N/A" "null" "NULL" "None". The empty field always does.
                                    */
    size_t n_null_words;
};

/*
 * Open all files and understand their headers; nothing else is read yet.
 *
 *   paths       [n], n >= 1; "-" is standard input, at most once. Directories and patterns are the
 *               shell's business. Partition i is paths[i].
 *   options     NULL: all defaults
 *   projection  the columns wanted; borrowed until close, as are the paths
 *
 * The format of a file is told by its content (Avro container: its magic; NDJSON: the first byte
 * that is not white space is a brace), by the extension under an optional .gz/.zst where the
 * content does not tell, and is CSV otherwise. options->format overrides that.
 *
 * Returns 0 and the source through *out, to be closed by its ops->close. Otherwise a sentence that
 * names the file, and
 *   ENOENT, EACCES, EISDIR, ...  of opening it
 *   EINVAL                       an unknown format, a header that cannot be understood, a format
 *                                that is not read (Parquet, ...), n == 0, "-" twice
 *   ENOMEM
 * What is damaged behind the header is no error but rows with a reason: see enum dg_reason. So is a
 * text format whose file turns out to be binary (DG_BAD_BINARY at line 1).
 */
DG_MUST_CHECK int dg_file_source_open(const char *const paths[], size_t n,
                                      const struct dg_file_options *options,
                                      const struct dg_projection *projection,
                                      struct dg_source **out, struct dg_error *err);

#endif
