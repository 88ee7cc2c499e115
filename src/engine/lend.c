/* weir_write_lend: borrowed octets that go back as they leave. An exchange has a ring of loans, in their order. */
#include "base/alloc.h"
#include "engine/engine.h"

struct exchange_loan {
    struct exchange_loan *next; /* of the last one: the first */
    weir_str octets;
    weir_release *release;
    void *arg;
    uint64_t end; /* offset behind it in all that the connection sends */
};

/* The user's, past the meter: as many as the application asks for, and small. */
static const weir_allocator *allocator_of(const struct weir_exchange *x)
{
    return &x->engine->config->meter.allocator;
}

static void release_first(struct weir_exchange *x)
{
    struct exchange_loan *last = x->loans, *first = last->next;
    const struct exchange_loan loan = *first;
    last->next = first->next;
    if (first == last)
        x->loans = NULL;
    base_release(allocator_of(x), first, sizeof *first);
    loan.release(loan.arg, loan.octets);
}

static void release_sent(const struct engine *engine, struct weir_exchange *x)
{
    while (x->loans != NULL && (engine->out_dead || x->loans->next->end <= engine->facts->octets_sent))
        release_first(x);
}

void engine_release_sent(struct engine *engine)
{
    if (engine->unsent_first != NULL)
        release_sent(engine, engine->unsent_first);
    if (engine->current != NULL)
        release_sent(engine, engine->current);
}

void exchange_release_all(struct weir_exchange *x)
{
    while (x->loans != NULL)
        release_first(x);
}

weir_code weir_write_lend(weir_exchange *x, weir_str octets, weir_release *release, void *arg)
{
    struct engine *engine = x->engine;
    if (release == NULL || engine->current != x)
        return WEIR_CODE_misuse;
    struct exchange_loan *loan = base_alloc(allocator_of(x), sizeof *loan);
    if (loan == NULL)
        return WEIR_CODE_no_memory;
    weir_code code = weir_write_borrow(x, octets);
    /* Without memory the octets may be queued all the same: they go back at the end of the exchange, which is near. */
    if (code != WEIR_OK && code != WEIR_CODE_no_memory) {
        base_release(allocator_of(x), loan, sizeof *loan);
        return code;
    }
    struct exchange_loan *last = x->loans;
    *loan =
        (struct exchange_loan){.octets = octets, .release = release, .arg = arg, .end = engine->facts->octets_queued};
    loan->next = last != NULL ? last->next : loan;
    if (last != NULL)
        last->next = loan;
    x->loans = loan;
    engine->lends = true;
    engine_wake(engine);
    return WEIR_OK;
}
