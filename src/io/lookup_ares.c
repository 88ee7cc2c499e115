/* Name servers are asked by c-ares. It opens its own sockets, which the loop watches for it, and tells when it wants to
 * be called for its timeouts. Nothing of an owner's is called from within it: its answers are kept, and handed over
 * once it has returned, so that cancelling and freeing are as legal there as anywhere.
 *
 * The two families are asked for with two calls, since one call answers when both have answered (RFC 8305, 3 begins
 * with one). So the system's hosts file and search list are gone through here, for both families together: of two calls
 * each would go its own way, and addresses of two different names could end up as those of one. / */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/loop_internal.h"
#include "io/poll.h"
#include "io/resolve_internal.h"
#include "io/sigpipe.h"

/* c-ares waits 5 s for the first answer, which is as long as our callers wait altogether: then one lost packet would be
 * a failure. It doubles with each round through the servers. */
#define TRY_MS 2000

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
    /* Of the system, where it has a search list; c-ares then has none. */
    struct ares_options system;
    bool searches;
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

/* A socket was opened. Only here can c-ares be told that we cannot watch it: it tries the next server, and fails at
 * last. */
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

/* --- asking ----------------------------------------------------------------------------------------------------- */

static bool has_no_address(int status)
{
    return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static void answer(struct io_family *family, int status)
{
    enum io_answer kind = status == ARES_SUCCESS   ? IO_ANSWER_ADDRESSES
                          : has_no_address(status) ? IO_ANSWER_NEGATIVE
                                                   : IO_ANSWER_FAILED;
    io_family_answer(family, kind, code_of(status), why_of(status));
}

/* How many of the system's search list: none for a name that ends with a dot. */
static unsigned domains_for(const struct io_lookup *lookup, const char *host)
{
    bool is_whole = host[strlen(host) - 1] == '.';
    return lookup->searches && !is_whole ? (unsigned)lookup->system.ndomains : 0;
}

static size_t count_dots(const char *text)
{
    size_t dots = 0;
    for (; *text != '\0'; text++)
        dots += *text == '.';
    return dots;
}

/* The n-th name to ask for, in the order of resolv.conf(5): as it is first if it has dots enough, else last. False: it
 * would be too long. */
static bool candidate(const struct io_lookup *lookup, const char *host, unsigned n, char text[IO_HOST_SIZE + 1])
{
    unsigned domains = domains_for(lookup, host);
    bool first = domains == 0 || count_dots(host) >= (size_t)lookup->system.ndots;
    bool as_it_is = n == (first ? 0 : domains);
    const char *domain = as_it_is ? "" : lookup->system.domains[first ? n - 1 : n];
    int needed = snprintf(text, IO_HOST_SIZE + 1, "%s%s%s", host, as_it_is ? "" : ".", domain);
    return needed > 0 && needed <= IO_HOST_SIZE;
}

static void ask_families(struct io_lookup *lookup, struct io_name *name, const char *host);

/* Asks for the n-th name, or the first after it that there may be. False: there is none. */
static bool ask_from(struct io_lookup *lookup, struct io_name *name, unsigned n)
{
    char text[IO_HOST_SIZE + 1];
    for (; n <= domains_for(lookup, name->host); n++) {
        if (!candidate(lookup, name->host, n, text))
            continue;
        name->step = n;
        ask_families(lookup, name, text);
        return true;
    }
    return false;
}

static struct io_lookup *lookup_of(const struct io_family *family)
{
    return family->name->resolver->lookup;
}

static int take_addresses(struct io_family *family, const struct ares_addrinfo *found)
{
    int least = INT_MAX;
    for (const struct ares_addrinfo_cname *alias = found->cnames; alias != NULL; alias = alias->next)
        least = alias->ttl < least ? alias->ttl : least;
    for (const struct ares_addrinfo_node *node = found->nodes; node != NULL; node = node->ai_next) {
        int ttl = node->ai_ttl < least ? node->ai_ttl : least;
        if (!io_family_add(family, node->ai_addr, ttl > 0 ? (uint64_t)ttl * 1000000000U : 0))
            return family->count > 0 ? ARES_SUCCESS : ARES_ENOMEM;
    }
    return family->count > 0 ? ARES_SUCCESS : ARES_ENODATA;
}

/* The pending answers of the two calls are kept in `code` and `why` of their families until the other is known too,
 * where both have no address: only then there may be a next name. */
static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *found)
{
    struct io_family *family = data;
    struct io_name *name = family->name;
    struct io_family *other = &name->families[family == name->families ? IO_IPV6 : IO_IPV4];
    (void)timeouts;
    if (status == ARES_SUCCESS)
        status = take_addresses(family, found);
    if (found != NULL)
        ares_freeaddrinfo(found);
    if (has_no_address(status) && other->answer == IO_ANSWER_NONE && other->why == NULL) {
        family->code = code_of(status);
        family->why = why_of(status);
        return; /* until the other one has its answer */
    }
    const char *why = other->why;
    bool other_waits = other->answer == IO_ANSWER_NONE && why != NULL;
    if (has_no_address(status) && other_waits) {
        other->why = NULL;
        if (ask_from(lookup_of(family), name, name->step + 1))
            return;
    }
    if (other_waits)
        name->asking = true; /* it is not freed between the two */
    answer(family, status);
    if (other_waits) {
        name->asking = false;
        io_family_answer(other, IO_ANSWER_NEGATIVE, other->code, why);
    }
}

static void ask_families(struct io_lookup *lookup, struct io_name *name, const char *host)
{
    static const int families[IO_FAMILIES] = {[IO_IPV4] = AF_INET, [IO_IPV6] = AF_INET6};
    for (int i = IO_FAMILIES - 1; i >= 0; i--) { /* AAAA first (RFC 8305, 3) */
        const struct ares_addrinfo_hints hints = {.ai_family = families[i], .ai_socktype = SOCK_STREAM};
        ares_getaddrinfo(lookup->channel, host, NULL, &hints, on_answer, &name->families[i]);
    }
}

/* What the hosts file says of a name is all of it. */
static bool ask_file(struct io_lookup *lookup, struct io_name *name)
{
    static const int families[IO_FAMILIES] = {[IO_IPV4] = AF_INET, [IO_IPV6] = AF_INET6};
    bool any = false;
    for (int i = 0; i < IO_FAMILIES; i++) {
        struct hostent *entry = NULL;
        if (ares_gethostbyname_file(lookup->channel, name->host, families[i], &entry) != ARES_SUCCESS)
            continue;
        for (char **octets = entry->h_addr_list; entry->h_addrtype == families[i] && *octets != NULL; octets++) {
            union io_number address = {.any = {.sa_family = (sa_family_t)families[i]}};
            if (i == IO_IPV4)
                memcpy(&address.ipv4.sin_addr, *octets, 4);
            else
                memcpy(&address.ipv6.sin6_addr, *octets, 16);
            any |= io_family_add(&name->families[i], &address.any, 0);
        }
        ares_free_hostent(entry);
    }
    for (int i = 0; any && i < IO_FAMILIES; i++)
        answer(&name->families[i], name->families[i].count > 0 ? ARES_SUCCESS : ARES_ENODATA);
    return any;
}

void io_lookup_ask(struct io_lookup *lookup, struct io_name *name)
{
    if (ask_file(lookup, name))
        return;
    if (!ask_from(lookup, name, 0))
        for (int i = 0; i < IO_FAMILIES; i++)
            answer(&name->families[i], ARES_ENOTFOUND);
    retime(lookup);
}

/* --- setting up ------------------------------------------------------------------------------------------------- */

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

static int init_channel(struct io_lookup *lookup, int more)
{
    struct ares_options options = {.timeout = TRY_MS, .sock_state_cb = on_state, .sock_state_cb_data = lookup};
    return ares_init_options(&lookup->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_SOCK_STATE_CB | more);
}

/* The system's search list is ours to go through: a channel without one takes the place of the first. */
static int take_search_list(struct io_lookup *lookup)
{
    int mask = 0;
    if (ares_save_options(lookup->channel, &lookup->system, &mask) != ARES_SUCCESS) {
        ares_destroy_options(&lookup->system);
        lookup->system = (struct ares_options){.flags = 0};
        return ARES_SUCCESS;
    }
    lookup->searches = lookup->system.ndomains > 0 && lookup->system.domains != NULL;
    if (!lookup->searches)
        return ARES_SUCCESS;
    ares_destroy(lookup->channel);
    lookup->channel = NULL;
    return init_channel(lookup, ARES_OPT_DOMAINS);
}

static weir_code open_channel(struct io_lookup *lookup, weir_str name_servers, weir_error *error)
{
    (void)pthread_once(&library_once, init_library);
    int status = library_status;
    if (status == ARES_SUCCESS)
        status = init_channel(lookup, 0);
    if (status == ARES_SUCCESS)
        status = take_search_list(lookup);
    if (status != ARES_SUCCESS) {
        ares_destroy_options(&lookup->system);
        return io_fail(error, status == ARES_ENOMEM ? WEIR_CODE_no_memory : WEIR_CODE_system_error, 0,
                       "cannot resolve names: %s", ares_strerror(status));
    }
    ares_set_socket_callback(lookup->channel, on_socket, lookup);
    weir_code code = set_servers(lookup->channel, name_servers, error);
    if (code != WEIR_OK) {
        ares_destroy(lookup->channel);
        ares_destroy_options(&lookup->system);
    }
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
    ares_destroy_options(&lookup->system);
    while (!base_list_is_empty(&lookup->watched))
        forget(BASE_CONTAINER(lookup->watched.next, struct watched, node));
    io_timer_stop(lookup->resolver->loop, &lookup->timer);
    base_release(&lookup->resolver->allocator, lookup, sizeof(*lookup));
}

void io_lookup_drop(struct io_lookup *lookup)
{
    ares_cancel(lookup->channel);
    retime(lookup);
}
