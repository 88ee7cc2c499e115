/* weir/policy.h: what to do about an ending: by class, and where wanted by code.
 *
 * Counting is never optional: the ledger has every ending, whatever the policy does with it. A policy decides which
 * become log lines, which fail a run, and which stop the process at once.
 */
#ifndef WEIR_POLICY_H
#define WEIR_POLICY_H

#include <weir/ending.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weir_level {
    WEIR_LEVEL_NONE = 0, /* count only */
    WEIR_LEVEL_DEBUG,
    WEIR_LEVEL_INFO,
    WEIR_LEVEL_WARN,
    WEIR_LEVEL_ERROR
} weir_level;

WEIR_API const char *weir_level_name(weir_level level);

typedef struct weir_rule {
    weir_level level;
    uint32_t per_second; /* lines of this class a second, the others are counted; 0: no bound */
    bool explain;        /* with the code's text and advice */
    bool fail;           /* the run has failed: counted in weir_judge.failures */
    bool abort;          /* stop the process at once, for a core dump: the caller does it */
} weir_rule;

/* Class by class; `codes` may give rules of their own, kept, ended by WEIR_CODE_COUNT. */
typedef struct weir_code_rule {
    weir_code code;
    weir_rule rule;
} weir_code_rule;
typedef struct weir_policy {
    weir_rule classes[WEIR_CLASS_COUNT];
    const weir_code_rule *codes;
} weir_policy;

/* The three built in: "production", "test", "development"; null for another name. */
WEIR_API const weir_policy *weir_policy_find(weir_str name);

/* A policy at work, for one thread: its budgets and what it held back. Zero it, set `policy`. */
typedef struct weir_judge {
    const weir_policy *policy;
    uint64_t second[WEIR_CLASS_COUNT];     /* the second that `said` counts in */
    uint32_t said[WEIR_CLASS_COUNT];       /* lines of it */
    uint64_t suppressed[WEIR_CLASS_COUNT]; /* lines held back since the last one said */
    uint64_t failures;                     /* endings whose rule says fail */
} weir_judge;

typedef struct weir_verdict {
    weir_level level; /* NONE: say nothing */
    bool explain;
    bool abort;
    uint64_t suppressed; /* lines of this class held back before this one */
} weir_verdict;

WEIR_API weir_verdict weir_judge_ending(weir_judge *judge, const weir_ending *ending, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
