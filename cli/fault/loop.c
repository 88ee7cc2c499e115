#include "fault/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 256

uint64_t fault_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WEIR_SECOND + (uint64_t)now.tv_nsec;
}

bool fault_loop_open(struct fault_loop *loop)
{
    *loop = (struct fault_loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (loop->epoll < 0)
        return false;
    weir_error error = {.os = 0};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if (weir_loop_new(&loop->timers, NULL, &error) != WEIR_OK)
        errno = error.os != 0 ? error.os : ENOMEM;
    else if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, weir_loop_fd(loop->timers), &event) == 0)
        return true;
    int os = errno;
    fault_loop_close(loop);
    errno = os;
    return false;
}

void fault_loop_close(struct fault_loop *loop)
{
    if (loop->timers != NULL)
        weir_loop_free(loop->timers);
    if (loop->epoll >= 0)
        (void)close(loop->epoll);
    *loop = (struct fault_loop){.epoll = -1};
}

static int wait_ms(const struct fault_loop *loop)
{
    uint64_t timeout_ns = weir_loop_timeout(loop->timers);
    if (timeout_ns == WEIR_NEVER)
        return -1;
    uint64_t ms = timeout_ns / WEIR_MS + (timeout_ns % WEIR_MS > 0);
    return ms < 60000 ? (int)ms : 60000;
}

void fault_loop_run(struct fault_loop *loop, void (*after)(void *app), void *app)
{
    struct epoll_event events[ROUND_EVENTS];
    while (!loop->ended) {
        int count = epoll_wait(loop->epoll, events, ROUND_EVENTS, wait_ms(loop));
        for (int i = 0; i < count; i++) {
            struct fault_watch *watch = events[i].data.ptr;
            if (watch != NULL && watch->fd >= 0) /* null: the timers, whose turn comes anyway */
                watch->ready(watch, events[i].events);
        }
        weir_loop_step(loop->timers, 0);
        after(app);
    }
}

bool fault_watch_on(struct fault_loop *loop, struct fault_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};
    if (watch->added && watch->events == events)
        return true;
    if (epoll_ctl(loop->epoll, watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event) != 0)
        return false;
    watch->added = true;
    watch->events = events;
    return true;
}

void fault_watch_off(struct fault_loop *loop, struct fault_watch *watch)
{
    if (watch->added)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = false;
}

void fault_watch_close(struct fault_loop *loop, struct fault_watch *watch)
{
    if (watch->fd < 0)
        return;
    fault_watch_off(loop, watch);
    (void)close(watch->fd);
    watch->fd = -1;
}
