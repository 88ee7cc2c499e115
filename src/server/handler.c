/* The handler, which may be exchanged while the server runs. Workers take the newest one when they are poked; a copy
 * is never freed before the server, so nobody has to know which exchange still points to which. */
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "server/server_internal.h"

static weir_code check(const weir_handler *handler, weir_error *error)
{
    if (handler == NULL)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "handler is null: expected one made with WEIR_HANDLER");
    if (handler->size == 0)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "handler: size is 0: make it with WEIR_HANDLER");
    if (handler->size < offsetof(weir_handler, head) + sizeof handler->head || handler->head == NULL)
        return server_refuse(error, WEIR_CODE_bad_option, 0, "handler: `head` is null: a server needs it to answer");
    return WEIR_OK;
}

/* Under the lock. The same one again is found, so that changing to and fro takes no more memory. Null: no memory. */
static const weir_handler *keep(weir_server *server, const weir_handler *handler)
{
    for (struct server_handler *kept = server->handlers; kept != NULL; kept = kept->next)
        if (memcmp(&kept->handler, handler, sizeof *handler) == 0)
            return &kept->handler;
    struct server_handler *kept = base_alloc(&server->allocator, sizeof *kept);
    if (kept == NULL)
        return NULL;
    *kept = (struct server_handler){.next = server->handlers, .handler = *handler};
    server->handlers = kept;
    return &kept->handler;
}

weir_code server_take_handler(weir_server *server, const weir_handler *handler, weir_error *error)
{
    weir_code code = check(handler, error);
    if (code != WEIR_OK)
        return code;
    weir_handler ours;
    if (!base_sized_in(&ours, sizeof ours, handler, handler->size))
        return server_refuse(error, WEIR_CODE_unsupported, 0,
                             "handler: a callback is set that Weir " WEIR_VERSION " does not have");
    ours.size = sizeof ours;
    pthread_mutex_lock(&server->lock);
    const weir_handler *kept = keep(server, &ours);
    if (kept != NULL)
        __atomic_store_n(&server->serves, kept, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&server->lock);
    return kept != NULL ? WEIR_OK : server_refuse(error, WEIR_CODE_no_memory, 0, "no memory for a handler");
}

const weir_handler *server_serves(const weir_server *server)
{
    return __atomic_load_n(&server->serves, __ATOMIC_ACQUIRE);
}

void server_free_handlers(weir_server *server)
{
    while (server->handlers != NULL) {
        struct server_handler *kept = server->handlers;
        server->handlers = kept->next;
        base_release(&server->allocator, kept, sizeof *kept);
    }
}

weir_code weir_server_set_handler(weir_server *server, const weir_handler *handler, weir_error *error)
{
    if (error != NULL)
        *error = (weir_error){.code = WEIR_OK};
    weir_code code = server_take_handler(server, handler, error);
    if (code == WEIR_OK)
        server_poke(server);
    return code;
}
