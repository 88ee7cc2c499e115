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
    bool stopped;
    bool leaps; /* the server's process stood still for long */
    uint64_t memory; /* octets that are out */
    unsigned memory_one_in; /* one allocation in so many fails; 0: none */
};

extern struct world world;

void world_run(void);

/* truth.c: of the living, after each round; of each that is closed; of each ending; of all, at the end. */
void truth_of_living(struct world *w);
void truth_before_shutdown(struct io_sock *sock);
void truth_before_close(struct io_sock *sock, bool reset);
void truth_of_ending(struct world *w, const weir_ending *ending);
void truth_at_end(struct world *w);

#endif
