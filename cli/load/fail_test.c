/* Goal: a condition of --fail-if means what its text says, fails exactly when it holds, and where it is wrong its error
 * names the place. Method: texts with what they come to in a run that is made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "load/fail.h"

/* 1000 requests, 990 answers: 970 with 200, 15 with 404, 5 with 503; 10 errors; 100 latencies of 1 to 100 ms. */
static void make_run(struct load_tally *tally)
{
    assert_true(load_tally_init(tally));
    tally->dialled = tally->opened = 10;
    tally->begun = 1000;
    tally->status[200] = 970;
    tally->status[404] = 15;
    tally->status[503] = 5;
    tally->errors[WEIR_CODE_peer_reset_in_handler] = 10;
    tally->planned_unsent = 250;
    tally->measured = 990;
    tally->measured_ns = WEIR_SECOND;
    for (uint64_t i = 1; i <= 100; i++)
        histogram_record(&tally->latency, i * WEIR_MS);
    histogram_record(&tally->first_octet, 2 * WEIR_MS);
}

static struct load_fail parsed(const char *text)
{
    struct load_fail fail;
    char error[400] = "";
    if (!load_fail_parse(&fail, text, error, sizeof(error)))
        fail_msg("%s: %s", text, error);
    return fail;
}

static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool failed;
    } rows[] = {
        {"errors>0", true},
        {"errors>9", true},
        {"errors>10", false},
        {"errors>=10", true},
        {"errors>0.9%", true},
        {"errors>1%", false},
        {"errors>=1%", true},
        {"errors == 10", true},
        {"errors!=10", false},
        {" errors > 0.5% ", true},
        {"unsent>0", true},
        {"unsent>20%", false},
        {"unsent>=20%", true},
        {"unsent<251", true},
        {"rate<1000", true},
        {"rate<990", false},
        {"rate<=990", true},
        {"status!=2xx", true},
        {"status==5xx", true},
        {"status==503", true},
        {"status=503", true},
        {"status==502", false},
        {"status==3xx", false},
        {"status!=200", true},
        {"5xx>5", false},
        {"5xx>4", true},
        {"4xx>1.6%", false},
        {"404>1.5%", true},
        {"404>15", false},
        {"200<970", false},
        {"200<98%", true},
        {"p99>98ms", true},
        {"p99>101ms", false},
        {"p50>49ms", true},
        {"p50>51ms", false},
        {"p50>0.049", true},
        {"p50>1", false},
        {"p99.9>99ms", true},
        {"max>99ms", true},
        {"max>200ms", false},
        {"min<2ms", true},
        {"mean>50ms", true},
        {"mean>51ms", false},
        {"latency.p50>49ms", true},
        {"first-octet.p50>1ms", true},
        {"first-octet.max>3ms", false},
        {"connect.p99>10s", true}, /* nothing was measured: it cannot be said to hold */
    };
    static struct load_tally run;
    make_run(&run);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load_fail one = parsed(rows[i].text);
        if (load_fail_judge(&one, &run, UINT64_MAX).failed != rows[i].failed)
            fail_msg("%s is judged wrong", rows[i].text);
    }
    load_tally_fini(&run);
}

/* A count of nothing is 0; a time or a share of nothing is none, and fails. */
static void test_a_run_without_anything(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool failed, nothing;
    } rows[] = {
        {"errors>0", false, false},    {"errors>0%", true, true}, {"unsent>0", false, false},
        {"status!=2xx", false, false}, {"p99>1h", true, true},    {"5xx>0", false, false},
        {"5xx>1%", true, true},        {"rate<1", true, false},
    };
    static struct load_tally run;
    assert_true(load_tally_init(&run));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load_fail one = parsed(rows[i].text);
        struct load_fail_result result = load_fail_judge(&one, &run, UINT64_MAX);
        if (result.failed != rows[i].failed || result.nothing != rows[i].nothing)
            fail_msg("%s is judged wrong", rows[i].text);
    }
    /* All of -n is unsent. */
    struct load_fail unsent = parsed("unsent>=100%");
    assert_true(load_fail_judge(&unsent, &run, 50).failed);
    unsent = parsed("unsent==50");
    assert_true(load_fail_judge(&unsent, &run, 50).failed);
    load_tally_fini(&run);
}

static void test_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *expected;
    } rows[] = {
        {"", "at character 1, ''", "errors, unsent"},
        {">5", "at character 1, '>5'", "errors, unsent"},
        {"erors>0", "at character 1, 'erors>0'", "errors, unsent"},
        {"errors", "at character 7, ''", "> >= < <= == !="},
        {"errors 5", "at character 8, '5'", "> >= < <= == !="},
        {"errors>", "at character 8, ''", "0.1%"},
        {"errors>x", "at character 8, 'x'", "0.1%"},
        {"errors>-1", "at character 8, '-1'", "0.1%"},
        {"errors>>1", "at character 8, '>1'", "0.1%"},
        {"errors>%", "at character 8, '%'", "0.1%"},
        {"errors>1%%", "at character 8, '1%%'", "0.1%"},
        {"errors>1e3", "at character 8, '1e3'", "0.1%"},
        {"errors>1.2.3", "at character 8, '1.2.3'", "0.1%"},
        {"p99>10xs", "at character 5, '10xs'", "a time such as"},
        {"p99 > 10 ms", "at character 7, '10 ms'", "a time such as"},
        {"p101>1s", "at character 1, 'p101>1s'", "p50"},
        {"p>1s", "at character 1, 'p>1s'", "p50"},
        {"p-1>1s", "at character 1, 'p-1>1s'", "p50"},
        {"latency.>1s", "at character 1", "p50"},
        {"first-octet.p9x>1s", "at character 1", "p50"},
        {"status>500", "at character 7, '>500'", "== or !="},
        {"status!=ok", "at character 9, 'ok'", "503 or 5xx"},
        {"status==5x", "at character 9, '5x'", "503 or 5xx"},
        {"status==5xxx", "at character 9, '5xxx'", "503 or 5xx"},
        {"0xx>1", "at character 1", "5xx"},
        {"rate<fast", "at character 6, 'fast'", "1000"},
        {"rate<5%", "at character 6, '5%'", "1000"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load_fail one;
        char error[400] = "";
        if (load_fail_parse(&one, rows[i].text, error, sizeof(error)) || strstr(error, rows[i].place) == NULL ||
            strstr(error, rows[i].expected) == NULL)
            fail_msg("%s: %s", rows[i].text, error);
    }
}

static void test_values_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        const char *told;
    } rows[] = {{"p99>1s", 12.3e6, "12.3 ms"},   {"errors>1%", 0.0025, "0.25 %"}, {"errors>1", 17, "17"},
                {"rate<1", 1234.56, "1234.6/s"}, {"status!=200", 3, "3 answers"}, {"status!=200", 1, "1 answer"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];
        struct load_fail one = parsed(rows[i].text);
        load_fail_value_text(text, &one, rows[i].value);
        assert_string_equal(text, rows[i].told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_a_run_without_anything),
        cmocka_unit_test(test_what_is_wrong_and_where),
        cmocka_unit_test(test_values_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
