/* The caller's allocator, or the C library's. */
#ifndef COMFORT_MEMORY_H
#define COMFORT_MEMORY_H

#include <stdlib.h>
#include <weir/base.h>

static inline void *memory_resize(const weir_allocator *a, void *ptr, size_t old_size, size_t new_size)
{
    if (a->resize != NULL)
        return a->resize(a->ctx, ptr, old_size, new_size);
    if (new_size > 0)
        return realloc(ptr, new_size);
    free(ptr);
    return NULL;
}

static inline void memory_free(const weir_allocator *a, void *ptr, size_t size)
{
    if (ptr != NULL)
        (void)memory_resize(a, ptr, size, 0);
}

#endif
