#include <stdio.h>
#include <string.h>

#include <weir/ending.h>

#include "base/trace.h"

#define NAME(lower, upper) #lower,
#define NAME_FUNCTION(what, TABLE)                                                                                     \
    const char *weir_##what##_name(weir_##what value)                                                                  \
    {                                                                                                                  \
        static const char *const names[] = {TABLE(NAME)};                                                              \
        return (size_t)value < sizeof(names) / sizeof(names[0]) ? names[value] : "unknown";                            \
    }

NAME_FUNCTION(stage, WEIR_STAGE_TABLE)
NAME_FUNCTION(how, WEIR_HOW_TABLE)
NAME_FUNCTION(by, WEIR_BY_TABLE)
NAME_FUNCTION(delivery, WEIR_DELIVERY_TABLE)
NAME_FUNCTION(class, WEIR_CLASS_TABLE)
NAME_FUNCTION(retry, WEIR_RETRY_TABLE)

static const char *trace_event_name(unsigned event)
{
    static const char *const names[BASE_TRACE_COUNT] = {
#define X(identifier, text) [BASE_TRACE_##identifier] = text,
        BASE_TRACE_TABLE(X)
#undef X
    };
    return event < BASE_TRACE_COUNT && names[event] != NULL ? names[event] : "unknown";
}

int weir_trace_format(char *text, size_t size, weir_trace trace)
{
    char whole[4 * 24] = "-";
    size_t length = 0;
    for (; trace != 0; trace >>= 8)
        length += (size_t)snprintf(whole + length, sizeof(whole) - length, "%s%s", length == 0 ? "" : " > ",
                                   trace_event_name(trace & 0xff));
    return snprintf(text, size, "%s", whole);
}
