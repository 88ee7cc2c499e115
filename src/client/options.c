#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/memory.h"
#include "base/sized.h"
#include "client/client_internal.h"
#include "client/proxy.h"

#define CONNECTIONS_DEFAULT 1024
#define PER_ORIGIN_DEFAULT  64
#define WAITING_DEFAULT     4096
#define RETRIES_DEFAULT     3
#define ACQUIRE_DEFAULT_NS  (30 * WEIR_SECOND)
#define RESOLVE_DEFAULT_NS  (5 * WEIR_SECOND)
#define CONNECT_DEFAULT_NS  (10 * WEIR_SECOND)
#define ATTEMPT_DEFAULT_NS  (250 * WEIR_MS)
#define RETRIES_MAX         100

static void or_default(uint64_t *value, uint64_t otherwise)
{
    if (*value == 0)
        *value = otherwise;
}

static void fill_defaults(weir_client_options *o)
{
    or_default(&o->connections_max, CONNECTIONS_DEFAULT);
    or_default(&o->connections_per_origin, PER_ORIGIN_DEFAULT);
    or_default(&o->waiting_max, WAITING_DEFAULT);
    or_default(&o->acquire_timeout_ns, ACQUIRE_DEFAULT_NS);
    or_default(&o->exchange_timeout_ns, WEIR_UNLIMITED);
    or_default(&o->expect_timeout_ns, WEIR_SECOND);
    or_default(&o->resolve_timeout_ns, RESOLVE_DEFAULT_NS);
    or_default(&o->connect_timeout_ns, CONNECT_DEFAULT_NS);
    or_default(&o->attempt_delay_ns, ATTEMPT_DEFAULT_NS);
    if (o->retries_max == 0)
        o->retries_max = RETRIES_DEFAULT;
}

static weir_code check(const weir_client_options *o, weir_error *error)
{
    if (o->loop == NULL)
        return client_refuse(error, WEIR_CODE_bad_option, "loop is null: a client lives on one");
    if (o->retry > WEIR_RETRY_IDEMPOTENT && o->retry != WEIR_RETRY_NEVER)
        return client_refuse(error, WEIR_CODE_bad_option,
                             "retry is %d: expected one of WEIR_RETRY_SAFE, _PROVEN, _IDEMPOTENT, _NEVER",
                             (int)o->retry);
    if (o->retries_max > RETRIES_MAX)
        return client_refuse(error, WEIR_CODE_bad_option, "retries_max is %u: expected at most %d", o->retries_max,
                             RETRIES_MAX);
    if (o->connections_per_origin > o->connections_max)
        return client_refuse(error, WEIR_CODE_bad_option,
                             "connections_per_origin is %" PRIu64 ": more than connections_max, %" PRIu64,
                             o->connections_per_origin, o->connections_max);
    return WEIR_OK;
}

/* A copy, whose memory is `*kept`. */
static bool copy(weir_client *client, weir_str *text, char **kept)
{
    if (text->len == 0)
        return true;
    *kept = base_alloc(&client->options.allocator, text->len);
    if (*kept == NULL)
        return false;
    memcpy(*kept, text->ptr, text->len);
    text->ptr = *kept;
    return true;
}

weir_code client_take_options(weir_client *client, const weir_client_options *options, weir_error *error)
{
    weir_client_options *o = &client->options;
    weir_allocator allocator = o->allocator;
    bool all_known = base_sized_in(o, sizeof *o, options, options->size);
    o->size = sizeof *o;
    o->allocator = allocator;
    if (!all_known)
        return client_refuse(error, WEIR_CODE_unsupported,
                             "client options: one is set that Weir " WEIR_VERSION " does not have");
    bool kept = copy(client, &o->proxy, &client->proxy_text) && copy(client, &o->name_servers, &client->servers_text) &&
                copy(client, &o->local_address, &client->local_text);
    if (!kept)
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for the options");
    if (o->connections_per_origin == 0 && o->connections_max > 0 && o->connections_max < PER_ORIGIN_DEFAULT)
        o->connections_per_origin = o->connections_max;
    fill_defaults(o);
    weir_code code = check(o, error);
    if (code == WEIR_OK)
        code = weir_limits_resolve(&o->limits, error);
    if (code == WEIR_OK)
        code = base_memory_resolve(&o->memory_max, error);
    return code == WEIR_OK ? client_take_proxies(client, error) : code;
}

static void drop(const weir_client *client, char *kept, size_t size)
{
    if (kept != NULL)
        base_release(&client->options.allocator, kept, size);
}

void client_drop_options(weir_client *client)
{
    const weir_client_options *o = &client->options;
    client_drop_proxies(client);
    drop(client, client->proxy_text, o->proxy.len);
    drop(client, client->servers_text, o->name_servers.len);
    drop(client, client->local_text, o->local_address.len);
}
