#include "io/dial.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/dial_socket.h"
#include "io/loop_internal.h"
#include "io/poll.h"
#include "io/resolve_internal.h"

/* A unix socket whose backlog is full says so at once, and tells nobody when it has room: it is asked again, after the
 * first of these and then twice as long each time up to the second. */
#define FULL_RETRY_NS     1000000U
#define FULL_RETRY_MAX_NS 64000000U

/* One address on its way. */
struct attempt {
    struct io_poll poll;
    struct io_dial *dial;
    size_t address;
    int fd; /* -1: none */
};

struct io_dial {
    weir_allocator allocator;
    weir_loop *loop;
    void (*done)(void *app, const struct io_dialled *dialled);
    void *app;
    struct io_query query;
    struct io_dial_socket how;
    uint64_t connect_timeout_ns;
    uint64_t attempt_delay_ns;
    uint64_t full_retry_ns;

    struct io_timer step;  /* the next attempt, or telling what was settled */
    struct io_timer bound; /* of all attempts */
    bool settled;          /* `result` is final and is told by `step` */
    bool telling;
    struct io_dialled result; /* of the attempts so far */

    struct io_addresses addresses;
    size_t tried;
    size_t live;
    struct attempt *attempts[IO_ADDRESSES_MAX]; /* of the addresses that were tried; null: over */
    uint16_t port;
    char name[IO_HOST_SIZE + 1]; /* the host, or the path of a unix socket; what is longer is cut */
    char text[480];
};

/* Its socket, which is the caller's. */
static int end_attempt(struct attempt *attempt)
{
    struct io_dial *dial = attempt->dial;
    int fd = attempt->fd;
    io_poll_close(&attempt->poll);
    dial->attempts[attempt->address] = NULL;
    dial->live--;
    base_release(&dial->allocator, attempt, sizeof(*attempt));
    return fd;
}

static void stop(struct io_dial *dial)
{
    for (size_t i = 0; i < dial->tried; i++)
        if (dial->attempts[i] != NULL)
            close(end_attempt(dial->attempts[i]));
    io_resolve_cancel(&dial->query);
    io_timer_stop(dial->loop, &dial->step);
    io_timer_stop(dial->loop, &dial->bound);
}

static void release(struct io_dial *dial)
{
    weir_allocator memory = dial->allocator;
    base_release(&memory, dial, sizeof(*dial));
}

/* The result stands; it is told from the loop's round. */
static void settle(struct io_dial *dial)
{
    stop(dial);
    dial->settled = true;
    io_timer_start(dial->loop, &dial->step, 0);
}

static void tell(struct io_dial *dial)
{
    dial->telling = true;
    dial->done(dial->app, &dial->result);
    release(dial);
}

static void succeed(struct io_dial *dial, size_t address, int fd)
{
    dial->result = (struct io_dialled){.code = WEIR_OK, .fd = fd};
    io_address_from(&dial->result.peer, &dial->addresses.list[address], dial->addresses.sizes[address]);
    settle(dial);
}

/* Where it was to go: `"example.org" port 80 at 192.0.2.1:80`, without the address where the host is one. */
static void describe(const struct io_dial *dial, char *text, size_t size, const weir_address *peer)
{
    char at[64];
    if (peer->family == AF_UNIX) {
        (void)snprintf(text, size, "\"unix:%s\"", dial->name);
        return;
    }
    (void)weir_address_format(at, sizeof(at), peer);
    (void)snprintf(text, size, "\"%s\" port %u at %s", dial->name, dial->port, at);
}

/* One address failed. Refused is kept over "no way there": a host was there, and its port is what to look at. */
static void note_failure(struct io_dial *dial, size_t address, weir_code code, int os, const char *doing)
{
    bool is_worse = code == WEIR_CODE_connect_unreachable || code == WEIR_CODE_address_unavailable;
    if (dial->result.code == WEIR_CODE_connect_refused && is_worse)
        return;
    char where[IO_HOST_SIZE + 96];
    dial->result.code = code;
    dial->result.os = os;
    io_address_from(&dial->result.peer, &dial->addresses.list[address], dial->addresses.sizes[address]);
    describe(dial, where, sizeof(where), &dial->result.peer);
    (void)snprintf(dial->text, sizeof(dial->text), "%s: %s: %s", where, doing,
                   code == WEIR_CODE_connect_timeout && os == 0 ? "no connection in time" : strerror(os));
}

/* Something other than an address is at fault: no name, a wrong path. */
static void fail(struct io_dial *dial, weir_code code, int os, const char *text)
{
    dial->result.code = code;
    dial->result.os = os;
    if (text != dial->text)
        (void)snprintf(dial->text, sizeof(dial->text), "%s", text);
    settle(dial);
}

static void on_connected(struct io_poll *poll);

/* Asked again later: the same address, as if it had not been tried. */
static void retry_full(struct io_dial *dial)
{
    dial->tried--;
    io_timer_start(dial->loop, &dial->step, io_clock_after(dial->full_retry_ns));
    if (dial->full_retry_ns < FULL_RETRY_MAX_NS)
        dial->full_retry_ns *= 2;
}

/* 0, or an errno; the socket is then the caller's. */
static int await(struct io_dial *dial, size_t address, int fd)
{
    struct attempt *attempt = base_alloc_zero(&dial->allocator, sizeof(*attempt));
    if (attempt == NULL)
        return ENOMEM;
    *attempt = (struct attempt){.poll.ready = on_connected, .dial = dial, .address = address, .fd = fd};
    int os = io_poll_open(&attempt->poll, dial->loop, fd, IO_POLL_WRITE);
    if (os != 0) {
        base_release(&dial->allocator, attempt, sizeof(*attempt));
        return os;
    }
    dial->attempts[address] = attempt;
    dial->live++;
    return 0;
}

/* The next address. True: it is on its way, or all is settled. */
static bool try_next(struct io_dial *dial)
{
    size_t address = dial->tried++;
    const struct sockaddr_storage *to = &dial->addresses.list[address];
    const char *doing = "";
    int fd = -1;
    int os = io_dial_socket(&dial->how, to, dial->addresses.sizes[address], &fd, &doing);
    if (os == 0) {
        succeed(dial, address, fd);
        return true;
    }
    if (os == EAGAIN) {
        retry_full(dial);
        return true;
    }
    if (os == EINPROGRESS) {
        os = await(dial, address, fd);
        if (os == 0)
            return true;
        doing = "cannot watch the socket";
        close(fd);
    }
    weir_code code = io_dial_code(os, to->ss_family);
    note_failure(dial, address, code, os, doing);
    /* The other addresses would need a descriptor and memory too. */
    if (code == WEIR_CODE_no_descriptors || code == WEIR_CODE_no_memory)
        dial->addresses.count = dial->tried;
    if (dial->addresses.count == dial->tried && (code == WEIR_CODE_no_descriptors || code == WEIR_CODE_no_memory))
        io_resolve_cancel(&dial->query);
    return false;
}

/* Starts the next attempt, and sees to the one after it (RFC 8305, 5): that comes when this one fails, or after the
 * delay. */
static void go_on(struct io_dial *dial)
{
    while (dial->tried < dial->addresses.count) {
        if (!try_next(dial))
            continue;
        if (!dial->settled && dial->tried < dial->addresses.count && !io_timer_is_running(&dial->step))
            io_timer_start(dial->loop, &dial->step, io_clock_after(dial->attempt_delay_ns));
        return;
    }
    if (dial->live == 0 && !io_query_is_under_way(&dial->query)) /* else the other family may come yet */
        settle(dial);
}

static void on_connected(struct io_poll *poll)
{
    struct attempt *attempt = BASE_CONTAINER(poll, struct attempt, poll);
    struct io_dial *dial = attempt->dial;
    size_t address = attempt->address;
    int os = io_dial_outcome(attempt->fd, &dial->addresses.list[address]);
    if (os != 0) {
        sa_family_t family = dial->addresses.list[address].ss_family;
        close(end_attempt(attempt));
        note_failure(dial, address, io_dial_code(os, family), os, "cannot connect");
        io_timer_stop(dial->loop, &dial->step);
        go_on(dial);
    } else {
        succeed(dial, address, end_attempt(attempt));
    }
    /* In the loop's round already. */
    if (dial->settled) {
        io_timer_stop(dial->loop, &dial->step);
        tell(dial);
    }
}

static void on_step(struct io_timer *timer)
{
    struct io_dial *dial = BASE_CONTAINER(timer, struct io_dial, step);
    if (dial->settled)
        tell(dial);
    else
        go_on(dial);
}

static void on_bound(struct io_timer *timer)
{
    struct io_dial *dial = BASE_CONTAINER(timer, struct io_dial, bound);
    size_t last = dial->tried > 0 ? dial->tried - 1 : 0;
    dial->result.code = WEIR_OK; /* what failed before does not outweigh what never answered */
    note_failure(dial, last, WEIR_CODE_connect_timeout, 0, "cannot connect");
    settle(dial);
    io_timer_stop(dial->loop, &dial->step);
    tell(dial);
}

static void begin(struct io_dial *dial)
{
    io_timer_start(dial->loop, &dial->bound, io_clock_after(dial->connect_timeout_ns));
    go_on(dial);
}

static void on_resolved(struct io_query *query, weir_code code, const struct io_addresses *addresses,
                        const weir_error *error)
{
    struct io_dial *dial = BASE_CONTAINER(query, struct io_dial, query);
    if (code != WEIR_OK) {
        fail(dial, code, error->os, error->text);
        return;
    }
    dial->addresses = *addresses;
    begin(dial);
}

/* The other family's addresses: among those that are not tried yet, the two in turn (RFC 8305, 3 and 4). */
static void on_more(struct io_query *query, const struct io_addresses *more)
{
    struct io_dial *dial = BASE_CONTAINER(query, struct io_dial, query);
    struct io_addresses *all = &dial->addresses;
    const struct io_addresses had = *all;
    size_t at = dial->tried, new = 0, count = more != NULL ? more->count : 0;
    for (size_t i = dial->tried; at < IO_ADDRESSES_MAX && (new < count || i < had.count);) {
        bool takes_new = new < count && (i >= had.count || (at - dial->tried) % 2 == 0);
        all->list[at] = takes_new ? more->list[new] : had.list[i];
        all->sizes[at++] = takes_new ? more->sizes[new ++] : had.sizes[i++];
    }
    all->count = at;
    if (dial->settled)
        return;
    if (dial->live == 0)
        io_timer_stop(dial->loop, &dial->step); /* nobody is waited for */
    if (!io_timer_is_running(&dial->step))
        go_on(dial);
}

static void dial_path(struct io_dial *dial, weir_str path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path.len >= sizeof(to.sun_path) || memchr(path.ptr, 0, path.len) != NULL) {
        (void)snprintf(dial->text, sizeof(dial->text),
                       "\"unix:%s\": a path of 1 to %zu octets without a NUL was expected", dial->name,
                       sizeof(to.sun_path) - 1);
        fail(dial, WEIR_CODE_bad_address, 0, dial->text);
        return;
    }
    memcpy(to.sun_path, path.ptr, path.len);
    memcpy(&dial->addresses.list[0], &to, sizeof(to));
    dial->addresses.sizes[0] = sizeof(to);
    dial->addresses.count = 1;
    begin(dial);
}

/* no_memory only; other failures are told by `done`. */
static weir_code dial_host(struct io_dial *dial, struct io_resolver *resolver, const struct io_dial_options *options)
{
    weir_error error;
    if (io_resolve_here(&dial->addresses, options->host, options->port)) {
        begin(dial);
        return WEIR_OK;
    }
    dial->query.done = on_resolved;
    dial->query.more = on_more;
    weir_code code =
        io_resolve(&dial->query, resolver, options->host, options->port, options->resolve_timeout_ns, &error);
    if (code != WEIR_OK && code != WEIR_CODE_no_memory) {
        fail(dial, code, error.os, error.text);
        return WEIR_OK;
    }
    return code;
}

static bool take_local(struct io_dial *dial, weir_str local)
{
    struct io_addresses parsed;
    if (local.len == 0)
        return true;
    if (!io_resolve_here(&parsed, local, 0) || parsed.count != 1)
        return false;
    dial->how.local = parsed.list[0];
    dial->how.local_size = parsed.sizes[0];
    return true;
}

static struct io_dial *dial_new(weir_loop *loop, const weir_allocator *allocator, const struct io_dial_options *options)
{
    weir_allocator memory = base_allocator(allocator);
    struct io_dial *dial = base_alloc_zero(&memory, sizeof(*dial));
    if (dial == NULL)
        return NULL;
    weir_str name = options->path.len > 0 ? options->path : options->host;
    size_t size = name.len < sizeof(dial->name) ? name.len : sizeof(dial->name) - 1;
    if (size > 0)
        memcpy(dial->name, name.ptr, size);
    dial->allocator = memory;
    dial->loop = loop;
    dial->how = (struct io_dial_socket){.delay = options->delay, .keepalive_ns = options->keepalive_ns};
    dial->connect_timeout_ns = options->connect_timeout_ns;
    dial->attempt_delay_ns = options->attempt_delay_ns;
    dial->full_retry_ns = FULL_RETRY_NS;
    dial->step.fired = on_step;
    dial->bound.fired = on_bound;
    dial->result = (struct io_dialled){.fd = -1, .text = dial->text};
    dial->port = options->port;
    return dial;
}

weir_code io_dial_start(struct io_dial **out, weir_loop *loop, struct io_resolver *resolver,
                        const weir_allocator *allocator, const struct io_dial_options *options,
                        void (*done)(void *app, const struct io_dialled *dialled), void *app)
{
    struct io_dial *dial = dial_new(loop, allocator, options);
    weir_code code = WEIR_OK;
    if (dial == NULL)
        return WEIR_CODE_no_memory;
    dial->done = done;
    dial->app = app;
    if (!take_local(dial, options->local)) {
        (void)snprintf(dial->text, sizeof(dial->text),
                       "\"%.*s\": a numeric address of this end was expected, to reach \"%s\"",
                       (int)(options->local.len < 128 ? options->local.len : 128), options->local.ptr, dial->name);
        fail(dial, WEIR_CODE_bad_address, 0, dial->text);
    } else if (options->path.len > 0) {
        dial_path(dial, options->path);
    } else {
        code = dial_host(dial, resolver, options);
    }
    if (code != WEIR_OK)
        release(dial);
    else
        *out = dial;
    return code;
}

void io_dial_cancel(struct io_dial *dial)
{
    if (dial->telling)
        return; /* within its own `done` it is over */
    stop(dial);
    if (dial->settled && dial->result.fd >= 0)
        close(dial->result.fd);
    release(dial);
}
