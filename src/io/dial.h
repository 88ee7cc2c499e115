/* From a host and a port, or a path, to a connected socket: resolution, then attempts at several addresses with a head
 * start for the first (happy eyeballs, RFC 8305), each bounded in time. */
#ifndef IO_DIAL_H
#define IO_DIAL_H

#include <weir/code.h>
#include <weir/ending.h>

#include "io/resolve.h"
#include "io/sock.h"

struct io_dial_options {
    weir_str host; /* a name or a numeric address, without brackets */
    uint16_t port;
    weir_str path;  /* not empty: of a unix socket; host and port are not looked at */
    weir_str local; /* numeric address of this end; empty: the kernel chooses */
    uint64_t resolve_timeout_ns;
    uint64_t connect_timeout_ns; /* all attempts together, after resolution */
    uint64_t attempt_delay_ns;
    bool delay;            /* no TCP_NODELAY */
    uint64_t keepalive_ns; /* 0: none */
};

struct io_dialled {
    weir_code code; /* WEIR_OK, or: resolve_failed, resolve_timeout, connect_refused, connect_unreachable, connect_timeout,
                       no_descriptors, no_memory, permission_denied, address_unavailable, bad_address, system_error */
    int os;         /* the errno behind it, or 0 */
    int fd;         /* a connected, non-blocking, close-on-exec stream socket, now the owner's; -1 on failure */
    weir_address peer; /* on failure the one that `code` is about: mostly the last that was tried */
    const char *text;  /* on failure: one sentence that names host, port and address; lives for the call. Else null */
};

struct io_dial;

/* `done` is called exactly once, from the loop's round, never from within this call, unless the dial is cancelled;
 * the dial is over (and its memory given back) after that. The options' strings are copied. On failure nothing is
 * under way: no_memory. When several addresses fail the code is that of the last, but a connect_refused is kept over
 * an unreachable one: somebody was there. */
WEIR_MUST_USE weir_code io_dial_start(struct io_dial **out, weir_loop *loop, struct io_resolver *resolver,
                                      const weir_allocator *allocator, const struct io_dial_options *options,
                                      void (*done)(void *app, const struct io_dialled *dialled), void *app);
/* Closes what is under way; no `done` comes. Within its own `done` it does nothing. */
void io_dial_cancel(struct io_dial *dial);

#endif
