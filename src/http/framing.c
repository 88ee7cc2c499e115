#include "http/framing.h"

#include <string.h>

static struct http_framing of_length(uint64_t length)
{
    return (struct http_framing){.kind = length > 0 ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE, .length = length};
}

static bool method_is(weir_str method, weir_str name)
{
    return method.len == name.len && memcmp(method.ptr, name.ptr, name.len) == 0;
}

struct http_framing http_framing_of_request(bool chunked, bool has_length, uint64_t length)
{
    if (chunked)
        return (struct http_framing){.kind = HTTP_FRAMING_CHUNKED};
    return of_length(has_length ? length : 0);
}

/* The order is that of RFC 9112, 6.3, but for two that have no message after them. 101 comes first, as it is a 1xx. Any
 * 2xx to CONNECT is a tunnel (RFC 9110, 9.3.6), and 204 is one of them. */
struct http_framing http_framing_of_response(weir_str method, unsigned status, bool chunked, bool has_length,
                                             uint64_t length)
{
    if (status == 101)
        return (struct http_framing){.kind = HTTP_FRAMING_TUNNEL};
    if (status / 100 == 2 && method_is(method, WEIR_STR("CONNECT")))
        return (struct http_framing){.kind = HTTP_FRAMING_TUNNEL};
    if (status < 200 || status == 204 || status == 304 || method_is(method, WEIR_STR("HEAD")))
        return (struct http_framing){.kind = HTTP_FRAMING_NONE};
    if (chunked)
        return (struct http_framing){.kind = HTTP_FRAMING_CHUNKED};
    if (has_length)
        return of_length(length);
    return (struct http_framing){.kind = HTTP_FRAMING_CLOSE};
}
