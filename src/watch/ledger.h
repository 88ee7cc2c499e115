/* What the three texts of a ledger have in common: its tables by name, and whether it balances. */
#ifndef WATCH_LEDGER_H
#define WATCH_LEDGER_H

#include <weir/server.h>

/* One of the ledger's tables: how often each value of an enumeration was seen. */
struct watch_tally {
    const char *name;  /* of the table: "code" */
    const char *title; /* for people: "endings by code" */
    const uint64_t *counts;
    size_t count;
    const char *(*value_name)(unsigned value);
};

/* Those of the connections, in the order they are shown. */
#define WATCH_ENDED_TALLIES    6
/* Those of the exchanges. */
#define WATCH_EXCHANGE_TALLIES 2
void watch_ledger_ended(struct watch_tally tallies[WATCH_ENDED_TALLIES], const weir_ledger *ledger);
void watch_ledger_exchanges(struct watch_tally tallies[WATCH_EXCHANGE_TALLIES], const weir_ledger *ledger);

uint64_t watch_tally_sum(const struct watch_tally *tally);
/* Connections that ended: the sum over the codes. */
uint64_t watch_ledger_ended_sum(const weir_ledger *ledger);

/* The first equation of the ledger's page that does not hold, as a sentence; null when it balances. */
const char *watch_ledger_imbalance(const weir_ledger *ledger);

#endif
