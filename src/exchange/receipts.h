/* Which answers of a connection were acknowledged: an exact account in little memory.
 *
 * Answers follow each other without a gap in the octets that we send, so an account of their sizes is one of their
 * ends. Equal sizes in a row are one run; what is known to be acknowledged is dropped. An answer to a keep-alive
 * client costs no memory; a heap array appears only when many answers of different sizes are under way, and goes
 * when they are not. It has a bound: with more than a thousand runs neighbours are merged, and each of them is then
 * acknowledged when all are. */
#ifndef EXCHANGE_RECEIPTS_H
#define EXCHANGE_RECEIPTS_H

#include <weir/ending.h>
#include <weir/conn.h>

struct receipts_run {
    uint64_t size;
    uint32_t count;
    uint32_t more; /* so many others are counted with each: neighbours that were merged */
};

struct receipts_heap {
    uint32_t first, used, capacity; /* a window of `runs` */
    uint32_t crowd;                 /* so many in use are worth a look */
    struct receipts_run runs[];
};

struct receipts {
    uint64_t begin;             /* offset of the first answer that is held */
    struct receipts_run single; /* the only run while `heap` is null */
    struct receipts_heap *heap;
    uint64_t spare; /* the size of one answer after all others: its run found no memory */
};

/* What the verdict about one answer depends on. */
struct receipts_facts {
    const weir_receipt *receipt; /* null: the transport does not tell */
    bool fin_first;              /* the peer's FIN came, and then a reset answered our octets */
};

void receipts_init(struct receipts *receipts);
void receipts_fini(struct receipts *receipts, const weir_allocator *allocator);
/* A whole answer of `size` octets, more than none, was queued. False: it was kept, and for the next one there may be no
 * memory: no other may be pushed. */
WEIR_MUST_USE bool receipts_push(struct receipts *receipts, const weir_allocator *allocator, uint64_t size);
/* The runs have doubled since the last TCP_INFO query, so another query is worth its system call. The account is thus at
 * most twice what is under way and one batch, and queries are few. */
bool receipts_is_crowded(const struct receipts *receipts);
/* Octets of memory beyond the struct. */
size_t receipts_memory(const struct receipts *receipts);
/* A look: drops what is acknowledged, 0 if that is not known; returns how many answers. */
uint64_t receipts_prune(struct receipts *receipts, const weir_allocator *allocator, uint64_t acked);
/* Takes the oldest answer out, false if there is none: to judge them one by one at the end. */
bool receipts_shift(struct receipts *receipts, const weir_allocator *allocator, uint64_t *begin, uint64_t *end);
/* The verdict on an answer that takes the octets from `begin` to before `end`; `whole`: all of it was produced. */
weir_delivery receipts_judge(const struct receipts_facts *facts, uint64_t begin, uint64_t end, bool whole);

#endif
