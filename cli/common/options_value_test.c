/* Goal: a value of an option is taken as it is written, to the last digit, or refused. Method: values with what they
 * mean, and values that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/options.h"

#define REFUSED UINT64_C(0xdead)

static uint64_t value_of(enum option_type type, uint64_t min, uint64_t max, const char *text)
{
    uint64_t value = REFUSED;
    char expected[200] = "";
    const struct option_spec spec = {.type = type, .place = &value, .min = min, .max = max};
    bool taken = option_value(&spec, text, expected, sizeof(expected));
    assert_true(taken ? expected[0] == '\0' : value == REFUSED && expected[0] != '\0');
    return value;
}

static void test_times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"10", UINT64_C(10000000000)},
        {"1", 1000000000},
        {"0.5", 500000000},
        {"0.000000001", 1},
        {"1.5s", 1500000000},
        {"1.500", 1500000000},
        {"2.25ms", 2250000},
        {"1.5m", UINT64_C(90000000000)},
        {"0.1h", UINT64_C(360000000000)},
        {"7ns", 7},
        {"7us", 7000},
        {"7h", UINT64_C(25200000000000)},
        {"9223372035", UINT64_C(9223372035000000000)},
        {"never", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(value_of(OPTION_TIME, 0, 0, rows[i].text) == rows[i].ns);
    static const char *const none[] = {"",     "0",     "0.0",  ".5",   "5.",          "1.5ns", "1.0000000001",
                                       "1..2", "1.2.3", "5 s",  " 5",   "5S",          "5d",    "-1",
                                       "+1",   "1e3",   "0x10", "5.s",  "9223372037",  "1,5",   "0s",
                                       "5ss",  "s",     "nan",  "inf5", "99999999999h"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_true(value_of(OPTION_TIME, 0, 0, none[i]) == REFUSED);
    assert_true(value_of(OPTION_TIME, 0, 1000, "0") == 0);
    assert_true(value_of(OPTION_TIME, 0, 1000, "1") == REFUSED);
    assert_true(value_of(OPTION_TIME, 0, 1000, "1us") == 1000);
}

/* A part of an octet, or of a request, is none. */
static void test_others_have_no_point(void **state)
{
    (void)state;
    assert_true(value_of(OPTION_SIZE, 0, 0, "64k") == 65536);
    assert_true(value_of(OPTION_SIZE, 0, 0, "1.5k") == REFUSED);
    assert_true(value_of(OPTION_COUNT, 0, 0, "15") == 15);
    assert_true(value_of(OPTION_COUNT, 0, 0, "1.5") == REFUSED);
    assert_true(value_of(OPTION_COUNT, 0, 0, "1s") == REFUSED);
    assert_true(value_of(OPTION_COUNT, 1, INT64_MAX, "9223372036854775806") == INT64_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_others_have_no_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
