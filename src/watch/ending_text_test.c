/* Goal: an ending reads as documented, well-formed and within its bound; method: one whole sample, and the extremes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <weir/ending.h>

#include "base/trace.h"
#include "watch/json_check.h"

static weir_ending sample(void)
{
    return (weir_ending){
        .id = 7,
        .stage = WEIR_STAGE_RESPONSE,
        .how = WEIR_HOW_RESET,
        .by = WEIR_BY_PEER,
        .code = WEIR_CODE_peer_reset_in_response,
        .delivery = WEIR_DELIVERY_PARTIAL,
        .judged = WEIR_CLASS_NOTABLE,
        .os = ECONNRESET,
        .trace = BASE_TRACE_FD_RCV_ERR | (BASE_TRACE_H1_TRUNCATED << 8),
        .peer = {.family = AF_INET, .port = 43210, .octets = {127, 0, 0, 1}},
        .local = {.family = AF_INET, .port = 8080, .octets = {127, 0, 0, 1}},
        .exchanges_begun = 3,
        .exchanges_done = 3,
        .octets_in = 100,
        .octets_out = 5000,
        .octets_acked = 4000,
        .octets_unsent = 600,
        .octets_unread = 1,
        .began_unix_ns = UINT64_C(951782399000000000),
        .lived_ns = 12034567,
    };
}

static void test_json(void **state)
{
    (void)state;
    char text[WEIR_ENDING_TEXT_MAX];
    weir_ending ending = sample();
    size_t length = weir_ending_json(text, &ending);
    assert_int_equal(length, strlen(text));
    assert_true(json_well_formed(text));
    assert_string_equal(
        text, "{\"time\":\"2000-02-28T23:59:59.012Z\",\"id\":7,\"role\":\"server\",\"peer\":\"127.0.0.1:43210\","
              "\"local\":\"127.0.0.1:8080\",\"stage\":\"response\",\"how\":\"reset\",\"by\":\"peer\","
              "\"code\":\"peer_reset_in_response\",\"delivery\":\"partial\",\"class\":\"notable\",\"exchanges\":3,"
              "\"exchanges_done\":3,\"octets_in\":100,\"octets_out\":5000,\"octets_acked\":4000,"
              "\"octets_unsent\":600,\"octets_unread\":1,\"lived_ms\":12.034,\"os\":\"ECONNRESET\","
              "\"trace\":\"fd:rcv_err > h1:truncated\"}");
}

static void test_logfmt(void **state)
{
    (void)state;
    char text[WEIR_ENDING_TEXT_MAX];
    weir_ending ending = sample();
    size_t length = weir_ending_logfmt(text, &ending);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, "code=peer_reset_in_response stage=response how=reset by=peer delivery=partial "
                              "class=notable id=7 role=server peer=127.0.0.1:43210 local=127.0.0.1:8080 exchanges=3 "
                              "exchanges_done=3 octets_in=100 octets_out=5000 octets_acked=4000 octets_unsent=600 "
                              "octets_unread=1 lived_ms=12.034 os=ECONNRESET trace=\"fd:rcv_err > h1:truncated\"");
}

static void test_client_and_no_errno(void **state)
{
    (void)state;
    char text[WEIR_ENDING_TEXT_MAX];
    weir_ending ending = sample();
    ending.role = WEIR_ROLE_CLIENT;
    ending.retry = WEIR_RETRY_MAYBE_PROCESSED;
    ending.os = 0;
    ending.trace = 0;
    ending.lived_ns = 0;
    (void)weir_ending_json(text, &ending);
    assert_true(json_well_formed(text));
    assert_non_null(strstr(text, "\"role\":\"client\""));
    assert_non_null(strstr(text, "\"retry\":\"maybe_processed\""));
    assert_non_null(strstr(text, "\"lived_ms\":0.000,\"os\":\"0\",\"trace\":\"-\"}"));
    ending.os = 4711;
    (void)weir_ending_json(text, &ending);
    assert_non_null(strstr(text, "\"os\":\"4711\""));
}

/* The longest that can be: no text may come near the bound, since it is never cut. */
static void test_bound(void **state)
{
    (void)state;
    char text[WEIR_ENDING_TEXT_MAX];
    weir_ending ending;
    memset(&ending, 0xff, sizeof(ending));
    ending.role = WEIR_ROLE_CLIENT;
    ending.stage = WEIR_STAGE_RESPONSE;
    ending.retry = WEIR_RETRY_MAYBE_PROCESSED;
    ending.delivery = WEIR_DELIVERY_UNCONFIRMED;
    ending.os = EPROTONOSUPPORT;
    ending.trace = UINT32_C(0x01010101) * BASE_TRACE_CLOCK_DEADLINE;
    ending.peer.family = ending.local.family = AF_INET6;
    for (unsigned code = 0; code < WEIR_CODE_COUNT; code++) {
        ending.code = (weir_code)code;
        assert_true(weir_ending_json(text, &ending) < WEIR_ENDING_TEXT_MAX - 100);
        assert_true(json_well_formed(text));
        assert_true(weir_ending_logfmt(text, &ending) < WEIR_ENDING_TEXT_MAX - 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_logfmt),
        cmocka_unit_test(test_client_and_no_errno),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
