/* Goal: a socket reports what came, once and in order, whatever its owner does within a callback.
 * Method: an owner that keeps a log of its callbacks, over socketpair and over TCP on loopback, stepped by hand. */
#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/loop_internal.h"

#define MS UINT64_C(1000000)

enum owner_event { EVENT_SPACE = 1, EVENT_READ, EVENT_WRITTEN, EVENT_HANGUP, EVENT_WOKEN };

struct owner {
    struct io_sock sock;
    char log[256];
    char buffer[65536];
    size_t space_size;
    size_t octets;
    int reads;
    bool no_space;
    bool last_more;
    enum owner_event close_in;
    struct owner *victim; /* another one that is closed in this one's first read */
};

static void note(struct owner *o, const char *format, ...) WEIR_PRINTF(2, 3);
static void note(struct owner *o, const char *format, ...)
{
    size_t used = strlen(o->log);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(o->log + used, sizeof(o->log) - used, format, arguments);
    va_end(arguments);
}

/* Closes and makes the memory useless, as an owner that frees it would. */
static void close_owner(struct owner *o)
{
    io_sock_close(&o->sock);
    memset(&o->sock, 0xa5, sizeof(o->sock));
}

static bool closes_here(struct owner *o, enum owner_event event)
{
    if (o->close_in != event)
        return false;
    note(o, "closed ");
    close_owner(o);
    return true;
}

static char *on_space(struct io_sock *sock, size_t *size)
{
    struct owner *o = BASE_CONTAINER(sock, struct owner, sock);
    if (closes_here(o, EVENT_SPACE) || o->no_space)
        return NULL;
    *size = o->space_size;
    return o->buffer;
}

static void on_read(struct io_sock *sock, ssize_t n, bool more)
{
    struct owner *o = BASE_CONTAINER(sock, struct owner, sock);
    if (n > 0) {
        o->octets += (size_t)n;
        o->reads++;
    } else {
        note(o, "read(%zd) ", n);
        assert_false(more);
    }
    o->last_more = more;
    if (o->victim != NULL) {
        close_owner(o->victim);
        o->victim = NULL;
    }
    (void)closes_here(o, EVENT_READ);
}

static void on_unused(struct io_sock *sock)
{
    note(BASE_CONTAINER(sock, struct owner, sock), "unused ");
}

static void on_written(struct io_sock *sock, ssize_t n)
{
    struct owner *o = BASE_CONTAINER(sock, struct owner, sock);
    note(o, "written(%zd) ", n);
    (void)closes_here(o, EVENT_WRITTEN);
}

static void on_hangup(struct io_sock *sock, int os)
{
    struct owner *o = BASE_CONTAINER(sock, struct owner, sock);
    note(o, "hangup(%d) ", os);
    (void)closes_here(o, EVENT_HANGUP);
}

static void on_woken(struct io_sock *sock)
{
    struct owner *o = BASE_CONTAINER(sock, struct owner, sock);
    note(o, "woken ");
    (void)closes_here(o, EVENT_WOKEN);
}

static const struct io_sock_ops owner_ops = {
    .space = on_space,
    .read = on_read,
    .unused = on_unused,
    .written = on_written,
    .hangup = on_hangup,
    .woken = on_woken,
};

static weir_loop *loop;
static struct owner owner;
static int peer;

static void tcp_pair(int pair[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[1], (struct sockaddr *)&address, size), 0);
    pair[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(pair[0] >= 0);
    close(listener);
}

static void unix_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
}

static void open_owner(struct owner *o, void (*make)(int[2]), bool try_now, int *its_peer)
{
    int pair[2];
    make(pair);
    memset(o, 0, sizeof(*o));
    o->space_size = sizeof(o->buffer);
    assert_int_equal(io_sock_open(&o->sock, loop, pair[0], &owner_ops, try_now), WEIR_OK);
    *its_peer = pair[1];
}

static void open_pair(void (*make)(int[2]))
{
    open_owner(&owner, make, false, &peer);
}

static void steps(int count)
{
    for (int i = 0; i < count; i++)
        weir_loop_step(loop, 0);
}

static void close_pair(void)
{
    if (owner.sock.fd >= 0 && owner.sock.loop == loop)
        io_sock_close(&owner.sock);
    if (peer >= 0)
        close(peer);
    peer = -1;
}

static void reset_peer(void)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(peer);
    peer = -1;
}

static void send_peer(size_t size)
{
    static const char octets[65536];
    assert_int_equal(send(peer, octets, size, MSG_NOSIGNAL), (ssize_t)size);
}

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

static void test_reads_and_fin(void **state)
{
    void (*const makes[])(int[2]) = {unix_pair, tcp_pair};
    (void)state;
    for (int i = 0; i < 2; i++) {
        open_pair(makes[i]);
        io_sock_read(&owner.sock, true);
        send_peer(100);
        steps(2);
        assert_int_equal(owner.octets, 100);
        send_peer(10);
        assert_int_equal(shutdown(peer, SHUT_WR), 0);
        steps(2);
        assert_int_equal(owner.octets, 110);
        assert_string_equal(owner.log, "read(0) ");
        assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"answer", 6}, 1, false), 6);
        close_pair();
    }
}

/* A FIN that is in the kernel behind octets is promised by `more`, and it comes in the same round. */
static void test_more(void **state)
{
    (void)state;
    open_pair(tcp_pair);
    send_peer(10);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    owner.space_size = 3;
    steps(1);
    io_sock_read(&owner.sock, true);
    steps(1);
    assert_int_equal(owner.reads, 4);
    assert_string_equal(owner.log, "read(0) ");
    close_pair();
}

static void test_pause_and_resume(void **state)
{
    (void)state;
    open_pair(tcp_pair);
    send_peer(100);
    steps(3);
    assert_int_equal(owner.reads, 0);
    io_sock_read(&owner.sock, true);
    assert_true(weir_loop_deadline(loop) <= weir_loop_now(loop));
    steps(1);
    assert_int_equal(owner.octets, 100);

    owner.no_space = true;
    send_peer(50);
    steps(3);
    assert_false(io_sock_is_reading(&owner.sock));
    owner.no_space = false;
    io_sock_read(&owner.sock, true);
    steps(1);
    assert_int_equal(owner.octets, 150);
    assert_string_equal(owner.log, "");
    close_pair();
}

static void test_try_now(void **state)
{
    (void)state;
    open_owner(&owner, tcp_pair, true, &peer);
    io_sock_read(&owner.sock, true);
    send_peer(7);
    steps(1);
    assert_int_equal(owner.octets, 7);
    close_pair();
    /* Nothing there yet: the space is given back, and the socket is watched. */
    open_owner(&owner, tcp_pair, true, &peer);
    io_sock_read(&owner.sock, true);
    steps(2);
    assert_string_equal(owner.log, "unused ");
    send_peer(7);
    steps(2);
    assert_int_equal(owner.octets, 7);
    close_pair();
    /* What came between the first read and the watching is not lost. */
    open_owner(&owner, tcp_pair, true, &peer);
    send_peer(5);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    steps(1);
    io_sock_read(&owner.sock, true);
    steps(2);
    assert_int_equal(owner.octets, 5);
    assert_string_equal(owner.log, "read(0) ");
    close_pair();
}

/* A loop on which nothing comes with a connection soon tries few of them; one on which it does, most. None loses
 * octets. */
static void test_try_now_adapts(void **state)
{
    int tried[4] = {0};
    (void)state;
    for (int i = 0; i < 4 * 64; i++) {
        bool at_once = i / 64 == 1 || i / 64 == 2; /* the second and third quarter */
        open_owner(&owner, tcp_pair, true, &peer);
        bool is_tried = (owner.sock.flags & SOCK_TRY_NOW) != 0;
        tried[i / 64] += is_tried;
        io_sock_read(&owner.sock, true);
        owner.close_in = at_once ? EVENT_READ : 0;
        if (at_once)
            send_peer(9);
        steps(1);
        if (!at_once) {
            assert_string_equal(owner.log, is_tried ? "unused " : "");
            send_peer(9);
        }
        steps(2);
        assert_int_equal(owner.octets, 9);
        close_pair();
    }
    assert_in_range(tried[0], 8, 20); /* twelve until it has learnt it, and probes */
    assert_int_equal(tried[2], 64);
    assert_in_range(tried[3], 8, 20);
}

static void test_reset_while_reading(void **state)
{
    char expected[32];
    (void)state;
    open_pair(tcp_pair);
    io_sock_read(&owner.sock, true);
    send_peer(20);
    reset_peer();
    steps(2);
    (void)snprintf(expected, sizeof(expected), "read(%d) ", -ECONNRESET);
    assert_string_equal(owner.log, expected);
    steps(3);
    assert_string_equal(owner.log, expected);
    close_pair();
}

static void test_reset_while_paused(void **state)
{
    char expected[64];
    (void)state;
    open_pair(tcp_pair);
    steps(1);
    reset_peer();
    steps(3);
    (void)snprintf(expected, sizeof(expected), "hangup(%d) ", ECONNRESET);
    assert_string_equal(owner.log, expected);
    /* The kernel has told the error once; reading on must not see a FIN. */
    io_sock_read(&owner.sock, true);
    steps(3);
    (void)snprintf(expected, sizeof(expected), "hangup(%d) read(%d) ", ECONNRESET, -ECONNRESET);
    assert_string_equal(owner.log, expected);
    close_pair();
}

static void test_fin_is_no_hangup(void **state)
{
    char expected[64];
    (void)state;
    open_pair(tcp_pair);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    steps(3);
    assert_string_equal(owner.log, "");
    io_sock_read(&owner.sock, true);
    steps(2);
    assert_string_equal(owner.log, "read(0) ");
    /* Octets to a peer that is gone bring a reset: after the FIN, hangup is what tells it. */
    close(peer);
    peer = -1;
    assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"answer", 6}, 1, false), 6);
    steps(3);
    (void)snprintf(expected, sizeof(expected), "read(0) hangup(%d) ", EPIPE);
    assert_string_equal(owner.log, expected);
    close_pair();
}

/* FIN, then reset, both while paused: the FIN came first, so reading on ends with it. */
static void test_fin_then_reset_while_paused(void **state)
{
    char expected[64];
    (void)state;
    open_pair(tcp_pair);
    send_peer(9);
    close(peer);
    peer = -1;
    assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"answer", 6}, 1, false), 6);
    steps(3);
    (void)snprintf(expected, sizeof(expected), "hangup(%d) ", EPIPE);
    assert_string_equal(owner.log, expected);
    io_sock_read(&owner.sock, true);
    steps(3);
    assert_int_equal(owner.octets, 9);
    (void)snprintf(expected, sizeof(expected), "hangup(%d) read(0) ", EPIPE);
    assert_string_equal(owner.log, expected);
    close_pair();
}

static void fill_socket(void)
{
    static const char octets[65536];
    ssize_t n;
    do
        n = io_sock_write(&owner.sock, &(struct io_piece){octets, sizeof(octets)}, 1, false);
    while (n > 0);
    assert_int_equal(n, -EAGAIN);
}

static void drain_peer(void)
{
    static char octets[65536];
    while (recv(peer, octets, sizeof(octets), MSG_DONTWAIT) > 0)
        ;
}

static void test_write_pending(void **state)
{
    void (*const makes[])(int[2]) = {unix_pair, tcp_pair};
    (void)state;
    for (int i = 0; i < 2; i++) {
        open_pair(makes[i]);
        steps(1);
        fill_socket();
        steps(3);
        assert_string_equal(owner.log, "");
        for (int tries = 0; tries < 50 && owner.log[0] == '\0'; tries++) {
            drain_peer();
            weir_loop_step(loop, 10 * MS);
        }
        assert_string_equal(owner.log, "written(0) ");
        assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"x", 1}, 1, false), 1);
        close_pair();
    }
}

static void test_write_pieces(void **state)
{
    struct io_piece pieces[100];
    char got[256];
    (void)state;
    open_pair(unix_pair);
    assert_int_equal(io_sock_write(&owner.sock, NULL, 0, false), 0);
    for (int i = 0; i < 100; i++)
        pieces[i] = (struct io_piece){"ab", i == 7 ? 0 : 2};
    assert_int_equal(io_sock_write(&owner.sock, pieces, 100, false), 126);
    assert_int_equal(recv(peer, got, sizeof(got), 0), 126);
    close_pair();
}

static void test_write_to_the_dead(void **state)
{
    (void)state;
    open_pair(tcp_pair);
    reset_peer();
    assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"x", 1}, 1, false), -ECONNRESET);
    assert_int_equal(io_sock_write(&owner.sock, &(struct io_piece){"x", 1}, 1, false), -EPIPE);
    assert_int_equal(io_sock_shutdown(&owner.sock), -ENOTCONN);
    /* The write took the error; still no FIN came. */
    io_sock_read(&owner.sock, true);
    steps(2);
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "read(%d) ", -ECONNRESET);
    assert_string_equal(owner.log, expected);
    close_pair();
}

static void test_write_file(void **state)
{
    char path[] = "/tmp/weir_sock_test_XXXXXX";
    char got[100];
    (void)state;
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(write(file, "0123456789", 10), 10);
    open_pair(tcp_pair);
    assert_int_equal(io_sock_write_file(&owner.sock, file, 4, 100), 6);
    assert_int_equal(recv(peer, got, sizeof(got), 0), 6);
    assert_memory_equal(got, "456789", 6);
    assert_int_equal(io_sock_write_file(&owner.sock, file, 10, 100), 0);
    /* SIGPIPE would end the test. */
    reset_peer();
    steps(1);
    (void)io_sock_write(&owner.sock, &(struct io_piece){"x", 1}, 1, false);
    assert_int_equal(io_sock_write_file(&owner.sock, file, 0, 10), -EPIPE);
    sigset_t blocked;
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &blocked), 0);
    assert_int_equal(sigismember(&blocked, SIGPIPE), 0);
    close_pair();
    close(file);
}

/* A reset that comes while a file is sent is never taken for a FIN: of the error that ends sendfile behind some
 * octets the kernel says no more. Method: what SO_ERROR asks it forgets as well. */
static void test_reset_within_a_file(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        char path[] = "/tmp/weir_sock_test_XXXXXX";
        int file = mkstemp(path), forgotten = 0;
        socklen_t size = sizeof forgotten;
        assert_true(file >= 0);
        unlink(path);
        assert_int_equal(write(file, "0123456789", 10), 10);
        open_pair(tcp_pair);
        assert_int_equal(io_sock_write_file(&owner.sock, file, 0, 100), 10);
        reset_peer();
        assert_int_equal(getsockopt(owner.sock.fd, SOL_SOCKET, SO_ERROR, &forgotten, &size), 0);
        assert_int_equal(forgotten, ECONNRESET);
        ssize_t n = other ? io_sock_write(&owner.sock, &(struct io_piece){"x", 1}, 1, false)
                          : io_sock_write_file(&owner.sock, file, 0, 100);
        assert_int_equal(n, -ECONNRESET);
        io_sock_read(&owner.sock, true);
        steps(2);
        char expected[32];
        (void)snprintf(expected, sizeof(expected), "read(%d) ", -ECONNRESET);
        assert_string_equal(owner.log, expected);
        close_pair();
        close(file);
    }
}

/* A file without splice support, which sendfile refuses with EINVAL: it is copied. */
static void test_write_file_copied(void **state)
{
    char got[100];
    (void)state;
    int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    open_pair(unix_pair);
    assert_int_equal(io_sock_write_file(&owner.sock, file, 8, 16), 16);
    assert_int_equal(recv(peer, got, sizeof(got), 0), 16);
    close_pair();
    close(file);
}

static void test_fairness(void **state)
{
    static struct owner fast;
    int fast_peer;
    (void)state;
    open_owner(&fast, tcp_pair, false, &fast_peer);
    open_pair(tcp_pair);
    static const char octets[65536];
    assert_int_equal(send(fast_peer, octets, 40000, 0), 40000);
    send_peer(10);
    fast.space_size = 1000;
    io_sock_read(&fast.sock, true);
    io_sock_read(&owner.sock, true);
    steps(1);
    assert_int_equal(fast.reads, 16);
    assert_int_equal(owner.octets, 10);
    assert_true(weir_loop_deadline(loop) <= weir_loop_now(loop));
    weir_loop_step(loop, 5000 * MS); /* does not sleep: there is work left */
    assert_int_equal(fast.reads, 32);
    steps(2);
    assert_int_equal(fast.octets, 40000);
    io_sock_close(&fast.sock);
    close(fast_peer);
    close_pair();
}

/* Everything is pending at once, and the owner closes in one of the callbacks: none follows. */
static void test_close_in_callbacks(void **state)
{
    static const struct {
        enum owner_event in;
        const char *log;
    } cases[] = {
        {EVENT_SPACE, "written(0) closed "},
        {EVENT_READ, "written(0) closed "},
        {EVENT_WRITTEN, "written(0) closed "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_pair(tcp_pair);
        fill_socket();
        send_peer(10);
        io_sock_read(&owner.sock, true);
        io_sock_wake(&owner.sock);
        drain_peer();
        reset_peer();
        owner.close_in = cases[i].in;
        steps(4);
        assert_string_equal(owner.log, cases[i].log);
        owner.sock.loop = NULL;
    }
    open_pair(tcp_pair);
    reset_peer();
    io_sock_wake(&owner.sock);
    owner.close_in = EVENT_HANGUP;
    steps(4);
    assert_non_null(strstr(owner.log, "closed "));
    assert_null(strstr(owner.log, "woken "));
    open_pair(tcp_pair);
    io_sock_wake(&owner.sock);
    send_peer(1);
    owner.close_in = EVENT_WOKEN;
    steps(4);
    assert_string_equal(owner.log, "woken closed ");
    close(peer);
}

/* Two have events in one batch, each would close the other: the second gets no callback. */
static void test_close_of_another(void **state)
{
    static struct owner a;
    static struct owner b;
    int peers[2];
    (void)state;
    open_owner(&a, tcp_pair, false, &peers[0]);
    open_owner(&b, tcp_pair, false, &peers[1]);
    a.victim = &b;
    b.victim = &a;
    io_sock_read(&a.sock, true);
    io_sock_read(&b.sock, true);
    assert_int_equal(send(peers[0], "x", 1, 0), 1);
    assert_int_equal(send(peers[1], "x", 1, 0), 1);
    steps(3);
    assert_int_equal(a.reads + b.reads, 1);
    io_sock_close(a.reads == 1 ? &a.sock : &b.sock);
    close(peers[0]);
    close(peers[1]);
}

static void test_wake(void **state)
{
    (void)state;
    open_pair(unix_pair);
    io_sock_wake(&owner.sock);
    io_sock_wake(&owner.sock);
    steps(3);
    assert_string_equal(owner.log, "woken ");
    io_sock_wake(&owner.sock);
    close_pair(); /* and no callback */
    steps(2);
    assert_string_equal(owner.log, "woken ");
}

/* A child between fork and exec holds the descriptor: our close must still end the events. */
static void test_close_under_a_duplicate(void **state)
{
    (void)state;
    open_pair(tcp_pair);
    io_sock_read(&owner.sock, true);
    int held = dup(owner.sock.fd);
    close_owner(&owner);
    send_peer(10);
    steps(3);
    assert_int_equal(owner.reads, 0);
    close(held);
    close(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_and_fin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pause_and_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_try_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_try_now_adapts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset_while_reading, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset_while_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fin_is_no_hangup, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fin_then_reset_while_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_pending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_to_the_dead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reset_within_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_file_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fairness, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_in_callbacks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_of_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_close_under_a_duplicate, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
