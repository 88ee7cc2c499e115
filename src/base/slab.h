/* A free list of pieces of one size, last given back first taken, so that the steady state allocates nothing and
 * what is hot stays hot. Keeps at most `keep_max` unused pieces; the others go back to the allocator. One thread. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <weir/base.h>

struct base_slab {
    weir_allocator allocator;
    size_t item_size; /* at least a pointer's */
    size_t keep_max;
    size_t kept; /* unused pieces in `free_list` */
    size_t live; /* pieces that are out */
    void *free_list;
};

void base_slab_init(struct base_slab *slab, const weir_allocator *allocator, size_t item_size, size_t keep_max);
/* All pieces must be back. */
void base_slab_fini(struct base_slab *slab);
/* Not zeroed. NULL when there is no memory. */
WEIR_MUST_USE void *base_slab_get(struct base_slab *slab);
/* Gives unused pieces back to the allocator, but for `keep` of them. */
void base_slab_trim(struct base_slab *slab, size_t keep);
/* Octets of those that are kept. */
static inline uint64_t base_slab_kept(const struct base_slab *slab)
{
    return (uint64_t)slab->kept * slab->item_size;
}
void base_slab_put(struct base_slab *slab, void *item);

#endif
