/* Goal: a Location leads where RFC 3986 says. Method: the examples of its section 5.4, and what they leave out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <weir/url.h>

#define BASE "http://a/b/c/d;p?q"

static void must_be(const char *base, const char *reference, const char *expected)
{
    char text[256];
    int n = weir_url_resolve(text, sizeof text, weir_str_from(base), weir_str_from(reference));
    if (expected == NULL) {
        assert_int_equal(n, -1);
        return;
    }
    assert_int_equal(n, strlen(expected));
    assert_string_equal(text, expected);
}

static void examples(void **state)
{
    static const char *const rows[][2] = {
        {"http://g", "http://g"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"},
        {"g#s", "http://a/b/c/g"},
        {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../..", "http://a/"},
        {"../../", "http://a/"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"./g/.", "http://a/b/c/g/"},
        {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        must_be(BASE, rows[i][0], rows[i][1]);
}

static void others(void **state)
{
    (void)state;
    must_be("http://u:p@a:80", "x", "http://a:80/x"); /* what names a user is not handed on */
    must_be("http://[::1]:8080/", "/y?z#f", "http://[::1]:8080/y?z");
    must_be("http://a?q", "?r", "http://a/?r");
    must_be(BASE, "https://b/", "https://b/");
    must_be(BASE, "a b", NULL);
    must_be(BASE, "mailto:x", NULL);
    must_be("nothing", "/", NULL);
    must_be(BASE, "http://good\\@evil/", NULL); /* two readers would see two hosts */
    must_be("http://good\\@evil/", "x", NULL);
    must_be(BASE, "/\\evil/x", "http://a/\\evil/x");
    must_be(BASE, "//:80/", NULL); /* no host */
    must_be(BASE, "//g:65536/", NULL);
    must_be(BASE, "//", NULL);
    must_be(BASE, "http://a@evil/", NULL); /* who came from a would take it for a, or show evil a password */
    must_be(BASE, "//user:word@a/", NULL);
    must_be(BASE, "//@a/", NULL);
    must_be(BASE, "/x@y", "http://a/x@y");
    char longest[20000];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(weir_url_resolve(NULL, 0, WEIR_STR(BASE), (weir_str){longest, sizeof longest}), -1);
    char small[8];
    assert_int_equal(weir_url_resolve(small, sizeof small, WEIR_STR("http://a/"), WEIR_STR("/long")), 13);
    assert_string_equal(small, "http://");
}

static void origins(void **state)
{
    (void)state;
    assert_true(weir_url_same_origin(WEIR_STR("http://A/x"), WEIR_STR("HTTP://a:80/y")));
    assert_false(weir_url_same_origin(WEIR_STR("http://a/"), WEIR_STR("https://a/")));
    assert_false(weir_url_same_origin(WEIR_STR("http://a/"), WEIR_STR("http://a:81/")));
    assert_false(weir_url_same_origin(WEIR_STR("http://a/"), WEIR_STR("http://b/")));
    assert_false(weir_url_same_origin(WEIR_STR("x"), WEIR_STR("x")));
    assert_false(weir_url_same_origin(WEIR_STR("http://b/"), WEIR_STR("http://a\\@b/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples), cmocka_unit_test(others), cmocka_unit_test(origins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
