/* Goal: what stands before a final answer, or in its place, is right: interim answers, 100 (Continue), switches of
 * protocol and CONNECT; and heads are shown and sent as they were given. Method: stories with every octet compared. */
#include "conn/conn.h"
#include "conn/conn_drive.h"

#define GET    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define EXPECT "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
#define GO_ON  "HTTP/1.1 100 Continue\r\n\r\n"
#define EMPTY  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define WRONG                                                                                                          \
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 59\r\n\r\n"                     \
    "500 bad_response: the application's answer may not be sent\n"

static void must_out(const struct drive *d, const char *text)
{
    size_t size = strlen(text);
    DRIVE_MUST(d, d->out.size == size && (size == 0 || memcmp(d->out.octets, text, size) == 0));
}

static struct drive *sent(void (*head)(struct drive *d, weir_exchange *x), const char *text)
{
    struct drive *d = drive_new();
    d->script.head = head;
    drive_open(d);
    drive_send(d, text);
    return d;
}

static void respond_empty(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_none());
}

/* --- interim answers -------------------------------------------------------------------------------------------- */

static void hint_and_answer(struct drive *d, weir_exchange *x)
{
    const weir_field two[] = {{WEIR_STR("Link"), WEIR_STR("</a>")}, {WEIR_STR("link"), WEIR_STR("</b>")}};
    assert_int_equal(weir_respond_interim(x, 103, (weir_fields){two, 2}), WEIR_OK);
    assert_int_equal(weir_respond_interim(x, 102, WEIR_NO_FIELDS), WEIR_OK);
    respond_empty(d, x);
    assert_int_equal(weir_respond_interim(x, 103, WEIR_NO_FIELDS), WEIR_CODE_misuse);
}

static void hints(void **state)
{
    (void)state;
    struct drive *d = sent(hint_and_answer, GET);
    must_out(d, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nlink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" EMPTY);
    assert_int_equal(d->config->totals.responses_by_status[1], 2);
    assert_int_equal(d->config->totals.responses_by_status[2], 1);
    drive_free(d);

    /* HTTP/1.0 does not know them. */
    d = sent(hint_and_answer, "GET / HTTP/1.0\r\n\r\n");
    must_out(d, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    drive_free(d);
}

static void wrong_hints(struct drive *d, weir_exchange *x)
{
    static const unsigned statuses[] = {0, 99, 101, 200, 404, 1100, UINT32_MAX};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        assert_int_equal(weir_respond_interim(x, statuses[i], WEIR_NO_FIELDS), WEIR_CODE_bad_response);
    const weir_field wrong[] = {
        {WEIR_STR("Link\r\nEvil"), WEIR_STR("1")}, {WEIR_STR(""), WEIR_STR("1")},
        {WEIR_STR("Link"), WEIR_STR("a\r\nEvil")}, {WEIR_STR("Link"), WEIR_STR("a\r\n\r\n")},
        {WEIR_STR("Link"), WEIR_STR(" a")},        {WEIR_STR("Link"), WEIR_STR("\0")},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(weir_respond_interim(x, 103, (weir_fields){&wrong[i], 1}), WEIR_CODE_bad_response);
    respond_empty(d, x);
}

/* The final answer is still to come: what was wrong is not sent, and nothing else changes. */
static void hints_that_may_not_be_sent(void **state)
{
    (void)state;
    struct drive *d = sent(wrong_hints, GET);
    must_out(d, EMPTY);
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    drive_free(d);
}

/* --- 100 (Continue) --------------------------------------------------------------------------------------------- */

static void continue_when_wanted(void **state)
{
    (void)state;
    struct drive *d = sent(NULL, EXPECT);
    must_out(d, GO_ON);
    drive_send(d, "abc");
    DRIVE_MUST(d, drive_logged(d, "body abc; end;"));
    respond_empty(d, d->x);
    drive_step(d);
    must_out(d, GO_ON EMPTY);
    DRIVE_MUST(d, !d->closed && !d->shut);
    drive_free(d);

    /* The peer did not wait. */
    d = sent(NULL, EXPECT "abc");
    must_out(d, "");
    drive_free(d);

    /* HTTP/1.0 does not know it; without content there is nothing to wait for. */
    d = sent(NULL, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    must_out(d, "");
    drive_free(d);
    d = sent(NULL, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    must_out(d, "");
    drive_free(d);
    d = sent(NULL, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n\r\n");
    must_out(d, GO_ON);
    drive_free(d);
    d = sent(NULL, "POST / HTTP/1.1\r\nHost: a\r\nExpect: other\r\nContent-Length: 3\r\n\r\n");
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 417 ") && d->begun == 0);
    drive_free(d);
}

static void pause_body(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_pause(x);
}

static void continue_after_a_pause(void **state)
{
    (void)state;
    struct drive *d = sent(pause_body, EXPECT);
    must_out(d, "");
    drive_sleep(d, 600 * WEIR_SECOND);
    DRIVE_MUST(d, !d->closed); /* it is the handler that holds it */
    weir_body_resume(d->x);
    drive_step(d);
    must_out(d, GO_ON);
    drive_free(d);
}

static void refuse_then_answer(struct drive *d, weir_exchange *x)
{
    weir_body_refuse(x);
    respond_empty(d, x);
}

static void refuse_body(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_refuse(x);
}

static void continue_declined(void **state)
{
    (void)state;
    static const char last[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    struct drive *d = sent(respond_empty, EXPECT);
    must_out(d, last);
    DRIVE_MUST(d, d->shut);
    drive_send(d, "abc"); /* it crossed the answer: read and dropped, no reset eats the answer */
    drive_fin(d);
    DRIVE_ENDED(d, closing, close_after_response, delivered, routine);
    drive_free(d);

    d = sent(refuse_then_answer, EXPECT);
    must_out(d, last);
    drive_free(d);

    d = sent(refuse_body, EXPECT);
    must_out(d, "");
    respond_empty(d, d->x);
    drive_step(d);
    must_out(d, last);
    drive_free(d);
}

static void respond_stream(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream());
}

/* An echo wants the body: never a 100 behind a final head. */
static void continue_before_a_stream(void **state)
{
    (void)state;
    struct drive *d = sent(respond_stream, EXPECT);
    must_out(d, GO_ON "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    drive_free(d);
}

/* --- switches --------------------------------------------------------------------------------------------------- */

#define UPGRADE "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: e, f\r\n\r\n"
#define CONNECT "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"

static struct answer_row {
    const char *ask;
    unsigned status;
    bool tunnel;
    weir_code code;
    const char *head;
} row;

static void answer_row(struct drive *d, weir_exchange *x)
{
    weir_str offered = weir_request_upgrade(x);
    drive_log(d, "offers %.*s; ", (int)offered.len, offered.len > 0 ? offered.ptr : "");
    weir_fields fields = row.status == 101 ? WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("e")}) : WEIR_NO_FIELDS;
    weir_body body = row.tunnel ? weir_body_tunnel() : weir_body_none();
    assert_int_equal(weir_respond(x, row.status, fields, body), row.code);
}

static void switches(void **state)
{
    (void)state;
    static const char old[] = "GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: e\r\n\r\n";
    static const char unnamed[] = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: e\r\n\r\n";
    static const char switched[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: e\r\nConnection: upgrade\r\n\r\n";
    const weir_code bad = WEIR_CODE_bad_response;
    const struct answer_row rows[] = {
        {UPGRADE, 101, true, WEIR_OK, switched},
        {UPGRADE, 200, false, WEIR_OK, EMPTY}, /* no is an ordinary answer */
        {UPGRADE, 101, false, bad, WRONG},
        {UPGRADE, 200, true, bad, WRONG},
        {CONNECT, 200, true, WEIR_OK, "HTTP/1.1 200 OK\r\n\r\n"},
        {CONNECT, 299, true, WEIR_OK, "HTTP/1.1 299 \r\n\r\n"},
        {CONNECT, 403, false, WEIR_OK, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
        {CONNECT, 200, false, bad, WRONG},
        {CONNECT, 201, true, WEIR_OK, "HTTP/1.1 201 Created\r\n\r\n"},
        {CONNECT, 204, true, WEIR_OK, "HTTP/1.1 204 No Content\r\n\r\n"},
        {CONNECT, 205, true, WEIR_OK, "HTTP/1.1 205 Reset Content\r\n\r\n"},
        {CONNECT, 204, false, bad, WRONG},
        {CONNECT, 205, false, bad, WRONG},
        {CONNECT, 300, true, bad, WRONG},
        {GET, 204, true, bad, WRONG},
        {CONNECT, 101, true, bad, WRONG},
        {CONNECT, 403, true, bad, WRONG},
        {GET, 101, true, bad, WRONG},
        {unnamed, 101, true, bad, WRONG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        row = rows[i];
        struct drive *d = sent(answer_row, row.ask);
        d->seed = i;
        must_out(d, row.head);
        bool tunnel = row.tunnel && row.code == WEIR_OK;
        DRIVE_MUST(d,
                   drive_logged(d, row.ask[0] == 'G' && strstr(row.ask, "Connection") ? "offers e, f;" : "offers ;"));
        DRIVE_MUST(d, !d->closed && !d->shut);
        row = (struct answer_row){NULL, 200, false, WEIR_OK, NULL};
        drive_send(d, tunnel ? "octets" : GET);
        DRIVE_MUST(d, drive_logged(d, "body octets") == tunnel && d->begun == (tunnel ? 1U : 2U));
        drive_free(d);
    }
    row = (struct answer_row){old, 101, true, bad, NULL};
    struct drive *d = sent(answer_row, old);
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 500 ") && !drive_got(d, "HTTP/1.1 101"));
    drive_free(d);
}

static void echo_row(struct drive *d, weir_exchange *x)
{
    answer_row(d, x);
    assert_int_equal(weir_write(x, WEIR_STR("at once")), 7);
}

static size_t echo(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    return weir_write(x, octets);
}

static void a_tunnel_from_end_to_end(void **state)
{
    (void)state;
    row = (struct answer_row){CONNECT, 200, true, WEIR_OK, NULL};
    struct drive *d = drive_new();
    d->script.head = echo_row;
    d->script.body = echo;
    drive_open(d);
    drive_send(d, CONNECT "first, \r\n\r\n");
    must_out(d, "HTTP/1.1 200 OK\r\n\r\nat oncefirst, \r\n\r\n");
    drive_fin(d); /* the peer's side is over, ours is not */
    DRIVE_MUST(d, drive_logged(d, "end;") && !d->closed);
    assert_int_equal(weir_write(d->x, WEIR_STR("last")), 4);
    assert_int_equal(weir_finish(d->x, WEIR_NO_FIELDS), WEIR_OK);
    assert_int_equal(weir_write(d->x, WEIR_STR("never")), 0);
    drive_step(d);
    must_out(d, "HTTP/1.1 200 OK\r\n\r\nat oncefirst, \r\n\r\nlast");
    assert_string_equal(weir_code_name(d->ending.code), "peer_fin_tunnel");
    drive_free(d);
}

/* A switch is only for a request that is whole. */
static void no_switch_within_a_body(void **state)
{
    (void)state;
    row = (struct answer_row){NULL, 101, true, WEIR_CODE_bad_response, NULL};
    struct drive *d = sent(answer_row, "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: e\r\n"
                                       "Content-Length: 3\r\n\r\n");
    must_out(d, WRONG);
    DRIVE_MUST(d, drive_logged(d, "offers ;"));
    drive_free(d);
}

/* --- as it was given -------------------------------------------------------------------------------------------- */

static void mirror(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_fields fields = weir_exchange_fields(x);
    assert_int_equal(weir_respond_reason(x, 200, WEIR_STR("As  it came"),
                                         (weir_fields){fields.list + 1, fields.count - 1}, weir_body_none()),
                     WEIR_OK);
}

static void order_case_and_duplicates(void **state)
{
    (void)state;
    struct drive *d =
        sent(mirror, "GET / HTTP/1.1\r\nHost: a\r\nb:2\r\nA:  1 \r\nB: 3,  4\r\nc:\t\r\na: \"x  y\"\r\n\r\n");
    must_out(d,
             "HTTP/1.1 200 As  it came\r\nb: 2\r\nA: 1\r\nB: 3,  4\r\nc: \r\na: \"x  y\"\r\nContent-Length: 0\r\n\r\n");
    drive_free(d);
}

/* The same of what a client is answered, interim head and trailers included. */
static void show(struct drive *d, weir_exchange *x)
{
    weir_fields fields = weir_exchange_fields(x);
    weir_str reason = weir_response_reason(x);
    drive_log(d, "'%.*s' ", (int)reason.len, reason.ptr);
    for (size_t i = 0; i < fields.count; i++)
        drive_log(d, "%.*s=%.*s,", (int)fields.list[i].name.len, fields.list[i].name.ptr, (int)fields.list[i].value.len,
                  fields.list[i].value.ptr);
    drive_log(d, "; ");
}

static void show_trailers(struct drive *d, weir_exchange *x)
{
    weir_fields fields = weir_exchange_trailers(x);
    for (size_t i = 0; i < fields.count; i++)
        drive_log(d, "%.*s=%.*s,", (int)fields.list[i].name.len, fields.list[i].name.ptr, (int)fields.list[i].value.len,
                  fields.list[i].value.ptr);
}

static void as_a_client_sees_it(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    d->script.head = show;
    d->script.end = show_trailers;
    drive_open(d);
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), NULL), WEIR_OK);
    drive_step(d);
    must_out(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    drive_send(d, "HTTP/1.1 103 Early\r\nlink: 1\r\nLINK: 2\r\n\r\nHTTP/1.1 200 \r\nb: 2\r\nA: 1\r\nB: 3\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nt: 1\r\nT: 2\r\n\r\n");
    DRIVE_MUST(d, drive_logged(d, "head 103; 'Early' link=1,LINK=2,; head 200; '' b=2,A=1,B=3,"
                                  "Transfer-Encoding=chunked,; body x; end; t=1,T=2,done complete"));
    drive_free(d);
}

static void show_dropped(struct drive *d, weir_exchange *x)
{
    show_trailers(d, x);
    drive_log(d, " without %zu; ", weir_exchange_trailers_dropped(x));
}

/* Trailers that may not be any are no reason to refuse a message, but the exchange and the trace tell of them. */
static void dropped_trailers_are_told(void **state)
{
    (void)state;
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const struct {
        const char *trailers, *log;
        bool told;
    } rows[] = {
        {"t: 1\r\n\r\n", "end; t=1, without 0;", false},
        {"Host: b\r\nt: 1\r\nCookie: c\r\n\r\n", "end; t=1, without 2;", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct drive *d = drive_new();
        char trace[160];
        d->script.head = drive_answer;
        d->script.end = show_dropped;
        drive_open(d);
        drive_send(d, head);
        drive_send(d, "1\r\nx\r\n0\r\n");
        drive_send(d, rows[i].trailers);
        drive_fin(d);
        DRIVE_MUST(d, drive_logged(d, rows[i].log) && drive_logged(d, "done complete") && d->closed);
        (void)weir_trace_format(trace, sizeof trace, d->ending.trace);
        assert_int_equal(strstr(trace, "h1:dropped") != NULL, rows[i].told);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hints),
        cmocka_unit_test(hints_that_may_not_be_sent),
        cmocka_unit_test(continue_when_wanted),
        cmocka_unit_test(continue_after_a_pause),
        cmocka_unit_test(continue_declined),
        cmocka_unit_test(continue_before_a_stream),
        cmocka_unit_test(switches),
        cmocka_unit_test(dropped_trailers_are_told),
        cmocka_unit_test(a_tunnel_from_end_to_end),
        cmocka_unit_test(no_switch_within_a_body),
        cmocka_unit_test(order_case_and_duplicates),
        cmocka_unit_test(as_a_client_sees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
