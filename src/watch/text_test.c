/* Goal: bounded text keeps snprintf's contract and escapes JSON; method: every size from none to more than enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/json_check.h"
#include "watch/text.h"

static void test_every_size(void **state)
{
    (void)state;
    static const char whole[] = "one 2 \"a\\\"b\\u000a\"";
    for (size_t size = 0; size < sizeof(whole) + 4; size++) {
        char *place = malloc(size + 1); /* so that a sanitizer sees one octet too many */
        place[size] = '#';
        struct watch_text text = {size > 0 ? place : NULL, size, 0};
        watch_text_printf(&text, "%s %d ", "one", 2);
        watch_text_json(&text, "a\"b\n");
        assert_int_equal(watch_text_result(&text), strlen(whole));
        assert_true(place[size] == '#');
        if (size > 0) {
            size_t kept = size - 1 < strlen(whole) ? size - 1 : strlen(whole);
            assert_int_equal(strlen(place), kept);
            assert_memory_equal(place, whole, kept);
        }
        free(place);
    }
}

static void test_json_string(void **state)
{
    (void)state;
    char all[0x80], place[1024];
    for (size_t i = 1; i < sizeof(all); i++)
        all[i - 1] = (char)i;
    all[sizeof(all) - 1] = '\0';
    struct watch_text text = {place, sizeof(place), 0};
    watch_text_json(&text, all);
    assert_true(json_well_formed(place));
    assert_non_null(strstr(place, "\\u0001"));
    assert_non_null(strstr(place, "\\\\"));
}

static void test_time(void **state)
{
    (void)state;
    char place[64];
    struct watch_text text = {place, sizeof(place), 0};
    watch_text_time(&text, UINT64_C(951782399) * 1000000000 + 999999999);
    assert_string_equal(place, "2000-02-28T23:59:59.999Z");
    text.len = 0;
    watch_text_time(&text, 0);
    assert_string_equal(place, "1970-01-01T00:00:00.000Z");
}

static void test_checker(void **state)
{
    (void)state;
    assert_true(json_well_formed("{\"a\":[1,2.5,-0],\"b\":{},\"c\":true}"));
    static const char *const wrong[] = {"",        "{",      "{\"a\":}",  "{\"a\":1,}", "[1,]",      "\"a",
                                        "\"\\x\"", "{} ",    "01",        "1.",         "nul",       "{a:1}",
                                        "[1 2]",   "\"\t\"", "{\"a\" 1}", "\"\\u12\"",  "{\"a\":1}}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(json_well_formed(wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_json_string),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_checker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
