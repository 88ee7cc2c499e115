/* A listening socket on a loop, and the addresses to listen on.
 *
 * Accepting is a stream of completions: connections, or an error. Out of descriptors or memory it pauses by itself and
 * tries again after 5 ms, doubling to 1 s (never a spin), and says so once a pause. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <sys/types.h>
#include <weir/ending.h>
#include <weir/loop.h>

#include "base/list.h"
#include "io/loop.h"

#define IO_ADDRESS_TEXT_SIZE 128

/* Where to listen: HOST:PORT (a name: its first address), [v6]:PORT (IPv6 only), :PORT (all addresses of both kinds, by
 * one socket), unix:PATH, systemd (sockets handed over by LISTEN_FDS). */
struct io_listen_options {
    weir_str address;
    unsigned index;    /* of `systemd`: which of the sockets handed over, below io_listen_places */
    int backlog;       /* 0: as much as the system allows */
    bool unix_for_all; /* mode 0666 */
    bool defer;        /* TCP: connections are handed over with their first octets, or after about a second */
};

/* How many sockets the address stands for: of `systemd` the listening stream sockets handed over to this process, which
 * may be none; else 1. */
size_t io_listen_places(weir_str address);

/* Opens `count` sockets that listen on the address, one a worker: of TCP one each with SO_REUSEPORT, so that the kernel
 * spreads connections; of a unix socket or an inherited one the same one each (a duplicate). Port 0: all on the one
 * port that the first got. An address that is taken is found out whatever options the other server uses. A dead unix
 * socket file (nobody listens) is replaced; a live one, or a file of another kind, is address_in_use. `error` names the
 * address and what was expected. On failure nothing is left open. */
WEIR_MUST_USE weir_code io_listen(const struct io_listen_options *options, int *fds, size_t count, weir_error *error);
/* As text: "127.0.0.1:8080", "[::1]:8080", "unix:/run/x". */
void io_listen_address(int fd, char text[IO_ADDRESS_TEXT_SIZE]);

/* The socket file that io_listen made, so that it can be taken away: mark it after io_listen, forget it before the
 * descriptors are closed. Another server's file that has come in its place is left alone. Nothing of other
 * addresses. */
struct io_listen_mark {
    dev_t device;
    ino_t inode;
    char path[108]; /* empty: nothing to take away */
};
void io_listen_mark(struct io_listen_mark *mark, weir_str address);
void io_listen_forget(struct io_listen_mark *mark);

struct io_listener;
struct io_listener_ops {
    /* A connection: non-blocking, close-on-exec, TCP_NODELAY. The descriptor is the callee's. */
    void (*accepted)(struct io_listener *listener, int fd, const weir_address *peer);
    /* Accepting failed and pauses by itself: EMFILE, ENFILE, ENOBUFS, ENOMEM, or what is not known to pass. Called once
     * until a connection is accepted again. Errors of one connection (ECONNABORTED) are counted only. */
    void (*paused)(struct io_listener *listener, int os);
};

struct io_listener {
    const struct io_listener_ops *ops;
    weir_loop *loop;
    struct base_list ready;
    struct io_timer retry;
    uint64_t backoff_ns; /* 0: not paused since the last connection */
    uint64_t failures;
    int fd;
    uint16_t flags;
    uint8_t share;       /* connections tried a round */
    uint8_t full_rounds; /* rounds in a row that used it up; */
    uint32_t full_round; /* the last of them */
};

/* Takes over a descriptor from io_listen. `shared`: others wait on the same socket (EPOLLEXCLUSIVE). Accepting is
 * on. If it fails the descriptor is still the caller's. */
WEIR_MUST_USE weir_code io_listener_open(struct io_listener *listener, weir_loop *loop, int fd, bool shared,
                                         const struct io_listener_ops *ops);
/* Off under pressure: connections wait in the kernel. Legal within `accepted`: then no other comes in this round. */
void io_listener_accept(struct io_listener *listener, bool on);
/* Accepts what waits in the kernel, before closing: as closing resets who was not accepted, nobody is let in from
 * here on (unless the socket is shared, and others go on with it). Takes 10 ms or so. Not within a callback of the
 * listener. */
void io_listener_accept_waiting(struct io_listener *listener);
/* Legal in its callbacks, the freeing included. */
void io_listener_close(struct io_listener *listener);

#endif
