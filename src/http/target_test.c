/* Goal: each form of a request-target is taken with its method only, and comes apart as RFC 9112, 3.2 says; hosts are
 * those of RFC 3986, 3.2.2. Method: tables of what is taken and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "http/target.h"

static weir_str str(const char *text)
{
    return (weir_str){text, strlen(text)};
}

static void assert_text(weir_str text, const char *due)
{
    assert_int_equal(text.len, strlen(due));
    if (text.len > 0)
        assert_memory_equal(text.ptr, due, text.len);
}

struct good {
    const char *method, *text;
    enum http_target_form form;
    const char *authority, *path, *query;
};

static void targets_come_apart(void **state)
{
    (void)state;
    static const struct good rows[] = {
        {"GET", "/", HTTP_TARGET_ORIGIN, "", "/", ""},
        {"GET", "/a/b?c=d?e", HTTP_TARGET_ORIGIN, "", "/a/b", "c=d?e"},
        {"GET", "/?", HTTP_TARGET_ORIGIN, "", "/", ""},
        {"GET", "//a/b", HTTP_TARGET_ORIGIN, "", "//a/b", ""},
        {"GET", "/a:1@[%zz]{}|\\^`\"<>", HTTP_TARGET_ORIGIN, "", "/a:1@[%zz]{}|\\^`\"<>", ""},
        {"OPTIONS", "*", HTTP_TARGET_ASTERISK, "", "", ""},
        {"OPTIONS", "/a", HTTP_TARGET_ORIGIN, "", "/a", ""},
        {"CONNECT", "a.b:443", HTTP_TARGET_AUTHORITY, "a.b:443", "", ""},
        {"CONNECT", "[::1]:1", HTTP_TARGET_AUTHORITY, "[::1]:1", "", ""},
        {"GET", "http://a", HTTP_TARGET_ABSOLUTE, "a", "/", ""},
        {"GET", "HTTP://a:80/b?c", HTTP_TARGET_ABSOLUTE, "a:80", "/b", "c"},
        {"GET", "https://a?b/c", HTTP_TARGET_ABSOLUTE, "a", "/", "b/c"},
        {"OPTIONS", "http://a", HTTP_TARGET_ABSOLUTE, "a", "/", ""},
        {"GET", "ftp://u:p%20@a/b", HTTP_TARGET_ABSOLUTE, "a", "/b", ""},
        {"GET", "a+b-c.1://[1::2]/", HTTP_TARGET_ABSOLUTE, "[1::2]", "/", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_target target;
        assert_true(http_target_parse(&target, str(rows[i].method), str(rows[i].text)));
        assert_int_equal(target.form, rows[i].form);
        assert_text(target.authority, rows[i].authority);
        assert_text(target.path, rows[i].path);
        assert_text(target.query, rows[i].query);
    }
}

static void wrong_targets_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"GET", ""},
        {"GET", "*"},
        {"OPTIONS", "**"},
        {"GET", "a"},
        {"GET", "a/b"},
        {"GET", "a:80"},
        {"GET", "a.b:80"},
        {"GET", "?a"},
        {"CONNECT", "/"},
        {"CONNECT", "a"},
        {"CONNECT", "a:"},
        {"CONNECT", ":1"},
        {"CONNECT", "a:1/b"},
        {"CONNECT", "u@a:1"},
        {"CONNECT", "*"},
        {"CONNECT", "http://a:1"},
        {"CONNECT", "a:65536"},
        {"connect", "a:1"},
        {"GET", "/a#b"},
        {"GET", "/a b"},
        {"GET", "/a\tb"},
        {"GET", "/a\x7f"},
        {"GET", "/a\xc3\xa4"},
        {"GET", "/a\x01"},
        {"GET", "http://"},
        {"GET", "http:///a"},
        {"GET", "http://:80/"},
        {"GET", "http://u@a/"},
        {"GET", "https://u:p@a/"},
        {"GET", "http://@a/"},
        {"GET", "http:/a"},
        {"GET", "http:a"},
        {"GET", "http//a"},
        {"GET", "://a"},
        {"GET", "1a://b"},
        {"GET", "urn:a:b"},
        {"GET", "http://a b/"},
        {"GET", "http://a:b/"},
        {"GET", "http://[::1/"},
        {"GET", "http://a%2/"},
        {"GET", "ftp://u@v@a/"},
        {"GET", "ftp://[@a/"},
        {"GET", "ftp://u@/"},
        {"GET", "http://a\\b/"},
        {"OPTIONS", "http://a#b"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_target target;
        if (http_target_parse(&target, str(rows[i][0]), str(rows[i][1])))
            fail_msg("%s %s was taken", rows[i][0], rows[i][1]);
    }
    struct http_target target;
    assert_false(http_target_parse(&target, WEIR_STR("GET"), WEIR_STR("/a\0b")));
    assert_false(http_target_parse(&target, WEIR_STR("GET"), (weir_str){NULL, 0}));
}

static void hosts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "a",
        "a.b-c_d~",
        "a.",
        "A:1",
        "a:",
        "a:65535",
        "a:00080",
        "127.0.0.1:80",
        "1.2.3.999",
        "%41%Ab.c",
        "!$&'()*+,;=",
        "[::]",
        "[::1]",
        "[1::]:1",
        "[1:2:3:4:5:6:7:8]",
        "[1:2:3:4:5:6:7::]",
        "[::2:3:4:5:6:7:8]",
        "[1::3:4:5:6:7:8]",
        "[::1.2.3.4]",
        "[1:2:3:4:5:6:1.2.3.4]",
        "[1:2:3:4:5::1.2.3.4]",
        "[ABCD:ef01::]",
        ":80",
        "[v1.a]",
        "[V1f.a:b!~]:80",
        "[vA.:]",
    };
    static const char *const bad[] = {
        "a b",
        " a",
        "a/",
        "a?",
        "a#",
        "a@b",
        "a:b",
        "a:1:2",
        "a:+1",
        "a:65536",
        "a:99999999999999999999",
        "a\\b",
        "a%",
        "a%4",
        "a%4g",
        "%41%zz",
        "\"a\"",
        "a<",
        "a\x80",
        "a[",
        "[",
        "[]",
        "]",
        "[::1",
        "::1",
        "[::1]a",
        "[::1]:a",
        "[:]",
        "[:::]",
        "[:1]",
        "[1:]",
        "[1]",
        "[1::2::3]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1:2:3:4:5:6:7:8::]",
        "[12345::]",
        "[g::]",
        "[::1.2.3]",
        "[::1.2.3.256]",
        "[::1.2.3.4.5]",
        "[::1.2.3.04]",
        "[1.2.3.4]",
        "[1.2.3.4::]",
        "[::1.2.3.4:5]",
        "[1:2:3:4:5:6:7:1.2.3.4]",
        "[1:2:3:4:5:1.2.3.4]",
        "[1:2:3:4:5:6::1.2.3.4]",
        "[fe80::1%25eth0]",
        "[v1.]",
        "[v.a]",
        "[vg.a]",
        "[v1a]",
        "[v1.a%41]",
        "[v1.[a]",
        "[v1.a/]",
        "[1.a]",
        "[v]",
        "[v1.a",
        "v1.a]",
        "[::1 ]",
        "[::1..]",
        "[::.1]",
        "[::1:]",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (!http_host_valid(str(good[i])))
            fail_msg("%s was refused", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (http_host_valid(str(bad[i])))
            fail_msg("%s was taken", bad[i]);
    }
    assert_false(http_host_valid(WEIR_STR("a\0b")));
    assert_true(http_host_valid((weir_str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_come_apart),
        cmocka_unit_test(wrong_targets_are_refused),
        cmocka_unit_test(hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
