/* Goal: a client whose request is answered before it is out goes on with it where it was accepted, ceases where it
 * was not, and `done` says which. Method: one small story for each, with a server that is a script. */
#include <errno.h>

#include "conn/conn_drive.h"

#define ACCEPTED       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
#define ACCEPTED_LAST  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"
#define REFUSED        "HTTP/1.1 413 No\r\nContent-Length: 1\r\n\r\na"
#define REFUSED_LAST   "HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 1\r\n\r\n"
#define CONTENT        "0123456789"
#define CONTENT_SIZE   10
#define HEAD_AND(some) "Content-Length: 10\r\n\r\n" some

static weir_exchange_ending told;

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)x;
    told = *ending;
}

static struct drive *client(void)
{
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    d->script.done = on_done;
    drive_open(d);
    return d;
}

static const weir_request *put(weir_body body)
{
    static weir_request request;
    request = *WEIR_REQUEST(.method = WEIR_STR("PUT"), .target = WEIR_STR("/"), .host = WEIR_STR("a"), .body = body);
    return &request;
}

/* A body of ten octets of which five are out. */
static weir_exchange *half_out(struct drive *d)
{
    weir_exchange *x;
    assert_int_equal(drive_ask(d, put(weir_body_sized(CONTENT_SIZE)), &x), WEIR_OK);
    drive_step(d);
    assert_int_equal(weir_write(x, WEIR_STR("01234")), 5);
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, HEAD_AND("01234")));
    return x;
}

static void other_half(struct drive *d, weir_exchange *x)
{
    assert_int_equal(weir_write(x, WEIR_STR("56789")), 5);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, HEAD_AND(CONTENT)));
}

/* The response is whole, and the exchange is not over. */
static void must_go_on(struct drive *d)
{
    DRIVE_MUST(d, drive_logged(d, "end;") && d->dones == 0);
}

static void must_be_done(struct drive *d, weir_delivery delivery)
{
    DRIVE_MUST(d, d->dones == 1 && told.code == WEIR_CODE_complete && told.delivery == delivery &&
                      told.judged == WEIR_CLASS_ROUTINE && told.retry == WEIR_RETRY_PROCESSED);
}

static void ask_another(struct drive *d)
{
    DRIVE_MUST(d, weir_conn_is_idle(d->engine));
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/2"), .host = WEIR_STR("a")), NULL), WEIR_OK);
    drive_step(d);
    drive_send(d, ACCEPTED);
    DRIVE_MUST(d, d->dones == 2 && weir_conn_is_idle(d->engine));
}

/* --- accepted --------------------------------------------------------------------------------------------------- */

static void accepted(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    drive_send(d, ACCEPTED);
    must_go_on(d);
    drive_sleep(d, 600 * WEIR_SECOND); /* it is the application that takes its time */
    must_go_on(d);
    other_half(d, x);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    ask_another(d);
    drive_free(d);
}

/* All of it is written, and the transport has not taken it yet: what is borrowed is still needed. */
static void accepted_before_the_transport_took_it(void **state)
{
    (void)state;
    struct drive *d = client();
    d->write_left = 54; /* the head, and five of the content */
    assert_int_equal(drive_ask(d, put(weir_body_borrow(WEIR_STR(CONTENT))), NULL), WEIR_OK);
    drive_step(d);
    DRIVE_MUST(d, !drive_got(d, HEAD_AND(CONTENT)));
    drive_send(d, ACCEPTED);
    must_go_on(d);
    d->write_left = UINT64_MAX;
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, HEAD_AND(CONTENT)));
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    ask_another(d);
    drive_free(d);
}

static void accepted_with_another_behind(void **state)
{
    (void)state;
    struct drive *d = client();
    d->write_left = 54; /* the head, and five of the content */
    assert_int_equal(drive_ask(d, put(weir_body_borrow(WEIR_STR(CONTENT))), NULL), WEIR_OK);
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/2"), .host = WEIR_STR("a")), NULL), WEIR_OK);
    drive_step(d);
    drive_send(d, ACCEPTED);
    must_go_on(d);
    d->write_left = UINT64_MAX;
    drive_step(d);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    drive_send(d, ACCEPTED);
    DRIVE_MUST(d, d->dones == 2 && told.code == WEIR_CODE_complete && weir_conn_is_idle(d->engine));
    drive_free(d);
}

/* RFC 9112, 9.6: the server closes, and not before it has answered; it may read on all the same. */
static void accepted_with_close(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    drive_send(d, ACCEPTED_LAST);
    must_go_on(d);
    other_half(d, x);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    drive_fin(d);
    DRIVE_ENDED(d, closing, close_requested, delivered, routine);
    drive_free(d);
}

static void accepted_with_close_and_closed(void **state)
{
    (void)state;
    struct drive *d = client();
    (void)half_out(d);
    drive_send(d, ACCEPTED_LAST);
    must_go_on(d);
    drive_fin(d);
    must_be_done(d, WEIR_DELIVERY_PARTIAL);
    DRIVE_MUST(d, d->closed && !d->was_abort && d->ending.code == WEIR_CODE_close_requested);
    drive_free(d);
}

/* A FIN ends the server's side alone. */
static void accepted_and_half_closed(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    drive_send(d, ACCEPTED);
    drive_fin(d);
    must_go_on(d);
    other_half(d, x);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    DRIVE_ENDED(d, closing, peer_half_close, delivered, routine);
    drive_free(d);
}

/* The answer is whole: what becomes of the rest of the request does not take it away. */
static void accepted_and_left(void **state)
{
    (void)state;
    static const struct {
        bool fin;
        weir_direction direction;
        int os;
        weir_code code;
    } rows[] = {
        {false, WEIR_DIRECTION_IN, ECONNRESET, WEIR_CODE_peer_reset_in_response},
        {false, WEIR_DIRECTION_OUT, ECONNRESET, WEIR_CODE_close_after_response},
        {false, WEIR_DIRECTION_OUT, EPIPE, WEIR_CODE_close_after_response},
        {true, WEIR_DIRECTION_OUT, EPIPE, WEIR_CODE_peer_fin_in_response},
        {false, WEIR_DIRECTION_IN, ETIMEDOUT, WEIR_CODE_network_lost},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct drive *d = client();
        d->seed = i;
        (void)half_out(d);
        drive_send(d, ACCEPTED);
        if (rows[i].fin)
            drive_fin(d);
        must_go_on(d);
        d->transport_dead = true;
        drive_fail(d, rows[i].direction, rows[i].os);
        must_be_done(d, WEIR_DELIVERY_PARTIAL);
        DRIVE_MUST(d, d->closed && d->ending.code == rows[i].code);
        drive_free(d);
    }
}

/* A server that has answered and does not read: its answer is not cut by the clock of what we write. */
static void accepted_and_not_read(void **state)
{
    (void)state;
    for (int whole = 0; whole <= 1; whole++) {
        struct drive *d = drive_new();
        d->options.role = WEIR_ROLE_CLIENT;
        d->options.limits.body_rate_grace_ns = 600 * WEIR_SECOND;
        d->script.done = on_done;
        drive_open(d);
        weir_exchange *x = half_out(d);
        d->acks = false;
        d->acked = d->out.size;
        d->write_left = 0;
        assert_int_equal(weir_write(x, WEIR_STR("56789")), 5);
        drive_send(d, whole ? ACCEPTED : "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
        for (int i = 0; i < 8; i++) { /* forty seconds, of which the writing may take thirty */
            drive_sleep(d, 5 * WEIR_SECOND);
            DRIVE_MUST(d, whole || i == 7 || d->dones == 0);
            if (!whole)
                drive_send(d, "b");
        }
        must_be_done(d, WEIR_DELIVERY_PARTIAL);
        drive_free(d);
    }
}

/* What the application does to it is told as ever. */
static void accepted_and_given_up(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    drive_send(d, ACCEPTED);
    weir_exchange_abort(x);
    drive_step(d);
    DRIVE_MUST(d, d->dones == 1 && told.code == WEIR_CODE_aborted && d->was_abort);
    drive_free(d);

    d = client();
    x = half_out(d);
    drive_send(d, ACCEPTED);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_body_underrun);
    drive_step(d);
    DRIVE_MUST(d, d->dones == 1 && told.code == WEIR_CODE_body_underrun && d->was_abort);
    drive_free(d);
}

static void accepted_twice(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    drive_send(d, ACCEPTED ACCEPTED);
    must_go_on(d);
    other_half(d, x);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    DRIVE_MUST(d, d->closed && d->ending.code == WEIR_CODE_unexpected_octets);
    drive_free(d);
}

/* --- refused ---------------------------------------------------------------------------------------------------- */

static void refused(void **state)
{
    (void)state;
    struct drive *d = client();
    (void)half_out(d);
    drive_send(d, REFUSED);
    must_be_done(d, WEIR_DELIVERY_PARTIAL);
    DRIVE_ENDED(d, closing, close_after_response, none_owed, routine);
    drive_free(d);
}

/* RFC 9112, 9.5: it ceases at once, not when the answer is whole. */
static void refused_with_close(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    d->write_left = 2;
    assert_int_equal(weir_write(x, WEIR_STR("567")), 3);
    drive_step(d);
    drive_send(d, REFUSED_LAST);
    DRIVE_MUST(d, d->dones == 0 && (weir_conn_wants(d->engine) & WEIR_WANT_WRITE) == 0);
    d->write_left = UINT64_MAX;
    assert_int_equal(weir_write(x, WEIR_STR("7")), 0);
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, HEAD_AND("0123456")) && !drive_got(d, HEAD_AND("01234567")));
    drive_send(d, "a");
    must_be_done(d, WEIR_DELIVERY_PARTIAL);
    drive_fin(d);
    DRIVE_MUST(d, d->closed && !d->was_abort && d->ending.code == WEIR_CODE_close_requested);
    drive_free(d);
}

/* An error that comes when all is out keeps the connection. */
static void refused_too_late(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x = half_out(d);
    other_half(d, x);
    drive_send(d, REFUSED);
    must_be_done(d, WEIR_DELIVERY_UNCONFIRMED);
    ask_another(d);
    drive_free(d);
}

/* Content that waits for 100 was not asked for: neither an answer of any kind nor the time lets it go. */
static void not_asked_for(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_request request = *put(weir_body_borrow(WEIR_STR(CONTENT)));
    request.expect = true;
    assert_int_equal(drive_ask(d, &request, NULL), WEIR_OK);
    drive_step(d);
    drive_send(d, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    drive_sleep(d, 5 * WEIR_SECOND);
    weir_conn_tick(d->engine, d->now_ns);
    drive_step(d);
    DRIVE_MUST(d, d->dones == 0 && !drive_got(d, CONTENT));
    drive_send(d, "a");
    must_be_done(d, WEIR_DELIVERY_PARTIAL);
    DRIVE_ENDED(d, closing, close_after_response, none_owed, routine);
    drive_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),
        cmocka_unit_test(accepted_before_the_transport_took_it),
        cmocka_unit_test(accepted_with_another_behind),
        cmocka_unit_test(accepted_with_close),
        cmocka_unit_test(accepted_with_close_and_closed),
        cmocka_unit_test(accepted_and_half_closed),
        cmocka_unit_test(accepted_and_left),
        cmocka_unit_test(accepted_and_not_read),
        cmocka_unit_test(accepted_and_given_up),
        cmocka_unit_test(accepted_twice),
        cmocka_unit_test(refused),
        cmocka_unit_test(refused_with_close),
        cmocka_unit_test(refused_too_late),
        cmocka_unit_test(not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
