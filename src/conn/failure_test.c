/* Goal: an error of the transport becomes the code of the stage, and what it shows of the peer is kept. Method: a
 * table of errno and stage, and two failures in turn. */
#include "conn/failure.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct row {
    int os;
    weir_stage stage;
    weir_code code;
    bool fin, reset; /* is known to have come */
};

static void test_codes(void **state)
{
    static const struct row rows[] = {
        {ECONNRESET, WEIR_STAGE_UNUSED, WEIR_CODE_peer_reset_unused, false, true},
        {ECONNRESET, WEIR_STAGE_HEAD, WEIR_CODE_peer_reset_in_head, false, true},
        {ECONNRESET, WEIR_STAGE_BODY, WEIR_CODE_peer_reset_in_body, false, true},
        {ECONNRESET, WEIR_STAGE_HANDLER, WEIR_CODE_peer_reset_in_handler, false, true},
        {ECONNABORTED, WEIR_STAGE_RESPONSE, WEIR_CODE_peer_reset_in_response, false, true},
        {ECONNRESET, WEIR_STAGE_IDLE, WEIR_CODE_peer_reset_idle, false, true},
        {ECONNRESET, WEIR_STAGE_TUNNEL, WEIR_CODE_peer_reset_tunnel, false, true},
        {ECONNRESET, WEIR_STAGE_CLOSING, WEIR_CODE_peer_reset_closing, false, true},
        {EPIPE, WEIR_STAGE_UNUSED, WEIR_CODE_peer_fin_unused, true, false},
        {EPIPE, WEIR_STAGE_HEAD, WEIR_CODE_peer_fin_in_head, true, false},
        {EPIPE, WEIR_STAGE_BODY, WEIR_CODE_peer_fin_in_body, true, false},
        {EPIPE, WEIR_STAGE_HANDLER, WEIR_CODE_peer_fin_in_handler, true, false},
        {0, WEIR_STAGE_RESPONSE, WEIR_CODE_peer_fin_in_response, true, false},
        {ENOTCONN, WEIR_STAGE_IDLE, WEIR_CODE_peer_fin_idle, true, false},
        {EPIPE, WEIR_STAGE_TUNNEL, WEIR_CODE_peer_fin_tunnel, true, false},
        {ETIMEDOUT, WEIR_STAGE_RESPONSE, WEIR_CODE_network_lost, false, false},
        {EHOSTUNREACH, WEIR_STAGE_IDLE, WEIR_CODE_network_lost, false, false},
        {ENOMEM, WEIR_STAGE_BODY, WEIR_CODE_no_memory, false, false},
        {ENOBUFS, WEIR_STAGE_BODY, WEIR_CODE_no_memory, false, false},
        {EBADF, WEIR_STAGE_BODY, WEIR_CODE_internal_error, false, false},
        {EPROTO, WEIR_STAGE_BODY, WEIR_CODE_system_error, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct engine_facts facts = {.id = 1};
        assert_int_equal(failure_code(&facts, rows[i].os, rows[i].stage), rows[i].code);
        assert_int_equal(facts.fin_seen, rows[i].fin);
        assert_int_equal(facts.reset_seen, rows[i].reset);
        assert_int_equal(facts.fin_before_answer, rows[i].fin && rows[i].stage == WEIR_STAGE_HANDLER);
    }
}

/* Where the peer was when its FIN came does not change by what fails later. */
static void test_first_fin(void **state)
{
    struct engine_facts facts = {.id = 1};
    (void)state;
    assert_int_equal(failure_code(&facts, EPIPE, WEIR_STAGE_RESPONSE), WEIR_CODE_peer_fin_in_response);
    assert_int_equal(failure_code(&facts, EPIPE, WEIR_STAGE_HANDLER), WEIR_CODE_peer_fin_in_handler);
    assert_false(facts.fin_before_answer);
    facts = (struct engine_facts){.id = 1};
    assert_int_equal(failure_code(&facts, EPIPE, WEIR_STAGE_HANDLER), WEIR_CODE_peer_fin_in_handler);
    assert_int_equal(failure_code(&facts, EPIPE, WEIR_STAGE_RESPONSE), WEIR_CODE_peer_fin_in_handler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_first_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
