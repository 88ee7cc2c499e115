/* Goal: an exchange of a client is what weir/client.h and weir/exchange.h say, whatever the server does and whenever
 * the application gives it up. Method: as pool_test.c; each request's log of callbacks is compared. */
#include "client/scene.h"

#include <sys/mman.h>

#include "client/client_internal.h"

#define BIG_SIZE (4U << 20) /* more than the kernel's buffers and ours take */

static char big[BIG_SIZE];

static int fill_big(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i * 7 % 26);
    return 0;
}

/* A request is under way: its connection, and its head is with the server. */
static void begin(struct scene *s, struct served *v, struct call *call)
{
    call_get(s, call);
    served_accept(v, s);
    served_request(v);
}

static void begin_upload(struct scene *s, struct served *v, struct call *call)
{
    call_send(s, call, WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_borrow((weir_str){big, sizeof big})));
    served_accept(v, s);
    served_read(v, "\r\n\r\n");
}

static void abort_it(struct call *call)
{
    weir_exchange_abort(call->x);
}

/* --- given up, in every phase ----------------------------------------------------------------------------------- */

static void test_abort_waiting(void **state)
{
    struct scene s;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    call_get(&s, &a);
    weir_exchange_abort(a.x);
    assert_int_equal(a.done, 0); /* never within the call */
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done aborted dial not_sent");
    scene_close(&s);
}

static void test_abort_partly_sent(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    begin_upload(&s, &v, &a);
    scene_settle(&s);
    weir_exchange_abort(a.x);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done aborted handler maybe_processed");
    served_reset(&v);
    served_close(&v);
    assert_int_equal(s.last.code, WEIR_CODE_aborted);
    scene_close(&s);
}

static void test_abort_before_the_answer(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    begin(&s, &v, &a);
    weir_exchange_abort(a.x);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done aborted handler maybe_processed");
    served_reset(&v);
    served_close(&v);
    scene_close(&s);
}

static void abort_in(struct call *call, const char *said, const char *log)
{
    struct scene s;
    struct served v;
    scene_open(&s);
    begin(&s, &v, call);
    served_say(&v, said);
    call_wait(&s, call);
    CALL_EXPECT(call, log);
    served_reset(&v);
    served_close(&v);
    scene_close(&s);
}

static void test_abort_in_callbacks(void **state)
{
    (void)state;
    abort_in(&(struct call){.on_head = abort_it}, "HTTP/1.1 103 Early Hints\r\n\r\n",
             "interim 103 done aborted handler maybe_processed");
    abort_in(&(struct call){.on_head = abort_it}, ANSWER(2, "ok"), "200 done aborted body processed");
    abort_in(&(struct call){.on_body = abort_it}, ANSWER(9, "ok"), "200 =ok done aborted body processed");
    abort_in(&(struct call){.on_end = abort_it}, ANSWER(2, "ok"), "200 =ok end done aborted response processed");
}

static void abort_other(struct call *call)
{
    struct call *other = call->app;
    weir_exchange_abort(other->x);
}

/* In `done` of one, one that waits, and in that one's, one on another connection. What the one had, which the other
 * was to have, is kept. */
static void test_abort_in_done_of_another(void **state)
{
    struct scene s;
    struct served first, second;
    struct call a = {.on_done = abort_other}, b = {.on_done = abort_other}, c = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.connections_per_origin = 2;
    scene_start(&s);
    a.app = &b;
    b.app = &c;
    begin(&s, &first, &a);
    begin(&s, &second, &c);
    call_get(&s, &b);
    served_say(&first, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    call_wait(&s, &b);
    CALL_EXPECT(&b, "done aborted dial not_sent");
    call_wait(&s, &c);
    CALL_EXPECT(&c, "done aborted handler maybe_processed");
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(scene_counts(&s).idle, 1);
    scene_close(&s);
    served_close(&first);
    served_close(&second);
}

/* --- out of time, in every phase -------------------------------------------------------------------------------- */

static void pause_it(struct call *call)
{
    weir_body_pause(call->x);
}

/* The time of the exchange is over now: a busy machine needs more than a few milliseconds to get it as far as a test
 * wants. */
static void run_out(struct scene *s, struct call *a)
{
    struct client_call *call = client_call_of(a->x);
    call->give_up_ns = weir_loop_now(s->loop);
    io_timer_start(s->loop, &call->timer, call->give_up_ns);
}

static void times_out(const char *said, bool pauses, const char *log)
{
    struct scene s;
    struct served v;
    struct call a = {.on_head = pauses ? pause_it : NULL};
    scene_init(&s);
    s.options.exchange_timeout_ns = 3600 * WEIR_SECOND;
    s.options.retry = WEIR_RETRY_IDEMPOTENT; /* it is no reason to send it again */
    scene_start(&s);
    begin(&s, &v, &a);
    served_say(&v, said);
    served_is_heard(&v);
    run_out(&s, &a);
    call_wait(&s, &a);
    CALL_EXPECT(&a, log);
    assert_int_equal(a.retries, 0);
    served_reset(&v);
    served_close(&v);
    scene_close(&s);
}

static void test_exchange_timeout(void **state)
{
    (void)state;
    times_out("", false, "done exchange_timeout handler maybe_processed");
    times_out("HTTP/1.1 2", false, "done exchange_timeout head maybe_processed");
    times_out("HTTP/1.1 100 Continue\r\n\r\n", false, "interim 100 done exchange_timeout handler maybe_processed");
    times_out(ANSWER(9, "part"), false, "200 =part done exchange_timeout body processed");
    times_out(ANSWER(4, "part"), true, "200 done exchange_timeout body processed");
}

/* By the clock, however far it came; a request's own time goes before the client's. */
static void test_exchange_timeout_by_the_clock(void **state)
{
    struct scene s;
    struct call a = {.done = 0}, b = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.exchange_timeout_ns = 60 * WEIR_MS;
    scene_start(&s);
    call_get(&s, &a);
    call_send(&s, &b, WEIR_REQUEST(.timeout_ns = 120 * WEIR_MS));
    call_wait(&s, &a);
    call_wait(&s, &b);
    assert_int_equal(a.ending.code, WEIR_CODE_exchange_timeout);
    assert_int_equal(b.ending.code, WEIR_CODE_exchange_timeout);
    assert_true(a.ending.lived_ns >= 60 * WEIR_MS && b.ending.lived_ns >= 120 * WEIR_MS);
    scene_close(&s);
}

static void test_exchange_timeout_partly_sent(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    begin_upload(&s, &v, &a);
    run_out(&s, &a);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done exchange_timeout handler maybe_processed");
    served_reset(&v);
    served_close(&v);
    scene_close(&s);
}

static void test_response_timeout(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.limits.response_timeout_ns = 40 * WEIR_MS;
    scene_start(&s);
    begin(&s, &v, &a);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done response_timeout handler maybe_processed");
    scene_close(&s);
    served_close(&v);
}

/* --- sending within a callback ---------------------------------------------------------------------------------- */

static void send_other(struct call *call)
{
    struct call *other = call->app;
    if (other->scene == NULL)
        call_get(call->scene, other);
}

static void send_in(struct call *call, bool one_link)
{
    struct scene s;
    struct served v, second;
    struct call other = {.done = 0};
    scene_init(&s);
    s.options.connections_per_origin = one_link ? 1 : 2;
    scene_start(&s);
    call->app = &other;
    begin(&s, &v, call);
    served_say(&v, "HTTP/1.1 103 Early Hints\r\n\r\n" ANSWER(2, "ok"));
    call_wait(&s, call);
    assert_string_equal(call->log, "interim 103 " OK);
    if (one_link || call->on_done != NULL) {
        served_request(&v);
        served_say(&v, ANSWER(2, "ok"));
    } else {
        served_accept(&second, &s);
        served_request(&second);
        served_say(&second, ANSWER(2, "ok"));
    }
    call_wait(&s, &other);
    CALL_EXPECT(&other, OK);
    scene_close(&s);
    served_close(&v);
}

static void test_send_in_callbacks(void **state)
{
    (void)state;
    send_in(&(struct call){.on_head = send_other}, true);
    send_in(&(struct call){.on_body = send_other}, true);
    send_in(&(struct call){.on_end = send_other}, true);
    send_in(&(struct call){.on_done = send_other}, true);
    send_in(&(struct call){.on_done = send_other}, false);
}

/* The failing of one sends another, which fails too, and so on: no recursion, no end but the application's. */
static void send_again(struct call *call)
{
    if (++*(int *)call->app < 50) {
        call->used = 0;
        call->done = 0;
        call_get(call->scene, call);
    }
}

static void test_send_in_done_of_a_failure(void **state)
{
    struct scene s;
    int times = 0;
    struct call a = {.on_done = send_again, .app = &times};
    (void)state;
    scene_open(&s);
    close(s.listener);
    s.listener = -1;
    call_get(&s, &a);
    SCENE_UNTIL(&s, times == 50);
    assert_int_equal(s.endings, 50);
    scene_close(&s);
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */

struct upload {
    size_t size, at;
    bool borrows;
};

static void write_more(struct call *call)
{
    struct upload *u = call->app;
    while (u->at < u->size) {
        size_t n = u->size - u->at < 10000 ? u->size - u->at : 10000;
        size_t took = weir_write(call->x, (weir_str){big + u->at, n});
        u->at += took;
        if (took < n)
            return;
    }
    assert_int_equal(weir_finish(call->x, WEIR_NO_FIELDS), WEIR_OK);
}

/* What came at the server: its content, without the head and chunk framing, is that of `big`. */
static void check_content(struct served *v, size_t size, bool chunked)
{
    size_t seen = 0, used = 0;
    char *to = malloc(size + 65536);
    assert_non_null(to);
    served_read(v, "\r\n\r\n");
    char *content = strstr(v->octets, "\r\n\r\n") + 4;
    assert_int_equal(strstr(v->octets, "Transfer-Encoding: chunked\r\n") != NULL, chunked);
    used = v->size - (size_t)(content - v->octets);
    memcpy(to, content, used);
    size_t whole = size;
    while (chunked ? used < 5 || memcmp(to + used - 5, "0\r\n\r\n", 5) != 0 : used < whole) {
        v->size = 0;
        SCENE_UNTIL(v->scene, served_take(v) > 0);
        if (used + v->size > size + 65536)
            fail_msg("more content than was sent");
        memcpy(to + used, v->octets, v->size);
        used += v->size;
    }
    for (size_t at = 0; at < used;) {
        size_t n = used;
        if (chunked) {
            char *rest;
            n = strtoul(to + at, &rest, 16);
            at = (size_t)(rest - to) + 2;
        }
        assert_true(seen + n <= size);
        assert_memory_equal(to + at, big + seen, n);
        at += n + (chunked ? 2 : 0);
        seen += n;
    }
    assert_int_equal(seen, size);
    free(to);
    v->size = 0;
    v->octets[0] = '\0';
}

static void upload(weir_body content, size_t size, bool expect)
{
    struct scene s;
    struct served v;
    struct upload u = {.size = size};
    struct call a = {.on_room = write_more, .app = &u};
    bool chunked = content.kind == WEIR_BODY_STREAM;
    scene_open(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = WEIR_STR("PUT"), .body = content, .expect = expect));
    if (content.kind == WEIR_BODY_COPY)
        memset((char *)(uintptr_t)content.octets.ptr, '!', size); /* it was copied */
    served_accept(&v, &s);
    if (expect && size > 0) {
        served_read(&v, "Expect: 100-continue\r\n");
        scene_settle(&s);
        (void)served_take(&v);
        assert_string_equal(strstr(v.octets, "\r\n\r\n"), "\r\n\r\n"); /* not an octet of it yet */
        served_say(&v, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    check_content(&v, size, chunked);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    assert_string_equal(a.log, expect && size > 0 ? "interim 100 " OK : OK);
    assert_int_equal(a.ending.body_out, size);
    SCENE_UNTIL(&s, scene_counts(&s).idle == 1); /* it is kept */
    scene_close(&s);
    served_close(&v);
}

static void upload_kinds(size_t size, bool expect)
{
    int fd = memfd_create("content", MFD_CLOEXEC);
    char *copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, big, size);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, big, size, 77), size);
    upload(weir_body_borrow((weir_str){big, size}), size, expect);
    upload(weir_body_copy((weir_str){copy, size}), size, expect);
    upload(weir_body_file(fd, 77, size), size, expect);
    upload(weir_body_stream(), size, expect);
    upload(weir_body_sized(size), size, expect);
    close(fd);
    free(copy);
}

static void test_bodies(void **state)
{
    (void)state;
    upload(weir_body_none(), 0, false);
    upload_kinds(1, false);
    upload_kinds(5000, false);
    upload_kinds(BIG_SIZE, false);
}

static void test_bodies_after_100(void **state)
{
    (void)state;
    upload(weir_body_none(), 0, true);
    upload_kinds(1, true);
    upload_kinds(5000, true);
    upload_kinds(BIG_SIZE, true);
}

/* A large body that was partly sent is sent again, from its first octet. */
static void test_bodies_are_sent_again(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.retry = WEIR_RETRY_IDEMPOTENT;
    scene_start(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = WEIR_STR("PUT"), .body = weir_body_borrow((weir_str){big, sizeof big})));
    for (unsigned i = 0; i < 3; i++) {
        served_accept(&v, &s);
        served_swallow(&v, 100000);
        served_abort(&v);
    }
    served_accept(&v, &s);
    check_content(&v, sizeof big, false);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    assert_int_equal(a.retries, 3);
    assert_int_equal(scene_counts(&s).retried, 3);
    scene_close(&s);
    served_close(&v);
}

/* --- sent again, or not ----------------------------------------------------------------------------------------- */

struct again {
    weir_retry_policy policy;
    const char *method;
    weir_body body;
    unsigned retries_max;
};

/* The server takes each request and leaves; how often is it asked, and what is said in the end? */
static void taken_and_left(const struct again *again, bool resets, unsigned retries, const char *log)
{
    struct scene s;
    struct served v;
    struct upload u = {.size = 3};
    struct call a = {.on_room = write_more, .app = &u};
    scene_init(&s);
    s.options.retry = again->policy;
    s.options.retries_max = again->retries_max;
    scene_start(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = weir_str_from(again->method), .body = again->body));
    for (unsigned i = 0; i <= retries; i++) {
        served_accept(&v, &s);
        served_request(&v);
        if (resets)
            served_abort(&v);
        else
            served_close(&v);
    }
    call_wait(&s, &a);
    CALL_EXPECT(&a, log);
    assert_int_equal(a.retries, retries);
    scene_close(&s);
}

static void test_retry_policies(void **state)
{
    const char *fin = "done peer_fin_in_handler handler maybe_processed";
    const char *reset = "done peer_reset_in_handler handler maybe_processed";
    (void)state;
    taken_and_left(&(struct again){WEIR_RETRY_NEVER, "GET", weir_body_none(), 0}, false, 0, fin);
    taken_and_left(&(struct again){WEIR_RETRY_PROVEN, "GET", weir_body_none(), 0}, false, 0, fin);
    taken_and_left(&(struct again){WEIR_RETRY_PROVEN, "POST", weir_body_none(), 0}, true, 0, reset);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "POST", weir_body_none(), 0}, true, 0, reset);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "PATCH", weir_body_none(), 0}, false, 0, fin);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "PUT", weir_body_stream(), 0}, true, 0, reset);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "PUT", weir_body_sized(3), 0}, true, 0, reset);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "GET", weir_body_none(), 0}, true, 3, reset);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "GET", weir_body_none(), 1}, false, 1, fin);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "DELETE", weir_body_none(), 5}, false, 5, fin);
    taken_and_left(&(struct again){WEIR_RETRY_IDEMPOTENT, "OPTIONS", weir_body_copy(WEIR_STR("x")), 2}, true, 2, reset);
}

/* --- Expect ----------------------------------------------------------------------------------------------------- */

static void test_expect_refused(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    call_send(&s, &a,
              WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_copy(WEIR_STR("content")), .expect = true,
                           .expect_timeout_ns = 3600 * WEIR_SECOND));
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    call_wait(&s, &a);
    CALL_EXPECT(&a, "417 =no end done complete");
    assert_int_equal(a.ending.body_out, 0);
    SCENE_UNTIL(&s, served_take(&v) == 0);
    assert_string_equal(v.octets, ""); /* the content was not sent */
    served_close(&v);
    scene_close(&s);
}

static void test_expect_times_out(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_init(&s);
    s.options.expect_timeout_ns = 30 * WEIR_MS;
    scene_start(&s);
    call_send(&s, &a,
              WEIR_REQUEST(.method = WEIR_STR("POST"), .body = weir_body_copy(WEIR_STR("content")), .expect = true));
    served_accept(&v, &s);
    served_read(&v, "\r\n\r\ncontent");
    served_say(&v, "HTTP/1.1 100 Continue\r\n\r\n" ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, "interim 100 " OK);
    scene_close(&s);
    served_close(&v);
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

/* What the server says to a request of that method, and what the application hears; the connection is kept if
 * `keeps`. */
static void answers(const char *method, const char *said, bool keeps, const char *log)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    scene_open(&s);
    call_send(&s, &a, WEIR_REQUEST(.method = weir_str_from(method)));
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, said);
    call_wait(&s, &a);
    CALL_EXPECT(&a, log);
    scene_settle(&s);
    assert_int_equal(scene_counts(&s).idle, keeps);
    scene_close(&s);
    served_close(&v);
}

static void test_answers(void **state)
{
    (void)state;
    answers("GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nA: b\r\n\r\n" ANSWER(2, "ok"), true,
            "interim 100 interim 103 " OK);
    answers("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", true, "200 end done complete");
    answers("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", true, "304 end done complete");
    answers("DELETE", "HTTP/1.1 204 No Content\r\n\r\n", true, "204 end done complete");
    answers("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nSum: 7\r\n\r\n", true,
            "200 =ok end Sum:7 done complete");
    answers("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false,
            "200 done bad_chunk body processed");
    answers("GET", "HELLO\r\n\r\n", false, "done bad_status_line head maybe_processed");
    answers("GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false,
            "done unexpected_upgrade head maybe_processed");
}

/* --- tunnels ---------------------------------------------------------------------------------------------------- */

static void say_hello(struct call *call)
{
    assert_int_equal(weir_write(call->x, WEIR_STR("hello")), 5);
}

static void finish_tunnel(struct call *call)
{
    assert_int_equal(weir_finish(call->x, WEIR_NO_FIELDS), WEIR_OK);
}

static void tunnel(const weir_request *request, const char *said)
{
    struct scene s;
    struct served v;
    struct call a = {.on_head = say_hello, .on_end = finish_tunnel};
    weir_request ours = *request;
    scene_open(&s);
    ours.connect_to = weir_str_from(s.address);
    call_send(&s, &a, &ours);
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, said);
    served_read(&v, "hello");
    served_say(&v, ", and good bye");
    SCENE_UNTIL(&s, a.body_octets == 19);
    assert_int_equal(shutdown(v.fd, SHUT_WR), 0);
    served_fin(&v);
    served_close(&v);
    call_wait(&s, &a);
    assert_non_null(strstr(a.log, "=hello, and good bye end done complete"));
    SCENE_UNTIL(&s, s.endings == 1);
    assert_int_equal(s.last.stage, WEIR_STAGE_CLOSING);
    scene_close(&s);
}

static void test_tunnels(void **state)
{
    (void)state;
    tunnel(WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("far.test:443"),
                        .host = WEIR_STR("far.test:443")),
           "HTTP/1.1 200 OK\r\n\r\nhello");
    tunnel(WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a.test"),
                        .fields = WEIR_FIELDS({WEIR_STR_INIT("Upgrade"), WEIR_STR_INIT("echo")},
                                              {WEIR_STR_INIT("Connection"), WEIR_STR_INIT("upgrade")})),
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello");
}

static void test_connect_refused_by_proxy(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    scene_open(&s);
    call_send(&s, &a,
              WEIR_REQUEST(.method = WEIR_STR("CONNECT"), .target = WEIR_STR("far.test:443"),
                           .host = WEIR_STR("far.test:443"), .connect_to = weir_str_from(s.address)));
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    call_wait(&s, &a);
    CALL_EXPECT(&a, "403 =no end done complete");
    scene_close(&s);
    served_close(&v);
}

/* --- what an exchange says of itself ---------------------------------------------------------------------------- */

static void look_at_itself(struct call *call)
{
    weir_timings t = {.size = sizeof t};
    weir_address peer = weir_exchange_peer(call->x);
    weir_str head = weir_request_head(call->x);
    weir_exchange_timings(call->x, &t);
    assert_true(weir_exchange_role(call->x) == WEIR_ROLE_CLIENT);
    assert_true(peer.family == AF_INET && peer.port > 0);
    assert_true(head.len > 4 && memcmp(head.ptr + head.len - 4, "\r\n\r\n", 4) == 0);
    assert_true(memcmp(head.ptr, "GET / HTTP/1.1\r\n", 16) == 0);
    assert_true(t.waited_ns > 0 && t.lived_ns >= t.waited_ns + t.first_octet_ns && t.dial_ns <= t.waited_ns);
    assert_ptr_equal(weir_exchange_user(call->x), call->app);
    assert_ptr_equal(weir_exchange_loop(call->x), call->scene->loop);
}

static void test_itself(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.on_head = look_at_itself, .on_done = look_at_itself};
    (void)state;
    scene_open(&s);
    a.app = &s;
    call_send(&s, &a, WEIR_REQUEST(.user = &s));
    weir_timings t = {.size = sizeof t};
    weir_exchange_timings(a.x, &t);
    assert_int_equal(t.waited_ns + t.first_octet_ns + t.dial_ns, 0);
    assert_int_equal(weir_exchange_connection(a.x), 0);
    assert_int_equal(weir_exchange_peer(a.x).family, 0);
    assert_int_equal(weir_exchange_retries(a.x), 0);
    assert_ptr_equal(weir_exchange_loop(a.x), s.loop);
    assert_int_equal(weir_response_status(a.x), 0);
    assert_int_equal(weir_exchange_fields(a.x).count, 0);
    served_accept(&v, &s);
    served_request(&v);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    scene_close(&s);
    served_close(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_abort_waiting),
        cmocka_unit_test(test_abort_partly_sent),
        cmocka_unit_test(test_abort_before_the_answer),
        cmocka_unit_test(test_abort_in_callbacks),
        cmocka_unit_test(test_abort_in_done_of_another),
        cmocka_unit_test(test_exchange_timeout),
        cmocka_unit_test(test_exchange_timeout_by_the_clock),
        cmocka_unit_test(test_exchange_timeout_partly_sent),
        cmocka_unit_test(test_response_timeout),
        cmocka_unit_test(test_send_in_callbacks),
        cmocka_unit_test(test_send_in_done_of_a_failure),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_bodies_after_100),
        cmocka_unit_test(test_bodies_are_sent_again),
        cmocka_unit_test(test_retry_policies),
        cmocka_unit_test(test_expect_refused),
        cmocka_unit_test(test_expect_times_out),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_tunnels),
        cmocka_unit_test(test_connect_refused_by_proxy),
        cmocka_unit_test(test_itself),
    };
    return cmocka_run_group_tests(tests, fill_big, NULL);
}
