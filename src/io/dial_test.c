/* Goal: a dial ends once, with a connected socket or the code that says why not, and leaves nothing behind.
 * Method: listeners on loopback, and places where nobody is; the loop is stepped until `done` has come. */
#include "io/dial.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/failing_memory.h"
#include "io/loop_internal.h"

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

static weir_loop *loop;
static struct io_resolver *resolver;
static struct failing_memory memory;
static weir_allocator counted;
static int descriptors_before;

struct outcome {
    int calls;
    weir_code code;
    int os;
    int fd;
    weir_address peer;
    char text[512];
    struct io_dial *cancel; /* another one, cancelled in `done` */
    struct io_dial *dial;
};

static int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    memory = (struct failing_memory){0};
    counted = failing_memory_allocator(&memory);
    descriptors_before = count_descriptors();
    assert_int_equal(weir_loop_new(&loop, NULL, NULL), WEIR_OK);
    assert_int_equal(io_resolver_new(&resolver, loop, NULL, WEIR_STR(""), NULL), WEIR_OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(base_wheel_next(&loop->wheel), WEIR_NEVER);
    io_resolver_free(resolver);
    weir_loop_free(loop);
    assert_int_equal(memory.live, 0);
    assert_int_equal(count_descriptors(), descriptors_before);
    return 0;
}

static void on_done(void *app, const struct io_dialled *dialled)
{
    struct outcome *o = app;
    o->calls++;
    o->code = dialled->code;
    o->os = dialled->os;
    o->fd = dialled->fd;
    o->peer = dialled->peer;
    assert_true((dialled->text != NULL) == (dialled->code != WEIR_OK));
    assert_true((dialled->fd >= 0) == (dialled->code == WEIR_OK));
    if (dialled->text != NULL)
        (void)snprintf(o->text, sizeof(o->text), "%s", dialled->text);
    if (o->cancel != NULL)
        io_dial_cancel(o->cancel);
    io_dial_cancel(o->dial); /* over already: nothing */
}

static struct io_dial_options to_host(const char *host, uint16_t port)
{
    return (struct io_dial_options){
        .host = weir_str_from(host),
        .port = port,
        .resolve_timeout_ns = 20 * SEC,
        .connect_timeout_ns = 20 * SEC,
        .attempt_delay_ns = 10 * SEC,
    };
}

static void start(struct outcome *o, const struct io_dial_options *options)
{
    *o = (struct outcome){.fd = -1};
    assert_int_equal(io_dial_start(&o->dial, loop, resolver, &counted, options, on_done, o), WEIR_OK);
    assert_int_equal(o->calls, 0);
}

static void wait_done(struct outcome *o)
{
    for (int i = 0; i < 3000 && o->calls == 0; i++)
        weir_loop_step(loop, 10 * MS);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(o->calls, 1);
}

static void dial(struct outcome *o, const struct io_dial_options *options)
{
    start(o, options);
    wait_done(o);
}

/* A listener on a port of the kernel's choice, or on that one. -1: the family is not there. */
static int listen_on(const char *host, uint16_t *port, int backlog)
{
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(*port)};
    bool is_ipv6 = strchr(host, ':') != NULL;
    struct sockaddr *address = is_ipv6 ? (struct sockaddr *)&ipv6 : (struct sockaddr *)&ipv4;
    socklen_t size = is_ipv6 ? sizeof(ipv6) : sizeof(ipv4);
    assert_int_equal(inet_pton(address->sa_family, host, is_ipv6 ? (void *)&ipv6.sin6_addr : (void *)&ipv4.sin_addr),
                     1);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, backlog) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, address, &size), 0);
    *port = ntohs(is_ipv6 ? ipv6.sin6_port : ipv4.sin_port);
    return fd;
}

/* A port where nobody listens, and nobody else will: it is bound. */
static int silent_port(uint16_t *port)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(ipv4);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&ipv4, size) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ipv4, &size), 0);
    *port = ntohs(ipv4.sin_port);
    return fd;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void test_connects(void **state)
{
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    int listener = listen_on("127.0.0.1", &port, 5);
    struct io_dial_options options = to_host("127.0.0.1", port);
    options.keepalive_ns = 30 * SEC + 1;
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.port, port);
    assert_int_equal(o.peer.family, AF_INET);
    assert_true(fcntl(o.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(o.fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option_of(o.fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option_of(o.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(o.fd, IPPROTO_TCP, TCP_KEEPIDLE), 31);
    int accepted = accept(listener, NULL, NULL);
    assert_int_equal(send(o.fd, "x", 1, 0), 1);
    char octet;
    assert_int_equal(recv(accepted, &octet, 1, 0), 1);
    close(o.fd);
    close(accepted);
    options.delay = true;
    options.keepalive_ns = 0;
    dial(&o, &options);
    assert_int_equal(option_of(o.fd, IPPROTO_TCP, TCP_NODELAY), 0);
    assert_int_equal(option_of(o.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    close(o.fd);
    close(listener);
}

static void test_refused(void **state)
{
    struct outcome o;
    uint16_t port;
    char where[64];
    (void)state;
    int held = silent_port(&port);
    struct io_dial_options options = to_host("127.0.0.1", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_refused);
    assert_int_equal(o.os, ECONNREFUSED);
    assert_int_equal(o.peer.port, port);
    (void)snprintf(where, sizeof(where), "\"127.0.0.1\" port %u at 127.0.0.1:%u", port, port);
    assert_non_null(strstr(o.text, where));
    close(held);
}

/* localhost is ::1 and 127.0.0.1; nobody listens on the first. */
static void test_second_address(void **state)
{
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    int listener = listen_on("127.0.0.1", &port, 5);
    struct io_dial_options options = to_host("LocalHost", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.family, AF_INET);
    close(o.fd);
    close(listener);
}

static void test_first_address(void **state)
{
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    int listener = listen_on("::1", &port, 5);
    if (listener < 0)
        skip();
    struct io_dial_options options = to_host("localhost", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.family, AF_INET6);
    close(o.fd);
    options = to_host("::1", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    close(o.fd);
    close(listener);
}

static void test_names(void **state)
{
    static const char *const hosts[] = {
        "", "no name", "127.1", "0x7f.0.0.1", "a..b", "1.2.3.4.5", "fe80::1%no_such_zone"};
    struct outcome o;
    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct io_dial_options options = to_host(hosts[i], 80);
        dial(&o, &options);
        assert_int_equal(o.code, WEIR_CODE_resolve_failed);
        assert_non_null(strstr(o.text, hosts[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_connects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
