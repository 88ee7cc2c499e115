/* A connection of `weir fault`: a client that was accepted, a server that was dialled, a pipe each way, and the plan.
 *
 * What happens to it first is its code: the end that one of the peers made, or the fault that its plan had. It is over,
 * and said to be so exactly once, when both peers have ended it and what is to be passed on has been, or when it was
 * reset. */
#ifndef CLI_FAULT_CONN_H
#define CLI_FAULT_CONN_H

#include "fault/address.h"
#include "fault/loop.h"
#include "fault/pipe.h"

/* What happened first, and who did it. Names are API. */
#define FAULT_CODES(X)                                                                                                 \
    X(peer_fin, "a peer's FIN came first; all octets before it were passed on, and then the FIN")                     \
    X(peer_reset, "a peer's reset came first; it was passed on")                                                      \
    X(dial_failed, "the server could not be reached: the client was reset")                                           \
    X(no_resources, "not served: no descriptors or memory of our own")                                                \
    X(stopped, "cut by a second signal, or by the drain's deadline")                                                  \
    X(fault_reset, "reset both sides")                                                                                \
    X(fault_fin, "sent a FIN to both sides")                                                                          \
    X(fault_half_close, "sent a FIN one way")                                                                         \
    X(fault_stall, "forwarded no more one way")                                                                       \
    X(fault_drop, "threw octets away")                                                                                \
    X(fault_refuse, "reset as soon as it was accepted")                                                                \
    X(fault_vanish, "accepted, and never answered")

enum fault_code {
    FAULT_CODE_NONE = -1,
#define X(name, text) FAULT_CODE_##name,
    FAULT_CODES(X)
#undef X
        FAULT_CODE_COUNT
};

enum fault_by {
    FAULT_BY_CLIENT,
    FAULT_BY_SERVER,
    FAULT_BY_FAULT,
    FAULT_BY_OPERATOR,
    FAULT_BY_NETWORK,
    FAULT_BY_KERNEL
};

enum fault_side_name { FAULT_CLIENT = 0, FAULT_SERVER = 1 }; /* what side i sends goes into pipe i */

struct fault_conn;

struct fault_side {
    struct fault_watch watch; /* first: a watch is a side */
    struct fault_conn *conn;
    char address[FAULT_ADDRESS_TEXT];
    bool local;   /* a unix socket */
    bool hung_up; /* error or hang-up seen: no longer watched, reading says what it was */
    bool ending;  /* its FIN was seen while its pipe is not read */
    bool gone;    /* it reset: whatever is written to it is lost */
};

/* What connections share. */
struct fault_proxy;
struct fault_route;

struct fault_conn {
    struct fault_proxy *proxy;
    struct fault_route *route;
    struct fault_conn *next, **link; /* of the proxy's list */
    uint64_t number;      /* among those of its route, from 1 on */
    uint64_t accepted_ns;
    uint64_t planned_ns;  /* a plan's time counts from here: the accept, or when the plan was set */
    struct fault_plan plan;
    struct fault_side sides[2]; /* by fault_side_name */
    struct fault_pipe pipes[2]; /* by fault_way; pipe i is read from side i */
    weir_timer *timer;
    size_t dialled; /* addresses of the server tried so far */
    int dial_os;    /* errno of the last that failed */
    bool connected;
    bool acted;       /* the plan's fault has begun */
    bool resetting;   /* nothing moves any more; a reset goes out once the kernel has delivered what was written */
    uint64_t until_ns; /* of `resetting`, and of the wait after a FIN of ours: then it is cut. 0: no such wait */
    enum fault_code code;
    enum fault_by by;
    int os; /* errno that came with the code */
    bool over;
};

/* Takes the client's descriptor in all cases. Null, and the client closed, without memory. */
struct fault_conn *fault_conn_open(struct fault_route *route, int client, uint64_t number);
/* Its route has other faults now, and it gets those, counted from now: unless a fault has ended it or begun to, or it
 * has vanished. What can only be done when it is accepted is not done to it. It may be over afterwards. */
void fault_conn_replan(struct fault_conn *conn);
/* Cuts it: both sides are reset, and the ending is said. */
void fault_conn_stop(struct fault_conn *conn);
/* Of one that is over, after the round in which it was. */
void fault_conn_free(struct fault_conn *conn);

/* The first one stays. */
void fault_conn_note(struct fault_conn *conn, enum fault_code code, enum fault_by by, int os);
/* Over, both sides closed: reset if `hard`, else in order. */
void fault_conn_finish(struct fault_conn *conn, bool hard, uint64_t now_ns);
/* Moves octets, ends and faults as far as they go now, and waits for what comes next (fault/turn.c). */
void fault_conn_turn(struct fault_conn *conn);

const char *fault_code_name(enum fault_code code);
const char *fault_code_text(enum fault_code code);
/* The ending, as one line of JSON without a newline. */
void fault_conn_json(struct text *text, const struct fault_conn *conn, uint64_t now_ns);

#endif
