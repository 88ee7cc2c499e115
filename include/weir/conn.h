/* weir/conn.h: one HTTP connection without I/O: octets in, octets out, one deadline.
 *
 * A weir_conn is all of a connection but the socket: the protocol, the life, the deadlines, the staged close, the
 * ending. The server and the client of this library are adapters around it. An adapter of yours can be one page
 * (examples/engine_alone.c):
 *
 *     feed     weir_conn_reserve, read into it, weir_conn_received(n); at end of stream weir_conn_received_fin
 *     drain    weir_conn_output, write it, weir_conn_sent(n)
 *     steps    after each of these ask weir_conn_wants, and do what it says, until it says nothing new
 *     time     weir_conn_deadline; at or after it weir_conn_tick
 *     errors   a failed read or write: weir_conn_failed with its errno
 *     end      once weir_conn_wants says CLOSE or ABORT: do it, call weir_conn_closed, then weir_conn_free
 *
 * Callbacks of the handler run inside received, received_fin, sent, receipt, tick, failed, drain, stop and closed,
 * never inside the functions of exchange.h. Time comes in only as `now_ns` (monotonic, never going back). No function
 * blocks. An idle connection holds no buffer. A connection is not thread-safe: one thread at a time may use it.
 */
#ifndef WEIR_CONN_H
#define WEIR_CONN_H

#include <weir/cxx.h>
#include <weir/ending.h>
#include <weir/error_answer.h>
#include <weir/exchange.h>
#include <weir/limits.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_conn weir_conn;
typedef struct weir_conn_config weir_conn_config;

/* What many connections have in common. Zero is the default of each field. */
typedef struct weir_conn_options {
    size_t size;
    weir_role role;
    /* Some breaches of the grammar pass. A server's default is strict, a client's lenient. Of any peer: lines of a head
     * that end in a bare LF, and blanks behind a chunk size. Of a server's responses also: folded fields, a status line
     * that ends at the status, Content-Length beside chunked (which wins, and the connection is not kept), and
     * Transfer-Encoding: identity (which is ignored). Folds in trailers pass of any peer. */
    bool lenient;
    bool strict; /* for a client: as strict as a server */
    const weir_handler *handler; /* copied; required, of a server with `head` */
    void *app;                   /* given to each callback */
    weir_limits limits;          /* copied */
    weir_allocator allocator;    /* copied */
    /* The Server field of answers, kept; empty: none. */
    weir_str server_name;
    /* The wall clock in seconds since 1970, for Date; null: no Date is sent. */
    int64_t (*unix_time)(void *app);
    /* Something was done to an exchange from outside a callback: call weir_conn_tick soon, then ask wants. Called on
     * the thread of the connection, from within functions of exchange.h; must not call back. May be null: then call
     * tick after each such thing. */
    void (*wake)(void *owner);
    /* Octets of memory that a connection may hold for answers that its peer has not read: blocks, exchanges and heads
     * as they are allocated. While there are so many no other request of it begins, and nothing is read.
     * WEIR_UNLIMITED: output_size_max alone counts. Default 64 KiB. docs/security-model.md says what a peer can make us
     * hold in all. */
    uint64_t connection_memory_max;
    /* Of a server: the answers that it gives by itself in the application's words; see weir/error_answer.h. Called
     * inside what found the error: one of the functions below, or weir_respond when its own answer may not be sent. It
     * may look at the exchange and give an answer; other answers are refused there. Default: a line of text. */
    void (*error_answer)(void *app, const weir_error_info *info, weir_error_answer *answer);
    /* Of a client: each interim response (RFC 9110, 15.2) begins response_timeout_ns anew; default: that is until the
     * final one, whatever comes before it. interim_count_max bounds how often. */
    bool interim_restarts_wait;
} weir_conn_options;

#ifndef __cplusplus
#define WEIR_CONN_OPTIONS(...) {.size = sizeof(weir_conn_options), __VA_ARGS__}
#else
#define WEIR_CONN_OPTIONS(...) WEIR_CXX_MAKE(weir_conn_options, &, __VA_ARGS__)
#endif

/* Checks and copies the options, and holds the free lists that its connections share. For one thread, as its
 * connections. */
WEIR_API WEIR_MUST_USE weir_code weir_conn_config_new(weir_conn_config **out, const weir_conn_options *options,
                                                        weir_error *error);
/* After the last of its connections. */
WEIR_API void weir_conn_config_free(weir_conn_config *config);

/* Octets of memory that all its connections hold now, and the config itself; what waits in free lists for the next ones
 * is not in it. */
WEIR_API uint64_t weir_conn_config_memory(const weir_conn_config *config);

/* A connection that begins now. `owner` is what `wake` gets. `no_memory` if so. */
WEIR_API WEIR_MUST_USE weir_code weir_conn_new(weir_conn **out, weir_conn_config *config, void *owner,
                                                 uint64_t now_ns);
/* Only after weir_conn_closed. */
WEIR_API void weir_conn_free(weir_conn *conn);

/* --- asking (a client) ------------------------------------------------------------------------------------------ */

/* A request. Zero is the default of each field, and so is a view without octets, wherever it points; all is copied
 * before the call returns but for a borrowed body. To send an empty Host, give it among `fields`. */
typedef struct weir_request {
    size_t size;
    weir_str method; /* default GET */
    weir_str target; /* as it goes on the wire: "/path?query", an absolute URI for a proxy, HOST:PORT for CONNECT, "*" */
    weir_str host;   /* the Host field, where `fields` has none; one of the two is needed */
    weir_fields fields;
    weir_body body; /* as of a response; a tunnel is asked for with CONNECT, or with Upgrade and Connection: upgrade */
    void *user;     /* weir_exchange_user of the exchange */
    /* Of this exchange alone; kept, as long as it. Default: those of the options. */
    const weir_handler *handler;
    void *app;
    /* Send Expect: 100-continue, and the body only when 100 comes, or expect_timeout_ns (default 1 s) is over; nothing
     * of it when a final response comes first: the connection is then not kept. */
    bool expect;
    uint64_t expect_timeout_ns;
    /* For weir_client_send; a weir_conn does not look at them. */
    weir_str url;        /* http://HOST[:PORT]/PATH?QUERY: gives the origin, and `host` and `target` where they are empty */
    weir_str connect_to; /* HOST:PORT or unix:PATH: connect there, whatever the URL or Host says */
    uint64_t timeout_ns; /* from send to `done`; default: exchange_timeout_ns of the client */
} weir_request;

#ifndef __cplusplus
#define WEIR_REQUEST(...) (&(weir_request){.size = sizeof(weir_request), __VA_ARGS__})
#else
#define WEIR_REQUEST(...) weir_cxx_at(WEIR_CXX_MAKE(weir_request, &, __VA_ARGS__))
#endif

/* Begins an exchange; the handler hears of it from its response's head on. Others may be under way: then it is
 * pipelined (RFC 9112, 9.3.2), if the requests before it are whole and none asks to switch protocols. `misuse` where
 * that is not so, or when the connection takes no more; `bad_method`, `bad_target`, `bad_host`, `bad_field_name`,
 * `bad_field_value`, `bad_content_length` or `bad_transfer_encoding` for what may not be sent, `no_memory`: then there
 * is no exchange. A body that is a stream goes on with weir_write and weir_finish in `room`. After `out` is given ask
 * weir_conn_wants. */
WEIR_API WEIR_MUST_USE weir_code weir_conn_request(weir_conn *conn, const weir_request *request,
                                                     weir_exchange **out, uint64_t now_ns);

/* A request that is asked many times: checked and written once. For this config's connections; `handler`, `app` and
 * `user` are of each asking; a body that is borrowed is borrowed for as long. Streams and `expect` cannot be prepared
 * (`misuse`). */
typedef struct weir_prepared weir_prepared;
WEIR_API WEIR_MUST_USE weir_code weir_prepare(weir_prepared **out, weir_conn_config *config,
                                              const weir_request *request);
WEIR_API void weir_prepared_free(weir_prepared *prepared);
WEIR_API WEIR_MUST_USE weir_code weir_conn_request_prepared(weir_conn *conn, const weir_prepared *prepared,
                                                              void *user, weir_exchange **out, uint64_t now_ns);

/* --- octets in -------------------------------------------------------------------------------------------------- */

/* Where the next octets may be read to, and how many; null with *size 0 when there is no memory now (read later). Valid
 * until the next call on this connection. Call it when READ is wanted. */
WEIR_API char *weir_conn_reserve(weir_conn *conn, size_t *size);
/* n octets were put there, 0 too (gives the space back). */
WEIR_API void weir_conn_received(weir_conn *conn, size_t n, uint64_t now_ns);
/* The peer's FIN was read. */
WEIR_API void weir_conn_received_fin(weir_conn *conn, uint64_t now_ns);

/* --- octets out ------------------------------------------------------------------------------------------------- */

/* A piece of output: octets in memory, or of a file when `fd` is not -1. */
typedef struct weir_output {
    const char *ptr;
    size_t len;
    int fd;
    uint64_t offset;
} weir_output;

/* The first pieces of what is to be written, at most `count`; returns how many. Valid until the next call. */
WEIR_API size_t weir_conn_output(weir_conn *conn, weir_output *pieces, size_t count);
/* The first n octets of it are with the kernel. */
WEIR_API void weir_conn_sent(weir_conn *conn, size_t n, uint64_t now_ns);
/* The file behind the first piece could not be read (errno) or ended early (0). */
WEIR_API void weir_conn_output_failed(weir_conn *conn, int os, uint64_t now_ns);

/* --- what next -------------------------------------------------------------------------------------------------- */

enum {
    WEIR_WANT_READ = 1,     /* octets are welcome */
    WEIR_WANT_WRITE = 2,    /* there is output */
    WEIR_WANT_RECEIPT = 4,  /* ask the kernel what was acknowledged, call weir_conn_receipt */
    WEIR_WANT_SHUTDOWN = 8, /* shut the writing side down, call weir_conn_shut; output is empty */
    WEIR_WANT_CLOSE = 16,   /* close now; nothing is owed */
    WEIR_WANT_ABORT = 32    /* close now with a reset (SO_LINGER 0); the last receipt is of that moment */
};
WEIR_API unsigned weir_conn_wants(const weir_conn *conn);

/* What the transport knows of the octets that it took. */
typedef struct weir_receipt {
    bool known;      /* false: the transport does not tell */
    bool reset;      /* the transport is dead: a reset came, or both FINs and their acknowledgements */
    uint64_t left;   /* octets that left this host at least once */
    uint64_t acked;  /* octets that the peer's TCP acknowledged */
    uint64_t unread; /* octets that came and were not read by us */
} weir_receipt;
WEIR_API void weir_conn_receipt(weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns);
WEIR_API void weir_conn_shut(weir_conn *conn, uint64_t now_ns);
/* A read or a write failed; `os` is its errno (ECONNRESET, EPIPE, ETIMEDOUT, ...); 0: hung up without an error. */
typedef enum weir_direction { WEIR_DIRECTION_IN = 0, WEIR_DIRECTION_OUT = 1 } weir_direction;
WEIR_API void weir_conn_failed(weir_conn *conn, weir_direction direction, int os, uint64_t now_ns);

/* When to call tick at the latest; WEIR_NEVER for none. It changes with any call. */
WEIR_API uint64_t weir_conn_deadline(const weir_conn *conn);
WEIR_API void weir_conn_tick(weir_conn *conn, uint64_t now_ns);

/* --- the end ---------------------------------------------------------------------------------------------------- */

/* No exchange after the present one; an idle connection closes at once. Says Connection: close where it still can. */
WEIR_API void weir_conn_drain(weir_conn *conn, uint64_t now_ns);
/* End now for that reason; one that is idle, or has sent all, is closed, any other is reset: `stopped`,
 * `drain_timeout`, `idle_reclaimed`, `no_memory` and the like. */
WEIR_API void weir_conn_stop(weir_conn *conn, weir_code code, uint64_t now_ns);
/* Octets of memory that it holds now, as they were allocated: buffers, exchanges, heads and what it keeps to account
 * for its answers; without what the application has. */
WEIR_API uint64_t weir_conn_memory(const weir_conn *conn);
/* True between two exchanges and before the first. */
WEIR_API bool weir_conn_is_idle(const weir_conn *conn);
/* The transport is closed; `last` is what the kernel said before (may be null: unknown). Runs every `done` that is owed
 * and fills the ending; addresses and the time of day are the caller's to add. Call it once. */
WEIR_API void weir_conn_closed(weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending);

#ifdef __cplusplus
}
#endif
#endif
