/* A listening socket on a loop, and the addresses to listen on.
 *
 * Accepting is a stream of completions: connections, or an error. Out of descriptors or memory it pauses by itself and
 * tries again after 5 ms, doubling to 1 s (never a spin), and says so once a pause. */
#ifndef IO_LISTENER_H
#define IO_LISTENER_H

#include <weir/ending.h>
#include <weir/loop.h>

#include "base/list.h"
#include "base/wheel.h"

#define IO_ADDRESS_TEXT_SIZE 128

/* Where to listen, taken apart from text: HOST:PORT, [v6]:PORT, :PORT (all addresses), unix:PATH, systemd. */
struct io_listen_options {
    weir_str address;
    int backlog;
    bool unix_for_all; /* mode 0666 */
};

/* Opens `count` sockets that listen on the address, one a worker: of TCP one each with SO_REUSEPORT, so that the kernel
 * spreads connections; of a unix socket or an inherited one the same one each (a duplicate). Port 0: all on the one
 * port that the first got. An address that is taken is found out whatever options the other server uses. A dead unix
 * socket file (nobody listens) is replaced; a live one, or a file of another kind, is address_in_use. `error` names the
 * address and what was expected. On failure nothing is left open. */
WEIR_MUST_USE weir_code io_listen(const struct io_listen_options *options, int *fds, size_t count, weir_error *error);
/* As text: "127.0.0.1:8080", "[::1]:8080", "unix:/run/x". */
void io_listen_address(int fd, char text[IO_ADDRESS_TEXT_SIZE]);

struct io_listener;
struct io_listener_ops {
    /* A connection: non-blocking, close-on-exec, TCP_NODELAY. The descriptor is the callee's. */
    void (*accepted)(struct io_listener *listener, int fd, const weir_address *peer);
    /* Accepting failed and pauses by itself: EMFILE, ENFILE, ENOBUFS, ENOMEM. Other errors are counted only. */
    void (*paused)(struct io_listener *listener, int os);
};

struct io_listener {
    const struct io_listener_ops *ops;
    weir_loop *loop;
    struct base_list ready;
    struct base_timer retry;
    uint64_t backoff_ns;
    uint64_t failures;
    int fd;
    uint16_t flags;
};

/* Takes over a descriptor from io_listen. `shared`: others wait on the same socket (EPOLLEXCLUSIVE). Accepting is on. */
WEIR_MUST_USE weir_code io_listener_open(struct io_listener *listener, weir_loop *loop, int fd, bool shared,
                                         const struct io_listener_ops *ops);
/* Off under pressure: connections wait in the kernel. Legal within `accepted`: then no other comes in this round. */
void io_listener_accept(struct io_listener *listener, bool on);
void io_listener_close(struct io_listener *listener);

#endif
