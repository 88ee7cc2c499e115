/* Goal: what was once accepted and may not be, shown and was not there, or said twice, stays mended. Method: a story
 * each, the shortest that told. */
#include <errno.h>

#include "conn/conn_drive.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define ASK WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a"))
static unsigned status;
static weir_fields fields;
static weir_body body;
static weir_code code;

static void respond(struct drive *d, weir_exchange *x)
{
    (void)d;
    code = weir_respond(x, status, fields, body);
}
static struct drive *sent(void (*head)(struct drive *, weir_exchange *), const char *text)
{
    struct drive *d = drive_new();
    d->script.head = head;
    drive_open(d);
    drive_send(d, text);
    return d;
}

static void views(weir_exchange *x)
{
    assert_int_equal(weir_exchange_fields(x).count, 0);
    assert_int_equal(weir_request_method(x).len, 0);
    assert_int_equal(weir_request_target(x).len, 0);
    assert_int_equal(weir_request_path(x).len, 0);
    assert_int_equal(weir_request_query(x).len, 0);
    assert_int_equal(weir_request_authority(x).len, 0);
    assert_int_equal(weir_response_reason(x).len, 0);
    assert_int_equal(weir_response_status(x), 0);
}
static void views_in_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *e)
{
    (void)d;
    (void)e;
    views(x);
}
static void client_views(void **state)
{
    (void)state;
    weir_exchange *x;
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    d->script.done = views_in_done;
    drive_open(d);
    assert_int_equal(drive_ask(d, ASK, &x), WEIR_OK);
    views(x);
    drive_step(d);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    drive_free(d);
}
static void count_head(void *app, weir_exchange *x)
{
    (void)app;
    (void)x;
}
static void short_options(void **state)
{
    (void)state;
    static const weir_handler handler = WEIR_HANDLER(.head = count_head);
    weir_conn_options o = WEIR_CONN_OPTIONS(.handler = &handler);
    o.size = offsetof(weir_conn_options, limits);
    memset((char *)&o + o.size, 0xff, sizeof o - o.size);
    weir_conn_config *config;
    assert_int_equal(weir_conn_config_new(&config, &o, NULL), WEIR_OK);
    weir_conn_config_free(config);
}
static void age_spreads(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX, most = 0;
    const uint64_t limit = 3600 * WEIR_SECOND;
    struct drive *d = drive_new();
    d->options.limits.age_max_ns = limit;
    d->options.limits.idle_timeout_ns = WEIR_UNLIMITED;
    d->script.head = drive_answer;
    for (int i = 0; i < 300; i++) {
        d->shut = d->closed = d->fin_queued = d->fin_read = false;
        d->out.size = d->inbox.size = d->inbox_at = 0;
        d->begun = d->dones = 0;
        drive_open(d);
        drive_send(d, GET);
        uint64_t due = weir_conn_deadline(d->engine) - d->now_ns;
        least = due < least ? due : least;
        most = due > most ? due : most;
        drive_finish(d, true);
    }
    print_message("ages from %llu to %llu s\n", (unsigned long long)(least / WEIR_SECOND),
                  (unsigned long long)(most / WEIR_SECOND));
    assert_true(most - least > limit / 20);
    drive_free(d);
}
static void must_refuse(const char *ask)
{
    struct drive *d = sent(respond, ask);
    DRIVE_MUST(d, code == WEIR_CODE_bad_response && drive_got(d, "HTTP/1.1 500 "));
    drive_free(d);
}
static void sized_huge(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_NO_FIELDS;
    body = weir_body_sized(UINT64_C(1) << 63);
    must_refuse(GET);
}
static void file_huge(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_NO_FIELDS;
    body = weir_body_file(0, 0, UINT64_MAX);
    must_refuse("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
}
static void kind_unknown(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_NO_FIELDS;
    body = (weir_body){.kind = (weir_body_kind)99, .length = 5};
    must_refuse(GET);
}
static void none_with_length(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_NO_FIELDS;
    body = (weir_body){.kind = WEIR_BODY_NONE, .length = 5};
    struct drive *d = sent(respond, GET);
    DRIVE_MUST(d, !drive_got(d, "Content-Length: 5"));
    drive_free(d);
}
static void file_without(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_NO_FIELDS;
    body = weir_body_file(-1, 0, 5);
    must_refuse(GET);
}
static void content_205(void **s)
{
    (void)s;
    status = 205;
    fields = WEIR_NO_FIELDS;
    body = weir_body_copy(WEIR_STR("hello"));
    struct drive *d = sent(respond, GET);
    DRIVE_MUST(d, !drive_got(d, "\r\n\r\nhello"));
    drive_free(d);
}
static void switch_without_upgrade(void **s)
{
    (void)s;
    status = 101;
    fields = WEIR_NO_FIELDS;
    body = weir_body_tunnel();
    must_refuse("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: e\r\n\r\n");
}
static void hint_length(struct drive *d, weir_exchange *x)
{
    (void)d;
    code = weir_respond_interim(x, 103, WEIR_FIELDS({WEIR_STR("Content-Length"), WEIR_STR("5")}));
}
static void hint_coding(struct drive *d, weir_exchange *x)
{
    (void)d;
    code = weir_respond_interim(x, 103, WEIR_FIELDS({WEIR_STR("Transfer-Encoding"), WEIR_STR("chunked")}));
}
static void interim_framing(void **s)
{
    (void)s;
    struct drive *d = sent(hint_length, GET);
    DRIVE_MUST(d, code == WEIR_CODE_bad_response && d->out.size == 0);
    drive_free(d);
    d = sent(hint_coding, GET);
    DRIVE_MUST(d, code == WEIR_CODE_bad_response && d->out.size == 0);
    drive_free(d);
}
static void head_of_errors(void **s)
{
    (void)s;
    struct drive *d = drive_new();
    d->options.limits.body_size_max = 3;
    drive_open(d);
    drive_send(d, "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 413") && memcmp(d->out.octets + d->out.size - 4, "\r\n\r\n", 4) == 0);
    drive_free(d);
}
static void keep_alive_once(void **s)
{
    (void)s;
    status = 200;
    fields = WEIR_FIELDS({WEIR_STR("Connection"), WEIR_STR("keep-alive")});
    body = weir_body_none();
    struct drive *d = sent(respond, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    DRIVE_MUST(d, drive_count(d, "keep-alive") == 1);
    drive_free(d);
}
static void answer_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *e)
{
    (void)d;
    (void)e;
    code = weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_none());
}
static void respond_in_done(void **s)
{
    (void)s;
    struct drive *d = drive_new();
    d->script.done = answer_done;
    drive_open(d);
    drive_send(d, GET);
    drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
    DRIVE_MUST(d, d->closed && d->ending.octets_unsent == 0);
    assert_int_equal(code, WEIR_CODE_misuse);
    drive_free(d);
}
static void connect_with_content(void **s)
{
    (void)s;
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    assert_int_not_equal(drive_ask(d,
                                   WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("a:1"),
                                                .host = WEIR_STR("a:1"), .body = weir_body_copy(WEIR_STR("hello"))),
                                   NULL),
                         WEIR_OK);
    drive_free(d);
}
static void client_sized_huge(void **s)
{
    (void)s;
    struct drive *d = drive_new();
    d->options.role = WEIR_ROLE_CLIENT;
    drive_open(d);
    assert_int_not_equal(drive_ask(d,
                                   WEIR_REQUEST(.method = WEIR_STR("POST"), .target = WEIR_STR("/"),
                                                .host = WEIR_STR("a"), .body = weir_body_sized(UINT64_MAX)),
                                   NULL),
                         WEIR_OK);
    drive_free(d);
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(client_views),
                                       cmocka_unit_test(short_options),
                                       cmocka_unit_test(age_spreads),
                                       cmocka_unit_test(sized_huge),
                                       cmocka_unit_test(file_huge),
                                       cmocka_unit_test(kind_unknown),
                                       cmocka_unit_test(none_with_length),
                                       cmocka_unit_test(file_without),
                                       cmocka_unit_test(content_205),
                                       cmocka_unit_test(switch_without_upgrade),
                                       cmocka_unit_test(interim_framing),
                                       cmocka_unit_test(head_of_errors),
                                       cmocka_unit_test(keep_alive_once),
                                       cmocka_unit_test(respond_in_done),
                                       cmocka_unit_test(connect_with_content),
                                       cmocka_unit_test(client_sized_huge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
