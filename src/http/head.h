/* The head of a message, taken apart: what a request or a response says, whatever the version of HTTP that carried it.
 *
 * A parser fills it. All views point into octets that the caller owns.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <weir/base.h>
#include <weir/field.h>

/* What a head may be at most. */
struct http_head_limits {
    size_t line_size_max; /* the start line, without its line end */
    size_t head_size_max; /* all octets and 32 for each field */
    size_t field_count_max;
};

struct http_head {
    /* Where fields go: the caller's array; more than `field_capacity` of them is an error of the parser. */
    weir_field *fields;
    size_t field_capacity;
    size_t field_count;
    size_t dropped_count; /* of trailers: those that may not be one */

    weir_str method; /* of a request */
    weir_str target;
    unsigned version; /* 10 or 11 */
    unsigned status;  /* of a response, 100 to 999 */
    weir_str reason;

    /* What the fields say. Nothing here contradicts another: that would have been an error. */
    bool has_length; /* Content-Length, once, or all equal */
    uint64_t length; /* at most 2^63 - 1 */
    bool chunked;    /* Transfer-Encoding is chunked */
    bool close;      /* Connection: close */
    bool keep_alive; /* Connection: keep-alive */
    bool upgrade;    /* Connection: upgrade, with an Upgrade field */
    bool expect_continue;
    bool te_trailers; /* TE: trailers */
    weir_str host;    /* Host; null pointer: none */
};

#endif
