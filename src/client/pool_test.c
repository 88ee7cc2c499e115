/* Goal: the pool keeps what weir/client.h promises of connections and of waiting requests. Method: a client and its
 * servers on one loop (client/scene.h); the test is the server, and says when. */
#include "client/scene.h"

/* --- reuse ------------------------------------------------------------------------------------------------------ */

static void test_keep_alive(void **state)
{
    struct scene s;
    struct served v;
    uint64_t connection = 0;
    (void)state;
    scene_open(&s);
    for (int i = 0; i < 5; i++) {
        struct call call = {.done = 0};
        call_get(&s, &call);
        if (i == 0)
            served_accept(&v, &s);
        served_answer(&v, &call);
        assert_int_equal(call.ending.retry, WEIR_RETRY_PROCESSED);
        connection = i == 0 ? call.connection : connection;
        assert_int_equal(call.connection, connection);
    }
    weir_pool_counts c = scene_counts(&s);
    assert_int_equal(c.reused, 4);
    assert_int_equal(c.idle, 1);
    assert_int_equal(c.busy + c.dialling + c.waiting + c.closing, 0);
    assert_int_equal(c.origins, 1);
    assert_int_equal(scene_ledger(&s).accepted, 1);
    assert_int_equal(scene_ledger(&s).exchanges_done, 5);
    scene_close(&s);
    served_close(&v);
}

/* A host has no case (RFC 9110, 4.2.3), so that an origin has one set of connections, however it is spelt. */
static void test_spelling(void **state)
{
    static const char *const hosts[] = {"localhost", "LOCALHOST", "LocalHost"};
    struct scene s;
    struct served v;
    (void)state;
    scene_open(&s);
    for (int i = 0; i < 3; i++) {
        char url[64];
        struct call call = {.done = 0};
        (void)snprintf(url, sizeof url, "http://%s%s/", hosts[i], strchr(s.address, ':'));
        call_send(&s, &call, WEIR_REQUEST(.url = weir_str_from(url)));
        if (i == 0)
            served_accept(&v, &s);
        served_read(&v, hosts[i]); /* asked for as it was written */
        served_answer(&v, &call);
    }
    assert_int_equal(scene_counts(&s).origins, 1);
    assert_int_equal(scene_ledger(&s).accepted, 1);
    scene_close(&s);
    served_close(&v);
}

/* After this answer, and what the server does next, another request needs another connection. */
static void expect_not_reused(const char *said, bool closes, const char *log, weir_code code)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0};
    scene_open(&s);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_request(&first);
    served_say(&first, said);
    if (closes)
        served_close(&first);
    call_wait(&s, &a);
    CALL_EXPECT(&a, log);
    call_get(&s, &b);
    served_accept(&second, &s);
    served_answer(&second, &b);
    assert_int_not_equal(a.connection, b.connection);
    if (!closes)
        served_close(&first);
    SCENE_UNTIL(&s, s.endings == 1);
    if (s.last.code != code)
        fail_msg("ended as %s", weir_code_name(s.last.code));
    assert_int_equal(scene_counts(&s).reused, 0);
    scene_close(&s);
    served_close(&second);
}

static void test_what_is_not_reused(void **state)
{
    (void)state;
    expect_not_reused("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false, OK,
                      WEIR_CODE_close_requested);
    expect_not_reused("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", true, OK,
                      WEIR_CODE_close_requested);
    expect_not_reused("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, OK, WEIR_CODE_close_requested);
    expect_not_reused("HTTP/1.1 200 OK\r\n\r\nok", true, OK, WEIR_CODE_close_delimited);
    expect_not_reused(ANSWER(2, "ok") "x", false, OK, WEIR_CODE_unexpected_octets);
    expect_not_reused(ANSWER(2, "ok") ANSWER(2, "no"), false, OK, WEIR_CODE_unexpected_octets);
    expect_not_reused(ANSWER(2, "ok"), true, OK, WEIR_CODE_peer_fin_idle);
}

static void test_we_say_close(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_open(&s);
    call_send(&s, &a, WEIR_REQUEST(.fields = WEIR_FIELDS({WEIR_STR_INIT("Connection"), WEIR_STR_INIT("close")})));
    served_accept(&v, &s);
    served_answer(&v, &a);
    served_fin(&v);
    served_close(&v);
    call_get(&s, &b);
    weir_exchange_close(b.x); /* while it waits: its head says so */
    served_accept(&v, &s);
    served_read(&v, "Connection: close\r\n");
    served_answer(&v, &b);
    served_fin(&v);
    served_close(&v);
    scene_close(&s);
}

/* What lies in the kernel when the next request is sent: the loop has not run since. */
static void expect_stale(const char *unread, bool closes)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0};
    scene_open(&s);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_answer(&first, &a);
    assert_int_equal(scene_counts(&s).idle, 1);
    served_say(&first, unread);
    if (closes)
        served_close(&first);
    call_get(&s, &b);
    assert_int_equal(scene_counts(&s).stale, 1);
    served_accept(&second, &s);
    served_answer(&second, &b);
    assert_int_equal(b.retries, 0);
    if (!closes)
        served_close(&first);
    scene_close(&s);
    served_close(&second);
}

static void test_stale(void **state)
{
    (void)state;
    expect_stale("", true);
    expect_stale("x", false);
    expect_stale("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", true);
}

/* A look that finds the reset takes the kernel's word of it away: the ending says it all the same. */
static void test_stale_by_reset(void **state)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_open(&s);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_answer(&first, &a);
    served_abort(&first);
    call_get(&s, &b);
    served_accept(&second, &s);
    served_answer(&second, &b);
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(scene_counts(&s).stale, 1);
    assert_int_equal(b.retries, 0);
    assert_string_equal(weir_code_name(s.last.code), "peer_reset_idle");
    scene_close(&s);
    served_close(&second);
}

/* The FIN is behind the answer when the connection comes free, and a request waits for it already. */
static void test_fin_behind_the_answer(void **state)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 1;
    scene_start(&s);
    call_get(&s, &a);
    call_get(&s, &b);
    served_accept(&first, &s);
    served_request(&first);
    served_say(&first, ANSWER(2, "ok"));
    served_close(&first);
    served_accept(&second, &s);
    served_answer(&second, &b);
    CALL_EXPECT(&a, OK);
    assert_int_equal(b.retries, 0);
    assert_int_equal(scene_counts(&s).stale, 1);
    scene_close(&s);
    served_close(&second);
}

/* --- the server leaves while a request is on its way ------------------------------------------------------------ */

struct leaving {
    struct served *server;
    struct call *next;
    bool resets;
};

/* The kernel was asked and nothing had come; the request is written at the end of this round. */
static void send_and_leave(struct call *call)
{
    struct leaving *l = call->app;
    call_get(call->scene, l->next);
    if (l->resets)
        served_abort(l->server);
    else
        served_close(l->server);
}

static void left_on_its_way(weir_retry_policy policy, bool resets, const char *log)
{
    struct scene s;
    struct served first, second, third;
    struct call a = {.done = 0}, b = {.on_done = send_and_leave}, c = {.done = 0};
    scene_init(&s);
    s.options.retry = policy;
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_request(&first);
    call_get(&s, &b);
    served_accept(&second, &s);
    served_request(&second);
    served_say(&first, ANSWER(2, "ok"));
    call_wait(&s, &a);
    struct leaving leaving = {.server = &first, .next = &c, .resets = resets};
    b.app = &leaving;
    served_say(&second, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    if (policy != WEIR_RETRY_NEVER) {
        served_accept(&third, &s);
        served_request(&third);
        served_say(&third, ANSWER(2, "ok"));
    }
    call_wait(&s, &c);
    CALL_EXPECT(&c, log);
    assert_int_equal(c.retries, policy != WEIR_RETRY_NEVER);
    scene_close(&s);
    served_close(&second);
    if (policy != WEIR_RETRY_NEVER)
        served_close(&third);
}

static void test_left_on_its_way(void **state)
{
    (void)state;
    left_on_its_way(WEIR_RETRY_NEVER, false, "done peer_fin_idle idle not_processed");
    left_on_its_way(WEIR_RETRY_PROVEN, false, OK);
    left_on_its_way(WEIR_RETRY_IDEMPOTENT, false, OK);
    left_on_its_way(WEIR_RETRY_NEVER, true, "done peer_reset_in_handler handler not_sent");
    left_on_its_way(WEIR_RETRY_PROVEN, true, OK);
}

/* --- who waits -------------------------------------------------------------------------------------------------- */

static unsigned next_rank;

static void note_rank(struct call *call)
{
    *(unsigned *)call->app = next_rank++;
}

static void test_order(void **state)
{
    struct scene s;
    struct served v;
    struct call calls[6];
    unsigned ranks[6];
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 1;
    scene_start(&s);
    next_rank = 0;
    memset(calls, 0, sizeof calls);
    for (unsigned i = 0; i < 6; i++) {
        char url[160];
        (void)snprintf(url, sizeof url, "%s%u", s.url, i);
        calls[i].on_done = note_rank;
        calls[i].app = &ranks[i];
        call_send(&s, &calls[i], WEIR_REQUEST(.url = weir_str_from(url)));
    }
    assert_int_equal(scene_counts(&s).waiting, 6);
    served_accept(&v, &s);
    for (unsigned i = 0; i < 6; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "GET /%u HTTP/1.1\r\n", i);
        served_read(&v, line);
        served_answer(&v, &calls[i]);
        assert_int_equal(ranks[i], i);
    }
    assert_int_equal(scene_ledger(&s).accepted, 1);
    scene_close(&s);
    served_close(&v);
}

static void test_per_origin(void **state)
{
    struct scene s;
    struct served first, second, third;
    struct call calls[5];
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 2;
    scene_start(&s);
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 5; i++)
        call_get(&s, &calls[i]);
    served_accept(&first, &s);
    served_accept(&second, &s);
    SCENE_UNTIL(&s, scene_counts(&s).busy == 2);
    scene_settle(&s);
    assert_false(served_try(&third, &s, s.listener));
    assert_int_equal(scene_counts(&s).waiting, 3);
    struct served *served[] = {&first, &second, &second, &first, &second};
    for (int i = 0; i < 5; i++) {
        served_request(served[i]);
        served_say(served[i], ANSWER(2, "ok"));
        SCENE_UNTIL(&s,
                    calls[0].done + calls[1].done + calls[2].done + calls[3].done + calls[4].done == (unsigned)i + 1);
    }
    assert_int_equal(scene_ledger(&s).accepted, 2);
    scene_close(&s);
    served_close(&first);
    served_close(&second);
}

static void test_pool_full(void **state)
{
    struct scene s;
    struct served v;
    struct call calls[4];
    weir_error error;
    weir_exchange *x = (weir_exchange *)(void *)&s;
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 1;
    s.options.waiting_max = 2;
    scene_start(&s);
    memset(calls, 0, sizeof calls);
    call_get(&s, &calls[0]);
    call_get(&s, &calls[1]);
    assert_int_equal(weir_client_send(s.client, WEIR_REQUEST(.url = weir_str_from(s.url)), &x, &error),
                     WEIR_CODE_pool_full);
    assert_null(x);
    assert_int_equal(error.code, WEIR_CODE_pool_full);
    assert_non_null(strstr(error.text, "2 requests"));
    assert_int_equal(call_try(&s, &calls[3], WEIR_REQUEST(.url = WEIR_STR("http://127.0.0.1:1/"))),
                     WEIR_CODE_pool_full);
    assert_int_equal(scene_counts(&s).origins, 1);
    served_accept(&v, &s);
    served_request(&v);
    call_get(&s, &calls[2]); /* the first is on its connection: there is a place */
    assert_int_equal(call_try(&s, &calls[3], WEIR_REQUEST(.method = WEIR_STR("GET"))), WEIR_CODE_pool_full);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &calls[0]);
    served_answer(&v, &calls[1]);
    served_answer(&v, &calls[2]);
    assert_int_equal(calls[3].done, 0);
    scene_close(&s);
    served_close(&v);
}

/* --- all connections -------------------------------------------------------------------------------------------- */

/* An idle connection of one origin gives way to a request to another. */
static void test_idle_gives_way(void **state)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0};
    char other[64], url[80];
    (void)state;
    scene_init(&s);
    s.options.connections_max = 1;
    scene_start(&s);
    int listener = scene_listen(other);
    (void)snprintf(url, sizeof url, "http://%s", other);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_answer(&first, &a);
    call_send(&s, &b, WEIR_REQUEST(.url = weir_str_from(url)));
    SCENE_UNTIL(&s, served_try(&second, &s, listener));
    served_answer(&second, &b);
    assert_int_equal(s.endings, 1);
    assert_int_equal(s.last.code, WEIR_CODE_idle_reclaimed);
    served_close(&first);
    served_close(&second);
    scene_close(&s);
    close(listener);
}

/* All connections are busy with another origin: the request waits until one is not. */
static void other_comes_free(bool ends, bool by_failing)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0};
    char other[64], url[80];
    scene_init(&s);
    s.options.connections_max = 1;
    scene_start(&s);
    int listener = scene_listen(other);
    (void)snprintf(url, sizeof url, "http://%s", other);
    call_get(&s, &a);
    served_accept(&first, &s);
    served_request(&first);
    call_send(&s, &b, WEIR_REQUEST(.url = weir_str_from(url)));
    call_send(&s, &c, WEIR_REQUEST(.url = weir_str_from(url)));
    scene_settle(&s);
    assert_false(served_try(&second, &s, listener));
    assert_int_equal(scene_counts(&s).waiting, 2);
    if (!by_failing)
        served_say(&first, ANSWER(2, "ok"));
    if (ends)
        served_close(&first);
    call_wait(&s, &a);
    SCENE_UNTIL(&s, served_try(&second, &s, listener));
    served_answer(&second, &b);
    served_answer(&second, &c);
    if (!ends)
        served_close(&first);
    served_close(&second);
    scene_close(&s);
    close(listener);
}

static void test_another_origin_comes_free(void **state)
{
    (void)state;
    other_comes_free(false, false);
    other_comes_free(true, false);
    other_comes_free(true, true);
}

/* An origin whose requests never cease does not keep another one waiting beyond its turn. */
/* Who has got a place and wants another stands behind those that have none. */
static void test_origins_stand_behind(void **state)
{
    struct scene s;
    struct served first, second, third, fourth;
    struct call a = {.done = 0}, beside = {.done = 0}, b = {.done = 0}, more = {.done = 0}, c = {.done = 0};
    char one[64], two[64], url_one[80], url_two[80];
    (void)state;
    scene_init(&s);
    s.options.connections_max = s.options.connections_per_origin = 2;
    scene_start(&s);
    int listener_one = scene_listen(one), listener_two = scene_listen(two);
    (void)snprintf(url_one, sizeof url_one, "http://%s", one);
    (void)snprintf(url_two, sizeof url_two, "http://%s", two);
    call_get(&s, &a);
    served_accept(&first, &s);
    call_get(&s, &beside);
    served_accept(&second, &s);
    call_send(&s, &b, WEIR_REQUEST(.url = weir_str_from(url_one)));
    weir_loop_step(s.loop, 2 * WEIR_MS);
    call_send(&s, &c, WEIR_REQUEST(.url = weir_str_from(url_two)));
    weir_loop_step(s.loop, 2 * WEIR_MS);
    call_send(&s, &more, WEIR_REQUEST(.url = weir_str_from(url_one)));
    weir_loop_step(s.loop, 2 * WEIR_MS);
    served_answer(&first, &a);
    SCENE_UNTIL(&s, served_try(&third, &s, listener_one));
    served_answer(&second, &beside);
    SCENE_UNTIL(&s, served_try(&fourth, &s, listener_two));
    served_answer(&fourth, &c);
    assert_int_equal(b.done + more.done, 0);
    served_answer(&third, &b);
    served_answer(&third, &more);
    served_close(&first);
    served_close(&second);
    served_close(&third);
    served_close(&fourth);
    scene_close(&s);
    close(listener_one);
    close(listener_two);
}

static void test_origins_take_turns(void **state)
{
    struct scene s;
    struct served first, second, third;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0}, other_one = {.done = 0};
    char other[64], url[80];
    (void)state;
    scene_init(&s);
    s.options.connections_max = 1;
    scene_start(&s);
    int listener = scene_listen(other);
    (void)snprintf(url, sizeof url, "http://%s", other);
    call_get(&s, &a);
    served_accept(&first, &s);
    call_get(&s, &b);
    weir_loop_step(s.loop, 2 * WEIR_MS);
    call_send(&s, &other_one, WEIR_REQUEST(.url = weir_str_from(url)));
    weir_loop_step(s.loop, 2 * WEIR_MS);
    call_get(&s, &c);
    served_answer(&first, &a);
    served_answer(&first, &b); /* it had waited for longer */
    SCENE_UNTIL(&s, served_try(&second, &s, listener));
    served_answer(&second, &other_one);
    assert_int_equal(c.done, 0);
    served_accept(&third, &s);
    served_answer(&third, &c);
    served_close(&first);
    served_close(&second);
    served_close(&third);
    scene_close(&s);
    close(listener);
}

/* The place was taken by a dial, which fails. */
static void test_another_origins_dial_fails(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    char other[64], url[80];
    (void)state;
    scene_init(&s);
    s.options.connections_max = 1;
    scene_start(&s);
    close(scene_listen(other));
    (void)snprintf(url, sizeof url, "http://%s", other);
    call_send(&s, &a, WEIR_REQUEST(.url = weir_str_from(url)));
    call_get(&s, &b);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done connect_refused dial not_sent");
    served_accept(&v, &s);
    served_answer(&v, &b);
    scene_close(&s);
    served_close(&v);
}

/* --- times ------------------------------------------------------------------------------------------------------ */

static void test_acquire_timeout(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0}, c = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 1;
    s.options.acquire_timeout_ns = 200 * WEIR_MS;
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    served_request(&v);
    call_get(&s, &b);
    call_send(&s, &c, WEIR_REQUEST(.timeout_ns = 20 * WEIR_MS));
    call_wait(&s, &c);
    CALL_EXPECT(&c, "done exchange_timeout dial not_sent");
    call_wait(&s, &b);
    CALL_EXPECT(&b, "done acquire_timeout dial not_sent");
    assert_true(b.ending.lived_ns >= 200 * WEIR_MS);
    assert_int_equal(scene_counts(&s).waiting, 0);
    assert_int_equal(a.done, 0); /* it has its connection */
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    scene_close(&s);
    served_close(&v);
}

static void test_idle_timeout(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.limits.idle_timeout_ns = 30 * WEIR_MS;
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    served_answer(&v, &a);
    served_fin(&v);
    served_close(&v);
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(s.last.code, WEIR_CODE_idle_timeout);
    assert_int_equal(scene_counts(&s).idle, 0);
    SCENE_UNTIL(&s, scene_counts(&s).origins == 0); /* nothing is left of it */
    scene_close(&s);
}

static void test_exchange_limit(void **state)
{
    struct scene s;
    struct served v;
    struct call calls[4];
    (void)state;
    scene_init(&s);
    s.options.limits.exchange_count_max = 2;
    scene_start(&s);
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 4; i++) {
        call_get(&s, &calls[i]);
        if (i % 2 == 0)
            served_accept(&v, &s);
        served_read(&v, "\r\n\r\n");
        assert_int_equal(strstr(v.octets, "Connection: close\r\n") != NULL, i % 2);
        served_answer(&v, &calls[i]);
        if (i % 2 == 0)
            continue;
        served_fin(&v);
        served_close(&v);
        SCENE_UNTIL(&s, s.endings == (unsigned)i / 2 + 1);
        assert_int_equal(s.last.code, WEIR_CODE_exchange_limit);
    }
    scene_close(&s);
}

static void test_age(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.limits.age_max_ns = 20 * WEIR_MS;
    scene_start(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    served_answer(&v, &a);
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(s.last.code, WEIR_CODE_age_limit);
    served_fin(&v);
    served_close(&v);
    call_get(&s, &b);
    served_accept(&v, &s);
    served_answer(&v, &b);
    assert_int_not_equal(a.connection, b.connection);
    scene_close(&s);
    served_close(&v);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void test_drain(void **state)
{
    struct scene s;
    struct served first, second;
    struct call calls[5];
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 1;
    scene_start(&s);
    char other[64], url[80];
    int listener = scene_listen(other);
    (void)snprintf(url, sizeof url, "http://%s", other);
    memset(calls, 0, sizeof calls);
    call_send(&s, &calls[0], WEIR_REQUEST(.url = weir_str_from(url)));
    SCENE_UNTIL(&s, served_try(&second, &s, listener));
    served_answer(&second, &calls[0]); /* one is idle, of one origin; one busy, of another, and two wait for it */
    for (int i = 1; i < 4; i++)
        call_get(&s, &calls[i]);
    served_accept(&first, &s);
    served_request(&first);
    weir_client_drain(s.client);
    assert_int_equal(call_try(&s, &calls[4], WEIR_REQUEST(.method = WEIR_STR("GET"))), WEIR_CODE_misuse);
    served_fin(&second);
    served_close(&second);
    assert_int_equal(s.drained, 0);
    served_say(&first, ANSWER(2, "ok"));
    call_wait(&s, &calls[1]);
    served_answer(&first, &calls[2]);
    served_answer(&first, &calls[3]);
    served_fin(&first);
    served_close(&first);
    SCENE_UNTIL(&s, s.drained > 0);
    assert_int_equal(s.endings, 2);
    assert_int_equal(s.last.code, WEIR_CODE_drained);
    assert_int_equal(scene_counts(&s).origins, 0);
    weir_client_drain(s.client); /* again: nothing */
    scene_settle(&s);
    assert_int_equal(s.drained, 1);
    scene_close(&s);
    close(listener);
}

static void test_drain_of_nothing(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    weir_client_drain(s.client);
    assert_int_equal(s.drained, 0); /* not within the call */
    SCENE_UNTIL(&s, s.drained == 1);
    scene_close(&s);
}

static void drain_then(struct call *call)
{
    weir_client_drain(call->scene->client);
}

static void test_drain_in_done(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.on_done = drain_then};
    (void)state;
    scene_open(&s);
    call_get(&s, &a);
    served_accept(&v, &s);
    served_answer(&v, &a);
    served_fin(&v);
    served_close(&v);
    SCENE_UNTIL(&s, s.drained == 1);
    scene_close(&s);
}

/* One idle, one before its answer, one within it, one dialling, one waiting. */
static void test_free_with_everything(void **state)
{
    struct scene s;
    struct served served[3];
    struct call calls[5];
    char full[64], url[80];
    int fillers[4];
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 3;
    scene_start(&s);
    int listener = scene_listen_full(full, fillers);
    (void)snprintf(url, sizeof url, "http://%s", full);
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 3; i++) {
        call_get(&s, &calls[i]);
        served_accept(&served[i], &s);
        served_request(&served[i]);
    }
    call_get(&s, &calls[3]);
    call_send(&s, &calls[4], WEIR_REQUEST(.url = weir_str_from(url)));
    served_say(&served[1], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
    SCENE_UNTIL(&s, calls[1].body_octets == 4 && scene_counts(&s).dialling == 1);
    assert_int_equal(scene_counts(&s).waiting, 2);
    weir_client_free(s.client);
    s.client = NULL;
    CALL_EXPECT(&calls[0], "done stopped handler maybe_processed");
    CALL_EXPECT(&calls[1], "200 =part done stopped body processed");
    CALL_EXPECT(&calls[2], "done stopped handler maybe_processed");
    CALL_EXPECT(&calls[3], "done stopped dial not_sent");
    CALL_EXPECT(&calls[4], "done stopped dial not_sent");
    for (int i = 0; i < 5; i++)
        assert_int_equal(calls[i].done, 1);
    assert_int_equal(s.endings, 4);
    for (int i = 0; i < 3; i++)
        served_close(&served[i]);
    close(listener);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_what_is_not_reused),
        cmocka_unit_test(test_we_say_close),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_stale_by_reset),
        cmocka_unit_test(test_fin_behind_the_answer),
        cmocka_unit_test(test_left_on_its_way),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_per_origin),
        cmocka_unit_test(test_pool_full),
        cmocka_unit_test(test_idle_gives_way),
        cmocka_unit_test(test_another_origin_comes_free),
        cmocka_unit_test(test_origins_take_turns),
        cmocka_unit_test(test_origins_stand_behind),
        cmocka_unit_test(test_another_origins_dial_fails),
        cmocka_unit_test(test_acquire_timeout),
        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_exchange_limit),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_of_nothing),
        cmocka_unit_test(test_drain_in_done),
        cmocka_unit_test(test_free_with_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
