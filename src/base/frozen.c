/* What programs hold of us and no size tells: structs by value, in arrays, returned, or in the caller's memory.
 * These sizes are those of 0.1, for ever; docs/style.md, "What may grow", says how something is added to each all
 * the same. */
#include <weir/conn.h>
#include <weir/ledger.h>
#include <weir/loop.h>
#include <weir/policy.h>

#define FROZEN(type, octets)                                                                                           \
    _Static_assert(sizeof(type) == (octets), #type " is frozen: see docs/style.md, What may grow")

FROZEN(weir_limits, 192);
FROZEN(weir_str, 16);
FROZEN(weir_allocator, 16);
FROZEN(weir_field, 32);
FROZEN(weir_fields, 16);
FROZEN(weir_body, 40);
FROZEN(weir_output, 32);
FROZEN(weir_receipt, 32);
FROZEN(weir_address, 20);
FROZEN(weir_error, 248);
FROZEN(weir_ending, 160);
FROZEN(weir_limit_info, 32);
FROZEN(weir_rule, 12);
FROZEN(weir_code_rule, 16);
FROZEN(weir_policy, 72);
FROZEN(weir_judge, 120);
FROZEN(weir_verdict, 16);
FROZEN(weir_post, 64);
_Static_assert(sizeof(weir_trace) == 4, "weir_trace is frozen");

_Static_assert(WEIR_CODE_END_0_1 == 98, "the codes of 0.1 are closed: a new one goes into WEIR_CODE_TABLE_ADDED");
_Static_assert(WEIR_CLASS_COUNT == 5, "classes are closed: policies have an array of them");
_Static_assert(WEIR_RETRY_COUNT == 4, "retries are closed");
_Static_assert(WEIR_STAGE_COUNT <= WEIR_STAGE_MAX && WEIR_HOW_COUNT <= WEIR_HOW_MAX && WEIR_BY_COUNT <= WEIR_BY_MAX &&
                   WEIR_DELIVERY_COUNT <= WEIR_DELIVERY_MAX,
               "the arrays of the ledger have no more room");
