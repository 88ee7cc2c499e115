/* Goal: a URL is taken apart as RFC 3986 says, and what is none is refused. Method: a table of both; then every text
 * of a few octets out of those that matter, of which the parts must be views into it, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/url.h"

struct form {
    const char *text, *scheme, *userinfo, *authority, *host, *target;
    int port; /* -1: none */
    bool is_ipv6;
};

static const struct form forms[] = {
    {"http://a", "http", "", "a", "a", "", -1, false},
    {"http://a/", "http", "", "a", "a", "/", -1, false},
    {"HTTP://A.b/C", "HTTP", "", "A.b", "A.b", "/C", -1, false},
    {"http://a:80", "http", "", "a:80", "a", "", 80, false},
    {"http://a:/", "http", "", "a:", "a", "/", -1, false},
    {"http://a:1", "http", "", "a:1", "a", "", 1, false},
    {"http://a:65535/", "http", "", "a:65535", "a", "/", 65535, false},
    {"http://a:00080/", "http", "", "a:00080", "a", "/", 80, false},
    {"http://a?b", "http", "", "a", "a", "?b", -1, false},
    {"http://a?b/c?d", "http", "", "a", "a", "?b/c?d", -1, false},
    {"http://a#b", "http", "", "a", "a", "", -1, false},
    {"http://a/#b?c", "http", "", "a", "a", "/", -1, false},
    {"http://a/b?c#d#e", "http", "", "a", "a", "/b?c", -1, false},
    {"http://a?#", "http", "", "a", "a", "?", -1, false},
    {"http://u@a/", "http", "u", "a", "a", "/", -1, false},
    {"http://u:p@a:8/", "http", "u:p", "a:8", "a", "/", 8, false},
    {"http://u@v@a/", "http", "u@v", "a", "a", "/", -1, false},
    {"http://@a/", "http", "", "a", "a", "/", -1, false},
    {"http://a/@b", "http", "", "a", "a", "/@b", -1, false},
    {"http://a?@b", "http", "", "a", "a", "?@b", -1, false},
    {"http://a#@b", "http", "", "a", "a", "", -1, false},
    {"http://[::1]", "http", "", "[::1]", "::1", "", -1, true},
    {"http://[::1]:8080/x", "http", "", "[::1]:8080", "::1", "/x", 8080, true},
    {"http://u:[@[::1]:1/", "http", "u:[", "[::1]:1", "::1", "/", 1, true},
    {"http://a//b", "http", "", "a", "a", "//b", -1, false},
    {"http://a:80:/", NULL, NULL, NULL, NULL, NULL, 0, false},
    {"a+b-c.d://e", "a+b-c.d", "", "e", "e", "", -1, false},
    {"s5://a:1/%41", "s5", "", "a:1", "a", "/%41", 1, false},
};

static const char *const none[] = {
    "",
    "http",
    "http:",
    "http:/",
    "http://",
    "http:///",
    "http://?a",
    "http://#",
    "http://:80/",
    "http://u@/",
    "http://u@:1/",
    "://a",
    "//a",
    "/a",
    "a",
    "a:80",
    "1http://a",
    "-a://b",
    "ht tp://a",
    "http ://a",
    " http://a",
    "http://a ",
    "http://a b/",
    "http://a/ b",
    "http://a/\tb",
    "http://a/\r\nb",
    "http://a\x7f/",
    "http://a/\x80",
    "http://a:x/",
    "http://a:-1/",
    "http://a:+1/",
    "http://a:0/",
    "http://a:65536/",
    "http://a:1x/",
    "http://a:99999999999/",
    "http://[::1",
    "http://[::1]x/",
    "http://[]/",
    "http://[::1]8/",
    "http:\\\\a",
    "http:/a",
    "ht_tp://a",
};

static void check_part(const char *text, weir_str part, const char *expected, const char *name)
{
    if (part.len != strlen(expected) || (part.len > 0 && memcmp(part.ptr, expected, part.len) != 0))
        fail_msg("%s: the %s is \"%.*s\"", text, name, (int)part.len, part.len > 0 ? part.ptr : "");
}

static void test_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *f = &forms[i];
        struct http_url url;
        bool parsed = http_url_parse(&url, weir_str_from(f->text));
        if (parsed != (f->scheme != NULL))
            fail_msg("%s: %s", f->text, parsed ? "taken" : "refused");
        if (!parsed)
            continue;
        check_part(f->text, url.scheme, f->scheme, "scheme");
        check_part(f->text, url.userinfo, f->userinfo, "userinfo");
        check_part(f->text, url.authority, f->authority, "authority");
        check_part(f->text, url.host, f->host, "host");
        check_part(f->text, url.target, f->target, "target");
        if (url.has_port != (f->port >= 0) || (url.has_port && url.port != f->port) || url.is_ipv6 != f->is_ipv6)
            fail_msg("%s: port %u", f->text, url.port);
    }
}

static void test_refused(void **state)
{
    struct http_url url;
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        if (http_url_parse(&url, weir_str_from(none[i])))
            fail_msg("\"%s\" is taken", none[i]);
    assert_false(http_url_parse(&url, (weir_str){NULL, 0}));
    assert_false(http_url_parse(&url, (weir_str){"http://a\0b", 10}));
}

/* --- every text of a few octets --------------------------------------------------------------------------------- */

static bool within(weir_str part, const char *from, const char *to)
{
    return part.len == 0 || (part.ptr >= from && part.ptr + part.len <= to);
}

static void check_views(const char *text, size_t size)
{
    struct http_url url;
    const char *end = text + size;
    if (!http_url_parse(&url, (weir_str){text, size}))
        return;
    bool right = url.host.len > 0 && within(url.scheme, text, end) && within(url.userinfo, text + 7, end) &&
                 within(url.authority, text + 7, end) &&
                 within(url.host, url.authority.ptr, url.authority.ptr + url.authority.len) &&
                 within(url.target, url.authority.ptr + url.authority.len, end) &&
                 memchr(url.authority.ptr, '@', url.authority.len) == NULL &&
                 memchr(url.authority.ptr, '/', url.authority.len) == NULL && (!url.has_port || url.port > 0) &&
                 (url.target.len == 0 || ((url.target.ptr[0] == '/' || url.target.ptr[0] == '?') &&
                                          memchr(url.target.ptr, '#', url.target.len) == NULL));
    if (!right)
        fail_msg("\"%.*s\" is taken apart wrongly", (int)size, text);
}

static void test_all_short(void **state)
{
    static const char octets[] = "a1:/?#@[] %\x7f";
    enum { LETTERS = sizeof octets - 1, PLACES = 5 };
    (void)state;
    uint32_t all = 1;
    for (int i = 0; i < PLACES; i++)
        all *= LETTERS;
    for (size_t places = 0; places <= PLACES; places++) {
        for (uint32_t n = 0; n < all; n++) {
            /* At the very end of its memory, so that a sanitizer sees a step beyond it. */
            size_t size = 7 + places;
            char *text = malloc(size);
            assert_non_null(text);
            memcpy(text, "http://", 7);
            uint32_t rest = n;
            for (size_t i = 0; i < places; i++, rest /= LETTERS)
                text[7 + i] = octets[rest % LETTERS];
            if (rest == 0)
                check_views(text, size);
            free(text);
            if (rest > 0)
                break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_all_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
