/* Goal: rounds, timers, pokes from a signal handler, and one loop nested in another by poll.
 * Method: small loops with real clocks; bounds on time are only ever "not early" and "not for ever". */
#include "io/loop.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop_internal.h"
#include "io/sock.h"

#define MS UINT64_C(1000000)

static weir_loop *loop;

static int set_up(void **state)
{
    (void)state;
    return weir_loop_new(&loop, NULL, NULL) != WEIR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    weir_loop_free(loop);
    return 0;
}

static uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void count_up(void *app)
{
    (*(int *)app)++;
}

static void stop(void *app)
{
    (void)app;
    weir_loop_stop(loop);
}

static void test_timer(void **state)
{
    int fired = 0;
    (void)state;
    weir_timer *timer = weir_timer_new(loop, count_up, &fired);
    weir_timer *end = weir_timer_new(loop, stop, NULL);
    assert_true(weir_loop_deadline(loop) == WEIR_NEVER);
    uint64_t began_ns = clock_now();
    weir_timer_start(timer, 20 * MS);
    weir_timer_start(timer, 10 * MS);
    weir_timer_start(end, 30 * MS);
    assert_true(weir_loop_deadline(loop) <= clock_now() + 12 * MS);
    weir_loop_run(loop);
    assert_true(clock_now() - began_ns >= 30 * MS);
    assert_int_equal(fired, 1);
    weir_timer_start(timer, 0);
    weir_timer_stop(timer);
    weir_loop_step(loop, 0);
    assert_int_equal(fired, 1);
    weir_timer_start(timer, WEIR_NEVER);
    weir_loop_step(loop, 0);
    weir_timer_free(timer);
    weir_timer_free(end);
    assert_true(weir_loop_deadline(loop) == WEIR_NEVER);
}

/* Sleeping until a timer takes few rounds: waiting never ends a moment early, to spin. */
static void test_no_spin(void **state)
{
    int fired = 0;
    int rounds = 0;
    (void)state;
    weir_timer *timer = weir_timer_new(loop, count_up, &fired);
    weir_timer_start(timer, 200 * MS);
    while (fired == 0) {
        weir_loop_step(loop, WEIR_NEVER);
        rounds++;
    }
    assert_true(rounds <= 8);
    weir_timer_free(timer);
}

/* A kernel that knows no waits below a millisecond waits longer, and never shorter than it was asked to. */
static void test_wait_is_rounded_up(void **state)
{
    (void)state;
    loop->epoll.no_pwait2 = true;
    for (int i = 0; i < 20; i++) {
        uint64_t began_ns = clock_now();
        weir_loop_step(loop, i % 2 == 0 ? MS / 2 : 2 * MS + MS / 2);
        assert_true(clock_now() - began_ns >= (i % 2 == 0 ? MS / 2 : 2 * MS + MS / 2));
    }
}

/* While a loop waits for one timer: one that is due before it, and one that is moved behind it, fire when they are
 * due. */
static void test_timers_moved(void **state)
{
    int late = 0;
    int soon = 0;
    (void)state;
    weir_timer *moved = weir_timer_new(loop, count_up, &late);
    weir_timer *other = weir_timer_new(loop, count_up, &soon);
    uint64_t began_ns = clock_now();
    weir_timer_start(moved, 60000 * MS);
    weir_loop_step(loop, MS);
    weir_timer_start(other, 10 * MS);
    while (soon == 0)
        weir_loop_step(loop, WEIR_NEVER);
    assert_in_range(clock_now() - began_ns, 10 * MS, 30000 * MS);
    weir_timer_start(moved, 20 * MS);
    weir_loop_step(loop, MS);
    began_ns = clock_now();
    weir_timer_start(moved, 50 * MS);
    late = 0; /* a busy machine may have let it fire before it was moved */
    int rounds = 0;
    while (late == 0) {
        weir_loop_step(loop, WEIR_NEVER);
        rounds++;
    }
    assert_in_range(clock_now() - began_ns, 50 * MS, 30000 * MS);
    assert_true(rounds <= 6);
    /* Stopped: it ends no wait any more but once. */
    weir_timer_start(moved, 5 * MS);
    weir_loop_step(loop, MS);
    weir_timer_stop(moved);
    began_ns = clock_now();
    for (rounds = 0; clock_now() - began_ns < 40 * MS; rounds++)
        weir_loop_step(loop, 40 * MS);
    assert_true(rounds <= 3);
    weir_timer_free(moved);
    weir_timer_free(other);
}

struct pair {
    weir_timer *mine;
    weir_timer *other;
    int fired;
};

static void free_both(void *app)
{
    struct pair *pair = app;
    pair->fired++;
    weir_timer_free(pair->mine);
    weir_timer_free(pair->other);
}

/* Both are due in one round, and the first frees both. */
static void test_timer_freed_while_due(void **state)
{
    struct pair pair = {0};
    (void)state;
    pair.mine = weir_timer_new(loop, free_both, &pair);
    pair.other = weir_timer_new(loop, free_both, &pair);
    weir_timer_start(pair.mine, 0);
    weir_timer_start(pair.other, 0);
    weir_loop_step(loop, 5 * MS);
    weir_loop_step(loop, 5 * MS);
    assert_int_equal(pair.fired, 1);
}

/* Stopping before running is not lost. */
static void test_stop_first(void **state)
{
    (void)state;
    weir_loop_stop(loop);
    weir_loop_run(loop);
}

static void on_signal(int number)
{
    (void)number;
    io_loop_poke(loop);
}

static void test_poke(void **state)
{
    int poked = 0;
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    (void)state;
    struct io_poke poke = {.fn = count_up, .app = &poked};
    io_loop_on_poke(loop, &poke);
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    weir_loop_step(loop, WEIR_NEVER);
    assert_int_equal(poked, 1);
    weir_loop_step(loop, 0);
    assert_int_equal(poked, 1);
    raise(SIGUSR1);
    weir_loop_step(loop, WEIR_NEVER);
    assert_int_equal(poked, 2);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, timeout_ms) == 1;
}

static void test_nesting_post(void **state)
{
    int calls = 0;
    (void)state;
    weir_loop_step(loop, 0);
    assert_false(is_readable(weir_loop_fd(loop), 0));
    assert_int_equal(weir_loop_post(loop, count_up, &calls), WEIR_OK);
    assert_true(is_readable(weir_loop_fd(loop), 1000));
    weir_loop_step(loop, 0);
    assert_int_equal(calls, 1);
    assert_false(is_readable(weir_loop_fd(loop), 0));
}

static char *space(struct io_sock *sock, size_t *size)
{
    static char buffer[16];
    (void)sock;
    *size = sizeof(buffer);
    return buffer;
}

static size_t octets_read;

static void read_some(struct io_sock *sock, ssize_t n, bool more)
{
    (void)sock;
    (void)more;
    octets_read += n > 0 ? (size_t)n : 0;
}

static void woken(struct io_sock *sock)
{
    octets_read += 1000000;
    (void)sock;
}

static const struct io_sock_ops ops = {.space = space, .read = read_some, .woken = woken};

/* Work that is left over after a step, or is made between two, shows at the descriptor and in the deadline. */
static void test_nesting_rest(void **state)
{
    static const char octets[1000];
    struct io_sock sock;
    int pair[2];
    int steps = 0;
    (void)state;
    octets_read = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(io_sock_open(&sock, loop, pair[0], &ops, false), WEIR_OK);
    io_sock_read(&sock, true);
    assert_int_equal(send(pair[1], octets, sizeof(octets), 0), (ssize_t)sizeof(octets));
    while (is_readable(weir_loop_fd(loop), 0)) {
        weir_loop_step(loop, 0);
        steps++;
    }
    assert_int_equal(octets_read, sizeof(octets));
    assert_true(steps >= 4);
    assert_true(weir_loop_deadline(loop) == WEIR_NEVER);
    io_sock_wake(&sock);
    assert_true(weir_loop_deadline(loop) <= weir_loop_now(loop));
    assert_true(is_readable(weir_loop_fd(loop), 0));
    weir_loop_step(loop, 0);
    assert_int_equal(octets_read, sizeof(octets) + 1000000);
    io_sock_close(&sock);
    close(pair[1]);
}

static void test_clocks(void **state)
{
    (void)state;
    uint64_t before_ns = clock_now();
    weir_loop_step(loop, 0);
    assert_true(weir_loop_now(loop) >= before_ns);
    assert_true(weir_loop_now(loop) <= clock_now());
    time_t now = time(NULL);
    assert_in_range((uintmax_t)io_loop_unix_time(loop), (uintmax_t)now - 1, (uintmax_t)now + 1);
}

/* Outside of a round each call reads the clock; within one it stands still. */
static void read_clock_twice(void *app)
{
    uint64_t *seen = app;
    seen[0] = weir_loop_now(loop);
    while (clock_now() - seen[0] < 3 * MS)
        continue;
    seen[1] = weir_loop_now(loop);
}

static void test_clock_after_a_rest(void **state)
{
    uint64_t seen[2];
    int fired = 0;
    (void)state;
    weir_loop_step(loop, 0);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    uint64_t before_ns = clock_now();
    assert_true(weir_loop_now(loop) >= before_ns);
    assert_int_equal(weir_loop_post(loop, read_clock_twice, seen), WEIR_OK);
    weir_loop_step(loop, 0);
    assert_true(seen[0] >= before_ns);
    assert_true(seen[0] == seen[1]);
    assert_true(weir_loop_timeout(loop) == WEIR_NEVER);

    /* However long the outer loop is busy elsewhere, it hears what is left, and 0 when nothing is. */
    weir_timer *timer = weir_timer_new(loop, count_up, &fired);
    uint64_t started_ns = clock_now();
    weir_timer_start(timer, 40 * MS);
    while (weir_loop_timeout(loop) != 0) {
        assert_true(weir_loop_timeout(loop) <= 42 * MS);
        assert_true(clock_now() - started_ns < 30000 * MS);
    }
    assert_true(weir_loop_deadline(loop) <= weir_loop_now(loop));
    while (fired == 0)
        weir_loop_step(loop, weir_loop_timeout(loop));
    assert_true(clock_now() - started_ns >= 40 * MS);
    weir_timer_free(timer);
}

static void *no_memory(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)ptr;
    (void)old_size;
    (void)new_size;
    return NULL;
}

static void test_refusals(void **state)
{
    const weir_allocator none = {.resize = no_memory};
    weir_loop *other;
    weir_error error;
    int status;
    (void)state;
    assert_int_equal(weir_loop_new(&other, &none, &error), WEIR_CODE_no_memory);
    assert_int_equal(error.code, WEIR_CODE_no_memory);
    const char *kind = getenv("WEIR_BUILD_KIND");
    if (kind != NULL && strcmp(kind, "valgrind") == 0)
        return; /* it keeps descriptors for itself: the limit would not be the one that is set here */
    for (rlim_t room = 0; room < 3; room++) {
        pid_t child = fork();
        if (child == 0) {
            /* Fewer descriptors than the three that a loop needs; and those are given back. */
            int lowest = dup(0);
            close(lowest);
            struct rlimit few = {.rlim_cur = (rlim_t)lowest + room, .rlim_max = (rlim_t)lowest + room};
            setrlimit(RLIMIT_NOFILE, &few);
            bool refused = weir_loop_new(&other, NULL, &error) == WEIR_CODE_no_descriptors;
            _exit(refused && error.text[0] != '\0' && (room == 0 || dup(0) == lowest) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static void test_close_on_exec(void **state)
{
    (void)state;
    for (int fd = weir_loop_fd(loop); fd <= weir_loop_fd(loop) + 2; fd++)
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_spin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wait_is_rounded_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timers_moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_freed_while_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_poke, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nesting_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nesting_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock_after_a_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_on_exec, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
