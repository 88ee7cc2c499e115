/* Names to addresses on a loop, without blocking: one resolver a loop or a client, many queries at once. Numeric hosts
 * are answered without asking anyone. Callbacks come from the loop's round, never from within io_resolve.
 *
 * Queries for one name that are under way share one lookup, and its answer is kept as long as the name server says
 * (TTL, RFC 1035, 3.2.1), an hour at most; that a name has no address, for five seconds. As many as IO_NAMES_MAX names
 * are kept, those asked for last. Failures of name servers are not kept.
 *
 * Both families are asked for at once, and one is enough to begin (RFC 8305, 3): an IPv6 address at once, an IPv4 one
 * when the other answer is here or 50 ms have passed. What comes later is told by `more`. */
#ifndef IO_RESOLVE_H
#define IO_RESOLVE_H

#include <sys/socket.h>
#include <weir/code.h>
#include <weir/loop.h>

#include "io/loop.h"

/* Of a host; half of them of a family where there are more of both. */
#define IO_ADDRESSES_MAX 64
#define IO_NAMES_MAX     256

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
/* No query may be under way. Legal in the `done` or `more` of the last one. */
void io_resolver_free(struct io_resolver *resolver);

/* Embedded in its owner; nothing of it is the owner's while the query is under way. */
struct io_query {
    /* WEIR_OK with at least one address, which live for the call; or resolve_failed, resolve_timeout, no_memory,
     * system_error; `error` then has a sentence that names the host. Once, unless the query is cancelled. */
    void (*done)(struct io_query *query, weir_code code, const struct io_addresses *addresses, const weir_error *error);
    /* After a `done` with the addresses of one family, if the query is still under way then: those of the other, or
     * null: it has none, or they did not come in time. Once, and the query is over. May be null. */
    void (*more)(struct io_query *query, const struct io_addresses *addresses);
    struct io_resolver *resolver;
    void *asked; /* of the implementation; null when no query is under way */
};

/* `host` (a name, or a numeric address without brackets; "localhost" is always the loopback addresses) is copied.
 * no_memory, or resolve_failed for what cannot be a name: then no `done` comes. */
WEIR_MUST_USE weir_code io_resolve(struct io_query *query, struct io_resolver *resolver, weir_str host, uint16_t port,
                                   uint64_t timeout_ns, weir_error *error);
static inline bool io_query_is_under_way(const struct io_query *query)
{
    return query->asked != NULL;
}
/* Nothing is called after it; fine where no query is under way. */
void io_resolve_cancel(struct io_query *query);

#endif
