/* weir/client.h: a client: requests go out through a pool of connections, and of each it is known how it ended.
 *
 *     weir_client_new(&client, WEIR_CLIENT(.loop = loop), &error);
 *     weir_client_send(client, WEIR_REQUEST(.url = WEIR_STR("http://127.0.0.1:8080/"), .handler = &mine, .app = me), &x, &error);
 *
 * One call to send, one handler to receive (weir/exchange.h), one call to cancel (weir_exchange_abort). A client
 * belongs to a loop and its thread; a program of several threads has one each, and nothing is shared, so nothing is
 * locked.
 *
 * Words. An origin is where connections go: host and port, or a unix socket, behind a proxy or not. A request that
 * was sent is waiting (for a connection), or on one. A connection is dialling, busy (one exchange), idle, or
 * closing.
 *
 * What holds at every moment:
 *   - each sent request gets `done` exactly once, never within weir_client_send; until then its exchange lives. It comes
 *     when the response is whole and the request is out, or the server does not want the rest (docs/client.md);
 *   - a waiting request of an origin goes before one that is sent later;
 *   - alive connections <= connections_max, and of an origin <= connections_per_origin; waiting requests <= waiting_max, but for those that
 *     come back to be sent again;
 *   - an idle connection has no octet unread, its last exchange was whole in both directions, and neither side said close;
 *     before it is used again the kernel is asked whether that is still so;
 *   - a connection that is being dialled belongs to the origin, not to a request: whichever comes first is used. A request
 *     that ends while it waits takes one dial with it, unless another request waits for that one.
 *
 * A failed request says in `retry` of its ending whether it is safe to send again: `not_sent` (none of its octets
 * left), `not_processed` (its head was not whole, or the server said close before it, or had closed before it came;
 * a server that ends only its own side, and then acts on what it can never answer, is not told apart from that:
 * docs/endings.md says why this is the word), `maybe_processed`, `processed` (its response had begun). */
#ifndef WEIR_CLIENT_H
#define WEIR_CLIENT_H

#include <weir/ending.h>
#include <weir/conn.h>
#include <weir/cxx.h>
#include <weir/engine.h>
#include <weir/exchange.h>
#include <weir/ledger.h>
#include <weir/limits.h>
#include <weir/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_client weir_client;

/* Which failed requests the client sends again by itself, on another connection. Never one whose body is a stream,
 * or whose response has begun, but for a 408 as below. Under WEIR_RETRY_PROVEN and WEIR_RETRY_IDEMPOTENT an origin
 * that could not be reached (not one whose name is not known, or that a proxy refused) is dialled again for the
 * requests that wait for it: after 100 ms, then each time after twice as long, 2 s at most, each pause shorter by up
 * to a quarter at random; at most retries_max times for a request. */
typedef enum weir_retry_policy {
    /* The default: GET, HEAD or OPTIONS without a body that was put on a connection which had been kept, and which
     * the server closed or reset before any octet of a response; or answered there with 408 and Connection: close
     * (RFC 9110, 15.5.9), of which the handler then does not hear. Once for a request, and on a connection that is
     * new (RFC 9112, 9.3.1). */
    WEIR_RETRY_SAFE = 0,
    WEIR_RETRY_PROVEN = 1,     /* those alone that were not sent, or not processed, of any method */
    WEIR_RETRY_IDEMPOTENT = 2, /* all of these, and those that were maybe processed, of methods that may be repeated
                                  (RFC 9110, 9.2.2) */
    WEIR_RETRY_NEVER = 100     /* the numbers below are for policies to come */
} weir_retry_policy;

/* Zero is the default of each field, and so is a view without octets, wherever it points; what is pointed at is
 * copied unless it says kept. */
typedef struct weir_client_options {
    size_t size;
    weir_loop *loop;          /* kept; required */
    weir_allocator allocator;
    weir_limits limits;       /* of each connection: its idle time, age and number of exchanges are among them */
    bool strict;              /* default: lenient, as weir/conn.h says what that is */
    weir_retry_policy retry;
    unsigned retries_max;     /* of one request, and of dials for it; default 3 */

    uint64_t connections_max;        /* default 1024 */
    uint64_t connections_per_origin; /* default 64 */
    uint64_t waiting_max;            /* default 4096; one more is refused with `pool_full` */
    uint64_t acquire_timeout_ns;     /* of a waiting request; default 30 s; then `acquire_timeout` */
    uint64_t exchange_timeout_ns;    /* from weir_client_send to `done`; default none; then `exchange_timeout` */
    uint64_t expect_timeout_ns;      /* how long a body waits for 100 (Continue); default 1 s */

    uint64_t resolve_timeout_ns; /* default 5 s */
    uint64_t connect_timeout_ns; /* of all attempts together, after the name is resolved; default 10 s */
    uint64_t attempt_delay_ns;   /* until the next address is tried as well; default 250 ms (RFC 8305, 5) */
    weir_str name_servers;       /* HOST:PORT, ...; default: the system's */
    weir_str local_address;      /* numeric, without a port; default: the kernel chooses */
    bool delay;                  /* TCP: let small segments wait for others (Nagle); default: TCP_NODELAY */
    uint64_t keepalive_ns;       /* TCP: probes after that much silence; default: none */

    /* http://[user:password@]HOST:PORT or socks5://[user:password@]HOST:PORT (names are resolved by the proxy;
     * percent-encoding in user and password is undone); empty: none, unless the environment is asked: http_proxy,
     * all_proxy, no_proxy, in lower case or (not http_proxy) upper; HOST:PORT alone is an HTTP proxy there. */
    weir_str proxy;
    bool proxy_from_environment;

    /* Each ending of a connection, of those too that were never established (`dial`); kept. */
    void (*ending)(void *app, const weir_ending *ending);
    /* All connections have ended after weir_client_drain; kept. */
    void (*drained)(void *app);
    void *app; /* kept */
    /* Octets of memory that all connections may hold, and what waits for one; over it those that hold most are ended
     * (`memory_limit`). Default: half of the machine's memory, or of the control group's. */
    uint64_t memory_max;
    /* An interim response, as 102 or 103, begins response_timeout_ns anew; default: it does not. */
    bool interim_restarts_wait;
} weir_client_options;

#ifndef __cplusplus
#define WEIR_CLIENT(...) (&(weir_client_options){.size = sizeof(weir_client_options), __VA_ARGS__})
#else
#define WEIR_CLIENT(...) weir_cxx_at(WEIR_CXX_MAKE(weir_client_options, &, __VA_ARGS__))
#endif

WEIR_API WEIR_MUST_USE weir_code weir_client_new(weir_client **out, const weir_client_options *options,
                                                 weir_error *error);
/* Ends everything at once: exchanges get `done` with `stopped`, within the call. Not within a callback of this
 * client. */
WEIR_API void weir_client_free(weir_client *client);
/* Idle connections close; exchanges that were sent are finished, waiting ones too; no other is taken (`misuse`).
 * Dials that no request waits for end. */
WEIR_API void weir_client_drain(weir_client *client);

/* Sends a request (weir/conn.h). `url`, or `connect_to` with `target` and `host`, says where to. All is copied
 * before the call returns but for a borrowed body, and `handler`, which is kept. `misuse` after a drain; `bad_url`
 * and the codes of weir_conn_request for what may not be sent; `pool_full`; `no_memory`: then there is no exchange,
 * and no `done`. `out` may be null. */
WEIR_API WEIR_MUST_USE weir_code weir_client_send(weir_client *client, const weir_request *request, weir_exchange **out,
                                                  weir_error *error);

/* --- of an exchange of a client, in any of its callbacks -------------------------------------------------------- */

/* How often it was sent again by the client. */
WEIR_API unsigned weir_exchange_retries(const weir_exchange *x);
/* The head of its request as it was written down, with its empty line. Lives until `done` returns. */
WEIR_API weir_str weir_request_head(const weir_exchange *x);

/* Nanoseconds; 0 for what has not come yet. Of the last attempt, but for `waited_ns`. */
typedef struct weir_timings {
    size_t size;
    uint64_t waited_ns;      /* from weir_client_send until it was on a connection */
    uint64_t dial_ns;        /* of that, resolving and connecting: of the connection, if this is its first exchange */
    uint64_t first_octet_ns; /* from then to the first octet of a response */
    uint64_t lived_ns;       /* from weir_client_send until now */
} weir_timings;
WEIR_API void weir_exchange_timings(const weir_exchange *x, weir_timings *timings);

/* What it has: `accepted` are the connections that were dialled. */
WEIR_API void weir_client_ledger(const weir_client *client, weir_ledger *ledger);

typedef struct weir_pool_counts {
    size_t size;
    uint64_t origins;
    uint64_t dialling;
    uint64_t busy;
    uint64_t idle;
    uint64_t closing;
    uint64_t waiting;
    uint64_t reused;  /* requests that went on a connection that had been used before */
    uint64_t stale;   /* idle connections that were found closed when they were looked at */
    uint64_t retried; /* requests that were sent again */
} weir_pool_counts;
WEIR_API void weir_client_counts(const weir_client *client, weir_pool_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
