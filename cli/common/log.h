/* The log: what a policy says of endings, and what the server notices, as lines of logfmt or JSON.
 *
 * Endings are judged on the worker's thread, each thread with a judge of its own, so that no worker waits for
 * another. */
#ifndef CLI_COMMON_LOG_H
#define CLI_COMMON_LOG_H

#include <weir/weir.h>

#include "common/sink.h"

struct log {
    struct sink sink;
    bool json;
    const weir_policy *policy;
    atomic_uint_fast64_t failures;  /* endings whose rule fails the run */
    atomic_uint_fast64_t held_back; /* lines over a class's budget */
};

/* One ending, as the policy says; stops the process (abort) when its rule says so. */
void log_ending(struct log *log, const weir_ending *ending);
/* One sentence of the server's own, at the level of its code's usual class. */
void log_notice(struct log *log, weir_code code, const char *sentence);

#endif
