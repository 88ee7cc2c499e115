#include "common/host.h"

#include <arpa/inet.h>
#include <string.h>

bool host_of(weir_str authority, char host[HOST_TEXT])
{
    const char *from = authority.ptr;
    size_t length = authority.len;
    if (length > 0 && from[0] == '[') {
        const char *end = memchr(from, ']', length);
        if (end == NULL)
            return false;
        length = (size_t)(end - from) - 1;
        from++;
    } else if (length > 0) {
        const char *colon = memchr(from, ':', length);
        length = colon != NULL ? (size_t)(colon - from) : length;
    }
    if (length == 0 || length >= HOST_TEXT)
        return false;
    memcpy(host, from, length);
    host[length] = '\0';
    return true;
}

bool host_is_literal(const char *host)
{
    struct in6_addr address; /* as large as one of either family */
    return weir_str_equal_nocase(weir_str_from(host), WEIR_STR("localhost")) ||
           inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}
