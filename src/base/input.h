/* The input buffer: one contiguous run of octets that came and are not used yet.
 *
 * Others may hold its block, with views into octets that are used already; those never move or change: the buffer then
 * goes on behind them, or in a new block. An empty buffer holds no block after base_input_settle.
 */
#ifndef BASE_INPUT_H
#define BASE_INPUT_H

#include "base/block.h"

struct base_input {
    struct base_block *block;
    uint32_t begin; /* of the unused octets, in block->octets */
    uint32_t end;
};

static inline char *base_input_octets(const struct base_input *input)
{
    return input->block->octets + input->begin;
}
static inline size_t base_input_size(const struct base_input *input)
{
    return input->end - input->begin;
}
static inline void base_input_consume(struct base_input *input, size_t n)
{
    input->begin += (uint32_t)n;
}

/* Room behind the octets, `*size` of it, at least a few hundred octets. `large`: a body is coming, or the last read
 * filled a small block. NULL when there is no memory: the buffer is as it was. */
WEIR_MUST_USE char *base_input_reserve(struct base_input *input, struct base_blocks *blocks, bool large, size_t *size);
static inline void base_input_commit(struct base_input *input, size_t n)
{
    input->end += (uint32_t)n;
}
/* Gives the block back if nothing is left to read in it. */
static inline void base_input_settle(struct base_input *input)
{
    if (input->block != NULL && input->begin == input->end) {
        base_block_unref(input->block);
        input->block = NULL;
        input->begin = 0;
        input->end = 0;
    }
}
/* Drops all. */
void base_input_fini(struct base_input *input);

#endif
