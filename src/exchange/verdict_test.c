/* Goal: what is expected is not an error, and what is lost never looks routine. Method: the table of the design row by
 * row, then every code with every delivery against the rules in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "exchange/verdict.h"

struct row {
    weir_code code;
    weir_delivery delivery;
    weir_class judged;
};

#define ROW(code, delivery, judged)                                                                                    \
    {                                                                                                                  \
        WEIR_CODE_##code, WEIR_DELIVERY_##delivery, WEIR_CLASS_##judged                                                \
    }

static const struct row rows[] = {
    ROW(peer_fin_unused, NONE_OWED, ROUTINE),
    ROW(peer_reset_unused, NONE_OWED, ROUTINE),
    ROW(peer_fin_idle, DELIVERED, ROUTINE),
    ROW(peer_reset_idle, DELIVERED, ROUTINE),
    ROW(peer_reset_idle, UNCONFIRMED, ROUTINE),
    ROW(peer_reset_closing, DELIVERED, ROUTINE),
    ROW(peer_reset_closing, UNCONFIRMED, ROUTINE),
    ROW(peer_half_close, DELIVERED, ROUTINE),
    ROW(exchange_limit, DELIVERED, ROUTINE),
    ROW(idle_timeout, DELIVERED, ROUTINE),
    ROW(drained, DELIVERED, ROUTINE),
    ROW(peer_fin_in_head, NONE_OWED, NOTABLE),
    ROW(peer_reset_in_body, NONE_OWED, NOTABLE),
    ROW(peer_fin_in_handler, LOST, NOTABLE),
    ROW(peer_reset_in_response, PARTIAL, NOTABLE),
    ROW(peer_reset_idle, LOST, NOTABLE),
    ROW(peer_fin_idle, PARTIAL, NOTABLE),
    ROW(bad_chunk, NONE_OWED, NOTABLE),
    ROW(head_timeout, NONE_OWED, NOTABLE),
    ROW(drained, LOST, FAULT),
    ROW(idle_timeout, PARTIAL, FAULT),
    ROW(close_by_application, LOST, FAULT),
    ROW(drain_timeout, LOST, FAULT),
    ROW(no_memory, LOST, FAULT),
    ROW(internal_error, NONE_OWED, BUG),
    ROW(bad_response, DELIVERED, BUG),
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        weir_class judged = verdict_class(row->code, row->delivery);
        if (judged != row->judged)
            fail_msg("%s, %s: %s", weir_code_name(row->code), weir_delivery_name(row->delivery),
                     weir_class_name(judged));
    }
}

static void rules(void **state)
{
    (void)state;
    for (int c = 0; c < WEIR_CODE_COUNT; c++) {
        weir_code code = (weir_code)c;
        weir_class best = verdict_class(code, WEIR_DELIVERY_DELIVERED);
        assert_true(weir_code_how(code) < WEIR_HOW_COUNT && weir_code_by(code) < WEIR_BY_COUNT);
        for (int d = 0; d < WEIR_DELIVERY_COUNT; d++) {
            weir_delivery delivery = (weir_delivery)d;
            weir_class judged = verdict_class(code, delivery);
            bool missed = delivery == WEIR_DELIVERY_PARTIAL || delivery == WEIR_DELIVERY_LOST;
            assert_false(missed && judged == WEIR_CLASS_ROUTINE);
            /* What did not arrive never makes it better; what arrived is as the code says. */
            assert_true(missed ? judged >= best : judged == best);
            assert_false(best == WEIR_CLASS_ROUTINE && missed && weir_code_by(code) == WEIR_BY_PEER &&
                         judged != WEIR_CLASS_NOTABLE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
