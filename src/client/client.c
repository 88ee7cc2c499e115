#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ledger_layout.h"
#include "base/sized.h"
#include "client/client_internal.h"
#include "client/route.h"

weir_code client_refuse(weir_error *error, weir_code code, const char *format, ...)
{
    if (error == NULL)
        return code;
    va_list args;
    va_start(args, format);
    *error = (weir_error){.code = code};
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

/* Before the last `@`, wherever it stands: a password that holds a `/` by mistake ends the authority too early. */
static size_t secret_end(weir_str url)
{
    const char *at = url.len > 0 ? memrchr(url.ptr, '@', url.len) : NULL;
    return at != NULL ? (size_t)(at - url.ptr) : 0;
}

void client_show_url(char text[CLIENT_SHOWN_SIZE], weir_str url)
{
    size_t hidden_end = secret_end(url), n = 0;
    const char *scheme = hidden_end > 0 ? memmem(url.ptr, hidden_end, "://", 3) : NULL;
    size_t hidden = scheme != NULL ? (size_t)(scheme - url.ptr) + 3 : 0;
    for (size_t i = 0; i < url.len && n + 4 < CLIENT_SHOWN_SIZE; i++) {
        if (hidden_end > 0 && i == hidden) {
            memcpy(text + n, "***", 3);
            n += 3;
            i = hidden_end;
        }
        text[n++] = url.ptr[i] >= ' ' && url.ptr[i] < 0x7f ? url.ptr[i] : '?';
    }
    text[n] = '\0';
}

/* --- making and freeing ----------------------------------------------------------------------------------------- */

static void unassigned_wakes(struct engine *unassigned)
{
    weir_client *client = BASE_CONTAINER(unassigned, weir_client, unassigned);
    client->look = true;
    if (!client->freeing)
        io_loop_late(client->home.loop, &client->round_end);
}

static void init_unassigned(weir_client *client)
{
    client->unassigned.ops = &engine_waiting_ops;
    client->unassigned.config = &client->home.config;
    client->unassigned.facts = &client->no_facts;
    client->unassigned.wake = unassigned_wakes;
    client->unassigned.finished = true;
}

/* An engine of a client's role needs a handler; an exchange that brings none has this one. */
static const weir_handler no_handler = WEIR_HANDLER(.done = NULL);

static weir_code open_home(weir_client *client, weir_error *error)
{
    const weir_client_options *o = &client->options;
    const weir_conn_options engine =
        WEIR_CONN_OPTIONS(.role = WEIR_ROLE_CLIENT, .strict = o->strict, .handler = &no_handler, .app = o->app,
                          .limits = o->limits, .allocator = o->allocator,
                          .interim_restarts_wait = o->interim_restarts_wait);
    const struct link_home_options home = {.engine = &engine,
                                           .first_id = 1,
                                           .id_step = 1,
                                           .memory_max = o->memory_max,
                                           .link_size = sizeof(struct client_link),
                                           .exchange_size = sizeof(struct client_call)};
    weir_code code = link_home_init(&client->home, o->loop, &home, error);
    if (code != WEIR_OK)
        return code;
    client->home.ended = client_link_ended;
    client->home.became_idle = client_link_rests;
    client->home.config.ending = client_call_ending;
    client->home.config.freed = client_call_freed;
    code = io_resolver_new(&client->resolver, o->loop, &o->allocator, o->name_servers, error);
    if (code != WEIR_OK)
        link_home_fini(&client->home);
    return code;
}

weir_code weir_client_new(weir_client **out, const weir_client_options *options, weir_error *error)
{
    *out = NULL;
    if (error != NULL)
        *error = (weir_error){.code = WEIR_OK};
    if (options == NULL || options->size == 0)
        return client_refuse(error, WEIR_CODE_bad_option, "client options: size is 0: make them with WEIR_CLIENT");
    weir_allocator allocator = base_allocator(
        options->size >= offsetof(weir_client_options, allocator) + sizeof allocator ? &options->allocator : NULL);
    weir_client *client = base_alloc_zero(&allocator, sizeof *client);
    if (client == NULL)
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for a client");
    client->options.allocator = allocator;
    for (size_t i = 0; i < CLIENT_BUCKETS; i++)
        base_list_init(&client->buckets[i]);
    base_list_init(&client->due);
    base_list_init(&client->starved);
    base_list_init(&client->dials);
    client->round_end.fn = client_round_end;
    weir_code code = client_take_options(client, options, error);
    if (code == WEIR_OK)
        code = open_home(client, error);
    if (code != WEIR_OK) {
        client_drop_options(client);
        base_release(&allocator, client, sizeof *client);
        return code;
    }
    init_unassigned(client);
    *out = client;
    return WEIR_OK;
}

static void free_origins(weir_client *client)
{
    for (size_t i = 0; i < CLIENT_BUCKETS; i++)
        while (!base_list_is_empty(&client->buckets[i]))
            client_origin_release(BASE_CONTAINER(client->buckets[i].next, struct client_origin, node));
}

void weir_client_free(weir_client *client)
{
    if (client == NULL)
        return;
    weir_allocator allocator = client->options.allocator;
    client->freeing = client->draining = true;
    client_cancel_dials(client);
    client_calls_stop(client, WEIR_CODE_stopped);
    while (client->home.alive > 0)
        link_stop_all(&client->home, WEIR_CODE_stopped);
    io_loop_off_late(&client->round_end);
    free_origins(client);
    io_resolver_free(client->resolver);
    link_home_fini(&client->home);
    client_drop_options(client);
    base_release(&allocator, client, sizeof *client);
}

void weir_client_drain(weir_client *client)
{
    client->draining = true;
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        struct base_list *bucket = &client->buckets[i];
        for (struct base_list *n = bucket->next; n != bucket; n = n->next)
            client_origin_is_due(BASE_CONTAINER(n, struct client_origin, node));
    }
    io_loop_late(client->home.loop, &client->round_end);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

weir_code weir_client_send(weir_client *client, const weir_request *request, weir_exchange **out, weir_error *error)
{
    weir_request ours;
    struct client_route route;
    if (out != NULL)
        *out = NULL;
    if (error != NULL)
        *error = (weir_error){.code = WEIR_OK};
    weir_code code = conn_take_request(&ours, request);
    if (code != WEIR_OK)
        return client_refuse(error, code,
                             code == WEIR_CODE_unsupported
                                 ? "the request, or its handler, has something set that Weir " WEIR_VERSION
                                   " does not have"
                                 : "the request, or its handler, has no size: make them with the macros");
    if (client->draining)
        return client_refuse(error, WEIR_CODE_misuse, "the client is being drained: it takes no more requests");
    code = client_find_route(&route, client, &ours, error);
    if (code == WEIR_OK)
        code = client_start_call(client, &route.place, &ours, out, error);
    client_drop_route(&route, client);
    return code;
}

/* --- what it has ------------------------------------------------------------------------------------------------ */

void weir_client_ledger(const weir_client *client, weir_ledger *ledger)
{
    weir_ledger l = {.size = sizeof l};
    link_home_add(&client->home, &l);
    base_ledger_give(ledger, &l);
}

void weir_client_counts(const weir_client *client, weir_pool_counts *counts)
{
    weir_pool_counts c = client->counts;
    const struct base_list *links = &client->home.links;
    c.size = sizeof c;
    c.dialling = client->dial_count;
    c.waiting = client->waiting_count;
    for (const struct base_list *n = links->next; n != links; n = n->next)
        c.closing += BASE_CONTAINER(n, struct link, node)->conn.life != LIFE_OPEN;
    c.busy = client->home.alive - c.idle - c.closing;
    base_sized_out(counts, counts->size, &c, sizeof c);
}
