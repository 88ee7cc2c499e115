#include "http/url.h"

#include <string.h>

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_scheme(weir_str text)
{
    if (text.len == 0 || !is_alpha(text.ptr[0]))
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_alpha(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')
            return false;
    }
    return true;
}

/* Blanks, controls and octets over 0x7f must be percent-encoded in a URL. */
static bool is_plain(weir_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return false;
    return true;
}

static weir_str until(weir_str text, const char *ends)
{
    size_t n = 0;
    while (n < text.len && strchr(ends, text.ptr[n]) == NULL)
        n++;
    return (weir_str){text.ptr, n};
}

static weir_str behind(weir_str text, size_t n)
{
    return (weir_str){text.ptr + n, text.len - n};
}

static bool parse_port(struct http_url *url, weir_str digits)
{
    uint32_t value = 0;
    if (digits.len == 0) /* `http://host:/` is the default port (RFC 3986, 3.2.3) */
        return true;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(digits.ptr[i] - '0');
        if (value > UINT16_MAX)
            return false;
    }
    url->port = (uint16_t)value;
    url->has_port = true;
    return value > 0;
}

static bool parse_authority(struct http_url *url, weir_str text)
{
    /* Browsers end the authority at a backslash, RFC 3986 does not know it: what is behind would be the host for the
     * one and a path for the other, so that a check made by the one does not hold for the other. */
    if (text.len == 0 || memchr(text.ptr, '\\', text.len) != NULL)
        return false;
    const char *at = memrchr(text.ptr, '@', text.len);
    if (at != NULL) {
        url->userinfo = (weir_str){text.ptr, (size_t)(at - text.ptr)};
        text = behind(text, url->userinfo.len + 1);
    }
    url->authority = text;
    if (text.len > 0 && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        if (end == NULL)
            return false;
        url->is_ipv6 = true;
        url->host = (weir_str){text.ptr + 1, (size_t)(end - text.ptr) - 1};
        text = behind(text, url->host.len + 2);
    } else {
        url->host = until(text, ":");
        text = behind(text, url->host.len);
    }
    if (url->host.len == 0 || (text.len > 0 && text.ptr[0] != ':'))
        return false;
    return text.len == 0 || parse_port(url, behind(text, 1));
}

bool http_url_parse(struct http_url *url, weir_str text)
{
    *url = (struct http_url){.host = {NULL, 0}};
    if (text.ptr == NULL || !is_plain(text))
        return false;
    url->scheme = until(text, ":/?#");
    text = behind(text, url->scheme.len);
    if (!is_scheme(url->scheme) || text.len < 3 || memcmp(text.ptr, "://", 3) != 0)
        return false;
    text = behind(text, 3);
    weir_str authority = until(text, "/?#");
    url->target = until(behind(text, authority.len), "#");
    return parse_authority(url, authority);
}
