/* SIGTERM and SIGINT of a weir_serve that asked for them (drain_on_signals). A signal handler has no argument, hence
 * the only variables of the process in this library: one server has the signals at a time, from weir_serve until it
 * returns. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "server/server_internal.h"

static const int numbers[] = {SIGTERM, SIGINT};
#define COUNT (sizeof numbers / sizeof numbers[0])

static _Atomic(weir_server *) signalled; /* null: nobody has the signals */
static atomic_uint seen;
static atomic_uint handling; /* handlers that run, on any thread */
static struct sigaction before[COUNT];

/* A first one drains, each other stops. */
static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    atomic_fetch_add(&handling, 1);
    weir_server *server = atomic_load(&signalled);
    if (server != NULL && atomic_fetch_add(&seen, 1) == 0)
        weir_server_drain(server);
    else if (server != NULL)
        weir_server_stop(server);
    atomic_fetch_sub(&handling, 1);
    errno = saved;
}

weir_code server_take_signals(weir_server *server, weir_error *error)
{
    weir_server *nobody = NULL;
    if (!atomic_compare_exchange_strong(&signalled, &nobody, server))
        return server_refuse(error, WEIR_CODE_misuse, 0,
                             "drain_on_signals: another server of this process has the signals");
    atomic_store(&seen, 0);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < COUNT; i++) {
        sigaction(numbers[i], NULL, &before[i]);
        /* What the parent had ignored stays so, as SIGINT of a shell's background jobs. */
        if (before[i].sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
    return WEIR_OK;
}

void server_return_signals(weir_server *server)
{
    if (atomic_load(&signalled) != server)
        return;
    for (size_t i = 0; i < COUNT; i++)
        sigaction(numbers[i], &before[i], NULL);
    atomic_store(&signalled, NULL);
    /* A handler that runs on another thread may have seen the server just before, and it is about to be freed. */
    while (atomic_load(&handling) > 0)
        sched_yield();
}
