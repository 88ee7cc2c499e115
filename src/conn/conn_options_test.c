/* Goal: an engine refuses what it is not for, and options that are wrong; structs of older and newer callers are
 * taken as far as they are known. Method: one small story for each mistake of who drives an engine. */
#include <errno.h>

#include "conn/conn_drive.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

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

static weir_code respond(weir_exchange *x, weir_body body)
{
    return weir_respond(x, 200, WEIR_NO_FIELDS, body);
}

/* --- the wrong role --------------------------------------------------------------------------------------------- */

#define ASK WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"))

static void answer_an_answer(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(respond(x, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_respond_interim(x, 103, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    assert_int_equal(weir_request_upgrade(x).len, 0);
}

static void wrong_role(void **state)
{
    (void)state;
    struct drive *d = sent(drive_answer, GET);
    assert_int_equal(drive_ask(d, ASK, NULL), WEIR_CODE_misuse);
    must_out(d, HELLO);
    drive_free(d);

    d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    d->script.head = answer_an_answer;
    drive_open(d);
    weir_exchange *x;
    assert_int_equal(drive_ask(d, ASK, &x), WEIR_OK);
    answer_an_answer(d, x);
    drive_step(d);
    drive_send(d, HELLO);
    DRIVE_MUST(d, drive_logged(d, "head 200; body hello; end; done complete"));
    must_out(d, GET);
    drive_free(d);
}

/* A view without octets is not given, wherever it points. */
static void empty_views(void **state)
{
    static const weir_str empty[] = {WEIR_STR_INIT(""), {"\r\n", 0}, {NULL, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct drive *d = drive_new();
        d->options.role = WEIR_ROLE_CLIENT;
        drive_open(d);
        const weir_request no_host = *WEIR_REQUEST(.target = WEIR_STR("/"), .host = empty[i]);
        const weir_request no_target = *WEIR_REQUEST(.target = empty[i], .host = WEIR_STR("a"));
        assert_int_equal(drive_ask(d, &no_host, NULL), WEIR_CODE_bad_host);
        assert_int_equal(drive_ask(d, &no_target, NULL), WEIR_CODE_bad_target);
        assert_int_equal(drive_ask(d, WEIR_REQUEST(.method = empty[i], .target = WEIR_STR("/"), .host = WEIR_STR("a")),
                                   NULL),
                         WEIR_OK);
        drive_step(d);
        must_out(d, GET);
        drive_free(d);
        d = drive_new();
        d->script.head = drive_answer;
        d->options.server_name = empty[i];
        drive_open(d);
        drive_send(d, GET);
        must_out(d, HELLO);
        drive_free(d);
    }
}

static void wrong_requests(void **state)
{
    (void)state;
    const weir_request none = {.size = 0};
    weir_exchange *x = (weir_exchange *)&none;
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    assert_int_equal(weir_conn_request(d->engine, NULL, &x, d->now_ns), WEIR_CODE_misuse);
    assert_null(x);
    assert_int_equal(drive_ask(d, &none, NULL), WEIR_CODE_misuse);
    assert_int_equal(drive_ask(d,
                               WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"), .body = weir_body_tunnel()),
                               NULL),
                     WEIR_CODE_misuse);
    assert_int_equal(drive_ask(d, WEIR_REQUEST(.host = WEIR_STR("a")), NULL), WEIR_CODE_bad_target);
    DRIVE_MUST(d, weir_conn_is_idle(d->engine) && weir_conn_wants(d->engine) == WEIR_WANT_READ);

    /* From a caller that knows fewer fields, and from one that knows more. */
    weir_request older = *ASK;
    older.size = offsetof(weir_request, user);
    older.user = &older;
    assert_int_equal(drive_ask(d, &older, &x), WEIR_OK);
    assert_null(weir_exchange_user(x));
    const weir_request *way =
        WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("a:1"), .host = WEIR_STR("a:1"));
    assert_int_equal(drive_ask(d, way, NULL), WEIR_CODE_misuse); /* one is under way */
    drive_step(d);
    drive_send(d, HELLO);
    struct {
        weir_request known;
        char more[64];
    } newer = {.known = *ASK, .more = "x"};
    newer.known.size = sizeof newer;
    assert_int_equal(drive_ask(d, &newer.known, NULL), WEIR_CODE_unsupported); /* it may matter */
    newer.more[0] = '\0';
    assert_int_equal(drive_ask(d, &newer.known, NULL), WEIR_OK);
    drive_step(d);
    drive_send(d, HELLO);
    weir_conn_drain(d->engine, d->now_ns);
    assert_int_equal(drive_ask(d, ASK, NULL), WEIR_CODE_misuse);
    drive_step(d);
    must_out(d, GET GET);
    drive_free(d);
}

/* --- options ---------------------------------------------------------------------------------------------------- */

static void must_refuse(const weir_conn_options *options, const char *word)
{
    weir_conn_config *config = (weir_conn_config *)&config;
    weir_error error = {.code = WEIR_OK};
    assert_int_equal(weir_conn_config_new(&config, options, &error), WEIR_CODE_bad_option);
    assert_null(config);
    assert_int_equal(error.code, WEIR_CODE_bad_option);
    assert_non_null(strstr(error.text, word));
    assert_int_equal(weir_conn_config_new(&config, options, NULL), WEIR_CODE_bad_option);
}

static void wrong_options(void **state)
{
    (void)state;
    static const weir_handler no_size = {.head = drive_on_head}, no_head = WEIR_HANDLER(.done = drive_on_done);
    weir_conn_options good = WEIR_CONN_OPTIONS(.handler = &drive_handler), bad = good;
    must_refuse(NULL, "size");
    bad.size = 0;
    must_refuse(&bad, "size");
    bad = good;
    bad.handler = NULL;
    must_refuse(&bad, "handler");
    bad.handler = &no_size;
    must_refuse(&bad, "size");
    bad.handler = &no_head;
    must_refuse(&bad, "head");
    bad = good;
    bad.server_name = WEIR_STR("a\r\nEvil: 1");
    must_refuse(&bad, "server_name");
    bad = good;
    bad.limits.output_size_max = 1;
    must_refuse(&bad, "output_size_max");
    bad.limits = (weir_limits){.head_size_max = WEIR_UNLIMITED};
    must_refuse(&bad, "head_size_max");
    bad.limits = (weir_limits){.size = 8};
    must_refuse(&bad, "size");
    bad = good;
    bad.connection_memory_max = 4095;
    must_refuse(&bad, "connection_memory_max is 4095: expected 4096 to");
}

static unsigned heads, wakes;

static void count_head(void *app, weir_exchange *x)
{
    (void)app;
    heads++;
    (void)respond(x, weir_body_none());
}

static void count_wake(void *owner)
{
    (void)owner;
    wakes++;
}

static void serve_one(const weir_conn_options *options)
{
    weir_conn_config *config;
    weir_conn *engine;
    weir_ending ending;
    size_t size;
    assert_int_equal(weir_conn_config_new(&config, options, NULL), WEIR_OK);
    assert_int_equal(weir_conn_new(&engine, config, NULL, 0), WEIR_OK);
    memcpy(weir_conn_reserve(engine, &size), GET, sizeof GET - 1);
    weir_conn_received(engine, sizeof GET - 1, 0);
    weir_conn_closed(engine, NULL, 0, &ending);
    assert_int_equal(ending.exchanges_begun, 1);
    weir_conn_free(engine);
    weir_conn_config_free(config);
}

static void must_be_unknown(void)
{
}

static void must_not_support(const weir_conn_options *options)
{
    weir_conn_config *config = (weir_conn_config *)&config;
    weir_error error = {.code = WEIR_OK};
    assert_int_equal(weir_conn_config_new(&config, options, &error), WEIR_CODE_unsupported);
    assert_null(config);
    assert_int_equal(error.code, WEIR_CODE_unsupported);
    assert_non_null(strstr(error.text, WEIR_VERSION));
}

/* Structs end where their caller knew them to end: what is behind is not looked at. */
static void options_of_other_versions(void **state)
{
    (void)state;
    weir_handler short_handler = WEIR_HANDLER(.head = count_head);
    short_handler.size = offsetof(weir_handler, body);
    memset((char *)&short_handler + short_handler.size, 0xff, sizeof short_handler - short_handler.size);
    struct {
        weir_conn_options known;
        char more[64];
    } options = {.known = WEIR_CONN_OPTIONS(.handler = &short_handler, .wake = count_wake), .more = "x"};
    options.known.size = sizeof options;
    must_not_support(&options.known);
    options.more[0] = '\0';
    serve_one(&options.known);
    assert_int_equal(heads, 1);

    options.known.size = offsetof(weir_conn_options, limits);
    memset((char *)&options.known + options.known.size, 0xff, sizeof options - options.known.size);
    options.known.allocator = (weir_allocator){.resize = NULL};
    serve_one(&options.known);
    assert_int_equal(heads, 2);
    assert_int_equal(wakes, 0);

    struct {
        weir_handler known;
        void (*more)(void);
    } handler = {.known = WEIR_HANDLER(.head = count_head)};
    handler.known.size = sizeof handler;
    options.known = (weir_conn_options)WEIR_CONN_OPTIONS(.handler = &handler.known);
    serve_one(&options.known);
    assert_int_equal(heads, 3);
    handler.more = must_be_unknown;
    must_not_support(&options.known);
}

/* A handler of a request, which is kept: it is as short as its program knows it. */
static void handlers_of_other_versions(void **state)
{
    (void)state;
    weir_handler older = drive_handler;
    older.size = offsetof(weir_handler, event);
    memset(&older.event, 0xff, sizeof older.event);
    struct drive *d = NULL;
    weir_code code = WEIR_CODE_no_memory;
    /* Each allocation fails once, on a connection of its own, until all are there. */
    for (size_t at = 1; code != WEIR_OK; at++) {
        if (d != NULL)
            drive_free(d);
        d = drive_new();
        d->options.role = WEIR_ROLE_CLIENT;
        drive_open(d);
        d->memory.calls = 0;
        d->memory.fail_at = at;
        code = drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"), .handler = &older, .app = d),
                         NULL);
        assert_true(code == WEIR_OK || code == WEIR_CODE_no_memory);
        assert_true(at < 20);
    }
    drive_step(d);
    d->memory.fail_at = 0;
    weir_conn_drain(d->engine, d->now_ns);
    drive_send(d, HELLO);
    assert_true(drive_logged(d, "head 200; body hello; end; done complete"));
    assert_false(drive_logged(d, "drain"));
    drive_free(d);
}

/* --- an engine that is driven oddly ----------------------------------------------------------------------------- */

static void odd_driving(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    weir_output piece;
    weir_receipt receipt = {.known = true};
    drive_open(d);
    assert_int_equal(weir_conn_output(d->engine, &piece, 1), 0);
    weir_conn_sent(d->engine, 0, d->now_ns);
    weir_conn_received(d->engine, 0, d->now_ns);
    weir_conn_tick(d->engine, d->now_ns);
    weir_conn_receipt(d->engine, &receipt, d->now_ns);
    DRIVE_MUST(d, weir_conn_wants(d->engine) == WEIR_WANT_READ && weir_conn_is_idle(d->engine));
    drive_send(d, GET);
    assert_int_equal(weir_conn_output(d->engine, NULL, 0), 0);
    d->no_closing = true;
    weir_conn_stop(d->engine, WEIR_CODE_stopped, d->now_ns);
    /* It has ended; whatever comes changes nothing. */
    weir_conn_stop(d->engine, WEIR_CODE_drain_timeout, d->now_ns);
    weir_conn_drain(d->engine, d->now_ns);
    weir_conn_failed(d->engine, WEIR_DIRECTION_IN, ECONNRESET, d->now_ns);
    weir_conn_received(d->engine, 0, d->now_ns);
    weir_conn_received_fin(d->engine, d->now_ns);
    weir_conn_receipt(d->engine, &receipt, d->now_ns);
    (void)respond(d->x, weir_body_none());
    weir_conn_tick(d->engine, d->now_ns + 1000 * WEIR_SECOND);
    DRIVE_MUST(d, weir_conn_wants(d->engine) == WEIR_WANT_ABORT);
    DRIVE_MUST(d, weir_conn_deadline(d->engine) == WEIR_NEVER && !weir_conn_is_idle(d->engine));
    drive_finish(d, true);
    DRIVE_ENDED(d, handler, stopped, lost, notable);
    drive_free(d);

    /* Space was asked for, and the end came instead. */
    d = drive_new();
    size_t size;
    drive_open(d);
    assert_non_null(weir_conn_reserve(d->engine, &size));
    weir_conn_received_fin(d->engine, d->now_ns);
    drive_step(d);
    DRIVE_ENDED(d, unused, peer_fin_unused, none_owed, routine);
    drive_free(d);

    d = drive_new();
    d->script.head = drive_answer;
    drive_open(d);
    drive_send(d, GET);
    assert_non_null(weir_conn_reserve(d->engine, &size));
    weir_conn_received_fin(d->engine, d->now_ns);
    drive_step(d);
    DRIVE_ENDED(d, idle, peer_fin_idle, delivered, routine);
    drive_free(d);

    weir_conn_config_free(NULL);
    weir_conn_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_role),
        cmocka_unit_test(wrong_requests),
        cmocka_unit_test(empty_views),
        cmocka_unit_test(wrong_options),
        cmocka_unit_test(options_of_other_versions),
        cmocka_unit_test(handlers_of_other_versions),
        cmocka_unit_test(odd_driving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
