#include "io/resolve.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/loop_internal.h"
#include "io/resolve_internal.h"

static void release(struct io_asked *asked)
{
    base_release(&asked->resolver->allocator, asked, sizeof(*asked));
}

/* The query is over for its owner; the library may have it still. */
static void part(struct io_asked *asked)
{
    struct io_resolver *resolver = asked->resolver;
    io_timer_stop(resolver->loop, &asked->bound);
    asked->query->asked = NULL;
    asked->query = NULL;
    if (!base_list_is_linked(&asked->node))
        resolver->waiting--;
    base_list_remove(&asked->node);
    if (!asked->held)
        release(asked);
}

/* Its sockets, and the memory of queries that nobody waits for, go when the last one that somebody waits for has gone. */
static void drop_unless_waiting(struct io_resolver *resolver)
{
    if (resolver->waiting == 0)
        io_lookup_drop(resolver->lookup);
}

void io_asked_answer(struct io_asked *asked, weir_code code, const char *why)
{
    struct io_resolver *resolver = asked->resolver;
    asked->held = false;
    if (asked->query == NULL) {
        release(asked);
        return;
    }
    io_timer_stop(resolver->loop, &asked->bound); /* what came in time is not late for waiting its turn */
    asked->code = code;
    asked->why = why;
    resolver->waiting--;
    base_list_push_back(&resolver->answered, &asked->node);
    io_timer_start(resolver->loop, &resolver->soon, 0);
}

static void hand_over(struct io_asked *asked)
{
    struct io_query *query = asked->query;
    weir_error error = {0};
    query->asked = NULL;
    if (asked->code != WEIR_OK)
        (void)io_fail(&error, asked->code, 0, "the name \"%s\" was not resolved: %s", asked->host, asked->why);
    else
        io_addresses_interleave(&asked->addresses);
    /* Of this struct nothing is needed after it: the owner may free the resolver there. */
    weir_allocator memory = asked->resolver->allocator;
    query->done(query, asked->code, asked->code == WEIR_OK ? &asked->addresses : NULL, &error);
    base_release(&memory, asked, sizeof(*asked));
}

void io_resolver_hand_over(struct io_resolver *resolver)
{
    bool freed = false;
    resolver->freed = &freed;
    while (!freed && !base_list_is_empty(&resolver->answered)) {
        struct io_asked *asked = BASE_CONTAINER(resolver->answered.next, struct io_asked, node);
        base_list_remove(&asked->node);
        hand_over(asked);
    }
    if (freed)
        return;
    resolver->freed = NULL;
    io_timer_stop(resolver->loop, &resolver->soon);
    drop_unless_waiting(resolver);
}

static void on_soon(struct io_timer *timer)
{
    io_resolver_hand_over(BASE_CONTAINER(timer, struct io_resolver, soon));
}

static void on_bound(struct io_timer *timer)
{
    struct io_asked *asked = BASE_CONTAINER(timer, struct io_asked, bound);
    struct io_query *query = asked->query;
    struct io_resolver *resolver = asked->resolver;
    weir_error error;
    (void)io_fail(&error, WEIR_CODE_resolve_timeout, 0, "the name \"%s\" was not resolved in time", asked->host);
    part(asked);
    drop_unless_waiting(resolver);
    query->done(query, WEIR_CODE_resolve_timeout, NULL, &error);
}

weir_code io_resolver_new(struct io_resolver **out, weir_loop *loop, const weir_allocator *allocator,
                          weir_str name_servers, weir_error *error)
{
    weir_allocator memory = base_allocator(allocator);
    struct io_resolver *resolver = base_alloc_zero(&memory, sizeof(*resolver));
    if (resolver == NULL)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory for a resolver");
    resolver->allocator = memory;
    resolver->loop = loop;
    resolver->soon.fired = on_soon;
    base_list_init(&resolver->answered);
    weir_code code = io_lookup_new(&resolver->lookup, resolver, name_servers, error);
    if (code != WEIR_OK) {
        base_release(&memory, resolver, sizeof(*resolver));
        return code;
    }
    *out = resolver;
    return WEIR_OK;
}

void io_resolver_free(struct io_resolver *resolver)
{
    if (resolver == NULL)
        return;
    assert(resolver->waiting == 0 && base_list_is_empty(&resolver->answered));
    if (resolver->freed != NULL)
        *resolver->freed = true;
    io_lookup_free(resolver->lookup);
    io_timer_stop(resolver->loop, &resolver->soon);
    weir_allocator memory = resolver->allocator;
    base_release(&memory, resolver, sizeof(*resolver));
}

static weir_code refuse(weir_str host, weir_error *error)
{
    int shown = host.len < 128 ? (int)host.len : 128;
    return io_fail(error, WEIR_CODE_resolve_failed, 0, "\"%.*s\" is neither an address nor a name", shown,
                   host.len > 0 ? host.ptr : "");
}

weir_code io_resolve(struct io_query *query, struct io_resolver *resolver, weir_str host, uint16_t port,
                     uint64_t timeout_ns, weir_error *error)
{
    query->asked = NULL;
    query->resolver = resolver;
    struct io_addresses here;
    bool is_here = io_resolve_here(&here, host, port);
    if (!is_here && !io_resolve_is_name(host))
        return refuse(host, error);
    struct io_asked *asked = base_alloc_zero(&resolver->allocator, sizeof(*asked));
    if (asked == NULL)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory to resolve \"%.*s\"", (int)host.len, host.ptr);
    asked->query = query;
    asked->resolver = resolver;
    asked->port = port;
    asked->bound.fired = on_bound;
    memcpy(asked->host, host.ptr, host.len);
    query->asked = asked;
    resolver->waiting++;
    if (is_here) {
        asked->addresses = here;
        io_asked_answer(asked, WEIR_OK, NULL);
        return WEIR_OK;
    }
    io_timer_start(resolver->loop, &asked->bound, io_clock_after(timeout_ns));
    asked->held = true;
    io_lookup_ask(resolver->lookup, asked);
    return WEIR_OK;
}

void io_resolve_cancel(struct io_query *query)
{
    struct io_asked *asked = query->asked;
    if (asked == NULL)
        return;
    part(asked);
    drop_unless_waiting(query->resolver);
}
