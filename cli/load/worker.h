/* A thread of `weir load`: its loop, its connections, its counts. Threads share nothing but what does not change. */
#ifndef CLI_LOAD_WORKER_H
#define CLI_LOAD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include <weir/weir.h>

#include "load/gone.h"
#include "load/options.h"
#include "load/plan.h"
#include "load/tally.h"

struct load_conn;

#define LOAD_BURST_MAX 16

/* What all threads read; `stop` is written by the main thread. */
struct load_run {
    const struct load_options *options;
    atomic_int stop; /* 1: end the run in order; 2: cut */
};

/* A request under way. */
struct load_asked {
    struct load_conn *conn;
    uint64_t start_ns; /* what its latency counts from */
    uint64_t sent_ns;
    uint64_t first_ns; /* of its answer; 0: not yet */
};

enum load_state { LOAD_EMPTY, LOAD_DIALLING, LOAD_OPEN };

/* A place for a connection, used again for the next one when one has ended. */
struct load_conn {
    struct load_worker *worker;
    weir_conn *engine; /* of one that is open */
    struct load_asked *ring;
    uint32_t ring_head, under_way;
    int fd;
    uint8_t state;
    uint8_t scenario;
    bool full : 1;       /* the socket takes no more now */
    bool last_asked : 1; /* no request follows */
    bool at_end : 1;     /* its end has begun, as it was asked for */
    bool stalled : 1;    /* does not read */
    bool cutting : 1;    /* its end leaves an answer, on purpose */
    bool broken : 1;     /* an exchange failed on it */
    bool refused : 1;    /* the server takes no more on it: it is about to end */
    bool queued : 1;     /* in the worker's `answered` */
    bool hung_up : 1;    /* the server's FIN has come, or worse */
    struct load_life life;
    uint64_t number; /* of the connection: of all threads, from 0 on */
    uint64_t asked;
    uint64_t reserved; /* of the plan's requests */
    uint64_t began_ns; /* of the dial, then of the connection */
    uint64_t octets_out;
    uint64_t until_reset; /* octets of the last answer that are read still (rst-after) */
    uint64_t at_end_ns;   /* when an end with a request began */
    struct load_conn *next, *previous; /* in the worker's list of those with room, if it is there */
};

struct load_worker {
    struct load_run *run;
    const struct load_options *options;
    pthread_t thread;
    unsigned index;
    int epoll;
    weir_conn_config *config;
    weir_prepared **prepared[LOAD_SCENARIOS_MAX]; /* of each scenario, its requests */
    uint64_t now_ns;

    struct load_conn *conns; /* conn_count places */
    size_t conn_count;
    struct load_asked *rings;
    uint32_t *empty; /* a stack of the empty places' numbers */
    size_t empty_count;
    size_t dialling;
    /* Connections that were read from, and are to be asked on next. Reading several before writing to them lets the
     * server find more than one request when it wakes, instead of being woken for each. */
    struct load_conn *answered[LOAD_BURST_MAX];
    size_t answered_count;
    uint64_t number;               /* of the connection that is opened next */
    struct load_conn *room, *room_last; /* an open loop's connections that can be asked on */
    uint64_t dial_after_ns;        /* after a failed dial */
    uint64_t dial_pause_ns;
    uint64_t full_ns;              /* since when a unix socket's backlog is full; 0: it is not */
    struct load_gone gone;

    struct load_plan plan;
    uint64_t began_ns;      /* when the plan started; 0: not yet */
    uint64_t measure_ns;    /* exchanges that start from here on are measured, */
    uint64_t over_ns;       /* and before this: when the time was up; WEIR_NEVER: it is not */
    uint64_t last_done_ns;
    bool over;              /* the time is up, or it was told to stop */
    bool gave_up;           /* no server is there, or none that answers: `tally.reason` says which */
    uint64_t sweep_ns;

    struct load_tally tally;
    char error[240]; /* why it could not run; "": it could */

    /* For the live line. */
    atomic_uint_fast64_t shown_done, shown_alive, shown_errors;
};

/* False: `error` says why; fini is due all the same. */
WEIR_MUST_USE bool load_worker_init(struct load_worker *worker, struct load_run *run, unsigned index);
void load_worker_fini(struct load_worker *worker);
/* A thread's main function: runs until all connections have ended. */
void *load_worker_run(void *worker);

/* Whether a signal has come. */
bool load_worker_is_stopped(const struct load_worker *worker);
/* Asks on those that were read from. */
void load_worker_burst(struct load_worker *worker);

uint64_t load_now(void);

#endif
