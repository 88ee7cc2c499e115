/* Goal: the ledger's three texts tell the same, are well-formed and say whether it balances; method: a sample that
 * balances, then broken in each equation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/server.h>

#include "watch/json_check.h"

static weir_ledger sample(void)
{
    weir_ledger l = {.size = sizeof(weir_ledger), .accepted = 12, .alive = 2, .idle = 1, .exchanges_begun = 31};
    l.exchanges_done = 30;
    l.ended_by_code[WEIR_CODE_peer_reset_idle] = 9;
    l.ended_by_code[WEIR_CODE_bad_chunk] = 1;
    l.ended_by_stage[WEIR_STAGE_IDLE] = 9;
    l.ended_by_stage[WEIR_STAGE_BODY] = 1;
    l.ended_by_how[WEIR_HOW_RESET] = 9;
    l.ended_by_how[WEIR_HOW_ERROR] = 1;
    l.ended_by_by[WEIR_BY_PEER] = 10;
    l.ended_by_delivery[WEIR_DELIVERY_DELIVERED] = 10;
    l.ended_by_class[WEIR_CLASS_ROUTINE] = 9;
    l.ended_by_class[WEIR_CLASS_NOTABLE] = 1;
    l.exchanges_by_code[WEIR_CODE_complete] = 29;
    l.exchanges_by_code[WEIR_CODE_bad_chunk] = 1;
    l.exchanges_by_delivery[WEIR_DELIVERY_DELIVERED] = 30;
    l.responses_by_status[2] = 29;
    l.responses_by_status[4] = 1;
    l.octets_in = 5000;
    l.octets_queued = 4200;
    l.octets_acked = 4100;
    l.octets_in_flight = 100;
    return l;
}

static void test_json(void **state)
{
    (void)state;
    char text[8192];
    weir_ledger ledger = sample();
    int length = weir_ledger_json(&ledger, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_true(json_well_formed(text));
    assert_string_equal(
        text, "{\"accepted\":12,\"alive\":2,\"idle\":1,\"ended\":10,\"by_code\":{\"peer_reset_idle\":9,"
              "\"bad_chunk\":1},\"by_stage\":{\"body\":1,\"idle\":9},\"by_how\":{\"reset\":9,\"error\":1},"
              "\"by_by\":{\"peer\":10},\"by_delivery\":{\"delivered\":10},\"by_class\":{\"routine\":9,\"notable\":1},"
              "\"exchanges\":{\"begun\":31,\"alive\":1,\"done\":30,\"by_code\":{\"complete\":29,\"bad_chunk\":1},"
              "\"by_delivery\":{\"delivered\":30}},\"octets_in\":5000,\"octets_queued\":4200,\"octets_acked\":4100,"
              "\"octets_unacked\":0,\"octets_unsent\":0,\"octets_in_flight\":100,"
              "\"responses\":{\"2xx\":29,\"4xx\":1},\"accept_pauses\":0,\"accept_failures\":0,\"trailers_dropped\":0,"
              "\"balanced\":true}");
}

static void expect_imbalance(const weir_ledger *ledger, const char *sentence)
{
    char text[8192];
    (void)weir_ledger_json(ledger, text, sizeof(text));
    assert_true(json_well_formed(text));
    assert_non_null(strstr(text, "\"balanced\":false}"));
    (void)weir_ledger_text(ledger, text, sizeof(text));
    assert_non_null(strstr(text, sentence));
}

static void test_imbalance(void **state)
{
    (void)state;
    weir_ledger l = sample();
    l.alive = 3;
    expect_imbalance(&l, "does not balance: accepted is not alive + ended\n");
    l = sample();
    l.ended_by_how[0]++;
    expect_imbalance(&l, "does not balance: the tables of endings");
    l = sample();
    l.exchanges_done = 32;
    expect_imbalance(&l, "more exchanges done than begun");
    l = sample();
    l.accepted = 10;
    l.alive = 0;
    expect_imbalance(&l, "not all exchanges are done");
    l = sample();
    l.octets_unsent = 1;
    expect_imbalance(&l, "octets queued are not");
}

static void test_text(void **state)
{
    (void)state;
    char text[8192];
    weir_ledger ledger = sample();
    int length = weir_ledger_text(&ledger, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "  peer_reset_idle                           9  routine\n"));
    assert_non_null(strstr(text, "  bad_chunk                                 1  notable\n"));
    assert_null(strstr(text, "peer_fin_idle"));
    assert_null(strstr(text, "never sent"));
    const char *last = "the ledger balances\n";
    assert_string_equal(text + strlen(text) - strlen(last), last);
}

static void test_empty(void **state)
{
    (void)state;
    char text[8192];
    weir_ledger ledger = {.size = sizeof(ledger)};
    (void)weir_ledger_text(&ledger, text, sizeof(text));
    assert_string_equal(text, "connections accepted                        0\nthe ledger balances\n");
    (void)weir_ledger_json(&ledger, text, sizeof(text));
    assert_true(json_well_formed(text));
}

static void test_metrics(void **state)
{
    (void)state;
    char text[16384];
    weir_ledger ledger = sample();
    int length = weir_ledger_metrics(&ledger, text, sizeof(text));
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "# TYPE weir_connections_accepted counter\n"));
    assert_non_null(strstr(text, "\nweir_connections_accepted_total 12\n"));
    assert_non_null(strstr(text, "\nweir_connections_alive 2\n"));
    assert_non_null(strstr(text, "\nweir_connections_ended_total{code=\"bad_chunk\",class=\"notable\"} 1\n"));
    assert_non_null(strstr(text, "\nweir_connections_ended_class_total{class=\"bug\"} 0\n"));
    assert_non_null(strstr(text, "\nweir_responses_total{status=\"2xx\"} 29\n"));
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    assert_null(strstr(text, "\n\n"));
}

/* Each of the three, cut at every size, writes within its place and reports the same length. */
static void test_cut(void **state)
{
    (void)state;
    int (*const writers[])(const weir_ledger *, char *, size_t) = {weir_ledger_json, weir_ledger_text,
                                                                   weir_ledger_metrics};
    weir_ledger ledger = sample();
    for (size_t w = 0; w < 3; w++) {
        int whole = writers[w](&ledger, NULL, 0);
        for (size_t size = 1; size < (size_t)whole + 2; size += 7) {
            char *place = malloc(size);
            assert_int_equal(writers[w](&ledger, place, size), whole);
            assert_true(strlen(place) == (size > (size_t)whole ? (size_t)whole : size - 1));
            free(place);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),  cmocka_unit_test(test_imbalance), cmocka_unit_test(test_text),
        cmocka_unit_test(test_empty), cmocka_unit_test(test_metrics),   cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
