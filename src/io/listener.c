#include "io/listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/address.h"
#include "io/loop_internal.h"

/* Octets that the kernel holds of a connection beyond those under way: a millisecond of a gigabit line. */
#define UNSENT_MAX     131072
/* Connections a round; the others come in the next, after the sockets that are open already. */
#define ACCEPTS_MAX    64
/* Rounds in a row that used up their share before it doubles. */
#define FULL_ROUNDS    4
/* Those that wait when the listener is about to close: a backlog, and some that still come. */
#define WAITING_MAX    8192
#define BACKOFF_MIN_NS UINT64_C(5000000)
#define BACKOFF_MAX_NS UINT64_C(1000000000)

enum {
    LISTENER_ON = 1 << 0,
    LISTENER_WATCHED = 1 << 1,
    LISTENER_SHARED = 1 << 2,
};

/* 0, or an errno. */
static int watch(struct io_listener *listener)
{
    weir_loop *loop = listener->loop;
    if (listener->flags & LISTENER_WATCHED)
        return 0;
    enum io_watch kind = listener->flags & LISTENER_SHARED ? IO_WATCH_LISTENER_SHARED : IO_WATCH_LISTENER;
    int os = loop->backend->watch(loop, listener->fd, kind, listener);
    if (os == 0)
        listener->flags |= LISTENER_WATCHED;
    return os;
}

static void unwatch(struct io_listener *listener)
{
    if (listener->flags & LISTENER_WATCHED)
        listener->loop->backend->unwatch(listener->loop, listener->fd);
    listener->flags = (uint16_t)(listener->flags & ~LISTENER_WATCHED);
    base_list_remove(&listener->ready);
}

/* True if the pause is a new one, which the owner must hear of. */
static bool start_pause(struct io_listener *listener)
{
    bool is_new = listener->backoff_ns == 0;
    uint64_t doubled = listener->backoff_ns * 2;
    listener->backoff_ns = is_new ? BACKOFF_MIN_NS : doubled < BACKOFF_MAX_NS ? doubled : BACKOFF_MAX_NS;
    listener->failures++;
    unwatch(listener);
    io_timer_start(listener->loop, &listener->retry, io_clock_now() + listener->backoff_ns);
    return is_new;
}

static void retry(struct io_timer *timer)
{
    struct io_listener *listener = BASE_CONTAINER(timer, struct io_listener, retry);
    int os = watch(listener);
    if (os != 0 && start_pause(listener) && listener->ops->paused != NULL)
        listener->ops->paused(listener, os);
}

weir_code io_listener_open(struct io_listener *listener, weir_loop *loop, int fd, bool shared,
                           const struct io_listener_ops *ops)
{
    *listener = (struct io_listener){
        .ops = ops,
        .loop = loop,
        .retry.fired = retry,
        .fd = fd,
        .share = 1,
        .flags = (uint16_t)(LISTENER_ON | (shared ? LISTENER_SHARED : 0)),
    };
    /* Inherited by what is accepted, which saves a system call each. Refused by unix sockets, rightly. */
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* A peer with a window of a few hundred octets makes the kernel cut what it is given into buffers of that size: a
     * megabyte handed over at once then takes tens of milliseconds of this thread. So the kernel gets what it can send
     * soon, and no more. */
    int unsent_max = UNSENT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_max, sizeof(unsent_max));
    int os = watch(listener);
    return os != 0 ? io_code_of_errno(os) : WEIR_OK;
}

void io_listener_accept(struct io_listener *listener, bool on)
{
    if (on == ((listener->flags & LISTENER_ON) != 0))
        return;
    if (!on) {
        listener->flags = (uint16_t)(listener->flags & ~LISTENER_ON);
        io_timer_stop(listener->loop, &listener->retry);
        unwatch(listener);
        return;
    }
    listener->flags |= LISTENER_ON;
    if (watch(listener) != 0)
        (void)start_pause(listener); /* not told: callbacks never come from within a call */
}

void io_listener_close(struct io_listener *listener)
{
    if (listener->loop->current == listener)
        listener->loop->current = NULL;
    io_timer_stop(listener->loop, &listener->retry);
    unwatch(listener);
    close(listener->fd);
    listener->fd = -1;
    listener->flags = 0;
}

/* Errors of the connection that was to be accepted, not of the listener (accept(2)). */
static bool concerns_one(int os)
{
    switch (os) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case EPERM: /* a firewall's rule */
        return true;
    default:
        return false;
    }
}

static void accepted(struct io_listener *listener, int fd, const struct sockaddr_storage *from, socklen_t size)
{
    weir_address peer;
    io_address_from(&peer, from, size);
    listener->backoff_ns = 0;
    listener->ops->accepted(listener, fd, &peer);
}

/* False: none waits. */
static bool accept_one(struct io_listener *listener)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof(from);
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int os = errno;
    if (fd >= 0) {
        accepted(listener, fd, &from, size);
    } else if (os == EAGAIN) {
        return false;
    } else if (concerns_one(os)) {
        listener->failures++;
    } else if (os != EINTR) {
        if (start_pause(listener) && listener->ops->paused != NULL)
            listener->ops->paused(listener, os);
    }
    return true;
}

/* Returns how often it tried, the last time in vain if it then is `dry`; 0 if a callback has closed the listener. */
static unsigned accept_some(struct io_listener *listener, unsigned most, bool *dry)
{
    weir_loop *loop = listener->loop;
    unsigned tries = 0;
    *dry = false;
    loop->current = listener;
    while (tries < most && !*dry && (listener->flags & LISTENER_WATCHED)) {
        tries++;
        *dry = !accept_one(listener);
        if (loop->current != listener)
            return 0;
    }
    loop->current = NULL;
    return tries;
}

/* accept4 makes a file before it finds that none waits, so trying in vain costs more than ten looks at what is ready.
 * Those left over are reported again by the next wait: only as many are tried as waited of late. */
static void adapt_share(struct io_listener *listener, unsigned tries, bool dry)
{
    uint32_t round = listener->loop->rounds;
    if (dry) {
        listener->share = (uint8_t)(tries > 1 ? tries - 1 : 1);
        listener->full_rounds = 0;
    } else if (tries == listener->share) {
        listener->full_rounds = round - listener->full_round == 1 ? (uint8_t)(listener->full_rounds + 1) : 1;
        listener->full_round = round;
    }
    if (listener->full_rounds < FULL_ROUNDS)
        return;
    listener->share = (uint8_t)(listener->share * 2 < ACCEPTS_MAX ? listener->share * 2 : ACCEPTS_MAX);
    listener->full_rounds = FULL_ROUNDS - 1;
}

void io_listener_turn(struct io_listener *listener)
{
    bool dry;
    unsigned tries = accept_some(listener, listener->share, &dry);
    if (tries > 0)
        adapt_share(listener, tries, dry);
}

/* Nobody is let in any more whom the close would throw out. The peers whose SYN is dropped send it again after a
 * second, and then are refused. A filter of TCP sees the segment from its header on. */
static void drop_new(int fd)
{
    static const struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct tcphdr, th_flags)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TH_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {
        .len = sizeof program / sizeof *program, .filter = (struct sock_filter *)program, /* which the kernel reads */
    };
    /* Handshakes that other processors have under way at this moment: the barrier waits for them, 10 ms or so. */
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0)
        (void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void io_listener_accept_waiting(struct io_listener *listener)
{
    bool dry;
    if (!(listener->flags & LISTENER_SHARED)) /* others go on with a shared one */
        drop_new(listener->fd);
    (void)accept_some(listener, WAITING_MAX, &dry);
}
