/* Goal: what the kernel knows of delivery is told as docs' table of endings has it.
 * Method: real connections over loopback end in the ways of the table; the numbers are read before and after. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/sock.h"

#define ANSWER 140

static struct io_sock sock; /* the server's end; io_sock_acks asks only for its descriptor and errors */
static int client;
static uint64_t octets_read; /* by the server's end */

static void tcp_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    octets_read = 0;
    sock = (struct io_sock){.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    assert_true(sock.fd >= 0);
    close(listener);
}

static void unix_pair(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
    sock = (struct io_sock){.fd = pair[0]};
    octets_read = 0;
    client = pair[1];
}

static void wait_ms(long ms)
{
    struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    nanosleep(&time, NULL);
}

static void ask(void)
{
    char request[64];
    assert_int_equal(send(client, "GET", 3, 0), 3);
    struct pollfd ready = {.fd = sock.fd, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 1000), 1);
    assert_int_equal(recv(sock.fd, request, sizeof(request), 0), 3);
    octets_read += 3;
}

static void answer(void)
{
    static const char octets[ANSWER];
    assert_int_equal(io_sock_write(&sock, &(struct io_piece){octets, ANSWER}, 1, false), ANSWER);
}

static void read_answer(void)
{
    char octets[ANSWER];
    assert_int_equal(recv(client, octets, ANSWER, MSG_WAITALL), ANSWER);
}

static void reset_client(void)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
    close(client);
}

/* Whatever the owner says that it read: what is unread is what the kernel says. */
static struct io_acks acks_of(uint64_t written)
{
    struct io_acks acks;
    struct io_acks others;
    int unread = 0;
    io_sock_acks(&sock, &(struct io_passed){.written = written, .read = octets_read}, &acks);
    io_sock_acks(&sock, &(struct io_passed){.written = written, .read = octets_read + 1000}, &others);
    assert_int_equal(ioctl(sock.fd, FIONREAD, &unread), 0);
    assert_int_equal(acks.unread, unread);
    assert_int_equal(others.unread, unread);
    assert_true(acks.left <= written);
    assert_true(acks.acked <= acks.left || !acks.known);
    return acks;
}

static void test_resets_after_one_answer(void **state)
{
    (void)state;
    tcp_pair();
    ask();
    answer();
    read_answer();
    reset_client();
    struct io_acks acks = acks_of(ANSWER);
    assert_true(acks.known && acks.dead);
    assert_int_equal(acks.acked, ANSWER);
    assert_int_equal(acks.left, ANSWER);
    close(sock.fd);
}

/* The last acknowledgement may be delayed: less than all is then right, and after a while all is. */
static void test_resets_after_five_answers(void **state)
{
    (void)state;
    for (int patient = 0; patient < 2; patient++) {
        tcp_pair();
        for (int i = 0; i < 5; i++) {
            ask();
            answer();
            read_answer();
        }
        if (patient)
            wait_ms(60);
        reset_client();
        struct io_acks acks = acks_of(5 * ANSWER);
        assert_true(acks.known && acks.dead);
        assert_int_equal(acks.left, 5 * ANSWER);
        assert_true(acks.acked >= 4 * ANSWER);
        assert_true(!patient || acks.acked == 5 * ANSWER);
        close(sock.fd);
    }
}

static void test_reads_all_and_closes(void **state)
{
    (void)state;
    tcp_pair();
    for (int i = 0; i < 5; i++) {
        ask();
        answer();
        read_answer();
    }
    close(client);
    struct io_acks acks = acks_of(5 * ANSWER);
    assert_true(acks.known && !acks.dead);
    assert_int_equal(acks.acked, 5 * ANSWER);
    /* Our FIN, acknowledged, is no octet of an answer. */
    assert_int_equal(io_sock_shutdown(&sock), 0);
    acks = acks_of(5 * ANSWER);
    assert_true(acks.dead);
    assert_int_equal(acks.acked, 5 * ANSWER);
    close(sock.fd);
}

static void test_closes_before_the_answer(void **state)
{
    (void)state;
    tcp_pair();
    ask();
    close(client);
    answer();
    struct io_acks acks = acks_of(ANSWER);
    assert_true(acks.known && acks.dead);
    assert_int_equal(acks.acked, 0);
    assert_int_equal(acks.left, ANSWER);
    close(sock.fd);
}

static void test_closes_over_an_unread_answer(void **state)
{
    (void)state;
    tcp_pair();
    ask();
    answer();
    wait_ms(60);
    close(client);
    struct io_acks acks = acks_of(ANSWER);
    assert_true(acks.known);
    assert_int_equal(acks.acked, ANSWER);
    close(sock.fd);
}

/* The client does not read: part of what was written never left this host. */
static void test_stuck(void **state)
{
    static const char octets[65536];
    uint64_t written = 0;
    ssize_t n;
    (void)state;
    tcp_pair();
    while ((n = io_sock_write(&sock, &(struct io_piece){octets, sizeof(octets)}, 1, false)) > 0)
        written += (uint64_t)n;
    assert_int_equal(n, -EAGAIN);
    wait_ms(20);
    struct io_acks acks = acks_of(written);
    assert_true(acks.known && !acks.dead);
    assert_true(acks.left < written);
    assert_true(acks.acked > 0);
    close(sock.fd);
    close(client);
}

/* Of a connection of our making the SYN is acknowledged too. */
static void test_dialled_and_unread(void **state)
{
    struct io_acks acks;
    (void)state;
    tcp_pair();
    struct io_sock dialled = {.fd = client};
    io_sock_acks(&dialled, &(struct io_passed){.dialled = true}, &acks);
    assert_true(acks.known);
    assert_int_equal(acks.acked, 0);
    assert_int_equal(io_sock_write(&dialled, &(struct io_piece){"12345", 5}, 1, false), 5);
    wait_ms(1);
    io_sock_acks(&dialled, &(struct io_passed){.written = 5, .dialled = true}, &acks);
    assert_int_equal(acks.acked, 5);
    assert_int_equal(acks.unread, 0);
    assert_int_equal(acks_of(0).unread, 5);
    reset_client();
    assert_int_equal(acks_of(0).unread, 5);
    close(sock.fd);
}

/* In each state of the connection, with all read and with a rest; urgent data is neither. */
static void test_unread(void **state)
{
    (void)state;
    for (int rest = 0; rest <= 3; rest += 3) {
        tcp_pair();
        ask();
        assert_int_equal(send(client, "rest", (size_t)rest, 0), rest);
        wait_ms(2);
        assert_int_equal(acks_of(0).unread, rest);
        assert_int_equal(shutdown(client, SHUT_WR), 0);
        wait_ms(2);
        assert_int_equal(acks_of(0).unread, rest);
        assert_int_equal(io_sock_shutdown(&sock), 0);
        wait_ms(2);
        assert_int_equal(acks_of(0).unread, rest);
        close(client);
        assert_int_equal(acks_of(0).unread, rest);
        close(sock.fd);

        tcp_pair();
        ask();
        assert_int_equal(io_sock_shutdown(&sock), 0);
        assert_int_equal(send(client, "rest", (size_t)rest, 0), rest);
        wait_ms(2);
        assert_int_equal(acks_of(0).unread, rest);
        close(client);
        wait_ms(2);
        assert_int_equal(acks_of(0).unread, rest);
        close(sock.fd);
    }
    tcp_pair();
    assert_int_equal(send(client, "!", 1, MSG_OOB), 1);
    ask();
    wait_ms(2);
    (void)acks_of(0);
    close(client);
    (void)acks_of(0);
    close(sock.fd);
}

static void test_unix(void **state)
{
    (void)state;
    unix_pair();
    answer();
    struct io_acks acks = acks_of(ANSWER);
    assert_true(acks.known && !acks.dead);
    assert_int_equal(acks.acked, 0);
    read_answer();
    acks = acks_of(ANSWER);
    assert_true(acks.known && !acks.dead);
    assert_int_equal(acks.acked, ANSWER);
    assert_int_equal(send(client, "abc", 3, 0), 3);
    assert_int_equal(acks_of(ANSWER).unread, 3);
    close(client);
    acks = acks_of(ANSWER);
    assert_true(acks.known && acks.dead);
    assert_int_equal(acks.acked, ANSWER);
    close(sock.fd);
}

/* The kernel drops what the peer did not read, so nothing is outstanding: no proof that it was read. */
static void test_unix_closed_over_an_unread_answer(void **state)
{
    char octet;
    (void)state;
    unix_pair();
    answer();
    close(client);
    struct io_acks acks = acks_of(ANSWER);
    assert_true(acks.dead);
    assert_false(acks.known);
    /* The error is told once; asking again must not find it gone. */
    assert_false(acks_of(ANSWER).known);
    assert_int_equal(recv(sock.fd, &octet, 1, 0), -1);
    close(sock.fd);
}

static void test_local(void **state)
{
    weir_address local;
    char text[64];
    (void)state;
    tcp_pair();
    io_sock_local(&sock, &local);
    assert_true(weir_address_format(text, sizeof(text), &local) > 10);
    assert_memory_equal(text, "127.0.0.1:", 10);
    close(sock.fd);
    close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resets_after_one_answer),
        cmocka_unit_test(test_resets_after_five_answers),
        cmocka_unit_test(test_reads_all_and_closes),
        cmocka_unit_test(test_closes_before_the_answer),
        cmocka_unit_test(test_closes_over_an_unread_answer),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_dialled_and_unread),
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_unix_closed_over_an_unread_answer),
        cmocka_unit_test(test_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
