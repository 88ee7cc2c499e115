#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "server/server_internal.h"

void server_notice(const weir_server *server, weir_code code, const char *text)
{
    if (server->options.notice != NULL)
        server->options.notice(server->options.app, code, text);
}

/* --- making and freeing ----------------------------------------------------------------------------------------- */

static weir_code make_workers(weir_server *server, weir_error *error)
{
    unsigned count = server->options.workers;
    server->workers = base_alloc_zero(&server->allocator, count * sizeof *server->workers);
    if (server->workers == NULL)
        return server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for %u workers", count);
    for (unsigned i = 0; i < count; i++) {
        weir_code code = worker_init(&server->workers[i], server, i, error);
        if (code != WEIR_OK)
            return code;
        server->workers_ready++;
    }
    return WEIR_OK;
}

/* A server whose options are checked and filled in, and nothing else of it. */
static weir_code new_of_options(weir_server **out, const weir_server_options *options, weir_error *error)
{
    *out = NULL;
    if (error != NULL)
        *error = (weir_error){.code = WEIR_OK};
    if (options == NULL || options->size == 0)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "server options: size is 0: make them with WEIR_SERVER");
    weir_server_options ours = {.size = sizeof ours};
    if (!base_sized_in(&ours, sizeof ours, options, options->size))
        return server_refuse(error, WEIR_CODE_unsupported, 0,
                             "server options: one is set that Weir " WEIR_VERSION " does not have");
    ours.size = sizeof ours;
    weir_allocator allocator = base_allocator(&ours.allocator);
    weir_server *server = base_alloc_zero(&allocator, sizeof *server);
    if (server == NULL)
        return server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for a server");
    server->options = ours;
    server->allocator = allocator;
    pthread_mutex_init(&server->lock, NULL);
    weir_code code = server_take_options(server, error);
    if (code != WEIR_OK)
        weir_server_free(server);
    else
        *out = server;
    return code;
}

weir_code weir_server_new(weir_server **out, const weir_server_options *options, weir_error *error)
{
    weir_code code = new_of_options(out, options, error);
    if (code == WEIR_OK)
        code = make_workers(*out, error);
    if (code == WEIR_OK)
        code = server_listen(*out, error);
    if (code != WEIR_OK) {
        weir_server_free(*out);
        *out = NULL;
    }
    return code;
}

int weir_server_options_print(const weir_server_options *options, char *text, size_t size, weir_error *error)
{
    weir_server *server;
    if (new_of_options(&server, options, error) != WEIR_OK)
        return -1;
    int length = weir_server_print_options(server, text, size);
    weir_server_free(server);
    return length;
}

void weir_server_free(weir_server *server)
{
    if (server == NULL)
        return;
    weir_allocator allocator = server->allocator;
    server_unlisten(server);
    for (unsigned i = 0; i < server->workers_ready; i++)
        worker_fini(&server->workers[i]);
    server_free_places(server);
    server_free_handlers(server);
    pthread_mutex_destroy(&server->lock);
    base_release(&allocator, server->workers, server->options.workers * sizeof *server->workers);
    if (server->listen_text != NULL)
        base_release(&allocator, server->listen_text, server->options.listen.len + 1);
    if (server->name_text != NULL)
        base_release(&allocator, server->name_text, server->options.server_name.len + 1);
    base_release(&allocator, server, sizeof *server);
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static void *run_thread(void *app)
{
    worker_run(app);
    return NULL;
}

/* Starts the threads of all workers but the first. Signals stay with the threads of the application. */
static weir_code start_threads(weir_server *server, weir_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    weir_code code = WEIR_OK;
    for (unsigned i = 1; i < server->options.workers && code == WEIR_OK; i++) {
        struct worker *worker = &server->workers[i];
        int os = pthread_create(&worker->thread, NULL, run_thread, worker);
        if (os != 0)
            code = server_refuse(error, WEIR_CODE_system_error, os, "thread %u of %u cannot be started: %s", i + 1,
                                 server->options.workers, strerrordesc_np(os));
        else
            worker->has_thread = true;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void join_threads(weir_server *server)
{
    for (unsigned i = 1; i < server->options.workers; i++) {
        struct worker *worker = &server->workers[i];
        if (worker->has_thread)
            pthread_join(worker->thread, NULL);
        worker->has_thread = false;
    }
}

/* A worker that never got a thread is ended here. */
static void end_unstarted(weir_server *server)
{
    weir_server_stop(server);
    for (unsigned i = 0; i < server->options.workers; i++)
        if (!server->workers[i].has_thread)
            worker_look(&server->workers[i]);
}

weir_code weir_server_run(weir_server *server, weir_error *error)
{
    if (server->ran)
        return server_refuse(error, WEIR_CODE_misuse, 0, "a server runs once");
    server->ran = true;
    weir_code code = WEIR_OK;
    for (unsigned i = 0; i < server->options.workers && code == WEIR_OK; i++)
        code = worker_open(&server->workers[i], error);
    if (code == WEIR_OK && server->options.started != NULL)
        server->options.started(server->options.app, server);
    if (code == WEIR_OK && server->options.loop != NULL) {
        worker_tell_started(&server->workers[0]);
        return WEIR_OK;
    }
    if (code == WEIR_OK)
        code = start_threads(server, error);
    if (code == WEIR_OK)
        worker_run(&server->workers[0]);
    else
        end_unstarted(server);
    join_threads(server);
    return code;
}

/* --- drain and stop, from anywhere ------------------------------------------------------------------------------ */

void server_poke(const weir_server *server)
{
    for (unsigned i = 0; i < server->workers_ready; i++)
        io_loop_poke(server->workers[i].loop);
}

static void want(weir_server *server, enum server_wanted wanted)
{
    int before = __atomic_load_n(&server->wanted, __ATOMIC_RELAXED);
    while (before < (int)wanted && !__atomic_compare_exchange_n(&server->wanted, &before, (int)wanted, true,
                                                                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        continue;
    server_poke(server);
}

void weir_server_drain(weir_server *server)
{
    want(server, SERVER_DRAIN);
}

void weir_server_stop(weir_server *server)
{
    want(server, SERVER_STOP);
}

bool weir_server_is_stopped(const weir_server *server)
{
    for (unsigned i = 0; i < server->workers_ready; i++)
        if (!worker_is_stopped(&server->workers[i]))
            return false;
    return true;
}

/* --- in one call ------------------------------------------------------------------------------------------------ */

static bool is_usage(weir_code code)
{
    return code == WEIR_CODE_bad_option || code == WEIR_CODE_bad_address;
}

int weir_serve(const weir_server_options *options)
{
    weir_error error = {.code = WEIR_OK};
    weir_server *server;
    weir_code code = weir_server_new(&server, options, &error);
    if (code == WEIR_OK && server->options.drain_on_signals)
        code = server_take_signals(server, &error);
    if (code == WEIR_OK)
        code = weir_server_run(server, &error);
    if (server != NULL)
        server_return_signals(server);
    if (code != WEIR_OK)
        fprintf(stderr, "weir: %s: %s\n", weir_code_name(code), error.text);
    weir_server_free(server);
    return code == WEIR_OK ? 0 : is_usage(code) ? 2 : 1;
}
