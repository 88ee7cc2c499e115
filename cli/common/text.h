/* Text that is put together piece by piece: into a place of fixed size (log lines, on worker threads, without memory),
 * or into one that grows. When there is no more room the text is cut and `cut` is set; nothing else fails. */
#ifndef CLI_COMMON_TEXT_H
#define CLI_COMMON_TEXT_H

#include <weir/base.h>

struct text {
    char *ptr; /* not terminated when it grows and is empty */
    size_t len;
    size_t size;
    bool grows;
    bool cut;
};

struct text text_fixed(char *place, size_t size);
struct text text_growing(void);
/* Of one that grows. */
void text_free(struct text *text);

void text_add(struct text *text, const char *ptr, size_t len);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes. Octets from 0x80 on are shown as the Latin-1 letters of that number, so that any
 * octets give valid JSON and can be told apart. */
void text_json(struct text *text, weir_str octets);
/* A sentence, when the line is `column` wide already: broken between words where it would be wider than `width` (0:
 * never), and gone on with below its beginning. */
void text_wrapped(struct text *text, size_t column, size_t width, const char *sentence);
/* The instant in UTC with milliseconds (RFC 3339). */
void text_time(struct text *text);

weir_str text_view(const struct text *text);

#endif
