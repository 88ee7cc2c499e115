/* How much memory may be held for peers: what is counted, and what the options mean.
 *
 * A meter stands between the free lists of a worker and the user's allocator, so it is not asked in the steady
 * state. It counts octets as they were asked for: the allocator's own overhead comes on top. One thread. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <weir/code.h>

#define BASE_SLACK_MIN (UINT64_C(4) << 20)

struct base_meter {
    weir_allocator allocator;
    uint64_t held; /* octets that are out, those in free lists too */
    uint64_t peak; /* the most since it was looked at */
};

/* The given one is behind it; the meter must stay where it is while what it gives is used. */
weir_allocator base_meter_init(struct base_meter *meter, const weir_allocator *given);

/* So much less is held than the most was that the system is worth asking to take the rest back. */
static inline bool base_meter_is_slack(const struct base_meter *meter)
{
    return meter->held < meter->peak / 2 && meter->peak - meter->held > BASE_SLACK_MIN;
}
/* Gives the system back what the C library has free, if the memory is its own. It may take a millisecond a gigabyte. */
void base_meter_tidy(struct base_meter *meter);

/* Zero becomes the default; out of range is bad_option, with a text. */
WEIR_MUST_USE weir_code base_connection_memory_resolve(uint64_t *octets, weir_error *error);
/* The same; the default is half of what the machine has, or of what the process's control group is allowed. */
WEIR_MUST_USE weir_code base_memory_resolve(uint64_t *octets, weir_error *error);
/* Octets of memory that this process may have: of the machine, or of its control group if that is less. */
uint64_t base_machine_memory(void);
/* The same with other places of /proc/self/cgroup and of /sys/fs/cgroup; `machine` where no group has a limit. */
uint64_t base_group_memory(const char *groups_path, const char *root, uint64_t machine);

#endif
