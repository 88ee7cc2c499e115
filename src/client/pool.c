/* Origins, and what is done for them at the end of a round. One thread owns all of it: nothing is locked. */
#include <string.h>

#include "base/alloc.h"
#include "client/client_internal.h"

static struct client_link *client_link_of(struct link *link)
{
    return (struct client_link *)(void *)link;
}

/* --- origins ---------------------------------------------------------------------------------------------------- */

static uint64_t hash_octets(uint64_t hash, weir_str text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* Hosts have no case (RFC 9110, 4.2.3): other octets that fall together by it are only told apart later. */
static uint64_t hash_host(uint64_t hash, weir_str host)
{
    for (size_t i = 0; i < host.len; i++)
        hash = (hash ^ ((unsigned char)host.ptr[i] | 0x20)) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t hash_place(const struct client_place *p)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = hash_host(hash, p->host);
    hash = hash_octets(hash, p->path);
    hash = hash_octets(hash, p->user);
    hash = hash_host(hash, p->far_host);
    return hash ^ (uint64_t)p->port << 20 ^ (uint64_t)p->far_port << 40 ^ (uint64_t)p->via;
}

static bool same_place(const struct client_place *a, const struct client_place *b)
{
    return a->port == b->port && a->via == b->via && a->far_port == b->far_port &&
           weir_str_equal_nocase(a->host, b->host) && weir_str_equal(a->path, b->path) &&
           weir_str_equal(a->user, b->user) && weir_str_equal_nocase(a->far_host, b->far_host);
}

static weir_str keep(char **to, weir_str text)
{
    weir_str kept = {.ptr = *to, .len = text.len};
    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return kept;
}

static struct client_origin *new_origin(weir_client *client, const struct client_place *place, uint64_t hash)
{
    size_t size =
        sizeof(struct client_origin) + place->host.len + place->path.len + place->user.len + place->far_host.len;
    struct client_origin *origin = base_alloc_zero(&client->options.allocator, size);
    if (origin == NULL)
        return NULL;
    char *texts = (char *)(origin + 1);
    origin->client = client;
    origin->size = size;
    origin->hash = hash;
    origin->place = *place;
    origin->place.host = keep(&texts, place->host);
    origin->place.path = keep(&texts, place->path);
    origin->place.user = keep(&texts, place->user);
    origin->place.far_host = keep(&texts, place->far_host);
    base_list_init(&origin->waiting);
    base_list_init(&origin->idle);
    base_list_push_back(&client->buckets[hash % CLIENT_BUCKETS], &origin->node);
    client->counts.origins++;
    return origin;
}

struct client_origin *client_origin_of(weir_client *client, const struct client_place *place)
{
    uint64_t hash = hash_place(place);
    struct base_list *bucket = &client->buckets[hash % CLIENT_BUCKETS];
    for (struct base_list *n = bucket->next; n != bucket; n = n->next) {
        struct client_origin *origin = BASE_CONTAINER(n, struct client_origin, node);
        if (origin->hash == hash && same_place(&origin->place, place))
            return origin;
    }
    return new_origin(client, place, hash);
}

/* Its calls on connections hold it by their links. */
void client_origin_release(struct client_origin *origin)
{
    weir_client *client = origin->client;
    if (origin->waiting_count > 0 || origin->links > 0 || origin->dials > 0 || origin->held)
        return;
    client_redial_over(origin);
    base_list_remove(&origin->node);
    base_list_remove(&origin->starved);
    base_list_remove(&origin->due);
    client->counts.origins--;
    base_release(&client->options.allocator, origin, origin->size);
}

void client_origin_is_due(struct client_origin *origin)
{
    weir_client *client = origin->client;
    if (!base_list_is_linked(&origin->due))
        base_list_push_back(&client->due, &origin->due);
    if (!client->freeing)
        io_loop_late(client->home.loop, &client->round_end);
}

/* --- links ------------------------------------------------------------------------------------------------------ */

static void leave_idle(struct client_link *link)
{
    if (!base_list_is_linked(&link->idle))
        return;
    base_list_remove(&link->idle);
    link->origin->idle_count--;
    link->origin->client->counts.idle--;
}

static void enter_idle(struct client_link *link)
{
    base_list_push_front(&link->origin->idle, &link->idle);
    link->origin->idle_count++;
    link->origin->client->counts.idle++;
    link->rested = true;
    client_place_is_free(link->origin->client);
}

void client_link_not_asked(struct client_link *link)
{
    if (weir_conn_is_idle(&link->link.conn))
        enter_idle(link);
}

struct client_link *client_take_idle(struct client_origin *origin)
{
    while (!base_list_is_empty(&origin->idle)) {
        struct client_link *link = BASE_CONTAINER(origin->idle.next, struct client_link, idle);
        leave_idle(link);
        if (link_is_usable(&link->link))
            return link;
        origin->client->counts.stale++; /* its end is in the kernel: this round or the next reads it */
    }
    return NULL;
}

/* The one that has waited longest and takes that link; null: none. */
static struct client_call *next_for(const struct client_link *link)
{
    struct base_list *waiting = &link->origin->waiting;
    for (struct base_list *n = waiting->next; n != waiting; n = n->next) {
        struct client_call *call = BASE_CONTAINER(n, struct client_call, node);
        if (!call->fresh || !client_link_is_kept(link))
            return call;
    }
    return NULL;
}

/* Whoever waits is served first come first; a link that nobody needs is kept, unless all is being drained. */
static void serve(struct client_link *link)
{
    struct client_origin *origin = link->origin;
    struct client_call *call;
    while ((call = next_for(link)) != NULL) {
        if (call->x.aborted) { /* not seen yet: it would take the connection with it */
            client_call_fail(call, WEIR_CODE_aborted, WEIR_STAGE_DIAL);
            continue;
        }
        weir_code code = client_call_ask(call, link);
        if (code == WEIR_OK)
            return;
        if (code == WEIR_CODE_misuse)
            break; /* the link takes no other exchange: it is about to close */
        client_link_not_asked(link);
        client_call_fail(call, code, WEIR_STAGE_DIAL);
        return;
    }
    enter_idle(link);
    if (origin->client->draining)
        client_origin_is_due(origin);
}

static const struct client_call *longest_waiting(const struct client_origin *origin)
{
    return BASE_CONTAINER(origin->waiting.next, struct client_call, node);
}

/* All places are taken, and another origin wants one: so that requests that never cease do not keep others from ever
 * being served. One that has none is next when its request is the older one; of others the shares become equal, and
 * stay so. */
static bool has_too_many(const struct client_origin *origin)
{
    const struct base_list *starved = &origin->client->starved;
    if (base_list_is_empty(starved) || base_list_is_empty(&origin->waiting))
        return false;
    const struct client_origin *first = BASE_CONTAINER(starved->next, struct client_origin, starved);
    if (first == origin || base_list_is_empty(&first->waiting))
        return false;
    uint64_t share = first->links + first->dials;
    if (share == 0)
        return longest_waiting(first)->acquire_ns < longest_waiting(origin)->acquire_ns;
    return origin->links > share + 1;
}

static uint64_t alive(const weir_client *client)
{
    return client->home.alive + client->dial_count;
}

/* A request waits for a new connection, and none is on its way because all places are taken: one that is idle, or
 * becomes so, gives way to it. */
static bool fresh_lacks_place(const struct client_origin *origin)
{
    const weir_client *client = origin->client;
    return origin->fresh_count > origin->dials && !origin->no_dials && !client_origin_rests(origin) &&
           (origin->links + origin->dials >= client->options.connections_per_origin ||
            alive(client) >= client->options.connections_max);
}

void client_link_rests(struct link_home *home, struct link *link)
{
    struct client_origin *origin = client_link_of(link)->origin;
    (void)home;
    origin->no_dials = false;
    if (has_too_many(origin) || fresh_lacks_place(origin)) {
        enter_idle(client_link_of(link)); /* its place is taken before its own requests are looked at */
        client_origin_is_due(origin);
    } else if (base_list_is_empty(&origin->waiting) || link_is_usable(link))
        serve(client_link_of(link));
    else
        origin->client->counts.stale++; /* the server's FIN was right behind its answer */
}

void client_link_opened(struct client_origin *origin, struct link *link, uint64_t dial_ns)
{
    struct client_link *ours = client_link_of(link);
    memset((char *)ours + sizeof ours->link, 0, sizeof *ours - sizeof ours->link);
    ours->origin = origin;
    ours->dial_ns = dial_ns;
    origin->links++;
    client_redial_over(origin);
    client_origin_is_due(origin);
    serve(ours);
}

void client_link_ended(struct link_home *home, struct link *link, const weir_ending *ending)
{
    weir_client *client = client_of_home(home);
    struct client_link *ours = client_link_of(link);
    leave_idle(ours);
    ours->origin->links--;
    ours->origin->no_dials = false;
    client_origin_is_due(ours->origin);
    client_place_is_free(client);
    if (client->options.ending != NULL)
        client->options.ending(client->options.app, ending);
}

/* There is no new connection to be had: what there is must do. */
static void forget_fresh(struct client_origin *origin)
{
    for (struct base_list *n = origin->waiting.next; n != &origin->waiting; n = n->next)
        BASE_CONTAINER(n, struct client_call, node)->fresh = false;
    origin->fresh_count = 0;
}

void client_dial_failed(struct client_origin *origin, weir_code code, weir_stage stage)
{
    client_origin_is_due(origin);
    origin->no_dials = origin->links > 0;
    if (origin->no_dials) {
        forget_fresh(origin);
        return; /* those that wait are served by what there is, or run out of time */
    }
    if (!client_redial(origin, code, stage) && !base_list_is_empty(&origin->waiting))
        client_call_fail(BASE_CONTAINER(origin->waiting.next, struct client_call, node), code, stage);
}

/* --- the end of a round ----------------------------------------------------------------------------------------- */

/* Room for one more connection; an idle one of another origin gives way. */
static bool make_room(weir_client *client)
{
    if (alive(client) < client->options.connections_max)
        return true;
    return link_reclaim_idle(&client->home) && alive(client) < client->options.connections_max;
}

void client_place_is_free(weir_client *client)
{
    if (!base_list_is_empty(&client->starved))
        client_origin_is_due(BASE_CONTAINER(client->starved.next, struct client_origin, starved));
}

static bool wants_dial(const struct client_origin *origin)
{
    return origin->waiting_count > origin->dials && !origin->no_dials && !client_origin_rests(origin) &&
           origin->links + origin->dials < origin->client->options.connections_per_origin;
}

/* It is not its turn: a place that is free is for one that has waited. */
static bool is_behind(const struct client_origin *origin)
{
    const struct base_list *starved = &origin->client->starved;
    if (base_list_is_empty(starved))
        return false;
    const struct client_origin *first = BASE_CONTAINER(starved->next, struct client_origin, starved);
    return first != origin && wants_dial(first);
}

static void dial_for(struct client_origin *origin)
{
    weir_client *client = origin->client;
    bool starved = base_list_is_linked(&origin->starved);
    while (wants_dial(origin)) {
        bool behind = is_behind(origin);
        if (behind || !make_room(client)) {
            if (behind)
                client_place_is_free(client); /* or not: whose turn it is sees to it */
            if (!base_list_is_linked(&origin->starved))
                base_list_push_back(&client->starved, &origin->starved);
            return;
        }
        base_list_remove(&origin->starved); /* behind those that have waited too, for the next one */
        weir_code code = client_dial(origin);
        if (code != WEIR_OK) {
            client_dial_failed(origin, code, WEIR_STAGE_DIAL);
            break;
        }
    }
    base_list_remove(&origin->starved);
    if (starved)
        client_place_is_free(client); /* there may be room for more than this one wanted */
}

/* The connection that was idle for longest closes, for a request that takes none but a new one. */
static void give_way(struct client_origin *origin)
{
    if (base_list_is_empty(&origin->idle))
        return;
    struct client_link *link = BASE_CONTAINER(origin->idle.prev, struct client_link, idle);
    leave_idle(link);
    link_reclaim(&link->link);
}

/* A request that ends while it waits takes one dial with it, unless another request waits for that one. The dial
 * that was begun last goes: the others are nearer to their end. A request that another connection served leaves its
 * dial as a spare one, but to a client that drains, which would wait for it. */
static void end_spare_dials(struct client_origin *origin)
{
    bool draining = origin->client->draining;
    while (origin->dials > origin->waiting_count && (draining || origin->given_up > 0)) {
        origin->given_up -= origin->given_up > 0;
        client_end_dial(origin, draining ? WEIR_CODE_drained : WEIR_CODE_aborted);
    }
    origin->given_up = 0;
}

static void look_after(struct client_origin *origin)
{
    weir_client *client = origin->client;
    struct client_link *link;
    origin->held = true;
    if (fresh_lacks_place(origin))
        give_way(origin);
    while (origin->waiting_count > origin->fresh_count && !has_too_many(origin) && !fresh_lacks_place(origin) &&
           (link = client_take_idle(origin)) != NULL)
        serve(link);
    dial_for(origin);
    end_spare_dials(origin);
    while (client->draining && !base_list_is_empty(&origin->idle)) {
        link = BASE_CONTAINER(origin->idle.next, struct client_link, idle);
        leave_idle(link);
        link_drain(&link->link);
    }
    origin->held = false;
    client_origin_release(origin);
}

static void tell_drained(weir_client *client)
{
    if (!client->draining || client->drained_told || alive(client) > 0 || client->waiting_count > 0)
        return;
    client->drained_told = true;
    if (client->options.drained != NULL)
        client->options.drained(client->options.app);
}

void client_round_end(struct io_late *late)
{
    weir_client *client = BASE_CONTAINER(late, weir_client, round_end);
    if (client->look)
        client_calls_look(client);
    struct base_list batch;
    base_list_init(&batch);
    base_list_splice(&batch, &client->due);
    while (!base_list_is_empty(&batch)) {
        struct client_origin *origin = BASE_CONTAINER(batch.next, struct client_origin, due);
        base_list_remove(&origin->due);
        look_after(origin);
    }
    tell_drained(client);
}
