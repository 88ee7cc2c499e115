/* How the end of a message's content is told (RFC 9110, 6.4; RFC 9112, 6.3), as a pure function of its head. */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <weir/base.h>

enum http_framing_kind {
    HTTP_FRAMING_NONE,    /* no content */
    HTTP_FRAMING_LENGTH,  /* that many octets, at least one */
    HTTP_FRAMING_CHUNKED, /* the chunked coding tells */
    HTTP_FRAMING_CLOSE,   /* until the peer's FIN */
    HTTP_FRAMING_TUNNEL   /* no message any more: octets in both directions */
};

struct http_framing {
    enum http_framing_kind kind;
    uint64_t length; /* of LENGTH */
};

/* What the head of a request says. */
struct http_framing http_framing_of_request(bool chunked, bool has_length, uint64_t length);

/* What the head of a response to `method` says, status and method deciding first: HEAD, 1xx, 204 and 304 have no
 * content whatever their fields say; 101 and a 2xx to CONNECT are tunnels. */
struct http_framing http_framing_of_response(weir_str method, unsigned status, bool chunked, bool has_length,
                                             uint64_t length);

#endif
