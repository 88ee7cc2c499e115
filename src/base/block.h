/* Blocks of octets that several hold: the input buffer, and the exchanges whose heads are views into it; the output
 * chain, and whatever still writes behind its end. Small ones and large ones come from free lists, others from the
 * allocator. One thread. */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include "base/slab.h"

struct base_blocks;

struct base_block {
    struct base_blocks *home;
    uint32_t refs;
    uint32_t size; /* of `octets` */
    char octets[];
};

/* Small holds a usual head, and pins little memory while an exchange lives; large is for bodies. */
#define BASE_BLOCK_SMALL (4096 - sizeof(struct base_block))
#define BASE_BLOCK_LARGE (32768 - sizeof(struct base_block))

struct base_blocks {
    struct base_slab small;
    struct base_slab large;
};

void base_blocks_init(struct base_blocks *blocks, const weir_allocator *allocator);
void base_blocks_fini(struct base_blocks *blocks);
/* At least `size` octets, held once. NULL when there is no memory. */
WEIR_MUST_USE struct base_block *base_block_new(struct base_blocks *blocks, size_t size);
void base_block_free(struct base_block *block);

/* Octets that it takes of the allocator. */
static inline size_t base_block_cost(const struct base_block *block)
{
    return sizeof *block + block->size;
}

static inline struct base_block *base_block_ref(struct base_block *block)
{
    block->refs++;
    return block;
}

/* NULL is fine. */
static inline void base_block_unref(struct base_block *block)
{
    if (block != NULL && --block->refs == 0)
        base_block_free(block);
}

#endif
