#include "base/block.h"

#include "base/alloc.h"

/* What a loop keeps for the next burst; above it memory goes back. */
#define SMALL_KEEP_MAX 256
#define LARGE_KEEP_MAX 32

void base_blocks_init(struct base_blocks *blocks, const weir_allocator *allocator)
{
    base_slab_init(&blocks->small, allocator, sizeof(struct base_block) + BASE_BLOCK_SMALL, SMALL_KEEP_MAX);
    base_slab_init(&blocks->large, allocator, sizeof(struct base_block) + BASE_BLOCK_LARGE, LARGE_KEEP_MAX);
}

void base_blocks_fini(struct base_blocks *blocks)
{
    base_slab_fini(&blocks->small);
    base_slab_fini(&blocks->large);
}

struct base_block *base_block_new(struct base_blocks *blocks, size_t size)
{
    struct base_block *block;
    if (size <= BASE_BLOCK_SMALL) {
        size = BASE_BLOCK_SMALL;
        block = base_slab_get(&blocks->small);
    } else if (size <= BASE_BLOCK_LARGE) {
        size = BASE_BLOCK_LARGE;
        block = base_slab_get(&blocks->large);
    } else {
        block = size > UINT32_MAX / 2 ? NULL : base_alloc(&blocks->small.allocator, sizeof *block + size);
    }
    if (block == NULL)
        return NULL;
    block->home = blocks;
    block->refs = 1;
    block->size = (uint32_t)size;
    return block;
}

void base_block_free(struct base_block *block)
{
    struct base_blocks *home = block->home;
    if (block->size == BASE_BLOCK_SMALL)
        base_slab_put(&home->small, block);
    else if (block->size == BASE_BLOCK_LARGE)
        base_slab_put(&home->large, block);
    else
        base_release(&home->small.allocator, block, sizeof *block + block->size);
}
