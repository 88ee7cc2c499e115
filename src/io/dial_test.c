/* Goal: a dial ends once, with a connected socket or the code that says why not, and leaves nothing behind.
 * Method: listeners on loopback, and places where nobody is; the loop is stepped until `done` has come. */
#include "io/dial.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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
#include "io/address.h"
#include "io/dial_socket.h"
#include "io/fake_dns.h"
#include "io/loop_internal.h"
#include "io/resolve_internal.h"

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

/* Bound to a port of the kernel's choice, or to that one: nobody listens there, and nobody else will. -1: the family is
 * not there, or the port is taken. */
static int hold_port(const char *host, uint16_t *port)
{
    struct io_addresses at;
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    weir_address address;
    assert_true(io_resolve_here(&at, weir_str_from(host), *port));
    int fd = socket(at.list[0].ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at.list[0], at.sizes[0]) != 0) {
        close(fd);
        return -1;
    }
    if (fd < 0)
        return -1;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
    io_address_from(&address, &bound, size);
    *port = address.port;
    return fd;
}

static int listen_on(const char *host, uint16_t *port, int backlog)
{
    int fd = hold_port(host, port);
    if (fd >= 0)
        assert_int_equal(listen(fd, backlog), 0);
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
    uint16_t port = 0;
    char where[64];
    (void)state;
    int held = hold_port("127.0.0.1", &port);
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
    int held = hold_port("::1", &port);
    struct io_dial_options options = to_host("LocalHost", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.family, AF_INET);
    close(o.fd);
    close(listener);
    if (held >= 0)
        close(held);
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

/* A port that drops: a listener whose backlog is full, by connections that nobody takes. */
struct black_hole {
    int listener;
    int fillers[12];
    size_t count;
};

static void close_black_hole(struct black_hole *hole)
{
    for (size_t i = 0; i < hole->count; i++)
        close(hole->fillers[i]);
    if (hole->listener >= 0)
        close(hole->listener);
    hole->count = 0;
}

/* False where it cannot be made: no such family, or a kernel that takes more than it was told. */
static bool make_black_hole(struct black_hole *hole, const char *host, uint16_t *port)
{
    struct sockaddr_storage to = {0};
    socklen_t size = sizeof(to);
    *hole = (struct black_hole){.listener = listen_on(host, port, 0)};
    if (hole->listener < 0)
        return false;
    assert_int_equal(getsockname(hole->listener, (struct sockaddr *)&to, &size), 0);
    while (hole->count < sizeof(hole->fillers) / sizeof(hole->fillers[0])) {
        int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        hole->fillers[hole->count++] = fd;
        assert_true(connect(fd, (struct sockaddr *)&to, size) == 0 || errno == EINPROGRESS);
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (poll(&ready, 1, 300) == 0)
            return true;
    }
    close_black_hole(hole);
    return false;
}

static void test_timeout(void **state)
{
    struct black_hole hole;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    if (!make_black_hole(&hole, "127.0.0.1", &port))
        skip();
    struct io_dial_options options = to_host("127.0.0.1", port);
    options.connect_timeout_ns = 30 * MS;
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_timeout);
    assert_int_equal(o.peer.port, port);
    assert_non_null(strstr(o.text, "no connection in time"));
    close_black_hole(&hole);
}

/* The first address drops. With a head start that ends the second wins; with one that does not, nobody does. */
static void test_head_start(void **state)
{
    struct black_hole hole;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    if (!make_black_hole(&hole, "::1", &port))
        skip();
    int listener = listen_on("127.0.0.1", &port, 5);
    if (listener >= 0) {
        struct io_dial_options options = to_host("localhost", port);
        options.attempt_delay_ns = 10 * MS;
        dial(&o, &options);
        assert_int_equal(o.code, WEIR_OK);
        assert_int_equal(o.peer.family, AF_INET);
        close(o.fd);
        options.attempt_delay_ns = 20 * SEC;
        options.connect_timeout_ns = 30 * MS;
        dial(&o, &options);
        assert_int_equal(o.code, WEIR_CODE_connect_timeout);
        assert_int_equal(o.peer.family, AF_INET6);
        close(listener);
    }
    close_black_hole(&hole);
}

/* The first drops, and the second is refused: the first still wins once there is room. */
static void test_slow_first(void **state)
{
    struct black_hole hole;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    if (!make_black_hole(&hole, "::1", &port))
        skip();
    int held = hold_port("127.0.0.1", &port);
    struct io_dial_options options = to_host("localhost", port);
    options.attempt_delay_ns = 0;
    start(&o, &options);
    for (int i = 0; i < 5; i++)
        weir_loop_step(loop, 2 * MS);
    assert_int_equal(o.calls, 0);
    assert_int_equal(fcntl(hole.listener, F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 3000 && o.calls == 0; i++) {
        int accepted = accept(hole.listener, NULL, NULL);
        if (accepted >= 0)
            close(accepted);
        weir_loop_step(loop, 10 * MS); /* the kernel sends its SYN again after a second */
    }
    wait_done(&o);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.family, AF_INET6);
    close(o.fd);
    if (held >= 0)
        close(held);
    close_black_hole(&hole);
}

static void test_cancel(void **state)
{
    struct black_hole hole;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    /* What is refused at once, before it is told. */
    struct io_dial_options options = to_host("no name", 80);
    start(&o, &options);
    io_dial_cancel(o.dial);
    /* On its way, and there already but not told. */
    int listener = listen_on("127.0.0.1", &port, 5);
    options = to_host("127.0.0.1", port);
    start(&o, &options);
    io_dial_cancel(o.dial);
    start(&o, &options);
    int accepted = accept(listener, NULL, NULL);
    io_dial_cancel(o.dial);
    char octet;
    assert_int_equal(recv(accepted, &octet, 1, 0), 0);
    close(accepted);
    close(listener);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 0);
    /* Both addresses under way. */
    if (!make_black_hole(&hole, "::1", &port))
        return;
    options = to_host("localhost", port);
    options.attempt_delay_ns = 0;
    struct black_hole second;
    if (make_black_hole(&second, "127.0.0.1", &port)) {
        start(&o, &options);
        for (int i = 0; i < 5; i++)
            weir_loop_step(loop, MS);
        io_dial_cancel(o.dial);
        assert_int_equal(memory.live, 0);
        assert_int_equal(o.calls, 0);
        close_black_hole(&second);
    }
    close_black_hole(&hole);
}

static void test_cancel_another(void **state)
{
    struct outcome a;
    struct outcome b;
    uint16_t port = 0;
    (void)state;
    int held = hold_port("127.0.0.1", &port);
    struct io_dial_options options = to_host("127.0.0.1", port);
    start(&a, &options);
    start(&b, &options);
    a.cancel = b.dial;
    b.cancel = a.dial;
    for (int i = 0; i < 3000 && a.calls + b.calls == 0; i++)
        weir_loop_step(loop, 10 * MS);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(a.calls + b.calls, 1);
    close(held);
}

static struct io_dial_options to_path(const char *path)
{
    struct io_dial_options options = to_host("", 0);
    options.path = weir_str_from(path);
    return options;
}

static int listen_path(char path[64], int backlog)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(path, 64, "/tmp/weir_dial_test_%ld", (long)getpid());
    (void)unlink(path);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, backlog) == 0);
    return fd;
}

static void test_unix(void **state)
{
    struct outcome o;
    char path[64];
    char long_path[200];
    (void)state;
    int listener = listen_path(path, 5);
    struct io_dial_options options = to_path(path);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.family, AF_UNIX);
    close(o.fd);
    start(&o, &options);
    io_dial_cancel(o.dial); /* connected already, and not told */
    close(listener);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_refused);
    assert_int_equal(o.os, ECONNREFUSED);
    assert_non_null(strstr(o.text, path));
    assert_int_equal(unlink(path), 0);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_refused);
    assert_int_equal(o.os, ENOENT);
    memset(long_path, 'x', sizeof(long_path));
    long_path[108] = '\0';
    options = to_path(long_path);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_bad_address);
    options.path = (weir_str){"/tmp/\0x", 7};
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_bad_address);
}

/* No room in the backlog: it is tried again, until there is some or the time is over. */
static void test_unix_full(void **state)
{
    struct outcome fillers[8];
    struct outcome o;
    char path[64];
    size_t count = 0;
    (void)state;
    int listener = listen_path(path, 0);
    struct io_dial_options options = to_path(path);
    options.connect_timeout_ns = 50 * MS;
    do {
        assert_true(count < 8);
        dial(&fillers[count], &options);
    } while (fillers[count++].code == WEIR_OK);
    assert_int_equal(fillers[--count].code, WEIR_CODE_connect_timeout);
    options.connect_timeout_ns = 20 * SEC;
    start(&o, &options);
    for (int i = 0; i < 5; i++)
        weir_loop_step(loop, 2 * MS);
    assert_int_equal(o.calls, 0);
    close(accept(listener, NULL, NULL));
    wait_done(&o);
    assert_int_equal(o.code, WEIR_OK);
    close(o.fd);
    while (count > 0)
        close(fillers[--count].fd);
    close(listener);
    unlink(path);
}

static void test_local(void **state)
{
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    int listener = listen_on("127.0.0.1", &port, 5);
    struct io_dial_options options = to_host("127.0.0.1", port);
    options.local = WEIR_STR("127.0.0.9");
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    int accepted = accept(listener, (struct sockaddr *)&from, &size);
    assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
    close(accepted);
    close(o.fd);
    options.local = WEIR_STR("192.0.2.77");
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_address_unavailable);
    assert_int_equal(o.os, EADDRNOTAVAIL);
    options.local = WEIR_STR("::1");
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_address_unavailable);
    const char *const wrong[] = {"localhost", "127.0.0.1:80", "eth0"};
    for (int i = 0; i < 3; i++) {
        options.local = weir_str_from(wrong[i]);
        dial(&o, &options);
        assert_int_equal(o.code, WEIR_CODE_bad_address);
        assert_non_null(strstr(o.text, wrong[i]));
    }
    close(listener);
}

/* TCP knows no broadcast. */
static void test_unreachable(void **state)
{
    struct outcome o;
    struct io_dial_options options = to_host("255.255.255.255", 80);
    (void)state;
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_unreachable);
    assert_int_equal(o.os, ENETUNREACH);
}

static void test_no_descriptors(void **state)
{
    struct rlimit before;
    struct rlimit none;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    int listener = listen_on("127.0.0.1", &port, 5);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3; /* what is open stays; nothing can be added */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct io_dial_options options = to_host("localhost", port);
    dial(&o, &options);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(o.code, WEIR_CODE_no_descriptors);
    assert_int_equal(o.os, EMFILE);
    close(listener);
}

static void test_no_memory(void **state)
{
    struct io_dial_options options = to_host("name.test", 80);
    struct outcome o = {0};
    (void)state;
    memory.fail_at = 1;
    assert_int_equal(io_dial_start(&o.dial, loop, resolver, &counted, &options, on_done, &o), WEIR_CODE_no_memory);
    /* The resolver's allocator is another: here the same, for its query. */
    struct io_resolver *poor;
    assert_int_equal(io_resolver_new(&poor, loop, &counted, WEIR_STR(""), NULL), WEIR_OK);
    memory.calls = 0;
    memory.fail_at = 2;
    assert_int_equal(io_dial_start(&o.dial, loop, poor, &counted, &options, on_done, &o), WEIR_CODE_no_memory);
    weir_loop_step(loop, 0);
    assert_int_equal(o.calls, 0);
    io_resolver_free(poor);
}

/* A socket that is bound to the port it dials meets itself; that is nobody's answer. */
static void test_met_itself(void **state)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof(at);
    uint16_t port = 0;
    (void)state;
    int fd = hold_port("127.0.0.1", &port);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(io_dial_outcome(fd, &at), ECONNREFUSED);
    close(fd);
}

#define MANY(a) a, a, a, a, a, a, a, a, a, a

static const struct fake_name names[] = {
    {.name = "live.test", .addresses = {"127.0.0.2", "127.0.0.1", "127.0.0.3"}},
    {.name = "dead.test", .addresses = {"127.0.0.1", "255.255.255.255"}},
    {.name = "silent.test", .silent = true},
    {.name = "late.test", .addresses = {"127.0.0.1", "::1"}, .only = DNS_A, .held = true},
    {.name = "later.test", .addresses = {"::1", "127.0.0.1"}, .only = DNS_A, .held = true},
    {.name = "late-none.test", .addresses = {"::1"}, .only = DNS_A, .held = true},
    {.name = "many.test",
     .addresses = {MANY("127.0.0.1"), MANY("127.0.0.2"), MANY("127.0.0.3"), "127.0.0.250"},
     .truncated = true},
    {.name = NULL},
};

/* Names with several addresses, one of which is alive, and names without. */
static void test_named(void **state)
{
    struct fake_dns dns;
    struct io_resolver *system = resolver;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    if (strstr(weir_version(), "c-ares") == NULL)
        skip();
    assert_true(fake_dns_open(&dns, loop, names));
    assert_int_equal(io_resolver_new(&resolver, loop, NULL, weir_str_from(dns.address), NULL), WEIR_OK);
    int listener = listen_on("127.0.0.1", &port, 5);
    struct io_dial_options options = to_host("live.test", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.octets[3], 1);
    close(o.fd);
    close(listener);
    port = 0;
    int held = hold_port("127.0.0.1", &port);
    options = to_host("dead.test", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_connect_refused); /* whichever was the last */
    assert_non_null(strstr(o.text, "dead.test"));
    options = to_host("no-such.test", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_resolve_failed);
    options = to_host("silent.test", port);
    options.resolve_timeout_ns = 30 * MS;
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_CODE_resolve_timeout);
    options.resolve_timeout_ns = 20 * SEC;
    start(&o, &options);
    weir_loop_step(loop, MS);
    io_dial_cancel(o.dial);
    assert_int_equal(o.calls, 0);
    close(held);
    io_resolver_free(resolver);
    fake_dns_close(&dns);
    resolver = system;
}

/* The first family's addresses are dead, and the other's have not come: they are waited for, and tried. */
static void test_late_family(void **state)
{
    struct fake_dns dns;
    struct io_resolver *system = resolver;
    struct outcome o;
    uint16_t port = 0;
    (void)state;
    if (strstr(weir_version(), "c-ares") == NULL)
        skip();
    assert_true(fake_dns_open(&dns, loop, names));
    assert_int_equal(io_resolver_new(&resolver, loop, NULL, weir_str_from(dns.address), NULL), WEIR_OK);
    int listener = listen_on("127.0.0.1", &port, 5);
    for (int there = 1; there >= 0; there--) {
        struct io_dial_options options = to_host(there ? "late.test" : "late-none.test", port);
        start(&o, &options);
        for (int i = 0; i < 3000 && dns.held_count == 0; i++)
            weir_loop_step(loop, 10 * MS);
        for (int i = 0; i < 20; i++)
            weir_loop_step(loop, MS);
        assert_int_equal(o.calls, 0);
        fake_dns_release(&dns);
        wait_done(&o);
        if (there) {
            assert_int_equal(o.code, WEIR_OK);
            assert_int_equal(o.peer.family, AF_INET);
            close(o.fd);
        } else {
            assert_true(o.code == WEIR_CODE_connect_refused || o.code == WEIR_CODE_connect_unreachable ||
                        o.code == WEIR_CODE_address_unavailable); /* by whether this host has IPv6 */
        }
    }
    /* Many refuse before one answers. */
    close(listener);
    port = 0;
    listener = listen_on("127.0.0.250", &port, 5);
    struct io_dial_options options = to_host("many.test", port);
    dial(&o, &options);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.peer.octets[3], 250);
    close(o.fd);
    /* Cancelled while it waits for the other family. */
    options = to_host("later.test", port);
    start(&o, &options);
    for (int i = 0; i < 20; i++)
        weir_loop_step(loop, MS);
    io_dial_cancel(o.dial);
    assert_int_equal(o.calls, 0);
    close(listener);
    io_resolver_free(resolver);
    fake_dns_close(&dns);
    resolver = system;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_connects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_first_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timeout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_head_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unix_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_local, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unreachable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_descriptors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_met_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_family, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
