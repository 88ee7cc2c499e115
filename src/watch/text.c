#include "watch/text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void watch_text_printf(struct watch_text *text, const char *format, ...)
{
    size_t room = text->len < text->size ? text->size - text->len : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(room > 0 ? text->ptr + text->len : NULL, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->len += (size_t)length;
}

void watch_text_json(struct watch_text *text, const char *terminated)
{
    watch_text_printf(text, "\"");
    for (const char *at = terminated; *at != '\0'; at++) {
        unsigned char octet = (unsigned char)*at;
        if (octet == '"' || octet == '\\')
            watch_text_printf(text, "\\%c", octet);
        else if (octet < 0x20 || octet == 0x7f)
            watch_text_printf(text, "\\u%04x", octet);
        else
            watch_text_printf(text, "%c", octet);
    }
    watch_text_printf(text, "\"");
}

void watch_text_time(struct watch_text *text, uint64_t unix_ns)
{
    time_t seconds = (time_t)(unix_ns / 1000000000);
    struct tm utc;
    char date[32] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &utc) != NULL)
        (void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    watch_text_printf(text, "%s.%03uZ", date, (unsigned)(unix_ns / 1000000 % 1000));
}

int watch_text_result(const struct watch_text *text)
{
    return text->len > INT_MAX ? INT_MAX : (int)text->len;
}
