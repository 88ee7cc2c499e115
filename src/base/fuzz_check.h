/* What the fuzz targets of this tree have in common: a check that aborts, memory that ends where its octets end, and
 * the taking of choices from an input. */
#ifndef BASE_FUZZ_CHECK_H
#define BASE_FUZZ_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/base.h>

#define FUZZ_MUST(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* In memory of that size exactly, so that a sanitizer sees a read beyond it; the caller frees it. Never null. */
static inline char *fuzz_copy(const void *octets, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    FUZZ_MUST(copy != NULL);
    if (size > 0)
        memcpy(copy, octets, size);
    return copy;
}

static inline bool fuzz_same(weir_str a, weir_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool fuzz_within(weir_str part, weir_str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

/* Choices: octets of the input one after another, zeros when they are over. */
struct fuzz_choices {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_take(struct fuzz_choices *from)
{
    if (from->left == 0)
        return 0;
    from->left--;
    return *from->at++;
}

#endif
