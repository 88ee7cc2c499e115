/* Goal: both roles of the engine understand each other, whatever pieces the octets come in. Method: a client's
 * engine and a server's, joined by memory, with pieces of 1, 2, 7 and many octets; what each handler saw is written
 * down and compared with what was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <weir/weir.h>

struct side {
    weir_conn_config *config;
    weir_conn *engine;
    char seen[8192]; /* what its handler saw, a word an event */
    int done;
    bool closed, shut;
    weir_ending ending;
};

static struct pair {
    struct side client, server;
    size_t piece;
    uint64_t now_ns;
    size_t written; /* by the server's streaming answer */
} pair;

WEIR_PRINTF(2, 3) static void saw(struct side *side, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t at = strlen(side->seen);
    vsnprintf(side->seen + at, sizeof side->seen - at, format, args);
    va_end(args);
}

/* --- the server's handler --------------------------------------------------------------------------------------- */

static bool path_is(weir_exchange *x, const char *path)
{
    return weir_str_equal(weir_request_path(x), weir_str_from(path));
}

static void server_head(void *app, weir_exchange *x)
{
    struct side *side = app;
    saw(side, "%.*s %.*s;", (int)weir_request_method(x).len, weir_request_method(x).ptr,
        (int)weir_request_target(x).len, weir_request_target(x).ptr);
    if (path_is(x, "/hints"))
        assert_int_equal(weir_respond_interim(x, 103, WEIR_FIELDS({WEIR_STR("Link"), WEIR_STR("</a>")})), WEIR_OK);
    if (path_is(x, "/echo"))
        assert_int_equal(weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream()), WEIR_OK);
    else if (path_is(x, "/close"))
        assert_int_equal(weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("Connection"), WEIR_STR("close")}),
                                      weir_body_copy(WEIR_STR("bye"))),
                         WEIR_OK);
    else if (path_is(x, "/tunnel"))
        assert_int_equal(weir_respond(x, 101, WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("echo")}), weir_body_tunnel()),
                         WEIR_OK);
    else if (path_is(x, "/stream"))
        assert_int_equal(weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(100000)), WEIR_OK);
    else
        assert_int_equal(weir_respond_reason(x, 200, WEIR_STR("Fine"), WEIR_FIELDS({WEIR_STR("X-a"), WEIR_STR("1")}),
                                             weir_body_borrow(WEIR_STR("hello"))),
                         WEIR_OK);
}

static size_t server_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    return weir_write(x, octets);
}

static void server_end(void *app, weir_exchange *x)
{
    struct side *side = app;
    weir_fields trailers = weir_exchange_trailers(x);
    saw(side, "end%zu;", trailers.count);
    if (path_is(x, "/echo") || path_is(x, "/tunnel"))
        assert_int_equal(weir_finish(x, trailers), WEIR_OK);
}

static void server_room(void *app, weir_exchange *x)
{
    static const char block[1000] = {'b'};
    (void)app;
    if (!path_is(x, "/stream"))
        return;
    while (pair.written < 100000) {
        size_t n = weir_write(x, (weir_str){.ptr = block, .len = sizeof block});
        pair.written += n;
        if (n < sizeof block)
            return;
    }
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

/* --- the client's ----------------------------------------------------------------------------------------------- */

static void client_head(void *app, weir_exchange *x)
{
    struct side *side = app;
    weir_str reason = weir_response_reason(x);
    saw(side, "%u %.*s%s;", weir_response_status(x), (int)reason.len, reason.ptr,
        weir_response_is_interim(x) ? "..." : "");
}

static size_t client_body(void *app, weir_exchange *x, weir_str octets)
{
    struct side *side = app;
    (void)x;
    if (octets.len < 100)
        saw(side, "%.*s", (int)octets.len, octets.ptr);
    return octets.len;
}

static void client_end(void *app, weir_exchange *x)
{
    struct side *side = app;
    weir_fields trailers = weir_exchange_trailers(x);
    saw(side, ";end");
    for (size_t i = 0; i < trailers.count; i++)
        saw(side, " %.*s=%.*s", (int)trailers.list[i].name.len, trailers.list[i].name.ptr,
            (int)trailers.list[i].value.len, trailers.list[i].value.ptr);
    saw(side, ";");
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct side *side = app;
    (void)x;
    side->done++;
    saw(side, "%s/%s/%s;", weir_code_name(ending->code), weir_stage_name(ending->stage),
        weir_retry_name(ending->retry));
}

/* --- the wire --------------------------------------------------------------------------------------------------- */

/* Moves octets from one to the other; true if something moved. */
static bool carry(struct side *from, struct side *to)
{
    weir_output output[4];
    unsigned wants = from->closed ? 0 : weir_conn_wants(from->engine);
    if (!(wants & WEIR_WANT_WRITE) || to->closed || !(weir_conn_wants(to->engine) & WEIR_WANT_READ))
        return false;
    assert_true(weir_conn_output(from->engine, output, 4) > 0);
    size_t size, n = output[0].len < pair.piece ? output[0].len : pair.piece;
    char *space = weir_conn_reserve(to->engine, &size);
    assert_non_null(space);
    n = n < size ? n : size;
    memcpy(space, output[0].ptr, n);
    weir_conn_received(to->engine, n, pair.now_ns);
    weir_conn_sent(from->engine, n, pair.now_ns);
    return true;
}

static void close_side(struct side *side, struct side *other)
{
    static const weir_receipt all = {.known = true, .left = UINT64_MAX, .acked = UINT64_MAX};
    side->closed = true;
    weir_conn_closed(side->engine, &all, pair.now_ns, &side->ending);
    if (!other->closed && !side->shut)
        weir_conn_received_fin(other->engine, pair.now_ns);
}

static bool serve(struct side *side, struct side *other)
{
    static const weir_receipt all = {.known = true, .left = UINT64_MAX, .acked = UINT64_MAX};
    unsigned wants = side->closed ? 0 : weir_conn_wants(side->engine);
    if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT)) {
        close_side(side, other);
    } else if (wants & WEIR_WANT_RECEIPT) {
        weir_conn_receipt(side->engine, &all, pair.now_ns);
    } else if (wants & WEIR_WANT_SHUTDOWN) {
        side->shut = true;
        weir_conn_shut(side->engine, pair.now_ns);
        if (!other->closed)
            weir_conn_received_fin(other->engine, pair.now_ns);
    } else {
        return false;
    }
    return true;
}

static void run(void)
{
    for (int steps = 0;; steps++) {
        assert_true(steps < 1000000); /* it comes to rest */
        pair.now_ns += 1000;
        bool moved = carry(&pair.client, &pair.server);
        moved |= carry(&pair.server, &pair.client);
        moved |= serve(&pair.client, &pair.server);
        moved |= serve(&pair.server, &pair.client);
        if (!moved)
            return;
    }
}

static void open_pair(size_t piece)
{
    static const weir_handler server =
        WEIR_HANDLER(.head = server_head, .body = server_body, .end = server_end, .room = server_room, .done = done);
    static const weir_handler client =
        WEIR_HANDLER(.head = client_head, .body = client_body, .end = client_end, .done = done);
    memset(&pair, 0, sizeof pair);
    pair.piece = piece;
    const weir_conn_options server_options =
        WEIR_CONN_OPTIONS(.role = WEIR_ROLE_SERVER, .handler = &server, .app = &pair.server);
    const weir_conn_options client_options =
        WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &client, .app = &pair.client);
    assert_int_equal(weir_conn_config_new(&pair.server.config, &server_options, NULL), WEIR_OK);
    assert_int_equal(weir_conn_config_new(&pair.client.config, &client_options, NULL), WEIR_OK);
    assert_int_equal(weir_conn_new(&pair.server.engine, pair.server.config, NULL, 0), WEIR_OK);
    assert_int_equal(weir_conn_new(&pair.client.engine, pair.client.config, NULL, 0), WEIR_OK);
}

static void free_side(struct side *side)
{
    weir_conn_free(side->engine);
    weir_conn_config_free(side->config);
}

static void close_pair(void)
{
    if (!pair.client.closed) {
        weir_conn_drain(pair.client.engine, pair.now_ns);
        run();
    }
    assert_true(pair.client.closed);
    assert_true(pair.server.closed);
    free_side(&pair.client);
    free_side(&pair.server);
}

static weir_exchange *ask(const weir_request *request)
{
    weir_exchange *x;
    assert_int_equal(weir_conn_request(pair.client.engine, request, &x, pair.now_ns), WEIR_OK);
    return x;
}

static void expect_client(const char *text)
{
    assert_string_equal(pair.client.seen, text);
    pair.client.seen[0] = '\0';
}

static const size_t pieces[] = {1, 2, 7, 4000};
#define FOR_PIECES for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++)

/* --- the tests -------------------------------------------------------------------------------------------------- */

static void test_plain(void **state)
{
    (void)state;
    FOR_PIECES
    {
        open_pair(pieces[p]);
        for (int i = 0; i < 3; i++) {
            ask(WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")));
            run();
            assert_non_null(strstr(pair.client.seen, "200 Fine;"));
            pair.client.seen[0] = '\0';
        }
        assert_int_equal(pair.client.done, 3);
        assert_int_equal(pair.server.done, 3);
        close_pair();
        assert_int_equal(pair.client.ending.code, WEIR_CODE_drained);
        assert_int_equal(pair.server.ending.code, WEIR_CODE_peer_fin_idle);
        assert_int_equal(pair.server.ending.delivery, WEIR_DELIVERY_DELIVERED);
    }
}

static void test_interim_and_whole_pieces(void **state)
{
    (void)state;
    open_pair(4000);
    ask(WEIR_REQUEST(.target = WEIR_STR("/hints"), .host = WEIR_STR("a")));
    run();
    expect_client("103 Early Hints...;200 Fine;hello;end;complete/response/processed;");
    ask(WEIR_REQUEST(.method = WEIR_STR("HEAD"), .target = WEIR_STR("/"), .host = WEIR_STR("a")));
    run();
    expect_client("200 Fine;;end;complete/response/processed;");
    close_pair();
}

static void test_chunks_and_trailers_both_ways(void **state)
{
    (void)state;
    FOR_PIECES
    {
        open_pair(pieces[p]);
        weir_exchange *x = ask(WEIR_REQUEST(.method = WEIR_STR("POST"), .target = WEIR_STR("/echo"),
                                            .host = WEIR_STR("a"), .body = weir_body_stream()));
        assert_int_equal(weir_write(x, WEIR_STR("one")), 3);
        run();
        assert_int_equal(weir_write(x, WEIR_STR("two")), 3);
        assert_int_equal(weir_finish(x, WEIR_FIELDS({WEIR_STR("X-sum"), WEIR_STR("6")})), WEIR_OK);
        weir_conn_tick(pair.client.engine, pair.now_ns);
        run();
        assert_non_null(strstr(pair.client.seen, "200 OK;"));
        assert_non_null(strstr(pair.client.seen, ";end X-sum=6;complete"));
        close_pair();
    }
}

static void test_large_sized_answer(void **state)
{
    (void)state;
    open_pair(4000);
    ask(WEIR_REQUEST(.target = WEIR_STR("/stream"), .host = WEIR_STR("a")));
    run();
    assert_int_equal(pair.written, 100000);
    assert_int_equal(pair.client.done, 1);
    close_pair();
}

static void test_close_is_kept(void **state)
{
    (void)state;
    FOR_PIECES
    {
        weir_exchange *x;
        open_pair(pieces[p]);
        ask(WEIR_REQUEST(.target = WEIR_STR("/close"), .host = WEIR_STR("a")));
        run();
        assert_true(pair.client.closed);
        assert_true(pair.server.closed);
        assert_int_equal(weir_conn_request(pair.client.engine,
                                           WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), &x, 0),
                         WEIR_CODE_misuse);
        assert_int_equal(pair.client.ending.code, WEIR_CODE_close_requested);
        assert_int_equal(pair.server.ending.code, WEIR_CODE_close_by_application);
        close_pair();
    }
}

static void test_tunnel(void **state)
{
    (void)state;
    FOR_PIECES
    {
        open_pair(pieces[p]);
        weir_exchange *x = ask(WEIR_REQUEST(.target = WEIR_STR("/tunnel"), .host = WEIR_STR("a"),
                                            .fields = WEIR_FIELDS({WEIR_STR("Connection"), WEIR_STR("upgrade")},
                                                                  {WEIR_STR("Upgrade"), WEIR_STR("echo")})));
        run();
        expect_client("101 Switching Protocols;");
        assert_int_equal(weir_write(x, WEIR_STR("ping")), 4);
        run();
        expect_client("ping");
        assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
        run();
        assert_true(pair.client.closed);
        assert_true(pair.server.closed);
        assert_int_equal(pair.client.ending.code, WEIR_CODE_tunnel_closed);
        assert_int_equal(pair.server.ending.code, WEIR_CODE_peer_fin_tunnel);
        close_pair();
    }
}

static void test_what_may_not_be_asked(void **state)
{
    static const struct {
        weir_request request;
        weir_code code;
    } cases[] = {
        {{.target = WEIR_STR_INIT("/")}, WEIR_CODE_bad_host},
        {{.target = WEIR_STR_INIT("/ x"), .host = WEIR_STR_INIT("a")}, WEIR_CODE_bad_target},
        {{.target = WEIR_STR_INIT("*"), .host = WEIR_STR_INIT("a")}, WEIR_CODE_bad_target},
        {{.target = WEIR_STR_INIT("/"), .host = WEIR_STR_INIT("a\r\nb: c")}, WEIR_CODE_bad_host},
        {{.method = WEIR_STR_INIT("G T"), .target = WEIR_STR_INIT("/"), .host = WEIR_STR_INIT("a")},
         WEIR_CODE_bad_method},
    };
    (void)state;
    open_pair(4000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_request request = cases[i].request;
        weir_exchange *x;
        request.size = sizeof request;
        assert_int_equal(weir_conn_request(pair.client.engine, &request, &x, 0), cases[i].code);
        assert_null(x);
    }
    weir_exchange *x;
    const weir_request split = {.size = sizeof split,
                                .target = WEIR_STR("/"),
                                .host = WEIR_STR("a"),
                                .fields = WEIR_FIELDS({WEIR_STR("X"), WEIR_STR("a\r\nY: b")})};
    assert_int_equal(weir_conn_request(pair.client.engine, &split, &x, 0), WEIR_CODE_bad_field_value);
    ask(WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")));
    const weir_request *way =
        WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("a:1"), .host = WEIR_STR("a:1"));
    assert_int_equal(weir_conn_request(pair.client.engine, way, &x, 0), WEIR_CODE_misuse);
    run();
    close_pair();
}

/* --- a server that is not ours ---------------------------------------------------------------------------------- */

static void feed(const char *text)
{
    size_t size, length = strlen(text);
    char *space = weir_conn_reserve(pair.client.engine, &size);
    assert_true(size >= length);
    memcpy(space, text, length);
    weir_conn_received(pair.client.engine, length, pair.now_ns);
}

static void finish_client(void)
{
    static const weir_receipt all = {.known = true, .left = UINT64_MAX, .acked = UINT64_MAX};
    for (int steps = 0; !pair.client.closed; steps++) {
        assert_true(steps < 100);
        unsigned wants = weir_conn_wants(pair.client.engine);
        weir_output output[4];
        if (wants & (WEIR_WANT_CLOSE | WEIR_WANT_ABORT))
            close_side(&pair.client, &pair.server);
        else if (wants & WEIR_WANT_WRITE && weir_conn_output(pair.client.engine, output, 4) > 0)
            weir_conn_sent(pair.client.engine, output[0].len, pair.now_ns);
        else if (wants & WEIR_WANT_RECEIPT)
            weir_conn_receipt(pair.client.engine, &all, pair.now_ns);
        else if (wants & WEIR_WANT_SHUTDOWN)
            weir_conn_shut(pair.client.engine, pair.now_ns);
        else
            weir_conn_tick(pair.client.engine, pair.now_ns += 40 * WEIR_SECOND);
    }
}

static void test_answers_of_strangers(void **state)
{
    static const struct {
        const char *answer;
        bool fin;
        const char *seen;
        weir_code code;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\nall", true, "200 OK;all;end;complete/response/processed;", WEIR_CODE_close_delimited},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", true, "200 OK;hi;end;complete/response/processed;",
         WEIR_CODE_close_requested},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", true, "200 OK;hipeer_fin_in_body/body/processed;",
         WEIR_CODE_peer_fin_in_body},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", true,
         "200 OK;hipeer_fin_in_body/body/processed;", WEIR_CODE_peer_fin_in_body},
        {"HTTP/1.1 200", true, "peer_fin_in_head/head/maybe_processed;", WEIR_CODE_peer_fin_in_head},
        {"", true, "peer_fin_in_handler/handler/maybe_processed;", WEIR_CODE_peer_fin_in_handler},
        {"SSH-2.0-OpenSSH\r\n", false, "bad_status_line/head/maybe_processed;", WEIR_CODE_bad_status_line},
        {"HTTP/1.1 101 Switching\r\n\r\n", false, "unexpected_upgrade/head/maybe_processed;",
         WEIR_CODE_unexpected_upgrade},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false,
         "200 OK;;end;complete/response/processed;", WEIR_CODE_unexpected_octets},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_pair(4000);
        pair.server.closed = true;
        ask(WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")));
        weir_output output[4];
        assert_true(weir_conn_output(pair.client.engine, output, 4) == 1);
        weir_conn_sent(pair.client.engine, output[0].len, pair.now_ns);
        if (cases[i].answer[0] != '\0')
            feed(cases[i].answer);
        if (cases[i].fin)
            weir_conn_received_fin(pair.client.engine, pair.now_ns);
        finish_client();
        assert_string_equal(pair.client.seen, cases[i].seen);
        assert_int_equal(pair.client.ending.code, cases[i].code);
        assert_int_equal(pair.client.done, 1);
        weir_conn_closed(pair.server.engine, NULL, 0, &pair.server.ending);
        free_side(&pair.client);
        free_side(&pair.server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_interim_and_whole_pieces),
        cmocka_unit_test(test_chunks_and_trailers_both_ways),
        cmocka_unit_test(test_large_sized_answer),
        cmocka_unit_test(test_close_is_kept),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_what_may_not_be_asked),
        cmocka_unit_test(test_answers_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
