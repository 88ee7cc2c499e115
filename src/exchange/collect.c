/* weir_collect: a handler that stands before the application's own and keeps the content for it. */
#include <string.h>

#include "exchange/engine.h"

#define COLLECT_FIRST 4096

struct collect {
    weir_handler handler;     /* the exchange's meanwhile */
    const weir_handler *user; /* behind it, with its app */
    void *user_app;
    weir_collected *collected;
    void *app;
    char *octets;
    size_t size;
    size_t capacity;
};

static void on_head(void *app, weir_exchange *x)
{
    const struct collect *c = app;
    c->user->head(c->user_app, x);
}

/* Doubles until `size` fits. The old memory goes back. */
static bool make_room(struct collect *c, weir_exchange *x, size_t size)
{
    size_t capacity = c->capacity > 0 ? c->capacity : COLLECT_FIRST;
    if (size <= c->capacity)
        return true;
    while (capacity < size)
        capacity *= 2;
    char *octets = weir_exchange_alloc(x, capacity);
    if (octets == NULL)
        return false;
    if (c->octets != NULL) {
        memcpy(octets, c->octets, c->size);
        exchange_release_piece(x, c->octets);
    }
    c->octets = octets;
    c->capacity = capacity;
    return true;
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct collect *c = app;
    if (!make_room(c, x, c->size + octets.len)) {
        x->cut = WEIR_CODE_no_memory;
        weir_body_refuse(x);
        return octets.len;
    }
    memcpy(c->octets + c->size, octets.ptr, octets.len);
    c->size += octets.len;
    return octets.len;
}

static void on_end(void *app, weir_exchange *x)
{
    const struct collect *c = app;
    c->collected(c->app, x, (weir_str){.ptr = c->octets, .len = c->size});
}

static void on_room(void *app, weir_exchange *x)
{
    const struct collect *c = app;
    c->user->room(c->user_app, x);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    const struct collect *c = app;
    c->user->done(c->user_app, x, ending);
}

static void on_event(void *app, weir_exchange *x, weir_event event)
{
    const struct collect *c = app;
    c->user->event(c->user_app, x, event);
}

weir_code weir_collect(weir_exchange *x, uint64_t size_max, weir_collected *collected, void *app)
{
    if (collected == NULL || x->handler->end == on_end || x->in == EXCHANGE_IN_TUNNEL || x->aborted)
        return WEIR_CODE_misuse;
    struct collect *c = weir_exchange_alloc(x, sizeof *c);
    if (c == NULL)
        return WEIR_CODE_no_memory;
    const weir_handler *user = x->handler;
    *c = (struct collect){.user = user, .user_app = x->app, .collected = collected, .app = app};
    c->handler = (weir_handler){.size = sizeof c->handler, .body = on_body, .end = on_end};
    c->handler.head = user->head != NULL ? on_head : NULL;
    c->handler.room = user->room != NULL ? on_room : NULL;
    c->handler.done = user->done != NULL ? on_done : NULL;
    c->handler.event = user->event != NULL ? on_event : NULL;
    if (user->body == NULL && user->end == NULL)
        x->refused = false; /* it was for want of a callback that it could go to */
    x->handler = &c->handler;
    x->app = c;
    weir_body_limit(x, size_max);
    return WEIR_OK;
}
