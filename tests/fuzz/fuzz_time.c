/* Any bytes as a time and as a duration: what is accepted is in range, and comes back from its
 * text. The first byte chooses the format. */
#include "engine/timefmt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 1) {
        return 0;
    }
    char text[DG_TIME_TEXT];
    int64_t us = 0;
    int64_t back = 0;
    const char *const p = (const char *)data + 1;
    const enum dg_time_format format = data[0] % (DG_TIME_UNIX_NS + 1);
    if (dg_time_parse(p, n - 1, format, &us)) {
        dg_time_format(us, text);
        require(dg_time_parse(text, strlen(text), DG_TIME_RFC3339, &back) && back == us);
    }
    if (dg_duration_parse(p, n - 1, &us)) {
        require(us >= 0);
        dg_duration_format(us, text);
        require(dg_duration_parse(text, strlen(text), &back) && back == us);
    }
    if (n > sizeof(int64_t)) {
        int64_t integer;
        double number;
        memcpy(&integer, p, sizeof integer);
        memcpy(&number, p, sizeof number);
        if (dg_time_from_integer(integer, format, &us)) {
            dg_time_format(us, text);
            require(dg_time_parse(text, strlen(text), DG_TIME_AUTO, &back) && back == us);
        }
        if (dg_time_from_number(number, format, &us)) {
            dg_time_format(us, text);
            require(dg_time_parse(text, strlen(text), DG_TIME_AUTO, &back) && back == us);
        }
        (void)dg_duration_format(integer, text);
        (void)dg_time_format(integer, text);
    }
    return 0;
}
