/* Goal: an open loop sends what was planned, exactly: rate times duration requests, no more and no fewer, whatever the
 * rate, the duration and the threads. Method: the plan is taken from with a clock of the test's own, which is early,
 * exact and late; what was taken and what was missed is compared with a count by definition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load/plan.h"

#define START UINT64_C(12345678901)

/* The instants k / rate before the end of the span, counted one by one. */
static uint64_t planned_by_definition(uint64_t rate, uint64_t span_ns)
{
    uint64_t k = 0;
    while (k / rate * WEIR_SECOND + k % rate * WEIR_SECOND / rate < span_ns)
        k++;
    return k;
}

/* Takes all that is due at `now_ns`. */
static uint64_t take_due(struct load_plan *plan, uint64_t now_ns)
{
    uint64_t taken = 0, reserved = 0;
    while (load_plan_due(plan) <= now_ns) {
        uint64_t instant_ns = load_plan_take(plan, &reserved, now_ns);
        assert_true(instant_ns <= now_ns && instant_ns >= START);
        taken++;
    }
    return taken;
}

struct row {
    uint64_t rate, span_ns;
};

static const struct row rows[] = {
    {5, 2 * WEIR_SECOND},    {50, 500 * WEIR_MS}, {1, WEIR_SECOND},      {1, 1},
    {1, WEIR_SECOND + 1},    {3, WEIR_SECOND},    {3, 10 * WEIR_SECOND}, {7, 333 * WEIR_MS},
    {999, 1001 * WEIR_MS},   {1000, WEIR_MS},     {1000, WEIR_MS - 1},   {1000, WEIR_MS + 1},
    {1000003, 17 * WEIR_MS}, {1000000000, 1000},  {1000000000, 999},     {1, 100 * WEIR_MS},
    {2, 499999999},          {2, 500000000},      {2, 500000001},        {10, 3 * WEIR_SECOND},
};

static void check_row(const struct row *row, uint64_t threads, uint64_t late_ns)
{
    uint64_t taken = 0, missed = 0;
    for (uint64_t index = 0; index < threads; index++) {
        struct load_plan plan;
        load_plan_init(&plan, UINT64_MAX, row->rate, index, threads, 1);
        assert_true(load_plan_due(&plan) == WEIR_NEVER);
        load_plan_start(&plan, START, row->span_ns);
        taken += take_due(&plan, START + row->span_ns / 3);
        taken += take_due(&plan, START + row->span_ns - 1);
        taken += take_due(&plan, START + row->span_ns + late_ns);
        assert_true(load_plan_due(&plan) == WEIR_NEVER);
        missed += load_plan_missed(&plan, START + row->span_ns + late_ns);
    }
    assert_true(taken == planned_by_definition(row->rate, row->span_ns));
    assert_true(missed == 0);
}

static void test_as_many_as_planned(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t threads = 1; threads <= 5; threads++)
            for (uint64_t late_ns = 0; late_ns <= WEIR_SECOND; late_ns += WEIR_SECOND / 2)
                check_row(&rows[i], threads, late_ns);
}

/* Nothing was free to send the rest: what was sent and what was missed make up what was planned. */
static void test_what_is_missed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint64_t threads = 1; threads <= 5; threads++)
            for (uint64_t part = 0; part <= 4; part++) {
                uint64_t sum = 0;
                for (uint64_t index = 0; index < threads; index++) {
                    struct load_plan plan;
                    load_plan_init(&plan, UINT64_MAX, rows[i].rate, index, threads, 1);
                    load_plan_start(&plan, START, rows[i].span_ns);
                    sum += take_due(&plan, START + rows[i].span_ns * part / 4);
                    sum += load_plan_missed(&plan, START + 2 * rows[i].span_ns);
                }
                assert_true(sum == planned_by_definition(rows[i].rate, rows[i].span_ns));
            }
}

/* A number of requests is a bound of its own. */
static void test_a_number_of_requests(void **state)
{
    (void)state;
    for (uint64_t threads = 1; threads <= 4; threads++) {
        uint64_t taken = 0, missed = 0;
        for (uint64_t index = 0; index < threads; index++) {
            struct load_plan plan;
            load_plan_init(&plan, 10, 100, index, threads, 1);
            load_plan_start(&plan, START, WEIR_NEVER);
            taken += take_due(&plan, START + 45 * WEIR_MS); /* the instants 0 to 4 */
            missed += load_plan_missed(&plan, START + WEIR_SECOND);
        }
        assert_true(taken == 5 && missed == 5);
    }
}

/* A stop comes in the middle: only what was due by then was missed. */
static void test_a_stop(void **state)
{
    (void)state;
    struct load_plan plan;
    load_plan_init(&plan, UINT64_MAX, 10, 0, 1, 1);
    assert_true(load_plan_missed(&plan, START) == 0);
    load_plan_start(&plan, START, 10 * WEIR_SECOND);
    assert_true(load_plan_missed(&plan, START) == 0);
    assert_true(load_plan_missed(&plan, START + 1) == 1);
    assert_true(load_plan_missed(&plan, START + WEIR_SECOND) == 10);
    assert_true(load_plan_missed(&plan, START + WEIR_SECOND + 1) == 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_many_as_planned),
        cmocka_unit_test(test_what_is_missed),
        cmocka_unit_test(test_a_number_of_requests),
        cmocka_unit_test(test_a_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
