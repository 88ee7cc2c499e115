/* The user's memory: thin calls over weir_allocator, whose null `resize` means the C library's. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <weir/base.h>

/* A null `resize` filled in. */
weir_allocator base_allocator(const weir_allocator *given);

/* It is the C library's. */
bool base_allocator_is_libc(const weir_allocator *a);

/* NULL when there is no memory; size > 0. */
WEIR_MUST_USE void *base_alloc(const weir_allocator *a, size_t size);
/* The same, all zero. */
WEIR_MUST_USE void *base_alloc_zero(const weir_allocator *a, size_t size);
/* Grows or shrinks; NULL leaves `ptr` as it was. */
WEIR_MUST_USE void *base_resize(const weir_allocator *a, void *ptr, size_t old_size, size_t new_size);
/* NULL is fine. */
void base_release(const weir_allocator *a, void *ptr, size_t size);

#endif
