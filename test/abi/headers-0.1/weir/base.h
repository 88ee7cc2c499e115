/* weir/base.h: the words that every other header uses.
 *
 * Nothing here does I/O. All of Weir is free of global state: what a call works on is in its arguments.
 * Times are nanoseconds of a monotonic clock (uint64_t, `_ns`), sizes are octets (size_t or uint64_t, `_size`, `_max`).
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_VERSION_MAJOR 0
#define WEIR_VERSION_MINOR 1
#define WEIR_VERSION_PATCH 0
#define WEIR_VERSION "0.1.0"

#if defined(WEIR_BUILDING)
#define WEIR_API __attribute__((visibility("default")))
#else
#define WEIR_API
#endif
#define WEIR_MUST_USE __attribute__((warn_unused_result))
#define WEIR_PRINTF(text_at, args_at) __attribute__((format(printf, text_at, args_at)))

/* The version of the library that runs, and what it was built with: "0.1.0 (epoll, c-ares)". Static storage. */
WEIR_API const char *weir_version(void);

/* A view of octets: not terminated, not owned. An empty view may have a null pointer. */
typedef struct weir_str {
    const char *ptr;
    size_t len;
} weir_str;

/* The view of a string literal; its octets live for ever. */
#ifdef __cplusplus
#define WEIR_STR(literal) (weir_str{"" literal, sizeof(literal) - 1})
#else
#define WEIR_STR(literal) ((weir_str){"" literal, sizeof(literal) - 1})
#endif

/* The same where C wants a constant: the initialiser of a static object. */
#define WEIR_STR_INIT(literal) {"" literal, sizeof(literal) - 1}

/* The view of a terminated string. */
WEIR_API weir_str weir_str_from(const char *terminated);
WEIR_API bool weir_str_equal(weir_str a, weir_str b);
/* ASCII letters alike in either case, as field names and most tokens compare (RFC 9110, 5.1). */
WEIR_API bool weir_str_equal_nocase(weir_str a, weir_str b);

/* Where Weir's memory comes from. One function, so that sizes are always known on both sides:
 *
 *     resize(ctx, NULL, 0, n)      allocate n octets            (n > 0)
 *     resize(ctx, p, n, m)         grow or shrink, contents kept (m > 0)
 *     resize(ctx, p, n, 0)         release; returns NULL
 *
 * It returns NULL when there is no memory; then `p` is untouched. Aligned as malloc's. It must be safe to call from
 * the threads that run loops of this allocator. A null `resize` means the C library's.
 */
typedef struct weir_allocator {
    void *(*resize)(void *ctx, void *ptr, size_t old_size, size_t new_size);
    void *ctx;
} weir_allocator;

/* Which end of a connection we are. */
typedef enum weir_role { WEIR_ROLE_SERVER = 0, WEIR_ROLE_CLIENT = 1 } weir_role;

/* A time that never comes. */
#define WEIR_NEVER UINT64_MAX

#ifdef __cplusplus
}
#endif
#endif
