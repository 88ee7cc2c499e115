/* The oracle of time: when what happened to a connection, as its loop's clock said, and whether an ending by the
 * clock came neither before its time nor long after. It is told by the calls that the library makes and by the
 * application, and knows nothing of the library's own deadlines. */
#ifndef SIM_TIMES_H
#define SIM_TIMES_H

#include <weir/ending.h>
#include <weir/limits.h>
#include <weir/loop.h>

#include "peer.h"

enum times_what {
    TIMES_OPENED,
    TIMES_READ,
    TIMES_WROTE,
    TIMES_BLOCKED, /* the first write that the kernel refused since the last that it took */
    TIMES_SHUT,
    TIMES_HEAD,  /* the application was given a request */
    TIMES_WHOLE, /* and its end */
    TIMES_ANSWERED,
    TIMES_RESUMED, /* it takes the content again */
    TIMES_DONE,
    TIMES_COUNT
};

struct stamp {
    uint64_t ns;      /* of the loop; 0: it has not happened */
    uint64_t late_ns; /* net_late at that moment */
};

/* Of one end of a connection. */
struct times {
    const weir_loop *loop; /* null: it was never opened */
    const weir_limits *limits;
    const struct peer *peer; /* null: the requests are not known beforehand */
    bool client;
    struct stamp at[TIMES_COUNT];
    struct stamp heads[PEER_REQUESTS_MAX]; /* the first octet of each request was read */
    uint64_t octets_in, in_at_head, in_at_shut;
    unsigned begun, done;
    const void *current;  /* the exchange that was begun last, while it lives */
    bool whole, answered; /* of that */
    bool held;            /* the application does not take its content */
};

/* By the port of who connected; all is forgotten by times_begin. */
void times_begin(void);
struct times *times_of(uint16_t port, bool client);
void times_open(struct times *t, const weir_loop *loop, const weir_limits *limits, const struct peer *peer, bool client);
/* `n`: octets of a read. `x`: of TIMES_HEAD and TIMES_DONE. Fails where what happens shows that a deadline was
 * missed. */
void times_tell(struct times *t, enum times_what what, size_t n, const void *x);
/* The end has this cause from now on. `progress`: when the peer last acknowledged something. */
void times_cause(const struct times *t, weir_code code, weir_stage stage, const struct stamp *progress);
/* It is closed after our FIN. `confirmed`: nothing was to be waited for. */
void times_close(const struct times *t, weir_stage stage, bool confirmed, bool fin_read);

#endif
