/* weir/ending.h: how a connection, and an exchange on it, ended.
 *
 * Every connection, accepted or dialled, ends with exactly one ending. The first cause is kept; what came after it
 * is in the trace. `delivered` means acknowledged by the peer's TCP (of a unix socket: read by the peer): nobody on
 * this side can know more. */
#ifndef WEIR_ENDING_H
#define WEIR_ENDING_H

#include <weir/base.h>
#include <weir/code.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the connection was when the cause came. */
#define WEIR_STAGE_TABLE(X)                                                                                            \
    X(dial, DIAL)         /* not connected yet */                                                                      \
    X(tls, TLS)           /* within the handshake */                                                                   \
    X(unused, UNUSED)     /* not one octet came */                                                                     \
    X(head, HEAD)         /* a head is partly here */                                                                  \
    X(body, BODY)         /* a request is partly here */                                                               \
    X(handler, HANDLER)   /* a request is whole, no octet of its answer queued */                                      \
    X(response, RESPONSE) /* an answer is partly out */                                                                \
    X(idle, IDLE)         /* between exchanges */                                                                      \
    X(closing, CLOSING)   /* all answers out, our FIN sent or being sent */                                            \
    X(tunnel, TUNNEL)     /* after an upgrade or CONNECT */

#define WEIR_HOW_TABLE(X)                                                                                              \
    X(fin, FIN)                                                                                                        \
    X(reset, RESET)                                                                                                    \
    X(timeout, TIMEOUT)                                                                                                \
    X(abort, ABORT) /* our RST, on purpose */                                                                          \
    X(close, CLOSE) /* our decision, in order */                                                                       \
    X(error, ERROR)

#define WEIR_BY_TABLE(X)                                                                                               \
    X(peer, PEER)                                                                                                      \
    X(self, SELF)         /* the application or its policy */                                                          \
    X(operator, OPERATOR) /* drain, stop */                                                                            \
    X(clock, CLOCK)                                                                                                    \
    X(network, NETWORK)                                                                                                \
    X(kernel, KERNEL) /* no descriptors, no memory */

/* In order of gravity: of a connection, the worst of its exchanges. */
#define WEIR_DELIVERY_TABLE(X)                                                                                         \
    X(none_owed, NONE_OWED)     /* no whole request was taken */                                                       \
    X(delivered, DELIVERED)     /* the peer's TCP acknowledged every octet of the answer */                            \
    X(unconfirmed, UNCONFIRMED) /* every octet left, the last ones were not acknowledged */                            \
    X(partial, PARTIAL)         /* some octets were acknowledged, some never left or were refused */                   \
    X(lost, LOST)               /* nothing of an owed answer was acknowledged, and it never left or was refused */     \
    X(unknown, UNKNOWN)         /* the transport does not tell */

#define WEIR_CLASS_TABLE(X)                                                                                            \
    X(routine, ROUTINE)                                                                                                \
    X(notable, NOTABLE)                                                                                                \
    X(fault, FAULT)                                                                                                    \
    X(abuse, ABUSE)                                                                                                    \
    X(bug, BUG)

#define WEIR_RETRY_TABLE(X)                                                                                            \
    X(not_sent, NOT_SENT)                                                                                              \
    X(not_processed, NOT_PROCESSED)                                                                                    \
    X(maybe_processed, MAYBE_PROCESSED)                                                                                \
    X(processed, PROCESSED)

#define WEIR_ENUM(lower, upper) WEIR_ENUM_PREFIX(upper),
#define WEIR_ENUM_PREFIX(upper) WEIR_STAGE_##upper
typedef enum weir_stage { WEIR_STAGE_TABLE(WEIR_ENUM) WEIR_STAGE_COUNT } weir_stage;
#undef WEIR_ENUM_PREFIX
#define WEIR_ENUM_PREFIX(upper) WEIR_HOW_##upper
typedef enum weir_how { WEIR_HOW_TABLE(WEIR_ENUM) WEIR_HOW_COUNT } weir_how;
#undef WEIR_ENUM_PREFIX
#define WEIR_ENUM_PREFIX(upper) WEIR_BY_##upper
typedef enum weir_by { WEIR_BY_TABLE(WEIR_ENUM) WEIR_BY_COUNT } weir_by;
#undef WEIR_ENUM_PREFIX
#define WEIR_ENUM_PREFIX(upper) WEIR_DELIVERY_##upper
typedef enum weir_delivery { WEIR_DELIVERY_TABLE(WEIR_ENUM) WEIR_DELIVERY_COUNT } weir_delivery;
#undef WEIR_ENUM_PREFIX
#define WEIR_ENUM_PREFIX(upper) WEIR_CLASS_##upper
typedef enum weir_class { WEIR_CLASS_TABLE(WEIR_ENUM) WEIR_CLASS_COUNT } weir_class;
#undef WEIR_ENUM_PREFIX
#define WEIR_ENUM_PREFIX(upper) WEIR_RETRY_##upper
typedef enum weir_retry { WEIR_RETRY_TABLE(WEIR_ENUM) WEIR_RETRY_COUNT } weir_retry;
#undef WEIR_ENUM_PREFIX
#undef WEIR_ENUM

/* Every value is less, in every version to come: the size of an array with an element for each. New values are added
 * at the end of their table. Of roles, classes and retries there are no others to come. */
#define WEIR_STAGE_MAX 16
#define WEIR_HOW_MAX 16
#define WEIR_BY_MAX 16
#define WEIR_DELIVERY_MAX 16

WEIR_API const char *weir_stage_name(weir_stage stage);
WEIR_API const char *weir_how_name(weir_how how);
WEIR_API const char *weir_by_name(weir_by by);
WEIR_API const char *weir_delivery_name(weir_delivery delivery);
WEIR_API const char *weir_class_name(weir_class judged);
WEIR_API const char *weir_retry_name(weir_retry retry);

/* What a code says by itself: how and by whom, and the usual class (an ending's own depends on the delivery too). Of a
 * number that is no code: error, self, bug. */
WEIR_API weir_how weir_code_how(weir_code code);
WEIR_API weir_by weir_code_by(weir_code code);
WEIR_API weir_class weir_code_class(weir_code code);

/* An address of either end: an IPv4 or IPv6 one, or a unix socket's. */
typedef struct weir_address {
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX; 0: unknown */
    uint16_t port;
    uint8_t octets[16]; /* of IPv4 the first four */
} weir_address;

/* `127.0.0.1:43210`, `[::1]:80`, `unix:`; terminated, cut at `size`. Returns what snprintf would. */
WEIR_API int weir_address_format(char *text, size_t size, const weir_address *address);

/* The first four events of a connection that are not plain progress, by layer, oldest in the lowest octet; 0 is
 * none. */
typedef uint32_t weir_trace;

/* "fd:rcv_err > h1:truncated"; "-" if empty. Returns what snprintf would. */
WEIR_API int weir_trace_format(char *text, size_t size, weir_trace trace);

/* The record of a connection. Lives for the call that shows it. */
typedef struct weir_ending {
    uint64_t id;
    weir_role role;
    weir_stage stage;
    weir_how how;
    weir_by by;
    weir_code code;
    weir_delivery delivery;
    weir_class judged; /* `class` in JSON and logs: a word that C++ keeps */
    weir_retry retry;  /* of a client */
    int os;            /* the errno seen first; 0: none */
    weir_trace trace;
    weir_address peer;
    weir_address local;
    uint64_t exchanges_begun; /* exchanges in JSON */
    uint64_t exchanges_done;
    uint64_t octets_in;
    uint64_t octets_out;    /* taken by the kernel */
    uint64_t octets_acked;  /* of those, acknowledged */
    uint64_t octets_unsent; /* queued for the peer and never taken by the kernel */
    uint64_t octets_unread; /* in the kernel when we closed */
    uint64_t began_unix_ns; /* wall clock at accept or dial */
    uint64_t lived_ns;
} weir_ending;

/* The record of an exchange. `delivery` is what is known at its end: `unconfirmed` when its answer is all with the
 * kernel and the connection goes on (the connection's ledger learns more later), the verdict if the connection
 * ended. Of a client's that is `complete`, `partial` says that the answer came early and the rest of the request was
 * not sent. */
typedef struct weir_exchange_ending {
    weir_code code;
    weir_stage stage;
    weir_how how;
    weir_by by;
    weir_delivery delivery;
    weir_class judged;
    weir_retry retry;
    uint64_t body_in;  /* octets of content that arrived */
    uint64_t body_out; /* octets of content that were taken for sending */
    uint64_t lived_ns;
} weir_exchange_ending;

/* One JSON object without a newline; one logfmt line `code=... stage=...` without time, level and newline. Terminated,
 * never cut: at most WEIR_ENDING_TEXT_MAX octets. Returns the length. */
#define WEIR_ENDING_TEXT_MAX 1024
WEIR_API size_t weir_ending_json(char text[WEIR_ENDING_TEXT_MAX], const weir_ending *ending);
WEIR_API size_t weir_ending_logfmt(char text[WEIR_ENDING_TEXT_MAX], const weir_ending *ending);

#ifdef __cplusplus
}
#endif
#endif
