/* The clock, what is to happen, and the connections. */
#include "net_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"

#define TOP_MAX       64
#define LISTENERS_MAX 4

static struct {
    uint64_t now_ns;
    uint64_t order;
    int64_t wall_offset;
    uint64_t late_ns;
    bool running; /* within net_run: no call within a call moves the clock */
    struct net_event *heap;
    size_t count, capacity;
    struct {
        net_fn *fn;
        void *app;
    } top[TOP_MAX];
    size_t top_count;
    struct net_pair *pairs[NET_PAIRS_MAX]; /* by place */
    struct net_listener listeners[LISTENERS_MAX];
    size_t listener_count;
} net;

/* --- the clock -------------------------------------------------------------------------------------------------- */

uint64_t net_now(void)
{
    return net.now_ns;
}

int64_t net_wall(void)
{
    static const int64_t jumps[] = {0, 1, -1, 3600, -3600, 86400 * 365, -86400 * 365};
    net.wall_offset += jumps[sim_rarely(200, sizeof jumps / sizeof jumps[0])];
    return INT64_C(1800000000) + (int64_t)(net.now_ns / NET_S) + net.wall_offset;
}

static bool is_before(const struct net_event *a, const struct net_event *b)
{
    return a->ns != b->ns ? a->ns < b->ns : a->order < b->order;
}

void net_push(struct net_event event)
{
    if (net.count == net.capacity) {
        net.capacity = net.capacity == 0 ? 256 : net.capacity * 2;
        net.heap = realloc(net.heap, net.capacity * sizeof *net.heap);
        if (net.heap == NULL)
            abort();
    }
    event.order = net.order++;
    if (event.ns < net.now_ns)
        event.ns = net.now_ns;
    size_t at = net.count++;
    for (; at > 0 && is_before(&event, &net.heap[(at - 1) / 2]); at = (at - 1) / 2)
        net.heap[at] = net.heap[(at - 1) / 2];
    net.heap[at] = event;
}

static struct net_event pop(void)
{
    struct net_event first = net.heap[0];
    struct net_event last = net.heap[--net.count];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= net.count)
            break;
        if (child + 1 < net.count && is_before(&net.heap[child + 1], &net.heap[child]))
            child++;
        if (!is_before(&net.heap[child], &last))
            break;
        net.heap[at] = net.heap[child];
        at = child;
    }
    net.heap[at] = last;
    return first;
}

void net_call_at(uint64_t ns, net_fn *fn, void *app)
{
    net_push((struct net_event){.ns = ns, .kind = NET_CALL, .fn = fn, .app = app});
}

void net_call_at_top(uint64_t ns, net_fn *fn, void *app)
{
    net_push((struct net_event){.ns = ns, .kind = NET_TOP, .fn = fn, .app = app});
}

void net_push_top(const struct net_event *event)
{
    if (net.top_count == TOP_MAX)
        abort();
    net.top[net.top_count].fn = event->fn;
    net.top[net.top_count++].app = event->app;
}

bool net_run_top(void)
{
    size_t count = net.top_count;
    for (size_t i = 0; i < net.top_count; i++)
        net.top[i].fn(net.top[i].app);
    net.top_count = 0;
    return count > 0;
}

uint64_t net_next(void)
{
    return net.count > 0 ? net.heap[0].ns : WEIR_NEVER;
}

void net_run(uint64_t until_ns)
{
    net.running = true;
    while (net.count > 0 && net.heap[0].ns <= until_ns) {
        struct net_event event = pop();
        net.now_ns = event.ns;
        net_happen(&event);
    }
    if (until_ns > net.now_ns)
        net.now_ns = until_ns;
    net.running = false;
}

void net_moment(void)
{
    static const uint64_t moments[] = {0, 1, 20 * NET_US, 1 * NET_MS, 40 * NET_MS};
    if (net.running)
        return; /* a peer's own call */
    uint32_t moment = sim_rarely(24, sizeof moments / sizeof moments[0]);
    if (moment == 0)
        return;
    SIM_TELL("time", "a moment passes: %.3f ms", (double)moments[moment] / 1e6);
    net_run(net.now_ns + moments[moment]);
    net.late_ns += moments[moment];
}

uint64_t net_late(void)
{
    return net.late_ns;
}

void net_add_late(uint64_t ns)
{
    net.late_ns += ns;
}

/* --- connections ------------------------------------------------------------------------------------------------ */

void net_begin(void)
{
    net.now_ns = NET_EPOCH_NS;
    net.wall_offset = 0;
    net.late_ns = 0;
    net.order = 0;
}

void net_end_all(void)
{
    for (size_t i = 0; i < NET_PAIRS_MAX; i++) {
        if (net.pairs[i] == NULL)
            continue;
        free(net.pairs[i]->flows[0].octets);
        free(net.pairs[i]->flows[1].octets);
        free(net.pairs[i]);
        net.pairs[i] = NULL;
    }
    net.listener_count = net.count = net.top_count = 0;
}

uint64_t net_delay(struct net_pair *pair)
{
    static const uint64_t wild[] = {10 * NET_US, 0, 200 * NET_US, 1 * NET_MS, 5 * NET_MS, 41 * NET_MS, 300 * NET_MS};
    switch (pair->weather) {
    case 0:
        return 10 * NET_US;
    case 1:
        return 10 * NET_US + sim_choose(4) * 50 * NET_US;
    case 2:
        return 10 * NET_MS + sim_choose(4) * 10 * NET_MS;
    default:
        break;
    }
    uint32_t stall = sim_rarely(300, 8);
    if (stall > 0) {
        pair->stalled = true;
        return stall * 2 * NET_S;
    }
    return wild[sim_choose(sizeof wild / sizeof wild[0])];
}

static size_t draw_size(void)
{
    static const size_t sizes[] = {1 << 20, 65536, 16384, 4096, 1000, 100};
    return sizes[sim_choose(sizeof sizes / sizeof sizes[0])];
}

static void init_flow(struct net_flow *flow, uint64_t edge)
{
    *flow =
        (struct net_flow){.edge = edge, .lost_from = WEIR_NEVER, .progress_ns = net.now_ns, .arrival_ns = net.now_ns};
}

static void init_end(struct net_pair *pair, int side)
{
    struct net_end *end = &pair->ends[side];
    bool plain = pair->weather == 0;
    *end = (struct net_end){
        .pair = pair,
        .other = &pair->ends[1 - side],
        .out = &pair->flows[side],
        .in = &pair->flows[1 - side],
        .fd = NET_FD_BASE + 16 + (pair->port - NET_PORT_BASE) * 2 + side,
        .open = true,
        .send_size = plain ? 1 << 20 : draw_size(),
        .receive_size = plain ? 1 << 20 : draw_size(),
    };
}

struct net_end *net_connect(struct net_listener *listener, unsigned place)
{
    struct net_pair *pair = calloc(1, sizeof *pair);
    if (pair == NULL)
        abort();
    pair->list = 1 + place;
    unsigned list = sim_list(pair->list);
    pair->weather = sim_choose(4);
    pair->acks = pair->weather == 0 ? 0 : sim_choose(3);
    pair->port = (uint16_t)(NET_PORT_BASE + place);
    snprintf(pair->name, sizeof pair->name, "peer%u", place);
    init_end(pair, 0);
    init_end(pair, 1);
    pair->ends[0].destroys = pair->weather != 0 && sim_choose(2) != 0;
    init_flow(&pair->flows[0], pair->ends[1].receive_size);
    init_flow(&pair->flows[1], pair->ends[0].receive_size);
    pair->to = listener->fd;
    net.pairs[place] = pair;
    SIM_TELL(pair->name, "connects (weather %u, acknowledgements %u, buffers %zu/%zu there, %zu/%zu here)",
             pair->weather, pair->acks, pair->ends[0].send_size, pair->ends[0].receive_size, pair->ends[1].send_size,
             pair->ends[1].receive_size);
    pair->flows[0].last_arrival_ns = net.now_ns + net_delay(pair);
    net_push((struct net_event){
        .ns = pair->flows[0].last_arrival_ns, .kind = NET_SYN, .to = &pair->ends[1], .app = listener});
    (void)sim_list(list);
    return &pair->ends[0];
}

struct net_pair *net_pair_of_port(uint16_t port)
{
    size_t index = (size_t)(port - NET_PORT_BASE);
    return index < NET_PAIRS_MAX ? net.pairs[index] : NULL;
}

uint64_t net_open_most(void)
{
    uint64_t most = 0;
    for (size_t l = 0; l < net.listener_count; l++) {
        uint64_t open = 0;
        for (size_t i = 0; i < NET_PAIRS_MAX; i++)
            open += net.pairs[i] != NULL && net.pairs[i]->to == net.listeners[l].fd && net.pairs[i]->ends[0].open;
        most = open > most ? open : most;
    }
    return most;
}

struct net_end *net_end_of_fd(int fd)
{
    size_t index = (size_t)(fd - NET_FD_BASE - 16);
    if (fd < NET_FD_BASE + 16 || index / 2 >= NET_PAIRS_MAX || net.pairs[index / 2] == NULL)
        return NULL;
    return &net.pairs[index / 2]->ends[index % 2];
}

/* --- listening -------------------------------------------------------------------------------------------------- */

struct net_listener *net_listen(void)
{
    if (net.listener_count == LISTENERS_MAX)
        return NULL;
    struct net_listener *listener = &net.listeners[net.listener_count];
    *listener = (struct net_listener){.fd = NET_FD_BASE + (int)net.listener_count++, .open = true};
    base_list_init(&listener->waiting);
    return listener;
}

struct net_listener *net_listener_of_fd(int fd)
{
    size_t index = (size_t)(fd - NET_FD_BASE);
    return fd >= NET_FD_BASE && index < net.listener_count ? &net.listeners[index] : NULL;
}

struct net_end *net_accept(struct net_listener *listener)
{
    net_moment();
    if (base_list_is_empty(&listener->waiting))
        return NULL;
    struct net_pair *pair = BASE_CONTAINER(listener->waiting.next, struct net_pair, waiting);
    base_list_remove(&pair->waiting);
    pair->accepted = true;
    return &pair->ends[1];
}

void net_unlisten(struct net_listener *listener)
{
    if (!listener->open)
        sim_fail("descriptor", "listener %d is closed twice", listener->fd);
    listener->open = false;
    listener->notify = NULL;
    while (!base_list_is_empty(&listener->waiting)) {
        struct net_pair *pair = BASE_CONTAINER(listener->waiting.next, struct net_pair, waiting);
        base_list_remove(&pair->waiting);
        SIM_TELL("kernel", "resets %s, which nobody accepted", pair->name);
        net_close(&pair->ends[1], true);
    }
}

/* The server closes some descriptors by itself: those of listeners, and of what it could not keep. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    struct net_listener *listener = net_listener_of_fd(fd);
    struct net_end *end = net_end_of_fd(fd);
    if (listener == NULL && end == NULL)
        return __real_close(fd);
    if (listener != NULL)
        net_unlisten(listener);
    else
        net_close(end, false);
    return 0;
}
