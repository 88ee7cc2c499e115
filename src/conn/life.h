/* The life of a connection: closing is a state machine, not a system call.
 *
 * One table says what each event does in each state; a missing entry means that the event changes nothing there. The
 * states only ever go forward. docs/architecture.md shows them, printed by life_print.
 */
#ifndef CONN_LIFE_H
#define CONN_LIFE_H

#include <stddef.h>
#include <stdint.h>

#define LIFE_STATE_TABLE(X)                                                                                            \
    X(OPEN)      /* exchanges come and go */                                                                           \
    X(FLUSHING)  /* no other exchange; output is pending */                                                            \
    X(ENDING)    /* all is with the kernel: was it acknowledged, can more come? */                                     \
    X(SHUTTING)  /* our FIN is to be sent */                                                                           \
    X(LINGERING) /* our FIN is sent; what comes is read and dropped */                                                 \
    X(CLOSING)   /* nothing is owed any more: close */                                                                 \
    X(ABORTING)  /* close with a reset */                                                                              \
    X(GONE)

#define LIFE_EVENT_TABLE(X)                                                                                            \
    X(LAST)        /* no exchange follows */                                                                           \
    X(FLUSHED)     /* no output is pending */                                                                          \
    X(CONFIRMED)   /* the peer's TCP acknowledged all, and no more of a request can come */                            \
    X(UNCONFIRMED) /* not so, or not known */                                                                          \
    X(SHUT)        /* our FIN is sent */                                                                               \
    X(EXPIRED)     /* a deadline of the close has passed */                                                            \
    X(DEAD)        /* the transport is gone: a reset, or both ends closed */                                           \
    X(CUT)         /* to be reset by us */                                                                             \
    X(CLOSED)      /* the descriptor is closed */

enum life_state {
#define X(name) LIFE_##name,
    LIFE_STATE_TABLE(X)
#undef X
        LIFE_STATE_COUNT
};
enum life_event {
#define X(name) LIFE_EVENT_##name,
    LIFE_EVENT_TABLE(X)
#undef X
        LIFE_EVENT_COUNT
};

enum life_state life_next(enum life_state state, enum life_event event);
/* The diagram as Mermaid text. Terminated, cut at `size`; what snprintf would return. */
int life_print(char *text, size_t size);

#endif
