/* What the two programs of this suite share: contents that tell whose they are, memory and descriptors that are counted,
 * and what a ledger must say at the end.
 */
#ifndef CHAOS_COMMON_H
#define CHAOS_COMMON_H

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

/* Octet `at` of the content of a request, or of the answer to it: one that is cut, shifted or another's is found. */
static inline char chaos_octet(uint64_t id, bool answer, uint64_t at)
{
    return (char)((id * 131 + (answer ? 77 : 0) + at * 7 + (at >> 8)) & 0xff);
}

static inline void chaos_fill(char *octets, size_t size, uint64_t id, bool answer, uint64_t at)
{
    for (size_t i = 0; i < size; i++)
        octets[i] = chaos_octet(id, answer, at + i);
}

static inline bool chaos_is(weir_str octets, uint64_t id, bool answer, uint64_t at)
{
    for (size_t i = 0; i < octets.len; i++)
        if (octets.ptr[i] != chaos_octet(id, answer, at + i))
            return false;
    return true;
}

/* An allocator of one thread that knows how much is out. */
static inline void *chaos_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    uint64_t *alive = ctx;
    void *made = NULL;
    if (new_size == 0)
        free(ptr);
    else if ((made = realloc(ptr, new_size)) == NULL)
        return NULL;
    *alive += new_size;
    *alive -= old_size;
    return made;
}

static inline unsigned chaos_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static inline uint64_t chaos_sum(const uint64_t *counts, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += counts[i];
    return sum;
}

/* Everything is over, and `told` endings of connections were shown. Says on standard error what does not balance. */
static inline bool chaos_balances(const weir_ledger *ledger, uint64_t told)
{
    uint64_t octets = ledger->octets_acked + ledger->octets_unacked + ledger->octets_unsent;
    uint64_t ended = chaos_sum(ledger->ended_by_code, WEIR_CODE_COUNT);
    uint64_t by_delivery = chaos_sum(ledger->ended_by_delivery, WEIR_DELIVERY_COUNT);
    uint64_t exchanges = chaos_sum(ledger->exchanges_by_code, WEIR_CODE_COUNT);
    if (ledger->alive == 0 && ledger->accepted == ended && ended == told && by_delivery == told &&
        ledger->exchanges_begun == ledger->exchanges_done && exchanges == ledger->exchanges_done &&
        ledger->octets_queued == octets && ledger->octets_in_flight == 0)
        return true;
    (void)fprintf(stderr,
                  "the ledger: %" PRIu64 " connections, %" PRIu64 " alive, %" PRIu64 " ended, %" PRIu64
                  " by delivery, %" PRIu64 " told; %" PRIu64 " exchanges begun, %" PRIu64 " done, %" PRIu64
                  " by code; %" PRIu64 " octets queued, %" PRIu64 " accounted for, %" PRIu64 " in flight\n",
                  ledger->accepted, ledger->alive, ended, by_delivery, told, ledger->exchanges_begun,
                  ledger->exchanges_done, exchanges, ledger->octets_queued, octets, ledger->octets_in_flight);
    return false;
}

static inline bool chaos_left_nothing(uint64_t alive, unsigned descriptors_before)
{
    unsigned descriptors = chaos_descriptors();
    if (alive == 0 && descriptors == descriptors_before)
        return true;
    (void)fprintf(stderr, "left behind: %" PRIu64 " octets of memory; %u descriptors, there were %u\n", alive,
                  descriptors, descriptors_before);
    return false;
}

#endif
