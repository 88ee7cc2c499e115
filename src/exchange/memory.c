/* Memory that lives as long as an exchange: pieces in a list, of which an exchange that asks for none has only the
 * head. */
#include "base/alloc.h"
#include "exchange/engine.h"

struct exchange_piece {
    struct exchange_piece *next;
    size_t size; /* all of it */
    _Alignas(max_align_t) char octets[];
};

/* The user's, past the meter: it is the application that asks, so it is no memory that a connection holds. */
static const weir_allocator *allocator_of(const struct weir_exchange *x)
{
    return &x->engine->config->meter.allocator;
}

void *weir_exchange_alloc(weir_exchange *x, size_t size)
{
    if (size == 0 || size > SIZE_MAX - sizeof(struct exchange_piece))
        return NULL;
    size_t whole = sizeof(struct exchange_piece) + size;
    struct exchange_piece *piece = base_alloc(allocator_of(x), whole);
    if (piece == NULL)
        return NULL;
    piece->next = x->memory;
    piece->size = whole;
    x->memory = piece;
    return piece->octets;
}

void exchange_release_memory(struct weir_exchange *x)
{
    while (x->memory != NULL) {
        struct exchange_piece *piece = x->memory;
        x->memory = piece->next;
        base_release(allocator_of(x), piece, piece->size);
    }
}

void exchange_release_piece(struct weir_exchange *x, void *octets)
{
    for (struct exchange_piece **at = &x->memory; *at != NULL; at = &(*at)->next)
        if ((*at)->octets == octets) {
            struct exchange_piece *piece = *at;
            *at = piece->next;
            base_release(allocator_of(x), piece, piece->size);
            return;
        }
}
