/* Invariant: for any octets as a base URL, a newline and a reference: nothing beyond them is read; a URL that is
 * taken lies within the octets, and is itself again when it is put together from its parts; what a reference leads
 * to is a URL, without a fragment, the same in a buffer of any size and when it is resolved once more; its path has
 * no dot segments and its origin is the base's unless the reference names another. Being of one origin is mutual. */
#include "base/fuzz_check.h"

#include <weir/url.h>

#include "http/url.h"

#define TEXT_SIZE 80000

static bool begins(weir_str text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.ptr, with, strlen(with)) == 0;
}

static bool parse(struct http_url *url, weir_str text)
{
    if (!http_url_parse(url, text))
        return false;
    FUZZ_MUST(fuzz_within(url->scheme, text) && fuzz_within(url->userinfo, text) && fuzz_within(url->host, text));
    FUZZ_MUST(fuzz_within(url->target, text) && fuzz_within(url->host, url->authority));
    FUZZ_MUST(url->scheme.len > 0 && url->host.len > 0 && url->has_port == (url->port != 0));
    FUZZ_MUST(url->target.len == 0 || url->target.ptr[0] == '/' || url->target.ptr[0] == '?');
    return true;
}

static void check_parts(weir_str text)
{
    struct http_url url, again;
    if (!parse(&url, text))
        return;
    char *whole = malloc(text.len + 1);
    FUZZ_MUST(whole != NULL);
    int n = snprintf(whole, text.len + 1, "%.*s://%.*s%s%.*s%.*s", (int)url.scheme.len, url.scheme.ptr,
                     (int)url.userinfo.len, url.userinfo.ptr != NULL ? url.userinfo.ptr : "",
                     url.userinfo.ptr != NULL ? "@" : "", (int)url.authority.len, url.authority.ptr,
                     (int)url.target.len, url.target.ptr);
    FUZZ_MUST(n >= 0 && (size_t)n <= text.len && memcmp(whole, text.ptr, (size_t)n) == 0);
    FUZZ_MUST((size_t)n == text.len || text.ptr[n] == '#'); /* all but the fragment */
    FUZZ_MUST(parse(&again, (weir_str){whole, (size_t)n}));
    FUZZ_MUST(fuzz_same(again.host, url.host) && fuzz_same(again.target, url.target) && again.port == url.port);
    FUZZ_MUST(weir_url_same_origin(text, (weir_str){whole, (size_t)n}));
    free(whole);
}

static bool names_origin(weir_str reference)
{
    const char *colon = reference.len > 0 ? memchr(reference.ptr, ':', reference.len) : NULL;
    for (const char *at = reference.ptr; colon != NULL && at < colon; at++)
        if (*at == '/' || *at == '?' || *at == '#')
            colon = NULL;
    return begins(reference, "//") || (colon != NULL && colon > reference.ptr);
}

static bool has_dots(weir_str target)
{
    for (size_t i = 0; i < target.len && target.ptr[i] != '?'; i++) {
        size_t end = i + 1;
        if (target.ptr[i] != '/')
            continue;
        while (end < target.len && target.ptr[end] != '/' && target.ptr[end] != '?')
            end++;
        weir_str segment = {target.ptr + i + 1, end - i - 1};
        if (fuzz_same(segment, WEIR_STR(".")) || fuzz_same(segment, WEIR_STR("..")))
            return true;
    }
    return false;
}

static void check_resolve(weir_str base, weir_str reference)
{
    static char text[TEXT_SIZE], again[TEXT_SIZE];
    struct http_url url;
    int n = weir_url_resolve(text, sizeof text, base, reference);
    if (n < 0)
        return;
    FUZZ_MUST((size_t)n < sizeof text && strlen(text) == (size_t)n);
    size_t small = (size_t)n / 2;
    char *cut = malloc(small > 0 ? small : 1);
    FUZZ_MUST(cut != NULL && weir_url_resolve(cut, small, base, reference) == n);
    FUZZ_MUST(small == 0 || (strlen(cut) == small - 1 && memcmp(cut, text, small - 1) == 0));
    free(cut);
    weir_str result = {text, (size_t)n};
    FUZZ_MUST(parse(&url, result) && memchr(text, '#', (size_t)n) == NULL);
    FUZZ_MUST(weir_url_resolve(again, sizeof again, base, result) == n && strcmp(text, again) == 0);
    if (names_origin(reference))
        return;
    FUZZ_MUST(weir_url_same_origin(base, result) && weir_url_same_origin(result, base));
    bool new_path = reference.len > 0 && reference.ptr[0] != '?' && reference.ptr[0] != '#';
    FUZZ_MUST(!new_path || !has_dots(url.target));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > TEXT_SIZE / 4)
        return 0;
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t base_size = newline != NULL ? (size_t)(newline - data) : size;
    size_t rest = newline != NULL ? size - base_size - 1 : 0;
    char *base = fuzz_copy(data, base_size), *reference = fuzz_copy(data + size - rest, rest);
    weir_str one = {base, base_size}, other = {reference, rest};
    check_parts(one);
    check_parts(other);
    check_resolve(one, other);
    check_resolve(WEIR_STR("http://a/b/c/d;p?q"), other);
    check_resolve(WEIR_STR("http://u@[::1]:8080?q"), one);
    FUZZ_MUST(weir_url_same_origin(one, other) == weir_url_same_origin(other, one));
    free(base);
    free(reference);
    return 0;
}
