/* Names to addresses on a loop, without blocking: one resolver a loop, many queries at once. Numeric hosts are answered
 * without asking anyone. Callbacks come from the loop's round, never from within io_resolve. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <sys/socket.h>
#include <weir/code.h>
#include <weir/loop.h>

#include "io/loop.h"

#define IO_ADDRESSES_MAX 16

struct io_addresses {
    struct sockaddr_storage list[IO_ADDRESSES_MAX]; /* in the order to try them (RFC 6724, families interleaved: RFC 8305, 4) */
    socklen_t sizes[IO_ADDRESSES_MAX];
    size_t count;
};

struct io_resolver;

/* `name_servers`: HOST:PORT with commas (numeric, 8 at most), or empty for the system's. no_memory, system_error,
 * bad_address; unsupported where name servers are given to a build without c-ares. */
WEIR_MUST_USE weir_code io_resolver_new(struct io_resolver **out, weir_loop *loop, const weir_allocator *allocator,
                                        weir_str name_servers, weir_error *error);
/* No query may be under way. Legal in the `done` of the last one. */
void io_resolver_free(struct io_resolver *resolver);

/* Embedded in its owner; nothing of it is the owner's while the query is under way. */
struct io_query {
    /* WEIR_OK with at least one address, which live for the call; or resolve_failed, resolve_timeout, no_memory,
     * system_error; `error` then has a sentence that names the host. Once, unless the query is cancelled. */
    void (*done)(struct io_query *query, weir_code code, const struct io_addresses *addresses, const weir_error *error);
    struct io_resolver *resolver;
    void *asked; /* of the implementation; null when no query is under way */
};

/* `host` (a name, or a numeric address without brackets; "localhost" is always the loopback addresses) is copied.
 * no_memory, or resolve_failed for what cannot be a name: then no `done` comes. */
WEIR_MUST_USE weir_code io_resolve(struct io_query *query, struct io_resolver *resolver, weir_str host, uint16_t port,
                                   uint64_t timeout_ns, weir_error *error);
/* No `done` comes after it; fine where no query is under way. */
void io_resolve_cancel(struct io_query *query);

#endif
