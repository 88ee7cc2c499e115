/* Goal: a run is given up when no server is there, is there any more, or answers, and never while one is; within a
 * bounded time. Method: the judge is told of dials and octets under a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/gone.h"

#define START   (1000 * WEIR_SECOND)
#define TIMEOUT (30 * WEIR_SECOND)

static const struct load_gone_view lonely = {.now_ns = START, .timeout_ns = TIMEOUT, .counted = true};

/* Why it is given up, or -1. */
static int judged(struct load_gone *gone, struct load_gone_view view, uint64_t after_ns)
{
    enum load_reason reason;
    view.now_ns = START + after_ns;
    return load_gone_judge(gone, &view, &reason) ? (int)reason : -1;
}

static struct load_gone started(bool opened)
{
    struct load_gone gone;
    load_gone_start(&gone, START);
    if (opened)
        load_gone_opened(&gone);
    return gone;
}

static void fail_dials(struct load_gone *gone, int count)
{
    while (count-- > 0)
        load_gone_dial_failed(gone);
}

static void test_nobody_was_ever_there(void **state)
{
    (void)state;
    struct load_gone gone = started(false);
    struct load_gone_view dialling = lonely, timed = lonely;
    dialling.dialling = 1;
    timed.counted = false;
    assert_int_equal(judged(&gone, lonely, 10 * TIMEOUT), -1);
    fail_dials(&gone, 2);
    assert_int_equal(judged(&gone, lonely, 0), -1);
    fail_dials(&gone, 1);
    assert_int_equal(judged(&gone, lonely, 0), LOAD_REASON_NO_CONNECTION);
    assert_int_equal(judged(&gone, timed, 0), LOAD_REASON_NO_CONNECTION);
    assert_int_equal(judged(&gone, dialling, TIMEOUT - 1), -1);
    /* Dials that fail one after the other always leave one under way. */
    assert_int_equal(judged(&gone, dialling, TIMEOUT), LOAD_REASON_NO_CONNECTION);
}

static void test_the_server_goes(void **state)
{
    (void)state;
    struct load_gone gone = started(true);
    struct load_gone_view open = lonely, timed = lonely;
    open.open = 1;
    timed.counted = false;
    assert_int_equal(judged(&gone, open, WEIR_SECOND), -1);
    fail_dials(&gone, LOAD_GONE_FAILURES);
    assert_int_equal(judged(&gone, open, 2 * WEIR_SECOND), -1);
    assert_int_equal(judged(&gone, open, 100 * TIMEOUT), -1); /* some are refused while others stand */
    assert_int_equal(judged(&gone, lonely, 100 * TIMEOUT + LOAD_GONE_NS - 1), -1);
    assert_int_equal(judged(&gone, timed, 100 * TIMEOUT + LOAD_GONE_NS), -1); /* its time ends it */
    assert_int_equal(judged(&gone, lonely, 100 * TIMEOUT + LOAD_GONE_NS), LOAD_REASON_SERVER_GONE);
}

static void test_a_short_timeout_is_the_patience(void **state)
{
    (void)state;
    struct load_gone gone = started(true);
    struct load_gone_view view = lonely;
    view.timeout_ns = WEIR_SECOND;
    fail_dials(&gone, LOAD_GONE_FAILURES);
    assert_int_equal(judged(&gone, view, WEIR_SECOND - 1), -1);
    assert_int_equal(judged(&gone, view, WEIR_SECOND), LOAD_REASON_SERVER_GONE);
}

static void test_it_comes_back(void **state)
{
    (void)state;
    struct load_gone gone = started(true);
    fail_dials(&gone, 100);
    assert_int_equal(judged(&gone, lonely, LOAD_GONE_NS - 1), -1);
    load_gone_opened(&gone);
    assert_int_equal(judged(&gone, lonely, LOAD_GONE_NS), -1);
    fail_dials(&gone, LOAD_GONE_FAILURES - 1);
    assert_int_equal(judged(&gone, lonely, 2 * LOAD_GONE_NS), -1);
}

static void test_it_is_silent(void **state)
{
    (void)state;
    struct load_gone gone = started(true);
    struct load_gone_view open = lonely, timed = lonely;
    open.open = timed.open = 1;
    timed.counted = false;
    for (int i = 0; i < LOAD_GONE_FAILURES; i++)
        load_gone_unanswered(&gone);
    assert_int_equal(judged(&gone, open, 3 * TIMEOUT - 1), -1);
    assert_int_equal(judged(&gone, timed, 3 * TIMEOUT), -1);
    assert_int_equal(judged(&gone, open, 3 * TIMEOUT), LOAD_REASON_NO_ANSWER);
    load_gone_heard(&gone, START + 3 * TIMEOUT);
    assert_int_equal(judged(&gone, open, 3 * TIMEOUT), -1);
    assert_int_equal(judged(&gone, open, 100 * TIMEOUT), -1); /* nothing has failed since */
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(load_reason_name(LOAD_REASON_SERVER_GONE), "server_gone");
    for (int i = 0; i < LOAD_REASON_COUNT; i++) {
        assert_true(load_reason_text((enum load_reason)i)[0] != '\0');
        assert_int_equal(load_reason_is_failure((enum load_reason)i), i >= LOAD_REASON_NO_ANSWER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_was_ever_there),
        cmocka_unit_test(test_the_server_goes),
        cmocka_unit_test(test_a_short_timeout_is_the_patience),
        cmocka_unit_test(test_it_comes_back),
        cmocka_unit_test(test_it_is_silent),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
