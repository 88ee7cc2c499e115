/* The client as its own files see it.
 *
 *     weir_client ── origins ──┬─ waiting calls, in order          (call.c)
 *                              ├─ idle links, last used first      (pool.c)
 *                              └─ dials under way                  (dial.c)
 *
 * A call is an exchange: it is on the engine `unassigned` while it waits, and on its link's while it is served. Nothing is
 * decided within weir_client_send but whether an idle link takes the request; what else is to be done for an origin (to
 * dial, to fail) is done at the end of the loop's round, when the links that become idle in it are known: so that no
 * connection is dialled beside one that is about to be free, and no `done` comes from within a call.
 */
#ifndef CLIENT_CLIENT_INTERNAL_H
#define CLIENT_CLIENT_INTERNAL_H

#include <weir/client.h>

#include "client/proxy.h"
#include "io/dial.h"
#include "io/loop.h"
#include "link/link.h"

/* How an origin's connections go. */
enum client_via { CLIENT_VIA_NONE, CLIENT_VIA_HTTP, CLIENT_VIA_SOCKS };

/* Where connections go. Views: of an origin into its own memory. */
struct client_place {
    weir_str host; /* to connect to: the proxy's, if there is one */
    uint16_t port;
    weir_str path; /* of a unix socket; then there is no host */
    enum client_via via;
    weir_str user;     /* "user:password" for the proxy; empty: none */
    weir_str far_host; /* of CLIENT_VIA_SOCKS: what the proxy connects to */
    uint16_t far_port;
};

struct client_origin {
    struct base_list node;    /* in the client's bucket */
    struct base_list due;     /* in the client's list of those that have something to do; unlinked if not */
    struct base_list starved; /* in the client's list of those that may not dial: all connections are taken */
    weir_client *client;
    struct client_place place;
    struct base_list waiting; /* struct client_call */
    struct base_list idle;    /* struct client_link, last used first */
    uint64_t waiting_count;
    uint64_t fresh_count; /* of those, requests that take no connection but a new one */
    uint64_t idle_count;
    uint64_t links; /* alive */
    uint64_t dials;
    uint64_t given_up; /* requests that waited and ended since the origin was last looked after */
    bool held;     /* it is being looked after: not to be freed by what is done in a callback */
    bool no_dials; /* one failed while links are there: none until something changes with those */
    uint8_t failures;     /* dials of it that failed in turn, under a retry policy */
    struct io_timer redial_pause; /* no dial until it fires */
    uint64_t hash;
    size_t size; /* allocated, with the texts behind it */
};

struct client_link {
    struct link link;
    struct base_list idle; /* in its origin's list, while it rests */
    struct client_origin *origin;
    uint64_t dial_ns; /* how long it took to come to be */
    bool used;        /* it has had an exchange */
    bool rested;      /* it has been idle */
};

/* Kept for later: the server may close it just when it is used (RFC 9112, 9.3.1). */
static inline bool client_link_is_kept(const struct client_link *link)
{
    return link->used || link->rested;
}

struct client_call {
    struct weir_exchange x;
    struct base_list node; /* in its origin's `waiting`, while it waits */
    struct client_origin *origin;
    weir_prepared *prepared; /* as it is asked, and asked again */
    struct io_timer timer;
    uint64_t give_up_ns; /* the whole exchange */
    uint64_t acquire_ns; /* while it waits */
    uint64_t asked_ns;   /* it was put on a connection */
    uint64_t dial_ns;
    bool waits;
    const weir_handler *handler; /* the user's, while the exchange has `guarded` (call.c) in its place */
    bool repeatable; /* its method may be sent twice (RFC 9110, 9.2.2) */
    bool safe;       /* GET, HEAD or OPTIONS without a body: one more costs the server nothing (RFC 9110, 9.2.1) */
    bool streams;
    bool kept;     /* the connection that it is on, or was on last, had been kept */
    bool too_late; /* and the server answered there that it had waited too long: 408 */
    bool fresh;    /* while it waits: it takes no connection but a new one */
    uint8_t retries;
    uint8_t dials_failed; /* while it waited, and it is still dialled for */
    uint8_t worst_retry; /* weir_retry: the worst that is known of earlier attempts */
};

#define CLIENT_BUCKETS 64

struct weir_client {
    weir_client_options options; /* with defaults; texts are copies */
    struct link_home home;
    struct io_resolver *resolver;
    struct base_list buckets[CLIENT_BUCKETS]; /* struct client_origin */
    struct base_list due;                     /* origins that have something to do at the end of the round */
    struct base_list starved;                 /* origins that wait for any connection to come free, in turn */
    struct io_late round_end;
    bool look;              /* an exchange that waits was given up */
    struct base_list dials; /* struct client_dial */
    uint64_t dial_count;
    uint64_t waiting_count;
    weir_pool_counts counts;
    bool draining;
    bool freeing;
    bool drained_told;
    /* Where exchanges are that are on no connection. */
    struct engine unassigned;
    struct engine_facts no_facts;
    struct client_proxies proxies;
    char *proxy_text, *servers_text, *local_text; /* copies of options */
};

/* options.c: copies and checks; `client` has its allocator. */
WEIR_MUST_USE weir_code client_take_options(weir_client *client, const weir_client_options *options, weir_error *error);
void client_drop_options(weir_client *client);

/* pool.c */
/* The origin of that place, made if there is none; null: no memory. */
struct client_origin *client_origin_of(weir_client *client, const struct client_place *place);
/* Takes it away if nothing is left of it. */
void client_origin_release(struct client_origin *origin);
/* Has its affairs looked at, at the end of the round. */
void client_origin_is_due(struct client_origin *origin);
/* A connection has ended, or has become idle: whoever could not dial for want of it may now. */
void client_place_is_free(weir_client *client);
/* An idle link that is fit for use, taken out of the list; null: none. */
struct client_link *client_take_idle(struct client_origin *origin);
/* Out of memory: the link returns to the idle list, if it is still open. */
void client_link_not_asked(struct client_link *link);
/* A link was dialled. */
void client_link_opened(struct client_origin *origin, struct link *link, uint64_t dial_ns);
void client_link_rests(struct link_home *home, struct link *link);
void client_link_ended(struct link_home *home, struct link *link, const weir_ending *ending);
/* A dial came to nothing: whoever has waited longest hears of it, unless other connections are there to serve it. */
void client_dial_failed(struct client_origin *origin, weir_code code, weir_stage stage);
void client_round_end(struct io_late *late);

/* dial.c: dials, and what a proxy wants to hear before. */
WEIR_MUST_USE weir_code client_dial(struct client_origin *origin);
/* redial.c */
/* A dial failed. True: there will be another, after a pause, for the requests that still wait; the others have
 * failed. */
bool client_redial(struct client_origin *origin, weir_code code, weir_stage stage);
/* One succeeded, or none is wanted. */
void client_redial_over(struct client_origin *origin);
static inline bool client_origin_rests(const struct client_origin *origin)
{
    return io_timer_is_running(&origin->redial_pause);
}

/* dial.c: all that are under way end. */
void client_cancel_dials(weir_client *client);
/* dial.c: the dial of that origin that was begun last ends, and its record has that code. There is one. Not within a
 * callback of a dial. */
void client_end_dial(struct client_origin *origin, weir_code code);

/* call.c */
static inline struct client_call *client_call_of(struct weir_exchange *x)
{
    return (struct client_call *)(void *)x;
}
/* Puts a waiting call, or one that is new, on a link. Not WEIR_OK: it is where it was. */
WEIR_MUST_USE weir_code client_call_ask(struct client_call *call, struct client_link *link);
/* A request that was read and has its way; no `done` when it is refused. */
WEIR_MUST_USE weir_code client_start_call(weir_client *client, const struct client_place *place,
                                          const weir_request *request, weir_exchange **out, weir_error *error);
void client_call_wait(struct client_call *call, bool first);
/* A waiting call comes to nothing: `done`. */
void client_call_fail(struct client_call *call, weir_code code, weir_stage stage);
bool client_call_ending(struct weir_conn_config *config, struct weir_exchange *x, weir_exchange_ending *ending);
void client_call_freed(struct weir_exchange *x);
/* Something was done to exchanges that wait: those given up end. */
void client_calls_look(weir_client *client);
/* Every waiting call ends. */
void client_calls_stop(weir_client *client, weir_code code);

weir_code client_refuse(weir_error *error, weir_code code, const char *format, ...) WEIR_PRINTF(3, 4);

#define CLIENT_SHOWN_SIZE 128
/* A URL as an error may show it, which ends up in logs: what may be a password is left out, and what is not printable
 * ASCII is a `?`. Cut where it is long. */
void client_show_url(char text[CLIENT_SHOWN_SIZE], weir_str url);

static inline weir_client *client_of_home(struct link_home *home)
{
    return BASE_CONTAINER(home, weir_client, home);
}

#endif
