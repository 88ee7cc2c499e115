/* Goal: the table says what the grammar says. Method: each class is written here as the list of its octets (RFC
 * 9110, 5.5 and 5.6.2; RFC 3986, 2.2 and 2.3), and all 256 octets are compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/chars.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool listed(unsigned octet, const char *list)
{
    return octet != 0 && octet < 0x80 && strchr(list, (int)octet) != NULL;
}

static void classes_are_the_grammar(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char octet = (char)c;
        assert_int_equal(http_char_is(octet, HTTP_CHAR_TOKEN), listed(c, LETTERS DIGITS "!#$%&'*+-.^_`|~"));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_NAME), listed(c, LETTERS DIGITS "-._~!$&'()*+,;="));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_SCHEME), listed(c, LETTERS DIGITS "+-."));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_HEX), listed(c, DIGITS "abcdefABCDEF"));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_DIGIT), listed(c, DIGITS));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_BLANK), listed(c, " \t"));
        assert_int_equal(http_char_is(octet, HTTP_CHAR_VALUE), c == 9 || (c >= 32 && c < 127) || c >= 128);
        assert_int_equal(http_char_is(octet, HTTP_CHAR_TARGET), c > 32 && c < 127 && c != '#');
    }
}

static void hex_digits_have_values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(http_hex_value("0123456789abcdef"[i]), i);
        assert_int_equal(http_hex_value("0123456789ABCDEF"[i]), i);
    }
}

/* One octet of a long name at a time is made each other octet: only the two cases of a letter are alike. */
static void names_compare_in_any_case(void **state)
{
    (void)state;
    char text[] = "Transfer-Encoding-100";
    const weir_str lower = WEIR_STR("transfer-encoding-100");
    weir_str view = {text, lower.len};
    assert_true(http_text_is(view, lower));
    assert_false(http_text_is((weir_str){text, lower.len - 1}, lower));
    for (size_t i = 0; i < lower.len; i++) {
        char was = text[i];
        for (unsigned c = 0; c < 256; c++) {
            if (!http_char_is((char)c, HTTP_CHAR_VALUE))
                continue;
            text[i] = (char)c;
            unsigned letter = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
            assert_int_equal(http_text_is(view, lower), letter == (unsigned char)lower.ptr[i]);
        }
        text[i] = was;
    }
}

static void blanks_are_trimmed(void **state)
{
    (void)state;
    assert_int_equal(http_trim(WEIR_STR(" \t a b\t ")).len, 3);
    assert_int_equal(http_trim(WEIR_STR(" \t ")).len, 0);
    assert_int_equal(http_trim((weir_str){NULL, 0}).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_the_grammar),
        cmocka_unit_test(hex_digits_have_values),
        cmocka_unit_test(names_compare_in_any_case),
        cmocka_unit_test(blanks_are_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
