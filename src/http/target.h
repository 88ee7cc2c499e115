/* The request-target and its four forms (RFC 9112, 3.2), and Host (RFC 9110, 7.2). */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <weir/base.h>

enum http_target_form { HTTP_TARGET_ORIGIN, HTTP_TARGET_ABSOLUTE, HTTP_TARGET_AUTHORITY, HTTP_TARGET_ASTERISK };

/* Views into the target. */
struct http_target {
    enum http_target_form form;
    weir_str authority; /* of absolute and authority form, without userinfo; else empty */
    weir_str path;      /* "/" for an absolute form without one; empty for `*` and authority form */
    weir_str query;     /* without `?` */
};

/* False when it is none of the forms that go with the method: authority form is for CONNECT (with a port), `*` for
 * OPTIONS; a fragment, a control, a blank or an octet over 0x7f is refused, and so is userinfo in an http(s) target. */
bool http_target_parse(struct http_target *target, weir_str method, weir_str text);

/* uri-host [":" port]: a name, an IPv4 or a bracketed IPv6 address; an empty one is valid (RFC 9112, 3.2). */
bool http_host_valid(weir_str host);

#endif
