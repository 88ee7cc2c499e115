/* Goal: the words of an ending are spelt as documented, and a trace reads in order; method: samples and both edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/ending.h>

#include "base/trace.h"

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(weir_stage_name(WEIR_STAGE_DIAL), "dial");
    assert_string_equal(weir_stage_name(WEIR_STAGE_TUNNEL), "tunnel");
    assert_string_equal(weir_how_name(WEIR_HOW_ABORT), "abort");
    assert_string_equal(weir_by_name(WEIR_BY_OPERATOR), "operator");
    assert_string_equal(weir_delivery_name(WEIR_DELIVERY_NONE_OWED), "none_owed");
    assert_string_equal(weir_class_name(WEIR_CLASS_BUG), "bug");
    assert_string_equal(weir_retry_name(WEIR_RETRY_MAYBE_PROCESSED), "maybe_processed");
}

static void test_strangers(void **state)
{
    (void)state;
    assert_string_equal(weir_stage_name(WEIR_STAGE_COUNT), "unknown");
    assert_string_equal(weir_how_name((weir_how)99), "unknown");
    assert_string_equal(weir_by_name(WEIR_BY_COUNT), "unknown");
    assert_string_equal(weir_class_name((weir_class)-1), "unknown");
    assert_string_equal(weir_retry_name(WEIR_RETRY_COUNT), "unknown");
}

static void test_trace(void **state)
{
    (void)state;
    char text[128];
    weir_trace trace = 0;
    assert_int_equal(weir_trace_format(text, sizeof(text), trace), 1);
    assert_string_equal(text, "-");

    base_trace_add(&trace, BASE_TRACE_FD_RCV_ERR);
    base_trace_add(&trace, BASE_TRACE_FD_RCV_ERR);
    base_trace_add(&trace, BASE_TRACE_H1_TRUNCATED);
    assert_int_equal(weir_trace_format(text, sizeof(text), trace), 25);
    assert_string_equal(text, "fd:rcv_err > h1:truncated");

    char cut[8];
    assert_int_equal(weir_trace_format(cut, sizeof(cut), trace), 25);
    assert_string_equal(cut, "fd:rcv_");
    assert_int_equal(weir_trace_format(NULL, 0, trace), 25);
}

static void test_trace_full_and_wrong(void **state)
{
    (void)state;
    char text[128];
    weir_trace trace = 0;
    for (int i = 0; i < 6; i++)
        base_trace_add(&trace, i % 2 == 0 ? BASE_TRACE_CLOCK_DEADLINE : BASE_TRACE_H1_MALFORMED);
    (void)weir_trace_format(text, sizeof(text), trace);
    assert_string_equal(text, "clock:deadline > h1:malformed > clock:deadline > h1:malformed");
    (void)weir_trace_format(text, sizeof(text), 0xff);
    assert_string_equal(text, "unknown");
    (void)weir_trace_format(text, sizeof(text), 0x01010101);
    assert_string_equal(text, "fd:fin > fd:fin > fd:fin > fd:fin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_trace_full_and_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
