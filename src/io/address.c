#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

weir_code io_fail(weir_error *error, weir_code code, int os, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        error->code = code;
        error->os = os;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
    }
    return code;
}

weir_code io_code_of_errno(int os)
{
    switch (os) {
    case EADDRINUSE:
        return WEIR_CODE_address_in_use;
    case EADDRNOTAVAIL:
    case ENOENT: /* of a unix socket: its directory */
    case ENOTDIR:
        return WEIR_CODE_address_unavailable;
    case EACCES:
    case EPERM:
        return WEIR_CODE_permission_denied;
    case EMFILE:
    case ENFILE:
        return WEIR_CODE_no_descriptors;
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC: /* of epoll: its limit of watched descriptors, which is one of memory */
        return WEIR_CODE_no_memory;
    default:
        return WEIR_CODE_system_error;
    }
}

static void from_ipv6(weir_address *address, const struct sockaddr_in6 *from)
{
    address->port = ntohs(from->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
        address->family = AF_INET;
        memcpy(address->octets, &from->sin6_addr.s6_addr[12], 4);
    } else {
        address->family = AF_INET6;
        memcpy(address->octets, from->sin6_addr.s6_addr, 16);
    }
}

void io_address_from(weir_address *address, const struct sockaddr_storage *from, socklen_t size)
{
    *address = (weir_address){0};
    if (size < sizeof(from->ss_family))
        return;
    if (from->ss_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *ipv4 = (const void *)from;
        address->family = AF_INET;
        address->port = ntohs(ipv4->sin_port);
        memcpy(address->octets, &ipv4->sin_addr, 4);
    } else if (from->ss_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        from_ipv6(address, (const void *)from);
    } else if (from->ss_family == AF_UNIX) {
        address->family = AF_UNIX;
    }
}

int weir_address_format(char *text, size_t size, const weir_address *address)
{
    char host[INET6_ADDRSTRLEN];
    if (address->family == AF_UNIX)
        return snprintf(text, size, "unix:");
    if ((address->family != AF_INET && address->family != AF_INET6) ||
        inet_ntop(address->family, address->octets, host, sizeof(host)) == NULL)
        return snprintf(text, size, "unknown");
    return snprintf(text, size, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, address->port);
}

static bool has_prefix(weir_str text, weir_str prefix)
{
    return text.len >= prefix.len && weir_str_equal((weir_str){text.ptr, prefix.len}, prefix);
}

static weir_code refuse(weir_error *error, weir_str text, const char *why)
{
    return io_fail(error, WEIR_CODE_bad_address, 0, "\"%.*s\": %s", (int)(text.len < 128 ? text.len : 128),
                   text.len > 0 ? text.ptr : "", why);
}

static bool parse_port(weir_str digits, uint16_t *port)
{
    uint32_t value = 0;
    if (digits.len == 0 || digits.len > 5)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(digits.ptr[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static weir_code parse_unix(struct io_place *place, weir_str text, weir_error *error)
{
    const struct sockaddr_un *limit = NULL;
    place->kind = IO_PLACE_UNIX;
    place->path = (weir_str){text.ptr + 5, text.len - 5};
    if (place->path.len == 0)
        return refuse(error, text, "a path is missing after unix:");
    if (memchr(place->path.ptr, 0, place->path.len) != NULL)
        return refuse(error, text, "a NUL in a path");
    if (place->path.len >= sizeof(limit->sun_path))
        return refuse(error, text, "the path is longer than the 107 octets that a unix socket's may have");
    return WEIR_OK;
}

static weir_code parse_host(struct io_place *place, weir_str text, weir_str host, weir_error *error)
{
    place->host = host;
    if (host.len == 0)
        return WEIR_OK;
    if (host.len > 255 || memchr(host.ptr, 0, host.len) != NULL)
        return refuse(error, text, "the host is longer than 255 octets, or has a NUL in it");
    if (host.ptr[0] == '[') {
        if (host.ptr[host.len - 1] != ']' || host.len < 3)
            return refuse(error, text, "an IPv6 address in brackets was expected, as in [::1]:8080");
        place->host = (weir_str){host.ptr + 1, host.len - 2};
        place->is_ipv6 = true;
    } else if (memchr(host.ptr, ':', host.len) != NULL) {
        return refuse(error, text, "an IPv6 address stands in brackets, as in [::1]:8080");
    }
    return WEIR_OK;
}

weir_code io_place_parse(struct io_place *place, weir_str text, weir_error *error)
{
    *place = (struct io_place){0};
    if (weir_str_equal(text, WEIR_STR("systemd"))) {
        place->kind = IO_PLACE_SYSTEMD;
        return WEIR_OK;
    }
    if (has_prefix(text, WEIR_STR("unix:")))
        return parse_unix(place, text, error);
    if (text.len == 0)
        return refuse(error, text, "HOST:PORT, [v6]:PORT, :PORT, unix:PATH or systemd was expected");
    const char *colon = memrchr(text.ptr, ':', text.len);
    if (colon == NULL || text.ptr[text.len - 1] == ']')
        return refuse(error, text, "a port is missing: HOST:PORT, [v6]:PORT, :PORT, unix:PATH or systemd");
    size_t host_size = (size_t)(colon - text.ptr);
    if (!parse_port((weir_str){colon + 1, text.len - host_size - 1}, &place->port))
        return refuse(error, text, "the port is not a number from 0 to 65535");
    return parse_host(place, text, (weir_str){text.ptr, host_size}, error);
}
