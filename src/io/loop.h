/* The loop as the folders above it see it, besides weir/loop.h: a timer that is embedded, and the wall clock. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <weir/loop.h>

#include "base/wheel.h"

/* A timer in a struct of the owner's: nothing is allocated. `fired` runs in the loop's round. */
struct io_timer {
    struct base_timer timer;
    void (*fired)(struct io_timer *timer);
};

void io_timer_start(weir_loop *loop, struct io_timer *timer, uint64_t due_ns);
void io_timer_stop(weir_loop *loop, struct io_timer *timer);
static inline bool io_timer_is_running(const struct io_timer *timer)
{
    return base_timer_is_running(&timer->timer);
}
static inline uint64_t io_timer_due(const struct io_timer *timer)
{
    return timer->timer.due_ns;
}

const weir_allocator *io_loop_allocator(const weir_loop *loop);
/* The wall clock, seconds since 1970, read at most once a round. */
int64_t io_loop_unix_time(weir_loop *loop);
/* Wakes a loop that waits; async-signal-safe, from any thread. The loop calls `fn(app)` set with io_loop_on_poke. */
void io_loop_poke(weir_loop *loop);
void io_loop_on_poke(weir_loop *loop, weir_loop_fn *fn, void *app);

#endif
