/* Goal: what io_sock_reset says to have left is what left, to the octet, whatever the peer does meanwhile. Method:
 * over loopback a thread reads slowly and counts what it gets until the reset; that is never more than what is said
 * to have left, and what left arrives here. In each state of the connection, many times, so that acknowledgements
 * come between the calls; and where the kernel refuses a part of it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sock.h"

#define ROUNDS 60

static struct io_sock sock; /* our end; io_sock_reset asks only for its descriptor */
static uint64_t written;
static bool is_dialled; /* ours is the end that connected */

/* The other end. */
static struct peer {
    int fd;
    bool talks, shuts;
    uint64_t got;
    int error; /* that ended its reading, 0: a FIN */
} peer;

static unsigned state_of_draws;

static unsigned draw(unsigned below)
{
    state_of_draws = state_of_draws * 1103515245 + 12345;
    return (state_of_draws >> 8) % below;
}

static void open_pair(int family, int window)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *address = family == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t size = family == AF_INET6 ? sizeof(six) : sizeof(four);
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, address, size) != 0) { /* a host without IPv6 */
        close(listener);
        skip();
    }
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, address, &size), 0);
    int dialled = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* An accepted socket has it of the listener. */
    assert_int_equal(setsockopt(is_dialled ? listener : dialled, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)), 0);
    assert_int_equal(connect(dialled, address, size), 0);
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(accepted >= 0);
    peer = (struct peer){.fd = is_dialled ? accepted : dialled};
    sock = (struct io_sock){.fd = is_dialled ? dialled : accepted};
    assert_int_equal(fcntl(sock.fd, F_SETFL, O_NONBLOCK), 0);
    written = 0;
    close(listener);
}

/* All that the kernel takes now. */
static void fill(void)
{
    static const char octets[65536];
    ssize_t n;
    while ((n = io_sock_write(&sock, &(struct io_piece){octets, sizeof(octets)}, 1, false)) > 0)
        written += (uint64_t)n;
    assert_int_equal(n, -EAGAIN);
}

static void *read_all(void *unused)
{
    static char octets[2000];
    ssize_t n;
    (void)unused;
    if (peer.shuts)
        (void)shutdown(peer.fd, SHUT_WR);
    while ((n = recv(peer.fd, octets, sizeof(octets), 0)) > 0) {
        peer.got += (uint64_t)n;
        if (peer.talks && !peer.shuts)
            (void)send(peer.fd, octets, 10, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    peer.error = n < 0 ? errno : 0;
    return NULL;
}

static struct io_acks reset(void)
{
    const struct io_passed passed = {.written = written, .dialled = is_dialled};
    struct io_acks acks;
    io_sock_reset(&sock, &passed, &acks);
    return acks;
}

/* --- while the peer reads --------------------------------------------------------------------------------------- */

struct manner {
    int family;
    bool talks; /* and we do not read it */
    bool shuts;
    bool we_shut;
};

/* Whether some of what was written did not leave. */
static bool play(const struct manner *manner)
{
    pthread_t reader;
    open_pair(manner->family, 2048 << draw(5));
    fill();
    peer.talks = manner->talks;
    peer.shuts = manner->shuts;
    if (manner->we_shut)
        assert_int_equal(shutdown(sock.fd, SHUT_WR), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_all, NULL), 0);
    for (unsigned i = draw(200); i > 0; i--)
        (void)poll(NULL, 0, 0);
    struct io_acks acks = reset();
    close(sock.fd);
    assert_int_equal(pthread_join(reader, NULL), 0);
    close(peer.fd);
    assert_true(acks.known);
    assert_true(acks.acked <= acks.left);
    assert_true(acks.left <= written);
    if (acks.left != peer.got)
        fail_msg("%llu of %llu octets are said to have left, the peer got %llu", (unsigned long long)acks.left,
                 (unsigned long long)written, (unsigned long long)peer.got);
    return acks.left < written;
}

static void play_often(const struct manner *manner)
{
    unsigned cut = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        cut += play(manner);
    assert_true(cut > 0);
}

static void test_peer_reads(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET});
}

static void test_peer_reads_over_ipv6(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET6});
}

/* Its SYN is among what was acknowledged. */
static void test_peer_that_was_dialled_reads(void **state)
{
    (void)state;
    is_dialled = true;
    play_often(&(struct manner){.family = AF_INET});
    play_often(&(struct manner){.family = AF_INET, .we_shut = true});
    is_dialled = false;
}

static void test_over_unread_octets(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET, .talks = true});
}

static void test_after_the_fin_of_the_peer(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET, .shuts = true});
}

static void test_after_our_fin(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET, .we_shut = true});
}

/* Here the kernel sends a reset only because something of ours is left behind. */
static void test_after_both(void **state)
{
    (void)state;
    play_often(&(struct manner){.family = AF_INET, .shuts = true, .we_shut = true});
}

/* --- when it goes ----------------------------------------------------------------------------------------------- */

static bool peer_is_reset(int patience_ms)
{
    struct pollfd end = {.fd = peer.fd};
    return poll(&end, 1, patience_ms) == 1 && (end.revents & POLLERR) != 0;
}

/* Octets are left behind: the reset does not wait for the close. */
static void test_goes_at_once(void **state)
{
    (void)state;
    open_pair(AF_INET, 4096);
    fill();
    struct io_acks acks = reset();
    assert_true(acks.known && !acks.dead);
    assert_true(acks.left < written);
    assert_true(peer_is_reset(10000));
    close(sock.fd);
    (void)read_all(NULL);
    assert_int_equal(peer.error, ECONNRESET);
    assert_int_equal(peer.got, acks.left);
    close(peer.fd);
}

/* All has left: it goes with the close, and is one all the same. */
static void test_goes_with_the_close(void **state)
{
    (void)state;
    open_pair(AF_INET, 4096);
    assert_int_equal(io_sock_write(&sock, &(struct io_piece){"12345", 5}, 1, false), 5);
    written = 5;
    struct io_acks acks = reset();
    assert_int_equal(acks.left, 5);
    assert_false(peer_is_reset(0));
    close(sock.fd);
    assert_true(peer_is_reset(10000));
    (void)read_all(NULL);
    assert_int_equal(peer.error, ECONNRESET);
    assert_int_equal(peer.got, 5);
    close(peer.fd);
}

static void test_was_reset_by_the_peer(void **state)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    open_pair(AF_INET, 4096);
    fill();
    assert_int_equal(setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(peer.fd);
    struct pollfd end = {.fd = sock.fd};
    assert_int_equal(poll(&end, 1, 10000), 1);
    struct io_acks before;
    io_sock_acks(&sock, &(struct io_passed){.written = written}, &before);
    struct io_acks acks = reset();
    assert_true(acks.known && acks.dead);
    assert_true(acks.left < written);
    assert_int_equal(acks.left, before.left);
    assert_int_equal(acks.acked, before.acked);
    close(sock.fd);
}

/* There is no reset: what the peer has in its queue it may read. */
static void test_unix(void **state)
{
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    sock = (struct io_sock){.fd = pair[0]};
    peer = (struct peer){.fd = pair[1]};
    written = 0;
    fill();
    struct io_acks acks = reset();
    assert_true(acks.known && !acks.dead);
    assert_int_equal(acks.left, written);
    assert_int_equal(acks.acked, 0);
    close(sock.fd);
    (void)read_all(NULL);
    assert_int_equal(peer.error, 0);
    assert_int_equal(peer.got, written);
    close(peer.fd);
}

/* --- where the kernel refuses ----------------------------------------------------------------------------------- */

/* Someone has locked a filter of his on the socket: it is reset at once without ours. */
static void test_filter_is_locked(void **state)
{
    int locked = 1;
    (void)state;
    open_pair(AF_INET, 4096);
    fill();
    assert_int_equal(setsockopt(sock.fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, sizeof(locked)), 0);
    struct io_acks acks = reset();
    assert_true(acks.known);
    assert_true(acks.left < written);
    assert_true(peer_is_reset(10000));
    close(sock.fd);
    (void)read_all(NULL);
    assert_int_equal(peer.got, acks.left); /* nobody read meanwhile, so nothing was acknowledged */
    close(peer.fd);
}

/* From here on this thread may not connect; false: it cannot be forbidden. */
static bool forbid_connect(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(rules) / sizeof(rules[0]), .filter = rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static void *reset_without_connect(void *acks)
{
    if (!forbid_connect())
        return NULL;
    *(struct io_acks *)acks = reset();
    return acks;
}

/* A sandbox that lets nobody connect: it is reset by the close. */
static void test_connect_is_forbidden(void **state)
{
    pthread_t thread;
    struct io_acks acks;
    void *done;
    (void)state;
    open_pair(AF_INET, 4096);
    fill();
    assert_int_equal(pthread_create(&thread, NULL, reset_without_connect, &acks), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    if (done != NULL) {
        assert_true(acks.known && !acks.dead);
        assert_true(acks.left < written);
        assert_false(peer_is_reset(0));
    }
    close(sock.fd);
    if (done != NULL)
        assert_true(peer_is_reset(10000));
    close(peer.fd);
    if (done == NULL)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer_reads),
        cmocka_unit_test(test_peer_reads_over_ipv6),
        cmocka_unit_test(test_peer_that_was_dialled_reads),
        cmocka_unit_test(test_over_unread_octets),
        cmocka_unit_test(test_after_the_fin_of_the_peer),
        cmocka_unit_test(test_after_our_fin),
        cmocka_unit_test(test_after_both),
        cmocka_unit_test(test_goes_at_once),
        cmocka_unit_test(test_goes_with_the_close),
        cmocka_unit_test(test_was_reset_by_the_peer),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_filter_is_locked),
        cmocka_unit_test(test_connect_is_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
