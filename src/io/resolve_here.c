#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "io/resolve_internal.h"

void io_addresses_add(struct io_addresses *addresses, const struct sockaddr *address, uint16_t port)
{
    if (addresses->count == IO_ADDRESSES_MAX || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return;
    struct sockaddr_storage *to = &addresses->list[addresses->count];
    socklen_t size = address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memset(to, 0, sizeof(*to));
    memcpy(to, address, size);
    if (address->sa_family == AF_INET)
        ((struct sockaddr_in *)(void *)to)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)to)->sin6_port = htons(port);
    addresses->sizes[addresses->count++] = size;
}

/* The next one at or after `from` that is, or is not, of the family; `count` if there is none. */
static size_t next_of(const struct io_addresses *addresses, size_t from, sa_family_t family, bool same)
{
    while (from < addresses->count && (addresses->list[from].ss_family == family) != same)
        from++;
    return from;
}

void io_addresses_interleave(struct io_addresses *addresses)
{
    const struct io_addresses sorted = *addresses;
    sa_family_t first = sorted.list[0].ss_family;
    size_t at[2] = {next_of(&sorted, 0, first, false), next_of(&sorted, 0, first, true)};
    bool same = true;
    for (size_t i = 0; i < sorted.count; i++) {
        if (at[same] == sorted.count)
            same = !same;
        addresses->list[i] = sorted.list[at[same]];
        addresses->sizes[i] = sorted.sizes[at[same]];
        at[same] = next_of(&sorted, at[same] + 1, first, same);
        same = !same;
    }
}

static bool add_ipv4(struct io_addresses *addresses, const char *host, uint16_t port)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, host, &ipv4.sin_addr) != 1)
        return false;
    io_addresses_add(addresses, (const struct sockaddr *)&ipv4, port);
    return true;
}

/* fe80::1%eth0, or %2 (RFC 4007, 11). 0: there is no such interface. */
static uint32_t scope_of(const char *zone)
{
    uint32_t index = if_nametoindex(zone);
    if (index != 0)
        return index;
    for (; *zone >= '0' && *zone <= '9' && index < 100000000; zone++)
        index = index * 10 + (uint32_t)(*zone - '0');
    return *zone == '\0' ? index : 0;
}

static bool add_ipv6(struct io_addresses *addresses, char *host, uint16_t port)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    char *zone = strchr(host, '%');
    if (zone != NULL) {
        *zone = '\0';
        ipv6.sin6_scope_id = scope_of(zone + 1);
        if (ipv6.sin6_scope_id == 0)
            return false;
    }
    if (inet_pton(AF_INET6, host, &ipv6.sin6_addr) != 1)
        return false;
    io_addresses_add(addresses, (const struct sockaddr *)&ipv6, port);
    return true;
}

static bool is_loopback_name(weir_str host)
{
    static const weir_str loopback = WEIR_STR_INIT("localhost");
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len < loopback.len)
        return false;
    weir_str last = {host.ptr + host.len - loopback.len, loopback.len};
    if (!weir_str_equal_nocase(last, loopback))
        return false;
    return host.len == loopback.len || (last.ptr[-1] == '.' && io_resolve_is_name(host));
}

bool io_resolve_here(struct io_addresses *addresses, weir_str host, uint16_t port)
{
    char text[IO_HOST_SIZE];
    addresses->count = 0;
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, 0, host.len) != NULL)
        return false;
    if (is_loopback_name(host)) {
        char loopback[] = "::1";
        return add_ipv6(addresses, loopback, port) && add_ipv4(addresses, "127.0.0.1", port);
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return add_ipv4(addresses, text, port) || add_ipv6(addresses, text, port);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits, or 0x and hex digits: what some take for a part of an IPv4 address. */
static bool is_number(weir_str label)
{
    bool hex = label.len >= 2 && label.ptr[0] == '0' && (label.ptr[1] | 0x20) == 'x';
    for (size_t i = hex ? 2 : 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!is_digit(c) && !(hex && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
            return false;
    }
    return true;
}

/* 1 to 63 octets (RFC 1035, 2.3.4). */
static bool is_label(weir_str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_')
            return false;
    }
    return label.len > 0 && label.len <= 63;
}

bool io_resolve_is_name(weir_str host)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (host.len == 0 || host.len > 253)
        return false;
    weir_str label = {host.ptr, 0};
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.') {
            label.len++;
            continue;
        }
        if (!is_label(label))
            return false;
        label = (weir_str){host.ptr + i + 1, 0};
    }
    return is_label(label) && !is_number(label);
}
