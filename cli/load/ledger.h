/* The server's side of a run: its ledger before and after, and what of it matches what happened here. */
#ifndef CLI_LOAD_LEDGER_H
#define CLI_LOAD_LEDGER_H

#include "load/fetch.h"
#include "load/tally.h"

/* What a ledger counts, or the difference of two. */
struct load_ledger {
    uint64_t accepted, alive;
    uint64_t by_code[WEIR_CODE_COUNT];
    uint64_t unknown_codes; /* connections with a code that this program does not know */
    uint64_t exchanges_begun, exchanges_done;
    uint64_t fetched, dials; /* of the fetching itself, up to this ledger */
};

/* Connections of one outcome here that ended with one code there. */
struct load_ledger_row {
    uint64_t count;
    int outcome; /* enum load_outcome; -1: nothing here accounts for it */
    int code;    /* enum weir_code; -1: nothing there does */
};

#define LOAD_LEDGER_ROWS_MAX (LOAD_OUTCOME_COUNT + 2 * WEIR_CODE_COUNT)

struct load_ledger_table {
    struct load_ledger server; /* what it counted of the run */
    uint64_t opened, begun;    /* what was counted here */
    struct load_ledger_row rows[LOAD_LEDGER_ROWS_MAX];
    size_t row_count;
    bool matches;
};

/* Fetches and reads it. Its own connection is kept, so that it is alive in both ledgers and ended in neither. */
WEIR_MUST_USE bool load_ledger_fetch(struct load_ledger *ledger, struct load_fetch *fetch, char *error,
                                     size_t error_size);
/* The ledger after the run, once as many connections are alive as before, or after `patience_ns`; less what was before
 * and what the fetching itself made. */
WEIR_MUST_USE bool load_ledger_after(struct load_ledger *difference, struct load_fetch *fetch,
                                     const struct load_ledger *before, uint64_t opened, uint64_t patience_ns,
                                     char *error, size_t error_size);
void load_ledger_match(struct load_ledger_table *table, const struct load_ledger *server,
                       const struct load_tally *tally);
void load_ledger_text(struct text *out, const struct load_ledger_table *table);
void load_ledger_json(struct text *out, const struct load_ledger_table *table);

#endif
