#include "base/slab.h"

#include <assert.h>

#include "base/alloc.h"

void base_slab_init(struct base_slab *slab, const weir_allocator *allocator, size_t item_size, size_t keep_max)
{
    assert(item_size >= sizeof(void *));
    *slab = (struct base_slab){
        .allocator = base_allocator(allocator),
        .item_size = item_size,
        .keep_max = keep_max,
    };
}

void base_slab_fini(struct base_slab *slab)
{
    assert(slab->live == 0);
    base_slab_trim(slab, 0);
}

void base_slab_trim(struct base_slab *slab, size_t keep)
{
    for (; slab->kept > keep; slab->kept--) {
        void *item = slab->free_list;
        slab->free_list = *(void **)item;
        base_release(&slab->allocator, item, slab->item_size);
    }
}

void *base_slab_get(struct base_slab *slab)
{
    void *item = slab->free_list;
    if (item != NULL) {
        slab->free_list = *(void **)item;
        slab->kept--;
    } else {
        item = base_alloc(&slab->allocator, slab->item_size);
        if (item == NULL)
            return NULL;
    }
    slab->live++;
    return item;
}

void base_slab_put(struct base_slab *slab, void *item)
{
    assert(slab->live > 0);
    slab->live--;
    if (slab->kept >= slab->keep_max) {
        base_release(&slab->allocator, item, slab->item_size);
        return;
    }
    *(void **)item = slab->free_list;
    slab->free_list = item;
    slab->kept++;
}
