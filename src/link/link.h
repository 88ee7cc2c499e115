/* A connection on a socket: the one place that knows descriptors and protocols at once. It moves octets between the
 * two, keeps one timer at the nearest deadline, and does what the connection wants until it wants nothing new. No
 * policy. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <weir/ledger.h>
#include <weir/loop.h>

#include "conn/conn.h"
#include "io/loop.h"
#include "io/sock.h"

struct link;

/* Counted by the thread of the home, read by any. */
struct link_totals {
    uint64_t opened;
    uint64_t ended_by_code[WEIR_CODE_COUNT];
    uint64_t ended_by_stage[WEIR_STAGE_COUNT];
    uint64_t ended_by_how[WEIR_HOW_COUNT];
    uint64_t ended_by_by[WEIR_BY_COUNT];
    uint64_t ended_by_delivery[WEIR_DELIVERY_COUNT];
    uint64_t ended_by_class[WEIR_CLASS_COUNT];
};

/* What the links of one worker share. The owner embeds it. */
struct link_home {
    struct weir_conn_config config; /* its `wake` is set by link_home_init */
    weir_loop *loop;
    struct base_list links;      /* those that live and are not idle */
    struct base_list idle_links; /* the others, in the order in which they became idle */
    uint64_t alive;
    uint64_t idle;          /* of those: between exchanges; read by other threads too */
    uint64_t reclaim_looks; /* idle links looked at to find one that may be closed */
    uint64_t last_id;
    uint64_t id_step; /* so that the numbers of several workers differ */
    uint64_t memory_max; /* octets that all its links may hold */
    struct io_timer tidy_timer;
    bool making_room;
    struct base_slab slab;
    struct link_totals totals;
    /* A link has ended, and was counted; it is freed after the call. */
    void (*ended)(struct link_home *home, struct link *link, const weir_ending *ending);
    /* A link is between two exchanges now and was not before: the last thing in its step, so that it may be asked
     * something. May be null. */
    void (*became_idle)(struct link_home *home, struct link *link);
    /* The first has become idle, or the last has ceased to be. It must not end links. */
    void (*idle_changed)(struct link_home *home);
};

struct link {
    struct io_sock sock;
    struct io_timer timer;
    struct base_list node; /* in one of the home's two lists, as counted_idle says */
    struct weir_conn conn;
    uint8_t peer_octets[16];
    uint16_t peer_port;
    uint8_t peer_family;
    bool write_pending : 1; /* the transport has the pieces until `written` */
    bool counted_idle : 1;
};

struct link_home_options {
    const weir_conn_options *engine;
    uint64_t first_id, id_step; /* the numbers that this home gives to its connections */
    size_t link_size;           /* of what a link is the first member of; 0: of a link */
    size_t exchange_size;       /* of what an exchange is the first member of; 0: of an exchange */
    uint64_t memory_max;        /* octets; 0: no bound */
};
WEIR_MUST_USE weir_code link_home_init(struct link_home *home, weir_loop *loop, const struct link_home_options *options,
                                       weir_error *error);
/* No link may live. */
void link_home_fini(struct link_home *home);

/* Takes over a connected socket. no_memory, or what io_sock_open says: then it is still the caller's, and `out`
 * null. */
WEIR_MUST_USE weir_code link_open(struct link **out, struct link_home *home, int fd, const weir_address *peer);
/* Counts a connection that was never established: its number, and its ending. */
uint64_t link_home_next_id(struct link_home *home);
void link_home_count(struct link_home *home, const weir_ending *ending);
/* A client: asks on a link that rests. Nothing is called back, and nothing is written, before the round goes to its
 * end. */
WEIR_MUST_USE weir_code link_request(struct link *link, const weir_prepared *prepared, struct weir_exchange *x);
/* It rests, the kernel says that nothing came from the peer, and it may be asked something. */
bool link_is_usable(struct link *link);
/* Closes the one that is idle for longest, unless something is under way to it or from it: then the next, and that one
 * counts as idle from now on. False if none was found, at once where none is idle. */
bool link_reclaim_idle(struct link_home *home);
/* Closes one that is idle, at once. Not within a callback of it. */
void link_reclaim(struct link *link);
/* Of all links: no exchange after the present one; end now, for that reason. Not within a callback of a link. */
void link_drain(struct link *link); /* not within a callback of this link */
void link_drain_all(struct link_home *home);
void link_stop_all(struct link_home *home, weir_code code);

/* --- memory.c: the bound of all links --------------------------------------------------------------------------- */

static inline bool link_home_is_short(const struct link_home *home)
{
    return home->config.meter.held > home->memory_max;
}
/* While too much is held ends those that hold most of some that it looks at. True: `self`, in whose callback this
 * is, is one of them: it was told, and a step ends it. */
bool link_make_room(struct link_home *home, struct link *self);
/* Octets of memory that all links hold, without what free lists keep. */
uint64_t link_home_memory(const struct link_home *home);
/* Much less is held than was: soon the free lists are trimmed and the system gets its memory back, if that is still
 * so. */
void link_home_plan_tidy(struct link_home *home);
static inline void link_home_look_at_slack(struct link_home *home)
{
    if (base_meter_is_slack(&home->config.meter))
        link_home_plan_tidy(home);
}
/* Within the folder: as the home is made and given up. */
void link_memory_init(struct link_home *home, uint64_t memory_max);
void link_memory_fini(struct link_home *home);
/* Within the folder: ends one, not within a callback of this link. */
void link_refuse(struct link *link, weir_code code);

/* The wall clock, as a record's time is told. */
uint64_t link_unix_now_ns(void);
/* Adds what this home has to a ledger, from any thread. */
void link_home_add(const struct link_home *home, weir_ledger *ledger);

struct link *link_of_exchange(const weir_exchange *x);
struct link_home *link_home_of(const struct link *link);
void link_peer(const struct link *link, weir_address *peer);

#endif
