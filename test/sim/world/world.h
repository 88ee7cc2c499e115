/* One history: a server on a loop, its application, peers, faults, a drain; and what must hold at every step. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "app.h"
#include "asker.h"
#include "host.h"
#include "io_sim.h"
#include "peer.h"

#include "server/server_internal.h"

#define WORLD_PEERS_MAX 8

/* What the server said of a connection, and what is known besides. */
struct world_connection {
    uint64_t id;
    weir_code first_cause; /* the first that was seen while it lived */
    weir_code client_cause; /* the same of the client's end */
    bool ended;
    uint64_t ended_ns;
    weir_ending ending;
};

struct world {
    weir_loop *loop;
    weir_server *server;
    struct net_listener *listener;
    struct app app;
    struct peer peers[WORLD_PEERS_MAX]; /* by place; without an end: nobody is there */
    struct world_connection connections[NET_PAIRS_MAX]; /* by place */
    unsigned endings;
    bool with_client; /* in the place of raw peers */
    weir_loop *client_loop;
    struct asker asker;
    struct host host;
    unsigned seen[ASKER_MAX]; /* requests of the client that a server took */
    unsigned places;          /* given to what the client dialled */
    bool hostile;
    bool drains, stops; /* has been told to */
    uint64_t cut_ns;    /* when a drain or a stop cuts what is left */
    bool early_drain; /* before all was asked */
    /* Answers that are acknowledged: to the server's knowledge, and in truth. */
    unsigned delivered_least, delivered_most;
    uint64_t octets_in, octets_queued, octets_acked, exchanges; /* sums of what the endings say */
    bool stopped;
    bool leaps; /* the server's process stood still for long */
    uint64_t memory; /* octets that are out */
    unsigned memory_one_in; /* one allocation in so many fails; 0: none */
};

extern struct world world;

void world_run(void);

/* What was asked on a connection of the server, and the answers to it. */
struct account {
    struct asked asked[READER_ANSWERS_MAX]; /* of our client */
    unsigned asked_count;
    struct reader reader;
};

/* truth.c: of the living, after each round; of each that is closed; of each ending; of all, at the end. */
void truth_of_living(struct world *w);
void truth_happened(struct io_sock *sock, enum times_what what, size_t n);
void truth_before_shutdown(struct io_sock *sock);
void truth_before_close(struct io_sock *sock, bool reset);
void truth_of_ending(struct world *w, const weir_ending *ending);
bool truth_was_timed(const weir_ending *ending); /* a deadline had a part in it, if not the first */
bool truth_is_cut(weir_trace trace);
/* truth_answers.c */
const struct app_exchange *truth_exchange(const struct world *w, uint16_t port, unsigned number);
void truth_read_account(const struct world *w, const struct net_pair *pair, struct account *account);
void truth_of_delivery(struct world *w, const weir_ending *ending, const struct net_pair *pair);
/* truth_end.c */
void truth_at_end(struct world *w);
/* The raw peer of a connection. */
static inline struct peer *truth_peer(struct world *w, const struct world_connection *c)
{
    return &w->peers[c - w->connections];
}

#endif
