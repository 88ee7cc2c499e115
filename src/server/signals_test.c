/* Goal: weir_serve with drain_on_signals drains on the first signal, stops on the second, and leaves the signals as
 * they were. Method: a child process that serves, and is sent signals; what it leaves is its exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/scene.h"

struct child {
    pid_t pid;
    int out; /* where it says its port */
};

static void never(void *app, weir_exchange *x)
{
    (void)app;
    (void)x;
}

static void on_started(void *app, weir_server *server)
{
    const struct child *child = app;
    char text[64];
    assert_true(weir_server_address(server, 0, text, sizeof text));
    uint16_t port = (uint16_t)atoi(strrchr(text, ':') + 1);
    if (write(child->out, &port, sizeof port) != sizeof port)
        _exit(90);
}

static void on_usr(int number)
{
    _exit(number == SIGTERM ? 50 : 51);
}

/* 10 and more: what weir_serve returned, with signals as they were. */
static void serve(const struct child *child, const weir_handler *with, bool ignores)
{
    struct sigaction now;
    signal(SIGTERM, on_usr);
    signal(SIGINT, ignores ? SIG_IGN : SIG_DFL);
    int status = weir_serve(WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = with, .workers = 2,
                                        .app = (void *)(uintptr_t)child, .started = on_started,
                                        .drain_on_signals = true, .drain_timeout_ns = WEIR_UNLIMITED));
    sigaction(SIGTERM, NULL, &now);
    bool same = now.sa_handler == on_usr;
    sigaction(SIGINT, NULL, &now);
    same = same && now.sa_handler == (ignores ? SIG_IGN : SIG_DFL);
    _exit(same ? 10 + status : 80);
}

/* Returns a connection to it. */
static int start(struct child *child, const weir_handler *with, bool ignores)
{
    int pipes[2];
    uint16_t port;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(pipe(pipes), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        child->out = pipes[1];
        close(pipes[0]);
        alarm(120);
        serve(child, with, ignores);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &port, sizeof port), sizeof port);
    close(pipes[0]);
    to.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void expect_exit(const struct child *child, int status)
{
    int got;
    assert_int_equal(waitpid(child->pid, &got, 0), child->pid);
    assert_true(WIFEXITED(got));
    assert_int_equal(WEXITSTATUS(got), status);
}

static void test_first_drains(void **state)
{
    static const int both[] = {SIGTERM, SIGINT};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct child child;
        char octet;
        int fd = start(&child, &handler, false);
        ask(fd);
        expect_answer(fd);
        kill(child.pid, both[i]);
        assert_int_equal(recv(fd, &octet, 1, 0), 0);
        close(fd);
        expect_exit(&child, 10);
    }
}

/* It asked, and is not answered: the drain waits for ever, the second signal does not. */
static void test_second_stops(void **state)
{
    static const weir_handler silent = WEIR_HANDLER(.head = never);
    struct child child;
    char octet;
    (void)state;
    int fd = start(&child, &silent, false);
    int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    assert_int_equal(getpeername(fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(idle, (struct sockaddr *)&at, sizeof at), 0);
    ask(fd);
    kill(child.pid, SIGTERM);
    assert_int_equal(recv(idle, &octet, 1, 0), 0); /* the first one was seen */
    assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
    kill(child.pid, SIGTERM);
    assert_int_equal(recv(fd, &octet, 1, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
    close(idle);
    expect_exit(&child, 10);
}

static void test_ignored_stays_ignored(void **state)
{
    struct child child;
    (void)state;
    int fd = start(&child, &handler, true);
    kill(child.pid, SIGINT);
    ask(fd);
    expect_answer(fd);
    kill(child.pid, SIGTERM);
    close(fd);
    expect_exit(&child, 10);
}

struct first_app {
    int second_status;
    int fd;
};

static void serve_another(void *app, weir_exchange *x)
{
    ((struct first_app *)app)->second_status =
        weir_serve(WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = &handler, .drain_on_signals = true));
    hello(app, x);
    raise(SIGTERM);
}

static void on_first_started(void *app, weir_server *server)
{
    struct first_app *first = app;
    first->fd = dial(server);
    ask(first->fd);
}

/* In this process, and one within the other: the second one is refused, and takes nothing from the first. */
static void test_one_at_a_time(void **state)
{
    static const weir_handler another = WEIR_HANDLER(.head = serve_another);
    struct first_app app = {.second_status = -1};
    (void)state;
    assert_int_equal(weir_serve(WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = &another, .app = &app,
                                            .started = on_first_started, .drain_on_signals = true)),
                     0);
    assert_int_equal(app.second_status, 1);
    expect_answer(app.fd);
    close(app.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_drains),
        cmocka_unit_test(test_second_stops),
        cmocka_unit_test(test_ignored_stays_ignored),
        cmocka_unit_test(test_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
