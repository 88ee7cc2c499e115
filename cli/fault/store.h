/* What a direction of `weir fault` holds: octets in their order, and when they came.
 *
 * Octets lie in blocks that are taken as they are needed and given back when they are read out; the first one stays, so
 * that there is always room for one more read. All stores of a process share an account of the others. */
#ifndef CLI_FAULT_STORE_H
#define CLI_FAULT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define FAULT_BLOCK_SIZE 65536
/* Times of arrival that a store keeps; with so many it takes no more octets. */
#define FAULT_ARRIVALS_MAX 65536

/* Blocks of all stores, but for the first of each. */
struct fault_account {
    size_t blocks, blocks_max;
};

struct fault_block;

struct fault_arrival {
    uint64_t upto; /* offset in the stream: all octets before it had come */
    uint64_t at_ns;
};

struct fault_store {
    struct fault_account *account; /* kept */
    struct fault_block *first, *last;
    uint64_t head, tail; /* offsets in the stream: octets taken out, octets put in */
    struct fault_arrival *arrivals; /* a ring of arrivals_room; of octets from head to tail */
    size_t arrivals_at, arrivals_count, arrivals_room;
    bool starved; /* there was no memory for more: until something is taken out */
};

/* False without memory; fini is due all the same. */
bool fault_store_open(struct fault_store *store, struct fault_account *account);
void fault_store_fini(struct fault_store *store);

/* Room for the next octets in one piece, at least one of them. Null: not now. */
char *fault_store_space(struct fault_store *store, size_t *size);
/* `count` octets were written there, at `now_ns`, which does not fall. */
void fault_store_put(struct fault_store *store, size_t count, uint64_t now_ns);
/* The first octets, at most `count` of them, in one piece or two. Returns how many pieces. */
int fault_store_front(const struct fault_store *store, size_t count, struct iovec pieces[2]);
void fault_store_take(struct fault_store *store, size_t count);
/* The i-th arrival, from that of the first octet on. Null: there are no more. */
const struct fault_arrival *fault_store_arrival(const struct fault_store *store, size_t i);

#endif
