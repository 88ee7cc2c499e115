/* The inside of a resolver: what is answered here, the queries, and the library that asks name servers for them
 * (lookup_ares.c, or lookup_none.c in a build without one). */
#ifndef IO_RESOLVE_INTERNAL_H
#define IO_RESOLVE_INTERNAL_H

#include "base/list.h"
#include "io/resolve.h"

/* A name has 253 octets (RFC 1035, 3.1, without its lengths), a dot at its end, and our NUL. */
#define IO_HOST_SIZE 255

/* Answers a numeric host and the names of the loopback (RFC 6761, 6.3). False: it is neither. */
bool io_resolve_here(struct io_addresses *addresses, weir_str host, uint16_t port);
/* Whether a name server may be asked for it: labels of letters, digits, - and _, the last of them no number: "127.1" and
 * "0x7f.0.0.1" are no names (WHATWG URL, 3.5), and what is meant by them is not for us to guess. */
bool io_resolve_is_name(weir_str host);
/* Adds one, with the port; nothing where it is full. */
void io_addresses_add(struct io_addresses *addresses, const struct sockaddr *address, uint16_t port);
/* Families in turn, beginning with that of the first (RFC 8305, 4). */
void io_addresses_interleave(struct io_addresses *addresses);

struct io_lookup;

/* A query under way. The library may hold on to one whose query is cancelled: it cannot take back a single one. */
struct io_asked {
    struct io_query *query; /* null: nobody waits for it */
    struct io_resolver *resolver;
    struct base_list node; /* in `answered` of the resolver, once there is an answer to hand over */
    struct io_timer bound;
    bool held;     /* the library has it */
    uint16_t port; /* host order */
    weir_code code;
    const char *why; /* of a failure; static */
    struct io_addresses addresses;
    char host[IO_HOST_SIZE];
};

struct io_resolver {
    weir_allocator allocator;
    weir_loop *loop;
    struct io_lookup *lookup;
    struct base_list answered;
    struct io_timer soon; /* hands over what was answered at once */
    size_t waiting;       /* queries without an answer */
    bool *freed;          /* set where the resolver is freed while it hands over */
};

/* What the library did: the answer is handed over soon, or by io_resolver_hand_over. */
void io_asked_answer(struct io_asked *asked, weir_code code, const char *why);
/* Calls `done` of all that are answered. The resolver may be freed then. */
void io_resolver_hand_over(struct io_resolver *resolver);

/* The library's side. */

/* bad_address, no_memory, system_error. */
WEIR_MUST_USE weir_code io_lookup_new(struct io_lookup **out, struct io_resolver *resolver, weir_str name_servers,
                                      weir_error *error);
/* Answers what it holds. */
void io_lookup_free(struct io_lookup *lookup);
/* Calls io_asked_answer once, now or later. */
void io_lookup_ask(struct io_lookup *lookup, struct io_asked *asked);
/* Nobody waits any more: answers all it holds, and lets go of its descriptors. */
void io_lookup_drop(struct io_lookup *lookup);
#endif
