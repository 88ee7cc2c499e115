#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "io/loop_internal.h"

#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 35)
#define HAS_PWAIT2
#endif
#endif

/* Events that the kernel is asked for at once: 3 KiB of stack. */
#define EVENTS_MAX  256
/* At most so many further calls of epoll_wait(0) a round, while the array comes back full. The rest waits for the next
 * round. */
#define REFILLS_MAX 64

static void backend_close(weir_loop *loop)
{
    if (loop->epoll.timer_fd >= 0)
        close(loop->epoll.timer_fd);
    close(loop->epoll.fd);
}

static int backend_open(weir_loop *loop)
{
    loop->epoll.fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll.fd < 0)
        return errno;
    /* By edges, so that nobody needs to read it: each expiry is one. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = IO_WATCH_WAKE};
    loop->epoll.armed_ns = WEIR_NEVER;
    loop->epoll.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->epoll.timer_fd >= 0 && epoll_ctl(loop->epoll.fd, EPOLL_CTL_ADD, loop->epoll.timer_fd, &event) == 0)
        return 0;
    int os = errno;
    backend_close(loop);
    return os;
}

static int backend_fd(const weir_loop *loop)
{
    return loop->epoll.fd;
}

static uint32_t events_of(enum io_watch kind)
{
    switch (kind) {
    case IO_WATCH_LISTENER:
        return EPOLLIN;
    case IO_WATCH_LISTENER_SHARED:
        return EPOLLIN | EPOLLEXCLUSIVE;
    case IO_WATCH_WAKE:
        return EPOLLIN | EPOLLET;
    case IO_WATCH_POLL_READ:
        return EPOLLIN;
    case IO_WATCH_POLL_WRITE:
        return EPOLLOUT;
    case IO_WATCH_POLL_BOTH:
        return EPOLLIN | EPOLLOUT;
    default:
        /* Once for all: what is wanted changes in our flags, without a system call. */
        return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    }
}

static int backend_watch(weir_loop *loop, int fd, enum io_watch kind, void *what)
{
    struct epoll_event event = {
        .events = events_of(kind),
        .data.u64 = (uint64_t)((uintptr_t)what | kind),
    };
    if (epoll_ctl(loop->epoll.fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    /* It could not be taken out before, if that can be: then it is in, and what is wanted of it may differ. */
    if (errno == EEXIST && epoll_ctl(loop->epoll.fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return errno;
}

static void backend_unwatch(weir_loop *loop, int fd)
{
    struct epoll_event unused = {0};
    (void)epoll_ctl(loop->epoll.fd, EPOLL_CTL_DEL, fd, &unused);
}

/* Rounded up: waking a moment early would spin until the time has come. */
static int milliseconds(uint64_t timeout_ns)
{
    if (timeout_ns == WEIR_NEVER)
        return -1;
    uint64_t ms = timeout_ns / 1000000U + (timeout_ns % 1000000U != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_events(weir_loop *loop, struct epoll_event *events, uint64_t timeout_ns)
{
#ifdef HAS_PWAIT2
    if (timeout_ns != 0 && timeout_ns != WEIR_NEVER && !loop->epoll.no_pwait2) {
        struct timespec timeout = {
            .tv_sec = (time_t)(timeout_ns / 1000000000U),
            .tv_nsec = (long)(timeout_ns % 1000000000U),
        };
        int n = epoll_pwait2(loop->epoll.fd, events, EVENTS_MAX, &timeout, NULL);
        /* Linux before 5.11, or a sandbox that does not know the call. */
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        loop->epoll.no_pwait2 = true;
    }
#endif
    return epoll_wait(loop->epoll.fd, events, EVENTS_MAX, milliseconds(timeout_ns));
}

static unsigned ready_of(uint32_t events)
{
    unsigned ready = 0;
    if (events & EPOLLIN)
        ready |= IO_READY_READ;
    if (events & EPOLLOUT)
        ready |= IO_READY_WRITE;
    if (events & EPOLLRDHUP)
        ready |= IO_READY_END;
    if (events & (EPOLLHUP | EPOLLERR))
        ready |= IO_READY_DEAD;
    return ready;
}

/* A timeout of the wait itself would set up a timer in the kernel each time, and take it away again. This one stays
 * as it is while the next due time is the same or later: then the wait ends once for nothing. */
static void backend_wake_at(weir_loop *loop, uint64_t due_ns)
{
    if (loop->epoll.armed_ns <= loop->now_ns)
        loop->epoll.armed_ns = WEIR_NEVER; /* it has gone off */
    if (due_ns >= loop->epoll.armed_ns)
        return;
    struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(due_ns / 1000000000U), .tv_nsec = (long)(due_ns % 1000000000U)}};
    int failed = timerfd_settime(loop->epoll.timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
    assert(failed == 0);
    loop->epoll.armed_ns = due_ns;
}

static void backend_wait(weir_loop *loop, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int n = wait_events(loop, events, timeout_ns);
    assert(n >= 0 || errno == EINTR);
    /* All that is ready, after a long sleep of the process too: deadlines are looked at behind it, and one that
     * waits for octets must not pass while they are there. */
    for (int refills = 0;; refills++) {
        for (int i = 0; i < n; i++)
            io_loop_event(loop, (uintptr_t)events[i].data.u64, ready_of(events[i].events));
        if (n < EVENTS_MAX || refills == REFILLS_MAX)
            return;
        n = wait_events(loop, events, 0);
    }
}

const struct io_backend io_backend_epoll = {
    .open = backend_open,
    .close = backend_close,
    .fd = backend_fd,
    .watch = backend_watch,
    .unwatch = backend_unwatch,
    .wake_at = backend_wake_at,
    .wait = backend_wait,
};
