/* What is known of a connection from its first to its last moment: small, because an idle connection is little more. */
#ifndef EXCHANGE_FACTS_H
#define EXCHANGE_FACTS_H

#include "base/trace.h"
#include "exchange/receipts.h"

struct engine_facts {
    uint64_t id; /* of the connection, from 1 */
    uint64_t octets_in;
    uint64_t octets_queued; /* appended to the output, less what was dropped before it was of use */
    uint64_t octets_sent;   /* taken by the transport */
    uint64_t exchanges_begun;
    void *user; /* of the application: weir_exchange_set_connection_user */
    struct receipts receipts;
    weir_trace trace;
    uint32_t exchanges_over; /* of those begun, counted where each ends; modulo 2^32, as few are under way at once */
    int16_t os;          /* the first errno */
    uint8_t cause;       /* weir_code: why the connection ends; the first cause wins; 0: none yet */
    uint8_t cause_stage; /* weir_stage at that moment */
    uint8_t last_code;   /* weir_code: why no exchange follows the present one; 0: one may */
    bool fin_seen : 1;
    bool fin_before_answer : 1; /* ... while no octet of an owed answer was queued */
    bool reset_seen : 1;
    bool no_more_input : 1; /* the peer promised to send no other request (close, HTTP/1.0) */
    bool answer_cut : 1;    /* an answer that was owed is not whole in the output, and never will be */
    bool tunnel : 1;
    bool draining : 1;
    bool looked : 1; /* the acknowledgements were asked for since the last answer: asking again helps nobody */
};

#endif
