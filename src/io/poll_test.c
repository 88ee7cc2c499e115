/* Goal: a poll tells of what it watches for, as long as that is so, and of nothing once it is closed.
 * Method: socket pairs, stepped by hand. */
#include "io/poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop_internal.h"

struct owner {
    struct io_poll poll;
    int calls;
    int pair[2];
    struct owner *victim; /* closed in `ready` */
};

static weir_loop *loop;

static void on_ready(struct io_poll *poll)
{
    struct owner *o = BASE_CONTAINER(poll, struct owner, poll);
    o->calls++;
    if (o->victim != NULL)
        io_poll_close(&o->victim->poll);
}

static void open_owner(struct owner *o, unsigned wanted)
{
    *o = (struct owner){.poll.ready = on_ready};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, o->pair), 0);
    assert_int_equal(io_poll_open(&o->poll, loop, o->pair[0], wanted), 0);
}

static void close_owner(struct owner *o)
{
    io_poll_close(&o->poll);
    close(o->pair[0]);
    close(o->pair[1]);
}

static int set_up(void **state)
{
    (void)state;
    return weir_loop_new(&loop, NULL, NULL) == WEIR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_loop_free(loop);
    return 0;
}

static void test_by_level(void **state)
{
    struct owner o;
    char octet;
    (void)state;
    open_owner(&o, IO_POLL_READ);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 0);
    assert_int_equal(send(o.pair[1], "x", 1, 0), 1);
    weir_loop_step(loop, 0);
    weir_loop_step(loop, WEIR_NEVER);
    assert_int_equal(o.calls, 2);
    assert_int_equal(recv(o.pair[0], &octet, 1, 0), 1);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 2);
    close_owner(&o);
}

static void test_want(void **state)
{
    struct owner o;
    (void)state;
    open_owner(&o, IO_POLL_READ);
    assert_int_equal(io_poll_want(&o.poll, IO_POLL_READ | IO_POLL_WRITE), 0);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 1);
    assert_int_equal(io_poll_want(&o.poll, IO_POLL_READ), 0);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 1);
    assert_int_equal(io_poll_want(&o.poll, IO_POLL_WRITE), 0);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 2);
    /* Dead is told whatever is wanted. */
    assert_int_equal(io_poll_want(&o.poll, IO_POLL_READ), 0);
    assert_int_equal(shutdown(o.pair[1], SHUT_RDWR), 0);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 3);
    close_owner(&o);
}

/* Both are ready in one round, and each closes itself and the other. */
#define MANY 700

static int many_seen, seen_by_timer;

static void on_one_of_many(struct io_poll *poll)
{
    (void)poll;
    many_seen++;
}

static void on_timer(void *app)
{
    (void)app;
    seen_by_timer = many_seen;
}

/* However many are ready: all of them are told before a timer that is due, in one round. */
static void test_many_before_a_timer(void **state)
{
    static struct io_poll polls[MANY];
    (void)state;
    many_seen = seen_by_timer = 0;
    weir_timer *timer = weir_timer_new(loop, on_timer, NULL);
    assert_non_null(timer);
    weir_timer_start(timer, 0);
    for (int i = 0; i < MANY; i++) {
        polls[i] = (struct io_poll){.ready = on_one_of_many};
        assert_int_equal(io_poll_open(&polls[i], loop, eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), IO_POLL_READ), 0);
    }
    weir_loop_step(loop, 1000 * UINT64_C(1000000));
    assert_int_equal(many_seen, MANY);
    assert_int_equal(seen_by_timer, MANY);
    weir_timer_free(timer);
    for (int i = 0; i < MANY; i++) {
        int fd = polls[i].fd;
        io_poll_close(&polls[i]);
        close(fd);
    }
}

static void test_close_in_ready(void **state)
{
    struct owner a;
    struct owner b;
    (void)state;
    open_owner(&a, IO_POLL_WRITE);
    open_owner(&b, IO_POLL_WRITE);
    a.victim = &b;
    b.victim = &a;
    weir_loop_step(loop, 0);
    weir_loop_step(loop, 0);
    struct owner *told = a.calls > 0 ? &a : &b;
    struct owner *other = a.calls > 0 ? &b : &a;
    assert_int_equal(told->calls, 2);
    assert_int_equal(other->calls, 0);
    told->victim = told;
    weir_loop_step(loop, 0);
    weir_loop_step(loop, 0);
    assert_int_equal(told->calls, 3);
    close_owner(&a);
    close_owner(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_level, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_want, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_before_a_timer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_in_ready, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
