/* Borrowed octets that go back as they leave. An exchange has a ring of loans, in their order. */
#include "base/alloc.h"
#include "exchange/engine.h"

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

void exchange_release_sent(struct weir_exchange *x, uint64_t sent)
{
    while (x->loans != NULL && x->loans->next->end <= sent)
        release_first(x);
}

void exchange_release_all(struct weir_exchange *x)
{
    while (x->loans != NULL)
        release_first(x);
}

struct exchange_loan *exchange_new_loan(const struct weir_exchange *x)
{
    return base_alloc(allocator_of(x), sizeof(struct exchange_loan));
}

void exchange_drop_loan(const struct weir_exchange *x, struct exchange_loan *loan)
{
    base_release(allocator_of(x), loan, sizeof *loan);
}

void exchange_lend(struct weir_exchange *x, struct exchange_loan *loan, weir_str octets, weir_release *release,
                   void *arg)
{
    struct exchange_loan *last = x->loans;
    *loan = (struct exchange_loan){.octets = octets,
                                   .release = release,
                                   .arg = arg,
                                   .end = x->engine->facts->octets_queued};
    loan->next = last != NULL ? last->next : loan;
    if (last != NULL)
        last->next = loan;
    x->loans = loan;
    x->engine->lends = true;
}
