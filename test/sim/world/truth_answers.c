/* What must hold of the answers: which of them the server wrote, and what became of them, against what it says. */
#include <inttypes.h>

#include "sim.h"
#include "world.h"

/* Of raw peers they are in their places by number; of our client's in the order in which they were taken. */
const struct app_exchange *truth_exchange(const struct world *w, uint16_t port, unsigned number)
{
    const struct app_exchange *all = w->app.exchanges;
    if (!w->with_client)
        return all[number].begun ? &all[number] : NULL;
    for (unsigned i = 0; i < w->app.taken; i++)
        if (all[i].port == port && all[i].number == number)
            return &all[i];
    return NULL;
}

static bool is_whole(const struct world *w, uint16_t port, unsigned number)
{
    const struct app_exchange *x = truth_exchange(w, port, number);
    return x != NULL && x->whole;
}

/* What our client asked on a connection, as the application saw it. */
static void ask_as_taken(const struct world *w, uint16_t port, struct account *a)
{
    for (unsigned i = 0; i < w->app.taken && a->asked_count < READER_ANSWERS_MAX; i++) {
        const struct app_exchange *x = &w->app.exchanges[i];
        if (x->port == port)
            a->asked[a->asked_count++] =
                (struct asked){.number = x->number, .kind = x->kind, .size = x->size, .head = x->head};
    }
    reader_init(&a->reader, a->asked, a->asked_count, false);
    a->reader.refused = true;
}

void truth_read_account(const struct world *w, const struct net_pair *pair, struct account *a)
{
    const struct net_flow *flow = &pair->flows[1];
    a->asked_count = 0;
    if (w->with_client) {
        ask_as_taken(w, pair->port, a);
    } else {
        const struct peer *peer = &w->peers[pair->port - NET_PORT_BASE];
        reader_init(&a->reader, peer->asked, peer->asked_count, peer->garbage);
    }
    if (flow->written > 0)
        reader_feed(&a->reader, flow->octets, flow->written);
    if (flow->fin_queued)
        reader_end(&a->reader);
}

/* The end of the last whole answer to a whole request, or 0: to one that is not whole none is owed. */
static uint64_t owed_end(const struct world *w, const struct reader *r, uint16_t port)
{
    uint64_t end = 0;
    for (unsigned i = 0; i < r->count && i < r->asked_count && !r->any; i++)
        if (is_whole(w, port, r->asked[i].number))
            end = r->answers[i].end;
    return end;
}

static void check_delivered(struct world *w, const weir_ending *e, const struct net_pair *pair, const struct reader *r)
{
    const struct net_flow *out = &pair->flows[1];
    uint64_t owed = owed_end(w, r, pair->port);
    if (e->delivery != WEIR_DELIVERY_DELIVERED)
        return;
    if (out->acked < owed)
        sim_fail("delivered is acknowledged", "%" PRIu64 " of %" PRIu64 " octets are", out->acked, owed);
    if (!reader_is_between(r) && r->has_number && (r->has_length || r->chunked) && is_whole(w, pair->port, r->number))
        sim_fail("delivered is acknowledged", "the answer to %u is not whole", r->number);
}

static void check_unconfirmed(struct world *w, const weir_ending *e, const struct net_pair *pair,
                              const struct reader *r)
{
    const struct net_end *end = &pair->ends[1];
    uint64_t owed = owed_end(w, r, pair->port);
    if (e->delivery != WEIR_DELIVERY_UNCONFIRMED)
        return;
    if (!end->dead)
        return; /* closed in order: the kernel goes on */
    if ((end->was_reset || end->gave_up) && !end->known_dead)
        return; /* the network or the peer ended it when the kernel had been asked */
    if (net_unread(end) > 0 && e->octets_unread == 0)
        return; /* octets came when the kernel had been asked, and made a reset of the close */
    if (end->out->sent < owed)
        sim_fail("unconfirmed has left", "%" PRIu64 " of %" PRIu64 " octets have, and the connection is dead",
                 end->out->sent, owed);
}

/* How many answers are whole in the first `octets` of the stream. `owed`: of whole requests that have a number only. */
static unsigned answers_within(const struct world *w, const struct reader *r, uint16_t port, uint64_t octets, bool owed)
{
    unsigned count = 0;
    for (unsigned i = 0; i < r->count && r->answers[i].end <= octets; i++) {
        bool known = r->answers[i].numbered && i < r->asked_count && is_whole(w, port, r->asked[i].number);
        count += !owed || (known && !r->any);
    }
    return count;
}

void truth_of_delivery(struct world *w, const weir_ending *e, const struct net_pair *pair)
{
    static struct account a;
    truth_read_account(w, pair, &a);
    check_delivered(w, e, pair, &a.reader);
    check_unconfirmed(w, e, pair, &a.reader);
    w->delivered_least += answers_within(w, &a.reader, pair->port, e->octets_acked, true);
    if (!a.reader.has_number)
        reader_end(&a.reader); /* an error in answer to a HEAD may be whole without the end of the stream */
    w->delivered_most += answers_within(w, &a.reader, pair->port, pair->flows[1].acked, false);
}
