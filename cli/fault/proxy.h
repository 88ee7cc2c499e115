/* The proxy of `weir fault`: its routes, its connections, its endings, its signals. */
#ifndef CLI_FAULT_PROXY_H
#define CLI_FAULT_PROXY_H

#include <jansson.h>

#include "fault/conn.h"
#include "common/sink.h"

#define FAULT_ROUTES_MAX 64

struct fault_control;

/* A place to listen at, and the server that its connections go to. Each counts its own connections. */
struct fault_route {
    struct fault_watch listener; /* first: a watch is a route's */
    struct fault_proxy *proxy;
    const char *given;           /* what asked for it, for messages; kept */
    const char *option;
    struct fault_address listen;
    struct fault_addresses to;
    struct fault_plans plans; /* its rows are the proxy's */
    json_t *faults;           /* what `plans` was asked for, by words; owned */
    weir_timer *pause;        /* of accepting, without descriptors */
    uint64_t accepted, alive;
};

struct fault_proxy {
    struct fault_loop loop;
    struct fault_watch signals;
    struct fault_route routes[FAULT_ROUTES_MAX];
    size_t route_count;
    struct fault_control *control; /* null: there is none */
    struct fault_plans plans;
    struct sink endings;
    struct fault_account account; /* of what is held */
    uint64_t drain_ns;     /* WEIR_NEVER: until a second signal */
    weir_timer *deadline;  /* of the drain */
    struct fault_conn *alive, *dead; /* dead: since this round */
    uint64_t ended[FAULT_CODE_COUNT];
    bool draining;
};

/* Opens its loop and its routes' listeners; each route's `listen` then says where. False with errno; `*what` says at
 * what, and `*route` for which route (null: for none). */
bool fault_proxy_open(struct fault_proxy *proxy, const char **what, const struct fault_route **route);
void fault_proxy_run(struct fault_proxy *proxy);
void fault_proxy_close(struct fault_proxy *proxy);
uint64_t fault_proxy_accepted(const struct fault_proxy *proxy);

/* Called by a connection, once: it is over. */
void fault_proxy_ended(struct fault_proxy *proxy, struct fault_conn *conn, uint64_t now_ns);

/* From now on the connections of a route get this, those that are alive too (fault_conn_replan), in place of the rows
 * of a plan file. Takes `faults`, which says the same in words. */
void fault_route_set(struct fault_route *route, const struct fault_wish *wish, json_t *faults);

#endif
