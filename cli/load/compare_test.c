/* Goal: the interval of a comparison holds the true ratio as often as it says, and ends where the tables of the rank
 * test have it. Method: published critical values; many samples with a known ratio, from a fixed seed; edges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "load/compare.h"

static uint64_t chance = 77;

/* Above 0 and below 1. */
static double uniform(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return ((double)(chance >> 11) + 0.5) / 9007199254740992.0;
}

static double exponential(double mean)
{
    return -mean * log(uniform());
}

/* All ratios differ and the k-th is exp(k - 1), so that the interval's low end tells its place. */
static size_t place_of(size_t a_count, size_t b_count)
{
    static double a[COMPARE_VALUES_MAX], b[COMPARE_VALUES_MAX];
    struct comparison result;
    for (size_t i = 0; i < a_count; i++)
        a[i] = exp(-(double)(i * b_count));
    for (size_t j = 0; j < b_count; j++)
        b[j] = exp((double)j);
    assert_true(compare_values(a, a_count, b, b_count, &result));
    if (result.low == 0) {
        assert_true(isinf(result.high));
        return 0;
    }
    double pairs = (double)(a_count * b_count);
    assert_true(fabs(log(result.ratio) - (pairs - 1) / 2) < 1e-6);
    assert_true(fabs(log(result.low) + log(result.high) - (pairs - 1)) < 1e-6);
    return (size_t)lround(log(result.low)) + 1;
}

/* One more than the critical U of the usual tables for two sides and 5 %. */
static void test_places(void **state)
{
    (void)state;
    assert_int_equal(place_of(1, 1), 0);
    assert_int_equal(place_of(3, 3), 0);
    assert_int_equal(place_of(3, 5), 1);
    assert_int_equal(place_of(4, 4), 1);
    assert_int_equal(place_of(5, 5), 3);
    assert_int_equal(place_of(5, 8), 7);
    assert_int_equal(place_of(8, 8), 14);
    assert_int_equal(place_of(10, 10), 24);
    assert_int_equal(place_of(20, 20), 128);
    assert_int_equal(place_of(1, 25), 0);
}

/* The chance that U is below `place`, by counting the sets of `n` ranks of n + m by their sum. */
static double chance_below(size_t place, size_t n, size_t m)
{
    static double sets[41][3000];
    memset(sets, 0, sizeof(sets));
    sets[0][0] = 1;
    for (size_t rank = 1; rank <= n + m; rank++)
        for (size_t size = n; size > 0; size--)
            for (size_t sum = 2999; sum >= rank; sum--)
                sets[size][sum] += sets[size - 1][sum - rank];
    double all = 0, below = 0;
    for (size_t sum = 0; sum < 3000; sum++)
        all += sets[n][sum];
    for (size_t u = 0; u < place; u++)
        below += sets[n][n * (n + 1) / 2 + u];
    return below / all;
}

/* Never more than 2.5 % on a side, and no place further in would do; beyond 20 a side, nearly. */
static void test_places_are_chances(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{4, 4}, {5, 7}, {20, 3}, {12, 20}, {20, 20}};
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++) {
        size_t n = sides[i][0], m = sides[i][1], place = place_of(n, m);
        assert_true(chance_below(place, n, m) <= 0.025);
        assert_true(chance_below(place + 1, n, m) > 0.025);
    }
    static const size_t more[][2] = {{21, 20}, {25, 24}, {30, 22}};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        double below = chance_below(place_of(more[i][0], more[i][1]), more[i][0], more[i][1]);
        assert_true(below > 0.023 && below < 0.0252);
    }
}

static void test_values_hold_their_promise(void **state)
{
    (void)state;
    const double truth = 1.2;
    int held = 0, turned = 0, trials = 2000;
    for (int trial = 0; trial < trials; trial++) {
        double a[6], b[6];
        struct comparison there, back;
        for (int i = 0; i < 6; i++) {
            a[i] = 1000 * exp(0.1 * (uniform() + uniform() + uniform()));
            b[i] = truth * 1000 * exp(0.1 * (uniform() + uniform() + uniform()));
        }
        assert_true(compare_values(a, 6, b, 6, &there) && compare_values(b, 6, a, 6, &back));
        held += there.low <= truth && truth <= there.high;
        turned += fabs(there.ratio * back.ratio - 1) < 1e-9 && fabs(there.low * back.high - 1) < 1e-9;
    }
    assert_int_equal(turned, trials);
    /* 95.9 % is what six a side can give; four times the chance of 2,000 trials is 1.8 %. */
    assert_in_range(held, trials * 941 / 1000, trials * 977 / 1000);
}

static void test_values_edges(void **state)
{
    (void)state;
    static double many[COMPARE_VALUES_MAX + 1];
    struct comparison result;
    const double fine[] = {2, 2, 2, 2, 2}, zeros[] = {0, 0, 0, 0, 0};
    assert_true(compare_values(fine, 5, fine, 5, &result));
    assert_true(result.ratio == 1 && result.low == 1 && result.high == 1);
    assert_int_equal(compare_verdict(&result), 0);
    assert_true(compare_values(fine, 5, zeros, 5, &result));
    assert_true(result.ratio == 0 && result.high == 0);
    assert_int_equal(compare_verdict(&result), -1);
    assert_true(compare_values(zeros, 5, fine, 5, &result));
    assert_true(isinf(result.ratio));
    assert_int_equal(compare_verdict(&result), 1);
    assert_true(compare_values(zeros, 5, zeros, 5, &result));
    assert_true(result.ratio == 1);
    assert_true(compare_values(fine, 2, fine, 5, &result));
    assert_int_equal(compare_verdict(&result), 0);
    assert_false(compare_values(fine, 0, fine, 5, &result));
    assert_false(compare_values(fine, 5, fine, 0, &result));
    assert_false(compare_values(fine, 5, many, COMPARE_VALUES_MAX + 1, &result));
    assert_true(compare_values(fine, 5, many, COMPARE_VALUES_MAX, &result));
    const double strange[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        assert_false(compare_values(strange + i, 1, fine, 5, &result));
        assert_false(compare_values(fine, 5, strange + i, 1, &result));
    }
}

static void test_percentiles_hold_their_promise(void **state)
{
    (void)state;
    const double percentiles[] = {50, 90, 99};
    const double truth = 1.3;
    int trials = 500, held[3] = {0}, told = 0;
    struct histogram a, b;
    assert_true(histogram_init(&a, (struct histogram_shape){1, 1000000000, 3}));
    assert_true(histogram_init(&b, a.shape));
    for (int trial = 0; trial < trials; trial++) {
        histogram_reset(&a);
        histogram_reset(&b);
        for (int i = 0; i < 3000; i++) {
            histogram_record(&a, 100 + (uint64_t)exponential(100000));
            histogram_record(&b, 130 + (uint64_t)exponential(truth * 100000));
        }
        for (size_t p = 0; p < 3; p++) {
            struct comparison result;
            assert_true(compare_percentile(&a, &b, percentiles[p], &result));
            held[p] += result.low <= truth && truth <= result.high;
            told += compare_verdict(&result) == 1;
        }
    }
    for (size_t p = 0; p < 3; p++)
        assert_in_range(held[p], trials * 91 / 100, trials * 99 / 100);
    /* 30 % more is a lot for the median and for 90 % of 3,000 values, if not for their last 30. */
    assert_in_range(told, 2 * trials, 3 * trials);
    histogram_fini(&a);
    histogram_fini(&b);
}

static void test_percentiles_edges(void **state)
{
    (void)state;
    struct histogram a, b;
    struct comparison result;
    assert_true(histogram_init(&a, HISTOGRAM_LATENCY));
    assert_true(histogram_init(&b, HISTOGRAM_LATENCY));
    histogram_record_many(&a, 1000000, 500);
    assert_false(compare_percentile(&a, &b, 50, &result));
    assert_false(compare_percentile(&b, &a, 50, &result));
    histogram_record_many(&b, 1000000, 500);
    assert_false(compare_percentile(&a, &b, 0, &result));
    assert_false(compare_percentile(&a, &b, 100, &result));
    assert_false(compare_percentile(&a, &b, NAN, &result));
    assert_true(compare_percentile(&a, &b, 50, &result));
    /* One value only: the interval is as wide as the digits, and not a point. */
    assert_true(result.ratio == 1 && result.low < 1 && result.low > 0.998 && result.high < 1.002);
    assert_int_equal(compare_verdict(&result), 0);
    /* Half a value is beyond this one. */
    assert_true(compare_percentile(&a, &b, 99.9, &result));
    assert_true(result.low == 0 && isinf(result.high));
    assert_true(compare_percentile(&a, &b, 0.1, &result));
    assert_true(result.low == 0 && isinf(result.high));
    histogram_reset(&b);
    histogram_record_many(&b, 0, 500);
    assert_false(compare_percentile(&a, &b, 50, &result));
    assert_false(compare_percentile(&b, &a, 50, &result));
    histogram_fini(&a);
    histogram_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_are_chances),
        cmocka_unit_test(test_values_hold_their_promise),
        cmocka_unit_test(test_values_edges),
        cmocka_unit_test(test_percentiles_hold_their_promise),
        cmocka_unit_test(test_percentiles_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
