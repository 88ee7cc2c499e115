/* weir/exchange.h: one request and its response, seen from either end.
 *
 * A handler is five callbacks, and a sixth for news. The same serve a request that arrives at a server and a
 * response that arrives at a client:
 *
 *     head   the head came (a client: each interim head too, see weir_response_is_interim)
 *     body   octets of its body came; says how many it took (the others are offered again after weir_body_resume)
 *     end    the message that arrives is whole; its trailers are there
 *     room   the outgoing body may go on: there is room to write, after there was none (or at the start)
 *     done   the exchange has ended, with its ending: the last call, always, exactly once
 *
 *     event  something happened besides the messages: see weir_event
 *
 * Any may be null, but for `head` of a server. They are called on the thread of the loop (or of the caller of the
 * weir_conn), never from within a call that the handler makes; every function of this page may be called inside
 * each, and between them, until `done` returns.
 *
 * What an exchange shows (method, target, fields, trailers) is borrowed, stays where it is and lives until `done`
 * returns. What is given to it says whether it is copied. Without a `body` callback the content is read and dropped
 * before `end`. Content that was refused, or at a server has neither callback to go to, is read and dropped while
 * little of it is left to come (discard_size_max), and otherwise the exchange is cut after the answer: HTTP/1 closes
 * the connection, HTTP/2 the stream. */
#ifndef WEIR_EXCHANGE_H
#define WEIR_EXCHANGE_H

#include <weir/base.h>
#include <weir/cxx.h>
#include <weir/ending.h>
#include <weir/field.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_exchange weir_exchange;

/* Things that happen to an exchange besides its own messages. */
typedef enum weir_event {
    /* The peer sent its FIN. After a whole request that is legal and the answer is still wanted (RFC 9112, 9.6); some
     * peers mean that they have left: an endless stream may want to stop. */
    WEIR_EVENT_PEER_FIN = 1,
    /* The connection is being drained: an endless answer should come to its end. */
    WEIR_EVENT_DRAIN = 2
} weir_event;

/* Copied by a server and a config; kept by a request, as long as its exchange. `size` is set by WEIR_HANDLER. */
typedef struct weir_handler {
    size_t size;
    void (*head)(void *app, weir_exchange *x);
    size_t (*body)(void *app, weir_exchange *x, weir_str octets);
    void (*end)(void *app, weir_exchange *x);
    void (*room)(void *app, weir_exchange *x);
    void (*done)(void *app, weir_exchange *x, const weir_exchange_ending *ending);
    void (*event)(void *app, weir_exchange *x, weir_event event);
} weir_handler;

#ifndef __cplusplus
#define WEIR_HANDLER(...) {.size = sizeof(weir_handler), __VA_ARGS__}
#else
#define WEIR_HANDLER(...) WEIR_CXX_MAKE(weir_handler, , __VA_ARGS__)
#endif

/* --- what arrived ----------------------------------------------------------------------------------------------- */

WEIR_API weir_role weir_exchange_role(const weir_exchange *x);
/* The version the peer spoke: 10, 11 (HTTP/1.2 and later 1.x count so too), or 20 for HTTP/2. */
WEIR_API unsigned weir_exchange_version(const weir_exchange *x);
/* Requests: the method and the request-target as they came; and its parts. The path is not decoded. The authority is
 * the target's if it has one and Host's otherwise (RFC 9112, 3.3). Of `*` and of CONNECT's target the path is empty. */
WEIR_API weir_str weir_request_method(const weir_exchange *x);
WEIR_API weir_str weir_request_target(const weir_exchange *x);
WEIR_API weir_str weir_request_path(const weir_exchange *x);
WEIR_API weir_str weir_request_query(const weir_exchange *x); /* without the `?` */
WEIR_API weir_str weir_request_authority(const weir_exchange *x);
/* The protocols that the request offers to switch to (its Upgrade field), best first; empty unless 101 may be answered:
 * HTTP/1.1, Upgrade named in Connection, and the request whole. */
WEIR_API weir_str weir_request_upgrade(const weir_exchange *x);
/* Responses: status, and the reason as it came. At a server: the status that was answered, 0 before that. */
WEIR_API unsigned weir_response_status(const weir_exchange *x);
WEIR_API weir_str weir_response_reason(const weir_exchange *x);
WEIR_API bool weir_response_is_interim(const weir_exchange *x);
/* Header fields, and after `end` the trailer fields. */
WEIR_API weir_fields weir_exchange_fields(const weir_exchange *x);
WEIR_API weir_fields weir_exchange_trailers(const weir_exchange *x);
/* Trailer fields that came and are not among them, because a field of that name may not be a trailer (RFC 9110,
 * 6.5.1). */
WEIR_API size_t weir_exchange_trailers_dropped(const weir_exchange *x);
/* Octets of the body that are to come as its head says; WEIR_NEVER when it does not say (chunked, until close). */
WEIR_API uint64_t weir_body_length(const weir_exchange *x);

/* --- the body that arrives -------------------------------------------------------------------------------------- */

/* A `body` that took less than it was offered, or a `head` that called weir_body_pause, hears no more octets until
 * weir_body_resume; meanwhile the peer is slowed down by TCP. `Expect: 100-continue` is answered with 100 when the
 * handler first wants the body: on return from `head` unless it paused, refused or answered there (a stream as an
 * answer wants the body too); or on resume; not when the peer did not wait for it. */
WEIR_API void weir_body_pause(weir_exchange *x);
WEIR_API void weir_body_resume(weir_exchange *x);
/* At most so many octets of this body, instead of body_size_max of the limits; WEIR_NEVER: any number. More is
 * `body_too_large`: 413, if no answer was begun. Best told in `head`, which is called whatever the head says of the
 * length: when it returns, or with weir_body_resume, a length that is over is refused before any of it is read. */
WEIR_API void weir_body_limit(weir_exchange *x, uint64_t size_max);
/* Keeps a whole body and gives it to one call: `collected(app, x, content)`, in the place of `body` and `end`, when
 * the message is whole; trailers are there. Called in `head`, of either role, once. `content` lives until `done`
 * returns. A body of more than `size_max` octets ends as weir_body_limit says, and a body that is cut short, or for
 * which there is no memory, ends the exchange: then `collected` is not called, and `done` says why. The handler's
 * other callbacks go on. It keeps what arrives: under weir_decoder that is the content before it is decoded.
 * `misuse` for a tunnel or a second time; `no_memory`: nothing has changed. */
typedef void weir_collected(void *app, weir_exchange *x, weir_str content);
WEIR_API WEIR_MUST_USE weir_code weir_collect(weir_exchange *x, uint64_t size_max, weir_collected *collected, void *app);
/* No more of this body is wanted. `body` is not called again, `end` neither. */
WEIR_API void weir_body_refuse(weir_exchange *x);
/* After weir_body_refuse or weir_exchange_abort: for a handler that calls another one's `body` several times in its
 * own. */
WEIR_API bool weir_body_is_refused(const weir_exchange *x);

/* --- the answer (server), the request (client) ------------------------------------------------------------------ */

typedef enum weir_body_kind {
    WEIR_BODY_NONE = 0,
    WEIR_BODY_BORROW,
    WEIR_BODY_COPY,
    WEIR_BODY_FILE,
    WEIR_BODY_STREAM,
    WEIR_BODY_SIZED,
    WEIR_BODY_TUNNEL
} weir_body_kind;

/* Where an outgoing body comes from: make one with the functions below. */
typedef struct weir_body {
    weir_body_kind kind;
    int fd;
    weir_str octets;
    uint64_t offset;
    uint64_t length;
} weir_body;

/* No body: Content-Length: 0 where one is due. */
WEIR_API weir_body weir_body_none(void);
/* Octets that stay untouched until `done`; not copied when they are many. */
WEIR_API weir_body weir_body_borrow(weir_str octets);
/* Octets copied before the call returns. */
WEIR_API weir_body weir_body_copy(weir_str octets);
/* `length` octets of an open file from `offset` on; the descriptor stays the caller's and open until `done`. */
WEIR_API weir_body weir_body_file(int fd, uint64_t offset, uint64_t length);
/* Written with weir_write and weir_finish: chunked (until close for HTTP/1.0), or `length` octets exactly. Where no
 * content may be sent (HEAD, 204, 304) the answer is whole with its head: there is no `room`, writes take nothing. */
WEIR_API weir_body weir_body_stream(void);
WEIR_API weir_body weir_body_sized(uint64_t length);
/* After 101 (see weir_request_upgrade) or a 2xx to CONNECT: the connection is a tunnel of octets. Those that arrive,
 * the ones already read first, come to `body`; the peer's FIN is `end` (the request's own end is not told any more);
 * weir_write writes; weir_finish sends our FIN; weir_body_refuse drops what still comes. */
WEIR_API weir_body weir_body_tunnel(void);

/* Answer a request: once, in any callback or later. The head is copied. Content-Length or Transfer-Encoding,
 * Connection and Date are added as due; those given in `fields` win where they are right. What a parser would refuse
 * is not sent: the peer gets 500, the exchange ends as `bad_response`, and so says the call. `misuse` when it was
 * answered already, or is one of a client; `no_memory`: the connection is lost. */
WEIR_API weir_code weir_respond(weir_exchange *x, unsigned status, weir_fields fields, weir_body body);
/* The same with a reason phrase of one's own (HTTP/1 only); an empty one is sent empty. */
WEIR_API weir_code weir_respond_reason(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields,
                                       weir_body body);
/* An interim response (100, 102, 103, ...; not 101) before the final one. Not sent to HTTP/1.0. `misuse` after the
 * final one; `bad_response` for what may not be sent: nothing is; `no_memory`. */
WEIR_API weir_code weir_respond_interim(weir_exchange *x, unsigned status, weir_fields fields);
/* Octets that weir_write would take now; more as the peer reads. */
WEIR_API size_t weir_write_room(const weir_exchange *x);
/* Copies octets of a stream or tunnel to the connection. Returns how many it took: fewer than offered when the room is
 * used up; then `room` is called when there is some again. */
WEIR_API size_t weir_write(weir_exchange *x, weir_str octets);
/* The same without a copy: takes all, which stay untouched until `done`. weir_write_room says when to go on. */
WEIR_API weir_code weir_write_borrow(weir_exchange *x, weir_str octets);
/* The same, and the octets go back before the end: `release(arg, octets)` is called once all of them are with the
 * transport, or never will be, in the order of the calls, before `done` and never within this call; all of this page
 * may be called in it. For streams that do not end, whose memory is used again. Only after WEIR_OK: else the octets
 * were not taken and `release` is not called. `misuse` as weir_write_borrow says, or for a null `release`;
 * `no_memory`: nothing has changed. */
typedef void weir_release(void *arg, weir_str octets);
WEIR_API WEIR_MUST_USE weir_code weir_write_lend(weir_exchange *x, weir_str octets, weir_release *release, void *arg);
/* Ends a stream. Trailers are sent if the body is chunked. Of a sized stream that is short: the exchange is cut,
 * as by weir_exchange_abort. */
WEIR_API weir_code weir_finish(weir_exchange *x, weir_fields trailers);
/* The connection is not kept after this exchange: HTTP/1 says `Connection: close` if the head is not out yet, HTTP/2
 * GOAWAY. */
WEIR_API void weir_exchange_close(weir_exchange *x);
/* Give up. The exchange is cut, so that the peer cannot take what it has for the whole: HTTP/1 resets the
 * connection, HTTP/2 the stream. */
WEIR_API void weir_exchange_abort(weir_exchange *x);

/* --- of the user ------------------------------------------------------------------------------------------------ */

/* One pointer an exchange, null at first; Weir never looks at it. */
WEIR_API void weir_exchange_set_user(weir_exchange *x, void *user);
WEIR_API void *weir_exchange_user(const weir_exchange *x);
/* Memory that lives as long as the exchange: it is given back after `done` has returned, never before. Not zeroed,
 * aligned as malloc's, from the allocator of the server, client or config. A client's exchange keeps it when it is
 * sent again. It is the application's own: weir_conn_memory does not count it. Null for no memory, and for a size of
 * 0. For a few pieces an exchange: each call is one of the allocator's. */
WEIR_API WEIR_MUST_USE void *weir_exchange_alloc(weir_exchange *x, size_t size);
/* One pointer a connection, null at first: what the exchanges of a connection share. A server tells of its end with
 * `connection_ended` (weir/server.h). While an exchange of a client waits for a connection it has none: it is null, and
 * setting it does nothing. */
WEIR_API void weir_exchange_set_connection_user(weir_exchange *x, void *user);
WEIR_API void *weir_exchange_connection_user(const weir_exchange *x);
/* The number of the connection, unique in its server, client or config, from 1; 0 while it waits for one. */
WEIR_API uint64_t weir_exchange_connection(const weir_exchange *x);
/* The other end of its connection, of a server or a client; of family 0 while it waits for one. */
WEIR_API weir_address weir_exchange_peer(const weir_exchange *x);

#ifdef __cplusplus
}
#endif
#endif
