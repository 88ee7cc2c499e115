#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/server_internal.h"

/* Idle connections closed at once when the process is out of descriptors. */
#define RECLAIM_BATCH   16
/* A shortage comes and goes many times a second: it is counted each time, and told so often. */
#define NOTICE_EVERY_NS WEIR_SECOND

static struct worker *worker_of_home(struct link_home *home)
{
    return BASE_CONTAINER(home, struct worker, home);
}

static struct worker *worker_of_listener(struct io_listener *listener)
{
    return BASE_CONTAINER(listener, struct server_listener, listener)->worker;
}

/* --- accepting -------------------------------------------------------------------------------------------------- */

static void accept_all(struct worker *worker, bool on)
{
    worker->paused = !on;
    for (size_t i = 0; i < worker->listener_count; i++)
        if (worker->listeners[i].open)
            io_listener_accept(&worker->listeners[i].listener, on);
}

/* While as many as may be are alive and none is idle, the others wait in the kernel. */
static void review_accept(struct worker *worker)
{
    bool full = worker->home.alive >= worker->connections_max && worker->home.idle == 0;
    if (full == worker->paused || worker->draining)
        return;
    if (full)
        engine_count(&worker->totals.accept_pauses, 1);
    accept_all(worker, !full);
}

static void on_idle_changed(struct link_home *home)
{
    review_accept(worker_of_home(home));
}

static void on_accepted(struct io_listener *listener, int fd, const weir_address *peer)
{
    struct worker *worker = worker_of_listener(listener);
    struct link_home *home = &worker->home;
    if (home->alive >= worker->connections_max)
        (void)link_reclaim_idle(home);
    struct link *link;
    weir_code code = link_open(&link, home, fd, peer);
    if (code != WEIR_OK) {
        /* Not a connection of ours yet: it is not in the ledger, but it is counted. */
        close(fd);
        engine_count(&worker->totals.accept_failures, 1);
        server_notice(worker->server, code, "a connection was accepted and could not be kept");
        return;
    }
    review_accept(worker);
}

static void tell_shortage(struct worker *worker, int os)
{
    char text[160];
    uint64_t now_ns = weir_loop_now(worker->loop);
    if (worker->noticed_ns != 0 && now_ns - worker->noticed_ns < NOTICE_EVERY_NS)
        return;
    worker->noticed_ns = now_ns;
    bool descriptors = os == EMFILE || os == ENFILE;
    snprintf(text, sizeof text, "accepting pauses: %s; idle connections are closed first", strerrordesc_np(os));
    server_notice(worker->server, descriptors ? WEIR_CODE_no_descriptors : WEIR_CODE_no_memory, text);
}

static void on_paused(struct io_listener *listener, int os)
{
    struct worker *worker = worker_of_listener(listener);
    engine_count(&worker->totals.accept_pauses, 1);
    engine_count(&worker->totals.accept_failures, 1);
    tell_shortage(worker, os);
    for (int i = 0; i < RECLAIM_BATCH && link_reclaim_idle(&worker->home); i++)
        continue;
}

static const struct io_listener_ops listener_ops = {.accepted = on_accepted, .paused = on_paused};

/* --- endings ---------------------------------------------------------------------------------------------------- */

void worker_tell_started(struct worker *worker)
{
    const weir_server_options *options = &worker->server->options;
    worker->told = true;
    if (options->worker_started != NULL)
        options->worker_started(options->app, worker->loop);
}

static void tell_stopped(struct worker *worker)
{
    const weir_server_options *options = &worker->server->options;
    if (worker->told && options->worker_stopped != NULL)
        options->worker_stopped(options->app, worker->loop);
    worker->told = false;
}

void worker_run(struct worker *worker)
{
    worker_tell_started(worker);
    weir_loop_run(worker->loop);
    tell_stopped(worker);
}

static void finish_if_drained(struct worker *worker)
{
    if (!worker->draining || worker->home.alive > 0 || worker_is_stopped(worker))
        return;
    io_timer_stop(worker->loop, &worker->drain_timer);
    __atomic_store_n(&worker->stopped, true, __ATOMIC_RELEASE);
    if (worker->own_loop)
        weir_loop_stop(worker->loop);
    else
        tell_stopped(worker);
    const weir_server_options *options = &worker->server->options;
    if (options->stopped != NULL && weir_server_is_stopped(worker->server))
        options->stopped(options->app);
}

static void on_ended(struct link_home *home, struct link *link, const weir_ending *ending)
{
    struct worker *worker = worker_of_home(home);
    const weir_server_options *options = &worker->server->options;
    if (options->ending != NULL)
        options->ending(options->app, ending);
    void *user = link->conn.facts.user;
    if (user != NULL && options->connection_ended != NULL)
        options->connection_ended(options->app, user, ending);
    review_accept(worker);
    finish_if_drained(worker);
}

static bool on_exchange_ended(struct weir_conn_config *config, struct weir_exchange *x, weir_exchange_ending *ending)
{
    const weir_server_options *options = &BASE_CONTAINER(config, struct worker, home.config)->server->options;
    options->exchange_ended(options->app, x, ending);
    return false;
}

/* --- drain and stop --------------------------------------------------------------------------------------------- */

static void close_listeners(struct worker *worker)
{
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct server_listener *listener = &worker->listeners[i];
        if (listener->open)
            io_listener_close(&listener->listener);
        else if (listener->fd >= 0)
            close(listener->fd);
        listener->open = false;
        listener->fd = -1;
    }
}

static void on_drain_timeout(struct io_timer *timer)
{
    struct worker *worker = BASE_CONTAINER(timer, struct worker, drain_timer);
    link_stop_all(&worker->home, WEIR_CODE_drain_timeout);
    finish_if_drained(worker);
}

static void begin_drain(struct worker *worker)
{
    /* Who was told by the kernel that it is connected is served, or closed in order; not reset. */
    server_unlisten(worker->server);
    for (size_t i = 0; i < worker->listener_count; i++)
        if (worker->listeners[i].open)
            io_listener_accept_waiting(&worker->listeners[i].listener);
    worker->draining = true;
    close_listeners(worker);
    uint64_t timeout_ns = worker->server->options.drain_timeout_ns;
    if (timeout_ns != WEIR_UNLIMITED)
        io_timer_start(worker->loop, &worker->drain_timer, weir_loop_now(worker->loop) + timeout_ns);
    link_drain_all(&worker->home);
}

void worker_look(struct worker *worker)
{
    worker->home.config.serves = server_serves(worker->server);
    enum server_wanted wanted = server_wants(worker->server);
    if (wanted >= SERVER_DRAIN && !worker->draining)
        begin_drain(worker);
    if (wanted >= SERVER_STOP)
        link_stop_all(&worker->home, WEIR_CODE_stopped);
    finish_if_drained(worker);
}

static void on_poke(void *app)
{
    worker_look(app);
}

bool worker_is_stopped(const struct worker *worker)
{
    return __atomic_load_n(&worker->stopped, __ATOMIC_ACQUIRE);
}

/* --- making ----------------------------------------------------------------------------------------------------- */

static uint64_t share_of_memory(const weir_server_options *options)
{
    return options->memory_max == WEIR_UNLIMITED ? WEIR_UNLIMITED : options->memory_max / options->workers;
}

weir_code worker_init(struct worker *worker, weir_server *server, unsigned index, weir_error *error)
{
    const weir_server_options *options = &server->options;
    worker->server = server;
    worker->drain_timer.fired = on_drain_timeout;
    worker->connections_max = (options->connections_max + options->workers - 1) / options->workers;
    worker->loop = options->loop;
    if (worker->loop == NULL) {
        weir_code code = weir_loop_new(&worker->loop, &server->allocator, error);
        if (code != WEIR_OK)
            return code;
        worker->own_loop = true;
    }
    const weir_conn_options engine_options =
        WEIR_CONN_OPTIONS(.role = WEIR_ROLE_SERVER, .lenient = options->lenient, .handler = server->serves,
                          .app = options->app, .limits = options->limits, .allocator = server->allocator,
                          .server_name = options->server_name, .connection_memory_max = options->connection_memory_max,
                          .error_answer = options->error_answer);
    const struct link_home_options home_options = {.engine = &engine_options,
                                                   .first_id = index + 1,
                                                   .id_step = options->workers,
                                                   .memory_max = share_of_memory(options)};
    weir_code code = link_home_init(&worker->home, worker->loop, &home_options, error);
    if (code != WEIR_OK) {
        if (worker->own_loop)
            weir_loop_free(worker->loop);
        return code;
    }
    worker->home.ended = on_ended;
    worker->home.idle_changed = on_idle_changed;
    worker->home.config.serves = server->serves;
    if (options->exchange_ended != NULL)
        worker->home.config.ending = on_exchange_ended;
    return WEIR_OK;
}

void worker_fini(struct worker *worker)
{
    close_listeners(worker);
    base_release(&worker->server->allocator, worker->listeners, worker->listener_count * sizeof *worker->listeners);
    link_home_fini(&worker->home);
    io_loop_off_poke(&worker->poke);
    if (worker->own_loop)
        weir_loop_free(worker->loop);
}

weir_code worker_open(struct worker *worker, weir_error *error)
{
    worker->poke = (struct io_poke){.fn = on_poke, .app = worker};
    io_loop_on_poke(worker->loop, &worker->poke);
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct server_listener *listener = &worker->listeners[i];
        listener->worker = worker;
        weir_code code =
            io_listener_open(&listener->listener, worker->loop, listener->fd, listener->shared, &listener_ops);
        if (code != WEIR_OK)
            return server_refuse(error, code, errno, "a listener cannot be watched");
        listener->open = true;
    }
    /* A drain may have been asked for before there was a loop to poke. */
    io_loop_poke(worker->loop);
    return WEIR_OK;
}
