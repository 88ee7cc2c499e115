/* Goal: the wheel fires each timer once, in its tick, whatever is started, moved, stopped and however time jumps.
 * Method: random operations beside a plain array of due times, from a seed that is printed (WEIR_SEED sets it). */
#include "base/wheel.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define TICK_NS (UINT64_C(1) << 20)
#define TIMERS  200

static uint64_t random_state;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Any order of magnitude alike, so that all levels are met. */
static uint64_t random_span(void)
{
    return random_number() >> (random_number() % 63 + 1);
}

static uint64_t saturated(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t tick_up(uint64_t ns)
{
    return ns / TICK_NS + (ns % TICK_NS != 0);
}

struct model {
    struct base_wheel wheel;
    struct base_timer timers[TIMERS];
    bool running[TIMERS];
    uint64_t now_ns;
};

static uint64_t model_first_due(const struct model *m)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < TIMERS; i++) {
        if (m->running[i] && m->timers[i].due_ns < first)
            first = m->timers[i].due_ns;
    }
    return first;
}

static size_t model_running(const struct model *m)
{
    size_t count = 0;
    for (size_t i = 0; i < TIMERS; i++)
        count += m->running[i];
    return count;
}

static void expire(struct model *m)
{
    struct base_list due;
    base_list_init(&due);
    base_wheel_expire(&m->wheel, m->now_ns, &due);
    while (!base_list_is_empty(&due)) {
        struct base_timer *timer = BASE_CONTAINER(due.next, struct base_timer, node);
        size_t i = (size_t)(timer - m->timers);
        base_wheel_stop(&m->wheel, timer);
        assert_true(m->running[i]);
        assert_true(timer->due_ns <= m->now_ns);
        m->running[i] = false;
        assert_false(base_timer_is_running(timer));
        /* One that fires stops another now and then: that one must not fire. */
        size_t other = random_number() % TIMERS;
        if (random_number() % 8 == 0) {
            base_wheel_stop(&m->wheel, &m->timers[other]);
            m->running[other] = false;
        }
    }
    for (size_t i = 0; i < TIMERS; i++)
        assert_true(!m->running[i] || tick_up(m->timers[i].due_ns) > m->now_ns / TICK_NS);
}

static void check(const struct model *m)
{
    uint64_t first = model_first_due(m);
    uint64_t next = base_wheel_next(&m->wheel);
    assert_int_equal(m->wheel.count, model_running(m));
    for (size_t i = 0; i < TIMERS; i++)
        assert_int_equal(base_timer_is_running(&m->timers[i]), m->running[i]);
    if (model_running(m) == 0)
        assert_true(next == WEIR_NEVER);
    else
        assert_true(next / TICK_NS <= tick_up(first) || next / TICK_NS <= m->now_ns / TICK_NS);
}

static void random_step(struct model *m)
{
    size_t i = random_number() % TIMERS;
    uint64_t next;
    switch (random_number() % 8) {
    case 0:
    case 1:
    case 2:
        base_wheel_start(&m->wheel, &m->timers[i], saturated(m->now_ns, random_span()));
        m->running[i] = true;
        break;
    case 3: /* in the past */
        base_wheel_start(&m->wheel, &m->timers[i], m->now_ns - random_span() % (m->now_ns + 1));
        m->running[i] = true;
        break;
    case 4:
        base_wheel_stop(&m->wheel, &m->timers[i]);
        m->running[i] = false;
        break;
    case 5: /* as a loop does */
        next = base_wheel_next(&m->wheel);
        if (next != WEIR_NEVER && next > m->now_ns)
            m->now_ns = next;
        expire(m);
        break;
    default: /* a jump, smaller ones more often: time must not run out in a test */
        m->now_ns += random_span() >> (random_number() % 40 + 8);
        expire(m);
        break;
    }
}

static void test_against_model(void **state)
{
    (void)state;
    for (int run = 0; run < 40; run++) {
        static struct model m;
        memset(&m, 0, sizeof(m));
        m.now_ns = random_span() >> 8;
        base_wheel_init(&m.wheel, m.now_ns);
        for (int i = 0; i < 5000; i++) {
            random_step(&m);
            check(&m);
        }
    }
}

/* Waking exactly when base_wheel_next says, every timer fires at its own tick, and the sleeps are few. */
static void test_punctual_and_few_wakes(void **state)
{
    static const uint64_t spans_ns[] = {
        1,          TICK_NS,     63 * TICK_NS,   64 * TICK_NS,     65 * TICK_NS, 4096 * TICK_NS,
        1000000007, 60000000000, 86400000000000, UINT64_C(1) << 57};
    (void)state;
    for (size_t i = 0; i < sizeof(spans_ns) / sizeof(spans_ns[0]); i++) {
        static struct base_wheel wheel;
        struct base_timer timer = {0};
        struct base_list due;
        uint64_t now_ns = 123456789012345;
        int wakes = 0;
        base_list_init(&due);
        base_wheel_init(&wheel, now_ns);
        base_wheel_start(&wheel, &timer, now_ns + spans_ns[i]);
        while (base_list_is_empty(&due)) {
            now_ns = base_wheel_next(&wheel);
            base_wheel_expire(&wheel, now_ns, &due);
            wakes++;
        }
        assert_int_equal(now_ns / TICK_NS, tick_up(timer.due_ns));
        assert_true(wakes <= BASE_WHEEL_LEVELS + 2);
    }
}

static void test_order_within_a_jump(void **state)
{
    static struct base_wheel wheel;
    static struct base_timer timers[1000];
    struct base_list due;
    uint64_t last_ns = 0;
    size_t fired = 0;
    (void)state;
    memset(timers, 0, sizeof(timers));
    base_list_init(&due);
    base_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 1000; i++)
        base_wheel_start(&wheel, &timers[i], random_number() % 1000000 * TICK_NS);
    base_wheel_expire(&wheel, 1000000 * TICK_NS, &due);
    while (!base_list_is_empty(&due)) {
        struct base_timer *timer = BASE_CONTAINER(due.next, struct base_timer, node);
        base_wheel_stop(&wheel, timer);
        assert_true(timer->due_ns >= last_ns);
        last_ns = timer->due_ns;
        fired++;
    }
    assert_int_equal(fired, 1000);
    assert_int_equal(wheel.count, 0);
}

/* A due timer that is moved by another one's firing is taken off the due ones. */
static void test_restart_while_due(void **state)
{
    static struct base_wheel wheel;
    struct base_timer a = {0};
    struct base_timer b = {0};
    struct base_list due;
    (void)state;
    base_list_init(&due);
    base_wheel_init(&wheel, 0);
    base_wheel_start(&wheel, &a, TICK_NS);
    base_wheel_start(&wheel, &b, TICK_NS);
    base_wheel_expire(&wheel, TICK_NS, &due);
    base_wheel_stop(&wheel, &a);
    base_wheel_start(&wheel, &b, 10 * TICK_NS);
    assert_true(base_list_is_empty(&due));
    assert_int_equal(wheel.count, 1);
    assert_true(base_wheel_next(&wheel) == 10 * TICK_NS);
}

int main(void)
{
    const char *given = getenv("WEIR_SEED");
    random_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761U + 1;
    random_state += random_state == 0; /* the generator would stay there */
    printf("WEIR_SEED=%" PRIu64 "\n", random_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_punctual_and_few_wakes),
        cmocka_unit_test(test_order_within_a_jump),
        cmocka_unit_test(test_restart_while_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
