/* weir/ledger.h: the account of all connections and exchanges of a server or a client. It balances. */
#ifndef WEIR_LEDGER_H
#define WEIR_LEDGER_H

#include <weir/ending.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Totals since the start. They balance at any quiet moment:
 *     accepted = alive + the sum of ended_by_code
 *     exchanges_begun = those under way + exchanges_done
 *     octets_queued = octets_acked + octets_unacked + octets_unsent + octets_in_flight (of the living)
 *
 * Its arrays have room for the values of later versions. A program built with 0.1 has shorter arrays, and is known
 * by its `size`: values that it does not have are then counted at `ok`, `dial`, `error`, `self` and `unknown`, so
 * that the sums hold. */
typedef struct weir_ledger {
    size_t size; /* to be set before each call that takes it, reading ones too */
    uint64_t accepted; /* of a client: dialled */
    uint64_t alive;
    uint64_t idle;
    uint64_t exchanges_begun;
    uint64_t exchanges_done;
    uint64_t exchanges_by_delivery[WEIR_DELIVERY_MAX]; /* of connections that ended, and acknowledged ones of others */
    uint64_t octets_in;
    uint64_t octets_queued; /* for the peers: answers, heads and all */
    uint64_t octets_acked;
    uint64_t octets_unacked; /* with the kernel when the connection ended, not acknowledged */
    uint64_t octets_unsent;  /* never taken by the kernel */
    uint64_t octets_in_flight;
    uint64_t ended_by_code[WEIR_CODE_MAX];
    uint64_t ended_by_stage[WEIR_STAGE_MAX];
    uint64_t ended_by_how[WEIR_HOW_MAX];
    uint64_t ended_by_by[WEIR_BY_MAX];
    uint64_t ended_by_delivery[WEIR_DELIVERY_MAX];
    uint64_t ended_by_class[WEIR_CLASS_COUNT];
    uint64_t exchanges_by_code[WEIR_CODE_MAX];
    uint64_t responses_by_status[6]; /* 1xx in [1] to 5xx in [5]; [0] unused */
    uint64_t accept_pauses;          /* times that accepting paused: connection limit or descriptors */
    uint64_t accept_failures;        /* shortages, and connections that could not be kept */
    uint64_t trailers_dropped;       /* trailer fields that came and may not be trailers: not shown */
} weir_ledger;

/* The ledger as one JSON object; as text for people; as OpenMetrics. Terminated, cut at `size`; what snprintf would. */
WEIR_API int weir_ledger_json(const weir_ledger *ledger, char *text, size_t size);
WEIR_API int weir_ledger_text(const weir_ledger *ledger, char *text, size_t size);
WEIR_API int weir_ledger_metrics(const weir_ledger *ledger, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
