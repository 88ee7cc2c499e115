#include "base/output.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

void base_output_init(struct base_output *output)
{
    output->pending = 0;
    output->held = 0;
    output->first = 0;
    output->count = 0;
    output->capacity = BASE_OUTPUT_INLINE;
    output->tail_used = 0;
    output->tail = NULL;
    output->ring = output->inline_ring;
}

static struct base_piece *last(struct base_output *output)
{
    return &output->ring[(output->first + output->count - 1) & (output->capacity - 1)];
}

static void drop_block(struct base_output *output, struct base_block *block)
{
    if (block != NULL && block->refs == 1)
        output->held -= base_block_cost(block);
    base_block_unref(block);
}

static size_t ring_size(const struct base_output *output)
{
    return output->capacity * sizeof *output->ring;
}

static void drop_ring(struct base_output *output, struct base_blocks *blocks)
{
    if (output->ring != output->inline_ring) {
        output->held -= ring_size(output);
        base_release(&blocks->small.allocator, output->ring, ring_size(output));
    }
    output->ring = output->inline_ring;
    output->capacity = BASE_OUTPUT_INLINE;
}

void base_output_cut(struct base_output *output, struct base_blocks *blocks)
{
    while (output->count > 0) {
        drop_block(output, last(output)->block);
        output->count--;
    }
    output->first = 0;
    output->pending = 0;
    base_output_settle(output);
    drop_ring(output, blocks);
}

void base_output_fini(struct base_output *output, struct base_blocks *blocks)
{
    base_output_cut(output, blocks);
}

/* Room for one more piece. */
static bool grow(struct base_output *output, struct base_blocks *blocks)
{
    if (output->count < output->capacity)
        return true;
    uint32_t capacity = output->capacity * 2;
    struct base_piece *ring = base_alloc(&blocks->small.allocator, capacity * sizeof *ring);
    if (ring == NULL)
        return false;
    for (uint32_t i = 0; i < output->count; i++)
        ring[i] = *base_output_piece(output, i);
    drop_ring(output, blocks);
    output->ring = ring;
    output->capacity = capacity;
    output->held += ring_size(output);
    output->first = 0;
    return true;
}

static void push(struct base_output *output, struct base_piece piece)
{
    assert(output->count < output->capacity);
    output->count++;
    *last(output) = piece;
    output->pending += piece.len;
}

char *base_output_reserve(struct base_output *output, struct base_blocks *blocks, size_t size)
{
    if (!grow(output, blocks))
        return NULL;
    if (output->tail == NULL || output->tail->size - output->tail_used < size) {
        /* A second block in one chain means much is going out: take large ones then. */
        size_t wanted = output->tail != NULL && size < BASE_BLOCK_LARGE ? BASE_BLOCK_LARGE : size;
        struct base_block *block = base_block_new(blocks, wanted);
        if (block == NULL)
            return NULL;
        drop_block(output, output->tail);
        output->held += base_block_cost(block);
        output->tail = block;
        output->tail_used = 0;
    }
    return output->tail->octets + output->tail_used;
}

void base_output_commit(struct base_output *output, size_t n)
{
    if (n == 0)
        return;
    const char *ptr = output->tail->octets + output->tail_used;
    output->tail_used += (uint32_t)n;
    struct base_piece *piece = output->count > 0 ? last(output) : NULL;
    if (piece != NULL && piece->block == output->tail && piece->ptr + piece->len == ptr) {
        piece->len += n;
        output->pending += n;
        return;
    }
    push(output, (struct base_piece){.ptr = ptr, .len = n, .block = base_block_ref(output->tail), .fd = -1});
}

bool base_output_copy(struct base_output *output, struct base_blocks *blocks, weir_str octets)
{
    if (octets.len == 0)
        return true;
    char *to = base_output_reserve(output, blocks, octets.len);
    if (to == NULL)
        return false;
    memcpy(to, octets.ptr, octets.len);
    base_output_commit(output, octets.len);
    return true;
}

bool base_output_borrow(struct base_output *output, struct base_blocks *blocks, weir_str octets)
{
    if (octets.len == 0)
        return true;
    if (!grow(output, blocks))
        return false;
    push(output, (struct base_piece){.ptr = octets.ptr, .len = octets.len, .fd = -1});
    return true;
}

bool base_output_file(struct base_output *output, struct base_blocks *blocks, int fd, uint64_t offset, uint64_t len)
{
    if (len == 0)
        return true;
    if (!grow(output, blocks))
        return false;
    push(output, (struct base_piece){.offset = offset, .len = len, .fd = fd});
    return true;
}

void base_output_consume(struct base_output *output, uint64_t n)
{
    assert(n <= output->pending);
    output->pending -= n;
    while (n > 0) {
        struct base_piece *piece = &output->ring[output->first];
        if (n < piece->len) {
            piece->len -= n;
            piece->offset += n;
            if (piece->fd < 0)
                piece->ptr += n;
            return;
        }
        n -= piece->len;
        drop_block(output, piece->block);
        output->first = (output->first + 1) & (output->capacity - 1);
        output->count--;
    }
    /* All written, and nobody else holds the tail: begin it anew while it is hot. */
    if (output->count == 0 && output->tail != NULL && output->tail->refs == 1)
        output->tail_used = 0;
}

void base_output_settle(struct base_output *output)
{
    if (output->count == 0 && output->tail != NULL) {
        drop_block(output, output->tail);
        output->tail = NULL;
        output->tail_used = 0;
    }
}
