/* The loop as the folders above it see it, besides weir/loop.h: a timer that is embedded, and the wall clock. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <weir/loop.h>

#include "base/list.h"
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

/* Something to be done before the round is over, when all that came in it is known: after reads, timers and posts,
 * before sockets are woken. Embedded in its owner; called once, by the next round at the latest. */
struct io_late {
    struct base_list node;
    void (*fn)(struct io_late *late);
};
void io_loop_late(weir_loop *loop, struct io_late *late);
/* Fine where it is not waiting. */
void io_loop_off_late(struct io_late *late);

/* The wall clock, seconds since 1970, read at most once a round, and anew outside of one. */
int64_t io_loop_unix_time(weir_loop *loop);
/* Who is called when the loop was poked, embedded in its owner. */
struct io_poke {
    struct base_list node; /* linked while it is to be called */
    weir_loop_fn *fn;
    void *app;
};
/* Wakes a loop that waits, and has all that are to hear of a poke called once; async-signal-safe, from any thread. */
void io_loop_poke(weir_loop *loop);
/* From now on `poke` is called; until io_loop_off_poke, which is fine where it is not. */
void io_loop_on_poke(weir_loop *loop, struct io_poke *poke);
void io_loop_off_poke(struct io_poke *poke);

#endif
