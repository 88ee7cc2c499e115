#include "exchange/receipts.h"

#include <string.h>

#include "base/alloc.h"

#define CAPACITY_FIRST 16
#define CAPACITY_MAX   1024

void receipts_init(struct receipts *receipts)
{
    *receipts = (struct receipts){.begin = 0};
}

static size_t heap_size(uint32_t capacity)
{
    return sizeof(struct receipts_heap) + capacity * sizeof(struct receipts_run);
}

size_t receipts_memory(const struct receipts *receipts)
{
    return receipts->heap != NULL ? heap_size(receipts->heap->capacity) : 0;
}

static void drop_heap(struct receipts *receipts, const weir_allocator *allocator)
{
    if (receipts->heap != NULL)
        base_release(allocator, receipts->heap, heap_size(receipts->heap->capacity));
    receipts->heap = NULL;
}

void receipts_fini(struct receipts *receipts, const weir_allocator *allocator)
{
    drop_heap(receipts, allocator);
    receipts->single.count = 0;
    receipts->spare = 0;
}

static struct receipts_run *run_at(struct receipts *receipts, bool last)
{
    struct receipts_heap *heap = receipts->heap;
    if (heap == NULL)
        return receipts->single.count > 0 ? &receipts->single : NULL;
    return heap->used > 0 ? &heap->runs[heap->first + (last ? heap->used - 1 : 0)] : NULL;
}

static uint64_t answers_of(const struct receipts_run *run)
{
    return (uint64_t)run->count * ((uint64_t)run->more + 1);
}

static struct receipts_run merged(const struct receipts_run *a, const struct receipts_run *b)
{
    uint64_t more = answers_of(a) + answers_of(b) - 1;
    return (struct receipts_run){
        .size = a->size * a->count + b->size * b->count,
        .count = 1,
        .more = more < UINT32_MAX ? (uint32_t)more : UINT32_MAX,
    };
}

/* Half as many runs, at the front; another look is worth it before they are merged again. */
static void merge(struct receipts_heap *heap)
{
    uint32_t used = 0;
    const struct receipts_run *runs = heap->runs + heap->first;
    for (uint32_t i = 0; i + 1 < heap->used; i += 2)
        heap->runs[used++] = merged(&runs[i], &runs[i + 1]);
    if (heap->used % 2 == 1)
        heap->runs[used++] = runs[heap->used - 1];
    heap->first = 0;
    heap->used = used;
    heap->crowd = used + used / 2;
}

/* Room for one more run on the heap. */
static bool make_room(struct receipts *receipts, const weir_allocator *allocator)
{
    struct receipts_heap *old = receipts->heap;
    if (old != NULL && old->first + old->used < old->capacity)
        return true;
    if (old != NULL && old->first >= old->capacity / 2) {
        memmove(old->runs, old->runs + old->first, old->used * sizeof *old->runs);
        old->first = 0;
        return true;
    }
    if (old != NULL && old->capacity == CAPACITY_MAX) {
        merge(old);
        return true;
    }
    uint32_t capacity = old == NULL ? CAPACITY_FIRST : old->capacity * 2;
    struct receipts_heap *heap = base_alloc(allocator, heap_size(capacity));
    if (heap == NULL)
        return false;
    *heap = (struct receipts_heap){.capacity = capacity, .used = 1, .crowd = CAPACITY_FIRST};
    if (old == NULL) {
        heap->runs[0] = receipts->single;
    } else {
        memcpy(heap->runs, old->runs + old->first, old->used * sizeof *old->runs);
        heap->used = old->used;
        heap->crowd = old->crowd;
    }
    drop_heap(receipts, allocator);
    receipts->heap = heap;
    receipts->single.count = 0;
    return true;
}

bool receipts_push(struct receipts *receipts, const weir_allocator *allocator, uint64_t size)
{
    struct receipts_run *run = run_at(receipts, true);
    if (run != NULL && run->size == size && run->more == 0 && run->count < UINT32_MAX) {
        run->count++;
        return true;
    }
    if (run == NULL && receipts->heap == NULL) {
        receipts->single = (struct receipts_run){.size = size, .count = 1};
        return true;
    }
    if (!make_room(receipts, allocator)) {
        receipts->spare = size;
        return false;
    }
    struct receipts_heap *heap = receipts->heap;
    heap->runs[heap->first + heap->used++] = (struct receipts_run){.size = size, .count = 1};
    return true;
}

bool receipts_is_crowded(const struct receipts *receipts)
{
    const struct receipts_heap *heap = receipts->heap;
    return heap != NULL && heap->used >= heap->crowd;
}

/* The first run; the spare one becomes it when it is the last that is held. */
static struct receipts_run *first_run(struct receipts *receipts)
{
    struct receipts_run *run = run_at(receipts, false);
    if (run == NULL && receipts->spare > 0 && receipts->heap == NULL) {
        receipts->single = (struct receipts_run){.size = receipts->spare, .count = 1};
        receipts->spare = 0;
        run = &receipts->single;
    }
    return run;
}

/* Moves on over `count` answers of the first run. */
static void skip(struct receipts *receipts, const weir_allocator *allocator, struct receipts_run *run, uint32_t count)
{
    receipts->begin += run->size * count;
    run->count -= count;
    struct receipts_heap *heap = receipts->heap;
    if (run->count > 0 || heap == NULL)
        return;
    heap->first++;
    if (--heap->used == 0)
        drop_heap(receipts, allocator);
}

uint64_t receipts_prune(struct receipts *receipts, const weir_allocator *allocator, uint64_t acked)
{
    uint64_t pruned = 0;
    struct receipts_run *run;
    while ((run = first_run(receipts)) != NULL && acked >= receipts->begin + run->size) {
        uint64_t whole = (acked - receipts->begin) / run->size;
        uint32_t count = whole < run->count ? (uint32_t)whole : run->count;
        pruned += count * ((uint64_t)run->more + 1);
        skip(receipts, allocator, run, count);
    }
    struct receipts_heap *heap = receipts->heap;
    if (heap != NULL)
        heap->crowd = heap->used > CAPACITY_FIRST / 2 ? heap->used * 2 : CAPACITY_FIRST;
    return pruned;
}

bool receipts_shift(struct receipts *receipts, const weir_allocator *allocator, uint64_t *begin, uint64_t *end)
{
    struct receipts_run *run = first_run(receipts);
    if (run == NULL)
        return false;
    *begin = receipts->begin;
    *end = receipts->begin + run->size;
    if (run->more > 0) {
        run->more--; /* one of the merged; those that are left have the same octets */
        return true;
    }
    skip(receipts, allocator, run, 1);
    return true;
}

weir_delivery receipts_judge(const struct receipts_facts *facts, uint64_t begin, uint64_t end, bool whole)
{
    const weir_receipt *receipt = facts->receipt;
    if (receipt == NULL || !receipt->known)
        return WEIR_DELIVERY_UNKNOWN;
    if (whole && receipt->acked >= end)
        return WEIR_DELIVERY_DELIVERED;
    if (whole && receipt->left >= end && !facts->fin_first)
        return WEIR_DELIVERY_UNCONFIRMED;
    return receipt->acked > begin ? WEIR_DELIVERY_PARTIAL : WEIR_DELIVERY_LOST;
}
