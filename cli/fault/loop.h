/* The loop of `weir fault`: sockets on an epoll of its own, in which a loop of Weir is nested for its timers.
 *
 * The sockets of the library are not public and a proxy of octets needs no more than this. One thread; nothing here is
 * safe from another. */
#ifndef CLI_FAULT_LOOP_H
#define CLI_FAULT_LOOP_H

#include <weir/weir.h>

/* A descriptor that is watched, level-triggered. `ready` is not called once fd is -1; the watch itself has to live
 * until the round is over (fault_loop_run's `after`). */
struct fault_watch {
    int fd; /* -1: closed */
    uint32_t events;
    bool added;
    void (*ready)(struct fault_watch *watch, uint32_t events);
};

struct fault_loop {
    int epoll;
    weir_loop *timers;
    bool ended;
};

/* False with errno. */
bool fault_loop_open(struct fault_loop *loop);
void fault_loop_close(struct fault_loop *loop);
/* Until `ended` is set. `after(app)` is called at the end of each round. */
void fault_loop_run(struct fault_loop *loop, void (*after)(void *app), void *app);

/* What is waited for from now on. Errors and hang-ups always are, until fault_watch_off. False with errno. */
bool fault_watch_on(struct fault_loop *loop, struct fault_watch *watch, uint32_t events);
void fault_watch_off(struct fault_loop *loop, struct fault_watch *watch);
/* And closes it. */
void fault_watch_close(struct fault_loop *loop, struct fault_watch *watch);

uint64_t fault_now_ns(void);

#endif
