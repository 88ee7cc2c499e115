/* weir/code.h: one code space for every way in which a call, an exchange or a connection ends.
 *
 * A code has one meaning; its name is API: scripts depend on it, it never changes. The table below is the only place
 * that knows them: enum, names, texts, the answer to send, the usual class and the advice are made from it.
 *
 *     X(name, how, by, class, status, h2, text, advice)
 *
 *     how     fin reset timeout abort close error    (enum weir_how)
 *     by      peer self operator clock network kernel (enum weir_by)
 *     class   routine notable fault abuse bug: the usual one; the ending's own is decided by the delivery too
 *     status  the answer to a request that ended so, 0 if none is sent (RFC 9110, 15)
 *     h2      the HTTP/2 error code to send (RFC 9113, 7)
 */
#ifndef WEIR_CODE_H
#define WEIR_CODE_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The codes of 0.1. Closed: a row more would move the numbers of those below, which programs hold. */
#define WEIR_CODE_TABLE_0_1(X)                                                                                         \
    X(ok, CLOSE, SELF, ROUTINE, 0, 0, "nothing is wrong", "")                                                          \
    X(complete, CLOSE, SELF, ROUTINE, 0, 0, "the exchange is whole in both directions", "")                            \
    /* The peer left. */                                                                                               \
    X(peer_fin_unused, FIN, PEER, ROUTINE, 0, 0, "connected and closed without a word", "a probe or a spare")          \
    X(peer_reset_unused, RESET, PEER, ROUTINE, 0, 0, "connected and reset without a word", "a probe or a scan")        \
    X(peer_fin_idle, FIN, PEER, ROUTINE, 0, 0, "the peer closed between two exchanges", "")                            \
    X(peer_reset_idle, RESET, PEER, ROUTINE, 0, 0, "the peer reset between two exchanges", "as load tools do")         \
    X(peer_fin_in_head, FIN, PEER, NOTABLE, 0, 0, "the peer closed within a head", "nothing was owed")                 \
    X(peer_reset_in_head, RESET, PEER, NOTABLE, 0, 0, "the peer reset within a head", "nothing was owed")              \
    X(peer_fin_in_body, FIN, PEER, NOTABLE, 0, 1, "the peer closed within a body: the message is truncated",           \
      "do not act on what came")                                                                                       \
    X(peer_reset_in_body, RESET, PEER, NOTABLE, 0, 1, "the peer reset within a body: the message is truncated",        \
      "do not act on what came")                                                                                       \
    X(peer_fin_in_handler, FIN, PEER, NOTABLE, 0, 8, "the peer left before its answer began", "the client gave up")    \
    X(peer_reset_in_handler, RESET, PEER, NOTABLE, 0, 8, "the peer reset before its answer began",                     \
      "the client gave up")                                                                                            \
    X(peer_fin_in_response, FIN, PEER, NOTABLE, 0, 8, "the peer left before it had its answer", "the client gave up")  \
    X(peer_reset_in_response, RESET, PEER, NOTABLE, 0, 8, "the peer reset before it had its answer",                   \
      "the client gave up")                                                                                            \
    X(peer_reset_closing, RESET, PEER, ROUTINE, 0, 0, "the peer reset after our last octet", "it was faster")          \
    X(peer_half_close, FIN, PEER, ROUTINE, 0, 0, "the peer ended its side, was answered, and the connection closed",   \
      "")                                                                                                              \
    X(peer_fin_tunnel, FIN, PEER, ROUTINE, 0, 0, "the peer closed the tunnel", "")                                     \
    X(peer_reset_tunnel, RESET, PEER, NOTABLE, 0, 0, "the peer reset the tunnel", "")                                  \
    X(network_lost, ERROR, NETWORK, NOTABLE, 0, 0, "the network lost the peer", "its host may be down")                \
    /* We closed, in order. */                                                                                         \
    X(close_requested, CLOSE, PEER, ROUTINE, 0, 0, "the peer asked to close after this exchange", "")                  \
    X(close_by_application, CLOSE, SELF, ROUTINE, 0, 0, "the application closed after this exchange", "")              \
    X(close_after_response, CLOSE, SELF, ROUTINE, 0, 0,                                                                \
      "answered before the body was read; closed instead of reading it", "")                                           \
    X(close_delimited, CLOSE, SELF, ROUTINE, 0, 0, "the end of the body was told by closing",                          \
      "HTTP/1.0 has no chunks")                                                                                        \
    X(exchange_limit, CLOSE, SELF, ROUTINE, 0, 0, "the connection had its number of exchanges", "")                    \
    X(age_limit, CLOSE, SELF, ROUTINE, 0, 0, "the connection had its age", "")                                         \
    X(drained, CLOSE, OPERATOR, ROUTINE, 0, 0, "closed in order by a drain", "")                                       \
    X(idle_reclaimed, CLOSE, KERNEL, ROUTINE, 0, 0, "idle, and its place was needed", "raise the connection limit")    \
    X(tunnel_closed, CLOSE, SELF, ROUTINE, 0, 0, "the application closed the tunnel", "")                              \
    /* We cut. */                                                                                                      \
    X(aborted, ABORT, SELF, NOTABLE, 0, 8, "the application gave the exchange up", "")                                 \
    X(drain_timeout, ABORT, OPERATOR, FAULT, 0, 8, "not finished when the time to drain was over",                     \
      "allow more time to drain")                                                                                      \
    X(stopped, ABORT, OPERATOR, NOTABLE, 0, 8, "stopped at once", "")                                                  \
    X(body_underrun, ABORT, SELF, FAULT, 0, 2, "the application ended a body short of its length",                     \
      "write as much as was promised")                                                                                 \
    X(body_source_failed, ABORT, SELF, FAULT, 0, 2, "the file behind a body could not be read whole", "see os")        \
    /* Deadlines. */                                                                                                   \
    X(first_octet_timeout, TIMEOUT, CLOCK, ROUTINE, 0, 0, "connected and silent", "")                                  \
    X(head_timeout, TIMEOUT, CLOCK, NOTABLE, 408, 0, "the head did not come in time", "a slow or hostile peer")        \
    X(idle_timeout, TIMEOUT, CLOCK, ROUTINE, 0, 0, "idle for too long", "")                                            \
    X(body_timeout, TIMEOUT, CLOCK, NOTABLE, 408, 8, "the body stopped coming", "a slow or hostile peer")              \
    X(body_too_slow, TIMEOUT, CLOCK, NOTABLE, 408, 8, "the body came below the least rate", "a slow or hostile peer")  \
    X(write_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 8, "the peer stopped reading", "a slow or hostile peer")              \
    X(handler_timeout, TIMEOUT, CLOCK, FAULT, 503, 2, "the application did not answer in time", "")                    \
    X(linger_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 0, "the peer did not close after our FIN", "")                       \
    X(resolve_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 0, "the name was not resolved in time",                             \
      "is the name server reachable?")                                                                                 \
    X(connect_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 0, "no connection in time",                                         \
      "a firewall that drops, or a dead host")                                                                         \
    X(acquire_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 0, "no connection of the pool became free in time",                 \
      "more connections, or fewer requests at once")                                                                   \
    X(response_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 8, "the server did not begin to answer in time", "")               \
    X(exchange_timeout, TIMEOUT, CLOCK, NOTABLE, 0, 8, "the exchange did not end in time", "")                         \
    /* A connection that never came to be. */                                                                          \
    X(resolve_failed, ERROR, NETWORK, NOTABLE, 0, 0, "the name has no address", "is it spelt right?")                  \
    X(connect_refused, ERROR, PEER, NOTABLE, 0, 0, "nobody listens there",                                             \
      "is the server running, is the port right?")                                                                     \
    X(connect_unreachable, ERROR, NETWORK, NOTABLE, 0, 0, "no way to the host", "")                                    \
    X(proxy_refused, ERROR, PEER, NOTABLE, 0, 0, "the proxy did not open the way", "")                                 \
    X(pool_full, ERROR, SELF, NOTABLE, 0, 0, "too many requests wait for a connection", "fewer requests at once")      \
    /* What came is not HTTP, or more of it than is allowed. */                                                        \
    X(bad_request_line, ERROR, PEER, NOTABLE, 400, 1, "malformed request line", "")                                    \
    X(bad_method, ERROR, PEER, NOTABLE, 400, 1, "the method is not a token", "TLS on a plain port looks so")           \
    X(bad_target, ERROR, PEER, NOTABLE, 400, 1, "malformed request-target", "")                                        \
    X(bad_version, ERROR, PEER, NOTABLE, 400, 1, "malformed HTTP version", "")                                         \
    X(version_unsupported, ERROR, PEER, NOTABLE, 505, 13, "an HTTP version in a form that it does not have", "")       \
    X(http2_preface, ERROR, PEER, NOTABLE, 505, 13, "an HTTP/2 preface on a connection for HTTP/1", "")                \
    X(bad_status_line, ERROR, PEER, NOTABLE, 0, 1, "malformed status line", "not an HTTP server")                      \
    X(bad_line_end, ERROR, PEER, NOTABLE, 400, 1, "a bare CR or LF in a head", "")                                     \
    X(bad_field_name, ERROR, PEER, NOTABLE, 400, 1, "a field name is not a token", "a blank before the colon?")        \
    X(bad_field_value, ERROR, PEER, NOTABLE, 400, 1, "a control octet in a field value", "")                           \
    X(folded_field, ERROR, PEER, NOTABLE, 400, 1, "a field folded over lines", "")                                     \
    X(missing_host, ERROR, PEER, NOTABLE, 400, 1, "no Host in an HTTP/1.1 request", "")                                \
    X(bad_host, ERROR, PEER, NOTABLE, 400, 1, "Host is malformed or given twice", "")                                  \
    X(bad_content_length, ERROR, PEER, NOTABLE, 400, 1, "Content-Length is not one number", "request smuggling?")      \
    X(conflicting_length, ERROR, PEER, NOTABLE, 400, 1, "Content-Length beside Transfer-Encoding",                     \
      "request smuggling?")                                                                                            \
    X(bad_transfer_encoding, ERROR, PEER, NOTABLE, 400, 1, "Transfer-Encoding does not end in one chunked",            \
      "request smuggling?")                                                                                            \
    X(unknown_transfer_coding, ERROR, PEER, NOTABLE, 501, 1, "a transfer coding that is not implemented", "")          \
    X(expectation_failed, ERROR, PEER, NOTABLE, 417, 1, "an expectation other than 100-continue", "")                  \
    X(target_too_long, ERROR, PEER, NOTABLE, 414, 11, "the request line is over its limit", "")                        \
    X(head_too_large, ERROR, PEER, NOTABLE, 431, 11, "the head is over its limit", "")                                 \
    X(too_many_fields, ERROR, PEER, NOTABLE, 431, 11, "more fields than allowed", "")                                  \
    X(body_too_large, ERROR, PEER, NOTABLE, 413, 11, "the body is over its limit", "")                                 \
    X(bad_chunk, ERROR, PEER, NOTABLE, 400, 1, "malformed chunk", "request smuggling?")                                \
    X(chunk_extensions_too_large, ERROR, PEER, NOTABLE, 400, 11, "more chunk extensions than allowed", "")             \
    X(bad_trailer, ERROR, PEER, NOTABLE, 400, 1, "a trailer that is malformed or may not be one", "")                  \
    X(trailers_too_large, ERROR, PEER, NOTABLE, 431, 11, "the trailers are over the limits of a head", "")             \
    X(too_many_interim, ERROR, PEER, NOTABLE, 0, 11, "more interim responses than allowed", "")                        \
    X(unexpected_octets, ERROR, PEER, NOTABLE, 0, 1, "octets where no message was due", "never reuse the connection")  \
    X(unexpected_upgrade, ERROR, PEER, NOTABLE, 0, 1, "101 without a request to upgrade", "")                          \
    X(tls_on_plain, ERROR, PEER, NOTABLE, 0, 1, "TLS where plain HTTP is spoken", "is it the port for https?")         \
    X(bad_redirect, ERROR, PEER, NOTABLE, 0, 0, "a redirect that cannot be followed", "")                              \
    X(redirect_limit, ERROR, PEER, NOTABLE, 0, 0, "more redirects than allowed", "a loop?")                            \
    X(bad_coding, ERROR, PEER, NOTABLE, 0, 0, "a compressed content that cannot be decoded", "")                       \
    X(coding_ratio, ERROR, PEER, NOTABLE, 0, 0, "a content that grows more than allowed when decoded", "a bomb?")      \
    /* Kernel and memory. */                                                                                           \
    X(no_descriptors, ERROR, KERNEL, FAULT, 0, 7, "out of file descriptors", "raise ulimit -n")                        \
    X(no_memory, ERROR, KERNEL, FAULT, 503, 2, "out of memory", "")                                                    \
    X(system_error, ERROR, KERNEL, FAULT, 0, 2, "a system call failed", "see os")                                      \
    X(internal_error, ERROR, SELF, BUG, 500, 2, "an invariant of Weir is broken", "report it, please")                 \
    /* What an application asked for is not right. */                                                                  \
    X(bad_response, ERROR, SELF, BUG, 500, 2, "the application's answer may not be sent",                              \
      "see fields, status, length")                                                                                    \
    X(misuse, ERROR, SELF, BUG, 0, 2, "a call that its state does not allow", "see the function's page")               \
    X(bad_option, ERROR, SELF, BUG, 0, 0, "an option is out of its range", "")                                         \
    X(bad_address, ERROR, SELF, BUG, 0, 0, "an address is not understood", "HOST:PORT, [v6]:PORT or unix:PATH")        \
    X(bad_url, ERROR, SELF, BUG, 0, 0, "a URL is not understood", "http://HOST[:PORT]/path?query")                     \
    X(address_in_use, ERROR, KERNEL, FAULT, 0, 0, "the address is taken", "another server may be running")             \
    X(address_unavailable, ERROR, KERNEL, FAULT, 0, 0, "the address is not one of this host's", "")                    \
    X(permission_denied, ERROR, KERNEL, FAULT, 0, 0, "the system does not allow it", "ports below 1024 need a right")  \
    X(unsupported, ERROR, SELF, BUG, 0, 0, "not available in this build or on this system", "")

/* The codes since. A new one is a row at the end of this table, and of the table in docs/endings.md; none is ever
 * moved or taken out. The first number after 0.1's codes stays without a code: it ended the lists of programs built
 * with 0.1. */
#define WEIR_CODE_TABLE_ADDED(X)                                                                                       \
    X(memory_limit, ABORT, SELF, NOTABLE, 503, 11, "held most while memory was short",                                  \
      "raise memory_max, or lower what a connection may hold")                                                        \
    X(bad_escape, ERROR, PEER, NOTABLE, 400, 1, "malformed percent-encoding, or one of NUL", "")                       \
    X(bad_form, ERROR, PEER, NOTABLE, 400, 1, "a form that is malformed or cut", "")                                   \
    X(form_limit, ERROR, PEER, NOTABLE, 413, 11, "a form over one of its limits", "")

#define WEIR_CODE_TABLE(X) WEIR_CODE_TABLE_0_1(X) WEIR_CODE_TABLE_ADDED(X)

typedef enum weir_code {
#define X(name, how, by, class, status, h2, text, advice) WEIR_CODE_##name,
    WEIR_CODE_TABLE_0_1(X)
    WEIR_CODE_END_0_1, /* no code: what WEIR_CODE_COUNT was in 0.1 */
    WEIR_CODE_TABLE_ADDED(X)
#undef X
    /* Every code is less, in every version to come: the size of an array with an element for each code. It is no
     * code. */
    WEIR_CODE_MAX = 256,
    WEIR_CODE_COUNT = WEIR_CODE_MAX /* not how many there are: ask weir_code_is_known */
} weir_code;

#define WEIR_OK WEIR_CODE_ok

/* Whether this library has a code of that number: for who walks the numbers below WEIR_CODE_MAX. */
WEIR_API bool weir_code_is_known(weir_code code);

/* Of any code, in static storage; of a number that is none, "unknown". */
WEIR_API const char *weir_code_name(weir_code code);
WEIR_API const char *weir_code_text(weir_code code);
WEIR_API const char *weir_code_advice(weir_code code);
WEIR_API unsigned weir_code_status(weir_code code);
/* The code of that name; WEIR_CODE_COUNT if there is none. The function of this name, which programs built with 0.1
 * call, knows the codes of 0.1 and says WEIR_CODE_END_0_1; a program built with this page calls the one below. */
WEIR_API weir_code weir_code_find(weir_str name);
#define weir_code_find(...) weir_code_find_or(__VA_ARGS__, WEIR_CODE_COUNT)
/* The code of that name; `otherwise` if there is none. */
WEIR_API weir_code weir_code_find_or(weir_str name, weir_code otherwise);

/* What a call that can be refused says besides its code: one sentence that names the value and what was expected. */
typedef struct weir_error {
    weir_code code;
    int os; /* errno, or 0 */
    char text[240];
} weir_error;

#ifdef __cplusplus
}
#endif
#endif
