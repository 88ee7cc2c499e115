/* Goal: each deadline starts, is refreshed and is held off by what protocol.md says, and by nothing else. Method: short
 * stories as tables: what happens when, and what is due then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "conn/deadlines.h"

#define S WEIR_SECOND

enum what { SEES, SEES_HELD, SEES_WRITING, RECEIVES, SENDS };

struct step {
    uint64_t at_ns;
    enum what what;
    uint64_t n; /* of SEES: the stage; of RECEIVES: octets */
    uint64_t exchange;
    uint64_t due_ns; /* after it; 0: not looked at */
    weir_code code;
};

static weir_limits usual(void)
{
    weir_limits limits = {.size = 0};
    assert_int_equal(weir_limits_resolve(&limits, NULL), WEIR_OK);
    return limits;
}

static void play(const struct step *steps, size_t count, const weir_limits *limits)
{
    struct deadlines d;
    deadlines_init(&d, steps[0].at_ns);
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        const struct deadlines_sight sight = {
            .exchange = s->exchange,
            .stage = (weir_stage)s->n,
            .held = s->what == SEES_HELD,
            .writing = s->what == SEES_WRITING,
        };
        if (s->what == RECEIVES)
            deadlines_received(&d, s->n, s->at_ns);
        else if (s->what == SENDS)
            deadlines_sent(&d, s->at_ns);
        else
            deadlines_observe(&d, &sight, s->at_ns);
        struct deadlines_due due = deadlines_next(&d, limits, WEIR_ROLE_SERVER);
        if (s->due_ns != 0 && (due.ns != s->due_ns || due.code != s->code))
            fail_msg("step %zu: %s at %llu ns", i, weir_code_name(due.code), (unsigned long long)due.ns);
    }
}
#define PLAY(steps, limits) play(steps, sizeof(steps) / sizeof((steps)[0]), limits)

static void head_is_absolute(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {5 * S, SEES, WEIR_STAGE_HEAD, 0, 15 * S, WEIR_CODE_head_timeout},
        {9 * S, RECEIVES, 100, 0, 15 * S, WEIR_CODE_head_timeout},
        {9 * S, SEES, WEIR_STAGE_HEAD, 0, 15 * S, WEIR_CODE_head_timeout},
        /* The next head has its own time, though the stage was never seen to be another. */
        {12 * S, SEES, WEIR_STAGE_HEAD, 1, 22 * S, WEIR_CODE_head_timeout},
        {13 * S, SEES, WEIR_STAGE_HANDLER, 2, WEIR_NEVER, WEIR_OK},
    };
    weir_limits limits = usual();
    PLAY(steps, &limits);
}

static void body_silence_and_rate(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {10 * S, SEES, WEIR_STAGE_BODY, 1, 40 * S, WEIR_CODE_body_timeout},
        {20 * S, RECEIVES, 240, 1, 40 * S, WEIR_CODE_body_too_slow},
        {30 * S, RECEIVES, 240, 1, 40 * S, WEIR_CODE_body_too_slow},
        /* 9,600 octets pay for 40 seconds from the start of the body. */
        {39 * S, RECEIVES, 9120, 1, 50 * S, WEIR_CODE_body_too_slow},
        {49 * S, RECEIVES, 2400000, 1, 79 * S, WEIR_CODE_body_timeout},
    };
    weir_limits limits = usual();
    PLAY(steps, &limits);
}

static void the_application_holds_the_body(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {10 * S, SEES, WEIR_STAGE_BODY, 1, 40 * S, WEIR_CODE_body_timeout},
        {20 * S, SEES_HELD, WEIR_STAGE_BODY, 1, WEIR_NEVER, WEIR_OK},
        {500 * S, SEES_HELD, WEIR_STAGE_BODY, 1, WEIR_NEVER, WEIR_OK},
        /* It takes again: both begin anew. */
        {500 * S, SEES, WEIR_STAGE_BODY, 1, 530 * S, WEIR_CODE_body_timeout},
        {529 * S, RECEIVES, 1, 1, 530 * S, WEIR_CODE_body_too_slow},
    };
    weir_limits limits = usual();
    PLAY(steps, &limits);
}

static void writing_without_progress(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {10 * S, SEES, WEIR_STAGE_RESPONSE, 1, WEIR_NEVER, WEIR_OK},
        {20 * S, SEES_WRITING, WEIR_STAGE_RESPONSE, 1, 50 * S, WEIR_CODE_write_timeout},
        /* More output is no progress; octets that go are. */
        {30 * S, SEES_WRITING, WEIR_STAGE_RESPONSE, 1, 50 * S, WEIR_CODE_write_timeout},
        {45 * S, RECEIVES, 10, 1, 50 * S, WEIR_CODE_write_timeout},
        {49 * S, SENDS, 1, 1, 79 * S, WEIR_CODE_write_timeout},
        {50 * S, SEES, WEIR_STAGE_RESPONSE, 1, WEIR_NEVER, WEIR_OK},
        {90 * S, SEES_WRITING, WEIR_STAGE_RESPONSE, 1, 120 * S, WEIR_CODE_write_timeout},
    };
    weir_limits limits = usual();
    PLAY(steps, &limits);
}

static void handler_and_tunnel(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {10 * S, SEES, WEIR_STAGE_HANDLER, 1, 17 * S, WEIR_CODE_handler_timeout},
        {15 * S, RECEIVES, 5, 1, 17 * S, WEIR_CODE_handler_timeout},
        {16 * S, SEES, WEIR_STAGE_RESPONSE, 1, WEIR_NEVER, WEIR_OK},
        {20 * S, SEES, WEIR_STAGE_TUNNEL, 1, 31 * S, WEIR_CODE_idle_timeout},
        {25 * S, SENDS, 1, 1, 36 * S, WEIR_CODE_idle_timeout},
        {30 * S, RECEIVES, 1, 1, 41 * S, WEIR_CODE_idle_timeout},
    };
    weir_limits limits = usual();
    limits.handler_timeout_ns = 7 * S;
    limits.tunnel_timeout_ns = 11 * S;
    PLAY(steps, &limits);
}

static void unlimited_is_never(void **state)
{
    (void)state;
    static const weir_stage stages[] = {WEIR_STAGE_HEAD, WEIR_STAGE_BODY, WEIR_STAGE_HANDLER, WEIR_STAGE_TUNNEL};
    weir_limits limits = usual();
    limits.head_timeout_ns = limits.body_timeout_ns = limits.body_rate_min = limits.write_timeout_ns = WEIR_UNLIMITED;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        const struct step steps[] = {
            {1, SEES_WRITING, stages[i], 1, WEIR_NEVER, WEIR_OK},
            {UINT64_MAX - 1, SEES_WRITING, stages[i], 2, WEIR_NEVER, WEIR_OK},
        };
        PLAY(steps, &limits);
    }
    assert_int_equal(deadlines_add(WEIR_NEVER - 1, 1), WEIR_NEVER);
    assert_int_equal(deadlines_add(WEIR_NEVER - 1, 2), WEIR_NEVER);
    assert_int_equal(deadlines_add(5, WEIR_UNLIMITED), WEIR_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_absolute),
        cmocka_unit_test(body_silence_and_rate),
        cmocka_unit_test(the_application_holds_the_body),
        cmocka_unit_test(writing_without_progress),
        cmocka_unit_test(handler_and_tunnel),
        cmocka_unit_test(unlimited_is_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
