#include "connectors/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

/* Up to `size` bytes of the file's beginning; < 0: errno. */
static ssize_t read_beginning(const char *path, char *bytes, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -1;
    }
    size_t n = 0;
    ssize_t got = 1;
    while (n < size && got > 0) {
        got = read(fd, bytes + n, size - n);
        n += got > 0 ? (size_t)got : 0;
    }
    const int code = errno;
    close(fd);
    errno = code;
    return got < 0 ? -1 : (ssize_t)n;
}

int dg_token_read(const char *path, char token[DG_TOKEN_MAX], struct dg_error *err)
{
    char bytes[DG_TOKEN_MAX + 1];
    const ssize_t n = read_beginning(path, bytes, sizeof bytes);
    if (n < 0) {
        return dg_fail(err, errno, "cannot read the token file %s: %s", path, strerror(errno));
    }
    size_t len = 0;
    while (len < (size_t)n && (unsigned char)bytes[len] > ' ' && bytes[len] != 0x7f) {
        len++;
    }
    const bool ends = len == (size_t)n || bytes[len] == '\n' || bytes[len] == '\r';
    const bool good = len > 0 && len < DG_TOKEN_MAX && ends;
    if (good) {
        memcpy(token, bytes, len);
        token[len] = '\0';
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
    return good ? 0
                : dg_fail(err, EINVAL,
                          "the token file %s: its first line must be the token, at most %d "
                          "characters without blanks",
                          path, DG_TOKEN_MAX - 1);
}
