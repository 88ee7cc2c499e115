/* A worker: one thread's share of a server. Its loop, listeners, connections and counters are its own; other threads
 * only read the counters, and poke it when something is wanted of it. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <weir/server.h>

#include "io/listener.h"
#include "link/link.h"

struct worker;

struct server_listener {
    struct io_listener listener;
    struct worker *worker;
    int fd;
    bool shared; /* workers wait on one socket */
    bool open;
};

/* Counted by the worker, read by any thread. */
struct worker_totals {
    uint64_t accept_pauses;
    uint64_t accept_failures;
};

struct worker {
    struct link_home home;
    weir_server *server;
    weir_loop *loop;
    bool own_loop;
    bool has_thread;
    bool draining; /* accepts no more */
    bool stopped;  /* read by other threads, atomically */
    bool told;     /* worker_started was called, and worker_stopped was not */
    bool paused;   /* does not accept: connections_max are alive and none is idle */
    pthread_t thread;
    struct io_timer drain_timer;
    struct io_poke poke;
    struct server_listener *listeners;
    size_t listener_count;
    uint64_t connections_max;
    uint64_t noticed_ns; /* the last time that a shortage was told */
    struct worker_totals totals;
};

WEIR_MUST_USE weir_code worker_init(struct worker *worker, weir_server *server, unsigned index, weir_error *error);
/* Not while it runs. */
void worker_fini(struct worker *worker);
/* Begins to accept. */
WEIR_MUST_USE weir_code worker_open(struct worker *worker, weir_error *error);
/* Runs its own loop until it has stopped. */
void worker_run(struct worker *worker);
/* Of a loop of the caller's: what worker_run tells by itself. */
void worker_tell_started(struct worker *worker);
/* Looks at what the server wants: another handler, to drain, to stop. On the worker's thread. */
void worker_look(struct worker *worker);
bool worker_is_stopped(const struct worker *worker);

#endif
