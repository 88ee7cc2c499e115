/* Nanoseconds that the head parser takes for one request, the summary of its fields included: a load tool's of 40
 * octets, and one as a browser sends it of 703. Prints the least of some rounds, since all noise adds.
 *
 *     micro_head [seconds of a round, 0.2] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "h1/head.h"

enum { ROUNDS = 7, FIELDS = 64, BATCH = 1000 };

static const char small_request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

static const char browser_request[] =
    "GET /pictures/of/the/weir/at/low/water.jpg HTTP/1.1\r\n"
    "Host: www.example-riverside.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n"
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Referer: http://www.example-riverside.org/pictures/index.html\r\n"
    "Cookie: session=7f3c0b1e9ad24458b6f0; seen=1731000000.1731000600.12; "
    "consent=necessary%3D1%26statistics%3D0%26marketing%3D0; last=%2Fpictures%2Findex.html%3Fpage%3D4; lang=en-GB; "
    "theme=dark-with-larger-letters; tide-table=in-metres-at-noon\r\n"
    "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void parse_batch(char *octets, size_t size)
{
    static const struct http_head_limits limits = {.line_size_max = 8192,
                                                   .head_size_max = 65536,
                                                   .field_count_max = 100};
    static weir_field fields[FIELDS];
    for (unsigned i = 0; i < BATCH; i++) {
        struct http_head head = {.fields = fields, .field_capacity = FIELDS};
        int64_t result = h1_head_parse_request(&head, octets, size, &limits, false, NULL);
        if (result != (int64_t)size) {
            fprintf(stderr, "micro_head: parsed %" PRId64 " of %zu octets\n", result, size);
            exit(1);
        }
    }
}

/* Nanoseconds a request in the best round. */
static double measure(char *octets, size_t size, double seconds)
{
    double best = 1e9;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now();
        double end;
        uint64_t count = 0;
        do {
            parse_batch(octets, size);
            count += BATCH;
            end = now();
        } while (end - start < seconds);
        double each = (end - start) * 1e9 / (double)count;
        best = each < best ? each : best;
    }
    return best;
}

static void report(const char *request, double seconds)
{
    static char octets[1024];
    size_t size = strlen(request);
    memcpy(octets, request, size);
    double each = measure(octets, size, seconds);
    printf("%4zu octets  %7.1f ns  %5.2f GB/s\n", size, each, (double)size / each);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 0.2;
    report(small_request, seconds);
    report(browser_request, seconds);
    return 0;
}
