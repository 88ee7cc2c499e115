/* Text into a buffer of a fixed size, with snprintf's contract: always terminated (if there is room for that), cut at
 * the end, and `len` counts on, so that the caller learns how long it would have been. */
#ifndef WATCH_TEXT_H
#define WATCH_TEXT_H

#include <weir/base.h>

struct watch_text {
    char *ptr; /* may be null when `size` is 0 */
    size_t size;
    size_t len;
};

void watch_text_printf(struct watch_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A JSON string with its quotes (RFC 8259, 7). Octets that are not UTF-8 are the caller's to keep out. */
void watch_text_json(struct watch_text *text, const char *terminated);

/* `2026-01-31T23:59:59.123Z` (RFC 3339), from nanoseconds since 1970. */
void watch_text_time(struct watch_text *text, uint64_t unix_ns);

/* What snprintf would return. */
int watch_text_result(const struct watch_text *text);

#endif
