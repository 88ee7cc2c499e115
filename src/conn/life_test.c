/* Goal: closing only goes forward, comes to an end from everywhere, and never skips what protects the last answer.
 * Method: the whole table, cell by cell, against rules told in words; and the ways that a connection usually goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "conn/life.h"

static void only_forward(void **state)
{
    (void)state;
    for (int s = 0; s < LIFE_STATE_COUNT; s++)
        for (int e = 0; e < LIFE_EVENT_COUNT; e++)
            assert_true(life_next((enum life_state)s, (enum life_event)e) >= (enum life_state)s);
}

static void rules(void **state)
{
    (void)state;
    for (int s = 0; s < LIFE_STATE_COUNT; s++) {
        enum life_state from = (enum life_state)s;
        assert_int_equal(life_next(from, LIFE_EVENT_CLOSED), LIFE_GONE);
        /* A dead transport is closed, one that we reset stays so. */
        enum life_state dead = life_next(from, LIFE_EVENT_DEAD);
        assert_int_equal(dead, s < LIFE_CLOSING ? LIFE_CLOSING : s);
        /* A reset of ours throws away what the kernel still has to send: only while we have not given it all, so that
         * nothing whole can be lost by it. */
        enum life_state cut = life_next(from, LIFE_EVENT_CUT);
        assert_int_equal(cut, s <= LIFE_FLUSHING ? LIFE_ABORTING : s < LIFE_CLOSING ? LIFE_CLOSING : s);
        for (int e = 0; e < LIFE_EVENT_COUNT; e++) {
            enum life_state to = life_next(from, (enum life_event)e);
            /* The FIN comes after the look at the acknowledgements, which comes after the flush. */
            assert_true(to != LIFE_SHUTTING || s == LIFE_SHUTTING || (s == LIFE_ENDING && e == LIFE_EVENT_UNCONFIRMED));
            assert_true(to != LIFE_ENDING || s == LIFE_ENDING || (s == LIFE_FLUSHING && e == LIFE_EVENT_FLUSHED));
            assert_true(to != LIFE_LINGERING || s == LIFE_LINGERING || (s == LIFE_SHUTTING && e == LIFE_EVENT_SHUT));
            /* Output that is pending is never left to a plain close by a deadline. */
            assert_true(s != LIFE_FLUSHING || e != LIFE_EVENT_EXPIRED || to == LIFE_FLUSHING);
        }
    }
}

static void go(const enum life_event *events, size_t count, enum life_state expected)
{
    enum life_state at = LIFE_OPEN;
    for (size_t i = 0; i < count; i++)
        at = life_next(at, events[i]);
    assert_int_equal(at, expected);
}
#define GO(expected, ...)                                                                                              \
    go((const enum life_event[]){__VA_ARGS__},                                                                         \
       sizeof((const enum life_event[]){__VA_ARGS__}) / sizeof(enum life_event), expected)

static void usual_ways(void **state)
{
    (void)state;
    GO(LIFE_CLOSING, LIFE_EVENT_LAST, LIFE_EVENT_FLUSHED, LIFE_EVENT_CONFIRMED);
    GO(LIFE_LINGERING, LIFE_EVENT_LAST, LIFE_EVENT_FLUSHED, LIFE_EVENT_UNCONFIRMED, LIFE_EVENT_SHUT,
       LIFE_EVENT_UNCONFIRMED);
    GO(LIFE_CLOSING, LIFE_EVENT_LAST, LIFE_EVENT_FLUSHED, LIFE_EVENT_UNCONFIRMED, LIFE_EVENT_SHUT,
       LIFE_EVENT_CONFIRMED);
    GO(LIFE_CLOSING, LIFE_EVENT_LAST, LIFE_EVENT_FLUSHED, LIFE_EVENT_UNCONFIRMED, LIFE_EVENT_SHUT, LIFE_EVENT_EXPIRED);
    GO(LIFE_CLOSING, LIFE_EVENT_EXPIRED);
    GO(LIFE_FLUSHING, LIFE_EVENT_LAST, LIFE_EVENT_LAST, LIFE_EVENT_SHUT, LIFE_EVENT_CONFIRMED);
    GO(LIFE_OPEN, LIFE_EVENT_FLUSHED, LIFE_EVENT_SHUT, LIFE_EVENT_CONFIRMED, LIFE_EVENT_UNCONFIRMED);
}

static void prints(void **state)
{
    (void)state;
    char small[30], large[4096];
    int size = life_print(large, sizeof large);
    assert_int_equal(size, strlen(large));
    assert_non_null(strstr(large, "LINGERING --> CLOSING: CONFIRMED"));
    assert_null(strstr(large, "--> OPEN"));
    assert_int_equal(life_print(small, sizeof small), size);
    assert_int_equal(strlen(small), sizeof small - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_forward), cmocka_unit_test(rules),
                                       cmocka_unit_test(usual_ways), cmocka_unit_test(prints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
