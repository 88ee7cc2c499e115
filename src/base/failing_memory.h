/* For tests: an allocator that checks the sizes it is given back, fails at the n-th call, and knows what is still
 * out. */
#ifndef BASE_FAILING_MEMORY_H
#define BASE_FAILING_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

struct failing_memory {
    size_t live;        /* octets that are out */
    size_t calls;       /* that asked for memory */
    size_t fail_at;     /* the call that fails, from 1; 0: none */
    bool fails_on;      /* and all after it */
    size_t fail_one_in; /* one in so many fails by chance; 0: none */
    uint32_t chance;
};

static inline bool failing_memory_fails(struct failing_memory *memory)
{
    memory->calls++;
    memory->chance = memory->chance * 1664525U + 1013904223U;
    return memory->calls == memory->fail_at || (memory->fails_on && memory->calls > memory->fail_at) ||
           (memory->fail_one_in != 0 && (memory->chance >> 16) % memory->fail_one_in == 0);
}

static inline void *failing_memory_resize(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    struct failing_memory *memory = ctx;
    size_t *head = ptr != NULL ? (size_t *)(void *)((char *)ptr - 16) : NULL;
    if ((head != NULL ? *head : 0) != old_size)
        abort();
    size_t *fresh = NULL;
    if (new_size > 0) {
        fresh = failing_memory_fails(memory) ? NULL : malloc(new_size + 16);
        if (fresh == NULL)
            return NULL;
        *fresh = new_size;
        memset((char *)fresh + 16, 0xcd, new_size);
        if (ptr != NULL)
            memcpy((char *)fresh + 16, ptr, old_size < new_size ? old_size : new_size);
    }
    if (ptr != NULL)
        memset(ptr, 0xdd, old_size);
    free(head);
    memory->live += new_size - old_size;
    return fresh != NULL ? (char *)fresh + 16 : NULL;
}

static inline weir_allocator failing_memory_allocator(struct failing_memory *memory)
{
    return (weir_allocator){.resize = failing_memory_resize, .ctx = memory};
}

#endif
