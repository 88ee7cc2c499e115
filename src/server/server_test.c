/* Goal: a server's own rules, as a program in C meets them: what is refused and how it is said, two servers on one
 * loop, workers, drain by call, every octet of memory returned. Method: real sockets on loopback, a client made of
 * plain calls, and an allocator that counts. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/scene.h"

/* --- what is refused -------------------------------------------------------------------------------------------- */

static void expect_refusal(const weir_server_options *options, weir_code code, const char *part)
{
    weir_error error;
    weir_server *server;
    assert_int_equal(weir_server_new(&server, options, &error), code);
    assert_null(server);
    assert_int_equal(error.code, code);
    if (strstr(error.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, part);
    assert_int_equal(held, 0);
}

static void test_refusals(void **state)
{
    static const weir_handler empty = WEIR_HANDLER(.end = NULL);
    (void)state;
#define SERVER(...) WEIR_SERVER(.allocator = allocator, .handler = &handler, __VA_ARGS__)
    expect_refusal(SERVER(.workers = 1), WEIR_CODE_bad_option, "listen is empty");
    expect_refusal(WEIR_SERVER(.allocator = allocator, .listen = WEIR_STR("127.0.0.1:0")), WEIR_CODE_bad_option,
                   "handler is null");
    expect_refusal(WEIR_SERVER(.allocator = allocator, .listen = WEIR_STR("127.0.0.1:0"), .handler = &empty),
                   WEIR_CODE_bad_option, "`head` is null");
    expect_refusal(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .workers = 5000), WEIR_CODE_bad_option, "workers is 5000");
    expect_refusal(SERVER(.listen = WEIR_STR("127.0.0.1:http")), WEIR_CODE_bad_address, "127.0.0.1:http");
    expect_refusal(SERVER(.listen = WEIR_STR("127.0.0.1:0,nonsense")), WEIR_CODE_bad_address, "nonsense");
    expect_refusal(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .limits.field_count_max = 5000), WEIR_CODE_bad_option,
                   "field_count_max is 5000");
    expect_refusal(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .server_name = WEIR_STR("a\r\nb")), WEIR_CODE_bad_option,
                   "server_name");
    weir_server *server;
    assert_int_equal(weir_server_new(&server, NULL, NULL), WEIR_CODE_bad_option);
}

static void test_port_taken(void **state)
{
    char address[64];
    (void)state;
    weir_server *first = make(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .workers = 2));
    assert_true(weir_server_address(first, 0, address, sizeof address));
    size_t before = held;
    weir_error error;
    weir_server *second;
    assert_int_equal(weir_server_new(&second, SERVER(.listen = weir_str_from(address), .workers = 2), &error),
                     WEIR_CODE_address_in_use);
    assert_non_null(strstr(error.text, address));
    assert_int_equal(held, before);
    weir_server_free(first); /* never run */
    assert_int_equal(held, 0);
}

/* --- serving ---------------------------------------------------------------------------------------------------- */

static void *run_server(void *server)
{
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
    return NULL;
}

static void test_workers_and_drain(void **state)
{
    (void)state;
    pthread_t thread;
    weir_server *server = make(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .workers = 3));
    assert_int_equal(pthread_create(&thread, NULL, run_server, server), 0);
    int fds[30];
    for (int i = 0; i < 30; i++) {
        fds[i] = dial(server);
        ask(fds[i]);
    }
    for (int i = 0; i < 30; i++)
        expect_answer(fds[i]);
    weir_server_drain(server);
    for (int i = 0; i < 30; i++) {
        char octet;
        assert_int_equal(recv(fds[i], &octet, 1, 0), 0); /* a FIN, not a reset */
        close(fds[i]);
    }
    pthread_join(thread, NULL);
    assert_true(weir_server_is_stopped(server));
    weir_ledger ledger = ledger_of(server);
    assert_int_equal(ledger.accepted, 30);
    assert_int_equal(ledger.ended_by_code[WEIR_CODE_drained], 30);
    assert_int_equal(ledger.exchanges_done, 30);
    assert_int_equal(ledger.exchanges_by_delivery[WEIR_DELIVERY_DELIVERED], 30);
    assert_int_equal(ledger.octets_in_flight, 0);
    weir_server_free(server);
    assert_int_equal(held, 0);
}

/* --- on a loop of the caller's ---------------------------------------------------------------------------------- */

static void count(void *app)
{
    ++*(int *)app;
}

static void test_two_servers_on_one_loop(void **state)
{
    (void)state;
    weir_loop *loop;
    int stopped[2] = {0, 0};
    weir_server *servers[2];
    assert_int_equal(weir_loop_new(&loop, &allocator, NULL), WEIR_OK);
    for (int i = 0; i < 2; i++) {
        servers[i] =
            make(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .loop = loop, .app = &stopped[i], .stopped = count));
        assert_int_equal(weir_server_run(servers[i], NULL), WEIR_OK);
    }
    int fds[2] = {dial(servers[0]), dial(servers[1])};
    for (int i = 0; i < 2; i++) {
        ask(fds[i]);
        while (ledger_of(servers[i]).exchanges_done == 0)
            weir_loop_step(loop, 10 * WEIR_MS);
        expect_answer(fds[i]);
    }
    close(fds[0]);
    weir_server_drain(servers[0]);
    while (stopped[0] == 0)
        weir_loop_step(loop, 10 * WEIR_MS);
    assert_true(weir_server_is_stopped(servers[0]));
    weir_server_free(servers[0]);

    /* The other one serves on. */
    ask(fds[1]);
    while (ledger_of(servers[1]).exchanges_done == 1)
        weir_loop_step(loop, 10 * WEIR_MS);
    expect_answer(fds[1]);
    weir_server_stop(servers[1]);
    while (stopped[1] == 0)
        weir_loop_step(loop, 10 * WEIR_MS);
    assert_int_equal(ledger_of(servers[1]).ended_by_code[WEIR_CODE_drained], 1);
    weir_server_free(servers[1]);
    close(fds[1]);
    weir_loop_free(loop);
    assert_int_equal(held, 0);
}

/* Connected and asked before the drain, but nobody had looked yet: the answer is owed. */
static void test_drain_serves_what_waits(void **state)
{
    (void)state;
    weir_loop *loop;
    int stopped = 0;
    assert_int_equal(weir_loop_new(&loop, &allocator, NULL), WEIR_OK);
    weir_server *server =
        make(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .loop = loop, .app = &stopped, .stopped = count));
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
    int fds[100];
    for (int i = 0; i < 100; i++) {
        fds[i] = dial(server);
        if (i % 2 == 0)
            ask(fds[i]);
    }
    weir_server_drain(server);
    for (int rounds = 0; ledger_of(server).exchanges_done < 50 && rounds < 1000; rounds++)
        weir_loop_step(loop, 10 * WEIR_MS);
    for (int i = 0; i < 100; i++) {
        char octet;
        if (i % 2 == 0)
            expect_answer(fds[i]);
        assert_int_equal(recv(fds[i], &octet, 1, 0), 0);
        close(fds[i]);
    }
    while (stopped == 0)
        weir_loop_step(loop, 10 * WEIR_MS);
    weir_ledger ledger = ledger_of(server);
    assert_int_equal(ledger.accepted, 100);
    assert_int_equal(ledger.ended_by_code[WEIR_CODE_drained], 100);
    weir_server_free(server);
    weir_loop_free(loop);
    assert_int_equal(held, 0);
}

/* --- stopped ---------------------------------------------------------------------------------------------------- */

#define LARGE ((size_t)16 << 20)

static char *large_body;

static void answer_large(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){large_body, LARGE}));
}

static void keep_ending(void *app, const weir_ending *ending)
{
    *(weir_ending *)app = *ending;
}

/* Until the reset. */
static uint64_t read_to_the_reset(int fd)
{
    static char octets[65536];
    uint64_t got = 0;
    ssize_t n;
    while ((n = recv(fd, octets, sizeof octets, 0)) > 0)
        got += (uint64_t)n;
    assert_true(n < 0);
    return got;
}

/* In the middle of an answer, of which much is with the kernel and has not left: the record is about what did, and
 * knows the address that the reset takes from the socket. */
static void test_stop_in_an_answer(void **state)
{
    static const weir_handler large = WEIR_HANDLER(.head = answer_large);
    char address[64], local[64];
    weir_loop *loop;
    weir_ending ending = {.id = 0};
    (void)state;
    large_body = calloc(1, LARGE);
    assert_non_null(large_body);
    assert_int_equal(weir_loop_new(&loop, &allocator, NULL), WEIR_OK);
    weir_server *server = make(WEIR_SERVER(.allocator = allocator, .listen = WEIR_STR("127.0.0.1:0"), .handler = &large,
                                           .loop = loop, .app = &ending, .ending = keep_ending));
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
    assert_true(weir_server_address(server, 0, address, sizeof address));
    int fd = dial(server);
    ask(fd);
    while (ledger_of(server).octets_in_flight < LARGE)
        weir_loop_step(loop, 10 * WEIR_MS);
    weir_server_stop(server);
    while (!weir_server_is_stopped(server))
        weir_loop_step(loop, 10 * WEIR_MS);
    assert_int_equal(ending.code, WEIR_CODE_stopped);
    assert_int_equal(ending.delivery, WEIR_DELIVERY_PARTIAL);
    weir_address_format(local, sizeof local, &ending.local);
    assert_string_equal(local, address);
    uint64_t got = read_to_the_reset(fd);
    assert_in_range(got, ending.octets_acked, ending.octets_out - 1);
    close(fd);
    weir_server_free(server);
    weir_loop_free(loop);
    free(large_body);
    assert_int_equal(held, 0);
}

static void test_options_are_printed(void **state)
{
    char text[4096];
    (void)state;
    weir_server *server =
        make(SERVER(.listen = WEIR_STR("127.0.0.1:0"), .limits.idle_timeout_ns = 5, .connections_max = 77));
    int size = weir_server_print_options(server, NULL, 0);
    assert_in_range(size, 100, sizeof text - 1);
    assert_int_equal(weir_server_print_options(server, text, sizeof text), size);
    assert_non_null(strstr(text, "\nidle_timeout_ns 5\n"));
    assert_non_null(strstr(text, "\nconnections_max 77\n"));
    assert_non_null(strstr(text, "\nhead_timeout_ns 10000000000\n"));
    assert_non_null(strstr(text, "\nbody_size_max unlimited\n"));
    weir_server_free(server);
    assert_int_equal(held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_port_taken),
        cmocka_unit_test(test_workers_and_drain),
        cmocka_unit_test(test_two_servers_on_one_loop),
        cmocka_unit_test(test_drain_serves_what_waits),
        cmocka_unit_test(test_stop_in_an_answer),
        cmocka_unit_test(test_options_are_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
