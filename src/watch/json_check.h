/* For tests: is a text one well-formed JSON value and nothing more (RFC 8259)? Recursive descent, no memory. */
#ifndef WATCH_JSON_CHECK_H
#define WATCH_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *json_value(const char *at);

static inline const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at != '\\')
            continue;
        at++;
        if (*at == 'u') {
            if (strspn(at + 1, "0123456789abcdefABCDEF") < 4)
                return NULL;
            at += 4;
        } else if (*at == '\0' || strchr("\"\\/bfnrt", *at) == NULL) {
            return NULL;
        }
    }
    return at + 1;
}

static inline const char *json_number(const char *at)
{
    at += *at == '-';
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0'))
        return NULL;
    at += digits;
    if (*at == '.') {
        digits = strspn(at + 1, "0123456789");
        at = digits > 0 ? at + 1 + digits : NULL;
    }
    return at;
}

static inline const char *json_members(const char *at, bool object)
{
    char close = object ? '}' : ']';
    at++;
    if (*at == close)
        return at + 1;
    for (;; at++) {
        if (object) {
            at = json_string(at);
            if (at == NULL || *at++ != ':')
                return NULL;
        }
        at = json_value(at);
        if (at == NULL || *at != ',')
            break;
    }
    return at != NULL && *at == close ? at + 1 : NULL;
}

static inline const char *json_value(const char *at)
{
    static const char *const words[] = {"true", "false", "null"};
    if (*at == '{' || *at == '[')
        return json_members(at, *at == '{');
    if (*at == '"')
        return json_string(at);
    for (size_t i = 0; i < 3; i++)
        if (strncmp(at, words[i], strlen(words[i])) == 0)
            return at + strlen(words[i]);
    return json_number(at);
}

static inline bool json_well_formed(const char *text)
{
    const char *end = json_value(text);
    return end != NULL && *end == '\0';
}

#endif
