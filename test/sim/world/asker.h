/* The application of the client: requests sent at drawn times, some given up, and what it was told of each. */
#ifndef SIM_ASKER_H
#define SIM_ASKER_H

#include <weir/client.h>

#define ASKER_MAX 24

struct asker_request {
    unsigned number;
    unsigned kind; /* enum app_kind */
    uint64_t size; /* of the answer */
    uint64_t content_size;
    bool head, post, streams, to_host; /* to the raw server */
    bool sent, done, whole, given_up;
    uint64_t timeout_ns;              /* of the whole; 0: the client's */
    uint64_t sent_ns, sent_loop_ns;   /* it was sent; by the clock of the loop, which stands between rounds */
    uint64_t late_ns;                 /* net_late then */
    bool fresh; /* its connection had served nobody before */
    unsigned status;
    bool foreign;  /* another's, by a server that makes answers up */
    bool made_up;  /* its connection is one on which that server did */
    bool numbered; /* else it is one that a server made up: no client can tell */
    uint64_t content;   /* octets of the answer */
    uint64_t written;   /* of the request's, of a stream */
    weir_exchange *x;   /* while it lives */
    weir_exchange_ending ending;
    unsigned retries;
};

struct asker {
    weir_client *client;
    weir_loop *loop;
    struct asker_request requests[ASKER_MAX];
    unsigned count;
    uint64_t endings;
    bool (*makes_up)(weir_exchange *x); /* the raw server has, on its connection */
    weir_retry_policy policy;
    uint64_t connections_max, per_origin, waiting_max;
    uint64_t exchange_timeout_ns;
    bool drains, drained;
    bool freed;
    bool closes_made_up; /* the connection that closes is one on which the raw server made answers up */
    bool plain; /* nobody does wrong, no memory is refused */
};

/* Draws a client and its plan. False: no memory for it. */
bool asker_begin(struct asker *asker, weir_loop *loop, const weir_allocator *memory, bool hostile, bool host);
/* All is to come to its end. */
void asker_drain(struct asker *asker);
/* `most`: connections to one origin that are open or being opened. */
void asker_check(const struct asker *asker, uint64_t most);
/* When all has ended, before it is freed. */
void asker_check_ledger(const struct asker *asker);
/* `seen`: how often a server took each request, by its place in `requests`. */
void asker_judge(const struct asker *asker, const unsigned *seen);
void asker_free(struct asker *asker);

#endif
