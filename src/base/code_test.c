/* Goal: every code has a stable name and a text, and is found by it; method: walks the table, and asks for
 * strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/code.h>

static weir_str view(const char *terminated)
{
    return (weir_str){terminated, strlen(terminated)};
}

static void test_each_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WEIR_CODE_MAX; i++) {
        if (!weir_code_is_known((weir_code)i))
            continue;
        const char *name = weir_code_name((weir_code)i);
        assert_int_equal(weir_code_find(view(name)), i);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
        assert_true(weir_code_text((weir_code)i)[0] != '\0');
        assert_non_null(weir_code_advice((weir_code)i));
    }
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(weir_code_status(WEIR_CODE_bad_chunk), 400);
    assert_int_equal(weir_code_status(WEIR_CODE_head_timeout), 408);
    assert_int_equal(weir_code_status(WEIR_CODE_peer_reset_idle), 0);
    for (unsigned i = 0; i < WEIR_CODE_COUNT; i++) {
        unsigned status = weir_code_status((weir_code)i);
        assert_true(status == 0 || (status >= 400 && status <= 599));
    }
}

static void test_strangers(void **state)
{
    (void)state;
    assert_string_equal(weir_code_name(WEIR_CODE_COUNT), "unknown");
    assert_string_equal(weir_code_text((weir_code)4711), "unknown");
    assert_int_equal(weir_code_status((weir_code)4711), 0);
    assert_int_equal(weir_code_find(view("drain")), WEIR_CODE_COUNT);
    assert_int_equal(weir_code_find(view("drained_")), WEIR_CODE_COUNT);
    assert_int_equal(weir_code_find(view("")), WEIR_CODE_COUNT);
    assert_int_equal(weir_code_find((weir_str){NULL, 0}), WEIR_CODE_COUNT);
}

/* The last code of 0.1, and what its programs take for none. */
static void test_programs_of_0_1(void **state)
{
    (void)state;
    assert_int_equal(WEIR_CODE_END_0_1, WEIR_CODE_unsupported + 1);
    assert_int_equal(WEIR_CODE_END_0_1, 98);
    assert_false(weir_code_is_known(WEIR_CODE_END_0_1));
    assert_string_equal(weir_code_name(WEIR_CODE_END_0_1), "unknown");
    assert_int_equal((weir_code_find)(view("unsupported")), WEIR_CODE_unsupported);
    assert_int_equal((weir_code_find)(view("unknown")), WEIR_CODE_END_0_1);
    for (unsigned i = WEIR_CODE_END_0_1; i < WEIR_CODE_MAX; i++)
        assert_int_equal((weir_code_find)(view(weir_code_name((weir_code)i))), WEIR_CODE_END_0_1);
    assert_int_equal(weir_code_find_or(view("drained_"), WEIR_CODE_misuse), WEIR_CODE_misuse);
    assert_false(weir_code_is_known(WEIR_CODE_COUNT));
    assert_false(weir_code_is_known((weir_code)-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_found_by_its_name),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_programs_of_0_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
