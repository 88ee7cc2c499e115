/* What one thread of `weir load` counted, and all of them together. */
#ifndef CLI_LOAD_TALLY_H
#define CLI_LOAD_TALLY_H

#include "load/histogram.h"
#include "load/end.h"
#include "load/gone.h"
#include "load/scenario.h"

/* Equal values one after another, recorded together: what was pipelined in one write is answered in one read. */
struct load_repeated {
    uint64_t value, count;
};

#define LOAD_STATUS_COUNT 1000 /* three digits */

/* Of one scenario of a mix. */
struct load_scenario_tally {
    uint64_t connections;
    uint64_t exchanges;
    uint64_t complete;
};

struct load_tally {
    enum load_reason reason; /* why the run ended */

    /* Connections. opened = the sum of by_outcome once the run is over. */
    uint64_t dialled;
    uint64_t opened;
    uint64_t failed[WEIR_CODE_COUNT]; /* dials that came to nothing, by code */
    uint64_t by_code[WEIR_CODE_COUNT];
    uint64_t by_outcome[LOAD_OUTCOME_COUNT];
    uint64_t by_class[WEIR_CLASS_COUNT];
    uint64_t by_delivery[WEIR_DELIVERY_COUNT];
    uint64_t octets_in, octets_out;

    /* Exchanges: all of them, the warm-up's too. */
    uint64_t begun;
    uint64_t exchanges[WEIR_CODE_COUNT]; /* by the code of their ending */
    uint64_t status[LOAD_STATUS_COUNT];  /* whole answers by their status */
    uint64_t cut_as_asked;               /* ended by an end that leaves its answer: no errors */
    uint64_t not_as_expected;            /* another status than --expect-status */
    uint64_t planned_unsent;             /* open loop: their instant had come, and nothing was free to send them */

    /* Answers to requests sent after the warm-up and before the end of the run: the rate, and the latencies. */
    uint64_t measured;
    uint64_t measured_ns;
    uint64_t measured_octets; /* of all answers, heads too, that came in this time */

    uint64_t errors[WEIR_CODE_COUNT]; /* exchanges, dials and connections that broke, by code; each once */
    struct load_scenario_tally scenarios[LOAD_SCENARIOS_MAX];

    struct histogram latency;     /* from the write, or the planned instant, to the last octet of the answer */
    struct histogram first_octet; /* from the same to the first */
    struct load_repeated latency_last, first_octet_last; /* not in them yet: see load_tally_settle */
    struct histogram connect;     /* from the dial to the connection */
};

/* False: no memory; fini is due all the same. */
WEIR_MUST_USE bool load_tally_init(struct load_tally *tally);
void load_tally_fini(struct load_tally *tally);
/* False: a histogram is full. */
WEIR_MUST_USE bool load_tally_add(struct load_tally *into, const struct load_tally *from);
/* Records what load_tally_record holds back. */
void load_tally_settle(struct load_tally *tally);
uint64_t load_tally_errors(const struct load_tally *tally);
/* Requests that were to be sent, and were not: of `requests` (-n), or where that is UINT64_MAX of an open loop's
 * plan. */
uint64_t load_tally_unsent(const struct load_tally *tally, uint64_t requests);
/* Whole answers whose status begins with that digit; 0: with none of 1 to 5. */
uint64_t load_tally_status_class(const struct load_tally *tally, unsigned digit);
/* Measured answers a second. */
double load_tally_rate(const struct load_tally *tally);

static inline void load_tally_record(struct histogram *h, struct load_repeated *last, uint64_t value)
{
    if (value != last->value) {
        if (last->count > 0)
            histogram_record_many(h, last->value, last->count);
        *last = (struct load_repeated){.value = value};
    }
    last->count++;
}

#endif
