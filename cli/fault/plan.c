#include "fault/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#define STREAM_PLAN 0 /* the directions' own are in fault/pipe.c */

static enum fault_way draw_way(struct fault_random *random, enum fault_ways ways)
{
    if (ways == FAULT_WAYS_EITHER)
        return fault_random_draw(random, (struct fault_range){0, 1}) == 0 ? FAULT_UP : FAULT_DOWN;
    return ways == FAULT_WAYS_UP ? FAULT_UP : FAULT_DOWN;
}

static void draw_shape(struct fault_plan *plan, const struct fault_wish *wish, struct fault_random *random)
{
    if (wish->latency_ns.max == 0 && wish->slice.max == 0 && wish->rate == 0)
        return;
    plan->latency_ns = wish->latency_ns;
    plan->slice = wish->slice;
    plan->rate = wish->rate;
    if (wish->shape == FAULT_WAYS_BOTH)
        plan->shaped[FAULT_UP] = plan->shaped[FAULT_DOWN] = true;
    else
        plan->shaped[draw_way(random, wish->shape)] = true;
}

static const struct fault_when *when_of(const struct fault_wish *wish, enum fault_kind kind)
{
    switch (kind) {
    case FAULT_RESET:
        return &wish->reset;
    case FAULT_FIN:
    case FAULT_HALF_CLOSE:
        return &wish->fin;
    case FAULT_STALL:
        return &wish->stall;
    default:
        return NULL;
    }
}

/* One of those that were asked for, each as likely as the others. */
static enum fault_kind draw_kind(const struct fault_wish *wish, struct fault_random *random)
{
    enum fault_kind kinds[FAULT_VANISH];
    size_t count = 0;
    if (wish->reset.asked)
        kinds[count++] = FAULT_RESET;
    if (wish->half_close)
        kinds[count++] = FAULT_HALF_CLOSE;
    else if (wish->fin.asked)
        kinds[count++] = FAULT_FIN;
    if (wish->stall.asked)
        kinds[count++] = FAULT_STALL;
    if (wish->drop != FAULT_WAYS_NONE)
        kinds[count++] = FAULT_DROP;
    if (wish->refuse)
        kinds[count++] = FAULT_REFUSE;
    if (wish->vanish)
        kinds[count++] = FAULT_VANISH;
    return count == 0 ? FAULT_NONE : kinds[fault_random_draw(random, (struct fault_range){0, count - 1})];
}

static const struct fault_wish *wish_of(const struct fault_plans *plans, uint64_t connection)
{
    for (size_t i = 0; i < plans->count; i++)
        if (connection >= plans->rows[i].connections.min && connection <= plans->rows[i].connections.max)
            return &plans->rows[i].wish;
    return &plans->otherwise;
}

struct fault_plan fault_plan_draw(const struct fault_plans *plans, uint64_t connection)
{
    struct fault_plan plan = {.kind = FAULT_NONE};
    const struct fault_wish *wish = wish_of(plans, connection);
    struct fault_random random = fault_random_stream(plans->seed, connection, STREAM_PLAN);
    if (fault_random_draw(&random, (struct fault_range){0, FAULT_CHANCE_ALL - 1}) >= wish->chance)
        return plan;
    draw_shape(&plan, wish, &random);
    plan.kind = draw_kind(wish, &random);
    plan.way = draw_way(&random, plan.kind == FAULT_DROP ? wish->drop : wish->count);
    const struct fault_when *when = when_of(wish, plan.kind);
    if (when != NULL) {
        plan.time = when->time;
        plan.after = fault_random_draw(&random, when->range);
    }
    return plan;
}

void fault_plans_free(struct fault_plans *plans)
{
    free(plans->rows);
    plans->rows = NULL;
    plans->count = 0;
}

const char *fault_way_name(enum fault_way way)
{
    return way == FAULT_UP ? "up" : "down";
}

/* In the largest unit that has no fraction. */
static void time_text(struct text *text, uint64_t ns)
{
    static const struct {
        uint64_t factor;
        const char *unit;
    } units[] = {{UINT64_C(1000000000), "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t i = 0;
    while (ns % units[i].factor != 0)
        i++;
    text_printf(text, "%" PRIu64 "%s", ns / units[i].factor, units[i].unit);
}

static void word(struct text *text, const char *name)
{
    text_printf(text, "%s%s", text->len > 0 ? " " : "", name);
}

static void range_text(struct text *text, const char *name, struct fault_range range, bool time)
{
    word(text, name);
    for (int i = 0; i < 1 + (range.min != range.max); i++) {
        text_printf(text, i == 0 ? "=" : "..");
        uint64_t number = i == 0 ? range.min : range.max;
        if (time)
            time_text(text, number);
        else
            text_printf(text, "%" PRIu64, number);
    }
}

static void shape_text(struct text *text, const struct fault_plan *plan)
{
    if (plan->latency_ns.max > 0)
        range_text(text, "latency", plan->latency_ns, true);
    if (plan->rate > 0)
        range_text(text, "rate", (struct fault_range){plan->rate, plan->rate}, false);
    if (plan->slice.max > 0)
        range_text(text, "slice", plan->slice, false);
    if (plan->shaped[FAULT_UP] != plan->shaped[FAULT_DOWN])
        word(text, plan->shaped[FAULT_UP] ? "shape=up" : "shape=down");
}

void fault_plan_text(struct text *text, const struct fault_plan *plan)
{
    static const char *const names[] = {
        [FAULT_NONE] = NULL,           [FAULT_RESET] = "reset-after",
        [FAULT_FIN] = "fin-after",     [FAULT_HALF_CLOSE] = "fin-after",
        [FAULT_STALL] = "stall-after", [FAULT_DROP] = NULL,
        [FAULT_REFUSE] = "refuse",     [FAULT_VANISH] = "vanish",
    };
    struct text own = text_growing();
    shape_text(&own, plan);
    if (plan->kind == FAULT_DROP)
        word(&own, plan->way == FAULT_UP ? "drop=up" : "drop=down");
    else if (plan->kind == FAULT_REFUSE || plan->kind == FAULT_VANISH)
        word(&own, names[plan->kind]);
    else if (plan->kind != FAULT_NONE) {
        range_text(&own, names[plan->kind], (struct fault_range){plan->after, plan->after}, plan->time);
        if (plan->kind == FAULT_HALF_CLOSE)
            word(&own, "half-close");
        word(&own, plan->way == FAULT_UP ? "count=up" : "count=down");
    }
    if (own.len == 0)
        word(&own, "none");
    text_add(text, own.ptr, own.len);
    text_free(&own);
}
