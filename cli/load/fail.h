/* What `--fail-if` says: conditions under which a run has failed, and whether they are met.
 *
 *     WHAT OPERATOR VALUE, such as errors>0.1% or p99>10ms or status!=2xx
 */
#ifndef CLI_LOAD_FAIL_H
#define CLI_LOAD_FAIL_H

#include <stdio.h>

#include "load/tally.h"

#define LOAD_FAIL_EXPECTED                                                                                             \
    "errors, unsent, rate, status, a status such as 503 or 5xx, or a latency: p50, p99.9, min, mean, max, also with "  \
    "first-octet. or connect. before it"

enum load_fail_what {
    LOAD_FAIL_ERRORS,   /* a count, or a share of what was tried */
    LOAD_FAIL_UNSENT,   /* a count, or a share of what was planned */
    LOAD_FAIL_RATE,     /* measured answers a second */
    LOAD_FAIL_STATUS,   /* whether there is an answer with it, or without */
    LOAD_FAIL_ANSWERS,  /* of a status: a count, or a share of all answers */
    LOAD_FAIL_TIME
};

enum load_fail_operator {
    LOAD_FAIL_LESS,
    LOAD_FAIL_LESS_OR_EQUAL,
    LOAD_FAIL_GREATER,
    LOAD_FAIL_GREATER_OR_EQUAL,
    LOAD_FAIL_EQUAL,
    LOAD_FAIL_NOT_EQUAL
};

enum load_fail_times { LOAD_FAIL_LATENCY, LOAD_FAIL_FIRST_OCTET, LOAD_FAIL_CONNECT };
enum load_fail_moment { LOAD_FAIL_PERCENTILE, LOAD_FAIL_MIN, LOAD_FAIL_MEAN, LOAD_FAIL_MAX };

struct load_fail {
    const char *text; /* as it was given; kept */
    enum load_fail_what what;
    enum load_fail_operator operator_;
    enum load_fail_times times;
    enum load_fail_moment moment;
    double percentile;
    unsigned status_min, status_max; /* 503..503, 500..599 */
    double value;                    /* nanoseconds of a time; a count; a share of 1 */
    bool share;
};

/* What a condition came to. */
struct load_fail_result {
    bool failed;
    bool nothing; /* there was nothing to measure, which fails too */
    double value; /* as that of the condition */
};

/* False: `error` says what was expected, and at which character. */
bool load_fail_parse(struct load_fail *fail, const char *text, char *error, size_t error_size);
/* `requests`: of -n; UINT64_MAX: none were asked for. */
struct load_fail_result load_fail_judge(const struct load_fail *fail, const struct load_tally *tally,
                                        uint64_t requests);
/* "12.3 ms", "0.25 %", "17": a value as a person reads it. */
void load_fail_value_text(char text[32], const struct load_fail *fail, double value);

#endif
