/* The head of an HTTP/1 message: start line and fields, parsed in place (RFC 9112, 2 to 5).
 *
 * One call takes the octets from the first of the head on. All views point into those octets; nothing is copied but
 * that a folded line, where it is let pass, is unfolded in place (so the octets are writable). What the head says of
 * the framing and of the connection is found in the same pass. */
#ifndef H1_HEAD_H
#define H1_HEAD_H

#include <weir/base.h>
#include <weir/code.h>
#include <weir/field.h>

#include "http/head.h"

struct h1_known; /* h1/known.h */

enum {
    H1_HEAD_INCOMPLETE = 0, /* more octets are needed */
    H1_HEAD_NO_ROOM = -1    /* `fields` is full: come again with a larger array */
};

/* Parses a request head. Returns its size in octets (> 0; one CRLF before the request line is counted), one of the
 * above, or minus 1000 minus a weir_code. `octets` may be changed only where a fold is undone (lenient). `known`: a
 * head that came in the same buffer before, which needs no parsing if it comes again, and which is learnt here; or
 * NULL. */
int64_t h1_head_parse_request(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                              bool lenient, struct h1_known *known);
/* The same for a response head. */
int64_t h1_head_parse_response(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                               bool lenient, struct h1_known *known);
/* The same of a response to CONNECT: of a 2xx the fields of framing are not looked at (RFC 9112, 6.3, rule 2). */
int64_t h1_head_parse_connect_response(struct http_head *head, char *octets, size_t size,
                                       const struct http_head_limits *limits, bool lenient);
/* Trailer fields up to and with the empty line: fields only. Those of framing are bad_trailer. Others that may not be
 * trailers (routing, authentication, what says how to process the content: RFC 9110, 6.5.1) are left out and counted.
 * They are part of the chunked coding, in which a bare LF ends no line; `lenient` lets folds pass. */
int64_t h1_head_parse_trailers(struct http_head *head, char *octets, size_t size, const struct http_head_limits *limits,
                               bool lenient);

/* The method of a request head that may be cut short or malformed behind it; empty if not even the method was read. */
weir_str h1_head_method(const char *octets, size_t size, const struct http_head_limits *limits, bool lenient);

/* True if a field of that name may not be a trailer. */
bool h1_trailer_forbidden(weir_str name);

static inline int64_t h1_head_error(weir_code code)
{
    return -1000 - (int64_t)code;
}
static inline bool h1_head_is_error(int64_t result)
{
    return result <= -1000;
}
static inline weir_code h1_head_code(int64_t result)
{
    return (weir_code)(-1000 - result);
}

#endif
