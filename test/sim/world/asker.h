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
    bool fresh; /* its connection had served nobody before */
    unsigned status;
    bool foreign;  /* another's, by a server that makes answers up */
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
    const bool *makes_up; /* of the raw server */
    weir_retry_policy policy;
    uint64_t connections_max, per_origin, waiting_max;
    bool drains, drained;
    bool freed;
    bool plain; /* nobody does wrong, no memory is refused */
};

/* Draws a client and its plan. False: no memory for it. */
bool asker_begin(struct asker *asker, weir_loop *loop, const weir_allocator *memory, bool hostile, bool host);
/* All is to come to its end. */
void asker_drain(struct asker *asker);
void asker_check(const struct asker *asker);
/* When all has ended, before it is freed. */
void asker_check_ledger(const struct asker *asker);
/* `seen`: how often a server took each request, by its place in `requests`. */
void asker_judge(const struct asker *asker, const unsigned *seen);
void asker_free(struct asker *asker);

#endif
