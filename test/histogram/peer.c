/* What test/histogram/run needs of the program's parts, in lines that it can compare with those of another implementation:
 *
 *     histogram_peer write FILE     a log of intervals, by a formula that Peer.java has too
 *     histogram_peer read FILE...   what is in them, summed by histogram_log_sum_file
 *     histogram_peer lines FILE     what is in each interval
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load/histogram_log.h"

#define INTERVALS 8U
#define START_NS  UINT64_C(1700000000500000000)
#define LENGTH_NS UINT64_C(1000000000)

static void describe(const struct histogram *h)
{
    static const double percentiles[] = {0, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
    struct histogram_step step = {0};
    (void)printf("total %" PRIu64 " min %" PRIu64 " max %" PRIu64 "\n", h->total, histogram_min(h), histogram_max(h));
    (void)printf("mean %.3f stddev %.3f\n", histogram_mean(h), histogram_stddev(h));
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
        (void)printf("p%g %" PRIu64 "\n", percentiles[i], histogram_percentile(h, percentiles[i]));
    while (histogram_next(h, &step))
        (void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", step.lowest, step.count, step.count_to);
}

/* Of all magnitudes up to an hour, the counts of some in the billions. */
static void fill(struct histogram *h, unsigned interval)
{
    uint64_t x = interval * UINT64_C(2654435761) + 1;
    for (unsigned i = 0; i < interval * 400; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t value = (x >> 22) >> (x >> 58) % 42;
        histogram_record_many(h, value % UINT64_C(3600000000001), i % 100 == 0 ? UINT64_C(5000000000) : 1 + i % 3);
    }
}

static int write_log(const char *path)
{
    FILE *file = fopen(path, "wb");
    struct histogram h;
    if (file == NULL || !histogram_init(&h, HISTOGRAM_LATENCY))
        return 1;
    bool done = histogram_log_open(file, "histogram_peer", START_NS);
    for (unsigned i = 0; i < INTERVALS && done; i++) {
        histogram_reset(&h);
        fill(&h, i);
        done = histogram_log_write(file, i % 4 == 3 ? "odd" : NULL, START_NS + i * LENGTH_NS, LENGTH_NS, &h);
    }
    histogram_fini(&h);
    return fclose(file) == 0 && done ? 0 : 1;
}

static int read_logs(int count, char **paths)
{
    struct histogram_log_sum sum = {.intervals = 0};
    char error[HISTOGRAM_LOG_ERROR_MAX];
    for (int i = 0; i < count; i++)
        if (!histogram_log_sum_file(&sum, paths[i], NULL, error)) {
            (void)fprintf(stderr, "histogram_peer: %s\n", error);
            histogram_log_sum_fini(&sum);
            return 1;
        }
    (void)printf("intervals %" PRIu64 " others %" PRIu64 " ms %" PRIu64 "\n", sum.intervals, sum.others,
                 sum.length_ns / 1000000);
    describe(&sum.histogram);
    histogram_log_sum_fini(&sum);
    return 0;
}

static int read_lines(const char *path)
{
    struct histogram_log_reader reader;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 1;
    histogram_log_reader_init(&reader, file, path);
    enum histogram_log_result result;
    while ((result = histogram_log_next(&reader)) == HISTOGRAM_LOG_INTERVAL) {
        uint64_t start_ms = reader.interval.start_ns / 1000000, length_ms = reader.interval.length_ns / 1000000;
        (void)printf("interval '%s' %" PRIu64 " %" PRIu64 "\n", reader.interval.tag, start_ms, start_ms + length_ms);
        describe(&reader.histogram);
    }
    if (result == HISTOGRAM_LOG_WRONG)
        (void)fprintf(stderr, "histogram_peer: %s\n", reader.error);
    histogram_log_reader_fini(&reader);
    (void)fclose(file);
    return result == HISTOGRAM_LOG_END ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_log(argv[2]);
    if (argc == 3 && strcmp(argv[1], "lines") == 0)
        return read_lines(argv[2]);
    if (argc >= 3 && strcmp(argv[1], "read") == 0)
        return read_logs(argc - 2, argv + 2);
    (void)fputs("histogram_peer: write FILE, read FILE... or lines FILE\n", stderr);
    return 2;
}
