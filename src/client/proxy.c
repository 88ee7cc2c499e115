#include "client/proxy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "client/client_internal.h"
#include "http/url.h"

#define HTTP_PORT  80
#define SOCKS_PORT 1080

/* --- which ------------------------------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t client_decode_user(char *to, weir_str userinfo)
{
    size_t size = 0;
    for (size_t i = 0; i < userinfo.len; i++) {
        char c = userinfo.ptr[i];
        int high = c == '%' && userinfo.len - i > 2 ? hex_digit(userinfo.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(userinfo.ptr[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[size++] = c;
    }
    return size;
}

/* The text is the client's own copy. */
static bool parse_proxy(struct client_proxy *proxy, char *kept, size_t size)
{
    const weir_str text = {kept, size};
    struct http_url url;
    if (!http_url_parse(&url, text) || (url.target.len > 0 && !weir_str_equal(url.target, WEIR_STR("/"))))
        return false;
    proxy->socks =
        weir_str_equal_nocase(url.scheme, WEIR_STR("socks5")) || weir_str_equal_nocase(url.scheme, WEIR_STR("socks5h"));
    if (!proxy->socks && !weir_str_equal_nocase(url.scheme, WEIR_STR("http")))
        return false;
    proxy->there = true;
    if (url.userinfo.len > 0) {
        char *user = kept + (url.userinfo.ptr - text.ptr);
        proxy->user = (weir_str){user, client_decode_user(user, url.userinfo)};
    }
    proxy->host = url.host;
    proxy->port = url.has_port ? url.port : proxy->socks ? SOCKS_PORT : HTTP_PORT;
    return true;
}

static weir_code refuse(weir_error *error, const char *where, weir_str text)
{
    char shown[CLIENT_SHOWN_SIZE];
    client_show_url(shown, text);
    return client_refuse(error, WEIR_CODE_bad_option,
                         "%s is \"%s\": expected http://[user:password@]HOST[:PORT] or socks5://...", where, shown);
}

static bool copy(const weir_client *client, const char *prefix, const char *text, char **kept, size_t *size)
{
    size_t before = strlen(prefix);
    *size = before + strlen(text) + 1;
    *kept = base_alloc(&client->options.allocator, *size);
    if (*kept == NULL)
        return false;
    memcpy(*kept, prefix, before);
    memcpy(*kept + before, text, *size - before);
    return true;
}

/* HTTP_PROXY in capitals is not read: a server that runs a program as CGI puts a peer's Proxy field there. Nor is any
 * of them in a program that has more rights than who started it. */
static const char *from_environment(const char **name)
{
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = secure_getenv(names[i]);
        *name = names[i];
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return NULL;
}

weir_code client_take_proxies(weir_client *client, weir_error *error)
{
    struct client_proxies *proxies = &client->proxies;
    const weir_client_options *o = &client->options;
    const char *name;
    if (o->proxy.len > 0)
        return parse_proxy(&proxies->proxy, client->proxy_text, o->proxy.len) ? WEIR_OK
                                                                              : refuse(error, "proxy", o->proxy);
    const char *value = o->proxy_from_environment ? from_environment(&name) : NULL;
    if (value == NULL)
        return WEIR_OK;
    const char *exempt = secure_getenv("no_proxy");
    if (exempt == NULL)
        exempt = secure_getenv("NO_PROXY");
    const char *prefix =
        strstr(value, "://") == NULL ? "http://" : ""; /* "proxy:3128" is common, and curl takes it so */
    if (!copy(client, prefix, value, &proxies->text, &proxies->text_size) ||
        (exempt != NULL && !copy(client, "", exempt, &proxies->exempt, &proxies->exempt_size)))
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for the options");
    weir_str text = weir_str_from(proxies->text);
    return parse_proxy(&proxies->proxy, proxies->text, text.len) ? WEIR_OK : refuse(error, name, text);
}

void client_drop_proxies(weir_client *client)
{
    struct client_proxies *proxies = &client->proxies;
    base_release(&client->options.allocator, proxies->text, proxies->text_size);
    base_release(&client->options.allocator, proxies->exempt, proxies->exempt_size);
}

/* --- and where not ---------------------------------------------------------------------------------------------- */

/* The octets of a numeric address, and how many: 4, 16, or 0 for a name. */
static size_t numeric(weir_str host, unsigned char octets[16])
{
    char text[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof text)
        return 0;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, octets) == 1)
        return 4;
    return inet_pton(AF_INET6, text, octets) == 1 ? 16 : 0;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, size_t bits)
{
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    unsigned rest = bits % 8;
    return rest == 0 || (unsigned)(a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

/* "10.0.0.0/8", or a single address. */
static bool in_network(weir_str network, const unsigned char *host, size_t size)
{
    unsigned char octets[16];
    const char *slash = memchr(network.ptr, '/', network.len);
    size_t bits = size * 8;
    if (slash != NULL) {
        weir_str digits = {slash + 1, network.len - (size_t)(slash - network.ptr) - 1};
        size_t value = 0;
        for (size_t i = 0; i < digits.len; i++) {
            if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || value > 128)
                return false;
            value = value * 10 + (size_t)(digits.ptr[i] - '0');
        }
        if (digits.len == 0 || value > bits)
            return false;
        bits = value;
        network.len = (size_t)(slash - network.ptr);
    }
    return numeric(network, octets) == size && same_bits(octets, host, bits);
}

static weir_str without_last_dot(weir_str name)
{
    return (weir_str){name.ptr, name.len - (name.len > 0 && name.ptr[name.len - 1] == '.')};
}

/* "example.org", ".example.org" and "*.example.org" are the domain with all below it; a dot at the end means
 * nothing. */
static bool in_domain(weir_str domain, weir_str host)
{
    size_t before = 0;
    if (domain.len > 1 && domain.ptr[0] == '*' && domain.ptr[1] == '.')
        before = 2;
    else if (domain.len > 0 && domain.ptr[0] == '.')
        before = 1;
    domain = without_last_dot((weir_str){domain.ptr + before, domain.len - before});
    host = without_last_dot(host);
    if (domain.len == 0 || domain.len > host.len)
        return false;
    weir_str tail = {host.ptr + host.len - domain.len, domain.len};
    return weir_str_equal_nocase(tail, domain) && (tail.ptr == host.ptr || tail.ptr[-1] == '.');
}

/* Takes `:PORT` off the end of a member, and the brackets. False: the port is another. One colon that is no part of an
 * IPv6 address, or stands behind a bracket, begins a port; anything but a number behind it is none. */
static bool take_port(weir_str *member, uint16_t port)
{
    bool in_brackets = member->len > 1 && member->ptr[0] == '[';
    const char *colon = memchr(member->ptr, ':', member->len);
    if (in_brackets) {
        const char *close = memchr(member->ptr, ']', member->len);
        colon = close != NULL && close + 1 < member->ptr + member->len && close[1] == ':' ? close + 1 : NULL;
    } else if (colon != NULL && memrchr(member->ptr, ':', member->len) != colon) {
        colon = NULL;
    }
    bool ours = true;
    if (colon != NULL) {
        weir_str digits = {colon + 1, member->len - (size_t)(colon - member->ptr) - 1};
        uint32_t value = 0;
        for (size_t i = 0; i < digits.len && value <= UINT16_MAX; i++)
            value = digits.ptr[i] >= '0' && digits.ptr[i] <= '9' ? value * 10 + (uint32_t)(digits.ptr[i] - '0')
                                                                 : UINT16_MAX + 1U;
        ours = digits.len > 0 && value == port;
        member->len = (size_t)(colon - member->ptr);
    }
    if (in_brackets && member->len > 2 && member->ptr[member->len - 1] == ']')
        *member = (weir_str){member->ptr + 1, member->len - 2};
    return ours;
}

bool client_is_exempt(weir_str list, weir_str host, uint16_t port)
{
    unsigned char octets[16];
    size_t size = numeric(host, octets);
    while (list.len > 0) {
        size_t n = 0;
        while (n < list.len && list.ptr[n] != ',' && list.ptr[n] != ' ' && list.ptr[n] != '\t')
            n++;
        weir_str member = {list.ptr, n};
        n += n < list.len;
        list = (weir_str){list.ptr + n, list.len - n};
        if (member.len == 0)
            continue;
        if (!take_port(&member, port) || member.len == 0)
            continue;
        if (weir_str_equal(member, WEIR_STR("*")) ||
            (size > 0 ? in_network(member, octets, size) : in_domain(member, host)))
            return true;
    }
    return false;
}

const struct client_proxy *client_proxy_for(const weir_client *client, weir_str host, uint16_t port)
{
    const struct client_proxies *proxies = &client->proxies;
    if (!proxies->proxy.there)
        return NULL;
    if (proxies->exempt != NULL && client_is_exempt(weir_str_from(proxies->exempt), host, port))
        return NULL;
    return &proxies->proxy;
}
