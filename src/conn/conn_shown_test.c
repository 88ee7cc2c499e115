/* Goal: a client's exchange shows a response's head when it is whole, and nothing else that was in that memory. Method:
 * heads in pieces and heads that are wrong, and a look at each function after each piece. */
#include "conn/conn.h"
#include "conn/conn_drive.h"

static weir_exchange *ask(struct drive *d)
{
    weir_exchange *x;
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/1"), .host = WEIR_STR("a")), &x), WEIR_OK);
    drive_step(d);
    return x;
}

/* Nothing is shown of a head until it is whole, and nothing of a request by who asked: what was parsed of the one
 * points to octets that move, and of the other there is nothing. */
static void shows_nothing(const weir_exchange *x)
{
    assert_int_equal(weir_response_status(x), 0);
    assert_int_equal(weir_exchange_version(x), 0);
    assert_int_equal(weir_response_reason(x).len, 0);
    assert_int_equal(weir_exchange_fields(x).count, 0);
}

static void shows_no_target(const weir_exchange *x)
{
    assert_int_equal(weir_request_method(x).len, 0);
    assert_int_equal(weir_request_target(x).len, 0);
    assert_int_equal(weir_request_path(x).len, 0);
    assert_int_equal(weir_request_query(x).len, 0);
    assert_int_equal(weir_request_authority(x).len, 0);
}

static void head_is_shown_when_whole(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    weir_exchange *x = ask(d);
    shows_nothing(x);
    drive_send(d, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: 1\r\nY");
    shows_nothing(x);
    shows_no_target(x);
    drive_send(d, ": 2\r\n\r\n");
    assert_int_equal(weir_response_status(x), 200);
    assert_int_equal(weir_exchange_fields(x).count, 3);
    shows_no_target(x);
    drive_send(d, "a");
    DRIVE_MUST(d, d->dones == 1);
    drive_free(d);
}

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)ending;
    shows_nothing(x);
    shows_no_target(x);
}

static void bad_head_is_not_shown(void **state)
{
    static const char *const bad[] = {"HTTP/1.1 200 OK\r\nX: 1\r\nY Z\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                      "HTTP/1.1 101 Switching\r\nX: 1\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct drive *d = drive_new();
        d->script.done = on_done;
        (void)ask(d);
        drive_send(d, bad[i]);
        DRIVE_MUST(d, d->dones == 1);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_is_shown_when_whole),
        cmocka_unit_test(bad_head_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
