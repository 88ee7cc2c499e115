/* Goal: a kept connection that the server drops just when a GET, HEAD or OPTIONS comes costs nothing: it is sent again,
 * once, on a new connection; and nothing else is. Method: as pool_test.c; the server reads the request, so that no word
 * but maybe_processed could be true of it, and leaves. */
#include "client/scene.h"

#define FIN    "done peer_fin_in_handler handler maybe_processed"
#define RESET  "done peer_reset_in_handler handler maybe_processed"
#define CLOSES "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"

/* A connection that had an exchange and is idle. */
static void keep_one(struct scene *s, struct served *v)
{
    struct call a = {.done = 0};
    call_get(s, &a);
    served_accept(v, s);
    served_answer(v, &a);
    SCENE_UNTIL(s, scene_counts(s).idle >= 1);
}

static void open_with(struct scene *s, weir_retry_policy policy)
{
    scene_init(s);
    s->options.retry = policy;
    scene_start(s);
}

static void leave(struct served *v, bool resets)
{
    if (resets)
        served_abort(v);
    else
        served_close(v);
}

struct row {
    weir_retry_policy policy;
    const char *method;
    weir_body body;
    bool again;
};

static void dropped(const struct row *row, bool resets)
{
    struct scene s;
    struct served first, second;
    struct call a = {.done = 0};
    bool head = strcmp(row->method, "HEAD") == 0;
    open_with(&s, row->policy);
    keep_one(&s, &first);
    call_send(&s, &a, WEIR_REQUEST(.method = weir_str_from(row->method), .body = row->body));
    served_request(&first);
    leave(&first, resets);
    if (row->again) {
        served_accept(&second, &s);
        served_request(&second);
        served_say(&second, head ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : ANSWER(2, "ok"));
    }
    call_wait(&s, &a);
    CALL_EXPECT(&a, !row->again ? (resets ? RESET : FIN) : head ? "200 end done complete" : OK);
    assert_int_equal(a.retries, row->again);
    assert_int_equal(scene_counts(&s).retried, row->again);
    assert_int_equal(scene_ledger(&s).accepted, 1 + row->again);
    scene_close(&s);
    if (row->again)
        served_close(&second);
}

static void test_which(void **state)
{
    const weir_body none = weir_body_none(), some = weir_body_copy(WEIR_STR("x"));
    const struct row rows[] = {
        {WEIR_RETRY_SAFE, "GET", none, true},         {WEIR_RETRY_SAFE, "HEAD", none, true},
        {WEIR_RETRY_SAFE, "OPTIONS", none, true},     {WEIR_RETRY_SAFE, "GET", some, false},
        {WEIR_RETRY_SAFE, "get", none, false},        {WEIR_RETRY_SAFE, "POST", none, false},
        {WEIR_RETRY_SAFE, "PUT", none, false},        {WEIR_RETRY_SAFE, "DELETE", none, false},
        {WEIR_RETRY_SAFE, "TRACE", none, false},      {WEIR_RETRY_SAFE, "QUERY", none, false},
        {WEIR_RETRY_NEVER, "GET", none, false},       {WEIR_RETRY_PROVEN, "GET", none, false},
        {WEIR_RETRY_IDEMPOTENT, "GET", none, true},   {WEIR_RETRY_IDEMPOTENT, "DELETE", none, true},
        {WEIR_RETRY_IDEMPOTENT, "POST", none, false},
    };
    (void)state;
    assert_int_equal((weir_retry_policy)0, WEIR_RETRY_SAFE);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dropped(&rows[i], false);
        dropped(&rows[i], true);
    }
}

/* What a handler hears is the same on a kept connection as on a new one, whichever of its functions are there. */
static void test_handlers(void **state)
{
    static const char *const answers[] = {ANSWER(0, ""), ANSWER(2, "ok"), "HTTP/1.1 204 No\r\n\r\n",
                                          "HTTP/1.1 103 Hints\r\n\r\n" ANSWER(0, "")};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        for (int parts = 0; parts < 8; parts++) {
            char logs[2][sizeof(((struct call *)0)->log)];
            struct scene s;
            struct served v;
            scene_open(&s);
            for (int kept = 0; kept <= 1; kept++) {
                struct call a = {.scene = &s};
                weir_handler handler = WEIR_HANDLER(.done = call_done);
                handler.head = parts & 1 ? call_head : NULL;
                handler.body = parts & 2 ? call_body : NULL;
                handler.end = parts & 4 ? call_end : NULL;
                assert_int_equal(weir_client_send(s.client,
                                                  WEIR_REQUEST(.url = weir_str_from(s.url), .handler = &handler,
                                                               .app = &a),
                                                  NULL, NULL),
                                 WEIR_OK);
                if (!kept)
                    served_accept(&v, &s);
                served_request(&v);
                served_say(&v, answers[i]);
                call_wait(&s, &a);
                (void)snprintf(logs[kept], sizeof logs[kept], "%s", a.log);
            }
            assert_string_equal(logs[0], logs[1]);
            assert_int_equal(scene_ledger(&s).accepted, 1);
            scene_close(&s);
            served_close(&v);
        }
    }
}

/* The connection was new: that is no accident of one that is kept, and is told. */
static void test_not_on_a_new_one(void **state)
{
    (void)state;
    for (int resets = 0; resets <= 1; resets++) {
        struct scene s;
        struct served v;
        struct call a = {.done = 0};
        scene_open(&s);
        call_get(&s, &a);
        served_accept(&v, &s);
        served_request(&v);
        leave(&v, resets);
        call_wait(&s, &a);
        CALL_EXPECT(&a, resets ? RESET : FIN);
        assert_int_equal(a.retries, 0);
        scene_close(&s);
    }
}

static void test_once(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    keep_one(&s, &v);
    call_get(&s, &a);
    for (int i = 0; i < 2; i++) {
        served_request(&v);
        served_close(&v);
        if (i == 0)
            served_accept(&v, &s);
    }
    call_wait(&s, &a);
    CALL_EXPECT(&a, FIN);
    assert_int_equal(a.retries, 1);
    scene_close(&s);
}

/* Something was heard of a response, or the server is only slow: it is told as it is. */
static void test_not_when_heard(void **state)
{
    static const char *const said[] = {"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 2"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct scene s;
        struct served v;
        struct call a = {.done = 0};
        scene_open(&s);
        keep_one(&s, &v);
        call_get(&s, &a);
        served_request(&v);
        served_say(&v, said[i]);
        served_is_heard(&v);
        served_close(&v);
        call_wait(&s, &a);
        assert_int_not_equal(a.ending.code, WEIR_CODE_complete);
        assert_int_equal(a.retries, 0);
        scene_close(&s);
    }
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    scene_init(&s);
    s.options.limits.response_timeout_ns = 30 * WEIR_MS;
    scene_start(&s);
    keep_one(&s, &v);
    call_get(&s, &a);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done response_timeout handler maybe_processed");
    scene_close(&s);
    served_close(&v);
}

static void keep_two(struct scene *s, struct served v[2])
{
    struct call calls[2];
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 2; i++)
        call_get(s, &calls[i]);
    for (int i = 0; i < 2; i++) {
        served_accept(&v[i], s);
        served_request(&v[i]);
    }
    for (int i = 0; i < 2; i++) {
        served_say(&v[i], ANSWER(2, "ok"));
        SCENE_UNTIL(s, calls[0].done + calls[1].done > (unsigned)i);
    }
    SCENE_UNTIL(s, scene_counts(s).idle == 2);
}

/* The other idle connections may be about to be dropped too: it is a new one, for which one of them closes if there is
 * no room. A request that does not mind takes an idle one meanwhile. */
static void test_on_a_new_one(void **state)
{
    (void)state;
    for (uint64_t most = 2; most <= 3; most++) {
        struct scene s;
        struct served v[2], third;
        struct call a = {.done = 0}, b = {.done = 0};
        scene_init(&s);
        s.options.connections_per_origin = s.options.connections_max = most;
        scene_start(&s);
        keep_two(&s, v);
        call_get(&s, &a);
        SCENE_UNTIL(&s, served_has(&v[0], "\r\n\r\n") || served_has(&v[1], "\r\n\r\n"));
        int which = served_has(&v[1], "\r\n\r\n");
        served_close(&v[which]);
        served_accept(&third, &s);
        served_answer(&third, &a);
        assert_int_equal(a.retries, 1);
        if (most == 3) {
            call_get(&s, &b);
            SCENE_UNTIL(&s, served_has(&third, "\r\n\r\n") || served_has(&v[!which], "\r\n\r\n"));
        }
        scene_close(&s);
        served_close(&third);
        served_close(&v[!which]);
    }
}

/* Nobody listens any more, and one connection is left: it serves. */
static void test_what_there_is(void **state)
{
    struct scene s;
    struct served v[2];
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    keep_two(&s, v);
    close(s.listener);
    s.listener = -1;
    call_get(&s, &a);
    SCENE_UNTIL(&s, served_has(&v[0], "\r\n\r\n") || served_has(&v[1], "\r\n\r\n"));
    int which = served_has(&v[1], "\r\n\r\n");
    served_close(&v[which]);
    served_answer(&v[!which], &a);
    assert_int_equal(a.retries, 1);
    scene_close(&s);
    served_close(&v[!which]);
}

/* --- 408 -------------------------------------------------------------------------------------------------------- */

static void answered_408(weir_retry_policy policy, const char *method, const char *answer, bool kept, const char *log)
{
    struct scene s;
    struct served v, second;
    struct call a = {.done = 0};
    open_with(&s, policy);
    if (kept)
        keep_one(&s, &v);
    call_send(&s, &a, WEIR_REQUEST(.method = weir_str_from(method)));
    if (!kept)
        served_accept(&v, &s);
    served_request(&v);
    served_say(&v, answer);
    served_close(&v);
    bool again = strcmp(log, OK) == 0;
    if (again) {
        served_accept(&second, &s);
        served_answer(&second, &a);
        served_close(&second);
    }
    call_wait(&s, &a);
    CALL_EXPECT(&a, log);
    assert_int_equal(a.retries, again);
    scene_close(&s);
}

static void test_408(void **state)
{
    const char *told = "408 =late end done complete";
    (void)state;
    answered_408(WEIR_RETRY_SAFE, "GET", CLOSES "Content-Length: 4\r\n\r\nlate", true, OK);
    answered_408(WEIR_RETRY_SAFE, "GET", CLOSES "Content-Length: 0\r\n\r\n", true, OK);
    answered_408(WEIR_RETRY_SAFE, "GET", CLOSES "\r\nlate", true, OK);
    answered_408(WEIR_RETRY_SAFE, "OPTIONS", CLOSES "Transfer-Encoding: chunked\r\n\r\n4\r\nlate\r\n0\r\n\r\n", true,
                 OK);
    answered_408(WEIR_RETRY_SAFE, "GET", CLOSES "Content-Length: 9\r\n\r\ncut", true, OK);
    answered_408(WEIR_RETRY_SAFE, "GET", "HTTP/1.0 408 Late\r\n\r\nlate", true, told); /* it did not say close */
    answered_408(WEIR_RETRY_IDEMPOTENT, "GET", CLOSES "Content-Length: 4\r\n\r\nlate", true, OK);
    answered_408(WEIR_RETRY_SAFE, "GET", CLOSES "Content-Length: 4\r\n\r\nlate", false, told);
    answered_408(WEIR_RETRY_SAFE, "POST", CLOSES "Content-Length: 4\r\n\r\nlate", true, told);
    answered_408(WEIR_RETRY_NEVER, "GET", CLOSES "Content-Length: 4\r\n\r\nlate", true, told);
    answered_408(WEIR_RETRY_PROVEN, "GET", CLOSES "Content-Length: 4\r\n\r\nlate", true, told);
    answered_408(WEIR_RETRY_SAFE, "GET", "HTTP/1.1 408 Late\r\nContent-Length: 4\r\n\r\nlate", true, told);
    answered_408(WEIR_RETRY_SAFE, "GET", "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlate", true,
                 "503 =late end done complete");
}

/* It cannot be sent again after all: the word is what is known, and the handler has heard nothing. */
static void test_408_and_nobody_listens(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    keep_one(&s, &v);
    close(s.listener);
    s.listener = -1;
    call_get(&s, &a);
    served_request(&v);
    served_say(&v, CLOSES "Content-Length: 4\r\n\r\nlate");
    served_close(&v);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done connect_refused dial maybe_processed");
    scene_close(&s);
}

/* It is given up, or all is, between the attempts. */
static void test_ended_between(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct scene s;
        struct served v;
        struct call a = {.done = 0};
        scene_open(&s);
        keep_one(&s, &v);
        call_get(&s, &a);
        served_request(&v);
        served_close(&v);
        SCENE_UNTIL(&s, scene_counts(&s).retried == 1);
        if (how == 0)
            weir_exchange_abort(a.x);
        if (how == 1)
            weir_client_drain(s.client);
        if (how == 2) {
            scene_close_client(&s);
            CALL_EXPECT(&a, a.status == 0 && a.ending.stage == WEIR_STAGE_DIAL
                                ? "done stopped dial maybe_processed"
                                : "done stopped handler maybe_processed");
        } else {
            struct served second;
            if (how == 1) {
                served_accept(&second, &s);
                served_answer(&second, &a);
                served_close(&second);
                SCENE_UNTIL(&s, s.drained == 1);
            }
            call_wait(&s, &a);
            assert_int_equal(a.ending.code, how == 0 ? WEIR_CODE_aborted : WEIR_CODE_complete);
        }
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handlers),
        cmocka_unit_test(test_which),
        cmocka_unit_test(test_not_on_a_new_one),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_not_when_heard),
        cmocka_unit_test(test_on_a_new_one),
        cmocka_unit_test(test_what_there_is),
        cmocka_unit_test(test_408),
        cmocka_unit_test(test_408_and_nobody_listens),
        cmocka_unit_test(test_ended_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
