/* The totals of all workers, by reading. */
#include "base/ledger_layout.h"
#include "server/server_internal.h"

void weir_server_ledger(const weir_server *server, weir_ledger *ledger)
{
    weir_ledger l = {.size = sizeof l};
    for (unsigned i = 0; i < server->workers_ready; i++) {
        const struct worker *worker = &server->workers[i];
        link_home_add(&worker->home, &l);
        l.accept_pauses += engine_counted(&worker->totals.accept_pauses);
        l.accept_failures += engine_counted(&worker->totals.accept_failures);
    }
    base_ledger_give(ledger, &l);
}
