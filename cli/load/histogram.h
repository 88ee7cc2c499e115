/* A histogram of latencies: log-linear, as HdrHistogram's. Every value up to `highest` is kept to `digits` significant
 * decimal digits, in counts of equal width that doubles with each power of two.
 *
 * Recording is O(1) and takes no memory. A histogram belongs to one thread: let each thread have its own, and add them.
 * Values are whole numbers of whatever unit the caller means (`weir load`: nanoseconds).
 *
 * Memory is 8 octets a count, in one block: HISTOGRAM_LATENCY, 1 ns to 1 h with 3 digits, has 33,792 counts, which is
 * 270,336 octets (264 KiB), however much is recorded. The most that any shape takes is 47 MiB (5 digits, 1 to 2^63). */
#ifndef CLI_LOAD_HISTOGRAM_H
#define CLI_LOAD_HISTOGRAM_H

#include <weir/base.h>

/* Past this, neither values nor sums of counts go: both are signed numbers in the format of the log. */
#define HISTOGRAM_HIGHEST_MAX ((uint64_t)INT64_MAX)
#define HISTOGRAM_TOTAL_MAX ((uint64_t)INT64_MAX)

struct histogram_shape {
    uint64_t lowest;  /* lowest value that is told from zero: at least 1 */
    uint64_t highest; /* highest value that is kept: from 2 * lowest to HISTOGRAM_HIGHEST_MAX */
    unsigned digits;  /* 1 to 5 */
};

/* 1 ns to 1 h, 3 digits. */
#define HISTOGRAM_LATENCY ((struct histogram_shape){.lowest = 1, .highest = UINT64_C(3600000000000), .digits = 3})

struct histogram {
    struct histogram_shape shape;
    uint64_t total;   /* how many were recorded */
    uint64_t clipped; /* of these, how many were above `highest`, and are counted there; not part of a log */

    /* The inside. A sub-bucket is one count; a bucket is the run of them in which the width is the same. */
    uint64_t *counts; /* owned */
    uint64_t min;     /* exact if recorded here; UINT64_MAX: nothing was */
    uint64_t max;     /* the same; 0: nothing was */
    size_t counts_len;
    unsigned unit_bits;            /* low bits of a value that the smallest width ignores */
    unsigned sub_bucket_half_bits; /* log2 of half of the counts of the first bucket */
};

/* How many counts a shape has; 0 if there is no such shape. */
size_t histogram_counts_of(struct histogram_shape shape);

/* Takes the memory. False: no such shape, or no memory; then fini may be called, and need not. */
WEIR_MUST_USE bool histogram_init(struct histogram *h, struct histogram_shape shape);
void histogram_fini(struct histogram *h);
/* Forgets what was recorded, and keeps the memory. */
void histogram_reset(struct histogram *h);

/* A value above `highest` is counted as `highest`, and in `clipped`: it is rare and slow, which is no reason to lose
 * it. What would take the total past HISTOGRAM_TOTAL_MAX is not counted. */
void histogram_record(struct histogram *h, uint64_t value);
void histogram_record_many(struct histogram *h, uint64_t value, uint64_t count);
/* For a closed loop that meant to ask every `interval`: a value longer than that kept others from being asked, which
 * are recorded with it: value - interval, value - 2 * interval, ... down to interval. An interval of 0 adds none.
 * Costs no more than the histogram has counts. An open loop that measures from the planned instant needs none of it. */
void histogram_record_corrected(struct histogram *h, uint64_t value, uint64_t count, uint64_t interval);

/* Adds what `from` holds, whatever its shape: a finer or a higher one is rounded or clipped. False, and nothing is
 * added: the total would pass HISTOGRAM_TOTAL_MAX. */
WEIR_MUST_USE bool histogram_add(struct histogram *into, const struct histogram *from);
/* The same, each value corrected as by histogram_record_corrected. Takes memory for the time; false without it, too. */
WEIR_MUST_USE bool histogram_add_corrected(struct histogram *into, const struct histogram *from, uint64_t interval);
/* Gives `into` a shape that holds what both shapes hold, then adds. For what was read: writers choose their own shapes.
 * False, and `into` is as before: no memory, or as above. */
WEIR_MUST_USE bool histogram_add_widening(struct histogram *into, const struct histogram *from);

/* Of the values recorded, as far as the digits tell them apart. All are 0 when nothing was recorded. */
uint64_t histogram_min(const struct histogram *h); /* lowest that cannot be told from the smallest */
uint64_t histogram_max(const struct histogram *h); /* highest that cannot be told from the largest */
double histogram_mean(const struct histogram *h);
double histogram_stddev(const struct histogram *h); /* of the population */
/* The value that `percentile` percent (0 to 100) of those recorded are at or below: the highest that cannot be told
 * from it; at 0, the lowest that cannot be told from the smallest. */
uint64_t histogram_percentile(const struct histogram *h, double percentile);
/* The same by rank, from 1: the highest value that cannot be told from the rank-th smallest. 0: there is none. */
uint64_t histogram_at_rank(const struct histogram *h, uint64_t rank);
/* How many are at or below `value`, or cannot be told from it. */
uint64_t histogram_count_to(const struct histogram *h, uint64_t value);
/* The lowest and the highest value that cannot be told from `value`. */
uint64_t histogram_lowest_like(const struct histogram *h, uint64_t value);
uint64_t histogram_highest_like(const struct histogram *h, uint64_t value);

/* Goes through the counts that are not zero, upwards:
 *     struct histogram_step step = {0};
 *     while (histogram_next(h, &step)) ...
 * What is recorded in between may be missed. */
struct histogram_step {
    uint64_t lowest, highest; /* the values that are counted here */
    uint64_t count;           /* how many */
    uint64_t count_to;        /* how many up to `highest` */
    size_t next_index;        /* the inside */
};
bool histogram_next(const struct histogram *h, struct histogram_step *step);

/* --- for the log ------------------------------------------------------------------------------------------------ */

/* The values that are counted at counts[index]. */
uint64_t histogram_lowest_at(const struct histogram *h, size_t index);
uint64_t histogram_highest_at(const struct histogram *h, size_t index);
/* Adds to counts[index]. False: no such index, or the total would pass HISTOGRAM_TOTAL_MAX. */
WEIR_MUST_USE bool histogram_count_at(struct histogram *h, size_t index, uint64_t count);
/* One more than the highest index that is not zero. */
size_t histogram_counts_used(const struct histogram *h);

#endif
