/* Goal: a connection that does not come to be fails whoever waited longest for it, with the reason; one that comes
 * to be is the origin's. Method: as pool_test.c: nobody listens, or the queue is full, or a name server of the test
 * says no. */
#include "client/scene.h"

#include <sys/un.h>

#include "io/fake_dns.h"

static void test_refused(void **state)
{
    struct scene s;
    struct call calls[3];
    (void)state;
    scene_open(&s);
    close(s.listener);
    s.listener = -1;
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 3; i++)
        call_get(&s, &calls[i]);
    for (int i = 0; i < 3; i++) {
        call_wait(&s, &calls[i]);
        CALL_EXPECT(&calls[i], "done connect_refused dial not_sent");
        assert_int_equal(calls[i].ending.how, weir_code_how(WEIR_CODE_connect_refused));
        assert_int_equal(calls[i].ending.delivery, WEIR_DELIVERY_NONE_OWED);
    }
    assert_int_equal(s.endings, 3);
    assert_int_equal(s.last.stage, WEIR_STAGE_DIAL);
    assert_int_equal(s.last.os, ECONNREFUSED);
    assert_int_equal(s.last.peer.family, AF_INET);
    assert_int_equal(scene_ledger(&s).ended_by_stage[WEIR_STAGE_DIAL], 3);
    SCENE_UNTIL(&s, scene_counts(&s).origins == 0);
    scene_close(&s);
}

/* One connection is there and a second cannot be made: whoever waits is served by the first, and nobody fails. */
static void test_refused_beside_others(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.retry = WEIR_RETRY_NEVER;
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    served_request(&v);
    close(s.listener);
    s.listener = -1;
    call_get(&s, &b);
    SCENE_UNTIL(&s, s.endings == 1);
    scene_settle(&s);
    assert_int_equal(s.endings, 1);
    assert_int_equal(b.done, 0);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    served_answer(&v, &b);
    call_get(&s, &c);
    served_request(&v);
    served_close(&v);
    call_wait(&s, &c);
    CALL_EXPECT(&c, "done peer_fin_in_handler handler maybe_processed");
    scene_close(&s);
}

/* A dial ends by its own clock, and fails one of those who wait. */
static void test_connect_timeout(void **state)
{
    struct scene s;
    struct call c = {.done = 0}, d = {.done = 0};
    char address[64], url[80];
    int fillers[4];
    (void)state;
    scene_init(&s);
    s.options.connect_timeout_ns = 300 * WEIR_MS;
    scene_start(&s);
    int listener = scene_listen_full(address, fillers);
    (void)snprintf(url, sizeof url, "http://%s", address);
    call_send(&s, &c, WEIR_REQUEST(.url = weir_str_from(url)));
    call_send(&s, &d, WEIR_REQUEST(.url = weir_str_from(url)));
    call_wait(&s, &c);
    CALL_EXPECT(&c, "done connect_timeout dial not_sent");
    call_wait(&s, &d);
    CALL_EXPECT(&d, "done connect_timeout dial not_sent");
    SCENE_UNTIL(&s, s.endings == 2 && scene_counts(&s).origins == 0);
    assert_int_equal(s.last.code, WEIR_CODE_connect_timeout);
    scene_close(&s);
    close(listener);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
}

/* Who asked for the dial does not want it any more, and another waits: the connection is that one's. */
static void test_dial_outlives_its_request(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    char address[64], url[80];
    int fillers[4];
    (void)state;
    scene_open(&s);
    int listener = scene_listen_full(address, fillers);
    (void)snprintf(url, sizeof url, "http://%s", address);
    call_send(&s, &a, WEIR_REQUEST(.url = weir_str_from(url)));
    SCENE_UNTIL(&s, scene_counts(&s).dialling == 1);
    weir_exchange_abort(a.x);
    call_send(&s, &b, WEIR_REQUEST(.url = weir_str_from(url)));
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done aborted dial not_sent");
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    while (served_try(&v, &s, listener))
        served_close(&v);
    SCENE_UNTIL(&s, served_try(&v, &s, listener)); /* the kernel asks again after a second */
    served_answer(&v, &b);
    assert_int_equal(scene_ledger(&s).accepted, 1);
    scene_close(&s);
    served_close(&v);
    close(listener);
}

static void test_names(void **state)
{
    static const struct fake_name names[] = {
        {.name = "here.test", .addresses = {"127.0.0.1"}},
        {.name = "silent.test", .silent = true},
        {.name = NULL},
    };
    struct scene s;
    struct served v;
    struct fake_dns dns;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0};
    char url[80];
    (void)state;
    scene_init(&s);
    assert_true(fake_dns_open(&dns, s.loop, names));
    s.options.name_servers = weir_str_from(dns.address);
    s.options.resolve_timeout_ns = 20 * WEIR_SECOND;
    scene_start(&s);
    (void)snprintf(url, sizeof url, "http://here.test%s/", strchr(s.address, ':'));
    call_send(&s, &a, WEIR_REQUEST(.url = weir_str_from(url)));
    call_send(&s, &b, WEIR_REQUEST(.url = WEIR_STR("http://unassigned.test/")));
    call_wait(&s, &b);
    bool resolves = strstr(b.log, "unsupported") == NULL; /* this build */
    if (resolves) {
        CALL_EXPECT(&b, "done resolve_failed dial not_sent");
        served_accept(&v, &s);
        served_read(&v, "Host: here.test:");
        served_answer(&v, &a);
        served_close(&v);
    }
    scene_close_client(&s);
    s.endings = 0;
    s.options.resolve_timeout_ns = 100 * WEIR_MS;
    scene_start(&s);
    call_send(&s, &c, WEIR_REQUEST(.url = WEIR_STR("http://silent.test/")));
    call_wait(&s, &c);
    if (resolves)
        CALL_EXPECT(&c, "done resolve_timeout dial not_sent");
    scene_close_client(&s);
    fake_dns_close(&dns);
    scene_close(&s);
}

static void test_unix_socket(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char to[160];
    (void)state;
    scene_open(&s);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "/tmp/weir-pool-test-%ld", (long)getpid());
    (void)snprintf(to, sizeof to, "unix:%s", at.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 16), 0);
    call_send(&s, &a,
              WEIR_REQUEST(.connect_to = weir_str_from(to), .host = WEIR_STR("a.test"), .target = WEIR_STR("/x")));
    SCENE_UNTIL(&s, served_try(&v, &s, listener));
    served_read(&v, "GET /x HTTP/1.1\r\nHost: a.test\r\n");
    served_answer(&v, &a);
    /* The URL says what to ask for, connect_to where. */
    call_send(&s, &b, WEIR_REQUEST(.connect_to = weir_str_from(to), .url = WEIR_STR("http://b.test/y?z")));
    served_read(&v, "GET /y?z HTTP/1.1\r\nHost: b.test\r\n");
    served_answer(&v, &b);
    assert_int_equal(scene_ledger(&s).accepted, 1);
    served_close(&v);
    close(listener);
    unlink(at.sun_path);
    SCENE_UNTIL(&s, s.endings == 1);
    memset(&a, 0, sizeof a);
    call_send(&s, &a,
              WEIR_REQUEST(.connect_to = weir_str_from(to), .host = WEIR_STR("a.test"), .target = WEIR_STR("/x")));
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done connect_refused dial not_sent");
    scene_close(&s);
}

/* --- dialled again ---------------------------------------------------------------------------------------------- */

/* A port that refuses, and that nobody else gets; until somebody listens there. */
static void bind_only(struct scene *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    close(s->listener);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(s->address, sizeof s->address, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    (void)snprintf(s->url, sizeof s->url, "http://%s/", s->address);
}

/* Each dial of a round fails, and all who wait have borne one failure: those of one round are one. */
static void test_redial_in_vain(void **state)
{
    (void)state;
    for (unsigned retries_max = 1; retries_max <= 2; retries_max++) {
        struct scene s;
        struct call calls[5];
        scene_init(&s);
        s.options.retry = WEIR_RETRY_PROVEN;
        s.options.retries_max = retries_max;
        s.options.connections_per_origin = 3;
        scene_start(&s);
        bind_only(&s);
        memset(calls, 0, sizeof calls);
        double from = scene_seconds();
        for (int i = 0; i < 5; i++)
            call_get(&s, &calls[i]);
        for (int i = 0; i < 5; i++) {
            call_wait(&s, &calls[i]);
            CALL_EXPECT(&calls[i], "done connect_refused dial not_sent");
            assert_int_equal(calls[i].retries, 0);
        }
        assert_true(scene_seconds() - from >= (retries_max == 1 ? 0.075 : 0.225)); /* the shortest pauses */
        SCENE_UNTIL(&s, s.endings == 3 * (retries_max + 1));
        SCENE_UNTIL(&s, scene_counts(&s).origins == 0);
        scene_close(&s);
    }
}

static void stream_it(struct call *call)
{
    (void)weir_write(call->x, WEIR_STR("content"));
    (void)weir_finish(call->x, WEIR_NO_FIELDS);
}

/* The server comes back: who waited is served, in order, a stream too. */
static void test_redial(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.on_room = stream_it}, b = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.retry = WEIR_RETRY_PROVEN;
    s.options.retries_max = 100;
    s.options.connections_per_origin = 1;
    scene_start(&s);
    bind_only(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_stream()));
    SCENE_UNTIL(&s, s.endings == 2);
    assert_int_equal(a.done, 0);
    call_get(&s, &b);
    assert_int_equal(listen(s.listener, 128), 0);
    served_accept(&v, &s);
    served_read(&v, "content\r\n0\r\n\r\n");
    served_say(&v, ANSWER(2, "ok"));
    v.size = 0;
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    served_answer(&v, &b);
    scene_close(&s);
    served_close(&v);
}

/* A pause is no time in which others wait: whoever gives up, or runs out of time, ends at once. */
static void test_redial_given_up(void **state)
{
    struct scene s;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.retry = WEIR_RETRY_IDEMPOTENT;
    s.options.retries_max = 100;
    scene_start(&s);
    bind_only(&s);
    call_get(&s, &a);
    call_send(&s, &b, WEIR_REQUEST(.timeout_ns = 300 * WEIR_MS));
    call_get(&s, &c);
    SCENE_UNTIL(&s, s.endings >= 1);
    weir_exchange_abort(a.x);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done aborted dial not_sent");
    call_wait(&s, &b);
    CALL_EXPECT(&b, "done exchange_timeout dial not_sent");
    assert_int_equal(c.done, 0);
    scene_close(&s); /* in the middle of a pause */
    CALL_EXPECT(&c, "done stopped dial not_sent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refused_beside_others),
        cmocka_unit_test(test_redial_in_vain),
        cmocka_unit_test(test_redial),
        cmocka_unit_test(test_redial_given_up),
        cmocka_unit_test(test_connect_timeout),
        cmocka_unit_test(test_dial_outlives_its_request),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
