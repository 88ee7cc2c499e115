/* Percent-encoding (RFC 3986, 2.1) and the parameters of a query. */
#include <string.h>
#include <weir/uri.h>

#include "http/chars.h"

/* The octet that `text` begins with, and how many octets stand for it; 0: malformed. */
static size_t decode_one(weir_str text, unsigned options, char *octet)
{
    *octet = text.ptr[0];
    if (*octet == '+' && (options & WEIR_URI_PLUS) != 0)
        *octet = ' ';
    if (*octet != '%')
        return 1;
    if (text.len < 3 || !http_char_is(text.ptr[1], HTTP_CHAR_HEX) || !http_char_is(text.ptr[2], HTTP_CHAR_HEX))
        return 0;
    *octet = (char)(http_hex_value(text.ptr[1]) * 16 + http_hex_value(text.ptr[2]));
    return *octet != '\0' || (options & WEIR_URI_NUL) != 0 ? 3 : 0;
}

weir_code weir_uri_decode(weir_str text, unsigned options, char *place, size_t size, size_t *length)
{
    size_t at = 0, put = 0;
    while (at < text.len) {
        char octet;
        size_t n = decode_one((weir_str){text.ptr + at, text.len - at}, options, &octet);
        if (n == 0) {
            *length = at;
            return WEIR_CODE_bad_escape;
        }
        if (put == size) {
            *length = 0;
            return WEIR_CODE_target_too_long;
        }
        place[put++] = octet;
        at += n;
    }
    *length = put;
    return WEIR_OK;
}

weir_code weir_uri_decode_in_place(char *text, unsigned options, size_t *length)
{
    return weir_uri_decode((weir_str){text, *length}, options, text, *length, length);
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

size_t weir_uri_encode(char *text, size_t size, weir_str octets)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = 0, put = 0;
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char c = (unsigned char)octets.ptr[i];
        const char three[3] = {'%', digits[c >> 4], digits[c & 15]};
        bool stands = is_unreserved(octets.ptr[i]);
        size_t n = stands ? 1 : 3;
        if (put == length && length + n < size) {
            memcpy(text + put, stands ? octets.ptr + i : three, n);
            put += n;
        }
        length += n;
    }
    if (size > 0)
        text[put] = '\0';
    return length;
}

bool weir_query_next(weir_str *rest, weir_str *name, weir_str *value)
{
    while (rest->len > 0) {
        const char *end = memchr(rest->ptr, '&', rest->len);
        weir_str pair = {rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len};
        size_t whole = pair.len + (end != NULL);
        *rest = (weir_str){rest->ptr + whole, rest->len - whole};
        if (pair.len == 0)
            continue;
        const char *equals = memchr(pair.ptr, '=', pair.len);
        *name = (weir_str){pair.ptr, equals != NULL ? (size_t)(equals - pair.ptr) : pair.len};
        *value = (weir_str){NULL, 0};
        if (equals != NULL)
            *value = (weir_str){equals + 1, pair.len - name->len - 1};
        return true;
    }
    *name = *value = (weir_str){NULL, 0};
    return false;
}

/* `text` decodes to `octets`. */
static bool decodes_to(weir_str text, unsigned options, weir_str octets)
{
    size_t at = 0;
    for (size_t i = 0; i < octets.len; i++) {
        char octet;
        size_t n = at < text.len ? decode_one((weir_str){text.ptr + at, text.len - at}, options, &octet) : 0;
        if (n == 0 || octet != octets.ptr[i])
            return false;
        at += n;
    }
    return at == text.len;
}

bool weir_query_find(weir_str query, weir_str name, unsigned options, weir_str *value)
{
    weir_str found;
    while (weir_query_next(&query, &found, value)) {
        if (!decodes_to(found, options, name))
            continue;
        if (value->ptr == NULL)
            *value = WEIR_STR("");
        return true;
    }
    return false;
}
