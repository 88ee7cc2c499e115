/* The output chain: octets to write, in order: copied ones in blocks, borrowed ones where they are, pieces of files.
 *
 * What is appended next to each other becomes one piece, so that a batch of answers is one write. Borrowed memory is
 * the caller's until it is written. An empty chain holds nothing. Its blocks are its own, so that what they take is
 * known. */
#ifndef BASE_OUTPUT_H
#define BASE_OUTPUT_H

#include "base/block.h"

struct base_piece {
    const char *ptr;
    uint64_t len;
    uint64_t offset;          /* in `fd` */
    struct base_block *block; /* held; NULL: borrowed, or a file */
    int fd;                   /* -1: memory */
};

#define BASE_OUTPUT_INLINE 4

struct base_output {
    uint64_t pending; /* octets in all */
    uint64_t held;    /* octets that its blocks and its ring take of the allocator */
    uint32_t first;   /* of the pieces, in the ring */
    uint32_t count;
    uint32_t capacity;       /* of the ring, a power of two */
    uint32_t tail_used;      /* octets of `tail` that are taken */
    struct base_block *tail; /* where copied octets go; held */
    struct base_piece *ring; /* `inline_ring`, or allocated */
    struct base_piece inline_ring[BASE_OUTPUT_INLINE];
};

void base_output_init(struct base_output *output);
/* Drops what is left. */
void base_output_fini(struct base_output *output, struct base_blocks *blocks);

/* Room for `size` contiguous octets to be written by the caller and appended by base_output_commit. NULL: no memory. */
WEIR_MUST_USE char *base_output_reserve(struct base_output *output, struct base_blocks *blocks, size_t size);
/* The first n of the octets reserved last. Never fails: the piece was provided for. */
void base_output_commit(struct base_output *output, size_t n);
/* All or nothing; false: no memory. */
WEIR_MUST_USE bool base_output_copy(struct base_output *output, struct base_blocks *blocks, weir_str octets);
WEIR_MUST_USE bool base_output_borrow(struct base_output *output, struct base_blocks *blocks, weir_str octets);
WEIR_MUST_USE bool base_output_file(struct base_output *output, struct base_blocks *blocks, int fd, uint64_t offset,
                                    uint64_t len);

static inline const struct base_piece *base_output_piece(const struct base_output *output, uint32_t index)
{
    return &output->ring[(output->first + index) & (output->capacity - 1)];
}
/* The first n octets are written. */
void base_output_consume(struct base_output *output, uint64_t n);
/* Drops everything. */
void base_output_cut(struct base_output *output, struct base_blocks *blocks);
/* Gives the tail block back if the chain is empty. */
void base_output_settle(struct base_output *output);

#endif
