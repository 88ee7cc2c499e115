/* Goal: a client's connection asks ahead in order, holds content for 100, reads on when it may not write on, and
 * says of a request that failed what is certain of it. Method: one small story for each, with a server that is a
 * script, and the kernel's receipts as the script wants them. */
#include <errno.h>

#include "conn/conn.h"
#include "conn/conn_drive.h"

#define OK_A  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
#define OK_B  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"
#define CLOSE "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"

static char endings[1024]; /* "code/retry;" of each exchange */

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)x;
    size_t used = strlen(endings);
    snprintf(endings + used, sizeof endings - used, "%s/%s;", weir_code_name(ending->code),
             weir_retry_name(ending->retry));
}

static struct drive *client(void)
{
    struct drive *d = drive_new();
    endings[0] = '\0';
    d->options.role = WEIR_ROLE_CLIENT;
    d->script.done = on_done;
    drive_open(d);
    return d;
}

static weir_exchange *ask(struct drive *d, weir_str target)
{
    weir_exchange *x;
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = target, .host = WEIR_STR("a")), &x), WEIR_OK);
    return x;
}

/* --- ahead ------------------------------------------------------------------------------------------------------ */

static void answers_go_to_who_asked(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *first = ask(d, WEIR_STR("/1"));
    weir_exchange *second = ask(d, WEIR_STR("/2"));
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\n"));
    DRIVE_MUST(d, d->writes == 1);
    drive_send(d, OK_A);
    DRIVE_MUST(d, d->x == NULL && d->dones == 1 && drive_logged(d, "body a") && first != second);
    ask(d, WEIR_STR("/3"));
    drive_step(d);
    drive_send(d, OK_B OK_A);
    DRIVE_MUST(d, d->dones == 3 && drive_logged(d, "body b"));
    assert_string_equal(endings, "complete/processed;complete/processed;complete/processed;");
    DRIVE_MUST(d, weir_conn_is_idle(d->engine));
    drive_free(d);
}

static void what_may_not_be_asked_ahead(void **state)
{
    (void)state;
    const weir_str post = WEIR_STR("POST"), target = WEIR_STR("/"), host = WEIR_STR("a");
    const weir_request *requests[] = {
        WEIR_REQUEST(.method = post, .target = target, .host = host, .body = weir_body_stream()),
        WEIR_REQUEST(.method = post, .target = target, .host = host, .body = weir_body_sized(3)),
        WEIR_REQUEST(.method = post, .target = target, .host = host, .body = weir_body_copy(target), .expect = true),
        WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("a:1"), .host = WEIR_STR("a:1")),
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct drive *d = client();
        ask(d, WEIR_STR("/1"));
        assert_int_equal(drive_ask(d, requests[i], NULL), WEIR_CODE_misuse); /* behind another */
        drive_step(d);
        drive_send(d, OK_A);
        weir_exchange *x;
        assert_int_equal(drive_ask(d, requests[i], &x), WEIR_OK);
        weir_code code = drive_ask(d, WEIR_REQUEST(.target = target, .host = host), NULL);
        assert_int_equal(code, WEIR_CODE_misuse); /* before another */
        drive_free(d);
    }
}

static void prepared_once_asked_often(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_prepared *prepared;
    const weir_request *request = WEIR_REQUEST(.method = WEIR_STR("POST"), .target = WEIR_STR("/"),
                                               .host = WEIR_STR("a"), .body = weir_body_copy(WEIR_STR("xyz")));
    assert_int_equal(weir_prepare(&prepared, d->config, request), WEIR_OK);
    drive_look_beside(d);
    for (int i = 0; i < 20; i++) {
        weir_exchange *x;
        assert_int_equal(weir_conn_request_prepared(d->engine, prepared, d, &x, d->now_ns), WEIR_OK);
        assert_ptr_equal(weir_exchange_user(x), d);
        d->begun++;
    }
    drive_step(d);
    DRIVE_MUST(d, drive_count(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxyz") == 20);
    for (int i = 0; i < 20; i++)
        drive_send(d, OK_A);
    DRIVE_MUST(d, d->dones == 20);
    weir_prepared_free(prepared);

    const weir_request *stream =
        WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"), .body = weir_body_stream());
    assert_int_equal(weir_prepare(&prepared, d->config, stream), WEIR_CODE_misuse);
    assert_null(prepared);
    drive_free(d);
}

static void handler_of_its_own(void **state)
{
    (void)state;
    static const weir_handler other = WEIR_HANDLER(.head = drive_on_head, .done = drive_on_done);
    struct drive *d = client(), *o = client();
    weir_exchange *x;
    o->begun = 1;
    assert_int_equal(
        drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"), .handler = &other, .app = o), &x),
        WEIR_OK);
    drive_step(d);
    drive_send(d, OK_A);
    DRIVE_MUST(d, d->dones == 0 && o->dones == 1 && drive_logged(o, "head 200; done complete"));
    d->dones = 1; /* as drive_free counts them */
    o->begun = o->dones = 0;
    drive_free(d);
    drive_free(o);
}

/* --- the number of exchanges ------------------------------------------------------------------------------------ */

static void last_one_says_close(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    endings[0] = '\0';
    d->options.role = WEIR_ROLE_CLIENT;
    d->options.limits.exchange_count_max = 2;
    drive_open(d);
    d->acks = true;
    ask(d, WEIR_STR("/1"));
    ask(d, WEIR_STR("/2"));
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/3"), .host = WEIR_STR("a")), NULL),
                     WEIR_CODE_misuse);
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    DRIVE_MUST(d, drive_count(d, "Connection: close") == 1);
    drive_send(d, OK_A OK_B);
    DRIVE_ENDED(d, closing, exchange_limit, delivered, routine);
    drive_free(d);
}

/* --- Expect ----------------------------------------------------------------------------------------------------- */

#define EXPECTING(kind)                                                                                                \
    WEIR_REQUEST(.method = WEIR_STR("PUT"), .target = WEIR_STR("/"), .host = WEIR_STR("a"), .expect = true,            \
                 .body = (kind), .expect_timeout_ns = 3 * WEIR_SECOND)

/* Who gives the field too does not send it twice. */
static void expectation_is_said_once(void **state)
{
    (void)state;
    struct drive *d = client();
    const weir_request *request =
        WEIR_REQUEST(.method = WEIR_STR("PUT"), .target = WEIR_STR("/"), .host = WEIR_STR("a"), .expect = true,
                     .fields = WEIR_FIELDS({WEIR_STR("expect"), WEIR_STR("100-continue")}),
                     .body = weir_body_borrow(WEIR_STR("content")));
    assert_int_equal(drive_ask(d, request, NULL), WEIR_OK);
    drive_step(d);
    DRIVE_MUST(d, drive_count(d, "100-continue") == 1 && !drive_got(d, "content"));
    drive_free(d);
}

static void content_waits_for_100(void **state)
{
    (void)state;
    char octets[] = "content";
    struct drive *d = client();
    weir_exchange *x;
    assert_int_equal(drive_ask(d, EXPECTING(weir_body_copy((weir_str){octets, 7})), &x), WEIR_OK);
    memset(octets, '!', sizeof octets); /* it was copied */
    drive_step(d);
    DRIVE_MUST(d, drive_got(d, "Content-Length: 7\r\nExpect: 100-continue\r\n\r\n") && !drive_got(d, "content"));
    drive_send(d, "HTTP/1.1 103 Early Hints\r\n\r\n");
    DRIVE_MUST(d, !drive_got(d, "content"));
    drive_send(d, "HTTP/1.1 100 Continue\r\n\r\n");
    DRIVE_MUST(d, drive_got(d, "\r\n\r\ncontent"));
    drive_send(d, OK_A);
    assert_string_equal(endings, "complete/processed;");
    DRIVE_MUST(d, weir_conn_is_idle(d->engine));
    drive_free(d);
}

static void content_goes_when_nobody_says_100(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x;
    assert_int_equal(drive_ask(d, EXPECTING(weir_body_borrow(WEIR_STR("content"))), &x), WEIR_OK);
    drive_step(d);
    drive_sleep(d, 3 * WEIR_SECOND - 1);
    DRIVE_MUST(d, !drive_got(d, "content"));
    drive_sleep(d, 1);
    DRIVE_MUST(d, drive_got(d, "\r\n\r\ncontent"));
    drive_send(d, OK_A);
    assert_string_equal(endings, "complete/processed;");
    drive_free(d);
}

static void write_content(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(weir_write(x, WEIR_STR("content")), 7);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

static void stream_waits_for_100(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x;
    d->script.room = write_content;
    assert_int_equal(drive_ask(d, EXPECTING(weir_body_stream()), &x), WEIR_OK);
    drive_step(d);
    assert_int_equal(weir_write(x, WEIR_STR("early")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("early")), WEIR_CODE_misuse);
    drive_send(d, "HTTP/1.1 100 Continue\r\n\r\n");
    DRIVE_MUST(d, drive_got(d, "\r\n\r\n7\r\ncontent\r\n0\r\n\r\n"));
    drive_send(d, OK_A);
    assert_string_equal(endings, "complete/processed;");
    drive_free(d);
}

static void final_answer_instead_of_100(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_exchange *x;
    d->acks = true;
    assert_int_equal(drive_ask(d, EXPECTING(weir_body_borrow(WEIR_STR("content"))), &x), WEIR_OK);
    drive_step(d);
    drive_send(d, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    DRIVE_MUST(d, drive_logged(d, "head 417") && !drive_got(d, "content"));
    assert_string_equal(endings, "complete/processed;");
    /* What follows on it would be taken for the content that was promised. */
    DRIVE_ENDED(d, closing, close_after_response, none_owed, routine);
    drive_free(d);
}

/* Its content is copied when it is asked, and sent when the 100 comes: memory may be short at either. */
static void expectation_without_memory(void **state)
{
    (void)state;
    static char content[40000];
    bool enough = false;
    memset(content, 'c', sizeof content);
    for (unsigned kind = 0; kind < 2; kind++) {
        enough = false;
        for (size_t n = 1; !enough; n++) {
            const weir_str octets = {content, sizeof content};
            struct drive *d = client();
            weir_exchange *x;
            d->acks = true;
            d->memory.fail_at = d->memory.calls + n;
            weir_code code = drive_ask(d, EXPECTING(kind == 0 ? weir_body_copy(octets) : weir_body_borrow(octets)), &x);
            drive_step(d);
            if (code == WEIR_OK && d->engine != NULL)
                drive_send(d, "HTTP/1.1 100 Continue\r\n\r\n");
            enough = d->memory.calls < d->memory.fail_at;
            DRIVE_MUST(d, n < 100 && (enough ? drive_count(d, "cccc") == sizeof content - 3
                                             : d->engine == NULL || code == WEIR_CODE_no_memory || d->starved));
            drive_free(d);
        }
    }
}

/* --- reading on ------------------------------------------------------------------------------------------------- */

static void answer_after_a_failed_write(void **state)
{
    (void)state;
    static const int errors[] = {EPIPE, ECONNRESET};
    for (size_t i = 0; i < 2; i++) {
        struct drive *d = client();
        weir_exchange *x;
        const weir_request *request = WEIR_REQUEST(.method = WEIR_STR("PUT"), .target = WEIR_STR("/"),
                                                   .host = WEIR_STR("a"), .body = weir_body_sized(1000000));
        assert_int_equal(drive_ask(d, request, &x), WEIR_OK);
        drive_step(d);
        assert_true(weir_write(x, WEIR_STR("some octets")) == 11);
        d->write_left = 0;
        weir_conn_tick(d->engine, d->now_ns);
        weir_conn_failed(d->engine, WEIR_DIRECTION_OUT, errors[i], d->now_ns);
        DRIVE_MUST(d, (weir_conn_wants(d->engine) & (WEIR_WANT_READ | WEIR_WANT_WRITE)) == WEIR_WANT_READ);
        assert_int_equal(weir_write(x, WEIR_STR("more")), 0);
        assert_int_equal(weir_write_borrow(x, WEIR_STR("more")), WEIR_OK); /* taken, as it says, and dropped */
        assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
        assert_int_equal(drive_ask(d, request, NULL), WEIR_CODE_misuse);
        d->transport_dead = true;
        drive_send(d, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        DRIVE_MUST(d, drive_logged(d, "head 413; body no"));
        assert_string_equal(endings, "complete/processed;");
        DRIVE_ENDED(d, closing, close_after_response, none_owed, routine);
        drive_free(d);
    }
}

/* Each request has its place in the accounts, those too that nobody answered. */
static void deliveries_of_requests(void **state)
{
    (void)state;
    struct drive *d = client();
    d->acks = false;
    ask(d, WEIR_STR("/1"));
    drive_step(d);
    d->acked = d->out.size;
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_ENDED(d, handler, peer_reset_in_handler, unconfirmed, notable);
    const uint64_t *by_delivery = d->config->totals.exchanges_by_delivery;
    assert_int_equal(by_delivery[WEIR_DELIVERY_DELIVERED], 1);
    assert_int_equal(by_delivery[WEIR_DELIVERY_UNCONFIRMED], 1);
    drive_free(d);
}

/* The write took the error of the reset with it, and the read then finds an end: it is no FIN, and says nothing of
 * what the server took before it. */
static void reset_by_a_write_is_no_fin(void **state)
{
    (void)state;
    static const struct row {
        int os;
        const char *ends;
    } rows[] = {{EPIPE, "peer_fin_idle/not_processed;"}, {ECONNRESET, "peer_reset_in_handler/maybe_processed;"}};
    for (size_t i = 0; i < 2; i++) {
        struct drive *d = client();
        weir_exchange *x;
        assert_int_equal(drive_ask(d,
                                   WEIR_REQUEST(.method = WEIR_STR("PUT"), .target = WEIR_STR("/"),
                                                .host = WEIR_STR("a"), .body = weir_body_sized(1000000)),
                                   &x),
                         WEIR_OK);
        d->acks = false;
        drive_step(d);
        assert_true(weir_write(x, WEIR_STR("some octets")) == 11);
        d->write_left = 0;
        weir_conn_failed(d->engine, WEIR_DIRECTION_OUT, rows[i].os, d->now_ns);
        d->transport_dead = true;
        drive_fin(d);
        assert_string_equal(endings, rows[i].ends);
        drive_free(d);
    }
}

static void nothing_after_a_failed_write(void **state)
{
    (void)state;
    struct drive *d = client();
    ask(d, WEIR_STR("/"));
    d->write_left = 0;
    weir_conn_failed(d->engine, WEIR_DIRECTION_OUT, ECONNRESET, d->now_ns);
    DRIVE_MUST(d, d->dones == 0);
    d->transport_dead = true;
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    assert_string_equal(endings, "peer_reset_in_handler/not_sent;");
    drive_free(d);
}

/* --- what is certain of a request ------------------------------------------------------------------------------- */

/* An exchange, and the server leaves in the moment that another request is under way. */
static struct drive *used(void)
{
    struct drive *d = client();
    d->acks = true;
    ask(d, WEIR_STR("/1"));
    drive_step(d);
    drive_send(d, OK_A);
    d->acked = d->out.size;
    d->acks = false;
    endings[0] = '\0';
    return d;
}

static void closed_before_it_came(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    ask(d, WEIR_STR("/3"));
    drive_step(d);
    d->transport_dead = true; /* a reset answered what was sent to a socket that was closed */
    drive_fin(d);
    assert_string_equal(endings, "peer_fin_idle/not_processed;peer_fin_idle/not_processed;");
    DRIVE_ENDED(d, idle, peer_fin_idle, delivered, routine);
    assert_int_equal(d->ending.retry, WEIR_RETRY_NOT_PROCESSED);
    drive_free(d);
}

static void closed_when_it_had_come(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    d->acked = d->out.size; /* the FIN acknowledged it: the server had it when it closed */
    drive_fin(d);
    assert_string_equal(endings, "peer_fin_in_handler/maybe_processed;");
    drive_free(d);
}

static void reset_tells_nothing(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    d->transport_dead = true;
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    assert_string_equal(endings, "peer_reset_in_handler/maybe_processed;");
    drive_free(d);
}

static void verdict_waits_for_the_receipt(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_fin(d);
    DRIVE_MUST(d, endings[0] == '\0'); /* neither acknowledged nor refused yet */
    d->transport_dead = true;
    drive_sleep(d, 100 * WEIR_MS);
    assert_string_equal(endings, "peer_fin_idle/not_processed;");
    drive_free(d);

    d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_fin(d);
    d->acked = d->out.size;
    drive_sleep(d, 100 * WEIR_MS);
    assert_string_equal(endings, "peer_fin_in_handler/maybe_processed;");
    drive_free(d);

    d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_fin(d);
    drive_sleep(d, 5 * WEIR_SECOND); /* a network that swallows all: it is bounded */
    assert_string_equal(endings, "peer_fin_in_handler/maybe_processed;");
    drive_free(d);
}

static void close_was_said_before_it(void **state)
{
    (void)state;
    struct drive *d = client();
    d->acks = true;
    ask(d, WEIR_STR("/1"));
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_send(d, CLOSE);
    drive_fin(d);
    assert_string_equal(endings, "complete/processed;close_requested/not_processed;");
    drive_free(d);
}

static void an_interim_answer_is_a_sign(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    drive_step(d);
    drive_send(d, "HTTP/1.1 103 Early Hints\r\n\r\n");
    d->transport_dead = true;
    drive_fin(d);
    assert_string_equal(endings, "peer_fin_in_handler/maybe_processed;");
    drive_free(d);
}

static void half_a_head_is_no_request(void **state)
{
    (void)state;
    struct drive *d = used();
    ask(d, WEIR_STR("/2"));
    d->write_left = 10;
    drive_step(d);
    d->transport_dead = true;
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    assert_string_equal(endings, "peer_reset_in_handler/not_processed;");
    drive_free(d);
}

/* --- time, and what is not HTTP --------------------------------------------------------------------------------- */

static void no_answer_in_time(void **state)
{
    (void)state;
    struct drive *d = client();
    ask(d, WEIR_STR("/"));
    drive_step(d);
    drive_expire(d, 60 * WEIR_SECOND);
    assert_string_equal(endings, "response_timeout/maybe_processed;");
    DRIVE_MUST(d, d->closed && d->was_abort);
    drive_free(d);
}

/* Interim responses put the time off if that is asked for, and in no case else, in however many pieces they come. */
static void interim_and_time(void **state)
{
    static const char hint[] = "HTTP/1.1 103 Early Hints\r\n\r\n";
    (void)state;
    for (int pieces = 1; pieces <= 3; pieces++) {
        for (int restarts = 0; restarts <= 1; restarts++) {
            struct drive *d = drive_new();
            endings[0] = '\0';
            d->options.role = WEIR_ROLE_CLIENT;
            d->options.interim_restarts_wait = restarts;
            d->script.done = on_done;
            drive_open(d);
            ask(d, WEIR_STR("/"));
            drive_step(d);
            uint64_t due_ns = weir_conn_deadline(d->engine);
            for (int i = 0; i < 3; i++) {
                d->now_ns += 5 * WEIR_SECOND;
                for (int k = 0; k < pieces; k++) {
                    char part[64];
                    size_t size = sizeof hint - 1, from = size * (size_t)k / (size_t)pieces;
                    size_t to = size * ((size_t)k + 1) / (size_t)pieces;
                    (void)snprintf(part, sizeof part, "%.*s", (int)(to - from), hint + from);
                    drive_send(d, part);
                }
                assert_int_equal(weir_conn_deadline(d->engine), restarts ? d->now_ns + 60 * WEIR_SECOND : due_ns);
            }
            drive_send(d, OK_A);
            assert_string_equal(endings, "complete/processed;");
            drive_free(d);
        }
    }
}

/* That the content was refused ahead makes no answer of none. */
static void no_answer_and_no_content_wanted(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_body_refuse(ask(d, WEIR_STR("/")));
    drive_step(d);
    drive_expire(d, 60 * WEIR_SECOND);
    assert_string_equal(endings, "response_timeout/maybe_processed;");
    DRIVE_MUST(d, d->closed && d->was_abort);
    drive_free(d);
}

static void content_refused_ahead(void **state)
{
    (void)state;
    struct drive *d = client();
    weir_body_refuse(ask(d, WEIR_STR("/")));
    drive_step(d);
    drive_send(d, OK_A);
    DRIVE_MUST(d, drive_logged(d, "head 200; done complete") && weir_conn_is_idle(d->engine));
    drive_free(d);
}

static void tls_is_named(void **state)
{
    (void)state;
    struct drive *d = client();
    ask(d, WEIR_STR("/"));
    drive_step(d);
    drive_send_octets(d, "\x15\x03\x01\x00\x02\x02\x46", 7);
    assert_string_equal(endings, "tls_on_plain/maybe_processed;");
    drive_free(d);
}

/* Thousands of folds, a line at a time: each look at the head costs as much as the head is long, so there may be
 * few. */
static void folds_are_not_looked_at_one_by_one(void **state)
{
    (void)state;
    for (int whole = 0; whole <= 1; whole++) {
        struct drive *d = client();
        ask(d, WEIR_STR("/"));
        drive_step(d);
        drive_send(d, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nA: b\r\n");
        for (unsigned i = 0; i < (whole ? 10000 : 30000) && d->dones == 0; i++) {
            drive_send(d, " \r\n");
            if (d->engine != NULL && d->engine->work != NULL)
                DRIVE_MUST(d, d->engine->work->h1.looks <= 2100);
        }
        if (whole)
            drive_send(d, "\r\na");
        assert_string_equal(endings, whole ? "complete/processed;" : "head_too_large/maybe_processed;");
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_go_to_who_asked),
        cmocka_unit_test(what_may_not_be_asked_ahead),
        cmocka_unit_test(prepared_once_asked_often),
        cmocka_unit_test(handler_of_its_own),
        cmocka_unit_test(last_one_says_close),
        cmocka_unit_test(expectation_is_said_once),
        cmocka_unit_test(content_waits_for_100),
        cmocka_unit_test(content_goes_when_nobody_says_100),
        cmocka_unit_test(stream_waits_for_100),
        cmocka_unit_test(final_answer_instead_of_100),
        cmocka_unit_test(expectation_without_memory),
        cmocka_unit_test(answer_after_a_failed_write),
        cmocka_unit_test(deliveries_of_requests),
        cmocka_unit_test(reset_by_a_write_is_no_fin),
        cmocka_unit_test(nothing_after_a_failed_write),
        cmocka_unit_test(closed_before_it_came),
        cmocka_unit_test(closed_when_it_had_come),
        cmocka_unit_test(reset_tells_nothing),
        cmocka_unit_test(verdict_waits_for_the_receipt),
        cmocka_unit_test(close_was_said_before_it),
        cmocka_unit_test(an_interim_answer_is_a_sign),
        cmocka_unit_test(half_a_head_is_no_request),
        cmocka_unit_test(no_answer_in_time),
        cmocka_unit_test(interim_and_time),
        cmocka_unit_test(no_answer_and_no_content_wanted),
        cmocka_unit_test(content_refused_ahead),
        cmocka_unit_test(tls_is_named),
        cmocka_unit_test(folds_are_not_looked_at_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
