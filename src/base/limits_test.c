/* Goal: zeros become the documented defaults and what is out of range is refused by name; method: both edges of
 * rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/limits.h>

static void refuse(weir_limits limits, const char *sentence)
{
    weir_error error = {0};
    assert_int_equal(weir_limits_resolve(&limits, &error), WEIR_CODE_bad_option);
    assert_int_equal(error.code, WEIR_CODE_bad_option);
    assert_string_equal(error.text, sentence);
    assert_int_equal(weir_limits_resolve(&limits, NULL), WEIR_CODE_bad_option);
}

static void accept_same(weir_limits limits, size_t offset)
{
    weir_error error = {0};
    uint64_t before, after;
    memcpy(&before, (char *)&limits + offset, sizeof(before));
    assert_int_equal(weir_limits_resolve(&limits, &error), WEIR_OK);
    memcpy(&after, (char *)&limits + offset, sizeof(after));
    assert_true(before == after);
}

static void test_defaults(void **state)
{
    (void)state;
    weir_limits limits = {0};
    assert_int_equal(weir_limits_resolve(&limits, NULL), WEIR_OK);
#define X(name, value, unit, text) assert_true(limits.name == (value));
    WEIR_LIMITS_TABLE(X)
#undef X
    assert_int_equal(limits.size, sizeof(limits));
    assert_int_equal(weir_limits_resolve(&limits, NULL), WEIR_OK); /* what was resolved is valid */
}

static void test_ranges(void **state)
{
    (void)state;
    refuse((weir_limits){.field_count_max = 5000}, "field_count_max is 5000: expected 1 to 1000");
    refuse((weir_limits){.field_count_max = WEIR_UNLIMITED}, "field_count_max is unlimited: expected 1 to 1000");
    refuse((weir_limits){.head_size_max = 63}, "head_size_max is 63: expected 64 to 16777216");
    refuse((weir_limits){.idle_timeout_ns = WEIR_UNLIMITED - 1},
           "idle_timeout_ns is 18446744073709551614: expected 1 to 3153600000000000000, or unlimited");
    refuse((weir_limits){.size = 12}, "limits.size is 12: expected 192 to 192");
    accept_same((weir_limits){.field_count_max = 1}, offsetof(weir_limits, field_count_max));
    accept_same((weir_limits){.field_count_max = 1000}, offsetof(weir_limits, field_count_max));
    accept_same((weir_limits){.idle_timeout_ns = WEIR_UNLIMITED}, offsetof(weir_limits, idle_timeout_ns));
    accept_same((weir_limits){.size = sizeof(weir_limits), .body_size_max = 1}, offsetof(weir_limits, body_size_max));
}

static void test_info(void **state)
{
    (void)state;
    const weir_limit_info *info = weir_limits_info();
    assert_string_equal(info[0].name, "request_line_size_max");
    size_t count = 0;
    for (; info[count].name != NULL; count++) {
        assert_int_equal(info[count].offset, offsetof(weir_limits, request_line_size_max) + count * sizeof(uint64_t));
        assert_true(info[count].text[0] != '\0');
        size_t length = strlen(info[count].name);
        bool time = length > 3 && strcmp(info[count].name + length - 3, "_ns") == 0;
        assert_int_equal(time, info[count].unit == WEIR_UNIT_TIME);
    }
    assert_int_equal(count, (sizeof(weir_limits) - offsetof(weir_limits, request_line_size_max)) / sizeof(uint64_t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
