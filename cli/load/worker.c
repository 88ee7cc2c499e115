#include "load/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "load/close.h"
#include "load/conn.h"
#include "load/socket.h"

#define EVENTS_MAX      512
/* Dials under way at once: more would overrun the backlog of many servers, and wait a second for the next SYN. */
#define DIALLING_MAX    128
#define SWEEP_MAX_NS    (100 * WEIR_MS)
/* While connections come to their end: an acknowledgement that is waited for is told by nobody. */
#define SWEEP_ENDING_NS (10 * WEIR_MS)

uint64_t load_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WEIR_SECOND + (uint64_t)now.tv_nsec;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

/* Deadlines are --timeout's; those of the close stay the library's. */
static void set_limits(weir_limits *limits)
{
    limits->idle_timeout_ns = WEIR_UNLIMITED;
    limits->head_timeout_ns = WEIR_UNLIMITED;
    limits->body_timeout_ns = WEIR_UNLIMITED;
    limits->body_rate_grace_ns = WEIR_UNLIMITED;
    limits->write_timeout_ns = WEIR_UNLIMITED;
    limits->response_timeout_ns = WEIR_UNLIMITED;
    limits->discard_size_max = WEIR_UNLIMITED; /* content is read, and nobody looks at it */
}

static weir_code prepare_scenario(struct load_worker *w, size_t scenario)
{
    size_t count;
    const struct load_request *list = load_scenario_requests(&w->options->mix.list[scenario], &count);
    weir_prepared **prepared = calloc(count, sizeof(weir_prepared *));
    w->prepared[scenario] = prepared;
    weir_code code = prepared != NULL ? WEIR_OK : WEIR_CODE_no_memory;
    for (size_t i = 0; i < count && code == WEIR_OK; i++) {
        const weir_request request = load_request_of(&list[i], w->options->target.host);
        code = weir_prepare(&prepared[i], w->config, &request);
    }
    return code;
}

static void forget_scenario(struct load_worker *w, size_t scenario)
{
    size_t count;
    (void)load_scenario_requests(&w->options->mix.list[scenario], &count);
    for (size_t i = 0; w->prepared[scenario] != NULL && i < count; i++)
        weir_prepared_free(w->prepared[scenario][i]);
    free(w->prepared[scenario]);
}

static bool prepare(struct load_worker *w)
{
    const struct load_options *o = w->options;
    for (size_t i = 0; i < o->mix.count; i++) {
        weir_code code = prepare_scenario(w, i);
        if (code == WEIR_OK)
            continue;
        (void)snprintf(w->error, sizeof(w->error), "scenario '%s' cannot be asked: %s: %s", o->mix.list[i].name,
                       weir_code_name(code), weir_code_text(code));
        return false;
    }
    return true;
}

static bool make_engine_config(struct load_worker *w)
{
    const weir_handler handler = WEIR_HANDLER(.done = load_conn_done);
    weir_conn_options options = WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .handler = &handler, .app = w);
    weir_error error = {.text = "out of memory"};
    set_limits(&options.limits);
    if (weir_conn_config_new(&w->config, &options, &error) == WEIR_OK)
        return true;
    (void)snprintf(w->error, sizeof(w->error), "%s", error.text);
    return false;
}

static bool make_places(struct load_worker *w)
{
    const struct load_options *o = w->options;
    w->conn_count = o->connections / o->threads + (w->index < o->connections % o->threads);
    size_t depth = o->pipeline;
    load_plan_init(&w->plan, o->requests, o->rate, w->index, o->threads, w->conn_count);
    w->conns = calloc(w->conn_count, sizeof(*w->conns));
    w->rings = calloc(w->conn_count * depth, sizeof(*w->rings));
    w->empty = calloc(w->conn_count, sizeof(*w->empty));
    if (w->conns == NULL || w->rings == NULL || w->empty == NULL || !load_tally_init(&w->tally)) {
        (void)snprintf(w->error, sizeof(w->error), "out of memory");
        return false;
    }
    for (size_t i = w->conn_count; i-- > 0;) {
        w->conns[i] = (struct load_conn){.worker = w, .ring = &w->rings[i * depth]};
        w->empty[w->empty_count++] = (uint32_t)i;
    }
    return true;
}

bool load_worker_init(struct load_worker *w, struct load_run *run, unsigned index)
{
    *w = (struct load_worker){.run = run, .options = run->options, .index = index, .epoll = -1, .number = index};
    w->over_ns = WEIR_NEVER;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0) {
        (void)snprintf(w->error, sizeof(w->error), "epoll: %s", strerror(errno));
        return false;
    }
    return make_places(w) && make_engine_config(w) && prepare(w);
}

void load_worker_fini(struct load_worker *w)
{
    for (size_t i = 0; i < w->options->mix.count; i++)
        forget_scenario(w, i);
    if (w->config != NULL)
        weir_conn_config_free(w->config);
    if (w->epoll >= 0)
        (void)close(w->epoll);
    load_tally_fini(&w->tally);
    free(w->conns);
    free(w->rings);
    free(w->empty);
}

/* --- the loop --------------------------------------------------------------------------------------------------- */

bool load_worker_is_stopped(const struct load_worker *w)
{
    return atomic_load_explicit(&w->run->stop, memory_order_relaxed) > 0;
}

static size_t alive(const struct load_worker *w)
{
    return w->conn_count - w->empty_count;
}

static bool may_open(const struct load_worker *w)
{
    return w->empty_count > 0 && !w->gave_up && load_plan_may_open(&w->plan);
}

static void count_undialled(struct load_worker *w, weir_code code)
{
    w->tally.dialled++;
    w->tally.failed[code]++;
    w->tally.errors[code]++;
    load_gone_dial_failed(&w->gone);
}

/* A unix socket's backlog is full: no failure yet, but as a dial would be that nobody takes. */
static void note_backlog_full(struct load_worker *w)
{
    if (w->full_ns == 0)
        w->full_ns = w->now_ns;
    if (w->now_ns - w->full_ns < w->options->timeout_ns)
        return;
    w->full_ns = w->now_ns;
    count_undialled(w, WEIR_CODE_connect_timeout);
}

static void open_connections(struct load_worker *w)
{
    while (may_open(w) && w->dialling < DIALLING_MAX && w->now_ns >= w->dial_after_ns) {
        struct load_conn *c = &w->conns[w->empty[w->empty_count - 1]];
        w->empty_count--;
        if (load_conn_dial(c, w->number)) {
            w->number += w->options->threads;
            w->full_ns = 0;
            continue;
        }
        int os = errno;
        w->empty[w->empty_count++] = (uint32_t)(c - w->conns);
        w->dial_after_ns = w->now_ns + 10 * WEIR_MS;
        w->dial_pause_ns = 10 * WEIR_MS;
        if (os == EAGAIN) {
            note_backlog_full(w);
            return;
        }
        count_undialled(w, load_socket_dial_code(os));
    }
}

/* Looks whether there is still a server to ask. What is being dialled is dropped when there is none. */
static void judge(struct load_worker *w)
{
    const struct load_gone_view view = {.now_ns = w->now_ns,
                                        .timeout_ns = w->options->timeout_ns,
                                        .open = alive(w) - w->dialling,
                                        .dialling = w->dialling,
                                        .counted = w->options->requests != UINT64_MAX};
    enum load_reason reason;
    if (w->over || !load_gone_judge(&w->gone, &view, &reason))
        return;
    w->gave_up = true;
    w->tally.reason = reason;
    for (size_t i = 0; i < w->conn_count; i++)
        if (w->conns[i].state == LOAD_DIALLING)
            load_conn_cut(&w->conns[i], WEIR_CODE_stopped);
}

/* The plan starts when all connections stand, or some could not be made in time: otherwise those that stand would keep
 * the others from being opened, and an open loop would begin with a queue. */
static void begin_plan(struct load_worker *w)
{
    const struct load_options *o = w->options;
    bool all_stand = w->dialling == 0 && (!may_open(w) || w->dial_pause_ns > 0);
    if (!all_stand && w->now_ns - w->gone.started_ns < o->timeout_ns)
        return;
    w->began_ns = w->now_ns;
    load_plan_start(&w->plan, w->now_ns, o->duration_ns == UINT64_MAX ? WEIR_NEVER : o->warmup_ns + o->duration_ns);
    w->measure_ns = w->now_ns + o->warmup_ns;
    if (o->rate != 0)
        return;
    for (size_t i = 0; i < w->conn_count; i++) {
        w->now_ns = load_now();
        load_conn_ask(&w->conns[i]);
    }
}

static void end_run(struct load_worker *w)
{
    w->over = true;
    w->over_ns = w->now_ns;
    if (!w->gave_up)
        w->tally.reason = load_worker_is_stopped(w) ? LOAD_REASON_INTERRUPTED : LOAD_REASON_DURATION;
    w->tally.planned_unsent = load_plan_missed(&w->plan, w->now_ns);
    w->tally.measured_ns = w->began_ns != 0 && w->now_ns > w->measure_ns ? w->now_ns - w->measure_ns : 0;
    w->plan.ending = true;
    for (size_t i = 0; i < w->conn_count; i++)
        load_conn_over(&w->conns[i]);
}

static uint64_t over_at(const struct load_worker *w)
{
    const struct load_options *o = w->options;
    if (w->over || w->began_ns == 0 || o->duration_ns == UINT64_MAX)
        return WEIR_NEVER;
    return w->began_ns + o->warmup_ns + o->duration_ns;
}

/* Cuts what is left: the run was stopped a second time. */
static void cut_all(struct load_worker *w)
{
    for (size_t i = 0; i < w->conn_count; i++)
        load_conn_cut(&w->conns[i], WEIR_CODE_stopped);
}

/* An open loop: each request that is due goes to the connection that has waited longest. */
static void ask_what_is_due(struct load_worker *w)
{
    for (size_t i = 0; i < w->conn_count && w->room != NULL && load_plan_due(&w->plan) <= w->now_ns; i++) {
        struct load_conn *c = w->room;
        load_conn_ask(c);
        if (w->room == c && c->next != NULL)
            load_close_to_back(c);
    }
}

static void sweep(struct load_worker *w)
{
    uint64_t pause_ns = w->options->timeout_ns / 8 < SWEEP_MAX_NS ? w->options->timeout_ns / 8 : SWEEP_MAX_NS;
    if (w->plan.ending || w->plan.left == 0 || w->options->mix.list[0].life.exchanges_max != UINT64_MAX)
        pause_ns = pause_ns < SWEEP_ENDING_NS ? pause_ns : SWEEP_ENDING_NS;
    for (size_t i = 0; i < w->conn_count; i++)
        load_conn_tick(&w->conns[i]);
    w->sweep_ns = w->now_ns + (pause_ns > WEIR_MS ? pause_ns : WEIR_MS);
}

static void show(struct load_worker *w)
{
    atomic_store_explicit(&w->shown_done, w->tally.exchanges[WEIR_CODE_complete], memory_order_relaxed);
    atomic_store_explicit(&w->shown_alive, alive(w), memory_order_relaxed);
    atomic_store_explicit(&w->shown_errors, load_tally_errors(&w->tally), memory_order_relaxed);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int wait_events(struct load_worker *w, struct epoll_event *events)
{
    uint64_t due_ns = earlier(w->sweep_ns, over_at(w));
    if (w->room != NULL)
        due_ns = earlier(due_ns, load_plan_due(&w->plan));
    if (may_open(w) && w->dialling < DIALLING_MAX)
        due_ns = earlier(due_ns, w->dial_after_ns);
    uint64_t wait_ns = due_ns > w->now_ns ? due_ns - w->now_ns : 0;
    const struct timespec wait = {(time_t)(wait_ns / WEIR_SECOND), (long)(wait_ns % WEIR_SECOND)};
    int n = -1;
    if (w->options->rate != 0)
        n = epoll_pwait2(w->epoll, events, EVENTS_MAX, &wait, NULL);
    /* A kernel before 5.11 waits in milliseconds only. */
    if (n < 0 && (w->options->rate == 0 || errno == ENOSYS))
        n = epoll_wait(w->epoll, events, EVENTS_MAX, (int)((wait_ns + WEIR_MS - 1) / WEIR_MS));
    return n;
}

void load_worker_burst(struct load_worker *w)
{
    for (size_t i = 0; i < w->answered_count; i++) {
        struct load_conn *c = w->answered[i];
        c->queued = false;
        w->now_ns = load_now(); /* of each: latency counts from its own write */
        load_conn_ask(c);
    }
    w->answered_count = 0;
}

static void turn(struct load_worker *w)
{
    struct epoll_event events[EVENTS_MAX];
    int stop = atomic_load_explicit(&w->run->stop, memory_order_relaxed);
    if (w->began_ns == 0)
        begin_plan(w);
    ask_what_is_due(w);
    if (!w->over && (stop > 0 || w->now_ns >= over_at(w) || w->gave_up))
        end_run(w);
    if (stop > 1)
        cut_all(w);
    open_connections(w);
    judge(w);
    if (w->now_ns >= w->sweep_ns) {
        sweep(w);
        show(w);
    }
    int n = wait_events(w, events);
    for (int i = 0; i < n; i++)
        load_conn_event(events[i].data.ptr, events[i].events);
    load_worker_burst(w);
    w->now_ns = load_now();
}

void *load_worker_run(void *worker)
{
    struct load_worker *w = worker;
    if (w->options->rate != 0)
        (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* planned instants are to be met: not 50 us late */
    w->now_ns = load_now();
    load_gone_start(&w->gone, w->now_ns);
    while (alive(w) > 0 || may_open(w))
        turn(w);
    if (!w->over) {
        w->over = true;
        w->tally.measured_ns = w->last_done_ns > w->measure_ns ? w->last_done_ns - w->measure_ns : 0;
    }
    load_tally_settle(&w->tally);
    show(w);
    return NULL;
}
