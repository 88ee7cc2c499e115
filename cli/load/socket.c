#include "load/socket.h"

/* Not <netinet/tcp.h>: its struct tcp_info ends before what is asked for here, and the two headers clash. */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* TCP_CLOSE of the kernel's table of states; its name is in the header that cannot be included. */
#define STATE_CLOSE 7

#define HAS_FIELD(size, field) ((size) >= offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *)0)->field))

int load_socket_dial(const struct load_target *target, bool *connected)
{
    int family = target->address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *connected = false;
    if (fd < 0)
        return -1;
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_size) == 0) {
        *connected = true;
        return fd;
    }
    if (errno == EINPROGRESS)
        return fd;
    int os = errno;
    (void)close(fd);
    errno = os;
    return -1;
}

int load_socket_dialled(int fd)
{
    int os = 0;
    socklen_t size = sizeof(os);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &size) != 0)
        return errno;
    return os;
}

/* The kernel says ECONNREFUSED of a SYN that is answered with a reset. These are for a connection that stood: EPIPE
 * where a FIN came before the reset. */
bool load_socket_was_open(int os)
{
    return os == ECONNRESET || os == EPIPE;
}

weir_code load_socket_dial_code(int os)
{
    switch (os) {
    case ECONNRESET:
    case EPIPE:
        return WEIR_CODE_peer_reset_unused;
    case ECONNREFUSED:
    case ENOENT:
        return WEIR_CODE_connect_refused;
    case ETIMEDOUT:
        return WEIR_CODE_connect_timeout;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
        return WEIR_CODE_connect_unreachable;
    case EADDRNOTAVAIL:
        return WEIR_CODE_address_unavailable;
    case EACCES:
    case EPERM:
        return WEIR_CODE_permission_denied;
    case EMFILE:
    case ENFILE:
        return WEIR_CODE_no_descriptors;
    case ENOMEM:
    case ENOBUFS:
        return WEIR_CODE_no_memory;
    default:
        return WEIR_CODE_system_error;
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of a unix socket only that nothing is left in the peer's queue is sure; a peer that closed drops what it had. */
static weir_receipt unix_receipt(int fd, uint64_t written)
{
    int outstanding = -1;
    struct pollfd now = {.fd = fd};
    bool told = ioctl(fd, SIOCOUTQ, &outstanding) == 0;
    bool dropped = poll(&now, 1, 0) < 0 || (now.revents & POLLERR) != 0;
    return (weir_receipt){.known = told && !dropped,
                          .reset = (now.revents & (POLLERR | POLLHUP)) != 0,
                          .left = written,
                          .acked = told && !dropped && outstanding == 0 ? written : 0};
}

weir_receipt load_socket_receipt(int fd, uint64_t written)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    weir_receipt receipt;
    int unread = 0;
    memset(&info, 0, sizeof(info));
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        receipt = unix_receipt(fd, written);
    } else {
        /* Our SYN is among what was acknowledged, and our FIN once it is: no octets of ours. */
        uint64_t acked = info.tcpi_bytes_acked > 0 ? info.tcpi_bytes_acked - 1 : 0;
        receipt = (weir_receipt){.known = HAS_FIELD(size, tcpi_bytes_acked),
                                 .reset = info.tcpi_state == STATE_CLOSE,
                                 .acked = least(acked, written)};
        receipt.left = HAS_FIELD(size, tcpi_bytes_retrans)
                           ? least(info.tcpi_bytes_sent - info.tcpi_bytes_retrans, written)
                           : receipt.acked;
    }
    if (ioctl(fd, SIOCINQ, &unread) == 0 && unread > 0)
        receipt.unread = (uint64_t)unread;
    return receipt;
}

void load_socket_close(int fd, bool reset)
{
    if (reset)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    (void)close(fd);
}
