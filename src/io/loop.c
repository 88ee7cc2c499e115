#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/loop_internal.h"

uint64_t io_clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t io_clock_after(uint64_t delay_ns)
{
    uint64_t now_ns = io_clock_now();
    return delay_ns > WEIR_NEVER - now_ns ? WEIR_NEVER : now_ns + delay_ns;
}

static int open_descriptors(weir_loop *loop)
{
    int os = loop->backend->open(loop);
    if (os != 0)
        return os;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    os = loop->wake_fd < 0 ? errno : loop->backend->watch(loop, loop->wake_fd, IO_WATCH_WAKE, NULL);
    if (os == 0)
        return 0;
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    loop->backend->close(loop);
    return os;
}

weir_code weir_loop_new(weir_loop **out, const weir_allocator *allocator, weir_error *error)
{
    weir_allocator memory = base_allocator(allocator);
    weir_loop *loop = base_alloc_zero(&memory, sizeof(*loop));
    if (loop == NULL)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory for a loop of %zu octets", sizeof(*loop));
    loop->allocator = memory;
    loop->backend = &io_backend_epoll;
    loop->now_ns = io_clock_now();
    loop->luck = UINT8_MAX;
    base_list_init(&loop->ready);
    base_list_init(&loop->pokes);
    base_list_init(&loop->later);
    base_list_init(&loop->ready_listeners);
    base_list_init(&loop->lates);
    base_list_init(&loop->ready_polls);
    base_wheel_init(&loop->wheel, loop->now_ns);
    atomic_init(&loop->posts, NULL);
    atomic_init(&loop->refs, 1);
    atomic_init(&loop->poked, false);

    int os = open_descriptors(loop);
    if (os != 0) {
        base_release(&memory, loop, sizeof(*loop));
        return io_fail(error, io_code_of_errno(os), os, "a loop needs three descriptors: %s", strerror(os));
    }
    *out = loop;
    return WEIR_OK;
}

void weir_loop_free(weir_loop *loop)
{
    if (loop == NULL)
        return;
    assert(!loop->in_round);
    io_post_end(loop);
    loop->backend->close(loop);
    weir_loop_unref(loop);
}

void weir_loop_ref(weir_loop *loop)
{
    atomic_fetch_add_explicit(&loop->refs, 1, memory_order_relaxed);
}

/* The eventfd lives as long as the memory: a thread that has just posted may still be about to signal. */
void weir_loop_unref(weir_loop *loop)
{
    if (atomic_fetch_sub_explicit(&loop->refs, 1, memory_order_acq_rel) > 1)
        return;
    close(loop->wake_fd);
    weir_allocator memory = loop->allocator;
    base_release(&memory, loop, sizeof(*loop));
}

static bool has_rest(const weir_loop *loop)
{
    return !base_list_is_empty(&loop->ready) || !base_list_is_empty(&loop->later) || !base_list_is_empty(&loop->lates);
}

void io_loop_ready(weir_loop *loop, struct io_sock *sock)
{
    if (base_list_is_linked(&sock->ready))
        return;
    base_list_push_back(&loop->ready, &sock->ready);
    if (!loop->in_round && !loop->running)
        io_loop_signal(loop); /* an outer loop that polls our descriptor must hear of it */
}

void io_loop_late(weir_loop *loop, struct io_late *late)
{
    if (base_list_is_linked(&late->node))
        return;
    base_list_push_back(&loop->lates, &late->node);
    if (!loop->in_round && !loop->running)
        io_loop_signal(loop); /* as above */
}

void io_loop_off_late(struct io_late *late)
{
    base_list_remove(&late->node);
}

void io_loop_event(weir_loop *loop, uintptr_t token, unsigned ready)
{
    enum io_watch kind = token & IO_WATCH_MASK;
    void *what = (void *)(token & ~(uintptr_t)IO_WATCH_MASK);
    if (kind == IO_WATCH_SOCK) {
        io_sock_event(what, ready);
    } else if (kind >= IO_WATCH_POLL_READ) {
        struct io_poll *poll = what;
        if (!base_list_is_linked(&poll->node))
            base_list_push_back(&loop->ready_polls, &poll->node);
    } else if (kind != IO_WATCH_WAKE) {
        struct io_listener *listener = what;
        if (!base_list_is_linked(&listener->ready))
            base_list_push_back(&loop->ready_listeners, &listener->ready);
    }
}

/* Only those that are in the list now: what comes meanwhile waits for the next call. */
static void turn_socks(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->ready);
    while (!base_list_is_empty(&batch)) {
        struct io_sock *sock = BASE_CONTAINER(batch.next, struct io_sock, ready);
        base_list_remove(&sock->ready);
        io_sock_turn(sock);
    }
}

static void turn_listeners(weir_loop *loop)
{
    while (!base_list_is_empty(&loop->ready_listeners)) {
        struct io_listener *listener = BASE_CONTAINER(loop->ready_listeners.next, struct io_listener, ready);
        base_list_remove(&listener->ready);
        io_listener_turn(listener);
    }
}

static void turn_polls(weir_loop *loop)
{
    while (!base_list_is_empty(&loop->ready_polls)) {
        struct io_poll *poll = BASE_CONTAINER(loop->ready_polls.next, struct io_poll, node);
        base_list_remove(&poll->node);
        poll->ready(poll);
    }
}

/* Only those that are in the list now. */
static void call_lates(weir_loop *loop)
{
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &loop->lates);
    while (!base_list_is_empty(&batch)) {
        struct io_late *late = BASE_CONTAINER(batch.next, struct io_late, node);
        base_list_remove(&late->node);
        late->fn(late);
    }
}

static void wait_for_events(weir_loop *loop, uint64_t timeout_ns)
{
    if (has_rest(loop))
        timeout_ns = 0;
    if (timeout_ns != 0)
        loop->backend->wake_at(loop, base_wheel_next(&loop->wheel));
    base_list_splice(&loop->ready, &loop->later);
    loop->backend->wait(loop, timeout_ns);
}

static void do_round(weir_loop *loop, uint64_t timeout_ns)
{
    assert(!loop->in_round); /* a callback may not run the loop that called it */
    loop->in_round = true;
    loop->rounds++;
    wait_for_events(loop, timeout_ns);
    loop->now_ns = io_clock_now();
    loop->unix_time_known = false;

    turn_socks(loop);
    turn_listeners(loop);
    turn_polls(loop);
    io_timer_expire(loop);
    io_post_run(loop);
    call_lates(loop);
    loop->late = true;
    turn_socks(loop);
    loop->late = false;
    loop->in_round = false;
    loop->unix_time_known = false;
}

void weir_loop_run(weir_loop *loop)
{
    loop->running = true;
    while (!loop->stop)
        do_round(loop, WEIR_NEVER);
    loop->running = false;
    loop->stop = false;
}

void weir_loop_stop(weir_loop *loop)
{
    loop->stop = true;
}

void weir_loop_step(weir_loop *loop, uint64_t timeout_ns)
{
    do_round(loop, timeout_ns);
    if (has_rest(loop))
        io_loop_signal(loop);
}

int weir_loop_fd(const weir_loop *loop)
{
    return loop->backend->fd(loop);
}

uint64_t weir_loop_deadline(const weir_loop *loop)
{
    return has_rest(loop) ? weir_loop_now(loop) : base_wheel_next(&loop->wheel);
}

uint64_t weir_loop_timeout(const weir_loop *loop)
{
    if (has_rest(loop))
        return 0;
    uint64_t due_ns = base_wheel_next(&loop->wheel);
    if (due_ns == WEIR_NEVER)
        return WEIR_NEVER;
    uint64_t now_ns = io_clock_now();
    return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* Between two rounds an outer loop may rest for long: what is started there must not be timed from the last round. */
uint64_t weir_loop_now(const weir_loop *loop)
{
    return loop->in_round ? loop->now_ns : io_clock_now();
}

void weir_loop_set_user(weir_loop *loop, void *user)
{
    loop->user = user;
}

void *weir_loop_user(const weir_loop *loop)
{
    return loop->user;
}

int64_t io_loop_unix_time(weir_loop *loop)
{
    if (!loop->unix_time_known) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        loop->unix_time = now.tv_sec;
        loop->unix_time_known = loop->in_round;
    }
    return loop->unix_time;
}
