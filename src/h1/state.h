/* The states of both ends of an HTTP/1 connection, and the only place that changes them.
 *
 * Role-blind: the same two machines run in a server and in a client; each sees what it does and what the peer does as
 * events of one party or the other. A missing entry of the table means that the event is refused. The machines are
 * coupled (a request makes the server owe a response; both done begins the next exchange): the couplings are a second
 * table, run until nothing moves. docs/architecture.md shows both, printed by h1_states_print.
 */
#ifndef H1_STATE_H
#define H1_STATE_H

#include <weir/base.h>

enum h1_party { H1_CLIENT = 0, H1_SERVER = 1 };

#define H1_STATE_TABLE(X)                                                                                              \
    X(IDLE)     /* nothing of this exchange yet */                                                                     \
    X(OWES)     /* the server has a request, or the head of one, and no final response yet */                          \
    X(SENDS)    /* within a message */                                                                                 \
    X(DONE)     /* the message is whole; the connection may go on */                                                   \
    X(ASKS)     /* the client's message is whole and asks to switch protocols */                                       \
    X(SWITCHED) /* octets of another protocol */                                                                       \
    X(LAST)     /* the message is whole, and no other may follow */                                                    \
    X(CLOSED)   /* FIN */                                                                                              \
    X(BROKEN)   /* what was sent makes no sense; nothing after it can be understood */

#define H1_EVENT_TABLE(X)                                                                                              \
    X(REQUEST)  /* a request's head */                                                                                 \
    X(INTERIM)  /* an interim response */                                                                              \
    X(RESPONSE) /* a final response's head */                                                                          \
    X(SWITCH)   /* 101, or a 2xx to CONNECT */                                                                         \
    X(DATA)                                                                                                            \
    X(END)                                                                                                             \
    X(FIN)                                                                                                             \
    X(ERROR)

enum h1_state {
#define X(name) H1_##name,
    H1_STATE_TABLE(X)
#undef X
        H1_STATE_COUNT
};

enum h1_event {
#define X(name) H1_EVENT_##name,
    H1_EVENT_TABLE(X)
#undef X
        H1_EVENT_COUNT
};

struct h1_states {
    uint8_t of[2];    /* enum h1_state, by party */
    bool last;        /* no exchange follows this one */
    bool asks_switch; /* the request proposed a switch */
};

void h1_states_init(struct h1_states *states);

/* The table, and a short cut through the couplings: of ones that need no condition, the server states that some
 * coupling of this client state is about. Here so that an event is a look and a store. */
#define H1_REFUSED 0xff
extern const uint8_t h1_transitions[2][H1_STATE_COUNT][H1_EVENT_COUNT];
extern const uint16_t h1_coupled[3][H1_STATE_COUNT];
/* Runs the couplings to their fixed point. */
void h1_states_couple(struct h1_states *states);

static inline bool h1_states_allow(const struct h1_states *states, enum h1_party party, enum h1_event event)
{
    return h1_transitions[party][states->of[party]][event] != H1_REFUSED;
}

/* What `party` does. False: not allowed now; nothing changed. */
WEIR_MUST_USE static inline bool h1_states_event(struct h1_states *states, enum h1_party party, enum h1_event event)
{
    uint8_t next = h1_transitions[party][states->of[party]][event];
    if (next == H1_REFUSED)
        return false;
    if (next == states->of[party])
        return true;
    states->of[party] = next;
    if (states->last || states->asks_switch || (h1_coupled[0][states->of[H1_CLIENT]] >> states->of[H1_SERVER] & 1))
        h1_states_couple(states);
    return true;
}
/* This exchange is the last. */
void h1_states_set_last(struct h1_states *states);
/* The request proposes to switch protocols: to be told before its END. */
void h1_states_ask_switch(struct h1_states *states);
/* Both parties are done: the next exchange may begin. */
static inline bool h1_states_may_recycle(const struct h1_states *states)
{
    return states->of[H1_CLIENT] == H1_DONE && states->of[H1_SERVER] == H1_DONE;
}
void h1_states_recycle(struct h1_states *states);

/* The short cut through the couplings agrees with their table: for the test. */
bool h1_states_check(void);
/* The diagram as Mermaid text, for the docs. Terminated, cut at `size`; what snprintf would. */
int h1_states_print(char *text, size_t size);

#endif
