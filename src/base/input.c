#include "base/input.h"

#include <string.h>

/* Less room than this is not worth a system call. */
#define ROOM_MIN 512

static uint32_t room(const struct base_input *input)
{
    return input->block->size - input->end;
}

/* What holds the octets that are there with room for half as many, so that a large head costs few moves and little
 * more than its size; a fresh block at least. */
static size_t grown(const struct base_input *input, size_t fresh)
{
    size_t wanted = base_input_size(input) + base_input_size(input) / 2 + ROOM_MIN;
    return wanted > fresh ? wanted : fresh;
}

/* Continues in a block of its own that is at least `size` large. */
static bool move(struct base_input *input, struct base_blocks *blocks, size_t size)
{
    struct base_block *block = base_block_new(blocks, size);
    if (block == NULL)
        return false;
    size_t n = base_input_size(input);
    if (n > 0)
        memcpy(block->octets, base_input_octets(input), n);
    base_block_unref(input->block);
    *input = (struct base_input){.block = block, .begin = 0, .end = (uint32_t)n};
    return true;
}

char *base_input_reserve(struct base_input *input, struct base_blocks *blocks, bool large, size_t *size)
{
    size_t fresh = large ? BASE_BLOCK_LARGE : BASE_BLOCK_SMALL;
    size_t held = base_input_size(input);
    if (input->block == NULL) {
        if (!move(input, blocks, fresh))
            return NULL;
    } else if (input->block->refs == 1) {
        if (held == 0 && input->block->size >= fresh) {
            input->begin = 0;
            input->end = 0;
        } else if (room(input) < ROOM_MIN && input->begin >= ROOM_MIN && held < input->block->size / 2) {
            memmove(input->block->octets, base_input_octets(input), held);
            input->begin = 0;
            input->end = (uint32_t)held;
        } else if (room(input) < ROOM_MIN || (held == 0 && large)) {
            if (!move(input, blocks, grown(input, fresh)))
                return NULL;
        }
    } else if (room(input) < ROOM_MIN || (held == 0 && large)) {
        if (!move(input, blocks, grown(input, fresh)))
            return NULL;
    }
    *size = room(input);
    return input->block->octets + input->end;
}

void base_input_fini(struct base_input *input)
{
    base_block_unref(input->block);
    *input = (struct base_input){.block = NULL};
}
