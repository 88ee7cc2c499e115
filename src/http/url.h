/* A URL of http taken apart (RFC 3986, 3; RFC 9110, 4.2): where to go, and what to ask for there. Pure. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <weir/base.h>

/* Views into the text. */
struct http_url {
    weir_str scheme;
    weir_str userinfo;  /* before `@`; empty: none */
    weir_str authority; /* host and port as they came, without userinfo: what Host says */
    weir_str host;      /* without brackets */
    bool is_ipv6;
    bool has_port;
    uint16_t port;   /* if has_port */
    weir_str target; /* path and query, without the fragment; empty: "/" is meant; may begin with `?` */
};

/* False when it is not SCHEME://[USERINFO@]HOST[:PORT][/PATH][?QUERY][#FRAGMENT], or an octet is not one of a URL. */
bool http_url_parse(struct http_url *url, weir_str text);

#endif
