/* Goal: listening finds out what is wrong with an address, accepting goes on whatever happens, and pauses without a
 * spin. Method: real sockets on loopback and in a directory of the test's; scarce descriptors in a child process. */
#include "io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS      UINT64_C(1000000)
#define FDS_MAX 256

static weir_loop *loop;
static weir_error error;
static char directory[] = "/tmp/weir_listener_test_XXXXXX";

struct acceptor {
    struct io_listener listener;
    int fds[FDS_MAX];
    int count;
    int pauses;
    int last_os;
    int stop_after; /* accepting is switched off after so many */
    int close_after;
    weir_address peer;
};

static void on_accepted(struct io_listener *listener, int fd, const weir_address *peer)
{
    struct acceptor *a = BASE_CONTAINER(listener, struct acceptor, listener);
    assert_true(a->count < FDS_MAX);
    a->fds[a->count++] = fd;
    a->peer = *peer;
    if (a->count == a->stop_after)
        io_listener_accept(listener, false);
    if (a->count == a->close_after) {
        io_listener_close(listener);
        memset(listener, 0xa5, sizeof(*listener));
    }
}

static void on_paused(struct io_listener *listener, int os)
{
    struct acceptor *a = BASE_CONTAINER(listener, struct acceptor, listener);
    a->pauses++;
    a->last_os = os;
}

static const struct io_listener_ops listener_ops = {.accepted = on_accepted, .paused = on_paused};

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

static weir_code try_listen(const char *address, int *fds, size_t count)
{
    struct io_listen_options options = {.address = weir_str_from(address)};
    error = (weir_error){0};
    return io_listen(&options, fds, count, &error);
}

static void close_fds(const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static int dial(int listening)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void open_acceptor(struct acceptor *a, const char *address, bool shared)
{
    int fd;
    memset(a, 0, sizeof(*a));
    assert_int_equal(try_listen(address, &fd, 1), WEIR_OK);
    assert_int_equal(io_listener_open(&a->listener, loop, fd, shared, &listener_ops), WEIR_OK);
}

static void test_accepts(void **state)
{
    static struct acceptor a;
    int dialled[100];
    int on = 0;
    socklen_t size = sizeof(on);
    (void)state;
    open_acceptor(&a, "127.0.0.1:0", true);
    for (int i = 0; i < 100; i++)
        dialled[i] = dial(a.listener.fd);
    weir_loop_step(loop, 0);
    assert_int_equal(a.count, 1); /* few a round at first, and more the longer all that is tried is there */
    for (int rounds = 0; rounds < 10; rounds++)
        weir_loop_step(loop, 0);
    assert_int_equal(a.count, 100);
    assert_int_equal(a.peer.family, AF_INET);
    assert_int_equal(fcntl(a.fds[0], F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(a.fds[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(getsockopt(a.fds[0], IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    assert_true(on);
    assert_int_equal(getsockopt(a.fds[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &on, &size), 0);
    assert_int_equal(on, 131072);
    close_fds(a.fds, a.count);
    close_fds(dialled, 100);
    io_listener_close(&a.listener);
}

/* None is tried for that does not come: by the share of a round. */
static void test_share(void **state)
{
    static struct acceptor a;
    int dialled[100];
    (void)state;
    open_acceptor(&a, "127.0.0.1:0", false);
    for (int i = 0; i < 20; i++) {
        dialled[i] = dial(a.listener.fd);
        weir_loop_step(loop, 0);
        weir_loop_step(loop, 0); /* a round in which none comes */
        assert_int_equal(a.count, i + 1);
    }
    assert_int_equal(a.listener.share, 1);
    for (int i = 20; i < 100; i++)
        dialled[i] = dial(a.listener.fd);
    for (int i = 0; i < 12; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(a.count, 100);
    assert_in_range(a.listener.share, 2, 64);
    int alone = dial(a.listener.fd);
    weir_loop_step(loop, 0);
    assert_int_equal(a.count, 101);
    assert_int_equal(a.listener.share, 1);
    close(alone);
    close_fds(a.fds, a.count);
    close_fds(dialled, 100);
    io_listener_close(&a.listener);
}

/* Dials until nobody answers any more. */
struct dialler {
    struct sockaddr_storage address;
    socklen_t size;
    int connected; /* by its own kernel's word */
    int cut;       /* refused by a reset half way */
    pthread_t thread;
};

static bool dial_once(struct dialler *d)
{
    struct pollfd ready = {.fd = socket(d->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                           .events = POLLOUT};
    int os = 0;
    socklen_t size = sizeof(os);
    bool said = connect(ready.fd, (struct sockaddr *)&d->address, d->size) == 0 ||
                (errno == EINPROGRESS && poll(&ready, 1, 100) == 1);
    (void)getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &os, &size);
    /* A reset that followed at once took the connection's error with it. */
    if (said && os == 0 && recv(ready.fd, &os, 1, 0) < 0 && errno != EAGAIN)
        os = errno;
    else if (said && os == 0)
        d->connected++;
    d->cut += os == ECONNRESET;
    close(ready.fd);
    return said && os == 0;
}

static void *dial_on(void *arg)
{
    while (dial_once(arg))
        ;
    return NULL;
}

static void on_accepted_close(struct io_listener *listener, int fd, const weir_address *peer)
{
    (void)peer;
    BASE_CONTAINER(listener, struct acceptor, listener)->count++;
    close(fd);
}

/* Who is connected is accepted, also within the moment in which the listener closes; method: another thread dials all
 * the time, and both count. */
static void test_closing_resets_none(void **state)
{
    static const struct io_listener_ops ops = {.accepted = on_accepted_close};
    /* A host of this process's own: the port may be another's as soon as the listener is gone. */
    unsigned pid = (unsigned)getpid();
    char address[32];
    (void)state;
    (void)snprintf(address, sizeof(address), "127.%u.%u.%u:0", 1 + pid % 250, pid / 250 % 250, 1 + pid / 62500 % 250);
    for (int round = 0; round < 20; round++) {
        static struct acceptor a;
        struct dialler d = {.size = sizeof(d.address)};
        open_acceptor(&a, address, false);
        a.listener.ops = &ops;
        assert_int_equal(getsockname(a.listener.fd, (struct sockaddr *)&d.address, &d.size), 0);
        assert_int_equal(pthread_create(&d.thread, NULL, dial_on, &d), 0);
        while (a.count <= round % 7)
            weir_loop_step(loop, UINT64_MAX);
        io_listener_accept_waiting(&a.listener);
        io_listener_close(&a.listener);
        assert_int_equal(pthread_join(d.thread, NULL), 0);
        assert_int_equal(d.cut, 0);
        assert_int_equal(d.connected, a.count);
    }
}

static void test_switched_off_and_closed(void **state)
{
    static struct acceptor a;
    int dialled[3];
    (void)state;
    open_acceptor(&a, "127.0.0.1:0", false);
    a.stop_after = 1;
    a.close_after = 2;
    for (int i = 0; i < 3; i++)
        dialled[i] = dial(a.listener.fd);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(a.count, 1);
    io_listener_accept(&a.listener, true);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(a.count, 2);
    close_fds(a.fds, a.count);
    close_fds(dialled, 3);
}

/* Runs in a child: the limit is of a process. Returns the number of the check that failed, or 0. */
static int starve(void)
{
    static struct acceptor a;
    struct rlimit limit;
    int dialled[2];
    open_acceptor(&a, "127.0.0.1:0", false);
    dialled[0] = dial(a.listener.fd);
    dialled[1] = dial(a.listener.fd);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)dialled[1] + 1;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    int rounds = 0;
    uint64_t began_ns = weir_loop_now(loop);
    while (weir_loop_now(loop) - began_ns < 100 * MS) {
        weir_loop_step(loop, 100 * MS);
        rounds++;
    }
    if (a.pauses != 1 || a.last_os != EMFILE)
        return 2;
    if (rounds > 40) /* 5, 15, 35, 75, 155 ms, a few rounds each */
        return 3;
    close(dialled[0]);
    for (rounds = 0; a.pauses < 2 && rounds < 100; rounds++)
        weir_loop_step(loop, 100 * MS);
    /* One is accepted, and at once there is no room again: a new pause, told anew, from 5 ms. */
    if (a.count != 1 || a.pauses != 2 || a.listener.backoff_ns > 10 * MS)
        return 4;
    io_listener_close(&a.listener);
    return 0;
}

/* Valgrind keeps descriptors for itself, and does not run /proc/self/exe: what depends on that is not tested there. */
static void skip_under_valgrind(void)
{
    const char *kind = getenv("WEIR_BUILD_KIND");
    if (kind != NULL && strcmp(kind, "valgrind") == 0)
        skip();
}

static void test_out_of_descriptors(void **state)
{
    int status;
    (void)state;
    skip_under_valgrind();
    pid_t child = fork();
    if (child == 0) {
        assert_int_equal(weir_loop_new(&loop, NULL, NULL), WEIR_OK); /* an epoll shared with the parent is no good */
        _exit(starve());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_one_port_for_all_workers(void **state)
{
    int fds[4];
    int dialled[64];
    char texts[2][IO_ADDRESS_TEXT_SIZE];
    static struct acceptor workers[4];
    int total = 0;
    (void)state;
    memset(workers, 0, sizeof(workers));
    assert_int_equal(try_listen("127.0.0.1:0", fds, 4), WEIR_OK);
    io_listen_address(fds[0], texts[0]);
    io_listen_address(fds[3], texts[1]);
    assert_string_equal(texts[0], texts[1]);
    assert_memory_equal(texts[0], "127.0.0.1:", 10);
    for (int i = 0; i < 4; i++)
        assert_int_equal(io_listener_open(&workers[i].listener, loop, fds[i], false, &listener_ops), WEIR_OK);
    for (int i = 0; i < 64; i++)
        dialled[i] = dial(fds[0]);
    for (int i = 0; i < 64; i++)
        weir_loop_step(loop, 0);
    for (int i = 0; i < 4; i++) {
        assert_true(workers[i].count > 0); /* the first belongs to the group too */
        total += workers[i].count;
        close_fds(workers[i].fds, workers[i].count);
    }
    assert_int_equal(total, 64);
    close_fds(dialled, 64);
    /* A second server, which would share as well, is refused. */
    int other[2];
    assert_int_equal(try_listen(texts[0], other, 2), WEIR_CODE_address_in_use);
    assert_int_equal(error.os, EADDRINUSE);
    assert_non_null(strstr(error.text, texts[0]));
    for (int i = 0; i < 4; i++)
        io_listener_close(&workers[i].listener);
    /* And may have it when the first is gone, though connections linger. */
    assert_int_equal(try_listen(texts[0], other, 2), WEIR_OK);
    close_fds(other, 2);
}

static void test_all_addresses(void **state)
{
    int fd;
    char text[IO_ADDRESS_TEXT_SIZE];
    static struct acceptor a;
    (void)state;
    open_acceptor(&a, ":0", false);
    io_listen_address(a.listener.fd, text);
    const char *port = strrchr(text, ':');
    assert_true(strncmp(text, "[::]:", 5) == 0 || strncmp(text, "0.0.0.0:", 8) == 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)atoi(port + 1))};
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    weir_loop_step(loop, 1000 * MS);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.peer.family, AF_INET); /* not ::ffff:127.0.0.1 */
    close(a.fds[0]);
    close(fd);
    /* Taken for a single address as well. */
    char one[64];
    (void)snprintf(one, sizeof(one), "127.0.0.1%s", port);
    assert_int_equal(try_listen(one, &fd, 1), WEIR_CODE_address_in_use);
    io_listener_close(&a.listener);
}

static void test_refusals(void **state)
{
    int fds[2];
    (void)state;
    assert_int_equal(try_listen("127.0.0.1:99999", fds, 1), WEIR_CODE_bad_address);
    assert_int_equal(try_listen("192.0.2.1:0", fds, 2), WEIR_CODE_address_unavailable);
    assert_non_null(strstr(error.text, "192.0.2.1:0"));
    assert_int_equal(try_listen("[::zz]:80", fds, 1), WEIR_CODE_bad_address);
    assert_non_null(strstr(error.text, "IPv6"));
    assert_int_equal(try_listen("[127.0.0.1]:80", fds, 1), WEIR_CODE_bad_address);
    assert_int_equal(try_listen("no_such_host.invalid:80", fds, 1), WEIR_CODE_bad_address);
    assert_int_equal(try_listen("unix:/nonexistent/weir", fds, 1), WEIR_CODE_address_unavailable);
    assert_non_null(strstr(error.text, "directory"));
    unsetenv("LISTEN_FDS");
    assert_int_equal(try_listen("systemd", fds, 1), WEIR_CODE_address_unavailable);
    assert_int_equal(io_listen_places(WEIR_STR("systemd")), 0);
    assert_int_equal(io_listen_places(WEIR_STR(":80")), 1);
    struct io_listen_options options = {.address = WEIR_STR("x")};
    assert_int_equal(io_listen(&options, fds, 1, NULL), WEIR_CODE_bad_address);
}

static void path_of(char path[64], char address[80], const char *name)
{
    (void)snprintf(path, 64, "%s/%s", directory, name);
    (void)snprintf(address, 80, "unix:%s", path);
}

static void test_unix(void **state)
{
    char path[64];
    char address[80];
    char text[IO_ADDRESS_TEXT_SIZE];
    int fds[3];
    int other;
    struct stat file;
    struct io_listen_mark mark;
    (void)state;
    path_of(path, address, "live");
    struct io_listen_options options = {.address = weir_str_from(address), .unix_for_all = true};
    assert_int_equal(io_listen(&options, fds, 3, &error), WEIR_OK);
    io_listen_address(fds[2], text);
    assert_string_equal(text, address);
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0666);
    assert_int_equal(try_listen(address, &other, 1), WEIR_CODE_address_in_use);
    assert_non_null(strstr(error.text, address));
    io_listen_mark(&mark, options.address);
    /* Another server that took the path over while we live keeps its file. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(try_listen(address, &other, 1), WEIR_OK);
    io_listen_forget(&mark);
    assert_int_equal(stat(path, &file), 0);
    /* Dead, but the file is there: replaced. */
    close(other);
    close_fds(fds, 3);
    assert_int_equal(try_listen(address, fds, 1), WEIR_OK);
    io_listen_mark(&mark, options.address);
    io_listen_forget(&mark);
    assert_int_equal(stat(path, &file), -1);
    io_listen_forget(&mark);
    close(fds[0]);
    io_listen_mark(&mark, WEIR_STR("127.0.0.1:80"));
    assert_string_equal(mark.path, "");
    io_listen_forget(&mark);
}

static void test_unix_other_file(void **state)
{
    char path[64];
    char address[80];
    int fd;
    struct stat file;
    (void)state;
    path_of(path, address, "plain");
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(try_listen(address, &fd, 1), WEIR_CODE_address_in_use);
    assert_non_null(strstr(error.text, "not a socket"));
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(unlink(path), 0);
}

static int inherited_child(void);

/* Started anew with two listening sockets and one that is not, as a service manager does it. */
static void test_systemd(void **state)
{
    int fds[2];
    int status;
    (void)state;
    skip_under_valgrind();
    assert_int_equal(try_listen("127.0.0.1:0", fds, 2), WEIR_OK);
    pid_t child = fork();
    if (child == 0) {
        char pid[16];
        char self[] = "/proc/self/exe";
        char mode[] = "inherited";
        char *const arguments[] = {self, mode, NULL};
        int spare[2];
        for (int i = 0; i < 2; i++)
            spare[i] = fcntl(fds[i], F_DUPFD, 100);
        int plain = fcntl(socket(AF_INET, SOCK_STREAM, 0), F_DUPFD, 100);
        dup2(spare[0], 3);
        dup2(plain, 4);
        dup2(spare[1], 5);
        (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "3", 1);
        execv(self, arguments);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close_fds(fds, 2);
}

/* Number of the check that failed, or 0. */
static int inherited_child(void)
{
    int fds[2];
    char text[IO_ADDRESS_TEXT_SIZE];
    struct io_listen_options options = {.address = WEIR_STR("systemd")};
    if (io_listen_places(options.address) != 2)
        return 1;
    for (options.index = 0; options.index < 2; options.index++) {
        if (io_listen(&options, fds, 2, &error) != WEIR_OK)
            return 2;
        io_listen_address(fds[1], text);
        if (strncmp(text, "127.0.0.1:", 10) != 0)
            return 3;
        close_fds(fds, 2);
    }
    if (io_listen(&options, fds, 1, &error) != WEIR_CODE_address_unavailable)
        return 4;
    for (int fd = 3; fd < 6; fd++) {
        if (fcntl(fd, F_GETFD) != FD_CLOEXEC)
            return 5;
    }
    if (getenv("LISTEN_FDS") == NULL || getenv("LISTEN_PID") == NULL)
        return 6;
    setenv("LISTEN_PID", "1", 1);
    if (io_listen_places(options.address) != 0)
        return 7;
    options.index = 0;
    return io_listen(&options, fds, 1, &error) == WEIR_CODE_address_unavailable ? 0 : 8;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing_resets_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_switched_off_and_closed, set_up, tear_down),
        cmocka_unit_test(test_out_of_descriptors),
        cmocka_unit_test_setup_teardown(test_one_port_for_all_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_addresses, set_up, tear_down),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_other_file),
        cmocka_unit_test(test_systemd),
    };
    if (argc > 1 && strcmp(argv[1], "inherited") == 0)
        return inherited_child();
    if (mkdtemp(directory) == NULL)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
