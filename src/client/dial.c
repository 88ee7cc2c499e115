/* The way to an origin: a dial, and what a proxy on it wants to hear. Each is a connection in the ledger,
 * established or not. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/client_internal.h"
#include "client/socks.h"
#include "exchange/verdict.h"

struct client_dial {
    struct base_list node; /* in the client's dials */
    struct client_origin *origin;
    struct io_dial *dial;       /* null once there is a socket */
    struct client_socks *socks; /* while a SOCKS proxy is talked to */
    weir_address peer;
    uint64_t began_ns;
    uint64_t began_unix_ns;
};

static weir_client *client_of(const struct client_dial *dial)
{
    return dial->origin->client;
}

static void release(struct client_dial *dial)
{
    weir_client *client = client_of(dial);
    base_list_remove(&dial->node);
    client->dial_count--;
    dial->origin->dials--;
    client_place_is_free(client);
    base_release(&client->options.allocator, dial, sizeof *dial);
}

/* The record of a connection that never came to be. */
static void record(const struct client_dial *dial, weir_code code, int os)
{
    weir_client *client = client_of(dial);
    const weir_ending ending = {
        .id = link_home_next_id(&client->home),
        .role = WEIR_ROLE_CLIENT,
        .stage = WEIR_STAGE_DIAL,
        .how = weir_code_how(code),
        .by = weir_code_by(code),
        .code = code,
        .delivery = WEIR_DELIVERY_NONE_OWED,
        .judged = verdict_class(code, WEIR_DELIVERY_NONE_OWED),
        .retry = WEIR_RETRY_NOT_SENT,
        .os = os,
        .peer = dial->peer,
        .began_unix_ns = dial->began_unix_ns,
        .lived_ns = weir_loop_now(client->home.loop) - dial->began_ns,
    };
    link_home_count(&client->home, &ending);
    if (client->options.ending != NULL)
        client->options.ending(client->options.app, &ending);
}

static void fail(struct client_dial *dial, weir_code code, int os)
{
    struct client_origin *origin = dial->origin;
    record(dial, code, os);
    release(dial);
    client_dial_failed(origin, code, WEIR_STAGE_DIAL);
}

static void arrive(struct client_dial *dial, int fd)
{
    struct client_origin *origin = dial->origin;
    weir_client *client = origin->client;
    uint64_t took_ns = weir_loop_now(client->home.loop) - dial->began_ns;
    struct link *link;
    weir_code code = link_open(&link, &client->home, fd, &dial->peer);
    if (code != WEIR_OK) {
        close(fd);
        fail(dial, code, 0);
        return;
    }
    release(dial);
    client_link_opened(origin, link, took_ns);
}

static void on_socks(void *app, weir_code code, int os, int fd)
{
    struct client_dial *dial = app;
    dial->socks = NULL;
    if (code == WEIR_OK)
        arrive(dial, fd);
    else
        fail(dial, code, os);
}

static void talk_to_proxy(struct client_dial *dial, int fd)
{
    weir_client *client = client_of(dial);
    const struct client_place *place = &dial->origin->place;
    const struct client_socks_options options = {.user = place->user,
                                                 .host = place->far_host,
                                                 .port = place->far_port,
                                                 .timeout_ns = client->options.connect_timeout_ns};
    weir_code code =
        client_socks_start(&dial->socks, client->home.loop, &client->options.allocator, fd, &options, on_socks, dial);
    if (code == WEIR_OK)
        return;
    close(fd);
    fail(dial, code, 0);
}

static void on_dialled(void *app, const struct io_dialled *dialled)
{
    struct client_dial *dial = app;
    dial->dial = NULL;
    dial->peer = dialled->peer;
    if (dialled->code != WEIR_OK)
        fail(dial, dialled->code, dialled->os);
    else if (dial->origin->place.via == CLIENT_VIA_SOCKS)
        talk_to_proxy(dial, dialled->fd);
    else
        arrive(dial, dialled->fd);
}

weir_code client_dial(struct client_origin *origin)
{
    weir_client *client = origin->client;
    const weir_client_options *o = &client->options;
    struct client_dial *dial = base_alloc_zero(&o->allocator, sizeof *dial);
    if (dial == NULL)
        return WEIR_CODE_no_memory;
    const struct io_dial_options options = {
        .host = origin->place.host,
        .port = origin->place.port,
        .path = origin->place.path,
        .local = o->local_address,
        .resolve_timeout_ns = o->resolve_timeout_ns,
        .connect_timeout_ns = o->connect_timeout_ns,
        .attempt_delay_ns = o->attempt_delay_ns,
        .delay = o->delay,
        .keepalive_ns = o->keepalive_ns,
    };
    dial->origin = origin;
    dial->began_ns = weir_loop_now(client->home.loop);
    dial->began_unix_ns = link_unix_now_ns();
    weir_code code =
        io_dial_start(&dial->dial, client->home.loop, client->resolver, &o->allocator, &options, on_dialled, dial);
    if (code != WEIR_OK) {
        base_release(&o->allocator, dial, sizeof *dial);
        return code;
    }
    base_list_push_back(&client->dials, &dial->node);
    client->dial_count++;
    origin->dials++;
    return WEIR_OK;
}

static void cancel(struct client_dial *dial, weir_code code)
{
    if (dial->dial != NULL)
        io_dial_cancel(dial->dial);
    if (dial->socks != NULL)
        client_socks_cancel(dial->socks);
    record(dial, code, 0);
    release(dial);
}

void client_end_dial(struct client_origin *origin, weir_code code)
{
    struct base_list *node = origin->client->dials.prev;
    while (BASE_CONTAINER(node, struct client_dial, node)->origin != origin)
        node = node->prev;
    cancel(BASE_CONTAINER(node, struct client_dial, node), code);
}

void client_cancel_dials(weir_client *client)
{
    while (!base_list_is_empty(&client->dials))
        cancel(BASE_CONTAINER(client->dials.next, struct client_dial, node), WEIR_CODE_stopped);
}
