/* What a SOCKS5 proxy wants to hear before the connection is ours (RFC 1928; user and password: RFC 1929). */
#ifndef CLIENT_SOCKS_H
#define CLIENT_SOCKS_H

#include <weir/code.h>
#include <weir/loop.h>

struct client_socks;

struct client_socks_options {
    weir_str user; /* "user:password", or empty */
    weir_str host; /* a name, which the proxy resolves, or a numeric address */
    uint16_t port;
    uint64_t timeout_ns;
};

/* `done` is called once, from the loop's round, unless it is cancelled: WEIR_OK with the descriptor, given back just
 * behind the proxy's last octet; or proxy_refused, connect_timeout, connect_refused and connect_unreachable (the
 * proxy's own words), no_memory, system_error: then it is closed. no_memory or system_error of the call: it is still
 * the caller's. The texts are copied. */
WEIR_MUST_USE weir_code client_socks_start(struct client_socks **out, weir_loop *loop, const weir_allocator *allocator,
                                           int fd, const struct client_socks_options *options,
                                           void (*done)(void *app, weir_code code, int os, int fd), void *app);
void client_socks_cancel(struct client_socks *socks);

#endif
