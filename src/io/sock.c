#include "io/sock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/address.h"
#include "io/loop_internal.h"

/* What one socket may read in a round, so that a fast peer does not starve the others. */
#define READS_MAX       16
#define READ_OCTETS_MAX (256U << 10)

/* A try to read at once pays when octets came with the connection and it is closed in the same turn: then the kernel is
 * not asked to watch it, which costs four times what a try in vain does. So it is made while a fourth of the last few
 * paid, and else with one connection of sixteen, to find out. */
#define LUCK_MAX    255
#define LUCK_ENOUGH 64
#define LUCK_SHARE  8
#define LUCK_PROBE  16

static bool is(const struct io_sock *sock, unsigned flags)
{
    return (sock->flags & flags) == flags;
}

static void set(struct io_sock *sock, unsigned flags)
{
    sock->flags = (uint16_t)(sock->flags | flags);
}

static void clear(struct io_sock *sock, unsigned flags)
{
    sock->flags = (uint16_t)(sock->flags & ~flags);
}

static bool may_read(const struct io_sock *sock)
{
    return is(sock, SOCK_READING | SOCK_READABLE) && !is(sock, SOCK_ENDED);
}

/* While reading goes on, it is what meets the end. */
static bool must_tell_death(const struct io_sock *sock)
{
    return is(sock, SOCK_DEAD) && !is(sock, SOCK_DEAD_TOLD) && (!is(sock, SOCK_READING) || is(sock, SOCK_ENDED));
}

static bool has_work(const struct io_sock *sock)
{
    return is(sock, SOCK_WOKEN) || is(sock, SOCK_WRITABLE) || is(sock, SOCK_TRY_NOW) || may_read(sock) ||
           must_tell_death(sock);
}

static bool is_worth_trying(weir_loop *loop)
{
    return loop->luck >= LUCK_ENOUGH || ++loop->untried % LUCK_PROBE == 0;
}

static void remember_try(weir_loop *loop, bool paid)
{
    unsigned luck = loop->luck;
    loop->luck = (uint8_t)(paid ? luck + (LUCK_MAX - luck + LUCK_SHARE - 1) / LUCK_SHARE
                                : luck - (luck + LUCK_SHARE - 1) / LUCK_SHARE);
}

weir_code io_sock_open(struct io_sock *sock, weir_loop *loop, int fd, const struct io_sock_ops *ops, bool try_now)
{
    *sock = (struct io_sock){.ops = ops, .loop = loop, .fd = fd};
    if (try_now && is_worth_trying(loop)) {
        set(sock, SOCK_TRY_NOW | SOCK_READABLE);
        io_loop_ready(loop, sock);
        return WEIR_OK;
    }
    int os = loop->backend->watch(loop, fd, IO_WATCH_SOCK, sock);
    if (os != 0) {
        sock->fd = -1;
        return io_code_of_errno(os);
    }
    set(sock, SOCK_WATCHED);
    return WEIR_OK;
}

void io_sock_read(struct io_sock *sock, bool on)
{
    if (on)
        set(sock, SOCK_READING);
    else
        clear(sock, SOCK_READING);
    /* In its own turn the rest of the turn, or the end of it, looks. */
    if (sock->loop->current != sock && has_work(sock))
        io_loop_ready(sock->loop, sock);
}

bool io_sock_is_reading(const struct io_sock *sock)
{
    return is(sock, SOCK_READING);
}

bool io_sock_is_quiet(struct io_sock *sock)
{
    char octet;
    if (recv(sock->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
        return false;
    if (errno == EAGAIN || errno == EINTR)
        return true;
    sock->os = (int16_t)errno; /* told once: the read that follows is told of an end */
    return false;
}

void io_sock_wake(struct io_sock *sock)
{
    set(sock, SOCK_WOKEN);
    io_loop_ready(sock->loop, sock);
}

int io_sock_shutdown(struct io_sock *sock)
{
    set(sock, SOCK_SHUT);
    return shutdown(sock->fd, SHUT_WR) != 0 ? -errno : 0;
}

void io_sock_close(struct io_sock *sock)
{
    weir_loop *loop = sock->loop;
    base_list_remove(&sock->ready);
    if (loop->current == sock)
        loop->current = NULL;
    /* close alone would do, were it not for fork: while a child holds the descriptor until its exec, the kernel goes on
     * reporting it, and with it the address of a struct that its owner has freed. */
    if (is(sock, SOCK_WATCHED))
        loop->backend->unwatch(loop, sock->fd);
    else if (is(sock, SOCK_TRY_NOW))
        remember_try(loop, true);
    close(sock->fd);
    sock->fd = -1;
    sock->flags = 0;
}

void io_sock_event(struct io_sock *sock, unsigned ready)
{
    if (ready & (IO_READY_READ | IO_READY_END | IO_READY_DEAD))
        set(sock, SOCK_READABLE);
    if (ready & (IO_READY_END | IO_READY_DEAD))
        set(sock, SOCK_TO_END);
    if (ready & IO_READY_DEAD)
        set(sock, SOCK_DEAD);
    if ((ready & (IO_READY_WRITE | IO_READY_DEAD)) && is(sock, SOCK_WRITE_PENDING))
        set(sock, SOCK_WRITABLE);
    if (has_work(sock))
        io_loop_ready(sock->loop, sock);
}

/* The steps of a turn return false once a callback has closed the socket: it may be freed then. */

static bool turn_written(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, SOCK_WRITABLE))
        return true;
    clear(sock, SOCK_WRITABLE | SOCK_WRITE_PENDING);
    sock->ops->written(sock, 0);
    return loop->current == sock;
}

static ssize_t receive(struct io_sock *sock, char *space, size_t size)
{
    ssize_t n;
    do
        n = recv(sock->fd, space, size, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno == ECONNRESET)
            sock->os = ECONNRESET;
        return -errno;
    }
    /* Not a FIN: the kernel tells an error once, and it was told to a write or by hangup. EPIPE is told where the reset
     * came after the peer's FIN; there the FIN is the truth about this direction. */
    if (n == 0 && sock->os != 0 && sock->os != EPIPE)
        return -sock->os;
    return n;
}

static bool turn_read(weir_loop *loop, struct io_sock *sock)
{
    size_t octets = 0;
    for (unsigned reads = 1; may_read(sock) && reads <= READS_MAX && octets < READ_OCTETS_MAX; reads++) {
        size_t size = 0;
        char *space = sock->ops->space(sock, &size);
        if (loop->current != sock)
            return false;
        if (space == NULL) {
            clear(sock, SOCK_READING);
            return true;
        }
        assert(size > 0);
        ssize_t n = receive(sock, space, size);
        if (n == -EAGAIN) {
            clear(sock, SOCK_READABLE);
            if (sock->ops->unused != NULL)
                sock->ops->unused(sock);
            return loop->current == sock;
        }
        if (n <= 0)
            set(sock, SOCK_ENDED | (n < 0 ? SOCK_DEAD_TOLD : 0));
        else
            octets += (size_t)n;
        /* A short read emptied the socket; what comes later is a new edge. But of a FIN or a reset the edge is past. */
        if ((size_t)n < size && !is(sock, SOCK_TO_END))
            clear(sock, SOCK_READABLE);
        bool more = n > 0 && is(sock, SOCK_TO_END) && reads < READS_MAX && octets < READ_OCTETS_MAX;
        sock->ops->read(sock, n, more);
        if (loop->current != sock)
            return false;
    }
    return true;
}

static int take_error(struct io_sock *sock)
{
    int os = 0;
    socklen_t size = sizeof(os);
    if (getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &os, &size) != 0)
        os = errno;
    if (os != 0)
        sock->os = (int16_t)os;
    return sock->os;
}

static bool turn_hangup(weir_loop *loop, struct io_sock *sock)
{
    if (!must_tell_death(sock))
        return true;
    set(sock, SOCK_DEAD_TOLD);
    sock->ops->hangup(sock, take_error(sock));
    return loop->current == sock;
}

static bool turn_woken(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, SOCK_WOKEN) || !loop->late)
        return true;
    clear(sock, SOCK_WOKEN);
    sock->ops->woken(sock);
    return loop->current == sock;
}

/* The socket outlived its first turn: now it is worth a system call. */
static bool turn_watch(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, SOCK_TRY_NOW))
        return true;
    clear(sock, SOCK_TRY_NOW);
    remember_try(loop, false);
    int os = loop->backend->watch(loop, sock->fd, IO_WATCH_SOCK, sock);
    if (os == 0) {
        set(sock, SOCK_WATCHED);
        return true;
    }
    bool by_read = is(sock, SOCK_READING) && !is(sock, SOCK_ENDED);
    set(sock, SOCK_ENDED | SOCK_DEAD | SOCK_DEAD_TOLD);
    if (by_read)
        sock->ops->read(sock, -os, false);
    else
        sock->ops->hangup(sock, os);
    return loop->current == sock;
}

void io_sock_turn(struct io_sock *sock)
{
    weir_loop *loop = sock->loop;
    loop->current = sock;
    bool open = turn_written(loop, sock) && turn_read(loop, sock) && turn_hangup(loop, sock) &&
                turn_woken(loop, sock) && turn_watch(loop, sock);
    loop->current = NULL;
    if (!open || base_list_is_linked(&sock->ready) || !has_work(sock))
        return;
    /* A wake is for the end of this round; what is over the socket's share, or was switched on in its turn, waits. */
    base_list_push_back(is(sock, SOCK_WOKEN) ? &loop->ready : &loop->later, &sock->ready);
}
