/* When a thread of `weir load` may ask, and whether a connection's next request is its last.
 *
 * A closed loop asks as soon as an answer has come; an open one at planned instants, k / rate after its start, whatever
 * the answers do. A number of requests is kept to exactly: each connection that lives has some of them reserved, one at
 * least, so that the last request of every connection is known to be the last when it is sent, and so that connections
 * have all their exchanges as long as there are enough. */
#ifndef CLI_LOAD_PLAN_H
#define CLI_LOAD_PLAN_H

#include <weir/weir.h>

struct load_plan {
    uint64_t left;  /* requests not yet sent; UINT64_MAX: no bound */
    uint64_t reserved; /* of these */
    uint64_t share;    /* most that one connection reserves: so that all have some */
    bool ending;    /* the run is over: each connection that needs one sends its last, no other is sent */

    uint64_t rate;     /* of all threads; 0: a closed loop */
    uint64_t start_ns; /* of the plan; WEIR_NEVER: not started */
    uint64_t until_ns; /* no instant at or after it is planned; WEIR_NEVER: no such bound */
    uint64_t next;     /* index of the next planned request, among those of all threads */
    uint64_t step;     /* threads: each takes every step-th */
};

/* The part of thread `index` of `threads`, for `connections` at once. */
void load_plan_init(struct load_plan *plan, uint64_t requests, uint64_t rate, uint64_t index, uint64_t threads,
                    uint64_t connections);
/* Starts the plan, which then lasts `span_ns`; WEIR_NEVER: until its requests are sent. */
void load_plan_start(struct load_plan *plan, uint64_t now_ns, uint64_t span_ns);
/* When the next request is to be sent; 0: at once; WEIR_NEVER: no more. Of an open loop it may lie in the past. */
uint64_t load_plan_due(const struct load_plan *plan);
/* May one more connection be opened? */
bool load_plan_may_open(const struct load_plan *plan);
/* What a new connection reserves, of at most `exchanges_max`; it keeps the number. */
uint64_t load_plan_reserve(struct load_plan *plan, uint64_t exchanges_max);
/* Gives back what a connection does not need any more: *reserved is 0 then. */
void load_plan_give_back(struct load_plan *plan, uint64_t *reserved);
/* Would the next request of a connection be its last, because no other is left for it? */
bool load_plan_is_last(const struct load_plan *plan, uint64_t reserved);
/* Takes the next request, which is due. Returns the instant that its latency counts from. */
uint64_t load_plan_take(struct load_plan *plan, uint64_t *reserved, uint64_t now_ns);
/* Planned requests whose instant had come by `until_ns` and that were not taken. */
uint64_t load_plan_missed(const struct load_plan *plan, uint64_t until_ns);

#endif
