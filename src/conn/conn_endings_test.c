/* Goal: each way in which a client leaves is told as what it was: stage, cause, delivery, class. Method: the truth
 * table of the design, row by row, a client in memory and receipts fed by hand; and what a server ends by itself. */
#include <errno.h>

#include "conn/conn_drive.h"

#define GET       "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CLOSE "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define HALF_POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"

static struct drive *serve(void (*head)(struct drive *d, weir_exchange *x))
{
    struct drive *d = drive_new();
    d->script.head = head;
    drive_open(d);
    return d;
}

/* --- the peer leaves -------------------------------------------------------------------------------------------- */

static void unused(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, unused, peer_reset_unused, none_owed, routine);
    assert_int_equal(d->ending.os, ECONNRESET);
    drive_free(d);

    d = serve(drive_answer);
    drive_fin(d);
    drive_sleep(d, 60 * WEIR_SECOND);
    DRIVE_ENDED(d, unused, peer_fin_unused, none_owed, routine);
    drive_free(d);
}

static void idle_after_an_answer(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, idle, peer_reset_idle, delivered, routine);
    drive_free(d);

    /* Five answers; the acknowledgement of the last is still delayed when the reset comes. */
    d = serve(drive_answer);
    d->acks = false;
    for (int i = 0; i < 5; i++) {
        d->acked = d->out.size;
        drive_send(d, GET);
    }
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, idle, peer_reset_idle, unconfirmed, routine);
    assert_int_equal(d->ending.octets_acked, d->out.size / 5 * 4);
    drive_free(d);

    d = serve(drive_answer);
    drive_send(d, GET);
    drive_fin(d);
    DRIVE_ENDED(d, idle, peer_fin_idle, delivered, routine);
    assert_false(d->was_abort);
    drive_free(d);
}

static void after_close_was_agreed(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    drive_send(d, GET_CLOSE);
    /* All is acknowledged and no request can come: nothing to wait for. */
    DRIVE_ENDED(d, closing, close_requested, delivered, routine);
    assert_false(d->shut);
    drive_free(d);

    d = serve(drive_answer);
    d->acks = false;
    drive_send(d, GET_CLOSE);
    assert_true(d->shut && !d->closed);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, closing, close_requested, unconfirmed, routine);
    drive_free(d);

    /* It had left before, and only the last receipt says so: it was within the answer, whatever was agreed. */
    d = serve(NULL);
    d->acks = false;
    drive_send(d, GET_CLOSE);
    drive_fin(d);
    drive_answer(d, d->x);
    d->transport_dead = true;
    drive_step(d);
    DRIVE_ENDED(d, handler, peer_fin_in_handler, lost, notable);
    drive_free(d);
}

static void truncated_requests(void **state)
{
    (void)state;
    struct drive *d = serve(NULL);
    drive_send(d, HALF_POST);
    drive_fin(d);
    drive_sleep(d, 60 * WEIR_SECOND);
    DRIVE_ENDED(d, body, peer_fin_in_body, none_owed, notable);
    assert_true(drive_logged(d, "done peer_fin_in_body none_owed"));
    drive_free(d);

    d = serve(NULL);
    drive_send(d, HALF_POST);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, body, peer_reset_in_body, none_owed, notable);
    drive_free(d);

    d = serve(NULL);
    drive_send(d, "GET / HT");
    drive_fin(d);
    drive_sleep(d, 60 * WEIR_SECOND);
    DRIVE_ENDED(d, head, peer_fin_in_head, none_owed, notable);
    drive_free(d);
}

static void begin_until_close(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream()), WEIR_OK);
    assert_int_equal(weir_write(x, WEIR_STR("half")), 4);
}

/* The end of the connection would be the end of such an answer: only a reset says that it is not whole. */
static void cut_within_an_answer_until_close(void **state)
{
    (void)state;
    for (unsigned old = 0; old < 2; old++) {
        struct drive *d = serve(begin_until_close);
        drive_send(d, old > 0 ? "POST / HTTP/1.0\r\nContent-Length: 10\r\n\r\n12345" : HALF_POST);
        DRIVE_MUST(d, drive_got(d, "half"));
        drive_fin(d);
        drive_sleep(d, 60 * WEIR_SECOND);
        assert_int_equal(d->ending.code, WEIR_CODE_peer_fin_in_body);
        assert_true(d->was_abort == (old > 0));
        drive_free(d);
    }
}

/* A whole request, FIN, and the client waits: legal, and it gets its answer. */
static void half_close_is_served(void **state)
{
    (void)state;
    struct drive *d = serve(NULL);
    drive_send(d, GET);
    drive_fin(d);
    assert_true(drive_logged(d, "fin;") && !d->closed);
    drive_answer(d, d->x);
    drive_step(d);
    assert_true(drive_got(d, "200 OK") && drive_got(d, "hello"));
    DRIVE_ENDED(d, closing, peer_half_close, delivered, routine);
    assert_true(drive_logged(d, "done complete"));
    drive_free(d);
}

/* The same on a connection that has served before, one after another or pipelined: which exchange it is changes
 * nothing. */
static void half_close_is_served_later_too(void **state)
{
    (void)state;
    static const struct {
        unsigned before;
        bool pipelined, chunked;
    } rows[] = {{1, false, false}, {1, true, false}, {2, false, true}, {7, true, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct drive *d = serve(drive_answer);
        d->seed = i;
        for (unsigned n = 0; n < rows[i].before; n++) {
            if (rows[i].pipelined)
                drive_append(&d->inbox, GET, sizeof GET - 1);
            else
                drive_send(d, GET);
        }
        drive_step(d);
        DRIVE_MUST(d, d->begun == rows[i].before && d->dones == rows[i].before);
        d->script.head = NULL;
        drive_send(d,
                   rows[i].chunked ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" : GET);
        drive_fin(d);
        DRIVE_MUST(d, drive_logged(d, "fin;") && !d->closed && !d->shut && d->dones == rows[i].before);
        drive_sleep(d, WEIR_SECOND); /* the handler takes its time */
        DRIVE_MUST(d, !d->closed && !d->shut && d->x != NULL);
        drive_answer(d, d->x);
        drive_step(d);
        DRIVE_MUST(d, drive_count(d, "hello") == rows[i].before + 1 && d->dones == rows[i].before + 1);
        DRIVE_ENDED(d, closing, peer_half_close, delivered, routine);
        assert_int_equal(d->ending.exchanges_done, rows[i].before + 1);
        drive_free(d);
    }
}

static void left_before_the_answer(void **state)
{
    (void)state;
    /* FIN, then our answer meets a reset. */
    struct drive *d = serve(NULL);
    d->acks = false;
    drive_send(d, GET);
    drive_fin(d);
    drive_answer(d, d->x);
    d->transport_dead = true;
    drive_step(d);
    DRIVE_ENDED(d, handler, peer_fin_in_handler, lost, notable);
    drive_free(d);

    d = serve(NULL);
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, handler, peer_reset_in_handler, lost, notable);
    assert_true(drive_logged(d, "done peer_reset_in_handler lost"));
    drive_free(d);

    d = serve(NULL);
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_OUT, EPIPE);
    DRIVE_ENDED(d, handler, peer_fin_in_handler, lost, notable);
    drive_free(d);
}

static void left_within_the_answer(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    d->write_left = 10;
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_OUT, ECONNRESET);
    DRIVE_ENDED(d, response, peer_reset_in_response, partial, notable);
    assert_int_equal(d->ending.octets_out, 10);
    assert_true(d->ending.octets_unsent > 0);
    drive_free(d);

    /* Pipelined forty, closed after the first octets. */
    d = serve(drive_answer);
    d->write_left = 60;
    for (int i = 0; i < 40; i++)
        drive_append(&d->inbox, GET, sizeof GET - 1);
    drive_step(d);
    assert_int_equal(d->begun, 40);
    drive_fail(d, WEIR_DIRECTION_OUT, ECONNRESET);
    DRIVE_ENDED(d, response, peer_reset_in_response, lost, notable);
    assert_int_equal(d->dones, 40);
    drive_free(d);
}

static void network_and_kernel(void **state)
{
    (void)state;
    static const struct row {
        int os;
        weir_code code;
        weir_class judged;
    } rows[] = {
        {ETIMEDOUT, WEIR_CODE_network_lost, WEIR_CLASS_NOTABLE},
        {EHOSTUNREACH, WEIR_CODE_network_lost, WEIR_CLASS_NOTABLE},
        {ENOBUFS, WEIR_CODE_no_memory, WEIR_CLASS_FAULT},
        {EBADF, WEIR_CODE_internal_error, WEIR_CLASS_BUG},
        {EIO, WEIR_CODE_system_error, WEIR_CLASS_FAULT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct drive *d = serve(NULL);
        drive_send(d, GET);
        drive_fail(d, WEIR_DIRECTION_OUT, rows[i].os);
        assert_int_equal(d->ending.code, rows[i].code);
        assert_int_equal(d->ending.judged, rows[i].judged);
        assert_int_equal(d->ending.os, rows[i].os);
        assert_int_equal(d->ending.delivery, WEIR_DELIVERY_LOST);
        drive_free(d);
    }
    /* Half an answer would pass for a whole one; where nothing is under way there is nothing to cut. */
    for (unsigned asked = 0; asked < 2; asked++) {
        struct drive *d = serve(NULL);
        drive_send(d, asked > 0 ? GET : "GET / HT");
        drive_fail(d, WEIR_DIRECTION_IN, ENOMEM);
        assert_true(d->was_abort == (asked > 0));
        drive_free(d);
    }
}

static void nobody_tells(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    d->receipts_unknown = true;
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, idle, peer_reset_idle, unknown, routine);
    drive_free(d);
}

/* --- we end it -------------------------------------------------------------------------------------------------- */

static void drained(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    drive_send(d, GET);
    weir_conn_drain(d->engine, d->now_ns);
    drive_step(d);
    assert_true(d->shut);
    drive_fin(d);
    DRIVE_ENDED(d, idle, drained, delivered, routine);
    drive_free(d);

    /* Within a handler: told, and the answer says close. */
    d = serve(NULL);
    drive_send(d, GET);
    weir_conn_drain(d->engine, d->now_ns);
    drive_step(d);
    assert_true(drive_logged(d, "drain;") && !d->closed);
    drive_answer(d, d->x);
    drive_step(d);
    assert_true(drive_got(d, "Connection: close\r\n"));
    drive_fin(d);
    DRIVE_ENDED(d, closing, drained, delivered, routine);
    drive_free(d);

    /* Within a head: that request is still served. */
    d = serve(drive_answer);
    drive_send(d, "GET / HTTP/1.1\r\n");
    weir_conn_drain(d->engine, d->now_ns);
    drive_step(d);
    drive_send(d, "Host: a\r\n\r\n");
    assert_true(drive_got(d, "Connection: close\r\n") && d->shut);
    drive_fin(d);
    DRIVE_ENDED(d, closing, drained, delivered, routine);
    drive_free(d);
}

static void stopped(void **state)
{
    (void)state;
    struct drive *d = serve(NULL);
    drive_send(d, GET);
    weir_conn_stop(d->engine, WEIR_CODE_drain_timeout, d->now_ns);
    drive_step(d);
    assert_true(d->was_abort);
    DRIVE_ENDED(d, handler, drain_timeout, lost, fault);
    char trace[128];
    weir_trace_format(trace, sizeof trace, d->ending.trace);
    assert_string_equal(trace, "op:stop");
    drive_free(d);

    d = serve(drive_answer);
    drive_send(d, GET);
    weir_conn_stop(d->engine, WEIR_CODE_idle_reclaimed, d->now_ns);
    drive_step(d);
    assert_false(d->was_abort);
    DRIVE_ENDED(d, idle, idle_reclaimed, delivered, routine);
    weir_trace_format(trace, sizeof trace, d->ending.trace);
    assert_string_equal(trace, "life:policy");
    drive_free(d);
}

static void aborted(void **state)
{
    (void)state;
    struct drive *d = serve(NULL);
    drive_send(d, GET);
    weir_exchange_abort(d->x);
    drive_step(d);
    assert_true(d->was_abort);
    DRIVE_ENDED(d, handler, aborted, lost, notable);
    drive_free(d);
}

static void malformed(void **state)
{
    (void)state;
    struct drive *d = serve(drive_answer);
    drive_send(d, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    assert_true(drive_got(d, "HTTP/1.1 400 Bad Request\r\n") && drive_got(d, "Connection: close\r\n") && d->shut);
    assert_int_equal(d->begun, 0);
    drive_fin(d);
    DRIVE_ENDED(d, head, bad_field_name, none_owed, notable);
    drive_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unused),
        cmocka_unit_test(idle_after_an_answer),
        cmocka_unit_test(after_close_was_agreed),
        cmocka_unit_test(truncated_requests),
        cmocka_unit_test(cut_within_an_answer_until_close),
        cmocka_unit_test(half_close_is_served),
        cmocka_unit_test(half_close_is_served_later_too),
        cmocka_unit_test(left_before_the_answer),
        cmocka_unit_test(left_within_the_answer),
        cmocka_unit_test(network_and_kernel),
        cmocka_unit_test(nobody_tells),
        cmocka_unit_test(drained),
        cmocka_unit_test(stopped),
        cmocka_unit_test(aborted),
        cmocka_unit_test(malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
