// What the generators of the client row have in common: their arguments, and the line that they print.
#ifndef BENCH_CLIENT_USAGE_H
#define BENCH_CLIENT_USAGE_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct client_usage {
    const char *url;
    uint64_t concurrency, requests;
    uint64_t began_ns, cpu_ns;
};

static _Noreturn void client_usage_die(const char *text)
{
    (void)fprintf(stderr, "%s\n", text);
    exit(1);
}

static uint64_t client_usage_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static struct client_usage client_usage_start(int argc, char **argv)
{
    if (argc != 4)
        client_usage_die("usage: URL CONCURRENCY REQUESTS");
    struct client_usage usage = {.url = argv[1],
                                 .concurrency = strtoull(argv[2], NULL, 10),
                                 .requests = strtoull(argv[3], NULL, 10)};
    if (usage.concurrency == 0 || usage.requests == 0)
        client_usage_die("CONCURRENCY and REQUESTS are 1 or more");
    usage.began_ns = client_usage_clock(CLOCK_MONOTONIC);
    usage.cpu_ns = client_usage_clock(CLOCK_PROCESS_CPUTIME_ID);
    return usage;
}

// Connecting is in it, as it is a small part of a run. `octets` of content show that all answers were read.
static void client_usage_tell(const struct client_usage *usage, uint64_t octets, uint64_t failed)
{
    uint64_t cpu_ns = client_usage_clock(CLOCK_PROCESS_CPUTIME_ID) - usage->cpu_ns;
    uint64_t wall_ns = client_usage_clock(CLOCK_MONOTONIC) - usage->began_ns;
    (void)printf("client requests %" PRIu64 " octets %" PRIu64 " failed %" PRIu64 " cpu_ns %" PRIu64 " wall_ns %" PRIu64
                 "\n",
                 usage->requests, octets, failed, cpu_ns, wall_ns);
}

#endif
