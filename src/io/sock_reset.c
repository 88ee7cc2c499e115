#include <linux/filter.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/sock.h"

/* How many octets, our FIN counted as one, were under way when the connection was reset. The reset moved the end of
 * what was written, from which the kernel measures both queues, and left what was sent and what was acknowledged
 * where they were. */
static uint32_t octets_under_way(const struct io_sock *sock)
{
    int unacked = 0;
    int unsent = 0;
    if (ioctl(sock->fd, SIOCOUTQ, &unacked) != 0 || ioctl(sock->fd, SIOCOUTQNSD, &unsent) != 0)
        return 0;
    return (uint32_t)unacked - (uint32_t)unsent;
}

/* The kernel sends what it holds when an acknowledgement opens the window, or when a timer says so, up to the reset.
 * So nothing that comes is looked at any more, which keeps `acked` where it is; and the reset is made by connecting
 * to nobody, which is what a close with SO_LINGER 0 does, but that the descriptor stays and can be asked. Without
 * the filter an acknowledgement between the questions would be missing in the sum. False: it is not reset. */
static bool reset_now(const struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog filter = {.len = 1, .filter = &drop};
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    (void)setsockopt(sock->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
    io_sock_acks(sock, passed, acks);
    if (connect(sock->fd, &nobody, sizeof(nobody)) != 0)
        return false;
    uint64_t left = acks->acked + octets_under_way(sock);
    if (left > passed->written)
        left = passed->written;
    if (left > acks->left)
        acks->left = left;
    return true;
}

void io_sock_reset(struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    io_sock_acks(sock, passed, acks);
    bool may_send = acks->left < passed->written && !acks->dead;
    if (!may_send || !reset_now(sock, passed, acks))
        (void)setsockopt(sock->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}
