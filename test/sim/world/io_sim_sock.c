/* io/sock.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io_sim.h"
#include "sim.h"

enum {
    READING = 1 << 0,
    READABLE = 1 << 1,
    TO_END = 1 << 2, /* the end is in the kernel: no other edge comes */
    ENDED = 1 << 3,  /* `read` said 0 or an error */
    WRITE_PENDING = 1 << 4,
    WRITABLE = 1 << 5,
    DEAD = 1 << 6,
    DEAD_TOLD = 1 << 7,
    WOKEN = 1 << 8,
    WATCHED = 1 << 9,
    TRY_NOW = 1 << 10,
    SHUT = 1 << 11,
    HARD = 1 << 12, /* its close is a reset */
};

/* As in src/io/sock.c: what one socket may read in a round. */
#define READS_MAX       16
#define READ_OCTETS_MAX (256U << 10)

void (*io_sim_happened)(struct io_sock *sock, enum times_what what, size_t n);
void (*io_sim_before_shutdown)(struct io_sock *sock);
void (*io_sim_before_close)(struct io_sock *sock, bool reset);

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

static struct net_end *end_of(const struct io_sock *sock)
{
    struct net_end *end = net_end_of_fd(sock->fd);
    if (end == NULL)
        sim_fail("descriptor", "%d is no connection", sock->fd);
    return end;
}

static const char *who(const struct net_end *end)
{
    return end == &end->pair->ends[0] ? "client" : "server";
}

static void happened(struct io_sock *sock, enum times_what what, size_t n)
{
    if (io_sim_happened != NULL)
        io_sim_happened(sock, what, n);
}

static bool may_read(const struct io_sock *sock)
{
    return is(sock, READING | READABLE) && !is(sock, ENDED);
}

static bool must_tell_death(const struct io_sock *sock)
{
    return is(sock, DEAD) && !is(sock, DEAD_TOLD) && (!is(sock, READING) || is(sock, ENDED));
}

static bool has_work(const struct io_sock *sock)
{
    return is(sock, WOKEN) || is(sock, WRITABLE) || is(sock, TRY_NOW) || may_read(sock) || must_tell_death(sock);
}

/* --- opening and closing ---------------------------------------------------------------------------------------- */

static void on_edge(struct net_end *end)
{
    struct io_sock *sock = end->owner;
    if (!base_list_is_linked(&end->epoll))
        base_list_push_back(&sock->loop->kernel, &end->epoll);
}

/* 0, or an errno. */
static int watch(struct io_sock *sock)
{
    struct net_end *end = end_of(sock);
    if (io_sim_faults && sim_is(40)) {
        SIM_TELL("kernel", "cannot watch %s", end->pair->name);
        return sim_choose(2) ? ENOSPC : ENOMEM;
    }
    end->owner = sock;
    end->notify = on_edge;
    set(sock, WATCHED);
    on_edge(end);
    return 0;
}

weir_code io_sock_open(struct io_sock *sock, weir_loop *loop, int fd, const struct io_sock_ops *ops, bool try_now)
{
    *sock = (struct io_sock){.ops = ops, .loop = loop, .fd = fd};
    if (try_now && sim_choose(2) == 0) {
        set(sock, TRY_NOW | READABLE);
        io_sim_ready(loop, sock);
        happened(sock, TIMES_OPENED, 0);
        return WEIR_OK;
    }
    int os = watch(sock);
    if (os == 0) {
        happened(sock, TIMES_OPENED, 0);
        return WEIR_OK;
    }
    sock->fd = -1;
    return os == ENOMEM ? WEIR_CODE_no_memory : WEIR_CODE_system_error;
}

void io_sock_close(struct io_sock *sock)
{
    struct net_end *end = end_of(sock);
    bool reset = is(sock, HARD);
    if (io_sim_before_close != NULL)
        io_sim_before_close(sock, reset);
    base_list_remove(&sock->ready);
    if (sock->loop->current == sock)
        sock->loop->current = NULL;
    end->owner = NULL;
    end->notify = NULL;
    SIM_TELL(who(end), "closes %s%s", end->pair->name, reset ? " by RST" : "");
    net_close(end, reset);
    sock->fd = -1;
    sock->flags = 0;
}

/* --- what is asked of it ---------------------------------------------------------------------------------------- */

void io_sock_read(struct io_sock *sock, bool on)
{
    if (on)
        set(sock, READING);
    else
        clear(sock, READING);
    if (sock->loop->current != sock && has_work(sock))
        io_sim_ready(sock->loop, sock);
}

bool io_sock_is_reading(const struct io_sock *sock)
{
    return is(sock, READING);
}

bool io_sock_is_quiet(struct io_sock *sock)
{
    struct net_end *end = end_of(sock);
    net_moment();
    end->quiet = net_unread(end) == 0 && !end->in->fin_arrived && !net_is_over(end);
    return end->quiet;
}

void io_sock_wake(struct io_sock *sock)
{
    set(sock, WOKEN);
    io_sim_ready(sock->loop, sock);
}

ssize_t io_sock_write(struct io_sock *sock, const struct io_piece *pieces, size_t count, bool more_follows)
{
    struct net_end *end = end_of(sock);
    ssize_t sum = 0;
    (void)more_follows;
    if (is(sock, WRITE_PENDING))
        sim_fail("write", "a write while another is pending");
    for (size_t i = 0; i < count && i < 64; i++) {
        ssize_t n =
            i == 0 ? net_send(end, pieces[i].ptr, pieces[i].len) : net_send_on(end, pieces[i].ptr, pieces[i].len);
        if (n < 0 && sum > 0)
            break;
        if (n == -EAGAIN) {
            set(sock, WRITE_PENDING);
            happened(sock, TIMES_BLOCKED, 0);
        }
        if (n == -ECONNRESET || n == -ETIMEDOUT)
            sock->os = (int16_t)-n;
        if (n < 0) {
            SIM_TELL(who(end), "write to %s: errno %d", end->pair->name, (int)-n);
            return n;
        }
        sum += n;
        if ((size_t)n < pieces[i].len)
            break;
    }
    SIM_TELL(who(end), "writes %zd octets to %s", sum, end->pair->name);
    happened(sock, TIMES_WROTE, (size_t)sum);
    return sum;
}

/* At most as much as a pipe takes at a time, as sendfile does. What that says of a bad file is tested with a kernel. */
ssize_t io_sock_write_file(struct io_sock *sock, int fd, uint64_t offset, size_t size)
{
    static char octets[65536];
    ssize_t n = pread(fd, octets, size < sizeof octets ? size : sizeof octets, (off_t)offset);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    const struct io_piece piece = {.ptr = octets, .len = (size_t)n};
    return io_sock_write(sock, &piece, 1, false);
}

int io_sock_shutdown(struct io_sock *sock)
{
    struct net_end *end = end_of(sock);
    if (io_sim_before_shutdown != NULL)
        io_sim_before_shutdown(sock);
    set(sock, SHUT);
    happened(sock, TIMES_SHUT, 0);
    int result = net_shutdown(end);
    SIM_TELL(who(end), "shuts down %s: %d", end->pair->name, result);
    return result;
}

void io_sock_acks(const struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks)
{
    struct net_end *end = end_of(sock);
    net_moment();
    end->known_dead = net_is_over(end);
    end->told_acked = end->out->acked;
    if (passed->written != end->out->written || passed->read + end->in->destroyed != end->in->read)
        sim_fail("octets counted", "%s: %llu written and %llu read by its account, %llu and %llu by the kernel's",
                 end->pair->name, (unsigned long long)passed->written, (unsigned long long)passed->read,
                 (unsigned long long)end->out->written, (unsigned long long)end->in->read);
    *acks = (struct io_acks){
        .known = true,
        .dead = net_is_over(end),
        .left = end->out->sent,
        .acked = end->out->acked,
        .unread = net_unread(end),
    };
}

/* As src/io/sock_acks.c does it, one call of the system after the other. */
void io_sock_reset(struct io_sock *sock, const struct io_passed *passed, struct io_acks *acks)
{
    struct net_end *end = end_of(sock);
    io_sock_acks(sock, passed, acks);
    set(sock, HARD);
    if (acks->left == passed->written || acks->dead)
        return;
    net_deafen(end);
    io_sock_acks(sock, passed, acks);
    net_disconnect(end);
    acks->left = acks->acked + (end->out->sent - end->out->acked);
    SIM_TELL(who(end), "resets %s: %llu of %llu octets left", end->pair->name, (unsigned long long)acks->left,
             (unsigned long long)passed->written);
}

void io_sock_local(const struct io_sock *sock, weir_address *local)
{
    (void)sock;
    *local = (weir_address){.family = AF_INET, .port = 80, .octets = {127, 0, 0, 1}};
}

/* --- its turn --------------------------------------------------------------------------------------------------- */

void io_sim_event(struct io_sock *sock, unsigned ready)
{
    if (ready & (NET_IN | NET_RDHUP | NET_HUP | NET_ERR))
        set(sock, READABLE);
    if (ready & (NET_RDHUP | NET_HUP | NET_ERR))
        set(sock, TO_END);
    if (ready & (NET_HUP | NET_ERR))
        set(sock, DEAD);
    if ((ready & (NET_OUT | NET_HUP | NET_ERR)) && is(sock, WRITE_PENDING))
        set(sock, WRITABLE);
    if (has_work(sock))
        io_sim_ready(sock->loop, sock);
}

static bool turn_written(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, WRITABLE))
        return true;
    clear(sock, WRITABLE | WRITE_PENDING);
    sock->ops->written(sock, 0);
    return loop->current == sock;
}

static ssize_t receive(struct io_sock *sock, char *space, size_t size)
{
    ssize_t n = net_recv(end_of(sock), space, size);
    if (n == -ECONNRESET)
        sock->os = ECONNRESET;
    /* An error is told once, and this one was told to a write or by hangup. */
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
            clear(sock, READING);
            return true;
        }
        /* Less than the space at a time, now and then. */
        if (size > 1 && sim_is(12))
            size = 1 + sim_choose(size < 64 ? (uint32_t)size : 64);
        ssize_t n = receive(sock, space, size);
        if (n == -EAGAIN) {
            clear(sock, READABLE);
            if (sock->ops->unused != NULL)
                sock->ops->unused(sock);
            return loop->current == sock;
        }
        if (n <= 0)
            set(sock, ENDED | (n < 0 ? (unsigned)DEAD_TOLD : 0));
        else
            octets += (size_t)n;
        if ((size_t)n < size && !is(sock, TO_END))
            clear(sock, READABLE);
        bool more = n > 0 && is(sock, TO_END) && reads < READS_MAX && octets < READ_OCTETS_MAX;
        if (n > 0)
            happened(sock, TIMES_READ, (size_t)n);
        SIM_TELL(who(end_of(sock)), "reads %zd from %s", n, end_of(sock)->pair->name);
        sock->ops->read(sock, n, more);
        if (loop->current != sock)
            return false;
    }
    return true;
}

static bool turn_hangup(weir_loop *loop, struct io_sock *sock)
{
    if (!must_tell_death(sock))
        return true;
    set(sock, DEAD_TOLD);
    int os = net_take_error(end_of(sock));
    if (os != 0)
        sock->os = (int16_t)os;
    SIM_TELL(who(end_of(sock)), "hears that %s hung up: %d", end_of(sock)->pair->name, sock->os);
    sock->ops->hangup(sock, sock->os);
    return loop->current == sock;
}

static bool turn_woken(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, WOKEN) || !loop->late)
        return true;
    clear(sock, WOKEN);
    sock->ops->woken(sock);
    return loop->current == sock;
}

static bool turn_watch(weir_loop *loop, struct io_sock *sock)
{
    if (!is(sock, TRY_NOW))
        return true;
    clear(sock, TRY_NOW);
    int os = watch(sock);
    if (os == 0)
        return true;
    bool by_read = is(sock, READING) && !is(sock, ENDED);
    set(sock, ENDED | DEAD | DEAD_TOLD);
    if (by_read)
        sock->ops->read(sock, -os, false);
    else
        sock->ops->hangup(sock, os);
    return loop->current == sock;
}

void io_sim_turn(struct io_sock *sock)
{
    weir_loop *loop = sock->loop;
    unsigned list = sim_list(end_of(sock)->pair->list);
    loop->current = sock;
    bool open = turn_written(loop, sock) && turn_read(loop, sock) && turn_hangup(loop, sock) &&
                turn_woken(loop, sock) && turn_watch(loop, sock);
    loop->current = NULL;
    (void)sim_list(list);
    if (!open || base_list_is_linked(&sock->ready) || !has_work(sock))
        return;
    base_list_push_back(is(sock, WOKEN) ? &loop->ready : &loop->later, &sock->ready);
}
