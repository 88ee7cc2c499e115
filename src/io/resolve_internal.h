/* The inside of a resolver: what is answered here (resolve_here.c), the names that are known or asked for (name.c),
 * the queries (resolve.c), and the library that asks name servers (lookup_ares.c, or lookup_none.c in a build
 * without one). */
#ifndef IO_RESOLVE_INTERNAL_H
#define IO_RESOLVE_INTERNAL_H

#include <netinet/in.h>

#include "base/list.h"
#include "io/resolve.h"

/* A name has 253 octets (RFC 1035, 3.1, without its lengths), a dot at its end, and our NUL. */
#define IO_HOST_SIZE 255

/* Answers a numeric host and the names of the loopback (RFC 6761, 6.3). False: it is neither. */
bool io_resolve_here(struct io_addresses *addresses, weir_str host, uint16_t port);
/* Whether a name server may be asked for it: labels of letters, digits, - and _, the last of them no number: "127.1"
 * and "0x7f.0.0.1" are no names (WHATWG URL, 3.5), and what is meant by them is not for us to guess. */
bool io_resolve_is_name(weir_str host);
/* Adds one, with the port; nothing where it is full. */
void io_addresses_add(struct io_addresses *addresses, const struct sockaddr *address, uint16_t port);
/* Families in turn, beginning with that of the first (RFC 8305, 4). */
void io_addresses_interleave(struct io_addresses *addresses);

struct io_lookup;

/* --- names ------------------------------------------------------------------------------------------------------ */

union io_number {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

enum io_answer { IO_ANSWER_NONE, IO_ANSWER_ADDRESSES, IO_ANSWER_NEGATIVE, IO_ANSWER_FAILED };

struct io_name;

/* One family of a name. */
struct io_family {
    struct io_name *name;
    enum io_answer answer;
    bool held;       /* the library has it, and will answer it */
    weir_code code;  /* of a failure */
    const char *why; /* static */
    uint64_t ttl_ns;
    union io_number *list;
    size_t count, room;
};

enum { IO_IPV4, IO_IPV6, IO_FAMILIES };

/* A name that is asked for, or whose addresses are known. It lives while the library holds it, a query waits for it, or
 * it is kept. */
struct io_name {
    struct io_resolver *resolver;
    struct base_list node;    /* in the resolver's names, those asked for last first; unlinked when it is not to be found any more */
    struct base_list queries; /* struct io_asked */
    struct io_family families[IO_FAMILIES];
    struct io_timer delay; /* how long IPv4 addresses wait for IPv6 ones */
    bool delayed;          /* they have waited */
    bool asking;           /* the library is being asked, and may answer at once */
    unsigned step;         /* of the library: which of the system's domains is tried */
    uint64_t until_ns;     /* known until then, once both families have their answer */
    char host[];
};

/* The name, whose lookup is under way or was begun by this, or whose answers are known; null: no memory. */
struct io_name *io_name_of(struct io_resolver *resolver, weir_str host);
/* There is something to tell of it: addresses to begin with, or that there are none. */
bool io_name_is_ready(const struct io_name *name);
/* Both families have their answer. */
bool io_name_is_whole(const struct io_name *name);
/* Adds the addresses of a family, in the order to try them, or of both (IO_FAMILIES), in turn. */
void io_name_addresses(const struct io_name *name, unsigned family, uint16_t port, struct io_addresses *to);
/* Why it has none. */
weir_code io_name_failure(const struct io_name *name, const char **why);
/* A query has gone: frees it if nothing holds it any more. */
void io_name_release(struct io_name *name);
/* All that are kept go. */
void io_names_drop(struct io_resolver *resolver);
/* Those that are under way are not found any more: who asks next begins a lookup of his own. */
void io_names_forget_unfinished(struct io_resolver *resolver);
/* Of resolve.c: there is something new to tell to who waits. */
void io_name_tell(struct io_name *name);

/* The library found one; false: no memory. */
WEIR_MUST_USE bool io_family_add(struct io_family *family, const struct sockaddr *address, uint64_t ttl_ns);
/* It has all that it will have: addresses, if some were added, and IO_ANSWER_ADDRESSES. */
void io_family_answer(struct io_family *family, enum io_answer answer, weir_code code, const char *why);

/* --- queries ---------------------------------------------------------------------------------------------------- */

struct io_asked {
    struct io_query *query;
    struct io_resolver *resolver;
    struct io_name *name;  /* null: it is answered here */
    struct base_list node; /* in the queries of its name */
    struct io_timer timer; /* due_ns, or at once when there is something to tell */
    uint64_t due_ns;
    bool ready;
    bool told; /* `done` was called with the addresses of one family: */
    unsigned told_family;
    uint16_t port; /* host order */
    size_t size;   /* allocated */
    char host[];
};

struct io_resolver {
    weir_allocator allocator;
    weir_loop *loop;
    struct io_lookup *lookup;
    struct base_list names; /* struct io_name */
    size_t name_count;
    size_t waiting; /* queries that wait for the library */
};

/* --- the library ------------------------------------------------------------------------------------------------ */

/* bad_address, no_memory, system_error. */
WEIR_MUST_USE weir_code io_lookup_new(struct io_lookup **out, struct io_resolver *resolver, weir_str name_servers,
                                      weir_error *error);
/* Answers what it holds. */
void io_lookup_free(struct io_lookup *lookup);
/* Calls io_family_answer once for each family, now or later. */
void io_lookup_ask(struct io_lookup *lookup, struct io_name *name);
/* Nobody waits any more: answers all it holds, and lets go of its descriptors. */
void io_lookup_drop(struct io_lookup *lookup);
#endif
