#include "load/compare.h"

#include <math.h>
#include <stdlib.h>

#define EXACT_MAX  20
#define TAIL       0.025 /* on each side */
#define TAIL_Z     1.95996398454
#define BEYOND_MIN 10 /* values beyond a percentile, from where the normal distribution stands for the binomial one */

static bool usable(const double *values, size_t count)
{
    if (count == 0 || count > COMPARE_VALUES_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]) || values[i] < 0)
            return false;
    return true;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double ratio_of(double a, double b)
{
    if (a > 0)
        return b / a;
    return b > 0 ? INFINITY : 1;
}

/* The largest place k for which the rank sum's U is below k with no more than TAIL, from the number of ways to reach
 * each U: ways(i, j, u) = ways(i - 1, j, u - j) + ways(i, j - 1, u). 0: there is none. */
static size_t place_exact(size_t n, size_t m)
{
    double ways[EXACT_MAX + 1][EXACT_MAX * EXACT_MAX + 1] = {{0}};
    for (size_t j = 0; j <= m; j++)
        ways[j][0] = 1;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++)
            for (size_t u = n * m + 1; u-- > 0;)
                ways[j][u] = (u >= j ? ways[j][u - j] : 0) + ways[j - 1][u];
    double all = 0, below = 0;
    for (size_t u = 0; u <= n * m; u++)
        all += ways[m][u];
    size_t place = 0;
    while ((below + ways[m][place]) / all <= TAIL)
        below += ways[m][place++];
    return place;
}

static size_t place_of(size_t n, size_t m)
{
    if (n <= EXACT_MAX && m <= EXACT_MAX)
        return place_exact(n, m);
    double pairs = (double)n * (double)m;
    /* The half is for continuity: U is a whole number. */
    double place = floor(pairs / 2 + 0.5 - TAIL_Z * sqrt(pairs * ((double)(n + m) + 1) / 12));
    return place < 1 ? 0 : (size_t)place;
}

bool compare_values(const double *a, size_t a_count, const double *b, size_t b_count, struct comparison *result)
{
    if (!usable(a, a_count) || !usable(b, b_count))
        return false;
    size_t count = a_count * b_count;
    double *ratios = malloc(count * sizeof(ratios[0]));
    if (ratios == NULL)
        return false;
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = 0; j < b_count; j++)
            ratios[i * b_count + j] = ratio_of(a[i], b[j]);
    qsort(ratios, count, sizeof(ratios[0]), by_size);
    size_t place = place_of(a_count, b_count);
    double lower = ratios[(count - 1) / 2], upper = ratios[count / 2];
    /* The middle of two ratios is their geometric mean: A / B must be the inverse of B / A. */
    result->ratio = isinf(upper) ? upper : sqrt(lower) * sqrt(upper);
    result->low = place == 0 ? 0 : ratios[place - 1];
    result->high = place == 0 ? INFINITY : ratios[count - place];
    free(ratios);
    return true;
}

struct bounds {
    double at, low, high;
};

/* A percentile, and the interval in which it would be found again. */
static struct bounds bounds_of(const struct histogram *h, double percentile)
{
    double share = percentile / 100, total = (double)h->total;
    struct bounds bounds = {.at = (double)histogram_percentile(h, percentile), .low = 0, .high = INFINITY};
    if (total * share < BEYOND_MIN || total * (1 - share) < BEYOND_MIN)
        return bounds;
    double apart = TAIL_Z * sqrt(total * share * (1 - share));
    double low_rank = floor(total * share - apart), high_rank = ceil(total * share + apart) + 1;
    if (low_rank >= 1)
        bounds.low = (double)histogram_lowest_like(h, histogram_at_rank(h, (uint64_t)low_rank));
    if (high_rank <= total)
        bounds.high = (double)histogram_at_rank(h, (uint64_t)high_rank);
    return bounds;
}

bool compare_percentile(const struct histogram *a, const struct histogram *b, double percentile,
                        struct comparison *result)
{
    if (!(percentile > 0) || !(percentile < 100) || a->total == 0 || b->total == 0)
        return false;
    struct bounds from = bounds_of(a, percentile), to = bounds_of(b, percentile);
    if (from.at <= 0 || to.at <= 0)
        return false;
    /* log(0) is -INFINITY, whose distance is INFINITY: an interval that is open on that side. */
    double middle = log(to.at / from.at);
    result->ratio = to.at / from.at;
    result->low = exp(middle - hypot(log(to.at) - log(to.low), log(from.high) - log(from.at)));
    result->high = exp(middle + hypot(log(to.high) - log(to.at), log(from.at) - log(from.low)));
    return true;
}

int compare_verdict(const struct comparison *result)
{
    if (result->high < 1)
        return -1;
    return result->low > 1 ? 1 : 0;
}
