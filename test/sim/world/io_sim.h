/* src/io again, over the simulated network: io/loop.h, weir/loop.h, io/sock.h, io/listener.h. What their headers
 * promise is kept, and the order of a round is that of src/io/loop.c: what is ready, listeners, timers, posts, a
 * second turn for what became ready meanwhile. What the headers leave open is chosen. Nothing waits: the simulation
 * asks when a loop is due. */
#ifndef SIM_IO_SIM_H
#define SIM_IO_SIM_H

#include <weir/loop.h>

#include "io/listener.h"
#include "io/loop.h"
#include "io/sock.h"

#include "net.h"
#include "times.h"

struct io_sim_post {
    struct io_sim_post *next;
    weir_loop_fn *fn;
    void *app;
};

struct weir_loop {
    weir_allocator allocator;
    uint64_t now_ns;
    bool in_round;
    bool late; /* in the second turn of a round */
    bool poked;
    void *current;
    struct base_list kernel; /* ends that have an edge to tell */
    struct base_list ready;
    struct base_list later;
    struct base_list listeners; /* struct io_sim_listener */
    struct base_list pokes;
    struct base_list lates; /* struct io_late */
    struct base_list dials; /* struct io_dial that are over */
    struct base_wheel wheel;
    struct io_sim_post *posts, **last_post;
    uint64_t rounds;
};

/* Something is to be done without any timer. */
bool io_sim_is_ready(const weir_loop *loop);
void io_sim_listeners(weir_loop *loop);
void io_sim_dials(weir_loop *loop);
void io_sim_turn(struct io_sock *sock);
void io_sim_event(struct io_sock *sock, unsigned ready);
void io_sim_ready(weir_loop *loop, struct io_sock *sock);

/* Refusals of the kernel that have nothing to do with a peer are chosen while this is set. */
extern bool io_sim_faults;
/* Where a dial goes: a listener, and a place of its own; NET_PAIRS_MAX where there is none left. */
void io_sim_dial_to(unsigned (*place)(uint16_t port, struct net_listener **listener));
/* A socket was opened, read n octets, wrote some, could not (TIMES_BLOCKED), was shut down. */
extern void (*io_sim_happened)(struct io_sock *sock, enum times_what what, size_t n);
/* Called before a shutdown and a close, to look at what is still pending. */
extern void (*io_sim_before_shutdown)(struct io_sock *sock);
extern void (*io_sim_before_close)(struct io_sock *sock, bool reset);

#endif
