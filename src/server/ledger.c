/* The totals of all workers, by reading. */
#include <string.h>

#include "server/server_internal.h"

static void add(uint64_t *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += engine_counted(&from[i]);
}

static void add_engines(weir_ledger *l, const struct engine_totals *t)
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
}

static void add_connections(weir_ledger *l, const struct worker_totals *t)
{
    l->accepted += engine_counted(&t->accepted);
    l->accept_pauses += engine_counted(&t->accept_pauses);
    l->accept_failures += engine_counted(&t->accept_failures);
    add(l->ended_by_code, t->ended_by_code, WEIR_CODE_COUNT);
    add(l->ended_by_stage, t->ended_by_stage, WEIR_STAGE_COUNT);
    add(l->ended_by_how, t->ended_by_how, WEIR_HOW_COUNT);
    add(l->ended_by_by, t->ended_by_by, WEIR_BY_COUNT);
    add(l->ended_by_delivery, t->ended_by_delivery, WEIR_DELIVERY_COUNT);
    add(l->ended_by_class, t->ended_by_class, WEIR_CLASS_COUNT);
}

void weir_server_ledger(const weir_server *server, weir_ledger *ledger)
{
    weir_ledger l = {.size = sizeof l};
    for (unsigned i = 0; i < server->workers_ready; i++) {
        const struct worker *worker = &server->workers[i];
        add_connections(&l, &worker->totals);
        add_engines(&l, &worker->home.config.totals);
        l.idle += engine_counted(&worker->home.idle);
    }
    uint64_t ended = 0;
    for (size_t i = 0; i < WEIR_CODE_COUNT; i++)
        ended += l.ended_by_code[i];
    l.alive = l.accepted - ended;
    l.octets_in_flight = l.octets_queued - l.octets_acked - l.octets_unacked - l.octets_unsent;
    size_t size = ledger->size;
    memcpy(ledger, &l, size < sizeof l ? size : sizeof l);
    ledger->size = size;
}
