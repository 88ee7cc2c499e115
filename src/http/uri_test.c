/* Goal: percent-encoding is undone exactly, or refused with the offset of what is wrong; what is encoded comes back;
 * queries come apart at `&` and the first `=`. Method: tables, all 256 octets, and every size of a place that is too
 * small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <weir/uri.h>

static weir_str text_of(const char *text)
{
    return (weir_str){text, strlen(text)};
}

struct decoding {
    const char *text;
    unsigned options;
    const char *decoded; /* null: refused */
    size_t offset;       /* of what is wrong */
};

static const struct decoding decodings[] = {
    {"", 0, "", 0},
    {"abc", 0, "abc", 0},
    {"%41%62%2f%2F%7e", 0, "Ab//~", 0},
    {"a%20b", 0, "a b", 0},
    {"a+b", 0, "a+b", 0},
    {"a+b", WEIR_URI_PLUS, "a b", 0},
    {"%2b+", WEIR_URI_PLUS, "+ ", 0},
    {"%c3%A9", 0, "\xc3\xa9", 0},
    {"%25%32%35", 0, "%25", 0},
    {"\xff\x01", 0, "\xff\x01", 0},
    {"%", 0, NULL, 0},
    {"a%", 0, NULL, 1},
    {"ab%4", 0, NULL, 2},
    {"%41%4g", 0, NULL, 3},
    {"%41%g4", 0, NULL, 3},
    {"%%41", 0, NULL, 0},
    {"% 1", 0, NULL, 0},
    {"%+1", 0, NULL, 0},
    {"%0x41", 0, NULL, 0},
    {"a%00b", 0, NULL, 1},
    {"a%00b", WEIR_URI_PLUS, NULL, 1},
};

static void decodes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof decodings / sizeof decodings[0]; i++) {
        const struct decoding *d = &decodings[i];
        char place[32], own[32];
        size_t length = 99, own_length = strlen(d->text);
        memcpy(own, d->text, own_length);
        weir_code code = weir_uri_decode(text_of(d->text), d->options, place, sizeof place, &length);
        assert_int_equal(weir_uri_decode_in_place(own, d->options, &own_length), code);
        assert_int_equal(own_length, length);
        if (d->decoded == NULL) {
            assert_int_equal(code, WEIR_CODE_bad_escape);
            assert_int_equal(length, d->offset);
            continue;
        }
        assert_int_equal(code, WEIR_OK);
        assert_int_equal(length, strlen(d->decoded));
        assert_memory_equal(place, d->decoded, length);
        assert_memory_equal(own, d->decoded, length);
    }
}

static void nul_is_decoded_when_asked_for(void **state)
{
    char place[3];
    size_t length;
    (void)state;
    assert_int_equal(weir_uri_decode(WEIR_STR("a%00b"), WEIR_URI_NUL, place, sizeof place, &length), WEIR_OK);
    assert_int_equal(length, 3);
    assert_memory_equal(place, "a\0b", 3);
}

static void place_is_never_overrun(void **state)
{
    (void)state;
    for (size_t size = 0; size < 6; size++) {
        char place[7] = "######";
        size_t length = 99;
        weir_code code = weir_uri_decode(WEIR_STR("%41b%43d"), 0, place, size, &length);
        assert_int_equal(code, size < 4 ? WEIR_CODE_target_too_long : WEIR_OK);
        assert_int_equal(length, size < 4 ? 0 : 4);
        for (size_t i = size < 4 ? size : 4; i < 6; i++)
            assert_int_equal(place[i], '#');
    }
}

static void each_octet_comes_back(void **state)
{
    (void)state;
    const char *stand = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (unsigned c = 0; c < 256; c++) {
        char octet = (char)c, text[4], back;
        size_t length, n = weir_uri_encode(text, sizeof text, (weir_str){&octet, 1});
        bool stands = c != 0 && strchr(stand, (int)c) != NULL;
        assert_int_equal(n, stands ? 1 : 3);
        assert_int_equal(strlen(text), n);
        assert_int_equal(weir_uri_decode(text_of(text), WEIR_URI_NUL | WEIR_URI_PLUS, &back, 1, &length), WEIR_OK);
        assert_int_equal(length, 1);
        assert_int_equal(back, octet);
    }
}

static void encodings_are_cut_between_octets(void **state)
{
    static const char *const cut[] = {"", "", "a", "a", "a", "a%2F", "a%2Fb", "a%2Fb"};
    (void)state;
    for (size_t size = 0; size < 8; size++) {
        char text[9] = "########";
        assert_int_equal(weir_uri_encode(text, size, WEIR_STR("a/b")), 5);
        if (size > 0)
            assert_string_equal(text, cut[size]);
        else
            assert_int_equal(text[0], '#');
    }
    /* Once an octet did not fit, none after it is put. */
    char text[4];
    assert_int_equal(weir_uri_encode(text, 3, WEIR_STR("a/bc")), 6);
    assert_string_equal(text, "a");
}

static void queries_come_apart(void **state)
{
    (void)state;
    weir_str rest = WEIR_STR("a=1&&b&=2&c=&d=x=y%26&"), name, value;
    static const char *const expected[][2] = {{"a", "1"}, {"b", NULL}, {"", "2"}, {"c", ""}, {"d", "x=y%26"}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(weir_query_next(&rest, &name, &value));
        assert_true(weir_str_equal(name, text_of(expected[i][0])));
        assert_int_equal(value.ptr == NULL, expected[i][1] == NULL);
        if (expected[i][1] != NULL)
            assert_true(weir_str_equal(value, text_of(expected[i][1])));
    }
    assert_false(weir_query_next(&rest, &name, &value));
    assert_false(weir_query_next(&rest, &name, &value));
    rest = (weir_str){NULL, 0};
    assert_false(weir_query_next(&rest, &name, &value));
}

static void parameters_are_found(void **state)
{
    weir_str query = WEIR_STR("ab=1&a=2&%61=3&b&x+y=4&x%20y=5&%zz=6&a%=7&n%00=8"), value;
    (void)state;
    assert_true(weir_query_find(query, WEIR_STR("a"), 0, &value) && weir_str_equal(value, WEIR_STR("2")));
    assert_true(weir_query_find(query, WEIR_STR("ab"), 0, &value) && weir_str_equal(value, WEIR_STR("1")));
    assert_true(weir_query_find(query, WEIR_STR("b"), 0, &value) && value.ptr != NULL && value.len == 0);
    assert_true(weir_query_find(query, WEIR_STR("x y"), 0, &value) && weir_str_equal(value, WEIR_STR("5")));
    assert_true(weir_query_find(query, WEIR_STR("x y"), WEIR_URI_PLUS, &value) && weir_str_equal(value, WEIR_STR("4")));
    assert_true(weir_query_find(query, WEIR_STR("x+y"), 0, &value) && weir_str_equal(value, WEIR_STR("4")));
    assert_false(weir_query_find(query, WEIR_STR("A"), 0, &value));
    assert_false(weir_query_find(query, WEIR_STR("%zz"), 0, &value));
    assert_false(weir_query_find(query, WEIR_STR("n\0"), 0, &value));
    assert_true(weir_query_find(query, WEIR_STR("n\0"), WEIR_URI_NUL, &value));
    assert_false(weir_query_find((weir_str){NULL, 0}, WEIR_STR("a"), 0, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(nul_is_decoded_when_asked_for),
        cmocka_unit_test(place_is_never_overrun),
        cmocka_unit_test(each_octet_comes_back),
        cmocka_unit_test(encodings_are_cut_between_octets),
        cmocka_unit_test(queries_come_apart),
        cmocka_unit_test(parameters_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
