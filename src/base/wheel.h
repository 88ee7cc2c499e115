/* A hierarchical timer wheel: thousands of timers that are mostly moved or stopped before they fire.
 *
 * Resolution is 2^20 ns (about a millisecond); a timer never fires early, and at most one tick late if
 * base_wheel_expire is called when base_wheel_next says. Start and stop are O(1). Nodes are embedded in what they
 * belong to; nothing is allocated. Time may jump ahead as far as it likes; it never goes back. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <weir/base.h>

#include "base/list.h"

struct base_timer {
    struct base_list node; /* linked while running */
    uint64_t due_ns;
};

#define BASE_WHEEL_LEVELS 6
#define BASE_WHEEL_SLOTS 64

struct base_wheel {
    uint64_t now_tick; /* all timers due at or before it have fired */
    size_t count;      /* running timers, with those that are due and not taken off yet */
    uint64_t occupied[BASE_WHEEL_LEVELS]; /* a bit a slot that holds timers */
    struct base_list slots[BASE_WHEEL_LEVELS][BASE_WHEEL_SLOTS];
};

void base_wheel_init(struct base_wheel *wheel, uint64_t now_ns);
/* Starts it, or moves it. A due time in the past fires at the next expire. */
void base_wheel_start(struct base_wheel *wheel, struct base_timer *timer, uint64_t due_ns);
void base_wheel_stop(struct base_wheel *wheel, struct base_timer *timer);
static inline bool base_timer_is_running(const struct base_timer *timer)
{
    return base_list_is_linked(&timer->node);
}
/* A time at or before which nothing is due, as late as is cheap to know: sleep until then. WEIR_NEVER if none runs. */
uint64_t base_wheel_next(const struct base_wheel *wheel);
/* Moves all timers due at `now_ns` to `due` (a list head), in the order of their ticks. The caller takes them off
 * one by one with base_wheel_stop and fires each; one that an earlier one stops or restarts is then not fired. */
void base_wheel_expire(struct base_wheel *wheel, uint64_t now_ns, struct base_list *due);

#endif
