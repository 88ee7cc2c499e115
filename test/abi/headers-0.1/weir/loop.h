/* weir/loop.h: the loop a worker runs: one thread, one epoll, timers, and a door for other threads.
 *
 * A loop nests in another by two things: weir_loop_fd becomes readable when there is something to do, and
 * weir_loop_deadline says when there will be; then weir_loop_step(loop, 0) does it (examples/loop_poll.c, loop_libuv.c).
 * Ask for the deadline before each wait: starting and stopping timers moves it, and the descriptor does not tell. A step
 * does a bounded share of work; what is left over, or is begun between two steps, keeps the descriptor readable and the
 * deadline at now. The descriptor may be readable for nothing: a step then does nothing.
 * All calls but weir_loop_post belong to the loop's thread: the one that runs it.
 */
#ifndef WEIR_LOOP_H
#define WEIR_LOOP_H

#include <weir/base.h>
#include <weir/code.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_loop weir_loop;
typedef struct weir_timer weir_timer;
typedef void weir_loop_fn(void *app);
struct weir_exchange;

/* `allocator` may be null. `no_descriptors`, `no_memory` or `system_error` where the kernel refuses. */
WEIR_API WEIR_MUST_USE weir_code weir_loop_new(weir_loop **out, const weir_allocator *allocator, weir_error *error);
/* After all that was opened on it is closed. Posts that have not run are dropped. */
WEIR_API void weir_loop_free(weir_loop *loop);

/* Runs until weir_loop_stop: at once, if that was called before. */
WEIR_API void weir_loop_run(weir_loop *loop);
WEIR_API void weir_loop_stop(weir_loop *loop);
/* One round: waits at most `timeout_ns` (0: not at all; WEIR_NEVER: as long as it takes), then does what is due. A signal
 * ends the wait too. Never within a callback of the loop. */
WEIR_API void weir_loop_step(weir_loop *loop, uint64_t timeout_ns);
WEIR_API int weir_loop_fd(const weir_loop *loop);
/* On weir_loop_now's clock; WEIR_NEVER when no timer runs; now or past when something is due already. */
WEIR_API uint64_t weir_loop_deadline(const weir_loop *loop);
/* The monotonic clock as this round saw it. */
WEIR_API uint64_t weir_loop_now(const weir_loop *loop);

/* Has `fn(app)` called once on the loop's thread, soon, in the order of the posts of one thread. From any thread.
 * `no_memory` when it cannot be kept: then it will not be called. */
WEIR_API WEIR_MUST_USE weir_code weir_loop_post(weir_loop *loop, weir_loop_fn *fn, void *app);

/* The loop that an exchange of a server or a client lives on: for timers and posts. */
WEIR_API weir_loop *weir_exchange_loop(const struct weir_exchange *x);

/* A timer that is not running; `fn` is called on the loop's thread. Null when there is no memory. */
WEIR_API WEIR_MUST_USE weir_timer *weir_timer_new(weir_loop *loop, weir_loop_fn *fn, void *app);
/* Once, `delay_ns` from now at the earliest and about a millisecond later at most when the loop is free; again if it
 * runs already. Any of the three may be called within `fn`. */
WEIR_API void weir_timer_start(weir_timer *timer, uint64_t delay_ns);
WEIR_API void weir_timer_stop(weir_timer *timer);
WEIR_API void weir_timer_free(weir_timer *timer);

#ifdef __cplusplus
}
#endif
#endif
