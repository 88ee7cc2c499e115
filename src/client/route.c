#include "client/route.h"

#include <string.h>

#include "base/alloc.h"
#include "client/proxy.h"
#include "http/url.h"
#include "io/address.h"

#define HTTP_PORT 80

/* --- texts that are made for the request ------------------------------------------------------------------------ */

/* RFC 4648, 4. */
static char *put_base64(char *to, weir_str from)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < from.len; i += 3) {
        unsigned n = from.len - i < 3 ? (unsigned)(from.len - i) : 3;
        unsigned octets = 0;
        for (unsigned k = 0; k < 3; k++)
            octets = octets << 8 | (k < n ? (unsigned char)from.ptr[i + k] : 0);
        for (unsigned k = 0; k < 4; k++)
            *to++ = k <= n ? digits[octets >> (18 - 6 * k) & 63] : '=';
    }
    return to;
}

static char *put(char *to, weir_str text)
{
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    return to + text.len;
}

static size_t basic_size(weir_str user)
{
    return user.len > 0 ? 6 + (user.len + 2) / 3 * 4 : 0;
}

/* "Basic ..." (RFC 7617) as the value of one more field. */
static char *put_basic(char *to, weir_str user, weir_str name, weir_field *field)
{
    char *start = to;
    to = put_base64(put(to, WEIR_STR("Basic ")), user);
    *field = (weir_field){.name = name, .value = {start, (size_t)(to - start)}};
    return to;
}

/* What a request lacks besides its host: texts in one piece of memory, behind the fields. */
static weir_code complete(struct client_route *route, const weir_client *client, weir_request *request,
                          const struct http_url *url, const struct client_proxy *proxy, weir_error *error)
{
    bool absolute = route->place.via == CLIENT_VIA_HTTP && request->target.len > 0 &&
                    (request->target.ptr[0] == '/' || weir_str_equal(request->target, WEIR_STR("*")));
    weir_str own = url->userinfo, far = absolute || route->place.via == CLIENT_VIA_HTTP ? proxy->user : (weir_str){0};
    if (weir_fields_find(request->fields, WEIR_STR("authorization")) != NULL)
        own.len = 0;
    if (weir_fields_find(request->fields, WEIR_STR("proxy-authorization")) != NULL)
        far.len = 0;
    size_t fields = (request->fields.count + 2) * sizeof(weir_field);
    if (!absolute && own.len == 0 && far.len == 0)
        return WEIR_OK;
    route->text_size =
        fields + own.len + basic_size(own) + basic_size(far) + 7 + request->host.len + request->target.len;
    route->text = base_alloc(&client->options.allocator, route->text_size);
    if (route->text == NULL)
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for a request");
    weir_field *list = (weir_field *)(void *)route->text;
    char *to = route->text + fields;
    if (request->fields.count > 0)
        memcpy(list, request->fields.list, request->fields.count * sizeof *list);
    request->fields.list = list;
    if (own.len > 0) { /* decoded at the end of the memory, which nothing else reaches */
        char *decoded = route->text + route->text_size - own.len;
        own = (weir_str){decoded, client_decode_user(decoded, own)};
        to = put_basic(to, own, WEIR_STR("Authorization"), &list[request->fields.count++]);
    }
    if (far.len > 0)
        to = put_basic(to, far, WEIR_STR("Proxy-Authorization"), &list[request->fields.count++]);
    if (absolute) {
        char *start = to;
        to = put(put(to, WEIR_STR("http://")), request->host);
        if (request->target.ptr[0] == '/') /* of `*` the last proxy makes it again (RFC 9112, 3.2.4) */
            to = put(to, request->target);
        request->target = (weir_str){start, (size_t)(to - start)};
    }
    return WEIR_OK;
}

/* --- where to --------------------------------------------------------------------------------------------------- */

static weir_code refuse_url(weir_error *error, weir_code code, weir_str url, const char *why)
{
    char shown[CLIENT_SHOWN_SIZE];
    client_show_url(shown, url);
    return client_refuse(error, code, "\"%s\": %s", shown, why);
}

/* A zone is of this host: a proxy can do nothing with it. */
static weir_str without_zone(weir_str host)
{
    const char *mark = host.len > 0 ? memchr(host.ptr, '%', host.len) : NULL;
    return mark != NULL ? (weir_str){host.ptr, (size_t)(mark - host.ptr)} : host;
}

/* An IPv6 address with a zone, `[fe80::1%25eth0]` (RFC 6874, 2): the address to connect to is `fe80::1%eth0`, and what
 * the server sees is the address alone (4), since the zone means something on this host only. A `%` that is not encoded
 * is taken as meant (3). */
static weir_code take_zone(struct client_route *route, const weir_client *client, struct http_url *url,
                           weir_error *error, weir_str shown)
{
    const char *mark = url->is_ipv6 ? memchr(url->host.ptr, '%', url->host.len) : NULL;
    if (mark == NULL)
        return WEIR_OK;
    size_t size = (size_t)(mark - url->host.ptr);
    weir_str zone = {mark + 1, url->host.len - size - 1};
    if (zone.len >= 2 && memcmp(zone.ptr, "25", 2) == 0)
        zone = (weir_str){zone.ptr + 2, zone.len - 2};
    if (zone.len == 0 || size == 0)
        return refuse_url(error, WEIR_CODE_bad_url, shown, "an address before, and a zone after the % were expected");
    const char *rest = url->host.ptr + url->host.len; /* the bracket, and the port */
    weir_str port = {rest, url->authority.len - (size_t)(rest - url->authority.ptr)};
    route->zone_size = url->host.len + 1 + size + port.len;
    route->zone = base_alloc(&client->options.allocator, route->zone_size);
    if (route->zone == NULL)
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for a request");
    char *to = put(put(route->zone, (weir_str){url->host.ptr, size}), WEIR_STR("%"));
    to += client_decode_user(to, zone);
    weir_str address = url->host;
    url->host = (weir_str){route->zone, (size_t)(to - route->zone)};
    char *authority = to;
    to = put(put(put(to, WEIR_STR("[")), (weir_str){address.ptr, size}), port);
    url->authority = (weir_str){authority, (size_t)(to - authority)};
    return WEIR_OK;
}

/* What the URL says goes where the request says nothing itself. */
static weir_code take_url(struct client_route *route, const weir_client *client, struct http_url *url,
                          weir_request *request, weir_error *error)
{
    if (!http_url_parse(url, request->url))
        return refuse_url(error, WEIR_CODE_bad_url, request->url, "http://HOST[:PORT]/path?query was expected");
    if (weir_str_equal_nocase(url->scheme, WEIR_STR("https")))
        return refuse_url(error, WEIR_CODE_unsupported, request->url, "https needs TLS, which is not built in");
    if (!weir_str_equal_nocase(url->scheme, WEIR_STR("http")))
        return refuse_url(error, WEIR_CODE_bad_url, request->url, "the scheme is not http");
    weir_code code = take_zone(route, client, url, error, request->url);
    if (code != WEIR_OK)
        return code;
    route->place.host = url->host;
    route->place.port = url->has_port ? url->port : HTTP_PORT;
    if (request->host.len == 0)
        request->host = url->authority;
    if (request->target.len == 0)
        request->target = url->target.len > 0 ? url->target : WEIR_STR("/");
    return WEIR_OK;
}

/* `?query` without a path is asked for as `/?query` (RFC 9112, 3.2.1): that takes a copy. */
static weir_code take_bare_query(struct client_route *route, const weir_client *client, weir_request *request,
                                 weir_error *error)
{
    if (request->target.len == 0 || request->target.ptr[0] != '?')
        return WEIR_OK;
    route->query_size = request->target.len + 1;
    route->query = base_alloc(&client->options.allocator, route->query_size);
    if (route->query == NULL)
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for a request");
    route->query[0] = '/';
    memcpy(route->query + 1, request->target.ptr, request->target.len);
    request->target = (weir_str){route->query, route->query_size};
    return WEIR_OK;
}

static weir_code take_connect_to(struct client_route *route, const weir_request *request, weir_error *error)
{
    struct io_place place;
    weir_code code = io_place_parse(&place, request->connect_to, error);
    if (code != WEIR_OK)
        return code;
    if (place.kind == IO_PLACE_SYSTEMD || (place.kind == IO_PLACE_TCP && (place.host.len == 0 || place.port == 0)))
        return refuse_url(error, WEIR_CODE_bad_address, request->connect_to, "HOST:PORT or unix:PATH was expected");
    route->place = (struct client_place){.host = place.host, .port = place.port, .path = place.path};
    return WEIR_OK;
}

static void take_proxy(struct client_route *route, const struct client_proxy *proxy)
{
    struct client_place *place = &route->place;
    if (proxy->socks) {
        place->far_host = route->zone != NULL ? without_zone(place->host) : place->host;
        place->far_port = place->port;
        place->user = proxy->user;
    }
    place->via = proxy->socks ? CLIENT_VIA_SOCKS : CLIENT_VIA_HTTP;
    place->host = proxy->host;
    place->port = proxy->port;
}

weir_code client_find_route(struct client_route *route, weir_client *client, weir_request *request, weir_error *error)
{
    struct http_url url = {.has_port = false};
    const struct client_proxy *proxy = NULL;
    weir_code code = WEIR_OK;
    *route = (struct client_route){.text = NULL};
    if (request->url.len > 0)
        code = take_url(route, client, &url, request, error);
    else if (request->connect_to.len == 0)
        code = refuse_url(error, WEIR_CODE_bad_url, request->url, "a url, or connect_to, is missing");
    if (code == WEIR_OK)
        code = take_bare_query(route, client, request, error);
    if (code == WEIR_OK && request->connect_to.len > 0)
        code = take_connect_to(route, request, error);
    else if (code == WEIR_OK)
        proxy = client_proxy_for(client, route->zone != NULL ? without_zone(route->place.host) : route->place.host,
                                 route->place.port);
    if (code != WEIR_OK)
        return code;
    if (proxy != NULL)
        take_proxy(route, proxy);
    if (request->expect_timeout_ns == 0)
        request->expect_timeout_ns = client->options.expect_timeout_ns;
    return complete(route, client, request, &url, proxy, error);
}

void client_drop_route(struct client_route *route, const weir_client *client)
{
    base_release(&client->options.allocator, route->text, route->text_size);
    base_release(&client->options.allocator, route->query, route->query_size);
    base_release(&client->options.allocator, route->zone, route->zone_size);
}
