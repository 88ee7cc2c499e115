/* The addresses of a server: each gives every worker a socket of its own. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/server_internal.h"

/* Room for `more` sockets a worker. */
static bool grow(weir_server *server, size_t more)
{
    const weir_allocator *allocator = &server->allocator;
    size_t old = server->place_count, count = old + more;
    struct server_place *places = base_resize(allocator, server->places, old * sizeof *places, count * sizeof *places);
    if (places == NULL)
        return false;
    memset(places + old, 0, more * sizeof *places);
    server->places = places;
    server->place_capacity = count;
    for (unsigned w = 0; w < server->workers_ready; w++) {
        struct worker *worker = &server->workers[w];
        struct server_listener *listeners =
            base_resize(allocator, worker->listeners, worker->listener_count * sizeof *listeners,
                        count * sizeof *listeners);
        if (listeners == NULL)
            return false;
        memset(listeners + worker->listener_count, 0, (count - worker->listener_count) * sizeof *listeners);
        for (size_t i = worker->listener_count; i < count; i++)
            listeners[i].fd = -1;
        worker->listeners = listeners;
        worker->listener_count = count;
    }
    server->place_count = count;
    return true;
}

/* One socket for all workers, or for other processes too. */
static bool is_shared(weir_str address)
{
    return (address.len >= 5 && memcmp(address.ptr, "unix:", 5) == 0) || weir_str_equal(address, WEIR_STR("systemd"));
}

/* One address: `fds` has room for a socket a worker. */
static weir_code listen_at(weir_server *server, weir_str address, int *fds, weir_error *error)
{
    const weir_server_options *o = &server->options;
    size_t places = io_listen_places(address);
    size_t first = server->place_count;
    if (places == 0)
        return server_refuse(error, WEIR_CODE_bad_address, 0,
                             "\"%.*s\": no listening socket was handed to this process (LISTEN_FDS, LISTEN_PID)",
                             (int)address.len, address.ptr);
    if (!grow(server, places))
        return server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for the listeners");
    for (size_t i = 0; i < places; i++) {
        const struct io_listen_options listen = {.address = address,
                                                 .index = (unsigned)i,
                                                 .backlog = (int)o->backlog,
                                                 .unix_for_all = o->mode_unix_all,
                                                 .defer = o->defer_accept};
        weir_code code = io_listen(&listen, fds, o->workers, error);
        if (code != WEIR_OK)
            return code;
        io_listen_mark(&server->places[first + i].mark, address);
        io_listen_address(fds[0], server->places[first + i].address);
        for (unsigned w = 0; w < o->workers; w++) {
            server->workers[w].listeners[first + i].fd = fds[w];
            server->workers[w].listeners[first + i].shared = is_shared(address);
        }
    }
    return WEIR_OK;
}

weir_code server_listen(weir_server *server, weir_error *error)
{
    weir_str rest = server->options.listen, address;
    size_t size = server->options.workers * sizeof(int);
    int *fds = base_alloc(&server->allocator, size);
    if (fds == NULL)
        return server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for the listeners");
    weir_code code = WEIR_OK;
    while (code == WEIR_OK && weir_list_next(&rest, &address))
        code = listen_at(server, address, fds, error);
    base_release(&server->allocator, fds, size);
    return code;
}

void server_unlisten(weir_server *server)
{
    if (__atomic_exchange_n(&server->unlisted, true, __ATOMIC_ACQ_REL))
        return;
    for (size_t i = 0; i < server->place_count; i++)
        io_listen_forget(&server->places[i].mark);
}

void server_free_places(weir_server *server)
{
    base_release(&server->allocator, server->places, server->place_capacity * sizeof *server->places);
    server->places = NULL;
    server->place_count = server->place_capacity = 0;
}

bool weir_server_address(const weir_server *server, size_t listener, char *text, size_t size)
{
    if (listener >= server->place_count || size == 0)
        return false;
    size_t length = strlen(server->places[listener].address);
    if (length >= size)
        length = size - 1;
    memcpy(text, server->places[listener].address, length);
    text[length] = '\0';
    return true;
}
