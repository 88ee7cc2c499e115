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

/* Of the kernel's table of states; the names are in the header that cannot be included. */
#define STATE_CLOSE      7
#define STATE_CLOSE_WAIT 8
#define STATE_LAST_ACK   9
#define STATE_CLOSING    11

#define HAS_FIELD(size, field) ((size) >= offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *)0)->field))

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t less(uint64_t from, uint64_t amount)
{
    return from > amount ? from - amount : 0;
}

/* What came in all, a FIN counted as one, is what was read: then nothing is unread, and the kernel need not be asked
 * for that. It must be where the two differ (an octet of urgent data is never read, of TLS in the kernel less is
 * read than came), and after the end, where the state does not show whether a FIN came. */
static bool is_all_read(const struct tcp_info *info, uint64_t read)
{
    bool fin =
        info->tcpi_state == STATE_CLOSE_WAIT || info->tcpi_state == STATE_LAST_ACK || info->tcpi_state == STATE_CLOSING;
    return info->tcpi_state != STATE_CLOSE && info->tcpi_bytes_received == read + fin;
}

/* The kernel fills as much of the struct as it knows. */
static bool tcp_acks(const struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks, bool *all_read)
{
    uint64_t written = passed->written;
    struct tcp_info info;
    socklen_t size = sizeof(info);
    memset(&info, 0, sizeof(info));
    if (getsockopt(sock->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    acks->dead = info.tcpi_state == STATE_CLOSE;
    acks->known = HAS_FIELD(size, tcpi_bytes_acked);
    /* Our SYN is counted where we dialled, our FIN once it is acknowledged: no octets of ours, so the bound. */
    acks->acked = least(less(info.tcpi_bytes_acked, passed->dialled ? 1 : 0), written);
    if (HAS_FIELD(size, tcpi_bytes_retrans)) /* Linux 4.19 */
        acks->left = least(less(info.tcpi_bytes_sent, info.tcpi_bytes_retrans), written);
    else if (HAS_FIELD(size, tcpi_notsent_bytes))
        acks->left = less(written, info.tcpi_notsent_bytes);
    else
        acks->left = acks->acked;
    *all_read = HAS_FIELD(size, tcpi_bytes_received) && is_all_read(&info, passed->read);
    return true;
}

static void unix_acks(const struct io_sock *sock, uint64_t written, struct io_acks *acks)
{
    int outstanding = -1;
    acks->left = written; /* what was taken is in the peer's queue at once */
    /* In this order: a peer that closes over unread octets sets our error first, then drops them. A hang-up means
     * that it closed, but not after our FIN: then its own FIN is enough for one, and it may still read. */
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

void io_sock_acks(const struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks)
{
    bool all_read = false;
    *acks = (struct io_acks){0};
    if (!tcp_acks(sock, passed, acks, &all_read))
        unix_acks(sock, passed->written, acks);
    int unread = 0;
    if (!all_read && ioctl(sock->fd, SIOCINQ, &unread) == 0 && unread > 0)
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
