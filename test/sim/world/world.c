#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Rounds at one moment, and of a history. */
#define ROUNDS_AT_ONCE_MAX 3000
#define ROUNDS_MAX         200000

struct world world;

/* --- memory ----------------------------------------------------------------------------------------------------- */

static void *resize(void *context, void *ptr, size_t old_size, size_t new_size)
{
    struct world *w = context;
    size_t *head = ptr != NULL ? (size_t *)(void *)((char *)ptr - 16) : NULL;
    if ((head != NULL ? *head : 0) != old_size)
        sim_fail("memory", "given back with another size: %zu", old_size);
    size_t *fresh = NULL;
    if (new_size > 0) {
        if (w->memory_one_in != 0 && sim_is(w->memory_one_in)) {
            SIM_TELL("memory", "%zu octets are refused", new_size);
            return NULL;
        }
        fresh = malloc(new_size + 16);
        if (fresh == NULL)
            abort();
        *fresh = new_size;
        if (ptr != NULL)
            memcpy((char *)fresh + 16, ptr, old_size < new_size ? old_size : new_size);
        else
            memset((char *)fresh + 16, 0xcd, new_size < 4096 ? new_size : 4096);
    }
    if (head != NULL)
        memset(head, 0xdd, old_size < 4096 ? old_size + 16 : 4096);
    free(head);
    w->memory += new_size - old_size;
    return fresh != NULL ? (char *)fresh + 16 : NULL;
}

/* --- what is drawn ---------------------------------------------------------------------------------------------- */

static void draw_limits(weir_limits *limits)
{
    static const uint64_t outputs[] = {0, 1024, 4096, 20000};
    static const uint64_t seconds[] = {0, 1, 2, 5, 100};
    limits->output_size_max = outputs[sim_rarely(3, 4)];
    limits->exchange_count_max = sim_rarely(5, 6);
    limits->idle_timeout_ns = seconds[sim_rarely(3, 5)] * WEIR_SECOND;
    limits->head_timeout_ns = seconds[sim_rarely(4, 5)] * WEIR_SECOND;
    limits->write_timeout_ns = seconds[sim_rarely(4, 5)] * WEIR_SECOND;
    limits->body_timeout_ns = seconds[sim_rarely(4, 5)] * WEIR_SECOND;
    limits->handler_timeout_ns = seconds[sim_rarely(6, 5)] * WEIR_SECOND;
    limits->age_max_ns = seconds[sim_rarely(6, 5)] * WEIR_SECOND;
    limits->first_octet_timeout_ns = seconds[sim_rarely(6, 5)] * WEIR_SECOND;
    limits->linger_timeout_ns = seconds[sim_rarely(6, 5)] * WEIR_SECOND;
    limits->linger_silence_ns = seconds[sim_rarely(6, 4)] * WEIR_SECOND;
    limits->body_rate_grace_ns = seconds[sim_rarely(6, 4)] * WEIR_SECOND;
    limits->discard_size_max = outputs[sim_rarely(6, 4)];
    limits->linger_size_max = outputs[sim_rarely(6, 4)];
    limits->head_size_max = sim_is(10) ? 200 : 0;
    limits->body_size_max = sim_is(10) ? 1000 : 0;
}

static void on_ending(void *app, const weir_ending *ending)
{
    (void)app;
    truth_of_ending(&world, ending);
}

static void on_stopped(void *app)
{
    (void)app;
    if (world.stopped)
        sim_fail("stopped once", "it was told twice");
    world.stopped = true;
}

/* False: it could not be made, which is right only where memory was refused. */
static bool start_server(struct world *w)
{
    weir_server_options options = {
        .size = sizeof options,
        .listen = WEIR_STR("127.0.0.1:80"),
        .handler = &app_handler,
        .app = &w->app,
        .allocator = {.resize = resize, .ctx = w},
        .loop = w->loop,
        .lenient = sim_is(4),
        .connections_max = sim_is(4) ? 1 + sim_choose(3) : 1000,
        .drain_timeout_ns = sim_is(4) ? (1 + sim_choose(3)) * WEIR_SECOND : 0,
        .ending = on_ending,
        .stopped = on_stopped,
    };
    draw_limits(&options.limits);
    weir_error error;
    weir_code code = weir_server_new(&w->server, &options, &error);
    if (code == WEIR_OK)
        code = weir_server_run(w->server, &error);
    if (code != WEIR_OK && !io_sim_faults)
        sim_fail("the server starts", "%s: %s", weir_code_name(code), error.text);
    if (code != WEIR_OK)
        return false;
    w->listener = net_listener_of_fd(w->server->workers[0].listeners[0].fd);
    return true;
}

static void begin_peer(void *app)
{
    struct peer *peer = app;
    sim_record->totals.connections++;
    peer_begin(peer, (unsigned)(peer - world.peers), world.listener, world.hostile);
}

static void drain(void *app)
{
    struct world *w = app;
    if (w->drains)
        return;
    SIM_TELL("operator", "drains");
    w->early_drain |= !w->asker.freed;
    w->drains = true;
    w->cut_ns = net_now() + w->server->options.drain_timeout_ns;
    weir_server_drain(w->server);
}

static void stop(void *app)
{
    struct world *w = app;
    SIM_TELL("operator", "stops");
    w->early_drain = true;
    if (!w->drains || net_now() < w->cut_ns)
        w->cut_ns = net_now();
    w->stops = w->drains = true;
    weir_server_stop(w->server);
}

static void draw_plan(struct world *w)
{
    w->hostile = sim_choose(4) != 0;
    w->with_client = sim_is(3);
    io_sim_faults = w->hostile && sim_is(5);
    w->memory_one_in = io_sim_faults && sim_choose(2) != 0 ? 20 + sim_choose(200) : 0;
}

static void draw_events(struct world *w)
{
    static const uint32_t times[] = {20, 200, 5000, 20000};
    if (sim_is(3))
        net_call_at(NET_EPOCH_NS + sim_choose(times[sim_choose(4)]) * NET_MS, drain, w);
    if (sim_is(8))
        net_call_at(NET_EPOCH_NS + sim_choose(times[sim_choose(4)]) * NET_MS, stop, w);
    if (w->with_client)
        return;
    begin_peer(&w->peers[0]);
    /* Each of the others is there or not: taking one out leaves the others as they are. */
    bool several = sim_is(2);
    for (unsigned i = 1; i < WORLD_PEERS_MAX; i++)
        if (several && sim_choose(2) != 0)
            net_call_at(NET_EPOCH_NS + sim_rarely(2, 300) * NET_MS, begin_peer, &w->peers[i]);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

/* How much later than it could the loop runs: the machine is busy, or the process stands still. */
static uint64_t lateness(struct world *w)
{
    static const uint64_t late[] = {0, 5 * NET_US, 100 * NET_US, 2 * NET_MS, 60 * NET_MS};
    if (w->hostile && sim_is(400)) {
        static const uint64_t leaps[] = {3, 20, 100, 3600, 86400 * 30};
        uint64_t leap = leaps[sim_choose(5)] * NET_S;
        SIM_TELL("time", "a process stands still for %llu s", (unsigned long long)(leap / NET_S));
        w->leaps = true;
        return leap;
    }
    return late[sim_rarely(8, 5)];
}

struct clock {
    weir_loop *loop;
    unsigned list;    /* of choices */
    uint64_t at_ns;   /* when the loop is to run, where it is ready */
    uint64_t late_ns; /* and how much later that is than it could */
    bool set;
    uint64_t moment_ns;
    unsigned rounds_at_once;
    unsigned rounds;
};

static void step(struct world *w, struct clock *clock)
{
    if (clock->set)
        net_add_late(clock->late_ns);
    clock->set = false;
    if (net_now() != clock->moment_ns)
        clock->rounds_at_once = 0;
    clock->moment_ns = net_now();
    if (++clock->rounds_at_once > ROUNDS_AT_ONCE_MAX)
        sim_fail("no spin", "%u rounds at one moment", clock->rounds_at_once);
    if (++clock->rounds > ROUNDS_MAX)
        sim_fail("no spin", "%u rounds in all", clock->rounds);
    unsigned list = sim_list(clock->list);
    weir_loop_step(clock->loop, 0);
    (void)sim_list(list);
    truth_of_living(w);
}

/* When its loop is to run. */
static uint64_t due_of(struct world *w, struct clock *clock)
{
    if (clock->set)
        return clock->at_ns;
    if (!io_sim_is_ready(clock->loop))
        return weir_loop_deadline(clock->loop);
    unsigned list = sim_list(clock->list);
    clock->set = true;
    clock->late_ns = lateness(w);
    clock->at_ns = net_now() + clock->late_ns;
    (void)sim_list(list);
    return clock->at_ns;
}

/* The next thing; false when nothing will happen any more. */
static bool move_on(struct world *w, struct clock clocks[2])
{
    if (net_run_top())
        return true;
    struct clock *clock = &clocks[0];
    uint64_t loop_ns = due_of(w, clock);
    if (clocks[1].loop != NULL && due_of(w, &clocks[1]) < loop_ns) {
        clock = &clocks[1];
        loop_ns = due_of(w, clock);
    }
    uint64_t next_ns = net_next();
    if (next_ns == WEIR_NEVER && loop_ns == WEIR_NEVER)
        return false;
    if (next_ns <= loop_ns) {
        net_run(next_ns);
        return true;
    }
    net_run(loop_ns);
    step(w, clock);
    return true;
}

/* --- the client ------------------------------------------------------------------------------------------------- */

static unsigned place_for_dial(uint16_t port, struct net_listener **listener)
{
    *listener = port == 81 ? world.host.listener : world.listener;
    return world.places < NET_PAIRS_MAX ? world.places++ : NET_PAIRS_MAX;
}

static void drain_client(void *app)
{
    struct world *w = app;
    if (!w->asker.drains && !w->asker.freed)
        asker_drain(&w->asker);
}

static void free_client(void *app)
{
    struct world *w = app;
    if (!w->asker.freed)
        asker_free(&w->asker);
}

static bool makes_up(weir_exchange *x)
{
    const struct net_end *end = net_end_of_fd(link_of_exchange(x)->sock.fd);
    return host_makes_up(&world.host, end->pair->port);
}

/* False: there is no memory for one. */
static bool start_client(struct world *w, const weir_allocator *memory)
{
    unsigned list = sim_list(SIM_LISTS - 1);
    io_sim_dial_to(place_for_dial);
    w->app.seen = w->seen;
    host_begin(&w->host, w->hostile, w->seen);
    bool made = asker_begin(&w->asker, w->client_loop, memory, w->hostile, sim_is(2));
    w->asker.freed = !made;
    w->asker.makes_up = makes_up;
    if (made && sim_is(8))
        net_call_at_top(NET_EPOCH_NS + sim_choose(20000) * NET_MS, drain_client, w);
    if (made && sim_is(12))
        net_call_at_top(NET_EPOCH_NS + sim_choose(20000) * NET_MS, free_client, w);
    (void)sim_list(list);
    return made;
}

/* True: there is still something to wait for. */
static bool end_client(struct world *w)
{
    struct asker *asker = &w->asker;
    if (!w->with_client || asker->freed)
        return false;
    if (!asker->drains) {
        asker_drain(asker);
        return true;
    }
    if (!asker->drained)
        sim_fail("a drain ends", "nothing happens any more, and the client has connections or requests");
    asker_check_ledger(asker);
    asker_free(asker);
    return true;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static void finish(struct world *w)
{
    if (!weir_server_is_stopped(w->server) || !w->stopped)
        sim_fail("a drain ends", "nothing happens any more, and %llu connections are alive",
                 (unsigned long long)w->server->workers[0].home.alive);
    truth_at_end(w);
    w->asker.plain = w->asker.plain && !w->early_drain && !w->leaps;
    if (w->with_client)
        asker_judge(&w->asker, w->seen);
}

static void live(struct world *w)
{
    struct clock clocks[2] = {{.loop = w->loop}, {.loop = w->client_loop, .list = SIM_LISTS - 1}};
    draw_events(w);
    for (;;) {
        if (move_on(w, clocks) || end_client(w))
            continue;
        if (!w->drains && w->server->workers[0].home.alive > 0)
            sim_fail("no hang", "nothing happens any more, and %llu connections are alive",
                     (unsigned long long)w->server->workers[0].home.alive);
        if (w->drains)
            break;
        drain(w);
    }
    finish(w);
}

/* Something found no memory before the first round. */
static void never_lived(struct world *w)
{
    weir_server_stop(w->server);
    if (w->listener != NULL)
        weir_loop_step(w->loop, 0);
}

void world_run(void)
{
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    net_begin();
    times_begin();
    io_sim_happened = truth_happened;
    io_sim_before_shutdown = truth_before_shutdown;
    io_sim_before_close = truth_before_close;
    draw_plan(w);
    const weir_allocator memory = {.resize = resize, .ctx = w};
    unsigned one_in = w->memory_one_in;
    w->memory_one_in = 0;
    if (weir_loop_new(&w->loop, &memory, NULL) != WEIR_OK)
        abort();
    if (w->with_client && weir_loop_new(&w->client_loop, &memory, NULL) != WEIR_OK)
        abort();
    w->memory_one_in = one_in;
    app_begin(&w->app, w->loop);
    if (start_server(w) && (!w->with_client || start_client(w, &memory)))
        live(w);
    if (w->server != NULL && !w->stopped)
        never_lived(w);
    weir_server_free(w->server);
    weir_loop_free(w->loop);
    weir_loop_free(w->client_loop);
    app_check_over(&w->app);
    if (w->memory != 0)
        sim_fail("memory", "%llu octets were not given back", (unsigned long long)w->memory);
    for (unsigned i = 0; i < WORLD_PEERS_MAX; i++)
        peer_fini(&w->peers[i]);
    host_fini(&w->host);
    net_end_all();
    sim_record->totals.histories++;
}
