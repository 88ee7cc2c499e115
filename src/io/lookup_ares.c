/* Name servers are asked by c-ares. It opens its own sockets, which the loop watches for it, and tells when it wants to be
 * called for its timeouts. Nothing of an owner's is called from within it: its answers are kept, and handed over once
 * it has returned, so that cancelling and freeing are as legal there as anywhere.
 *
 * Both families are asked at once, and the answer comes when both have; RFC 8305, 3 would go on a moment after the first.
 * c-ares has no call for that. */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/loop_internal.h"
#include "io/poll.h"
#include "io/resolve_internal.h"
#include "io/sigpipe.h"

/* c-ares waits 5 s for the first answer, which is as long as our callers wait altogether: then one lost packet would be a
 * failure. It doubles with each round through the servers. */
#define TRY_MS 2000

/* One family's addresses never push out the other's. */
#define FAMILY_SHARE (IO_ADDRESSES_MAX / 2)

/* A socket of c-ares. */
struct watched {
    struct io_poll poll;
    struct base_list node;
    struct io_lookup *lookup;
    ares_socket_t fd;
};

struct io_lookup {
    struct io_resolver *resolver;
    ares_channel channel;
    struct io_timer timer;
    struct base_list watched;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_status;

/* Never undone: whether somebody else still uses it cannot be known. */
static void init_library(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

static weir_code code_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return WEIR_OK;
    case ARES_ENOMEM:
        return WEIR_CODE_no_memory;
    case ARES_ETIMEOUT:
        return WEIR_CODE_resolve_timeout;
    default:
        return WEIR_CODE_resolve_failed;
    }
}

static const char *why_of(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "there is no such name";
    case ARES_ENODATA:
        return "it has no addresses";
    case ARES_ESERVFAIL:
        return "the name server failed";
    case ARES_EREFUSED:
        return "the name server refused";
    case ARES_ECONNREFUSED:
        return "no name server gave an answer"; /* all refused the connection, or failed */
    case ARES_ETIMEOUT:
        return "no name server answered in time";
    default:
        return ares_strerror(status);
    }
}

static void retime(struct io_lookup *lookup)
{
    struct timeval left;
    weir_loop *loop = lookup->resolver->loop;
    if (ares_timeout(lookup->channel, NULL, &left) == NULL)
        io_timer_stop(loop, &lookup->timer);
    else
        io_timer_start(loop, &lookup->timer,
                       io_clock_after((uint64_t)left.tv_sec * 1000000000U + (uint64_t)left.tv_usec * 1000U));
}

/* c-ares may write to TCP by writev (1.18 does), which raises SIGPIPE when the name server has left. */
static void process(struct io_lookup *lookup, ares_socket_t to_read, ares_socket_t to_write)
{
    struct io_sigpipe hold;
    io_sigpipe_hold(&hold);
    ares_process_fd(lookup->channel, to_read, to_write);
    io_sigpipe_release(&hold, true);
    retime(lookup);
    io_resolver_hand_over(lookup->resolver);
}

/* Ready for the one or the other: c-ares finds out, and minds neither in vain. */
static void on_ready(struct io_poll *poll)
{
    struct watched *watched = BASE_CONTAINER(poll, struct watched, poll);
    bool writes = poll->wanted & IO_POLL_WRITE;
    process(watched->lookup, watched->fd, writes ? watched->fd : ARES_SOCKET_BAD);
}

static void on_timer(struct io_timer *timer)
{
    process(BASE_CONTAINER(timer, struct io_lookup, timer), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static struct watched *find(struct io_lookup *lookup, ares_socket_t fd)
{
    for (struct base_list *node = lookup->watched.next; node != &lookup->watched; node = node->next) {
        struct watched *watched = BASE_CONTAINER(node, struct watched, node);
        if (watched->fd == fd)
            return watched;
    }
    return NULL;
}

static void forget(struct watched *watched)
{
    io_poll_close(&watched->poll);
    base_list_remove(&watched->node);
    base_release(&watched->lookup->resolver->allocator, watched, sizeof(*watched));
}

/* A socket was opened. Only here can c-ares be told that we cannot watch it: it tries the next server, and fails at last. */
static int on_socket(ares_socket_t fd, int type, void *data)
{
    struct io_lookup *lookup = data;
    (void)type;
    struct watched *stale = find(lookup, fd);
    if (stale != NULL)
        forget(stale);
    struct watched *watched = base_alloc_zero(&lookup->resolver->allocator, sizeof(*watched));
    if (watched == NULL)
        return -1;
    watched->lookup = lookup;
    watched->fd = fd;
    watched->poll.ready = on_ready;
    if (io_poll_open(&watched->poll, lookup->resolver->loop, fd, IO_POLL_READ) != 0) {
        base_release(&lookup->resolver->allocator, watched, sizeof(*watched));
        return -1;
    }
    base_list_push_back(&lookup->watched, &watched->node);
    return 0;
}

/* Before it closes a socket c-ares wants nothing of it. If watching for writes fails, the query ends in time. */
static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct watched *watched = find(data, fd);
    unsigned wanted = (readable ? IO_POLL_READ : 0U) | (writable ? IO_POLL_WRITE : 0U);
    if (watched == NULL)
        return;
    if (wanted == 0)
        forget(watched);
    else
        (void)io_poll_want(&watched->poll, wanted);
}

static void take_addresses(struct io_asked *asked, const struct ares_addrinfo *found)
{
    for (int rest = 0; rest <= 1; rest++) {
        size_t seen[2] = {0, 0};
        for (const struct ares_addrinfo_node *node = found->nodes; node != NULL; node = node->ai_next) {
            bool over = seen[node->ai_family == AF_INET6]++ >= FAMILY_SHARE;
            if (over == (rest != 0))
                io_addresses_add(&asked->addresses, node->ai_addr, asked->port);
        }
    }
}

static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *found)
{
    struct io_asked *asked = data;
    (void)timeouts;
    if (status == ARES_SUCCESS)
        take_addresses(asked, found);
    if (found != NULL)
        ares_freeaddrinfo(found);
    if (status == ARES_SUCCESS && asked->addresses.count == 0)
        status = ARES_ENODATA;
    io_asked_answer(asked, code_of(status), why_of(status));
}

/* From HOST:PORT with numeric hosts. */
static weir_code parse_server(struct ares_addr_port_node *server, weir_str text, weir_error *error)
{
    struct io_place place;
    struct io_addresses at;
    weir_code code = io_place_parse(&place, text, error);
    if (code != WEIR_OK)
        return code;
    if (place.kind != IO_PLACE_TCP || !io_resolve_here(&at, place.host, place.port))
        return io_fail(error, WEIR_CODE_bad_address, 0,
                       "\"%.*s\": the numeric address and the port of a name server, "
                       "as in 192.0.2.1:53 or [2001:db8::1]:53, were expected",
                       (int)text.len, text.ptr);
    const struct sockaddr_storage *first = &at.list[0];
    *server = (struct ares_addr_port_node){.family = first->ss_family, .udp_port = place.port, .tcp_port = place.port};
    if (first->ss_family == AF_INET)
        server->addr.addr4 = ((const struct sockaddr_in *)(const void *)first)->sin_addr;
    else
        memcpy(&server->addr.addr6, &((const struct sockaddr_in6 *)(const void *)first)->sin6_addr, 16);
    return WEIR_OK;
}

#define SERVERS_MAX 8

static weir_code set_servers(ares_channel channel, weir_str all, weir_error *error)
{
    struct ares_addr_port_node servers[SERVERS_MAX];
    size_t count = 0;
    const char *comma = NULL;
    if (all.len == 0)
        return WEIR_OK;
    do {
        comma = memchr(all.ptr, ',', all.len);
        weir_str one = {all.ptr, comma != NULL ? (size_t)(comma - all.ptr) : all.len};
        if (count == SERVERS_MAX)
            return io_fail(error, WEIR_CODE_bad_address, 0, "more than %d name servers", SERVERS_MAX);
        weir_code code = parse_server(&servers[count], one, error);
        if (code != WEIR_OK)
            return code;
        if (count > 0)
            servers[count - 1].next = &servers[count];
        count++;
        size_t used = one.len + (comma != NULL);
        all = (weir_str){all.ptr + used, all.len - used};
    } while (comma != NULL);
    if (ares_set_servers_ports(channel, servers) != ARES_SUCCESS)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory for name servers");
    return WEIR_OK;
}

static weir_code open_channel(struct io_lookup *lookup, weir_str name_servers, weir_error *error)
{
    struct ares_options options = {.timeout = TRY_MS, .sock_state_cb = on_state, .sock_state_cb_data = lookup};
    (void)pthread_once(&library_once, init_library);
    int status = library_status;
    if (status == ARES_SUCCESS)
        status = ares_init_options(&lookup->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS)
        return io_fail(error, status == ARES_ENOMEM ? WEIR_CODE_no_memory : WEIR_CODE_system_error, 0,
                       "cannot resolve names: %s", ares_strerror(status));
    ares_set_socket_callback(lookup->channel, on_socket, lookup);
    weir_code code = set_servers(lookup->channel, name_servers, error);
    if (code != WEIR_OK)
        ares_destroy(lookup->channel);
    return code;
}

weir_code io_lookup_new(struct io_lookup **out, struct io_resolver *resolver, weir_str name_servers, weir_error *error)
{
    struct io_lookup *lookup = base_alloc_zero(&resolver->allocator, sizeof(*lookup));
    if (lookup == NULL)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory for a resolver");
    lookup->resolver = resolver;
    lookup->timer.fired = on_timer;
    base_list_init(&lookup->watched);
    weir_code code = open_channel(lookup, name_servers, error);
    if (code != WEIR_OK)
        base_release(&resolver->allocator, lookup, sizeof(*lookup));
    else
        *out = lookup;
    return code;
}

void io_lookup_free(struct io_lookup *lookup)
{
    ares_destroy(lookup->channel);
    while (!base_list_is_empty(&lookup->watched))
        forget(BASE_CONTAINER(lookup->watched.next, struct watched, node));
    io_timer_stop(lookup->resolver->loop, &lookup->timer);
    base_release(&lookup->resolver->allocator, lookup, sizeof(*lookup));
}

void io_lookup_ask(struct io_lookup *lookup, struct io_asked *asked)
{
    static const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(lookup->channel, asked->host, NULL, &hints, on_answer, asked);
    retime(lookup);
}

void io_lookup_drop(struct io_lookup *lookup)
{
    ares_cancel(lookup->channel);
    retime(lookup);
}
