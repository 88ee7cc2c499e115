/* Is B faster than A, and how sure is that? A ratio B / A, with an interval that holds the true one with a confidence
 * of 95 %. An interval that holds 1 means: these runs do not tell.
 *
 * Values, one a run (a rate, a percentile): compare_values. It is Mann and Whitney's rank test turned into an interval,
 * on ratios (Hodges and Lehmann 1963; Hollander and Wolfe, Nonparametric Statistical Methods, chapter 4): the estimate
 * is the median of all B[j] / A[i], the interval ends at two of them, whose places the distribution of the rank sum
 * gives, exactly up to 20 values a side. Chosen over a bootstrap because runs are few: with five a side a bootstrap of
 * 95 % holds less often than it says, while this holds its promise whatever the distribution, needs no random numbers,
 * and one run spoilt by a neighbour hardly moves it. It assumes that the runs do not influence each other (interleave
 * them: A B A B) and that B's distribution is A's, stretched. Three a side cannot give 95 %: then there is no interval.
 * Intervals of one run are related with their neighbours: taken for runs they promise more than they hold.
 *
 * Two histograms, one run each: compare_percentile. The interval of each percentile is by ranks (binomial), the ratio's
 * is put together from the two on a logarithmic scale (Zou and Donner 2008), and is never narrower than what the digits
 * tell apart. With fewer than ten values beyond a percentile there is no interval. It knows the chance within these two
 * runs only, not that between runs: a machine that is busier the second time looks like a change. Where it matters,
 * make several runs a side, and compare values. */
#ifndef CLI_LOAD_COMPARE_H
#define CLI_LOAD_COMPARE_H

#include "load/histogram.h"

#define COMPARE_VALUES_MAX 1024 /* a side; all pairs are held in memory: 8 MiB */

struct comparison {
    double ratio;     /* B / A; A of 0 gives INFINITY, and 1 when B is 0 too */
    double low, high; /* the interval of 95 %; 0 and INFINITY when there are too few to say */
};

/* Neither array is kept or changed. False: no value on a side, more than COMPARE_VALUES_MAX, a value that is negative,
 * infinite or no number, or no memory. */
WEIR_MUST_USE bool compare_values(const double *a, size_t a_count, const double *b, size_t b_count,
                                  struct comparison *result);

/* `percentile`: above 0, below 100 (a maximum has no interval). False: out of this range, nothing was recorded on a
 * side, or a percentile is 0. */
WEIR_MUST_USE bool compare_percentile(const struct histogram *a, const struct histogram *b, double percentile,
                                      struct comparison *result);

/* What may be said: -1 B is less than A, 1 more, 0 these runs do not tell. */
int compare_verdict(const struct comparison *result);

#endif
