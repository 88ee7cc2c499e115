/* How `weir load` ends a connection on purpose, and what the server's ledger should say of it. */
#ifndef CLI_LOAD_END_H
#define CLI_LOAD_END_H

#include <weir/weir.h>

/*     X(identifier, name, with_request, text)
 *
 * with_request: the end begins with the last request, which must therefore be known to be the last when it is sent. */
#define LOAD_END_TABLE(X)                                                                                              \
    X(DRAIN, "drain", false, "every answer owed is taken, then FIN, then the server's FIN is waited for")              \
    X(FIN, "fin", false, "the last answer is taken, then closed without waiting")                                      \
    X(HALF, "half", true, "the last request carries our FIN, then its answer is taken")                                \
    X(RST, "rst", false, "the last answer is taken, then reset")                                                       \
    X(RST_AFTER, "rst-after", true, "reset after so many octets of the last answer")                                   \
    X(STALL, "stall", true, "after the last request nothing is read until the server gives up")                        \
    X(LEAVE, "leave", true, "the last request is sent, and closed without reading")

enum load_end {
#define X(identifier, name, with_request, text) LOAD_END_##identifier,
    LOAD_END_TABLE(X)
#undef X
        LOAD_END_COUNT
};

/* What became of a connection, as the report and the comparison with the server count it: an end of ours as it was
 * asked for (the values of load_end), or one of these. */
enum load_outcome {
    LOAD_OUTCOME_UNUSED = LOAD_END_COUNT, /* nothing was asked on it before the run was over: closed */
    LOAD_OUTCOME_BY_SERVER,               /* the server ended it first, in order */
    LOAD_OUTCOME_STOPPED,                 /* cut because the run was stopped */
    LOAD_OUTCOME_FAILED,                  /* it broke: see errors */
    LOAD_OUTCOME_COUNT
};

/* How long a connection is used and how it ends. */
struct load_life {
    enum load_end end;
    uint64_t octets;        /* of rst-after */
    uint64_t exchanges_max; /* UINT64_MAX: as long as the run */
    uint64_t age_max_ns;    /* UINT64_MAX: the same; its next request is its last */
};

const char *load_end_name(enum load_end end);
const char *load_end_text(enum load_end end);
bool load_end_is_with_request(enum load_end end);
const char *load_outcome_name(enum load_outcome outcome);

#define LOAD_END_EXPECTED      "one of: drain fin half rst rst-after=OCTETS stall leave"
#define LOAD_PER_CONN_EXPECTED "a number of exchanges, or a time such as 5s"

/* `drain`, ..., `rst-after=OCTETS`. False: it is none of them. */
bool load_end_parse(const char *text, struct load_life *life);
/* N exchanges, or a time such as 5s. False: it is neither. */
bool load_per_conn_parse(const char *text, struct load_life *life);

/* May a server's ledger say `code` of a connection with this outcome? */
bool load_outcome_explains(enum load_outcome outcome, weir_code code);

#endif
