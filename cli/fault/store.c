#include "fault/store.h"

#include <assert.h>
#include <stdlib.h>

#define ARRIVALS_ROOM 16 /* to begin with */

struct fault_block {
    struct fault_block *next;
    size_t begin, end; /* octets that are there */
    char octets[FAULT_BLOCK_SIZE];
};

static struct fault_block *new_block(void)
{
    struct fault_block *block = malloc(sizeof(*block));
    if (block == NULL)
        return NULL;
    block->next = NULL;
    block->begin = block->end = 0;
    return block;
}

bool fault_store_open(struct fault_store *store, struct fault_account *account)
{
    *store = (struct fault_store){.account = account, .arrivals_room = ARRIVALS_ROOM};
    store->first = store->last = new_block();
    store->arrivals = calloc(ARRIVALS_ROOM, sizeof(*store->arrivals));
    return store->first != NULL && store->arrivals != NULL;
}

static void drop_first(struct fault_store *store)
{
    struct fault_block *block = store->first;
    store->first = block->next;
    free(block);
    if (store->first != NULL)
        store->account->blocks--;
}

void fault_store_fini(struct fault_store *store)
{
    while (store->first != NULL)
        drop_first(store);
    free(store->arrivals);
    *store = (struct fault_store){.account = store->account};
}

static bool add_block(struct fault_store *store)
{
    if (store->account->blocks >= store->account->blocks_max)
        return false;
    struct fault_block *block = new_block();
    if (block == NULL)
        return false;
    store->account->blocks++;
    store->last->next = block;
    store->last = block;
    return true;
}

static bool grow_arrivals(struct fault_store *store)
{
    if (store->arrivals_room >= FAULT_ARRIVALS_MAX)
        return false;
    struct fault_arrival *grown = calloc(2 * store->arrivals_room, sizeof(*grown));
    if (grown == NULL)
        return false;
    for (size_t i = 0; i < store->arrivals_count; i++)
        grown[i] = *fault_store_arrival(store, i);
    free(store->arrivals);
    store->arrivals = grown;
    store->arrivals_at = 0;
    store->arrivals_room *= 2;
    return true;
}

char *fault_store_space(struct fault_store *store, size_t *size)
{
    bool times = store->arrivals_count < store->arrivals_room || grow_arrivals(store);
    if (!times || (store->last->end == FAULT_BLOCK_SIZE && !add_block(store))) {
        store->starved = true;
        return NULL;
    }
    *size = FAULT_BLOCK_SIZE - store->last->end;
    return store->last->octets + store->last->end;
}

void fault_store_put(struct fault_store *store, size_t count, uint64_t now_ns)
{
    store->last->end += count;
    store->tail += count;
    size_t last = (store->arrivals_at + store->arrivals_count - 1) % store->arrivals_room;
    if (store->arrivals_count == 0 || store->arrivals[last].at_ns != now_ns) {
        last = (store->arrivals_at + store->arrivals_count) % store->arrivals_room;
        store->arrivals_count++;
    }
    store->arrivals[last] = (struct fault_arrival){store->tail, now_ns};
}

int fault_store_front(const struct fault_store *store, size_t count, struct iovec pieces[2])
{
    struct fault_block *block = store->first;
    int used = 0;
    for (; used < 2 && block != NULL && count > 0; block = block->next) {
        size_t length = block->end - block->begin;
        if (length > count)
            length = count;
        if (length > 0)
            pieces[used++] = (struct iovec){.iov_base = block->octets + block->begin, .iov_len = length};
        count -= length;
    }
    return used;
}

static void take_times(struct fault_store *store)
{
    while (store->arrivals_count > 0 && store->arrivals[store->arrivals_at].upto <= store->head) {
        store->arrivals_at = (store->arrivals_at + 1) % store->arrivals_room;
        store->arrivals_count--;
    }
}

void fault_store_take(struct fault_store *store, size_t count)
{
    assert(count <= store->tail - store->head);
    store->head += count;
    while (count > 0) {
        struct fault_block *block = store->first;
        size_t length = block->end - block->begin;
        if (length > count)
            length = count;
        block->begin += length;
        count -= length;
        if (block->begin < block->end)
            continue;
        if (block->next != NULL)
            drop_first(store);
        else
            block->begin = block->end = 0;
    }
    take_times(store);
    store->starved = false;
}

const struct fault_arrival *fault_store_arrival(const struct fault_store *store, size_t i)
{
    return i < store->arrivals_count ? &store->arrivals[(store->arrivals_at + i) % store->arrivals_room] : NULL;
}
