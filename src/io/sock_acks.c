/* Not <netinet/tcp.h>: its struct tcp_info ends before what is asked for here, and the two headers clash. */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/address.h"
#include "io/loop_internal.h"
#include "io/sock.h"

/* TCP_CLOSE of the kernel's table of states; the name is in the header that cannot be included. */
#define STATE_CLOSE 7

#define HAS_FIELD(size, field) ((size) >= offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *)0)->field))

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t from, uint64_t amount)
{
    return from > amount ? from - amount : 0;
}

/* The kernel fills as much of the struct as it knows. */
static bool tcp_acks(const struct io_sock *sock, uint64_t written, bool dialled, struct io_acks *acks)
{
    struct tcp_info info;
    socklen_t size = sizeof(info);
    memset(&info, 0, sizeof(info));
    if (getsockopt(sock->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    acks->dead = info.tcpi_state == STATE_CLOSE;
    acks->known = HAS_FIELD(size, tcpi_bytes_acked);
    /* Our SYN is counted where we dialled, our FIN once it is acknowledged: no octets of ours, so the bound. */
    acks->acked = least(less(info.tcpi_bytes_acked, dialled ? 1 : 0), written);
    if (HAS_FIELD(size, tcpi_bytes_retrans)) /* Linux 4.19 */
        acks->left = least(less(info.tcpi_bytes_sent, info.tcpi_bytes_retrans), written);
    else if (HAS_FIELD(size, tcpi_notsent_bytes))
        acks->left = less(written, info.tcpi_notsent_bytes);
    else
        acks->left = acks->acked;
    return true;
}

static void unix_acks(const struct io_sock *sock, uint64_t written, struct io_acks *acks)
{
    int outstanding = -1;
    acks->left = written; /* what was taken is in the peer's queue at once */
    /* In this order: a peer that closes over unread octets sets our error first, then drops them. A hang-up means that it
     * closed, but not after our FIN: then its own FIN is enough for one, and it may still read. */
    bool is_told = ioctl(sock->fd, SIOCOUTQ, &outstanding) == 0;
    struct pollfd now = {.fd = sock->fd};
    if (poll(&now, 1, 0) < 0)
        return;
    bool dropped = (now.revents & POLLERR) != 0 || sock->os != 0;
    acks->dead = dropped || ((now.revents & POLLHUP) != 0 && (sock->flags & SOCK_SHUT) == 0);
    /* How many octets are outstanding cannot be told, only that some are. */
    acks->known = is_told && !dropped;
    acks->acked = acks->known && outstanding == 0 ? written : 0;
}

void io_sock_acks(const struct io_sock *sock, uint64_t written, bool dialled, struct io_acks *acks)
{
    *acks = (struct io_acks){0};
    if (!tcp_acks(sock, written, dialled, acks))
        unix_acks(sock, written, acks);
    int unread = 0;
    if (ioctl(sock->fd, SIOCINQ, &unread) == 0 && unread > 0)
        acks->unread = (uint64_t)unread;
}

void io_sock_local(const struct io_sock *sock, weir_address *local)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    if (getsockname(sock->fd, (struct sockaddr *)&address, &size) != 0)
        size = 0;
    io_address_from(local, &address, size);
}
