/* The proxy of `weir fault`: its listener, its connections, its endings, its signals. */
#ifndef CLI_FAULT_PROXY_H
#define CLI_FAULT_PROXY_H

#include "fault_conn.h"
#include "sink.h"

struct fault_proxy {
    struct fault_loop loop;
    struct fault_watch listener, signals;
    struct fault_address listen;
    struct fault_addresses to;
    struct fault_plans plans;
    struct sink endings;
    struct fault_account account; /* of what is held */
    uint64_t drain_ns;     /* WEIR_NEVER: until a second signal */
    weir_timer *deadline;  /* of the drain */
    weir_timer *pause;     /* of accepting, without descriptors */
    struct fault_conn *alive, *dead; /* dead: since this round */
    uint64_t accepted;
    uint64_t ended[FAULT_CODE_COUNT];
    bool draining;
};

/* Listens; `address` then says where. False with errno; `*what` says at what. */
bool fault_proxy_open(struct fault_proxy *proxy, const char **what);
void fault_proxy_run(struct fault_proxy *proxy);
void fault_proxy_close(struct fault_proxy *proxy);

/* Called by a connection, once: it is over. */
void fault_proxy_ended(struct fault_proxy *proxy, struct fault_conn *conn, uint64_t now_ns);

#endif
