/* A connection on a socket: the one place that knows descriptors and protocols at once. It moves octets between the two,
 * keeps one timer at the nearest deadline, and does what the connection wants until it wants nothing new. No policy. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <weir/loop.h>

#include "conn/conn.h"
#include "io/loop.h"
#include "io/sock.h"

struct link;

/* What the links of one worker share. The owner embeds it. */
struct link_home {
    struct weir_engine_config config; /* its `wake` is set by link_home_init */
    weir_loop *loop;
    struct base_list links; /* all that live; those looked at for reclaiming go to the end */
    uint64_t alive;
    uint64_t idle; /* of those: between exchanges; read by other threads too */
    uint64_t last_id;
    uint64_t id_step; /* so that the numbers of several workers differ */
    struct base_slab slab;
    /* A link has ended and is freed after the call. */
    void (*ended)(struct link_home *home, const weir_ending *ending);
    /* The first has become idle, or the last has ceased to be. It must not end links. */
    void (*idle_changed)(struct link_home *home);
};

struct link {
    struct io_sock sock;
    struct io_timer timer;
    struct base_list node; /* in the home's links */
    struct weir_engine conn;
    uint8_t peer_octets[16];
    uint16_t peer_port;
    uint8_t peer_family;
    bool write_pending : 1; /* the transport has the pieces until `written` */
    bool counted_idle : 1;
};

/* `first_id` and `id_step`: the numbers that this home gives to its connections. */
WEIR_MUST_USE weir_code link_home_init(struct link_home *home, weir_loop *loop, const weir_engine_options *options,
                                       uint64_t first_id, uint64_t id_step, weir_error *error);
/* No link may live. */
void link_home_fini(struct link_home *home);

/* Takes over a connected socket. no_memory, or what io_sock_open says: then it is still the caller's. */
WEIR_MUST_USE weir_code link_open(struct link_home *home, int fd, const weir_address *peer);
/* Closes one that is idle, the one idle for longest among some; false if none was found. */
bool link_reclaim_idle(struct link_home *home);
/* Of all links: no exchange after the present one; end now, for that reason. Not within a callback of a link. */
void link_drain_all(struct link_home *home);
void link_stop_all(struct link_home *home, weir_code code);

struct link *link_of_exchange(const weir_exchange *x);
struct link_home *link_home_of(const struct link *link);
void link_peer(const struct link *link, weir_address *peer);

#endif
