/* Goal: an answer that comes before its request is out is the client's, whatever becomes of the rest of the request;
 * and that rest goes on where it was accepted. Method: uploads over real sockets to a server that is a script. */
#include "client/scene.h"

#define BIG_SIZE ((size_t)8 << 20) /* more than the kernel holds */

static char big[BIG_SIZE];

static void begin_upload(struct scene *s, struct served *v, struct call *call)
{
    call_send(s, call, WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_borrow((weir_str){big, sizeof big})));
    served_accept(v, s);
    served_read(v, "\r\n\r\n");
}

/* --- refused ---------------------------------------------------------------------------------------------------- */

#define TOO_LARGE "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
#define IS_CLOSED "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"

/* Octets of it lie unread at the server, which answers and goes: a reset follows the answer. */
static void answered_early(const char *said, bool aborts, bool read_first, weir_retry_policy retry)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    scene_init(&s);
    s.options.retry = retry;
    scene_start(&s);
    begin_upload(&s, &v, &a);
    if (read_first)
        served_swallow(&v, 300000);
    scene_settle(&s);
    served_say(&v, said);
    if (aborts)
        served_abort(&v);
    else
        served_close(&v);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "413 =no end done complete");
    assert_int_equal(a.retries, 0);
    SCENE_UNTIL(&s, s.endings == 1);
    scene_close(&s);
}

static void test_answered_early(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        answered_early(i & 1 ? TOO_LARGE : IS_CLOSED, (i & 2) != 0, (i & 4) != 0,
                       i & 1 ? WEIR_RETRY_IDEMPOTENT : WEIR_RETRY_NEVER);
}

/* The server answers, and reads on: the answer is the client's whether it goes on sending or leaves. */
static void test_answered_early_and_kept(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    begin_upload(&s, &v, &a);
    served_say(&v, TOO_LARGE);
    SCENE_UNTIL(&s, (served_drop(&v, 0), a.done > 0));
    CALL_EXPECT(&a, "413 =no end done complete");
    served_close(&v);
    SCENE_UNTIL(&s, s.endings == 1);
    scene_close(&s);
}

/* It answers and does not read on: the rest of the upload is not waited for. */
static void test_answered_early_and_not_read(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.limits.write_timeout_ns = WEIR_UNLIMITED;
    s.options.limits.body_timeout_ns = WEIR_UNLIMITED;
    scene_start(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_borrow((weir_str){big, sizeof big})));
    int small = 4096;
    (void)setsockopt(s.listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    served_accept(&v, &s);
    scene_settle(&s);
    served_say(&v, TOO_LARGE);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "413 =no end done complete");
    served_close(&v);
    scene_close(&s);
}

/* --- accepted --------------------------------------------------------------------------------------------------- */

/* The server has answered, and reads on: it gets all of it, and the connection is kept. */
static void test_accepted_early(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_open(&s);
    begin_upload(&s, &v, &a);
    size_t head = (size_t)(strstr(v.octets, "\r\n\r\n") + 4 - v.octets);
    served_say(&v, ANSWER(2, "ok"));
    SCENE_UNTIL(&s, strcmp(a.log, "200 =ok end ") == 0);
    scene_settle(&s);
    assert_int_equal(a.done, 0);
    served_swallow(&v, head + BIG_SIZE);
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    assert_int_equal(v.in_all, head + BIG_SIZE);
    assert_int_equal(a.ending.delivery, WEIR_DELIVERY_UNCONFIRMED);
    call_get(&s, &b);
    served_answer(&v, &b);
    assert_int_equal(b.connection, a.connection);
    assert_int_equal(scene_counts(&s).reused, 1);
    scene_close(&s);
    served_close(&v);
}

/* It has answered, and goes: the answer stays whole. */
static void test_accepted_early_and_left(void **state)
{
    (void)state;
    for (int aborts = 0; aborts <= 1; aborts++) {
        struct scene s;
        struct served v;
        struct call a = {.done = 0};
        scene_open(&s);
        begin_upload(&s, &v, &a);
        served_say(&v, ANSWER(2, "ok"));
        SCENE_UNTIL(&s, strcmp(a.log, "200 =ok end ") == 0);
        if (aborts)
            served_abort(&v);
        else
            served_close(&v); /* over octets that it has not read: a reset */
        call_wait(&s, &a);
        CALL_EXPECT(&a, OK);
        assert_int_equal(a.ending.delivery, WEIR_DELIVERY_PARTIAL);
        assert_int_equal(a.ending.retry, WEIR_RETRY_PROCESSED);
        SCENE_UNTIL(&s, s.endings == 1);
        scene_close(&s);
    }
}

/* It has answered, and does not read: that is waited for as long as the writing may take. */
static void test_accepted_early_and_not_read(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.limits.write_timeout_ns = 200 * WEIR_MS;
    scene_start(&s);
    begin_upload(&s, &v, &a);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    assert_int_equal(a.ending.delivery, WEIR_DELIVERY_PARTIAL);
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(s.last.code, WEIR_CODE_close_after_response);
    served_close(&v);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answered_early),
        cmocka_unit_test(test_answered_early_and_kept),
        cmocka_unit_test(test_answered_early_and_not_read),
        cmocka_unit_test(test_accepted_early),
        cmocka_unit_test(test_accepted_early_and_left),
        cmocka_unit_test(test_accepted_early_and_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
