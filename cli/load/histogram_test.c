/* Goal: whatever is recorded, a histogram says of it what the sorted values say, as far as its digits go. Method:
 * random values in random shapes from a printed seed, against an array of them; and the edges of ranges and of sums. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load/histogram.h"

#define VALUES 3000
#define ROUNDS 60

static uint64_t chance = 20240611;

static uint64_t random_bits(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return chance;
}

/* Each magnitude is as likely as each other. */
static uint64_t random_up_to(uint64_t highest)
{
    return (random_bits() >> (random_bits() % 63)) % (highest + 1);
}

static struct histogram_shape random_shape(void)
{
    struct histogram_shape shape = {.digits = 1 + (unsigned)(random_bits() % 4)};
    shape.lowest = 1 + random_up_to(5000);
    shape.highest = 2 * shape.lowest + random_up_to(HISTOGRAM_HIGHEST_MAX - 2 * shape.lowest);
    return shape;
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(histogram_counts_of(HISTOGRAM_LATENCY), 33792);
    struct histogram_shape largest = {.lowest = 1, .highest = HISTOGRAM_HIGHEST_MAX, .digits = 5};
    assert_int_equal(histogram_counts_of(largest), 47 * 131072);
    const struct histogram_shape wrong[] = {
        {0, 100, 3},
        {1, 1, 3},
        {1, 100, 0},
        {1, 100, 6},
        {60, 100, 3},
        {1, HISTOGRAM_HIGHEST_MAX + 1, 3},
        {UINT64_MAX, UINT64_MAX, 3},
        {UINT64_C(1) << 52, HISTOGRAM_HIGHEST_MAX, 3},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct histogram h;
        assert_int_equal(histogram_counts_of(wrong[i]), 0);
        assert_false(histogram_init(&h, wrong[i]));
        histogram_fini(&h);
    }
}

/* What cannot be told apart is no wider than the digits promise, and the widths leave no gap. */
static void test_widths(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct histogram h;
        struct histogram_shape shape = random_shape();
        if (!histogram_init(&h, shape))
            continue; /* no memory is asked for a shape that there is not: see test_sizes */
        assert_int_equal(histogram_lowest_at(&h, 0), 0);
        for (size_t i = 1; i < h.counts_len; i++) {
            uint64_t lowest = histogram_lowest_at(&h, i), highest = histogram_highest_at(&h, i);
            assert_true(lowest == histogram_highest_at(&h, i - 1) + 1);
            assert_true(histogram_lowest_like(&h, highest) == lowest);
            assert_true(histogram_highest_like(&h, lowest) == highest);
            double width = (double)(highest - lowest) + 1;
            assert_true(width <= (double)shape.lowest || width <= (double)lowest * pow(10, -(double)shape.digits));
        }
        assert_true(histogram_highest_at(&h, h.counts_len - 1) >= shape.highest);
        histogram_fini(&h);
    }
}

static void check_ranks(const struct histogram *h, const uint64_t *sorted, size_t count)
{
    static const double percentiles[] = {0.01, 1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100};
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        size_t rank = (size_t)ceil(percentiles[i] * (double)count / 100 - 1e-9);
        uint64_t value = sorted[rank < 1 ? 0 : rank - 1];
        assert_true(histogram_percentile(h, percentiles[i]) == histogram_highest_like(h, value));
    }
    assert_true(histogram_percentile(h, 0) == histogram_lowest_like(h, sorted[0]));
    assert_true(histogram_min(h) == histogram_lowest_like(h, sorted[0]));
    assert_true(histogram_max(h) == histogram_highest_like(h, sorted[count - 1]));
    for (size_t i = 0; i < count; i += 97) {
        uint64_t to = histogram_highest_like(h, sorted[i]);
        size_t expected = i;
        while (expected < count && sorted[expected] <= to)
            expected++;
        assert_int_equal(histogram_count_to(h, sorted[i]), expected);
        assert_true(histogram_at_rank(h, i + 1) == to);
    }
    assert_int_equal(histogram_at_rank(h, count + 1), 0);
    assert_int_equal(histogram_count_to(h, UINT64_MAX), count);
}

static void check_moments(const struct histogram *h, const uint64_t *values, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)values[i] - mean) * ((double)values[i] - mean);
    double apart = mean * pow(10, -(double)h->shape.digits) + (double)h->shape.lowest;
    assert_true(fabs(histogram_mean(h) - mean) <= apart);
    double stddev = sqrt(squares / (double)count);
    assert_true(fabs(histogram_stddev(h) - stddev) <=
                2 * (stddev + mean) * pow(10, -(double)h->shape.digits) + (double)h->shape.lowest);
}

static void check_steps(const struct histogram *h)
{
    struct histogram_step step = {0};
    uint64_t sum = 0, last = 0;
    while (histogram_next(h, &step)) {
        assert_true(step.count > 0);
        assert_true(sum == 0 || step.lowest > last);
        sum += step.count;
        last = step.highest;
        assert_true(step.count_to == sum);
    }
    assert_true(sum == h->total);
    assert_true(last == histogram_max(h));
}

static void test_against_sorted_values(void **state)
{
    (void)state;
    print_message("seed %llu\n", (unsigned long long)chance);
    static uint64_t values[VALUES];
    for (int round = 0; round < ROUNDS; round++) {
        struct histogram h;
        struct histogram_shape shape = random_shape();
        if (histogram_counts_of(shape) == 0)
            continue;
        assert_true(histogram_init(&h, shape));
        for (int again = 0; again < 2; again++) {
            size_t count = 1 + random_bits() % VALUES;
            for (size_t i = 0; i < count; i++) {
                values[i] = random_up_to(shape.highest);
                histogram_record(&h, values[i]);
            }
            assert_int_equal(h.total, count);
            assert_int_equal(h.clipped, 0);
            qsort(values, count, sizeof(values[0]), by_size);
            check_ranks(&h, values, count);
            check_moments(&h, values, count);
            check_steps(&h);
            histogram_reset(&h);
        }
        for (size_t i = 0; i < h.counts_len; i++)
            assert_int_equal(h.counts[i], 0);
        histogram_fini(&h);
    }
}

/* Where percentile * total / 100 is a whole number, rounding must not ask for one value more. */
static void test_whole_ranks(void **state)
{
    (void)state;
    struct histogram h;
    assert_true(histogram_init(&h, (struct histogram_shape){1, 100000, 5}));
    for (uint64_t total = 1; total <= 1000; total++) {
        histogram_record(&h, total);
        for (uint64_t tenths = 1; tenths <= 1000; tenths++)
            if (tenths * total % 1000 == 0)
                assert_int_equal(histogram_percentile(&h, (double)tenths / 10), tenths * total / 1000);
    }
    histogram_fini(&h);
}

static void test_empty(void **state)
{
    (void)state;
    struct histogram h;
    struct histogram_step step = {0};
    assert_true(histogram_init(&h, HISTOGRAM_LATENCY));
    histogram_record_many(&h, 5, 0);
    assert_int_equal(histogram_min(&h), 0);
    assert_int_equal(histogram_max(&h), 0);
    assert_int_equal(histogram_percentile(&h, 50), 0);
    assert_int_equal(histogram_percentile(&h, 100), 0);
    assert_int_equal(histogram_count_to(&h, 5), 0);
    assert_true(histogram_mean(&h) == 0 && histogram_stddev(&h) == 0);
    assert_false(histogram_next(&h, &step));
    assert_true(histogram_add(&h, &h));
    histogram_fini(&h);
}

static void test_clipped(void **state)
{
    (void)state;
    struct histogram h, lower;
    assert_true(histogram_init(&h, (struct histogram_shape){1, 100000, 3}));
    assert_true(histogram_init(&lower, (struct histogram_shape){1, 50000, 3}));
    histogram_record(&h, 100000);
    histogram_record_many(&h, 100001, 2);
    histogram_record(&h, UINT64_MAX);
    assert_int_equal(h.total, 4);
    assert_int_equal(h.clipped, 3);
    assert_int_equal(histogram_count_to(&h, 99000), 0);
    assert_int_equal(histogram_count_to(&h, 100000), 4);
    histogram_record(&h, 7);
    assert_true(histogram_add(&lower, &h));
    assert_int_equal(lower.total, 5);
    assert_int_equal(lower.clipped, 4);
    assert_int_equal(histogram_count_to(&lower, 7), 1);
    histogram_fini(&h);
    histogram_fini(&lower);
}

static void test_total_never_wraps(void **state)
{
    (void)state;
    struct histogram h, other;
    assert_true(histogram_init(&h, HISTOGRAM_LATENCY));
    assert_true(histogram_init(&other, HISTOGRAM_LATENCY));
    histogram_record_many(&h, 10, HISTOGRAM_TOTAL_MAX - 1);
    histogram_record_many(&h, 20, 2);
    assert_true(h.total == HISTOGRAM_TOTAL_MAX - 1);
    histogram_record(&h, 20);
    assert_true(h.total == HISTOGRAM_TOTAL_MAX);
    histogram_record(&h, 20);
    assert_true(h.total == HISTOGRAM_TOTAL_MAX);
    assert_int_equal(histogram_percentile(&h, 99), 10);
    assert_int_equal(histogram_percentile(&h, 100), 20);
    histogram_record(&other, 1);
    assert_false(histogram_add(&other, &h));
    assert_false(histogram_add_widening(&other, &h));
    assert_false(histogram_add_corrected(&other, &h, 5));
    assert_int_equal(other.total, 1);
    assert_false(histogram_count_at(&h, 0, 1));
    assert_false(histogram_count_at(&other, other.counts_len, 1));
    histogram_fini(&h);
    histogram_fini(&other);
}

/* The sum of two halves is the whole, and that of two shapes holds what both held. */
static void test_add(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct histogram_shape one_shape = random_shape(), two_shape = random_shape();
        struct histogram whole, one, two;
        if (histogram_counts_of(one_shape) == 0 || histogram_counts_of(two_shape) == 0)
            continue;
        assert_true(histogram_init(&whole, one_shape) && histogram_init(&one, one_shape));
        assert_true(histogram_init(&two, round % 2 == 0 ? one_shape : two_shape));
        uint64_t highest = two.shape.highest, largest = 0;
        for (size_t i = 0; i < 500; i++) {
            uint64_t a = random_up_to(one_shape.highest), b = random_up_to(highest);
            histogram_record(&one, a);
            histogram_record(&two, b);
            histogram_record(&whole, a);
            histogram_record(&whole, b);
            largest = a > largest ? a : largest;
            largest = b > largest ? b : largest;
        }
        assert_true(histogram_add_widening(&one, &two));
        assert_int_equal(one.total, 1000);
        assert_int_equal(one.clipped, 0);
        assert_true(one.shape.digits >= two.shape.digits && one.shape.lowest <= two.shape.lowest);
        /* The widest that one count of either was. */
        assert_true(histogram_max(&one) + one_shape.lowest + two_shape.lowest >= largest - largest / 10);
        if (round % 2 == 0)
            for (size_t i = 0; i < one.counts_len; i++)
                assert_int_equal(one.counts[i], whole.counts[i]);
        histogram_fini(&whole);
        histogram_fini(&one);
        histogram_fini(&two);
    }
}

/* The values that were missed, one by one. */
static void check_corrected(struct histogram_shape shape)
{
    struct histogram fast, slow;
    assert_true(histogram_init(&fast, shape));
    assert_true(histogram_init(&slow, shape));
    for (int round = 0; round < 2000; round++) {
        uint64_t value = random_up_to(round % 10 == 0 ? 1500000 : 1000000), interval = random_up_to(3000);
        uint64_t count = 1 + random_bits() % 3;
        histogram_record_corrected(&fast, value, count, interval);
        histogram_record_many(&slow, value, count);
        for (uint64_t missed = value; interval > 0 && missed >= 2 * interval;) {
            missed -= interval;
            histogram_record_many(&slow, missed, count);
        }
    }
    assert_int_equal(fast.total, slow.total);
    assert_int_equal(fast.clipped, slow.clipped);
    for (size_t i = 0; i < fast.counts_len; i++)
        assert_int_equal(fast.counts[i], slow.counts[i]);
    histogram_fini(&fast);
    histogram_fini(&slow);
}

static void test_corrected(void **state)
{
    (void)state;
    struct histogram h, later;
    check_corrected((struct histogram_shape){1, 1000000, 2});
    /* Here a count is wider than most intervals. */
    check_corrected((struct histogram_shape){3000, 1000000, 1});
    assert_true(histogram_init(&h, (struct histogram_shape){1, 1000000, 2}));
    assert_true(histogram_init(&later, h.shape));
    histogram_record(&h, 1000);
    assert_true(histogram_add_corrected(&later, &h, 100));
    assert_int_equal(later.total, 10);
    /* An hour of nanoseconds, one a nanosecond: in as many steps as there are counts. */
    histogram_reset(&h);
    histogram_record_corrected(&h, UINT64_C(3600000000000), 1, 1);
    assert_true(h.total == UINT64_C(3600000000000));
    histogram_fini(&h);
    histogram_fini(&later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_against_sorted_values),
        cmocka_unit_test(test_whole_ranks),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_clipped),
        cmocka_unit_test(test_total_never_wraps),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_corrected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
