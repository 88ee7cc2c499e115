#include "fault/random.h"

/* splitmix64 (Steele, Lea, Flood 2014): the golden ratio's steps, and their finaliser. */
#define STEP UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

struct fault_random fault_random_stream(uint64_t seed, uint64_t connection, uint64_t stream)
{
    uint64_t state = mix(seed + STEP);
    state = mix((state ^ connection) + STEP);
    return (struct fault_random){mix((state ^ stream) + STEP)};
}

uint64_t fault_random_draw(struct fault_random *random, struct fault_range range)
{
    uint64_t count = range.max - range.min + 1;
    if (count == 1)
        return range.min;
    /* What is below 2^64 modulo count would make the first numbers likelier. */
    uint64_t odd = count == 0 ? 0 : (0 - count) % count;
    for (;;) {
        uint64_t word = mix(random->state += STEP);
        if (word >= odd)
            return range.min + (count == 0 ? word : word % count);
    }
}
