#include "base/wheel.h"

#define TICK_BITS     20
#define SLOT_BITS     6
#define SLOT_MASK     (BASE_WHEEL_SLOTS - 1)
#define TOP           (BASE_WHEEL_LEVELS - 1)
#define ROTATION_BITS (SLOT_BITS * BASE_WHEEL_LEVELS)
#define TICK_NEVER    UINT64_MAX

/* Where a timer sits follows from its tick and from now: the level is that of the highest digit (of 6 bits) in which
 * the two differ, the slot is that digit of the timer's. So at every level the occupied slots lie behind the digit of
 * now, all of a lower level are due before those of a higher one, and the next slot is found by two bit scans.
 *
 * Two slots mean more: at level 0 that of now itself (due already), at the top slot 0 (beyond this rotation of the
 * whole wheel, two years; placed anew when the next begins). Neither can be reached by the rule. */

void base_wheel_init(struct base_wheel *wheel, uint64_t now_ns)
{
    *wheel = (struct base_wheel){.now_tick = now_ns >> TICK_BITS};
    for (unsigned level = 0; level < BASE_WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < BASE_WHEEL_SLOTS; slot++)
            base_list_init(&wheel->slots[level][slot]);
    }
}

/* Rounded up: a timer never fires early. */
static uint64_t due_tick(const struct base_timer *timer)
{
    uint64_t rest = timer->due_ns & ((UINT64_C(1) << TICK_BITS) - 1);
    return (timer->due_ns >> TICK_BITS) + (rest != 0);
}

static void place(struct base_wheel *wheel, struct base_timer *timer)
{
    uint64_t tick = due_tick(timer);
    if (tick < wheel->now_tick)
        tick = wheel->now_tick;
    unsigned level = TOP;
    unsigned slot = 0;
    uint64_t differs = tick ^ wheel->now_tick;
    if (differs >> ROTATION_BITS == 0) {
        level = (63U - (unsigned)__builtin_clzll(differs | SLOT_MASK)) / SLOT_BITS;
        slot = (unsigned)(tick >> (level * SLOT_BITS)) & SLOT_MASK;
    }
    base_list_push_back(&wheel->slots[level][slot], &timer->node);
    wheel->occupied[level] |= UINT64_C(1) << slot;
}

void base_wheel_start(struct base_wheel *wheel, struct base_timer *timer, uint64_t due_ns)
{
    base_wheel_stop(wheel, timer);
    timer->due_ns = due_ns;
    place(wheel, timer);
    wheel->count++;
}

void base_wheel_stop(struct base_wheel *wheel, struct base_timer *timer)
{
    struct base_list *next = timer->node.next;
    if (next == NULL)
        return;
    wheel->count--;
    base_list_remove(&timer->node);
    if (!base_list_is_empty(next))
        return;
    /* The last of its ring: `next` is the head, of a slot or of a list of due ones. */
    uintptr_t offset = (uintptr_t)next - (uintptr_t)wheel->slots;
    if (offset < sizeof(wheel->slots)) {
        size_t index = offset / sizeof(struct base_list);
        wheel->occupied[index / BASE_WHEEL_SLOTS] &= ~(UINT64_C(1) << (index % BASE_WHEEL_SLOTS));
    }
}

/* The next slot that holds timers, and the tick at which it begins; TICK_NEVER if there is none. */
static uint64_t next_slot(const struct base_wheel *wheel, unsigned *level, unsigned *slot)
{
    for (unsigned at = 0; at < BASE_WHEEL_LEVELS; at++) {
        uint64_t occupied = wheel->occupied[at];
        if (at == TOP && occupied > 1)
            occupied &= ~UINT64_C(1); /* slot 0 there comes last */
        if (occupied == 0)
            continue;
        *level = at;
        *slot = (unsigned)__builtin_ctzll(occupied);
        if (at == TOP && *slot == 0)
            return ((wheel->now_tick >> ROTATION_BITS) + 1) << ROTATION_BITS;
        unsigned shift = at * SLOT_BITS;
        uint64_t above = wheel->now_tick >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
        return above | (uint64_t)*slot << shift;
    }
    return TICK_NEVER;
}

uint64_t base_wheel_next(const struct base_wheel *wheel)
{
    unsigned level;
    unsigned slot;
    uint64_t tick = next_slot(wheel, &level, &slot);
    return tick > UINT64_MAX >> TICK_BITS ? WEIR_NEVER : tick << TICK_BITS;
}

void base_wheel_expire(struct base_wheel *wheel, uint64_t now_ns, struct base_list *due)
{
    uint64_t target = now_ns >> TICK_BITS;
    for (;;) {
        unsigned level;
        unsigned slot;
        uint64_t tick = next_slot(wheel, &level, &slot);
        if (tick == TICK_NEVER || tick > target)
            break;
        wheel->now_tick = tick;
        wheel->occupied[level] &= ~(UINT64_C(1) << slot);
        if (level == 0) {
            base_list_splice(due, &wheel->slots[level][slot]);
            continue;
        }
        struct base_list moving;
        base_list_init(&moving);
        base_list_splice(&moving, &wheel->slots[level][slot]);
        while (!base_list_is_empty(&moving)) {
            struct base_list *node = moving.next;
            base_list_remove(node);
            place(wheel, BASE_CONTAINER(node, struct base_timer, node));
        }
    }
    if (target > wheel->now_tick)
        wheel->now_tick = target;
}
