/* Goal: views compare as octets, and as ASCII in either case, with nothing of the locale and with empty views.
 * Method: a table, and every octet against every other. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <weir/base.h>

#include <cmocka.h>

static void test_empty(void **state)
{
    const weir_str none = {0};
    (void)state;
    assert_true(weir_str_equal(none, WEIR_STR("")));
    assert_true(weir_str_equal(none, none));
    assert_true(weir_str_equal_nocase(none, none));
    assert_false(weir_str_equal(none, WEIR_STR("x")));
    assert_false(weir_str_equal_nocase(WEIR_STR("x"), none));
    assert_int_equal(weir_str_from("").len, 0);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(weir_str_equal(weir_str_from("Host"), WEIR_STR("Host")));
    assert_false(weir_str_equal(WEIR_STR("Host"), WEIR_STR("host")));
    assert_true(weir_str_equal(WEIR_STR("a\0b"), WEIR_STR("a\0b")));
    assert_false(weir_str_equal(WEIR_STR("a\0b"), WEIR_STR("a\0c")));
    assert_true(weir_str_equal_nocase(WEIR_STR("Content-LENGTH"), WEIR_STR("content-length")));
    assert_false(weir_str_equal_nocase(WEIR_STR("content-length"), WEIR_STR("content-lengt")));
}

static void test_every_octet(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        for (int j = 0; j < 256; j++) {
            char a = (char)i;
            char b = (char)j;
            bool alike = i == j || (i < 128 && j < 128 && isalpha(i) && isalpha(j) && tolower(i) == tolower(j));
            assert_int_equal(weir_str_equal_nocase((weir_str){&a, 1}, (weir_str){&b, 1}), alike);
        }
    }
}

static void test_version(void **state)
{
    char version[32];
    (void)state;
    (void)snprintf(version, sizeof(version), "%d.%d.%d ", WEIR_VERSION_MAJOR, WEIR_VERSION_MINOR, WEIR_VERSION_PATCH);
    assert_memory_equal(weir_version(), version, strlen(version));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_every_octet),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
