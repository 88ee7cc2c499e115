/* Goal: at the limit of connections a new one costs the same however many there are: the one idle for longest makes
 * room, found at the first look, and where none is idle nobody is looked at. Method: a server on a loop that is stepped
 * here, clients on a unix socket that keep their connections; what is counted is looks, not time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "server/server_internal.h"

#define CLIENTS     100
#define PATIENCE_NS (UINT64_C(30) * WEIR_SECOND)

static weir_loop *loop;
static weir_server *server;
static struct sockaddr_un at = {.sun_family = AF_UNIX};
static char folder[] = "/tmp/weir_accept_test_XXXXXX";

/* `/wait` is not answered. */
static void on_head(void *app, weir_exchange *x)
{
    (void)app;
    if (!weir_str_equal(weir_request_path(x), WEIR_STR("/wait")))
        (void)weir_respond(x, 204, WEIR_NO_FIELDS, weir_body_none());
}

static int set_up(void **state)
{
    static const weir_handler handler = WEIR_HANDLER(.head = on_head);
    char listen[160];
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/s", folder);
    (void)snprintf(listen, sizeof listen, "unix:%s", at.sun_path);
    assert_int_equal(weir_loop_new(&loop, NULL, NULL), WEIR_OK);
    assert_int_equal(weir_server_new(&server,
                                     WEIR_SERVER(.listen = weir_str_from(listen), .handler = &handler, .loop = loop,
                                                 .connections_max = CLIENTS),
                                     NULL),
                     WEIR_OK);
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_server_stop(server);
    while (!weir_server_is_stopped(server))
        weir_loop_step(loop, WEIR_SECOND);
    weir_server_free(server);
    weir_loop_free(loop);
    assert_int_equal(rmdir(folder), 0);
    return 0;
}

static const struct link_home *home(void)
{
    return &server->workers[0].home;
}

static int dial(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void ask(int fd, const char *path)
{
    char text[64];
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)size, MSG_NOSIGNAL), size);
}

/* Octets, or 0 for the server's FIN. */
static ssize_t receive(int fd)
{
    char octets[512];
    uint64_t begun_ns = weir_loop_now(loop);
    for (;;) {
        ssize_t n = recv(fd, octets, sizeof octets, 0);
        if (n >= 0)
            return n;
        assert_int_equal(errno, EAGAIN);
        assert_true(weir_loop_now(loop) - begun_ns < PATIENCE_NS);
        weir_loop_step(loop, WEIR_SECOND);
    }
}

static bool is_open(int fd)
{
    char octet;
    return recv(fd, &octet, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static void use(int fd)
{
    ask(fd, "/");
    assert_true(receive(fd) > 0);
}

static void steps(void)
{
    for (int i = 0; i < 5; i++)
        weir_loop_step(loop, 0);
}

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
    while (home()->alive > 0)
        weir_loop_step(loop, WEIR_SECOND);
    assert_int_equal(home()->idle, 0);
}

static void fill(int *fds, const char *path)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = dial();
        ask(fds[i], path);
        steps();
    }
    assert_int_equal(home()->alive, CLIENTS);
}

/* The order is that of becoming idle: who asks again, or asks and waits, is not the oldest any more. */
static void test_longest_idle_makes_room(void **state)
{
    int fds[CLIENTS + 3];
    uint64_t before = home()->reclaim_looks;
    (void)state;
    fill(fds, "/");
    for (size_t i = 0; i < CLIENTS; i++)
        assert_true(receive(fds[i]) > 0);
    use(fds[0]);
    use(fds[2]);
    ask(fds[3], "/wait");
    steps();
    static const size_t order[] = {1, 4, 5};
    for (size_t i = 0; i < 3; i++) {
        fds[CLIENTS + i] = dial();
        use(fds[CLIENTS + i]);
        assert_int_equal(receive(fds[order[i]]), 0);
        assert_int_equal(home()->reclaim_looks - before, i + 1);
        assert_int_equal(home()->alive, CLIENTS);
    }
    for (size_t i = 0; i < CLIENTS + 3; i++)
        assert_int_equal(is_open(fds[i]), i != 1 && i != 4 && i != 5);
    close_all(fds, CLIENTS + 3);
}

/* All but one wait for answers: that one is found at once. Then none is idle: nobody is looked at, and the next waits
 * in the kernel until there is room. */
static void test_busy_ones_are_not_looked_at(void **state)
{
    int fds[CLIENTS + 2];
    uint64_t before = home()->reclaim_looks;
    (void)state;
    fill(fds, "/wait");
    close(fds[CLIENTS / 2]);
    fds[CLIENTS / 2] = dial();
    use(fds[CLIENTS / 2]);
    assert_int_equal(home()->reclaim_looks, before);
    fds[CLIENTS] = dial();
    ask(fds[CLIENTS], "/wait");
    assert_int_equal(receive(fds[CLIENTS / 2]), 0);
    steps();
    assert_int_equal(home()->reclaim_looks, before + 1);
    fds[CLIENTS + 1] = dial();
    ask(fds[CLIENTS + 1], "/");
    steps();
    assert_int_equal(home()->alive, CLIENTS);
    assert_int_equal(home()->reclaim_looks, before + 1);
    close(fds[0]);
    assert_true(receive(fds[CLIENTS + 1]) > 0);
    assert_int_equal(home()->reclaim_looks, before + 1);
    close_all(fds + 1, CLIENTS + 1);
}

/* One that has not read its answer is not closed, and the next is: two looks. */
static void test_unread_answers_stay(void **state)
{
    int fds[CLIENTS + 1];
    uint64_t before = home()->reclaim_looks;
    (void)state;
    fill(fds, "/");
    for (size_t i = 1; i < CLIENTS; i++)
        assert_true(receive(fds[i]) > 0);
    fds[CLIENTS] = dial();
    use(fds[CLIENTS]);
    assert_int_equal(receive(fds[1]), 0);
    assert_int_equal(home()->reclaim_looks, before + 2);
    assert_true(receive(fds[0]) > 0);
    assert_true(is_open(fds[0]));
    close_all(fds, CLIENTS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_idle_makes_room),
        cmocka_unit_test(test_busy_ones_are_not_looked_at),
        cmocka_unit_test(test_unread_answers_stay),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
