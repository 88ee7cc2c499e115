#include "load/plan.h"

void load_plan_init(struct load_plan *plan, uint64_t requests, uint64_t rate, uint64_t index, uint64_t threads,
                    uint64_t connections)
{
    *plan = (struct load_plan){
        .rate = rate, .start_ns = WEIR_NEVER, .until_ns = WEIR_NEVER, .next = index, .step = threads};
    plan->left = requests == UINT64_MAX ? UINT64_MAX : requests / threads + (index < requests % threads);
    plan->share = requests == UINT64_MAX ? 1 : plan->left / connections;
    if (plan->share == 0)
        plan->share = 1;
}

void load_plan_start(struct load_plan *plan, uint64_t now_ns, uint64_t span_ns)
{
    plan->start_ns = now_ns;
    plan->until_ns = span_ns == WEIR_NEVER ? WEIR_NEVER : now_ns + span_ns;
}

static uint64_t instant(const struct load_plan *plan, uint64_t k)
{
    return plan->start_ns + k / plan->rate * WEIR_SECOND + k % plan->rate * WEIR_SECOND / plan->rate;
}

uint64_t load_plan_due(const struct load_plan *plan)
{
    if (plan->left == 0)
        return WEIR_NEVER;
    if (plan->ending)
        return 0;
    if (plan->start_ns == WEIR_NEVER)
        return WEIR_NEVER;
    if (plan->rate == 0)
        return 0;
    uint64_t due_ns = instant(plan, plan->next);
    return due_ns < plan->until_ns ? due_ns : WEIR_NEVER;
}

bool load_plan_may_open(const struct load_plan *plan)
{
    return !plan->ending && plan->left > plan->reserved;
}

uint64_t load_plan_reserve(struct load_plan *plan, uint64_t exchanges_max)
{
    uint64_t amount = exchanges_max < plan->share ? exchanges_max : plan->share;
    if (amount > plan->left - plan->reserved)
        amount = plan->left - plan->reserved;
    plan->reserved += amount;
    return amount;
}

void load_plan_give_back(struct load_plan *plan, uint64_t *reserved)
{
    plan->reserved -= *reserved;
    *reserved = 0;
}

bool load_plan_is_last(const struct load_plan *plan, uint64_t reserved)
{
    return plan->ending || (reserved <= 1 && plan->left <= plan->reserved);
}

uint64_t load_plan_take(struct load_plan *plan, uint64_t *reserved, uint64_t now_ns)
{
    uint64_t start_ns = now_ns;
    if (plan->rate != 0 && !plan->ending) {
        start_ns = instant(plan, plan->next);
        plan->next += plan->step;
    }
    if (plan->left == UINT64_MAX)
        return start_ns;
    /* What nobody has reserved is taken before a connection's last one. */
    if (*reserved > 1 || plan->left <= plan->reserved) {
        --*reserved;
        plan->reserved--;
    }
    plan->left--;
    return start_ns;
}

/* How many instants of all threads lie within `span_ns` from the start: those of k with k / rate < span. */
static uint64_t instants_within(const struct load_plan *plan, uint64_t span_ns)
{
    uint64_t part = span_ns % WEIR_SECOND * plan->rate;
    return span_ns / WEIR_SECOND * plan->rate + part / WEIR_SECOND + (part % WEIR_SECOND != 0);
}

uint64_t load_plan_missed(const struct load_plan *plan, uint64_t until_ns)
{
    if (plan->rate == 0 || plan->start_ns == WEIR_NEVER)
        return 0;
    if (until_ns > plan->until_ns)
        until_ns = plan->until_ns;
    /* Counted by arithmetic: an overloaded run may have missed millions. */
    uint64_t planned = until_ns > plan->start_ns ? instants_within(plan, until_ns - plan->start_ns) : 0;
    uint64_t missed = planned > plan->next ? (planned - plan->next + plan->step - 1) / plan->step : 0;
    return missed < plan->left ? missed : plan->left;
}
