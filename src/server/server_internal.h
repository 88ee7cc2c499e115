/* The server as its own files see it. */
#ifndef SERVER_INTERNAL_H
#define SERVER_INTERNAL_H

#include <weir/server.h>

#include "server/worker.h"

/* What is wanted of the workers: only ever goes up. */
enum server_wanted { SERVER_RUN = 0, SERVER_DRAIN = 1, SERVER_STOP = 2 };

struct server_place {
    char address[IO_ADDRESS_TEXT_SIZE];
    struct io_listen_mark mark;
};

/* A copy of the caller's, cut or extended to the size of ours. Kept as long as the server: exchanges point to it. */
struct server_handler {
    struct server_handler *next;
    weir_handler handler;
};

struct weir_server {
    weir_server_options options; /* defaults filled in; `listen` and `server_name` are copies */
    pthread_mutex_t lock;        /* of what callers of any thread change: `handlers` */
    struct server_handler *handlers;
    const weir_handler *serves; /* of those: what exchanges begin with; atomic: read by the workers */
    weir_allocator allocator;
    char *listen_text;
    char *name_text;
    int wanted; /* enum server_wanted, atomic: written by any thread and by signal handlers */
    bool ran;
    bool unlisted; /* atomic: the files of unix sockets are taken away, or about to be */
    struct worker *workers; /* options.workers of them */
    unsigned workers_ready;
    struct server_place *places;
    size_t place_count;
    size_t place_capacity;
};

static inline enum server_wanted server_wants(const weir_server *server)
{
    return (enum server_wanted)__atomic_load_n(&server->wanted, __ATOMIC_ACQUIRE);
}
void server_notice(const weir_server *server, weir_code code, const char *text);
/* options.c: checks server->options, copies what they point at, fills in defaults; bad_option says which is wrong. */
WEIR_MUST_USE weir_code server_take_options(weir_server *server, weir_error *error);
/* handler.c: checks and copies. */
WEIR_MUST_USE weir_code server_take_handler(weir_server *server, const weir_handler *handler, weir_error *error);
const weir_handler *server_serves(const weir_server *server);
void server_free_handlers(weir_server *server);
/* Has each worker look at what is wanted of it. Async-signal-safe. */
void server_poke(const weir_server *server);
/* signals.c: from now on they drain and stop this server, which lives until it gives them back. */
WEIR_MUST_USE weir_code server_take_signals(weir_server *server, weir_error *error);
/* Nothing where it has none. */
void server_return_signals(weir_server *server);
/* listen.c: opens a socket for each worker at each address. On failure all that were opened are closed. */
WEIR_MUST_USE weir_code server_listen(weir_server *server, weir_error *error);
/* Takes the files of unix sockets away, once: before the first listener closes, as their inode numbers may be another
 * server's as soon as the last one has. */
void server_unlisten(weir_server *server);
void server_free_places(weir_server *server);
WEIR_MUST_USE weir_code server_refuse(weir_error *error, weir_code code, int os, const char *format, ...)
    WEIR_PRINTF(4, 5);

#endif
