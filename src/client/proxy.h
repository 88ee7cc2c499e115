/* Which proxy stands between, if one does: that of the options, or of the environment, which is read once. */
#ifndef CLIENT_PROXY_H
#define CLIENT_PROXY_H

#include <weir/client.h>

/* http://[user:password@]HOST[:PORT], socks5:// or socks5h:// likewise. Views into the text it was made from. */
struct client_proxy {
    bool there;
    bool socks;
    weir_str user; /* decoded */
    weir_str host;
    uint16_t port;
};

/* Kept by the client. */
struct client_proxies {
    struct client_proxy proxy;
    char *text;   /* of the environment, copied; else null */
    char *exempt; /* no_proxy, copied; or null */
    size_t text_size, exempt_size;
};

/* bad_option for a proxy that is not understood: `error` names where it stood. */
WEIR_MUST_USE weir_code client_take_proxies(weir_client *client, weir_error *error);
void client_drop_proxies(weir_client *client);
/* The proxy for that host and port; null: straight. */
const struct client_proxy *client_proxy_for(const weir_client *client, weir_str host, uint16_t port);

/* What a URL says of user and password, its percent-encoding (RFC 3986, 2.1) undone, at `to`, which may be where it is:
 * how many octets that is, not more than before. A `%` that encodes nothing stays. */
size_t client_decode_user(char *to, weir_str userinfo);

/* Whether `host` is in a list as of no_proxy: "*", or names with their subdomains, numeric addresses (of IPv6 in
 * brackets or not), networks as 10.0.0.0/8, with commas or blanks between; of each but `*`, with `:PORT` behind it
 * (IPv6 then in brackets), that port alone. */
bool client_is_exempt(weir_str list, weir_str host, uint16_t port);

#endif
