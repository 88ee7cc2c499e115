/* The account of a home: kept on its thread, added up on any. */
#include "link/link.h"

void link_home_count(struct link_home *home, const weir_ending *ending)
{
    struct link_totals *totals = &home->totals;
    engine_count(&totals->ended_by_code[ending->code], 1);
    engine_count(&totals->ended_by_stage[ending->stage], 1);
    engine_count(&totals->ended_by_how[ending->how], 1);
    engine_count(&totals->ended_by_by[ending->by], 1);
    engine_count(&totals->ended_by_delivery[ending->delivery], 1);
    engine_count(&totals->ended_by_class[ending->judged], 1);
}

static void add(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += engine_counted(&from[i]);
}

static void add_engines(weir_ledger *l, const struct exchange_totals *t)
{
    l->exchanges_begun += engine_counted(&t->exchanges_begun);
    l->exchanges_done += engine_counted(&t->exchanges_done);
    l->octets_in += engine_counted(&t->octets_in);
    l->octets_queued += engine_counted(&t->octets_queued);
    l->octets_acked += engine_counted(&t->octets_acked);
    l->octets_unacked += engine_counted(&t->octets_unacked);
    l->octets_unsent += engine_counted(&t->octets_unsent);
    add(l->exchanges_by_delivery, t->exchanges_by_delivery, WEIR_DELIVERY_COUNT);
    add(l->exchanges_by_code, t->exchanges_by_code, WEIR_CODE_COUNT);
    add(l->responses_by_status, t->responses_by_status, 6);
    l->trailers_dropped += engine_counted(&t->trailers_dropped);
}

void link_home_add(const struct link_home *home, weir_ledger *l)
{
    const struct link_totals *t = &home->totals;
    add_engines(l, &home->config.totals);
    l->accepted += engine_counted(&t->opened);
    l->idle += engine_counted(&home->idle);
    add(l->ended_by_code, t->ended_by_code, WEIR_CODE_COUNT);
    add(l->ended_by_stage, t->ended_by_stage, WEIR_STAGE_COUNT);
    add(l->ended_by_how, t->ended_by_how, WEIR_HOW_COUNT);
    add(l->ended_by_by, t->ended_by_by, WEIR_BY_COUNT);
    add(l->ended_by_delivery, t->ended_by_delivery, WEIR_DELIVERY_COUNT);
    add(l->ended_by_class, t->ended_by_class, WEIR_CLASS_COUNT);
    uint64_t ended = 0;
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++)
        ended += l->ended_by_code[i];
    l->alive = l->accepted - ended;
    l->octets_in_flight = l->octets_queued - l->octets_acked - l->octets_unacked - l->octets_unsent;
}

/* --- what an exchange knows of where it is ---------------------------------------------------------------------- */

weir_loop *weir_exchange_loop(const weir_exchange *x)
{
    return BASE_CONTAINER(x->engine->config, struct link_home, config)->loop;
}

weir_address weir_exchange_peer(const weir_exchange *x)
{
    weir_address peer = {.family = 0};
    if (x->engine->facts->id != 0)
        link_peer(link_of_exchange(x), &peer);
    return peer;
}
