/* Goal: what a URL says of a password is in no text of an error, and such a text cannot forge a line of a log. Method:
 * URLs and proxies that are refused, each for another reason. */
#include "client/scene.h"

static void expect_shown(const char *url, weir_code code, const char *shown)
{
    struct scene s;
    weir_error error;
    scene_open(&s);
    const weir_request *request = WEIR_REQUEST(.url = weir_str_from(url), .handler = &call_handler);
    assert_int_equal(weir_client_send(s.client, request, NULL, &error), code);
    if (strstr(error.text, shown) == NULL || strstr(error.text, "s3cret") != NULL)
        fail_msg("%s: said \"%s\", expected %s in it", url, error.text, shown);
    for (const char *at = error.text; *at != '\0'; at++)
        assert_true(*at >= ' ' && *at < 0x7f);
    scene_close(&s);
}

static void test_urls(void **state)
{
    (void)state;
    expect_shown("https://user:s3cret@example.org/", WEIR_CODE_unsupported, "\"https://***@example.org/\"");
    expect_shown("ftp://user:s3cret@example.org/", WEIR_CODE_bad_url, "\"ftp://***@example.org/\"");
    expect_shown("user:s3cret@example.org", WEIR_CODE_bad_url, "\"***@example.org\"");
    expect_shown("http://user:s3cret/word@example.org:port/", WEIR_CODE_bad_url, "\"http://***@example.org:port/\"");
    expect_shown("http://user:s3cret@one@two:99999", WEIR_CODE_bad_url, "\"http://***@two:99999\"");
    expect_shown("ftp://example.org/", WEIR_CODE_bad_url, "\"ftp://example.org/\"");
    expect_shown("http://a\r\ncode=forged \x1b[31m\xff", WEIR_CODE_bad_url, "\"http://a??code=forged ?[31m?\"");
}

static void test_long_ones(void **state)
{
    char url[2000];
    (void)state;
    for (size_t size = 100; size < 140; size++) {
        (void)snprintf(url, sizeof url, "ftp://%0*d", (int)size, 1);
        expect_shown(url, WEIR_CODE_bad_url, "\"ftp://000000000000000000000000000000");
        (void)snprintf(url, sizeof url, "ftp://%0*d:s3cret@h", (int)size, 1);
        expect_shown(url, WEIR_CODE_bad_url, "\"ftp://***@h\"");
    }
}

static void test_proxies(void **state)
{
    static const char *const wrong[] = {"ftp://user:s3cret@proxy/", "user:s3cret@proxy:3128",
                                        "http://user:s3cret@proxy/path"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct scene s;
        weir_error error;
        scene_init(&s);
        s.options.proxy = weir_str_from(wrong[i]);
        assert_int_equal(weir_client_new(&s.client, &s.options, &error), WEIR_CODE_bad_option);
        assert_null(strstr(error.text, "s3cret"));
        assert_non_null(strstr(error.text, "***@proxy"));
        s.options.proxy = (weir_str){.ptr = NULL};
        scene_start(&s);
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls), cmocka_unit_test(test_long_ones),
                                       cmocka_unit_test(test_proxies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
