#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/address.h"
#include "io/listen_unix.h"
#include "io/listener.h"
#include "io/systemd.h"

/* The kernel cuts this to net.core.somaxconn. */
#define BACKLOG_MOST 65535

/* What the address means to the kernel. */
struct target {
    struct sockaddr_storage address;
    socklen_t size;
    bool is_dual; /* IPv6 with IPv4 mapped in */
};

static int backlog_of(const struct io_listen_options *options)
{
    return options->backlog > 0 ? options->backlog : BACKLOG_MOST;
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(fds[i]);
        fds[i] = -1;
    }
}

static weir_code refuse(weir_error *error, const struct io_listen_options *options, int os, const char *doing)
{
    return io_fail(error, io_code_of_errno(os), os, "\"%.*s\": %s: %s", (int)options->address.len, options->address.ptr,
                   doing, strerror(os));
}

static void target_any(struct target *target, uint16_t port, bool ipv6)
{
    *target = (struct target){0};
    if (ipv6) {
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&target->address, &any, sizeof(any));
        target->size = sizeof(any);
        target->is_dual = true;
    } else {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&target->address, &any, sizeof(any));
        target->size = sizeof(any);
    }
}

static weir_code target_resolve(struct target *target, const struct io_place *place,
                                const struct io_listen_options *options, weir_error *error)
{
    char host[256];
    char port[6];
    struct addrinfo *found;
    const struct addrinfo hints = {
        .ai_family = place->is_ipv6 ? AF_INET6 : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | (place->is_ipv6 ? AI_NUMERICHOST : 0),
    };
    memcpy(host, place->host.ptr, place->host.len);
    host[place->host.len] = '\0';
    (void)snprintf(port, sizeof(port), "%u", place->port);
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0)
        return io_fail(error, WEIR_CODE_bad_address, failed == EAI_SYSTEM ? errno : 0, "\"%.*s\": the host is %s: %s",
                       (int)options->address.len, options->address.ptr,
                       place->is_ipv6 ? "not an IPv6 address" : "neither an address nor a known name",
                       gai_strerror(failed));
    *target = (struct target){.size = found->ai_addrlen};
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return WEIR_OK;
}

static bool switch_on(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

/* A socket that listens, or minus errno. `join`: others listen there already. */
static int open_one(const struct target *target, const struct io_listen_options *options, bool join)
{
    int defer_seconds = 1;
    int ipv6_only = !target->is_dual;
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (switch_on(fd, SOL_SOCKET, SO_REUSEADDR) && (!join || switch_on(fd, SOL_SOCKET, SO_REUSEPORT)) &&
        (target->address.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &ipv6_only, sizeof(ipv6_only)) == 0) &&
        (!options->defer ||
         setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_seconds, sizeof(defer_seconds)) == 0) &&
        bind(fd, (const struct sockaddr *)&target->address, target->size) == 0 && listen(fd, backlog_of(options)) == 0)
        return fd;
    int os = errno;
    close(fd);
    return -os;
}

/* The first binds and listens without SO_REUSEPORT: so the kernel refuses it if anybody is there, whatever options that
 * one used. (SO_REUSEADDR only passes over connections that linger in TIME_WAIT.) The option is set afterwards, which
 * Linux honours when the others join. Two servers that start at one moment are told apart by listen. */
static weir_code open_tcp(const struct target *target, const struct io_listen_options *options, int *fds, size_t count,
                          weir_error *error)
{
    struct target bound = *target;
    fds[0] = open_one(target, options, false);
    if (fds[0] < 0)
        return refuse(error, options, -fds[0], "cannot listen");
    if (count > 1 && (!switch_on(fds[0], SOL_SOCKET, SO_REUSEPORT) ||
                      getsockname(fds[0], (struct sockaddr *)&bound.address, &bound.size) != 0)) {
        int os = errno;
        close_all(fds, 1);
        return refuse(error, options, os, "cannot share the port");
    }
    for (size_t i = 1; i < count; i++) {
        fds[i] = open_one(&bound, options, true);
        if (fds[i] < 0) {
            int os = -fds[i];
            close_all(fds, i);
            return refuse(error, options, os, "cannot listen once more, for another worker");
        }
    }
    return WEIR_OK;
}

/* IPv6 may be not built in, or switched off. */
static bool is_lack_of_ipv6(int os)
{
    return os == EAFNOSUPPORT || os == EADDRNOTAVAIL || os == EPROTONOSUPPORT;
}

static weir_code listen_tcp(const struct io_place *place, const struct io_listen_options *options, int *fds,
                            size_t count, weir_error *error)
{
    struct target target;
    weir_error failure = {0};
    weir_code code;
    if (place->host.len != 0) {
        code = target_resolve(&target, place, options, error);
        return code != WEIR_OK ? code : open_tcp(&target, options, fds, count, error);
    }
    target_any(&target, place->port, true);
    code = open_tcp(&target, options, fds, count, &failure);
    if (code != WEIR_OK && is_lack_of_ipv6(failure.os)) {
        target_any(&target, place->port, false);
        return open_tcp(&target, options, fds, count, error);
    }
    if (code != WEIR_OK && error != NULL)
        *error = failure;
    return code;
}

/* All workers wait on one socket: `first`, which is closed on failure, and duplicates of it. */
static weir_code share(const struct io_listen_options *options, int first, int *fds, size_t count, weir_error *error)
{
    fds[0] = first;
    for (size_t i = 1; i < count; i++) {
        fds[i] = fcntl(first, F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0) {
            int os = errno;
            close_all(fds, i);
            return refuse(error, options, os, "cannot share the socket");
        }
    }
    return WEIR_OK;
}

static weir_code listen_unix(const struct io_place *place, const struct io_listen_options *options, int *fds,
                             size_t count, weir_error *error)
{
    int fd = -1;
    weir_code code = io_listen_unix(place->path, backlog_of(options), options->unix_for_all, &fd, error);
    if (code != WEIR_OK)
        return code;
    code = share(options, fd, fds, count, error);
    if (code != WEIR_OK) {
        /* Only ours can be at the path: it was bound a moment ago. */
        char path[IO_ADDRESS_TEXT_SIZE];
        (void)snprintf(path, sizeof(path), "%.*s", (int)place->path.len, place->path.ptr);
        (void)unlink(path);
    }
    return code;
}

static weir_code listen_systemd(const struct io_listen_options *options, int *fds, size_t count, weir_error *error)
{
    int inherited = io_systemd_socket(options->index);
    if (inherited < 0)
        return io_fail(error, WEIR_CODE_address_unavailable, 0, "\"systemd\": %s (number %u)", io_systemd_trouble(),
                       options->index);
    int flags = fcntl(inherited, F_GETFL);
    if (flags < 0 || fcntl(inherited, F_SETFL, flags | O_NONBLOCK) != 0)
        return refuse(error, options, errno, "cannot make the socket non-blocking");
    int fd = fcntl(inherited, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return refuse(error, options, errno, "cannot duplicate the socket");
    return share(options, fd, fds, count, error);
}

size_t io_listen_places(weir_str address)
{
    return weir_str_equal(address, WEIR_STR("systemd")) ? io_systemd_count() : 1;
}

weir_code io_listen(const struct io_listen_options *options, int *fds, size_t count, weir_error *error)
{
    struct io_place place;
    weir_code code = io_place_parse(&place, options->address, error);
    if (code != WEIR_OK || count == 0)
        return code;
    switch (place.kind) {
    case IO_PLACE_UNIX:
        return listen_unix(&place, options, fds, count, error);
    case IO_PLACE_SYSTEMD:
        return listen_systemd(options, fds, count, error);
    default:
        return listen_tcp(&place, options, fds, count, error);
    }
}

void io_listen_address(int fd, char text[IO_ADDRESS_TEXT_SIZE])
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        size = 0;
    if (size > sizeof(sa_family_t) && address.ss_family == AF_UNIX) {
        const struct sockaddr_un *name = (const void *)&address;
        size_t length = size - offsetof(struct sockaddr_un, sun_path);
        /* An abstract name begins with NUL and is by custom written with an @; a path may end without NUL. */
        bool is_abstract = name->sun_path[0] == '\0';
        if (is_abstract)
            length--;
        else
            length = strnlen(name->sun_path, length);
        (void)snprintf(text, IO_ADDRESS_TEXT_SIZE, "unix:%s%.*s", is_abstract ? "@" : "", (int)length,
                       name->sun_path + is_abstract);
        return;
    }
    weir_address plain;
    io_address_from(&plain, &address, size);
    (void)weir_address_format(text, IO_ADDRESS_TEXT_SIZE, &plain);
}
