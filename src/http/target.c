#include "http/target.h"

#include "http/chars.h"
#include "http/scan.h"

static bool is(weir_str text, weir_str name)
{
    return text.len == name.len && memcmp(text.ptr, name.ptr, name.len) == 0;
}

static bool starts_with(weir_str text, char octet)
{
    return text.len > 0 && text.ptr[0] == octet;
}

static weir_str skip(weir_str text, size_t count)
{
    return (weir_str){text.ptr + count, text.len - count};
}

/* --- host ------------------------------------------------------------------------------------------------------- */

/* dec-octet three times with a dot and once without, to the end of the text. */
static bool is_ipv4(weir_str text)
{
    for (unsigned part = 0; part < 4; part++) {
        if (part > 0) {
            if (!starts_with(text, '.'))
                return false;
            text = skip(text, 1);
        }
        size_t digits = 0;
        unsigned value = 0;
        while (digits < text.len && digits < 4 && http_char_is(text.ptr[digits], HTTP_CHAR_DIGIT))
            value = value * 10 + http_hex_value(text.ptr[digits++]);
        if (digits == 0 || digits > 3 || value > 255 || (digits > 1 && text.ptr[0] == '0'))
            return false;
        text = skip(text, digits);
    }
    return text.len == 0;
}

static size_t h16_size(weir_str text)
{
    size_t size = 0;
    while (size < text.len && size < 5 && http_char_is(text.ptr[size], HTTP_CHAR_HEX))
        size++;
    return size;
}

/* IPv6address of RFC 3986, 3.2.2: eight groups, or fewer with one `::`; the last two may be an IPv4 address. */
static bool is_ipv6(weir_str text)
{
    unsigned groups = 0;
    bool gap = false;
    if (text.len >= 2 && text.ptr[0] == ':') {
        if (text.ptr[1] != ':')
            return false;
        gap = true;
        text = skip(text, 2);
    }
    while (text.len > 0) {
        size_t size = h16_size(text);
        if (size < text.len && text.ptr[size] == '.') {
            groups += 2;
            return is_ipv4(text) && (gap ? groups <= 7 : groups == 8);
        }
        if (size == 0 || size > 4)
            return false;
        groups++;
        text = skip(text, size);
        if (text.len == 0)
            break;
        if (text.ptr[0] != ':' || text.len == 1)
            return false;
        text = skip(text, 1);
        if (text.ptr[0] == ':') {
            if (gap)
                return false;
            gap = true;
            text = skip(text, 1);
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

/* IPvFuture of RFC 3986, 3.2.2: `v`, a version in hexadecimal, a dot, and an address of its own kind. */
static bool is_ip_future(weir_str text)
{
    const char *end = text.ptr + text.len;
    if (text.len == 0 || (text.ptr[0] | 0x20) != 'v')
        return false;
    const char *dot = http_chars_span(text.ptr + 1, end, HTTP_CHAR_HEX);
    if (dot == text.ptr + 1 || end - dot < 2 || *dot != '.')
        return false;
    for (const char *at = dot + 1; at < end; at++) {
        if (!http_char_is(*at, HTTP_CHAR_NAME) && *at != ':')
            return false;
    }
    return true;
}

/* The octets of a reg-name at the start of the text, which an IPv4 address is too; SIZE_MAX for a bad pct-encoded. */
static size_t reg_name_size(weir_str text)
{
    const char *at = text.ptr;
    const char *end = text.ptr + text.len;
    for (;;) {
        at = http_chars_span(at, end, HTTP_CHAR_NAME);
        if (at == end || *at != '%')
            return (size_t)(at - text.ptr);
        if (end - at < 3 || !http_char_is(at[1], HTTP_CHAR_HEX) || !http_char_is(at[2], HTTP_CHAR_HEX))
            return SIZE_MAX;
        at += 3;
    }
}

/* The octets of a uri-host at the start of the text; SIZE_MAX if that is none. */
static size_t uri_host_size(weir_str text)
{
    if (!starts_with(text, '['))
        return reg_name_size(text);
    const char *close = memchr(text.ptr, ']', text.len);
    if (close == NULL)
        return SIZE_MAX;
    size_t size = (size_t)(close - text.ptr) + 1;
    weir_str literal = {text.ptr + 1, size - 2};
    return is_ipv6(literal) || is_ip_future(literal) ? size : SIZE_MAX;
}

/* Digits, perhaps none, of a number that a port can be. */
static bool is_port(weir_str text)
{
    unsigned value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_char_is(text.ptr[i], HTTP_CHAR_DIGIT))
            return false;
        value = value * 10 + http_hex_value(text.ptr[i]);
        if (value > 65535)
            return false;
    }
    return true;
}

struct host_parts {
    bool valid;
    bool has_name; /* not empty */
    bool has_port; /* a colon and a digit */
};

static struct host_parts host_parse(weir_str text)
{
    if (text.len == 0)
        return (struct host_parts){.valid = true};
    size_t size = uri_host_size(text);
    if (size == SIZE_MAX)
        return (struct host_parts){.valid = false};
    struct host_parts parts = {.valid = size == text.len, .has_name = size > 0};
    if (size < text.len && text.ptr[size] == ':') {
        parts.valid = is_port(skip(text, size + 1));
        parts.has_port = text.len > size + 1;
    }
    return parts;
}

bool http_host_valid(weir_str host)
{
    return host_parse(host).valid;
}

/* --- target ----------------------------------------------------------------------------------------------------- */

static void split_query(struct http_target *target, weir_str text)
{
    const char *mark = memchr(text.ptr, '?', text.len);
    size_t size = mark != NULL ? (size_t)(mark - text.ptr) : text.len;
    target->path = (weir_str){text.ptr, size};
    if (mark != NULL)
        target->query = skip(text, size + 1);
}

static bool parse_authority_form(struct http_target *target, weir_str text)
{
    struct host_parts parts = host_parse(text);
    target->form = HTTP_TARGET_AUTHORITY;
    target->authority = text;
    return parts.valid && parts.has_name && parts.has_port;
}

/* `userinfo@` is taken off where it may stand: http and https targets have none, since it served to disguise the host
 * (RFC 9110, 4.2.4). */
static bool strip_userinfo(weir_str *authority, bool allowed)
{
    const char *mark = authority->len > 0 ? memchr(authority->ptr, '@', authority->len) : NULL;
    if (mark == NULL)
        return true;
    for (const char *at = authority->ptr; at < mark; at++) {
        if (!http_char_is(*at, HTTP_CHAR_NAME) && *at != ':' && *at != '%')
            return false;
    }
    *authority = skip(*authority, (size_t)(mark - authority->ptr) + 1);
    return allowed;
}

/* scheme "://" authority, then a path, a query, or nothing. An absolute URI without an authority names nothing that a
 * server of HTTP could answer for, and is refused. */
static bool parse_absolute_form(struct http_target *target, weir_str text)
{
    const char *end = text.ptr + text.len;
    const char *colon = http_chars_span(text.ptr, end, HTTP_CHAR_SCHEME);
    if (end - colon < 3 || memcmp(colon, "://", 3) != 0 || colon == text.ptr ||
        !http_char_is(text.ptr[0], HTTP_CHAR_SCHEME) || ((unsigned char)text.ptr[0] | 0x20) < 'a')
        return false;
    weir_str scheme = {text.ptr, (size_t)(colon - text.ptr)};
    text = skip(text, scheme.len + 3);
    size_t size = 0;
    while (size < text.len && text.ptr[size] != '/' && text.ptr[size] != '?')
        size++;
    target->form = HTTP_TARGET_ABSOLUTE;
    target->authority = (weir_str){text.ptr, size};
    bool web = http_text_is(scheme, WEIR_STR("http")) || http_text_is(scheme, WEIR_STR("https"));
    if (!strip_userinfo(&target->authority, !web))
        return false;
    struct host_parts parts = host_parse(target->authority);
    if (!parts.valid || !parts.has_name)
        return false;
    text = skip(text, size);
    if (text.len > 0)
        split_query(target, text);
    if (target->path.len == 0)
        target->path = WEIR_STR("/");
    return true;
}

bool http_target_parse(struct http_target *target, weir_str method, weir_str text)
{
    *target = (struct http_target){.form = HTTP_TARGET_ORIGIN};
    if (text.len == 0 || http_scan_target(text.ptr, text.ptr + text.len) != text.ptr + text.len)
        return false;
    if (is(method, WEIR_STR("CONNECT")))
        return parse_authority_form(target, text);
    if (text.ptr[0] == '/') {
        split_query(target, text);
        return true;
    }
    if (is(text, WEIR_STR("*"))) {
        target->form = HTTP_TARGET_ASTERISK;
        return is(method, WEIR_STR("OPTIONS"));
    }
    return parse_absolute_form(target, text);
}
