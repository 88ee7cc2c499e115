/* Counters of one thread's engines. Written by that thread only, read by any: relaxed atomics, no sharing of lines with
 * other writers, no locked instruction. */
#ifndef EXCHANGE_TOTALS_H
#define EXCHANGE_TOTALS_H

#include <weir/ending.h>

struct exchange_totals {
    uint64_t exchanges_begun;
    uint64_t exchanges_done;
    uint64_t octets_in;
    uint64_t octets_queued;
    uint64_t octets_acked;
    uint64_t octets_unacked;
    uint64_t octets_unsent;
    uint64_t exchanges_by_delivery[WEIR_DELIVERY_COUNT];
    uint64_t exchanges_by_code[WEIR_CODE_COUNT];
    uint64_t responses_by_status[6];
    uint64_t trailers_dropped;
};

static inline void engine_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}
static inline uint64_t engine_counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif
