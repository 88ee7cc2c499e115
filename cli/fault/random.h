/* The generator of `weir fault`: the same numbers for the same seed, on every machine and in every release. What two
 * connections draw, and what the plan and the two directions of one connection draw, comes from streams of their own:
 * how far one of them is read changes no other. */
#ifndef CLI_FAULT_RANDOM_H
#define CLI_FAULT_RANDOM_H

#include <stdint.h>

struct fault_random {
    uint64_t state;
};

struct fault_range {
    uint64_t min, max; /* both are in it */
};

struct fault_random fault_random_stream(uint64_t seed, uint64_t connection, uint64_t stream);
/* Every number of the range is equally likely. A range of one number is drawn without a step of the generator. */
uint64_t fault_random_draw(struct fault_random *random, struct fault_range range);

#endif
