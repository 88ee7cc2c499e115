/* For tests of the server: memory that is counted, a handler that says hello, and a client made of plain calls. */
#ifndef SERVER_SCENE_H
#define SERVER_SCENE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <weir/weir.h>

/* --- memory that is counted ------------------------------------------------------------------------------------- */

static size_t held;

static inline void *counting(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)ctx;
    __atomic_add_fetch(&held, new_size - old_size, __ATOMIC_RELAXED);
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

static const weir_allocator allocator = {.resize = counting};

/* --- a handler, a client ---------------------------------------------------------------------------------------- */

static inline void hello(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow(WEIR_STR("hello")));
}

static const weir_handler handler = WEIR_HANDLER(.head = hello);

static inline int dial(const weir_server *server)
{
    char text[64];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(weir_server_address(server, 0, text, sizeof text));
    to.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void ask(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
}

static inline void expect_answer(int fd)
{
    char octets[512] = "";
    size_t size = 0;
    while (strstr(octets, "\r\n\r\nhello") == NULL) {
        ssize_t n = recv(fd, octets + size, sizeof octets - 1 - size, 0);
        assert_true(n > 0);
        size += (size_t)n;
        octets[size] = '\0';
    }
    assert_memory_equal(octets, "HTTP/1.1 200 OK\r\n", 17);
}

static inline weir_server *make(const weir_server_options *options)
{
    weir_error error;
    weir_server *server;
    weir_code code = weir_server_new(&server, options, &error);
    if (code != WEIR_OK)
        fail_msg("%s: %s", weir_code_name(code), error.text);
    return server;
}

static inline weir_ledger ledger_of(const weir_server *server)
{
    weir_ledger ledger = {.size = sizeof ledger};
    weir_server_ledger(server, &ledger);
    return ledger;
}

#endif
