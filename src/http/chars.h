/* Which octets may stand where: one table for all that HTTP writes as text (RFC 9110, 5.5 and 5.6; RFC 3986, 2). */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <weir/base.h>

enum {
    HTTP_CHAR_TOKEN = 1,   /* tchar */
    HTTP_CHAR_VALUE = 2,   /* of a field value: field-vchar, obs-text, SP, HTAB */
    HTTP_CHAR_TARGET = 4,  /* of a request-target: 0x21 to 0x7e but `#` (a superset of RFC 3986, as browsers need) */
    HTTP_CHAR_NAME = 8,    /* of a reg-name: unreserved and sub-delims; pct-encoded aside */
    HTTP_CHAR_HEX = 16,    /* HEXDIG in either case */
    HTTP_CHAR_DIGIT = 32,  /* DIGIT */
    HTTP_CHAR_SCHEME = 64, /* of a scheme, after its first letter */
    HTTP_CHAR_BLANK = 128  /* SP, HTAB */
};

extern const uint8_t http_chars[256];

static inline bool http_char_is(char octet, unsigned classes)
{
    return (http_chars[(unsigned char)octet] & classes) != 0;
}

/* The first octet from `at` on, before `end`, that is not of the classes; `end` if all are. */
static inline const char *http_chars_span(const char *at, const char *end, unsigned classes)
{
    while (at < end && http_char_is(*at, classes))
        at++;
    return at;
}

/* Of an octet that is HTTP_CHAR_HEX. */
static inline unsigned http_hex_value(char octet)
{
    unsigned c = (unsigned char)octet;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* True if `text` is `lower`, in any case. `lower` is of a-z, 0-9 and `-`, and `text` has been found to hold no control
 * but HTAB: without controls, setting one bit compares letters in either case and nothing else. */
static inline bool http_text_is(weir_str text, weir_str lower)
{
    const uint64_t case_bits = UINT64_C(0x2020202020202020);
    if (text.len != lower.len)
        return false;
    size_t i = 0;
    for (; i + 8 <= lower.len; i += 8) {
        uint64_t a, b;
        memcpy(&a, text.ptr + i, 8);
        memcpy(&b, lower.ptr + i, 8);
        if ((a | case_bits) != b)
            return false;
    }
    for (; i < lower.len; i++) {
        if (((unsigned char)text.ptr[i] | 0x20) != (unsigned char)lower.ptr[i])
            return false;
    }
    return true;
}

/* Without the blanks at both ends. A view with a pointer keeps one. */
static inline weir_str http_trim(weir_str text)
{
    while (text.len > 0 && http_char_is(text.ptr[0], HTTP_CHAR_BLANK)) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && http_char_is(text.ptr[text.len - 1], HTTP_CHAR_BLANK))
        text.len--;
    return text;
}

#endif
