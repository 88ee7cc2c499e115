/* Goal: each deadline of the table of limits is there, at its number, and does what it says; a nanosecond before it
 * does nothing. Method: what weir_conn_deadline says after a little story, a tick just before, a tick at it, and the
 * ending. */
#include "conn/conn_drive.h"

#define GET       "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
#define GET_CLOSE "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static struct drive *served(void (*head)(struct drive *d, weir_exchange *x))
{
    struct drive *d = drive_new();
    d->script.head = head;
    return d;
}

static struct drive *opened(void (*head)(struct drive *d, weir_exchange *x))
{
    struct drive *d = served(head);
    drive_open(d);
    return d;
}

static void later(struct drive *d, uint64_t ns)
{
    DRIVE_MUST(d, weir_conn_deadline(d->engine) > d->now_ns + ns);
    d->now_ns += ns;
}

static void must_answer(struct drive *d, const char *status, const char *code)
{
    char start[64];
    snprintf(start, sizeof start, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n", status);
    DRIVE_MUST(d, drive_count(d, "HTTP/1.1 ") == 1 && d->out.size > strlen(start));
    DRIVE_MUST(d, memcmp(d->out.octets, start, strlen(start)) == 0);
    DRIVE_MUST(d, drive_got(d, "Connection: close\r\n\r\n") && drive_got(d, code) && d->shut && !d->closed);
    drive_fin(d);
}

/* --- before and between exchanges ------------------------------------------------------------------------------- */

static void first_octet(void **state)
{
    (void)state;
    struct drive *d = opened(NULL);
    drive_expire(d, 10 * WEIR_SECOND);
    DRIVE_MUST(d, d->out.size == 0 && !d->was_abort);
    DRIVE_ENDED(d, unused, first_octet_timeout, none_owed, routine);
    drive_free(d);

    /* Not of a client: it has connected for something, and may wait. */
    d = served(NULL);
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    drive_expire(d, 60 * WEIR_SECOND);
    drive_fin(d);
    assert_string_equal(weir_code_name(d->ending.code), "idle_timeout");
    drive_free(d);
}

static void idle(void **state)
{
    (void)state;
    struct drive *d = opened(drive_answer);
    later(d, 9 * WEIR_SECOND);
    drive_send(d, GET);
    later(d, 59 * WEIR_SECOND);
    drive_send(d, GET);
    drive_expire(d, 60 * WEIR_SECOND);
    DRIVE_MUST(d, d->shut && !d->closed && drive_count(d, "HTTP/1.1 ") == 2);
    drive_fin(d);
    DRIVE_ENDED(d, idle, idle_timeout, delivered, routine);
    drive_free(d);

    /* Room asked for and given back is no octet. */
    d = opened(drive_answer);
    drive_send(d, GET);
    d->now_ns += 30 * WEIR_SECOND;
    size_t size;
    assert_non_null(weir_conn_reserve(d->engine, &size));
    weir_conn_received(d->engine, 0, d->now_ns);
    drive_expire(d, 30 * WEIR_SECOND);
    drive_free(d);
}

/* --- heads ------------------------------------------------------------------------------------------------------ */

static void head(void **state)
{
    (void)state;
    struct drive *d = opened(drive_answer);
    d->now_ns += 3 * WEIR_SECOND;
    drive_send(d, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 8; i++) { /* octets do not refresh it */
        later(d, WEIR_SECOND);
        drive_send(d, "A: b\r\n");
    }
    drive_expire(d, 2 * WEIR_SECOND);
    must_answer(d, "408 Request Timeout", "408 head_timeout");
    DRIVE_ENDED(d, head, head_timeout, none_owed, notable);
    assert_int_equal(d->begun, 0);
    drive_free(d);

    /* A second one has its own time. */
    d = opened(drive_answer);
    drive_send(d, GET);
    d->now_ns += 20 * WEIR_SECOND;
    drive_send(d, "G");
    drive_expire(d, 10 * WEIR_SECOND);
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 408 "));
    drive_free(d);

    /* One CRLF before a request is part of it. */
    d = opened(drive_answer);
    drive_send(d, "\r\n");
    drive_expire(d, 10 * WEIR_SECOND);
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 408 "));
    drive_free(d);
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */

static char plenty[60000];

static void body_silence(void **state)
{
    (void)state;
    struct drive *d = opened(NULL);
    drive_send(d, POST);
    later(d, 20 * WEIR_SECOND);
    memset(plenty, 'x', sizeof plenty);
    drive_send_octets(d, plenty, sizeof plenty); /* that pays for a long time */
    drive_expire(d, 30 * WEIR_SECOND);
    must_answer(d, "408 Request Timeout", "408 body_timeout");
    DRIVE_ENDED(d, body, body_timeout, none_owed, notable);
    DRIVE_MUST(d, drive_logged(d, "done body_timeout none_owed"));
    drive_free(d);
}

static void body_rate(void **state)
{
    (void)state;
    struct drive *d = opened(NULL);
    drive_send(d, POST);
    for (int i = 0; i < 29; i++) {
        later(d, WEIR_SECOND);
        drive_send(d, "abc");
    }
    drive_expire(d, WEIR_SECOND);
    must_answer(d, "408 Request Timeout", "408 body_too_slow");
    DRIVE_ENDED(d, body, body_too_slow, none_owed, notable);
    drive_free(d);

    /* Just fast enough: each octet pays for 1/240 of a second, the head for nothing. */
    d = opened(NULL);
    drive_send(d, POST);
    for (int i = 0; i < 40; i++) {
        drive_send_octets(d, plenty, 240);
        later(d, WEIR_SECOND - 1);
        d->now_ns++;
    }
    drive_send_octets(d, plenty, 24);
    drive_expire(d, WEIR_SECOND / 10);
    assert_true(drive_got(d, "408 body_too_slow"));
    drive_free(d);
}

static size_t take_nothing(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    (void)x;
    (void)octets;
    return 0;
}

/* While it is the application that does not take, the peer is not to blame; afterwards its time begins anew. */
static void body_that_is_held(void **state)
{
    (void)state;
    struct drive *d = served(NULL);
    d->script.body = take_nothing;
    drive_open(d);
    drive_send(d, POST "abc");
    assert_int_equal(weir_conn_deadline(d->engine), WEIR_NEVER);
    d->now_ns += 1000 * WEIR_SECOND;
    d->script.body = NULL;
    weir_body_resume(d->x);
    drive_step(d);
    drive_expire(d, 30 * WEIR_SECOND);
    DRIVE_MUST(d, drive_got(d, "408 Request Timeout"));
    drive_free(d);
}

static void respond_sized(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(10));
    (void)weir_write(x, WEIR_STR("hel"));
}

/* After the answer began there is no 408; that it is short tells the peer. */
static void body_with_an_answer_begun(void **state)
{
    (void)state;
    struct drive *d = opened(respond_sized);
    drive_send(d, POST);
    drive_expire(d, 30 * WEIR_SECOND);
    DRIVE_MUST(d, drive_count(d, "HTTP/1.1 ") == 1 && drive_got(d, "hel") && d->shut);
    drive_fin(d);
    DRIVE_ENDED(d, body, body_timeout, none_owed, notable);
    drive_free(d);
}

static void refuse(struct drive *d, weir_exchange *x)
{
    weir_body_refuse(x);
    drive_answer(d, x);
}

/* A refused body is not waited for longer than a wanted one, and its answer stands. */
static void body_that_nobody_wants(void **state)
{
    (void)state;
    struct drive *d = opened(refuse);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    drive_expire(d, 30 * WEIR_SECOND);
    DRIVE_MUST(d, drive_count(d, "HTTP/1.1 ") == 1 && drive_got(d, "hello") && d->shut);
    drive_fin(d);
    DRIVE_ENDED(d, closing, close_after_response, delivered, routine);
    drive_free(d);
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static void answer_largely(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){plenty, sizeof plenty}));
}

static void write_progress(void **state)
{
    (void)state;
    struct drive *d = opened(answer_largely);
    d->write_left = 1000;
    drive_send(d, GET);
    for (int i = 0; i < 5; i++) { /* each octet is progress */
        drive_sleep(d, 29 * WEIR_SECOND);
        d->write_left = 1;
        drive_step(d);
    }
    drive_sleep(d, 23 * WEIR_SECOND);
    drive_expire(d, 7 * WEIR_SECOND);
    DRIVE_MUST(d, d->was_abort);
    DRIVE_ENDED(d, response, write_timeout, partial, notable);
    drive_free(d);

    /* While the last answers of a connection are flushed too. */
    d = opened(answer_largely);
    d->write_left = 1000;
    drive_send(d, GET_CLOSE);
    drive_sleep(d, 23 * WEIR_SECOND);
    drive_expire(d, 7 * WEIR_SECOND);
    DRIVE_MUST(d, d->was_abort);
    assert_string_equal(weir_code_name(d->ending.code), "write_timeout");
    drive_free(d);
}

/* The kernel takes nothing, and the peer reads what it has been given. */
static void slow_reader(void **state)
{
    (void)state;
    struct drive *d = opened(answer_largely);
    d->acks = false;
    d->write_left = 1000;
    drive_send(d, GET);
    for (int i = 0; i < 20; i++) {
        drive_sleep(d, 20 * WEIR_SECOND);
        d->acked += 10;
    }
    DRIVE_MUST(d, !d->closed);
    drive_sleep(d, 60 * WEIR_SECOND);
    DRIVE_ENDED(d, response, write_timeout, partial, notable);
    drive_free(d);
}

/* It is we who were stopped for longer than the timeout: that the peer takes nothing must be seen, not taken for
 * granted. */
static void write_after_a_stop(void **state)
{
    (void)state;
    struct drive *d = opened(answer_largely);
    d->acks = false;
    d->write_left = 1000;
    drive_send(d, GET);
    d->now_ns += 3600 * WEIR_SECOND;
    for (int i = 0; i < 3; i++) {
        weir_conn_tick(d->engine, d->now_ns);
        drive_step(d);
        DRIVE_MUST(d, !d->closed);
    }
    drive_sleep(d, 20 * WEIR_SECOND);
    d->acked += 10;
    drive_sleep(d, 20 * WEIR_SECOND);
    DRIVE_MUST(d, !d->closed);
    drive_sleep(d, 20 * WEIR_SECOND);
    DRIVE_ENDED(d, response, write_timeout, partial, notable);
    drive_free(d);
}

static void handler(void **state)
{
    (void)state;
    struct drive *d = served(NULL);
    d->options.limits.handler_timeout_ns = 7 * WEIR_SECOND;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    later(d, 20 * WEIR_SECOND);
    drive_send(d, "abc");
    drive_expire(d, 7 * WEIR_SECOND);
    must_answer(d, "503 Service Unavailable", "503 handler_timeout");
    DRIVE_ENDED(d, handler, handler_timeout, delivered, fault);
    DRIVE_MUST(d, drive_logged(d, "done handler_timeout"));
    drive_free(d);

    /* Begun in time it may go on as long as it likes. */
    d = served(respond_sized);
    d->options.limits.handler_timeout_ns = 7 * WEIR_SECOND;
    drive_open(d);
    drive_send(d, GET);
    assert_int_equal(weir_conn_deadline(d->engine), WEIR_NEVER);
    drive_free(d);
}

static void tunnel(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_tunnel());
}

static void tunnel_silence(void **state)
{
    (void)state;
    struct drive *d = served(tunnel);
    d->options.limits.tunnel_timeout_ns = 100 * WEIR_SECOND;
    drive_open(d);
    drive_send(d, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    later(d, 99 * WEIR_SECOND);
    drive_send(d, "in");
    later(d, 99 * WEIR_SECOND);
    (void)weir_write(d->x, WEIR_STR("out"));
    drive_step(d);
    drive_expire(d, 100 * WEIR_SECOND);
    DRIVE_MUST(d, d->was_abort);
    assert_string_equal(weir_code_name(d->ending.code), "idle_timeout");
    assert_string_equal(weir_stage_name(d->ending.stage), "tunnel");
    drive_free(d);
}

/* --- after our FIN ---------------------------------------------------------------------------------------------- */

static struct drive *lingering(void (*set)(weir_limits *limits))
{
    struct drive *d = served(drive_answer);
    if (set != NULL)
        set(&d->options.limits);
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\n\r\n"); /* 400: it may go on sending */
    DRIVE_MUST(d, d->shut && !d->closed);
    return d;
}

static void linger(void **state)
{
    (void)state;
    struct drive *d = lingering(NULL);
    drive_expire(d, 5 * WEIR_SECOND); /* silence */
    DRIVE_ENDED(d, head, missing_host, none_owed, notable);
    DRIVE_MUST(d, !d->was_abort);
    drive_free(d);

    d = lingering(NULL); /* all of it */
    for (int i = 0; i < 7; i++) {
        later(d, 4 * WEIR_SECOND);
        drive_send(d, "x");
    }
    drive_expire(d, 2 * WEIR_SECOND);
    DRIVE_ENDED(d, head, missing_host, none_owed, notable);
    drive_free(d);

    d = lingering(NULL); /* the peer's FIN ends it at once */
    drive_fin(d);
    DRIVE_MUST(d, d->closed);
    drive_free(d);
}

static void small_linger(weir_limits *limits)
{
    limits->linger_size_max = 1000;
}

/* What is read and dropped has a bound: then nothing is read any more, and the wait is short. */
static void linger_size(void **state)
{
    (void)state;
    struct drive *d = lingering(small_linger);
    drive_send_octets(d, plenty, 999);
    DRIVE_MUST(d, weir_conn_wants(d->engine) & WEIR_WANT_READ);
    drive_send_octets(d, plenty, 1);
    DRIVE_MUST(d, !(weir_conn_wants(d->engine) & WEIR_WANT_READ));
    drive_send_octets(d, plenty, 50000);
    drive_expire(d, 500 * WEIR_MS);
    assert_int_equal(d->ending.octets_unread, 50000);
    drive_free(d);
}

/* --- age, drain, clocks ----------------------------------------------------------------------------------------- */

static void age(void **state)
{
    (void)state;
    const uint64_t limit = 40 * WEIR_SECOND;
    uint64_t least = UINT64_MAX, most = 0;
    struct drive *d = served(drive_answer);
    d->options.limits.age_max_ns = limit;
    d->options.limits.idle_timeout_ns = WEIR_UNLIMITED;
    for (int i = 0; i < 300; i++) {
        uint64_t began_ns = d->now_ns;
        d->shut = d->closed = d->fin_queued = d->fin_read = false;
        d->out.size = d->inbox.size = d->inbox_at = 0;
        d->begun = d->dones = 0;
        drive_open(d);
        drive_send(d, GET);
        uint64_t due_ns = weir_conn_deadline(d->engine) - began_ns;
        DRIVE_MUST(d, due_ns > limit - limit / 10 - 1 && due_ns <= limit);
        least = due_ns < least ? due_ns : least;
        most = due_ns > most ? due_ns : most;
        if (i % 2 == 0) {
            drive_expire(d, due_ns); /* idle: closed */
            DRIVE_MUST(d, d->shut);
        } else {
            d->now_ns += due_ns; /* a request at that moment is served, and is the last */
            drive_send(d, GET);
            DRIVE_MUST(d, drive_count(d, "200 OK") == 2 && drive_count(d, "Connection: close\r\n") == 1 && d->shut);
        }
        drive_fin(d);
        assert_string_equal(weir_code_name(d->ending.code), "age_limit");
    }
    /* They do not go together. */
    DRIVE_MUST(d, most - least > limit / 20);
    drive_free(d);
}

/* One that was used a moment ago is given the chance to use its last answer to say close. */
static void age_while_busy(void **state)
{
    (void)state;
    struct drive *d = served(drive_answer);
    d->options.limits.age_max_ns = 10 * WEIR_SECOND;
    drive_open(d);
    drive_send(d, GET);
    d->now_ns = weir_conn_deadline(d->engine) - WEIR_MS;
    drive_send(d, GET);
    drive_expire(d, 250 * WEIR_MS);
    DRIVE_MUST(d, d->shut);
    drive_free(d);
}

static void drained(void **state)
{
    (void)state;
    struct drive *d = opened(drive_answer);
    drive_send(d, GET);
    weir_conn_drain(d->engine, d->now_ns);
    drive_step(d);
    DRIVE_MUST(d, d->shut && !d->closed);
    drive_expire(d, WEIR_SECOND); /* nothing was under way: no long wait */
    DRIVE_ENDED(d, idle, drained, delivered, routine);
    drive_free(d);
}

/* A machine that slept: whatever was due is done, once, and nothing overflows. */
static void far_ahead(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "G", POST, GET, GET_CLOSE};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct drive *d = opened(drive_answer);
        d->seed = i;
        drive_send(d, texts[i]);
        for (int n = 0; n < 4 && d->engine != NULL; n++) {
            d->now_ns = UINT64_MAX - 10 + (uint64_t)n;
            weir_conn_tick(d->engine, d->now_ns);
            drive_step(d);
        }
        DRIVE_MUST(d, d->shut || d->closed);
        drive_free(d);
    }
}

static void unlimited(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "G", POST "abc", GET, "GET / HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < 2 * sizeof texts / sizeof texts[0]; i++) {
        struct drive *d = served(i % 2 == 0 ? drive_answer : NULL);
        weir_limits *limits = &d->options.limits;
        limits->first_octet_timeout_ns = limits->head_timeout_ns = limits->idle_timeout_ns = WEIR_UNLIMITED;
        limits->body_timeout_ns = limits->body_rate_min = limits->write_timeout_ns = WEIR_UNLIMITED;
        limits->linger_silence_ns = limits->linger_timeout_ns = limits->linger_size_max = WEIR_UNLIMITED;
        limits->body_rate_grace_ns = WEIR_UNLIMITED;
        drive_open(d);
        d->seed = i;
        drive_send(d, texts[i / 2]);
        DRIVE_MUST(d, weir_conn_deadline(d->engine) == WEIR_NEVER);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_octet),
        cmocka_unit_test(idle),
        cmocka_unit_test(head),
        cmocka_unit_test(body_silence),
        cmocka_unit_test(body_rate),
        cmocka_unit_test(body_that_is_held),
        cmocka_unit_test(body_with_an_answer_begun),
        cmocka_unit_test(body_that_nobody_wants),
        cmocka_unit_test(write_progress),
        cmocka_unit_test(slow_reader),
        cmocka_unit_test(write_after_a_stop),
        cmocka_unit_test(handler),
        cmocka_unit_test(tunnel_silence),
        cmocka_unit_test(linger),
        cmocka_unit_test(linger_size),
        cmocka_unit_test(age),
        cmocka_unit_test(age_while_busy),
        cmocka_unit_test(drained),
        cmocka_unit_test(far_ahead),
        cmocka_unit_test(unlimited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
