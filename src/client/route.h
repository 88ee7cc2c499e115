/* Where a request goes: from its URL and the proxy to a place to connect to, and to what stands in its head. */
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include "client/client_internal.h"

struct client_route {
    struct client_place place;
    char *text; /* what the request's views are into, where they are not the caller's */
    size_t text_size;
    char *query; /* the same, of a target that lacked its path */
    size_t query_size;
    char *zone; /* the same, of an address with a zone, and of the Host without it */
    size_t zone_size;
};

/* Completes `request`: host, target (in absolute form for an HTTP proxy), Proxy-Authorization. bad_url, bad_address,
 * unsupported, no_memory: `error` names what is wrong. client_drop_route in any case, when the request was written
 * down. */
WEIR_MUST_USE weir_code client_find_route(struct client_route *route, weir_client *client, weir_request *request,
                                          weir_error *error);
void client_drop_route(struct client_route *route, const weir_client *client);

#endif
