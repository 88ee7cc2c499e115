/* weir/server.h: a server: listeners, workers, connections that end for a known reason.
 *
 *     static const weir_handler handler = WEIR_HANDLER(.head = hello);
 *     return weir_serve(WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:8080"), .handler = &handler));
 *
 * A server has workers. Each is one thread with its own loop, listener, connections and counters; they share nothing.
 * The first runs on the thread that calls weir_server_run; the others are threads that `workers` asked for. A server
 * can instead be given a loop of the caller's, which is then its only worker.
 *
 * States: new (listening; nothing accepted yet) -> running -> draining -> stopped.
 */
#ifndef WEIR_SERVER_H
#define WEIR_SERVER_H

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

typedef struct weir_server weir_server;

/* Zero is the default of each field, and so is a view without octets, wherever it points; what is pointed at is
 * copied unless it says kept. */
typedef struct weir_server_options {
    size_t size;
    weir_str listen; /* HOST:PORT, [v6]:PORT, :PORT, unix:PATH, systemd; several with commas; required */
    const weir_handler *handler; /* copied; required */
    void *app;                   /* kept; given to each callback */
    unsigned workers;            /* default 1, at most 1024 */
    bool lenient;                /* bare LF in a head and the like pass, as weir/conn.h says; default: strict */
    weir_limits limits;
    uint64_t connections_max; /* of all workers; default: from the descriptor limit, with a reserve of a tenth */
    uint64_t drain_timeout_ns; /* default 30 s: then what is left is cut */
    unsigned backlog;          /* of listen(2); default 4096 */
    weir_str server_name;      /* the Server field; default: none is sent */
    weir_allocator allocator;  /* used by all workers at once */
    weir_loop *loop;           /* kept: run on this loop, with no worker of its own */
    bool mode_unix_all;        /* a unix socket is made for everyone (0666); default: the umask decides */
    /* TCP: the kernel hands a connection over with its first octets, or after about a second. A third less work for
     * each connection that asks once; but one that is reset before it says anything is never seen or counted. */
    bool defer_accept;
    /* Each ending of a connection, on the thread of its worker; kept. */
    void (*ending)(void *app, const weir_ending *ending);
    /* Things of the server itself that an operator may want to know: `no_descriptors` or `no_memory` while accepting,
     * one sentence each, at most one a second and worker; on the thread where it happens; kept. */
    void (*notice)(void *app, weir_code code, const char *text);
    /* It listens, and is about to serve: the place to print weir_server_address, and to keep `server` for a later
     * drain, where weir_serve made it. On the thread that calls weir_server_run; kept. */
    void (*started)(void *app, weir_server *server);
    /* All connections have ended after a drain or stop, on the thread of the last worker; the server may be freed after
     * it has returned. For a server on a loop of the caller's; kept. */
    void (*stopped)(void *app);
    /* Octets of memory that a connection may hold for answers that its peer has not read (weir/conn.h); default 64
     * KiB. */
    uint64_t connection_memory_max;
    /* A worker begins, and has ended: on its thread, before its first connection and after its last, with its loop,
     * on which it may have timers and a client of its own (weir_loop_set_user; examples/proxy.c). Of a loop of the
     * caller's too, just after `started` and just before `stopped`. What began is ended, though no thread may be had
     * for the others; kept. */
    void (*worker_started)(void *app, weir_loop *loop);
    void (*worker_stopped)(void *app, weir_loop *loop);
    /* Each exchange that ends, whatever its handler, just before its `done`; what it shows is still there: for an
     * access log (weir_response_status is what was answered). On the thread of its worker; kept. */
    void (*exchange_ended)(void *app, weir_exchange *x, const weir_exchange_ending *ending);
    /* The end of a connection that has a pointer of the user's (weir_exchange_set_connection_user), just after
     * `ending`: the place to free what is behind it. On the thread of its worker; kept. */
    void (*connection_ended)(void *app, void *user, const weir_ending *ending);
    /* Octets of memory that all connections of all workers may hold; each worker has its share. Over it reading
     * pauses and those that hold most are ended (`memory_limit`). Default: half of the machine's memory, or of the
     * control group's. */
    uint64_t memory_max;
    /* The answers that the server gives by itself in the application's words, on the thread of the worker; see
     * weir/error_answer.h. Default: a line of text. Kept. */
    void (*error_answer)(void *app, const weir_error_info *info, weir_error_answer *answer);
    /* For weir_serve: while it runs SIGTERM and SIGINT drain the server, and a second one stops it; before it returns
     * they are as they were. One that is ignored stays ignored. Default: signals are the program's. One server a
     * process at a time: else `misuse`. No other function looks at it. */
    bool drain_on_signals;
} weir_server_options;

#ifndef __cplusplus
#define WEIR_SERVER(...) (&(weir_server_options){.size = sizeof(weir_server_options), __VA_ARGS__})
#else
#define WEIR_SERVER(...) weir_cxx_at(WEIR_CXX_MAKE(weir_server_options, &, __VA_ARGS__))
#endif

/* Binds and listens, so that all that can be wrong with the options is said here, in `error` (may be null). */
WEIR_API WEIR_MUST_USE weir_code weir_server_new(weir_server **out, const weir_server_options *options,
                                                 weir_error *error);
/* Serves until the server is drained or stopped. With a loop of the caller's: starts accepting and returns. */
WEIR_API weir_code weir_server_run(weir_server *server, weir_error *error);
/* Only when stopped, or never run. */
WEIR_API void weir_server_free(weir_server *server);

/* New, run, free. Says on standard error what is wrong, if it is, the one place where the library prints; returns an
 * exit status: 0 after a drain, 1 when it could not run, 2 when the options are wrong. */
WEIR_API int weir_serve(const weir_server_options *options);

/* Drain: listeners close, idle connections close, exchanges are finished with Connection: close; what is not done after
 * the drain timeout is cut. Stop: everything is cut now. From any thread, and from a signal handler. */
WEIR_API void weir_server_drain(weir_server *server);
WEIR_API void weir_server_stop(weir_server *server);
/* Exchanges that begin from now on go to this handler, those that have begun stay with theirs. Copied. Each worker
 * hears of it within its next round. From any thread, before the server runs too. Refused as in weir_server_new;
 * `no_memory`: then all is as before. Copies are kept until weir_server_free, one of each handler that differs. */
WEIR_API WEIR_MUST_USE weir_code weir_server_set_handler(weir_server *server, const weir_handler *handler,
                                                         weir_error *error);
/* True when every connection has ended and the listeners are closed. */
WEIR_API bool weir_server_is_stopped(const weir_server *server);

/* The address a listener got, as "127.0.0.1:8080": for port 0. Terminated; false when there is no such listener. */
WEIR_API bool weir_server_address(const weir_server *server, size_t listener, char *text, size_t size);
/* The options in effect, defaults filled in, one "name value" a line. Terminated, cut at `size`; returns what
 * snprintf would. */
WEIR_API int weir_server_print_options(const weir_server *server, char *text, size_t size);
/* The same of options that no server was made of: nothing listens. Below zero: they are refused, and `error` (may be null) says
 * why. */
WEIR_API int weir_server_options_print(const weir_server_options *options, char *text, size_t size, weir_error *error);

/* The ledger of all workers. From any thread; each number is exact, though not all of the same instant.
 * `ledger->size` must be set. */
WEIR_API void weir_server_ledger(const weir_server *server, weir_ledger *ledger);
#ifdef __cplusplus
}
#endif
#endif
