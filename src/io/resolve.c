#include "io/resolve.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "io/address.h"
#include "io/loop_internal.h"
#include "io/resolve_internal.h"

/* The query is over for its owner. */
static void part(struct io_asked *asked)
{
    struct io_resolver *resolver = asked->resolver;
    struct io_name *name = asked->name;
    asked->query->asked = NULL;
    io_timer_stop(resolver->loop, &asked->timer);
    if (name != NULL) {
        resolver->waiting--;
        base_list_remove(&asked->node);
        io_name_release(name);
    }
    base_release(&resolver->allocator, asked, asked->size);
}

/* Its sockets, and the memory of names that nobody waits for, go when the last query that waits has gone. A family that
 * is cut off here did not fail: the half that was answered is not kept as if it were all. */
static void drop_unless_waiting(struct io_resolver *resolver)
{
    if (resolver->waiting > 0)
        return;
    io_names_forget_unfinished(resolver);
    io_lookup_drop(resolver->lookup);
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

/* From the loop's round, each by its own timer: in a callback any of the others may be cancelled, and the resolver
 * freed. */
static void get_ready(struct io_asked *asked)
{
    asked->ready = true;
    io_timer_start(asked->resolver->loop, &asked->timer, 0); /* what came in time is not late for waiting its turn */
}

void io_name_tell(struct io_name *name)
{
    bool whole = io_name_is_whole(name);
    for (struct base_list *n = name->queries.next; n != &name->queries; n = n->next) {
        struct io_asked *asked = BASE_CONTAINER(n, struct io_asked, node);
        if (!asked->told || whole)
            get_ready(asked);
    }
}

/* One family is enough to begin; the query is under way for the other. */
static void tell_first(struct io_asked *asked)
{
    const struct io_name *name = asked->name;
    struct io_query *query = asked->query;
    struct io_addresses addresses;
    asked->told_family = name->families[IO_IPV6].answer == IO_ANSWER_ADDRESSES ? IO_IPV6 : IO_IPV4;
    asked->told = true;
    asked->ready = false;
    io_name_addresses(name, asked->told_family, asked->port, &addresses);
    io_timer_start(asked->resolver->loop, &asked->timer, asked->due_ns);
    query->done(query, WEIR_OK, &addresses, NULL);
}

static void tell_rest(struct io_asked *asked)
{
    struct io_query *query = asked->query;
    struct io_resolver *resolver = asked->resolver;
    struct io_addresses addresses = {.count = 0};
    if (asked->ready)
        io_name_addresses(asked->name, !asked->told_family, asked->port, &addresses);
    part(asked);
    drop_unless_waiting(resolver);
    if (query->more != NULL)
        query->more(query, addresses.count > 0 ? &addresses : NULL);
}

static void tell_all(struct io_asked *asked)
{
    struct io_query *query = asked->query;
    struct io_resolver *resolver = asked->resolver;
    struct io_addresses addresses = {.count = 0};
    weir_error error = {0};
    weir_code code = WEIR_OK;
    const char *why = "";
    if (asked->name == NULL)
        (void)io_resolve_here(&addresses, weir_str_from(asked->host), asked->port);
    else
        io_name_addresses(asked->name, IO_FAMILIES, asked->port, &addresses);
    if (addresses.count == 0) {
        code = io_name_failure(asked->name, &why);
        (void)io_fail(&error, code, 0, "the name \"%s\" was not resolved: %s", asked->host, why);
    }
    part(asked);
    drop_unless_waiting(resolver);
    /* Of the resolver nothing is needed after it: the owner may free it there. */
    query->done(query, code, code == WEIR_OK ? &addresses : NULL, &error);
}

static void time_out(struct io_asked *asked)
{
    struct io_query *query = asked->query;
    struct io_resolver *resolver = asked->resolver;
    weir_error error;
    (void)io_fail(&error, WEIR_CODE_resolve_timeout, 0, "the name \"%s\" was not resolved in time", asked->host);
    part(asked);
    drop_unless_waiting(resolver);
    query->done(query, WEIR_CODE_resolve_timeout, NULL, &error);
}

static void on_timer(struct io_timer *timer)
{
    struct io_asked *asked = BASE_CONTAINER(timer, struct io_asked, timer);
    if (asked->told)
        tell_rest(asked);
    else if (!asked->ready)
        time_out(asked);
    else if (asked->name == NULL || io_name_is_whole(asked->name))
        tell_all(asked);
    else
        tell_first(asked);
}

/* --- the resolver ----------------------------------------------------------------------------------------------- */

weir_code io_resolver_new(struct io_resolver **out, weir_loop *loop, const weir_allocator *allocator,
                          weir_str name_servers, weir_error *error)
{
    weir_allocator memory = base_allocator(allocator);
    struct io_resolver *resolver = base_alloc_zero(&memory, sizeof(*resolver));
    if (resolver == NULL)
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory for a resolver");
    resolver->allocator = memory;
    resolver->loop = loop;
    base_list_init(&resolver->names);
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
    assert(resolver->waiting == 0);
    io_lookup_free(resolver->lookup);
    io_names_drop(resolver);
    weir_allocator memory = resolver->allocator;
    base_release(&memory, resolver, sizeof(*resolver));
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static weir_code refuse(weir_str host, weir_error *error)
{
    int shown = host.len < 128 ? (int)host.len : 128;
    return io_fail(error, WEIR_CODE_resolve_failed, 0, "\"%.*s\" is neither an address nor a name", shown,
                   host.len > 0 ? host.ptr : "");
}

static struct io_asked *new_asked(struct io_query *query, weir_str host, uint16_t port)
{
    struct io_resolver *resolver = query->resolver;
    size_t size = sizeof(struct io_asked) + host.len + 1;
    struct io_asked *asked = base_alloc_zero(&resolver->allocator, size);
    if (asked == NULL)
        return NULL;
    asked->query = query;
    asked->resolver = resolver;
    asked->port = port;
    asked->size = size;
    asked->timer.fired = on_timer;
    memcpy(asked->host, host.ptr, host.len);
    return asked;
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
    struct io_asked *asked = new_asked(query, host, port);
    struct io_name *name = asked != NULL && !is_here ? io_name_of(resolver, host) : NULL;
    if (asked == NULL || (!is_here && name == NULL)) {
        if (asked != NULL)
            base_release(&resolver->allocator, asked, asked->size);
        return io_fail(error, WEIR_CODE_no_memory, ENOMEM, "no memory to resolve \"%.*s\"", (int)host.len, host.ptr);
    }
    query->asked = asked;
    asked->due_ns = io_clock_after(timeout_ns);
    if (is_here) {
        get_ready(asked);
        return WEIR_OK;
    }
    asked->name = name;
    base_list_push_back(&name->queries, &asked->node);
    resolver->waiting++;
    if (io_name_is_ready(name))
        get_ready(asked);
    else
        io_timer_start(resolver->loop, &asked->timer, asked->due_ns);
    return WEIR_OK;
}

void io_resolve_cancel(struct io_query *query)
{
    struct io_asked *asked = query->asked;
    struct io_resolver *resolver = query->resolver;
    if (asked == NULL)
        return;
    part(asked);
    drop_unless_waiting(resolver);
}
