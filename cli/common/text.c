#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct text text_fixed(char *place, size_t size)
{
    return (struct text){.ptr = place, .size = size};
}

struct text text_growing(void)
{
    return (struct text){.grows = true};
}

void text_free(struct text *text)
{
    if (text->grows)
        free(text->ptr);
    *text = (struct text){.grows = text->grows};
}

/* Room for `need` octets and a terminator. */
static bool have_room(struct text *text, size_t need)
{
    if (text->cut)
        return false;
    if (need < text->size - text->len)
        return true;
    size_t size = (text->len + need + 1) * 2;
    char *grown = text->grows ? realloc(text->ptr, size) : NULL;
    if (grown == NULL) {
        text->cut = true;
        return false;
    }
    text->ptr = grown;
    text->size = size;
    return true;
}

void text_add(struct text *text, const char *ptr, size_t len)
{
    if (len == 0 || !have_room(text, len))
        return;
    memcpy(text->ptr + text->len, ptr, len);
    text->len += len;
    text->ptr[text->len] = '\0';
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length > 0 && have_room(text, (size_t)length)) {
        (void)vsnprintf(text->ptr + text->len, (size_t)length + 1, format, again);
        text->len += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

static bool plain_in_json(unsigned char octet)
{
    return octet >= 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
}

void text_json(struct text *text, weir_str octets)
{
    text_add(text, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char octet = (unsigned char)octets.ptr[i];
        if (plain_in_json(octet))
            continue;
        text_add(text, octets.ptr + from, i - from);
        if (octet == '"' || octet == '\\')
            text_printf(text, "\\%c", octet);
        else
            text_printf(text, "\\u%04x", octet);
        from = i + 1;
    }
    if (octets.len > from)
        text_add(text, octets.ptr + from, octets.len - from);
    text_add(text, "\"", 1);
}

void text_wrapped(struct text *text, size_t column, size_t width, const char *sentence)
{
    size_t at = column;
    while (*sentence != '\0') {
        size_t word = strcspn(sentence, " ");
        if (at > column && width > 0 && at + 1 + word > width) {
            text_printf(text, "\n%*s", (int)column, "");
            at = column;
        }
        text_printf(text, "%s%.*s", at > column ? " " : "", (int)word, sentence);
        at += (at > column) + word;
        sentence += word + strspn(sentence + word, " ");
    }
}

void text_time(struct text *text)
{
    struct timespec now;
    struct tm utc;
    char date[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    text_printf(text, "%s.%03dZ", date, (int)(now.tv_nsec / 1000000));
}

weir_str text_view(const struct text *text)
{
    return (weir_str){text->ptr, text->len};
}
