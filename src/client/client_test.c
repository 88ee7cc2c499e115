/* Goal: options that are wrong are refused by name, and requests that may not be sent are refused by their call,
 * without an exchange. Method: one wrong thing at a time; the memory must be back at once. */
#include "client/scene.h"

static void refused(const struct scene *s, const weir_client_options *options, weir_code code, const char *part)
{
    weir_error error;
    weir_client *client = (weir_client *)(void *)&error;
    size_t before = s->memory.live;
    assert_int_equal(weir_client_new(&client, options, &error), code);
    assert_null(client);
    assert_int_equal(error.code, code);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
    assert_int_equal(weir_client_new(&client, options, NULL), code);
    assert_int_equal(s->memory.live, before);
}

static void test_options(void **state)
{
    struct scene s;
    (void)state;
    scene_init(&s);
#define OPTIONS(...) WEIR_CLIENT(.loop = s.loop, .allocator = s.allocator, __VA_ARGS__)
    refused(&s, NULL, WEIR_CODE_bad_option, "size is 0");
    refused(&s, &(weir_client_options){.loop = s.loop}, WEIR_CODE_bad_option, "size is 0");
    refused(&s, WEIR_CLIENT(.allocator = s.allocator), WEIR_CODE_bad_option, "loop is null");
    refused(&s, OPTIONS(.retry = (weir_retry_policy)3), WEIR_CODE_bad_option, "retry is 3");
    refused(&s, OPTIONS(.retry = (weir_retry_policy)101), WEIR_CODE_bad_option, "retry is 101");
    refused(&s, OPTIONS(.retries_max = 101), WEIR_CODE_bad_option, "retries_max is 101");
    refused(&s, OPTIONS(.connections_max = 2, .connections_per_origin = 3), WEIR_CODE_bad_option,
            "connections_per_origin is 3");
    refused(&s, OPTIONS(.connections_per_origin = 1025), WEIR_CODE_bad_option, "1024");
    refused(&s, OPTIONS(.limits.field_count_max = 5000), WEIR_CODE_bad_option, "field_count_max is 5000");
    refused(&s, OPTIONS(.proxy = WEIR_STR("nonsense")), WEIR_CODE_bad_option, "proxy is \"nonsense\"");
    scene_close(&s);
}

/* Addresses that are wrong are refused at once, or fail what is sent: never silently the default. */
static void test_addresses(void **state)
{
    static const char *const wrong[] = {"nonsense", "127.0.0.1:99999", "1.2.3", "::1:80x"};
    struct scene s;
    weir_error error;
    (void)state;
    scene_init(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct call a = {.done = 0};
        s.options.local_address = weir_str_from(wrong[i]);
        if (weir_client_new(&s.client, &s.options, &error) == WEIR_OK) {
            call_get(&s, &a);
            call_wait(&s, &a);
            assert_int_not_equal(a.ending.code, WEIR_CODE_complete);
            assert_int_equal(a.ending.stage, WEIR_STAGE_DIAL);
            scene_close_client(&s);
            s.endings = 0;
        }
    }
    scene_close(&s);
}

static void test_local_address(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    (void)state;
    scene_init(&s);
    s.options.local_address = WEIR_STR("127.0.0.9");
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    assert_int_equal(getpeername(v.fd, (struct sockaddr *)&from, &size), 0);
    assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
    served_request(&v);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    scene_close(&s);
    served_close(&v);
}

/* An IPv6 address with a zone: it is connected to with it, and the server does not see it (RFC 6874). */
static void test_zones(void **state)
{
    static const char *const zones[] = {"%25lo", "%lo", "%25l%6f"};
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t size = sizeof at;
    struct scene s;
    (void)state;
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) != 0) {
        if (listener >= 0)
            close(listener);
        skip(); /* no IPv6 here */
    }
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    unsigned port = ntohs(at.sin6_port);
    scene_open(&s);
    for (size_t i = 0; i <= sizeof zones / sizeof zones[0]; i++) {
        struct served v;
        struct call a = {.done = 0};
        char text[128], head[128];
        bool to = i == sizeof zones / sizeof zones[0];
        if (to)
            (void)snprintf(text, sizeof text, "[::1%%lo]:%u", port);
        else
            (void)snprintf(text, sizeof text, "http://[::1%s]:%u/x", zones[i], port);
        if (to)
            (void)snprintf(head, sizeof head, "GET /x HTTP/1.1\r\nHost: a\r\n");
        else
            (void)snprintf(head, sizeof head, "GET /x HTTP/1.1\r\nHost: [::1]:%u\r\n", port);
        call_send(&s, &a,
                  to ? WEIR_REQUEST(.connect_to = weir_str_from(text), .host = WEIR_STR("a"), .target = WEIR_STR("/x"))
                     : WEIR_REQUEST(.url = weir_str_from(text)));
        SCENE_UNTIL(&s, served_try(&v, &s, listener));
        served_read(&v, head);
        served_say(&v, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        call_wait(&s, &a);
        CALL_EXPECT(&a, OK);
        served_close(&v);
    }
    struct call unassigned = {.done = 0};
    call_send(&s, &unassigned, WEIR_REQUEST(.url = WEIR_STR("http://[fe80::1%25nowhere]/")));
    call_wait(&s, &unassigned);
    CALL_EXPECT(&unassigned, "done resolve_failed dial not_sent");
    scene_close(&s);
    close(listener);
}

static void not_sent(const struct scene *s, const weir_request *request, weir_code code, const char *part)
{
    weir_error error;
    weir_exchange *x = (weir_exchange *)(void *)&error;
    size_t before = s->memory.live;
    weir_code got = weir_client_send(s->client, request, &x, &error);
    if (got != code)
        fail_msg("%s (%s), not %s", weir_code_name(got), error.text, weir_code_name(code));
    assert_null(x);
    assert_int_equal(error.code, code);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
    assert_int_equal(weir_client_send(s->client, request, NULL, NULL), code);
    assert_true(s->memory.live <= before + 8192); /* blocks that are kept for the next */
    assert_int_equal(scene_counts(s).origins, 0);
}

static void test_requests(void **state)
{
    static const weir_handler none = {.size = 0};
    struct scene s;
    (void)state;
    scene_open(&s);
#define URL(text) WEIR_REQUEST(.url = WEIR_STR(text))
    not_sent(&s, NULL, WEIR_CODE_misuse, "no size");
    not_sent(&s, &(weir_request){.url = WEIR_STR("http://a/")}, WEIR_CODE_misuse, "no size");
    not_sent(&s, WEIR_REQUEST(.url = WEIR_STR("http://a/"), .handler = &none), WEIR_CODE_misuse, "no size");
    /* Of a program built with a header to come. */
    struct {
        weir_handler known;
        size_t more;
    } newer = {.known = {.size = sizeof newer}, .more = 1};
    not_sent(&s, WEIR_REQUEST(.url = WEIR_STR("http://a/"), .handler = &newer.known), WEIR_CODE_unsupported,
             "does not have");
    not_sent(&s, WEIR_REQUEST(.target = WEIR_STR("/")), WEIR_CODE_bad_url, "missing");
    not_sent(&s, URL("a"), WEIR_CODE_bad_url, "\"a\"");
    not_sent(&s, URL("ftp://a/"), WEIR_CODE_bad_url, "scheme");
    not_sent(&s, URL("https://a/"), WEIR_CODE_unsupported, "TLS");
    not_sent(&s, URL("http://a/ b"), WEIR_CODE_bad_url, "http://a/ b");
    not_sent(&s, URL("http://a\"b/"), WEIR_CODE_bad_host, "");
    not_sent(&s, URL("http://[::1%25]/"), WEIR_CODE_bad_url, "zone");
    not_sent(&s, URL("http://[::1%]/"), WEIR_CODE_bad_url, "zone");
    not_sent(&s, URL("http://[%25lo]/"), WEIR_CODE_bad_url, "zone");
    not_sent(&s, WEIR_REQUEST(.connect_to = WEIR_STR("a:1")), WEIR_CODE_bad_target, "");
    not_sent(&s, WEIR_REQUEST(.connect_to = WEIR_STR("a:1"), .target = WEIR_STR("/")), WEIR_CODE_bad_host, "");
#define TO(text) WEIR_REQUEST(.connect_to = WEIR_STR(text), .url = WEIR_STR("http://a/"))
    not_sent(&s, TO("a"), WEIR_CODE_bad_address, "");
    not_sent(&s, TO("a:0"), WEIR_CODE_bad_address, "a:0");
    not_sent(&s, TO(":80"), WEIR_CODE_bad_address, ":80");
    not_sent(&s, TO("systemd"), WEIR_CODE_bad_address, "systemd");
#define WITH(...) WEIR_REQUEST(.url = WEIR_STR("http://a/"), __VA_ARGS__)
    not_sent(&s, WITH(.method = WEIR_STR("G T")), WEIR_CODE_bad_method, "");
    not_sent(&s, WITH(.host = WEIR_STR("a b")), WEIR_CODE_bad_host, "");
    not_sent(&s, WITH(.fields = WEIR_FIELDS({WEIR_STR_INIT("a b"), WEIR_STR_INIT("c")})), WEIR_CODE_bad_field_name, "");
    not_sent(&s, WITH(.fields = WEIR_FIELDS({WEIR_STR_INIT("a"), WEIR_STR_INIT("b\r\nc: d")})),
             WEIR_CODE_bad_field_value, "");
    not_sent(&s, WITH(.fields = WEIR_FIELDS({WEIR_STR_INIT("Content-Length"), WEIR_STR_INIT("7")})),
             WEIR_CODE_bad_content_length, "");
    not_sent(&s, WITH(.body = weir_body_tunnel()), WEIR_CODE_misuse, "");
    scene_close(&s);
}

/* A request without a handler is sent, and ends. */
static void test_no_handler(void **state)
{
    struct scene s;
    struct served v;
    (void)state;
    scene_open(&s);
    assert_int_equal(weir_client_send(s.client, WEIR_REQUEST(.url = weir_str_from(s.url)), NULL, NULL), WEIR_OK);
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, ANSWER(2, "ok"));
    SCENE_UNTIL(&s, scene_counts(&s).idle == 1);
    assert_int_equal(scene_ledger(&s).exchanges_by_code[WEIR_CODE_complete], 1);
    scene_close(&s);
    served_close(&v);
}

/* An older program's structs are shorter: what they have is filled, and no more. */
static void test_shorter_structs(void **state)
{
    struct scene s;
    weir_pool_counts counts;
    weir_ledger ledger;
    (void)state;
    scene_open(&s);
    memset(&counts, 0x77, sizeof counts);
    counts.size = offsetof(weir_pool_counts, busy);
    weir_client_counts(s.client, &counts);
    assert_int_equal(counts.size, offsetof(weir_pool_counts, busy));
    assert_int_equal(counts.dialling, 0);
    assert_int_equal(counts.busy, UINT64_C(0x7777777777777777));
    memset(&ledger, 0x77, sizeof ledger);
    ledger.size = offsetof(weir_ledger, idle);
    weir_client_ledger(s.client, &ledger);
    assert_int_equal(ledger.alive, 0);
    assert_int_equal(ledger.idle, UINT64_C(0x7777777777777777));
    weir_client_options options = s.options;
    weir_client *client;
    options.size = offsetof(weir_client_options, connections_max);
    options.connections_max = 1; /* not looked at */
    options.connections_per_origin = 5;
    assert_int_equal(weir_client_new(&client, &options, NULL), WEIR_OK);
    weir_client_free(client);
    weir_client_free(NULL);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),         cmocka_unit_test(test_addresses), cmocka_unit_test(test_local_address),
        cmocka_unit_test(test_zones),           cmocka_unit_test(test_requests),  cmocka_unit_test(test_no_handler),
        cmocka_unit_test(test_shorter_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
