/* References (RFC 3986, 5.2), as Location has them. */
#include <string.h>
#include <weir/url.h>

#include "http/url.h"

/* A text that is put together; cut where it would not fit, and counted all the same. */
struct text {
    char *ptr;
    size_t size;
    size_t len;
};

static void put(struct text *t, weir_str octets)
{
    for (size_t i = 0; i < octets.len; i++, t->len++)
        if (t->len + 1 < t->size)
            t->ptr[t->len] = octets.ptr[i];
}

static weir_str behind(weir_str text, size_t n)
{
    return (weir_str){text.ptr + n, text.len - n};
}

static weir_str until(weir_str text, char end)
{
    const char *at = text.len > 0 ? memchr(text.ptr, end, text.len) : NULL;
    return at != NULL ? (weir_str){text.ptr, (size_t)(at - text.ptr)} : text;
}

static bool begins(weir_str text, const char *with)
{
    size_t n = strlen(with);
    return text.len >= n && memcmp(text.ptr, with, n) == 0;
}

/* Back over the last segment. */
static void drop_segment(struct text *t)
{
    while (t->len > 0 && t->ptr[t->len - 1] != '/')
        t->len--;
    if (t->len > 0)
        t->len--;
}

/* remove_dot_segments (5.2.4) of `path`, which begins with a slash. `space` has room for it. */
static weir_str without_dots(weir_str path, char *space)
{
    struct text t = {.ptr = space, .size = path.len + 1};
    while (path.len > 0) {
        weir_str rest = behind(path, 1);
        weir_str segment = until(rest, '/');
        bool last = segment.len == rest.len;
        path = behind(rest, segment.len);
        if (weir_str_equal(segment, WEIR_STR(".."))) {
            drop_segment(&t);
        } else if (!weir_str_equal(segment, WEIR_STR("."))) {
            put(&t, WEIR_STR("/"));
            put(&t, segment);
            continue;
        }
        if (last)
            put(&t, WEIR_STR("/"));
    }
    return (weir_str){space, t.len};
}

static bool is_plain(weir_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return false;
    return true;
}

static bool has_scheme(weir_str reference)
{
    weir_str scheme = until(reference, ':');
    return scheme.len < reference.len && scheme.len > 0 && memchr(scheme.ptr, '/', scheme.len) == NULL &&
           memchr(scheme.ptr, '?', scheme.len) == NULL;
}

#define PATH_SIZE_MAX 16384

/* The path of the reference on that of the base (5.2.3); false: it is too long. */
static bool put_path(struct text *t, weir_str base_target, weir_str reference)
{
    char merged[PATH_SIZE_MAX], clean[PATH_SIZE_MAX];
    struct text m = {.ptr = merged, .size = sizeof merged};
    weir_str path = until(reference, '?');
    if (!begins(path, "/")) {
        weir_str base_path = until(base_target, '?');
        const char *slash = base_path.len > 0 ? memrchr(base_path.ptr, '/', base_path.len) : NULL;
        if (slash != NULL)
            put(&m, (weir_str){base_path.ptr, (size_t)(slash - base_path.ptr) + 1});
        else
            put(&m, WEIR_STR("/"));
    }
    put(&m, path);
    if (m.len + 1 >= sizeof merged)
        return false;
    put(t, without_dots((weir_str){merged, m.len}, clean));
    put(t, behind(reference, path.len));
    return true;
}

/* A URL that names no user: one that came from elsewhere and does hides where it leads, or has us show a password of
 * its choice to whom it likes (RFC 9110, 4.2.4). */
static bool is_harmless(weir_str text)
{
    struct http_url url;
    return http_url_parse(&url, text) && url.userinfo.ptr == NULL;
}

/* `//AUTHORITY...` at a base of that scheme is such a URL. */
static bool is_network_reference(weir_str scheme, weir_str reference)
{
    char whole[PATH_SIZE_MAX];
    struct text t = {.ptr = whole, .size = sizeof whole};
    put(&t, scheme);
    put(&t, WEIR_STR(":"));
    put(&t, reference);
    return t.len < sizeof whole && is_harmless((weir_str){whole, t.len});
}

int weir_url_resolve(char *text, size_t size, weir_str base, weir_str reference)
{
    struct http_url url;
    struct text t = {.ptr = text, .size = size};
    if (!http_url_parse(&url, base) || !is_plain(reference))
        return -1;
    reference = until(reference, '#');
    if (has_scheme(reference)) {
        if (!is_harmless(reference))
            return -1;
        put(&t, reference);
    } else {
        put(&t, url.scheme);
        put(&t, WEIR_STR(":"));
        if (begins(reference, "//")) {
            if (!is_network_reference(url.scheme, reference))
                return -1;
            put(&t, reference);
        } else {
            put(&t, WEIR_STR("//"));
            put(&t, url.authority);
            weir_str path = until(url.target, '?');
            if (reference.len == 0) {
                put(&t, url.target);
            } else if (reference.ptr[0] == '?') {
                put(&t, path.len > 0 ? path : WEIR_STR("/"));
                put(&t, reference);
            } else if (!put_path(&t, url.target, reference)) {
                return -1;
            }
        }
    }
    if (size > 0)
        text[t.len < size ? t.len : size - 1] = '\0';
    return (int)t.len;
}

bool weir_url_same_origin(weir_str a, weir_str b)
{
    struct http_url one, other;
    if (!http_url_parse(&one, a) || !http_url_parse(&other, b) || !weir_str_equal_nocase(one.scheme, other.scheme) ||
        !weir_str_equal_nocase(one.host, other.host))
        return false;
    uint16_t usual = weir_str_equal_nocase(one.scheme, WEIR_STR("https")) ? 443 : 80;
    return (one.has_port ? one.port : usual) == (other.has_port ? other.port : usual);
}
