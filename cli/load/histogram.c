#include "load/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t powers_of_ten[] = {1, 10, 100, 1000, 10000, 100000};

static unsigned floor_log2(uint64_t value)
{
    return 63U - (unsigned)__builtin_clzll(value);
}

/* Half of the counts of the first bucket: so many that a width of one unit still tells `digits` digits apart at twice
 * the power of ten, where the next bucket begins. */
static unsigned half_bits_of(unsigned digits)
{
    return floor_log2(2 * powers_of_ten[digits] - 1);
}

size_t histogram_counts_of(struct histogram_shape shape)
{
    if (shape.digits < 1 || shape.digits > 5 || shape.lowest < 1 || shape.lowest > HISTOGRAM_HIGHEST_MAX / 2 ||
        shape.highest < 2 * shape.lowest || shape.highest > HISTOGRAM_HIGHEST_MAX)
        return 0;
    unsigned first_bits = floor_log2(shape.lowest) + half_bits_of(shape.digits) + 1;
    if (first_bits > 62)
        return 0;
    unsigned highest_bits = floor_log2(shape.highest) + 1;
    size_t buckets = highest_bits > first_bits ? highest_bits - first_bits + 1 : 1;
    return (buckets + 1) << half_bits_of(shape.digits);
}

bool histogram_init(struct histogram *h, struct histogram_shape shape)
{
    *h = (struct histogram){.min = UINT64_MAX};
    size_t counts_len = histogram_counts_of(shape);
    if (counts_len == 0)
        return false;
    h->counts = calloc(counts_len, sizeof(h->counts[0]));
    if (h->counts == NULL)
        return false;
    h->counts_len = counts_len;
    h->shape = shape;
    h->unit_bits = floor_log2(shape.lowest);
    h->sub_bucket_half_bits = half_bits_of(shape.digits);
    return true;
}

void histogram_fini(struct histogram *h)
{
    free(h->counts);
    *h = (struct histogram){.min = UINT64_MAX};
}

static size_t index_of(const struct histogram *h, uint64_t value)
{
    /* The mask sends whatever the first bucket holds to bucket 0. */
    unsigned first_bits = h->unit_bits + h->sub_bucket_half_bits + 1;
    uint64_t mask = (UINT64_C(1) << first_bits) - 1;
    unsigned bucket = floor_log2(value | mask) + 1 - first_bits;
    /* From bucket 1 on, sub-buckets of the lower half belong to the bucket before: each bucket adds but one half. */
    return ((size_t)bucket << h->sub_bucket_half_bits) + (size_t)(value >> (bucket + h->unit_bits));
}

static unsigned width_bits_at(const struct histogram *h, size_t index)
{
    size_t halves = index >> h->sub_bucket_half_bits;
    return h->unit_bits + (halves == 0 ? 0 : (unsigned)halves - 1);
}

uint64_t histogram_lowest_at(const struct histogram *h, size_t index)
{
    size_t halves = index >> h->sub_bucket_half_bits;
    size_t bucket = halves == 0 ? 0 : halves - 1;
    return (uint64_t)(index - (bucket << h->sub_bucket_half_bits)) << width_bits_at(h, index);
}

uint64_t histogram_highest_at(const struct histogram *h, size_t index)
{
    return histogram_lowest_at(h, index) + (UINT64_C(1) << width_bits_at(h, index)) - 1;
}

static double middle_at(const struct histogram *h, size_t index)
{
    return (double)(histogram_lowest_at(h, index) + ((UINT64_C(1) << width_bits_at(h, index)) >> 1));
}

size_t histogram_counts_used(const struct histogram *h)
{
    return h->total == 0 ? 0 : index_of(h, h->max) + 1;
}

/* The lowest index that may not be zero. */
static size_t counts_from(const struct histogram *h)
{
    return h->total == 0 ? 0 : index_of(h, h->min);
}

void histogram_reset(struct histogram *h)
{
    size_t from = counts_from(h), used = histogram_counts_used(h);
    if (used > from)
        memset(h->counts + from, 0, (used - from) * sizeof(h->counts[0]));
    h->total = h->clipped = h->max = 0;
    h->min = UINT64_MAX;
}

bool histogram_count_at(struct histogram *h, size_t index, uint64_t count)
{
    if (index >= h->counts_len || count > HISTOGRAM_TOTAL_MAX - h->total)
        return false;
    if (count == 0)
        return true;
    uint64_t value = histogram_lowest_at(h, index);
    h->counts[index] += count;
    h->total += count;
    h->min = value < h->min ? value : h->min;
    h->max = value > h->max ? value : h->max;
    return true;
}

void histogram_record_many(struct histogram *h, uint64_t value, uint64_t count)
{
    if (count == 0 || count > HISTOGRAM_TOTAL_MAX - h->total)
        return;
    if (value > h->shape.highest) {
        value = h->shape.highest;
        h->clipped += count;
    }
    h->counts[index_of(h, value)] += count;
    h->total += count;
    h->min = value < h->min ? value : h->min;
    h->max = value > h->max ? value : h->max;
}

void histogram_record(struct histogram *h, uint64_t value)
{
    histogram_record_many(h, value, 1);
}

/* The values that were missed are recorded a count at a time, not one by one: an hour has 3.6 billion microseconds.
 * False: not all could be counted. */
static bool record_corrected(struct histogram *h, uint64_t value, uint64_t count, uint64_t interval)
{
    if (count > HISTOGRAM_TOTAL_MAX - h->total)
        return false;
    histogram_record_many(h, value, count);
    if (interval == 0 || count == 0)
        return true;
    uint64_t missed = value;
    while (missed >= interval && missed - interval >= interval) {
        missed -= interval;
        uint64_t lowest = missed > h->shape.highest ? h->shape.highest + 1 : histogram_lowest_like(h, missed);
        if (lowest < interval)
            lowest = interval;
        uint64_t more = (missed - lowest) / interval;
        if (more >= (HISTOGRAM_TOTAL_MAX - h->total) / count)
            return false;
        histogram_record_many(h, missed, (more + 1) * count);
        missed -= more * interval;
    }
    return true;
}

void histogram_record_corrected(struct histogram *h, uint64_t value, uint64_t count, uint64_t interval)
{
    (void)record_corrected(h, value, count, interval);
}

static bool same_shape(struct histogram_shape a, struct histogram_shape b)
{
    return a.lowest == b.lowest && a.highest == b.highest && a.digits == b.digits;
}

bool histogram_add(struct histogram *into, const struct histogram *from)
{
    if (from->total > HISTOGRAM_TOTAL_MAX - into->total)
        return false;
    size_t used = histogram_counts_used(from);
    bool same = same_shape(into->shape, from->shape);
    for (size_t i = counts_from(from); i < used; i++) {
        if (same)
            into->counts[i] += from->counts[i];
        else
            histogram_record_many(into, histogram_lowest_at(from, i), from->counts[i]);
    }
    /* What `from` clipped, a lower `into` has clipped again. */
    if (into->shape.highest >= from->shape.highest)
        into->clipped += from->clipped;
    if (!same)
        return true;
    into->total += from->total;
    into->min = from->min < into->min ? from->min : into->min;
    into->max = from->max > into->max ? from->max : into->max;
    return true;
}

bool histogram_add_corrected(struct histogram *into, const struct histogram *from, uint64_t interval)
{
    struct histogram sum;
    if (!histogram_init(&sum, into->shape))
        return false;
    bool fits = true;
    size_t used = histogram_counts_used(from);
    for (size_t i = counts_from(from); i < used && fits; i++)
        fits = record_corrected(&sum, histogram_lowest_at(from, i), from->counts[i], interval);
    fits = fits && histogram_add(into, &sum);
    histogram_fini(&sum);
    return fits;
}

static struct histogram_shape shape_for_both(const struct histogram *a, const struct histogram *b)
{
    struct histogram_shape shape = a->shape;
    if (b->shape.lowest < shape.lowest)
        shape.lowest = b->shape.lowest;
    if (b->shape.digits > shape.digits)
        shape.digits = b->shape.digits;
    /* Writers may count above their `highest`, up to where their counts end. */
    const uint64_t highest[] = {b->shape.highest, histogram_max(a), histogram_max(b)};
    for (size_t i = 0; i < sizeof(highest) / sizeof(highest[0]); i++)
        if (highest[i] > shape.highest)
            shape.highest = highest[i];
    return shape;
}

bool histogram_add_widening(struct histogram *into, const struct histogram *from)
{
    struct histogram_shape shape = shape_for_both(into, from);
    if (same_shape(into->shape, from->shape) || same_shape(into->shape, shape))
        return histogram_add(into, from);
    struct histogram wide;
    if (!histogram_init(&wide, shape))
        return false;
    if (!histogram_add(&wide, into) || !histogram_add(&wide, from)) {
        histogram_fini(&wide);
        return false;
    }
    histogram_fini(into);
    *into = wide;
    return true;
}

uint64_t histogram_lowest_like(const struct histogram *h, uint64_t value)
{
    size_t index = index_of(h, value);
    return histogram_lowest_at(h, index < h->counts_len ? index : h->counts_len - 1);
}

uint64_t histogram_highest_like(const struct histogram *h, uint64_t value)
{
    size_t index = index_of(h, value);
    return histogram_highest_at(h, index < h->counts_len ? index : h->counts_len - 1);
}

uint64_t histogram_min(const struct histogram *h)
{
    return h->total == 0 ? 0 : histogram_lowest_like(h, h->min);
}

uint64_t histogram_max(const struct histogram *h)
{
    return h->total == 0 ? 0 : histogram_highest_like(h, h->max);
}

double histogram_mean(const struct histogram *h)
{
    double sum = 0;
    size_t used = histogram_counts_used(h);
    for (size_t i = counts_from(h); i < used; i++)
        sum += middle_at(h, i) * (double)h->counts[i];
    return h->total == 0 ? 0 : sum / (double)h->total;
}

double histogram_stddev(const struct histogram *h)
{
    double mean = histogram_mean(h), sum = 0;
    size_t used = histogram_counts_used(h);
    for (size_t i = counts_from(h); i < used; i++) {
        double apart = middle_at(h, i) - mean;
        sum += apart * apart * (double)h->counts[i];
    }
    return h->total == 0 ? 0 : sqrt(sum / (double)h->total);
}

uint64_t histogram_at_rank(const struct histogram *h, uint64_t rank)
{
    struct histogram_step step = {0};
    if (rank < 1 || rank > h->total)
        return 0;
    while (histogram_next(h, &step) && step.count_to < rank)
        continue;
    return step.highest;
}

uint64_t histogram_percentile(const struct histogram *h, double percentile)
{
    if (!(percentile > 0))
        return histogram_min(h);
    if (percentile >= 100)
        return histogram_max(h);
    /* The next lower number, so that rounding of 99.9 / 100 * 1000 does not ask for one value more than 999. */
    double rank = ceil(nextafter(percentile, 0) * (double)h->total / 100);
    if (rank >= (double)h->total)
        return histogram_max(h);
    return histogram_at_rank(h, rank < 1 ? 1 : (uint64_t)rank);
}

uint64_t histogram_count_to(const struct histogram *h, uint64_t value)
{
    uint64_t count = 0;
    size_t used = histogram_counts_used(h), to = index_of(h, value);
    for (size_t i = counts_from(h); i < used && i <= to; i++)
        count += h->counts[i];
    return count;
}

bool histogram_next(const struct histogram *h, struct histogram_step *step)
{
    size_t used = histogram_counts_used(h);
    size_t index = step->next_index > 0 ? step->next_index : counts_from(h);
    while (index < used && h->counts[index] == 0)
        index++;
    if (index >= used)
        return false;
    step->lowest = histogram_lowest_at(h, index);
    step->highest = histogram_highest_at(h, index);
    step->count = h->counts[index];
    step->count_to += step->count;
    step->next_index = index + 1;
    return true;
}
