/* weir/follow.h: redirects followed (RFC 9110, 15.4). Above the client, on its public pages only, in a library of
 * its own: -lweir-comfort.
 *
 *     weir_follow_send(&follow, client, WEIR_REQUEST(.url = ..., .handler = &mine, .app = me), NULL, &error);
 *
 * The handler hears of the last response as if it had been the only one: interim heads, head, body, end, room, and
 * `done` exactly once. Each hop is an exchange of its own: `x` is the present one's, and is not to be kept over
 * hops.
 *
 * 301 and 302 turn POST into GET, 303 everything but HEAD, as clients do; 307 and 308 repeat the request with its
 * body. A body that is a stream cannot be repeated: such a 307 is given to the handler as it is.
 *
 * What is the first origin's stays there: at the first hop to another one (scheme, host or port) Authorization,
 * Cookie, Proxy-Authorization, Host, `host`, `connect_to` and the user and password of the URL are left behind, for
 * good. A Location with a user in it is not followed (RFC 9110, 4.2.4), nor are two that differ: like any that leads
 * nowhere they end the exchange as `bad_redirect`, and one hop too many as `redirect_limit`. `timeout_ns` of the
 * request is for all hops together. After a first redirect `retry` is `processed`: a server has acted on what was
 * asked. */
#ifndef WEIR_FOLLOW_H
#define WEIR_FOLLOW_H

#include <weir/client.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weir_follow weir_follow;

typedef struct weir_follow_options {
    size_t size;
    unsigned redirects_max; /* default 10 */
    /* May the hop be made? `url` lives for the call. Null: any. No is `bad_redirect`. */
    bool (*allow)(void *app, weir_str url);
    weir_allocator allocator;
} weir_follow_options;

/* As weir_client_send; `url` is required, and `app` is that of the request too. `out`, which may be null, lives
 * until `done` returns. `options` may be null. */
WEIR_API WEIR_MUST_USE weir_code weir_follow_send(weir_follow **out, weir_client *client, const weir_request *request,
                                                  const weir_follow_options *options, weir_error *error);
/* Gives up, whatever hop is under way. */
WEIR_API void weir_follow_abort(weir_follow *follow);
/* In a callback: how many redirects were followed, and the URL that the present exchange asks for: the request's
 * own, then those of the redirects, which show no user. */
WEIR_API unsigned weir_follow_count(const weir_follow *follow);
WEIR_API weir_str weir_follow_url(const weir_follow *follow);

#ifdef __cplusplus
}
#endif
#endif
