#include "base/ledger_layout.h"

#include "base/sized.h"

/* The enumerations of 0.1 had so many values. */
#define CODES_0_1      WEIR_CODE_END_0_1
#define STAGES_0_1     10
#define HOWS_0_1       6
#define BYS_0_1        6
#define DELIVERIES_0_1 6

/* The arrays whose length differs. The others are as long in both. */
#define ARRAYS(X)                                                                                                      \
    X(exchanges_by_delivery, DELIVERIES_0_1, WEIR_DELIVERY_UNKNOWN)                                                    \
    X(ended_by_code, CODES_0_1, WEIR_CODE_ok)                                                                          \
    X(ended_by_stage, STAGES_0_1, WEIR_STAGE_DIAL)                                                                     \
    X(ended_by_how, HOWS_0_1, WEIR_HOW_ERROR)                                                                          \
    X(ended_by_by, BYS_0_1, WEIR_BY_SELF)                                                                              \
    X(ended_by_delivery, DELIVERIES_0_1, WEIR_DELIVERY_UNKNOWN)                                                        \
    X(exchanges_by_code, CODES_0_1, WEIR_CODE_ok)

#define NUMBERS(X)                                                                                                     \
    X(accepted)                                                                                                        \
    X(alive)                                                                                                           \
    X(idle)                                                                                                            \
    X(exchanges_begun)                                                                                                 \
    X(exchanges_done)                                                                                                  \
    X(octets_in)                                                                                                       \
    X(octets_queued)                                                                                                   \
    X(octets_acked)                                                                                                    \
    X(octets_unacked)                                                                                                  \
    X(octets_unsent)                                                                                                   \
    X(octets_in_flight)                                                                                                \
    X(accept_pauses)                                                                                                   \
    X(accept_failures)

struct ledger_0_1 {
    size_t size;
    uint64_t accepted, alive, idle, exchanges_begun, exchanges_done;
    uint64_t exchanges_by_delivery[DELIVERIES_0_1];
    uint64_t octets_in, octets_queued, octets_acked, octets_unacked, octets_unsent, octets_in_flight;
    uint64_t ended_by_code[CODES_0_1];
    uint64_t ended_by_stage[STAGES_0_1];
    uint64_t ended_by_how[HOWS_0_1];
    uint64_t ended_by_by[BYS_0_1];
    uint64_t ended_by_delivery[DELIVERIES_0_1];
    uint64_t ended_by_class[WEIR_CLASS_COUNT];
    uint64_t exchanges_by_code[CODES_0_1];
    uint64_t responses_by_status[6];
    uint64_t accept_pauses, accept_failures;
};

_Static_assert(sizeof(struct ledger_0_1) == 2040, "the ledger of 0.1 is what programs have");
_Static_assert(sizeof(weir_ledger) > sizeof(struct ledger_0_1), "the size tells the two apart");

/* `other` gets what is behind the shorter one's end. */
static void shorten(uint64_t *to, size_t to_count, const uint64_t *from, size_t from_count, unsigned other)
{
    memcpy(to, from, to_count * sizeof *to);
    for (size_t i = to_count; i < from_count; i++)
        to[other] += from[i];
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void base_ledger_give(weir_ledger *theirs, const weir_ledger *ours)
{
    struct ledger_0_1 old = {.size = sizeof old};
    if (theirs->size > sizeof old) {
        base_sized_out(theirs, theirs->size, ours, sizeof *ours);
        return;
    }
#define X(name, count, other) shorten(old.name, count, ours->name, COUNT(ours->name), other);
    ARRAYS(X)
#undef X
#define X(name) old.name = ours->name;
    NUMBERS(X)
#undef X
    memcpy(old.ended_by_class, ours->ended_by_class, sizeof old.ended_by_class);
    memcpy(old.responses_by_status, ours->responses_by_status, sizeof old.responses_by_status);
    base_sized_out(theirs, theirs->size, &old, sizeof old);
}

void base_ledger_take(weir_ledger *ours, const weir_ledger *theirs)
{
    struct ledger_0_1 old;
    if (theirs->size > sizeof old) {
        (void)base_sized_in(ours, sizeof *ours, theirs, theirs->size);
        ours->size = sizeof *ours;
        return;
    }
    *ours = (weir_ledger){.size = sizeof *ours};
    (void)base_sized_in(&old, sizeof old, theirs, theirs->size);
#define X(name, count, other) memcpy(ours->name, old.name, sizeof old.name);
    ARRAYS(X)
#undef X
#define X(name) ours->name = old.name;
    NUMBERS(X)
#undef X
    memcpy(ours->ended_by_class, old.ended_by_class, sizeof old.ended_by_class);
    memcpy(ours->responses_by_status, old.responses_by_status, sizeof old.responses_by_status);
}
