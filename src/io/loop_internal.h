/* The inside of a loop, shared by the files of src/io only.
 *
 * Two parts with a sharp line between them: what is the same on every kernel interface (rounds, lists of what is
 * ready, timers, posts), and the back-end, a table of seven functions that tells which sockets are ready.
 *
 * A round: wait; note on each socket what came (no callback runs meanwhile, so all of them are alive) and link it
 * into `ready`; give each its turn; accept; polls; timers; posts; a second turn for what became ready meanwhile:
 * wakes, and the sockets just accepted. Closing unlinks, so nothing stale is left to be met. */
#ifndef IO_LOOP_INTERNAL_H
#define IO_LOOP_INTERNAL_H

#include <stdatomic.h>
#include <weir/loop.h>

#include "base/list.h"
#include "base/wheel.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/poll.h"
#include "io/sock.h"

/* What a back-end reports of a socket. */
enum io_ready {
    IO_READY_READ = 1,
    IO_READY_WRITE = 2,
    IO_READY_END = 4,  /* no more octets will come */
    IO_READY_DEAD = 8, /* both directions are over, or there is an error */
};

/* What a back-end watches. A token is the address of the struct with one of these in its lowest bits. */
enum io_watch {
    IO_WATCH_SOCK = 0,            /* by edges: reported when something became ready */
    IO_WATCH_LISTENER = 1,        /* by level: as long as connections wait */
    IO_WATCH_LISTENER_SHARED = 2, /* the same, and one of several loops is told */
    IO_WATCH_WAKE = 3,            /* an eventfd, by edges */
    IO_WATCH_POLL_READ = 4,       /* an io_poll, by level: all of this kind and the two below */
    IO_WATCH_POLL_WRITE = 5,
    IO_WATCH_POLL_BOTH = 6,
    IO_WATCH_MASK = 7,
};
_Static_assert(_Alignof(struct io_sock) > IO_WATCH_MASK && _Alignof(struct io_listener) > IO_WATCH_MASK &&
                   _Alignof(struct io_poll) > IO_WATCH_MASK,
               "a token has room for the kind");

struct io_backend {
    /* 0, or an errno. */
    int (*open)(weir_loop *loop);
    void (*close)(weir_loop *loop);
    /* Readable when wait(loop, 0) would report something. */
    int (*fd)(const weir_loop *loop);
    /* 0, or an errno. `what` is an io_sock, an io_listener, an io_poll, or null. */
    int (*watch)(weir_loop *loop, int fd, enum io_watch kind, void *what);
    void (*unwatch)(weir_loop *loop, int fd);
    /* A wait ends at that time of io_clock_now's at the latest, or a moment later; WEIR_NEVER for none. */
    void (*wake_at)(weir_loop *loop, uint64_t due_ns);
    /* Calls io_loop_event for all that is ready, and runs no callback of an owner. */
    void (*wait)(weir_loop *loop, uint64_t timeout_ns);
};
extern const struct io_backend io_backend_epoll;

struct weir_loop {
    weir_allocator allocator;
    const struct io_backend *backend;
    struct {
        int fd;
        int timer_fd;
        uint64_t armed_ns; /* when the timer goes off; WEIR_NEVER if it is not set, or may have gone off */
        bool no_pwait2;
    } epoll;
    int wake_fd;
    void *user;

    uint32_t rounds; /* begun; wraps round */
    uint64_t now_ns; /* when the round began; valid only within it */
    int64_t unix_time;
    bool unix_time_known; /* in this round */

    bool running; /* in weir_loop_run: nobody nests this loop */
    bool in_round;
    bool late; /* in the second turn of a round */
    bool stop;
    void *current; /* whose turn it is; null once that one is closed */

    uint8_t luck; /* of reading at once from what was just accepted: 0 never paid, 255 always */
    uint8_t untried;

    struct base_list ready; /* sockets with something to do */
    struct base_list later; /* sockets that had their share of this round */
    struct base_list ready_listeners;
    struct base_list lates; /* struct io_late */
    struct base_list ready_polls;
    struct base_wheel wheel;

    _Atomic(weir_post *) posts; /* last first; at the end what io_post_end says */
    atomic_uint refs;           /* one is the owner's, until weir_loop_free */
    atomic_bool poked;
    struct base_list pokes; /* struct io_poke */
};

/* Of any thread and of a signal handler. */
void io_loop_signal(weir_loop *loop);
/* Links a socket that has something to do, if it is not linked. */
void io_loop_ready(weir_loop *loop, struct io_sock *sock);
void io_loop_event(weir_loop *loop, uintptr_t token, unsigned ready);
uint64_t io_clock_now(void);
/* So long after now, of the clock and not of the round; WEIR_NEVER where that is too far. */
uint64_t io_clock_after(uint64_t delay_ns);

void io_post_run(weir_loop *loop);
/* From now on whatever is posted is dropped; so is what has not run. */
void io_post_end(weir_loop *loop);
void io_timer_expire(weir_loop *loop);

void io_sock_event(struct io_sock *sock, unsigned ready);
void io_sock_turn(struct io_sock *sock);
void io_listener_turn(struct io_listener *listener);

/* Flags of a socket. */
enum {
    SOCK_READING = 1 << 0,       /* the owner wants octets */
    SOCK_READABLE = 1 << 1,      /* recv may have something */
    SOCK_TO_END = 1 << 2,        /* read on after a short read: the end is in the kernel already */
    SOCK_ENDED = 1 << 3,         /* `read` said 0 or an error */
    SOCK_WRITE_PENDING = 1 << 4, /* the owner waits for `written` */
    SOCK_WRITABLE = 1 << 5,      /* and it is due */
    SOCK_DEAD = 1 << 6,
    SOCK_DEAD_TOLD = 1 << 7,
    SOCK_WOKEN = 1 << 8,
    SOCK_WATCHED = 1 << 9,
    SOCK_TRY_NOW = 1 << 10,  /* not watched yet */
    SOCK_SHUT = 1 << 11,     /* our FIN is sent */
    SOCK_FILE_CUT = 1 << 12, /* the last write was of a file, and less was taken than was there */
};

#endif
