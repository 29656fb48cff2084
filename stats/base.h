/* stats/base.h -- what every file of the project may lean on: attributes, assertions, wide
 * integers. */
#ifndef DG_STATS_BASE_H
#define DG_STATS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DG_MUST_CHECK        __attribute__((warn_unused_result))
#define DG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DG_NORETURN          __attribute__((noreturn))

/* Exact sums need more than 64 bits. Both supported compilers have the type on 64-bit targets. */
__extension__ typedef __int128 dg_i128;
__extension__ typedef unsigned __int128 dg_u128;

/* A programmer's error stops the process, in release builds too: a wrong number is worse than none.
 */
#define DG_ASSERT(condition)                                                                       \
    ((condition) ? (void)0 : dg_assert_failed(#condition, __FILE__, __LINE__))

DG_NORETURN void dg_assert_failed(const char *condition, const char *file, int line);

/* Error codes are those of errno.h. The ones the library returns:
 *   EINVAL  an argument is outside its documented range
 *   EDOM    the question has no answer for this input (an empty sample, say)
 *   ENOMEM  out of memory; the object is as it was before the call
 *   EBADMSG encoded state that is corrupt, truncated or of another version */

#endif
