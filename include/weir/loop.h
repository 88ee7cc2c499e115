/* weir/loop.h: the loop a worker runs: one thread, one epoll, timers, and a door for other threads.
 *
 * A loop nests in another by two things: weir_loop_fd becomes readable when there is something to do, and
 * weir_loop_timeout says how long the other may sleep at most; then weir_loop_step(loop, 0) does what is due
 * (examples/loop_poll.c, loop_libuv.c, loop_libevent.c, loop_glib.c). Ask for the timeout immediately before each wait:
 * starting and stopping timers changes it, and the descriptor does not tell. A step does a bounded share of work;
 * what is left over, or is begun between two steps, keeps the descriptor readable and the timeout at 0. The
 * descriptor may be readable for nothing: a step then does nothing. All calls belong to the loop's thread, the one
 * that runs it, but for those of posts: weir_post_send, weir_post_fini, weir_loop_post, weir_loop_ref and
 * weir_loop_unref may be made by any.
 *
 * Lives. A loop ends with weir_loop_free; the loop of a server's worker ends within weir_server_free (or weir_serve).
 * Another thread cannot know when that is, so it holds the loop: by a weir_post, or by weir_loop_ref. A loop that has
 * ended and is held is only memory and one descriptor; what is posted to it is told that it was dropped.
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
/* Ends the loop, after all that was opened on it is closed. Posts that have not run are dropped, within this call. */
WEIR_API void weir_loop_free(weir_loop *loop);
/* Keeps the memory of the loop beyond its end, until weir_loop_unref. From any thread; the first ref on the loop's
 * own, or on one that is certain that the loop has not ended. The last unref may call the loop's allocator. */
WEIR_API void weir_loop_ref(weir_loop *loop);
WEIR_API void weir_loop_unref(weir_loop *loop);

/* Runs until weir_loop_stop: at once, if that was called before. */
WEIR_API void weir_loop_run(weir_loop *loop);
WEIR_API void weir_loop_stop(weir_loop *loop);
/* One round: waits at most `timeout_ns` (0: not at all; WEIR_NEVER: as long as it takes), then does what is due. A
 * signal ends the wait too. Never within a callback of the loop. */
WEIR_API void weir_loop_step(weir_loop *loop, uint64_t timeout_ns);
WEIR_API int weir_loop_fd(const weir_loop *loop);
/* How long an outer loop may wait for weir_loop_fd before the next step, in nanoseconds from this call: 0 when
 * something is due, WEIR_NEVER when no timer runs. Round up to the unit of the wait: a wait that ends early is
 * repeated. */
WEIR_API uint64_t weir_loop_timeout(const weir_loop *loop);
/* The same as a time of weir_loop_now: WEIR_NEVER when no timer runs; now or past when something is due. */
WEIR_API uint64_t weir_loop_deadline(const weir_loop *loop);
/* The monotonic clock (CLOCK_MONOTONIC, nanoseconds). Within a round: when that round began. Otherwise it is read. */
WEIR_API uint64_t weir_loop_now(const weir_loop *loop);

/* One pointer a loop, null at first; Weir never looks at it. With weir_exchange_loop a handler finds what its worker
 * has, such as a client of its own. */
WEIR_API void weir_loop_set_user(weir_loop *loop, void *user);
WEIR_API void *weir_loop_user(const weir_loop *loop);

/* --- posts: the way back to a loop from another thread -----------------------------------------------------------
 *
 * A weir_post stands in a struct of the caller's, such as a job for a pool of threads (examples/thread.c):
 *
 *     weir_post_init(&job->post, weir_exchange_loop(x), finish, drop, job);    on the loop's thread; holds the loop
 *     ... the job goes to another thread, which works at it ...
 *     weir_post_send(&job->post);                                              on that thread; cannot fail
 *
 * Then exactly one of the two functions is called, once: `fn(app)` on the loop's thread, soon, in the order of the
 * posts of one thread; or `dropped(app)` if the loop ends before, on the thread that ends it, within weir_loop_free;
 * or, if it has ended already, on the sending thread, within weir_post_send: hold no lock there that `dropped` takes.
 * In both the post is the caller's again: it may be freed, or initialised for another time.
 */
typedef struct weir_post {
    weir_loop *loop; /* all of it is Weir's */
    weir_loop_fn *fn;
    weir_loop_fn *dropped;
    void *app;
    struct weir_post *next;
    void *spare[3];
} weir_post;

/* The memory is the caller's and stays where it is. `dropped` may be null: then nobody is told. */
WEIR_API void weir_post_init(weir_post *post, weir_loop *loop, weir_loop_fn *fn, weir_loop_fn *dropped, void *app);
/* Sends it, once. The post is not the caller's any more until one of its functions is called. */
WEIR_API void weir_post_send(weir_post *post);
/* Of one that is not going to be sent: gives the loop back. Nothing is called. */
WEIR_API void weir_post_fini(weir_post *post);

/* The same without a place of the caller's: has `fn(app)` called once on the loop's thread. It is not told when it is
 * dropped at the loop's end. `no_memory` when it cannot be kept, `stopped` when the loop has ended (and is held):
 * then it will not be called. */
WEIR_API WEIR_MUST_USE weir_code weir_loop_post(weir_loop *loop, weir_loop_fn *fn, void *app);

/* The loop that an exchange of a server or a client lives on: for timers and posts. Another thread needs a hold on
 * it. */
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
