#include "io/dial_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "io/address.h"

/* The kernel's own most (MAX_TCP_KEEPIDLE). */
#define KEEPALIVE_SECONDS_MAX 32767U

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* The kernel counts in seconds; how many probes go unanswered is the system's setting. */
static bool keep_alive(int fd, uint64_t every_ns)
{
    uint64_t seconds = every_ns / 1000000000U + (every_ns % 1000000000U != 0);
    int value = (int)(seconds < KEEPALIVE_SECONDS_MAX ? seconds : KEEPALIVE_SECONDS_MAX);
    return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) && set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, value) &&
           set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, value);
}

static int set_up(int fd, const struct io_dial_socket *how, const char **doing)
{
    *doing = "cannot set up a socket";
    if (!how->delay)
        (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* a wish: it works without */
    if (how->keepalive_ns != 0 && !keep_alive(fd, how->keepalive_ns))
        return errno;
    if (how->local_size == 0)
        return 0;
    *doing = "cannot bind the local address";
    /* The port is chosen when the other end is known: else each connection would need one that no other has, and 28,000
     * connections to all hosts together would be the most. Kernels before 4.2 do without. */
    (void)set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(fd, (const struct sockaddr *)&how->local, how->local_size) != 0 ? errno : 0;
}

/* 0, EINPROGRESS, or another errno. */
static int set_off(int fd, const struct io_dial_socket *how, const struct sockaddr_storage *to, socklen_t size,
                   const char **doing)
{
    int os = to->ss_family == AF_UNIX ? 0 : set_up(fd, how, doing);
    if (os != 0)
        return os;
    *doing = "cannot connect";
    if (connect(fd, (const struct sockaddr *)to, size) == 0)
        return 0;
    /* Interrupted, it goes on by itself: the same as in progress. */
    return errno == EINTR ? EINPROGRESS : errno;
}

int io_dial_socket(const struct io_dial_socket *how, const struct sockaddr_storage *to, socklen_t size, int *fd,
                   const char **doing)
{
    bool is_unix = to->ss_family == AF_UNIX;
    *doing = "the local address is of another family";
    if (!is_unix && how->local_size != 0 && how->local.ss_family != to->ss_family)
        return EADDRNOTAVAIL;
    *doing = "cannot open a socket";
    int made = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0)
        return errno;
    int os = set_off(made, how, to, size, doing);
    /* TCP says EAGAIN where no local port is free. */
    if (os == EAGAIN && !is_unix)
        os = EADDRNOTAVAIL;
    if (os == 0 || os == EINPROGRESS)
        *fd = made;
    else
        close(made);
    return os;
}

static bool is_loopback(const struct sockaddr_storage *to)
{
    if (to->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)to)->sin_addr.s_addr) >> 24 == 127;
    return to->ss_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr);
}

/* A socket can meet itself: the kernel gave it, as its own port, the one it dials, where nobody listens (RFC 9293, 3.5:
 * simultaneous open). It would read its own request for an answer. */
static bool met_itself(int fd, const struct sockaddr_storage *to)
{
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof(local);
    weir_address here;
    weir_address there;
    if (!is_loopback(to) || getsockname(fd, (struct sockaddr *)&local, &size) != 0)
        return false;
    io_address_from(&here, &local, size);
    io_address_from(&there, to, sizeof(*to));
    return here.family == there.family && here.port == there.port && memcmp(here.octets, there.octets, 16) == 0;
}

int io_dial_outcome(int fd, const struct sockaddr_storage *to)
{
    int os = 0;
    socklen_t size = sizeof(os);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &size) != 0)
        return errno;
    if (os == 0 && met_itself(fd, to))
        return ECONNREFUSED;
    return os;
}

weir_code io_dial_code(int os, sa_family_t family)
{
    switch (os) {
    case ECONNREFUSED:
    case ECONNRESET: /* accepted and thrown out before we knew */
        return WEIR_CODE_connect_refused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case ENONET:
    case EAFNOSUPPORT: /* IPv6 is not built in */
        return WEIR_CODE_connect_unreachable;
    case ETIMEDOUT:
        return WEIR_CODE_connect_timeout;
    case EADDRINUSE:
        return WEIR_CODE_address_unavailable;
    case ENOENT:
    case ENOTDIR:
        return family == AF_UNIX ? WEIR_CODE_connect_refused : WEIR_CODE_system_error; /* nobody listens there */
    default:
        return io_code_of_errno(os);
    }
}
