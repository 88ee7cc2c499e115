#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

weir_allocator base_allocator(const weir_allocator *given)
{
    if (given != NULL && given->resize != NULL)
        return *given;
    return (weir_allocator){.resize = libc_resize, .ctx = NULL};
}

bool base_allocator_is_libc(const weir_allocator *a)
{
    return a->resize == libc_resize;
}

void *base_alloc(const weir_allocator *a, size_t size)
{
    return a->resize(a->ctx, NULL, 0, size);
}

void *base_alloc_zero(const weir_allocator *a, size_t size)
{
    void *ptr = base_alloc(a, size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void *base_resize(const weir_allocator *a, void *ptr, size_t old_size, size_t new_size)
{
    return a->resize(a->ctx, ptr, old_size, new_size);
}

void base_release(const weir_allocator *a, void *ptr, size_t size)
{
    if (ptr != NULL)
        (void)a->resize(a->ctx, ptr, size, 0);
}
