/* Goal: no peer ends the process by leaving, whatever is being written to it, with SIGPIPE as it is by default; and the
 * signal of the program's own stays what it was. Method: real sockets of both kinds, and peers on a thread that leave
 * in every way while a file, one piece or several are written. */
#include "io/sigpipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "io/loop_internal.h"

#define FILE_SIZE (1U << 20)
#define ROUNDS    25

enum leaving { CLOSES, READS_AND_CLOSES, SHUTS_READING, SHUTS_BOTH, RESETS, LEAVING_COUNT };
enum writing { WRITES_FILE, WRITES_PIECE, WRITES_PIECES, WRITING_COUNT };

static weir_loop *loop;
static struct io_sock sock;
static int peer, file;
static char memory[FILE_SIZE];

static char *on_space(struct io_sock *s, size_t *size)
{
    (void)s;
    (void)size;
    return NULL;
}

static void on_read(struct io_sock *s, ssize_t n, bool more)
{
    (void)s;
    (void)n;
    (void)more;
}

static void on_written(struct io_sock *s, ssize_t n)
{
    (void)s;
    (void)n;
}

static void on_hangup(struct io_sock *s, int os)
{
    (void)s;
    (void)os;
}

static const struct io_sock_ops ops = {.space = on_space, .read = on_read, .written = on_written, .hangup = on_hangup};

static int set_up(void **state)
{
    char path[] = "/tmp/weir_sigpipe_test_XXXXXX";
    (void)state;
    file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(ftruncate(file, FILE_SIZE), 0);
    assert_int_equal(weir_loop_new(&loop, NULL, NULL), WEIR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    weir_loop_free(loop);
    close(file);
    return 0;
}

static void open_pair(bool tcp)
{
    int fds[2];
    if (tcp) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof at;
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
        assert_int_equal(connect(fds[1], (struct sockaddr *)&at, size), 0);
        fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        assert_true(fds[0] >= 0);
        close(listener);
    } else {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    }
    peer = fds[1];
    assert_int_equal(io_sock_open(&sock, loop, fds[0], &ops, false), WEIR_OK);
}

static bool is_held_off(void)
{
    sigset_t blocked;
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    return sigismember(&blocked, SIGPIPE) == 1;
}

static bool is_pending(void)
{
    sigset_t pending;
    assert_int_equal(sigpending(&pending), 0);
    return sigismember(&pending, SIGPIPE) == 1;
}

/* A peer that has read all and closed answers octets by a reset, which comes within the call: the first part of the
 * file is taken, and the second raises the signal. */
static ssize_t write_file_to_one_that_left(void)
{
    open_pair(true);
    close(peer);
    ssize_t n = io_sock_write_file(&sock, file, 0, FILE_SIZE);
    assert_in_range(n, 1, FILE_SIZE - 1);
    return n;
}

static void test_part_of_a_file(void **state)
{
    (void)state;
    ssize_t n = write_file_to_one_that_left();
    assert_false(is_held_off());
    assert_int_equal(io_sock_write_file(&sock, file, (uint64_t)n, FILE_SIZE - (size_t)n), -ECONNRESET);
    assert_int_equal(io_sock_write_file(&sock, file, (uint64_t)n, FILE_SIZE - (size_t)n), -EPIPE);
    assert_false(is_held_off());
    io_sock_close(&sock);
}

/* A thread that has the signal blocked finds it as it left it: blocked, and pending only if it was. */
static void test_blocked_by_the_program(void **state)
{
    sigset_t set, before;
    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    (void)write_file_to_one_that_left();
    io_sock_close(&sock);
    assert_true(is_held_off());
    assert_false(is_pending());
    assert_int_equal(raise(SIGPIPE), 0);
    (void)write_file_to_one_that_left();
    io_sock_close(&sock);
    assert_true(is_pending());
    const struct timespec at_once = {0};
    assert_int_equal(sigtimedwait(&set, NULL, &at_once), SIGPIPE);
    assert_false(is_pending());
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* --- peers on a thread ------------------------------------------------------------------------------------------ */

static void *leave(void *app)
{
    enum leaving leaving = *(const enum leaving *)app;
    static char some[65536];
    const struct linger at_once = {.l_onoff = 1};
    if (leaving != CLOSES)
        (void)!recv(peer, some, sizeof some, 0);
    if (leaving == SHUTS_READING || leaving == SHUTS_BOTH)
        (void)shutdown(peer, leaving == SHUTS_BOTH ? SHUT_RDWR : SHUT_RD);
    if (leaving == RESETS)
        (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer);
    return NULL;
}

static ssize_t write_some(enum writing writing)
{
    struct io_piece pieces[8];
    if (writing == WRITES_FILE)
        return io_sock_write_file(&sock, file, 0, FILE_SIZE);
    if (writing == WRITES_PIECE)
        return io_sock_write(&sock, &(struct io_piece){memory, FILE_SIZE}, 1, true);
    for (size_t i = 0; i < 8; i++)
        pieces[i] = (struct io_piece){memory, FILE_SIZE / 8};
    return io_sock_write(&sock, pieces, 8, false);
}

static void write_to_one_that_leaves(bool tcp, enum leaving leaving, enum writing writing)
{
    pthread_t thread;
    open_pair(tcp);
    assert_int_equal(pthread_create(&thread, NULL, leave, &leaving), 0);
    for (;;) {
        ssize_t n = write_some(writing);
        if (n < 0 && n != -EAGAIN) {
            assert_true(n == -EPIPE || n == -ECONNRESET);
            break;
        }
        assert_false(is_held_off());
        struct pollfd room = {.fd = sock.fd, .events = POLLOUT};
        if (n < 0)
            assert_int_equal(poll(&room, 1, 30000), 1);
    }
    pthread_join(thread, NULL);
    io_sock_close(&sock);
}

static void test_leaving_peers(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        for (int leaving = 0; leaving < LEAVING_COUNT; leaving++)
            for (int writing = 0; writing < WRITING_COUNT; writing++) {
                write_to_one_that_leaves(true, (enum leaving)leaving, (enum writing)writing);
                write_to_one_that_leaves(false, (enum leaving)leaving, (enum writing)writing);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_of_a_file),
        cmocka_unit_test(test_blocked_by_the_program),
        cmocka_unit_test(test_leaving_peers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
