/* What holds of the chunked decoder for any octets, checked for the unit test and the fuzz target alike: how the octets
 * are cut, and how little content is asked for at a time, changes nothing of what comes out. A breach aborts. */
#ifndef H1_CHUNKED_CHECK_H
#define H1_CHUNKED_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/chunked.h"

#define CHUNKED_MUST(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* What a body came to. */
struct chunked_outcome {
    enum h1_chunked_event event; /* the last one: NEED_MORE, END or ERROR */
    weir_code code;
    size_t used; /* octets until then */
    size_t size;
    char *content; /* of malloc */
};

/* How to cut: the next piece of octets and the content to ask for, from a chance; zero most means all. */
struct chunked_cut {
    size_t piece_most;
    size_t data_most;
    uint32_t chance;
};

static inline size_t chunked_next(struct chunked_cut *cut, size_t most, size_t all)
{
    if (most == 0)
        return all;
    cut->chance = cut->chance * 1664525U + 1013904223U;
    size_t size = 1 + (cut->chance >> 16) % most;
    return size < all ? size : all;
}

/* Feeds one piece, in memory of its own size, until it is used up. False when the body has come to its end. */
static inline bool chunked_feed(struct h1_chunked *chunked, struct chunked_outcome *out, const char *octets,
                                size_t size, struct chunked_cut *cut)
{
    char *piece = malloc(size > 0 ? size : 1);
    CHUNKED_MUST(piece != NULL);
    if (size > 0)
        memcpy(piece, octets, size);
    size_t at = 0;
    do {
        struct h1_chunked_step step =
            h1_chunked_step(chunked, piece + at, size - at, chunked_next(cut, cut->data_most, SIZE_MAX));
        CHUNKED_MUST(step.used <= size - at);
        at += step.used;
        out->used += step.used;
        out->event = step.event;
        out->code = step.code;
        if (step.event == H1_CHUNKED_DATA) {
            CHUNKED_MUST(step.data.len > 0 && step.data.ptr + step.data.len == piece + at);
            memcpy(out->content + out->size, step.data.ptr, step.data.len);
            out->size += step.data.len;
        }
    } while (out->event == H1_CHUNKED_DATA);
    CHUNKED_MUST(out->event != H1_CHUNKED_NEED_MORE || at == size);
    free(piece);
    return out->event == H1_CHUNKED_NEED_MORE;
}

static inline struct chunked_outcome chunked_run(const char *octets, size_t size, uint32_t extension_size_max,
                                                 bool lenient, struct chunked_cut cut)
{
    struct chunked_outcome out = {.content = malloc(size + 1)};
    struct h1_chunked chunked;
    CHUNKED_MUST(out.content != NULL);
    h1_chunked_init(&chunked, extension_size_max, lenient);
    size_t at = 0;
    bool more = true;
    while (more && at < size) {
        size_t piece = chunked_next(&cut, cut.piece_most, size - at);
        more = chunked_feed(&chunked, &out, octets + at, piece, &cut);
        at += piece;
    }
    if (!more) {
        /* It goes on saying so, and takes nothing more. */
        struct h1_chunked_step step = h1_chunked_step(&chunked, octets, size, SIZE_MAX);
        CHUNKED_MUST(step.event == out.event && step.code == out.code && step.used == 0);
    }
    return out;
}

/* Whole, octet by octet, and cut by chance. The caller frees the content. */
static inline struct chunked_outcome chunked_check(const char *octets, size_t size, uint32_t extension_size_max,
                                                   bool lenient, uint32_t chance)
{
    static const struct chunked_cut cuts[] = {{1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {3, 0, 0}, {17, 5, 0}, {0, 40, 0}};
    struct chunked_outcome whole = chunked_run(octets, size, extension_size_max, lenient, (struct chunked_cut){0});
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        struct chunked_cut cut = cuts[i];
        cut.chance = chance;
        struct chunked_outcome other = chunked_run(octets, size, extension_size_max, lenient, cut);
        CHUNKED_MUST(other.event == whole.event && other.code == whole.code && other.used == whole.used);
        CHUNKED_MUST(other.size == whole.size && memcmp(other.content, whole.content, whole.size) == 0);
        free(other.content);
    }
    return whole;
}

#endif
