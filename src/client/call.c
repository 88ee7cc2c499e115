/* A request on its way through the client: waiting, on a connection, sent again, over. */
#include <string.h>

#include "base/sized.h"
#include "client/client_internal.h"
#include "exchange/verdict.h"

static weir_client *client_of(const struct client_call *call)
{
    return call->origin->client;
}

static uint64_t now_of(const weir_client *client)
{
    return weir_loop_now(client->home.loop);
}

static void arm(struct client_call *call)
{
    weir_client *client = client_of(call);
    uint64_t due_ns = call->give_up_ns;
    if (call->waits && call->acquire_ns < due_ns)
        due_ns = call->acquire_ns;
    if (due_ns == WEIR_NEVER)
        io_timer_stop(client->home.loop, &call->timer);
    else
        io_timer_start(client->home.loop, &call->timer, due_ns);
}

static void leave_queue(struct client_call *call)
{
    if (!call->waits)
        return;
    call->waits = false;
    call->origin->fresh_count -= call->fresh;
    call->fresh = false;
    base_list_remove(&call->node);
    call->origin->waiting_count--;
    client_of(call)->waiting_count--;
}

/* The call ends: stops its timer. Only `done` may follow. */
static void forget(struct client_call *call)
{
    io_timer_stop(client_of(call)->home.loop, &call->timer);
    client_origin_is_due(call->origin);
}

void client_call_freed(struct weir_exchange *x)
{
    weir_prepared_free(client_call_of(x)->prepared);
}

/* --- waiting ---------------------------------------------------------------------------------------------------- */

void client_call_wait(struct client_call *call, bool first)
{
    weir_client *client = client_of(call);
    call->waits = true;
    call->acquire_ns = deadlines_add(now_of(client), client->options.acquire_timeout_ns);
    if (first)
        base_list_push_front(&call->origin->waiting, &call->node);
    else
        base_list_push_back(&call->origin->waiting, &call->node);
    call->origin->waiting_count++;
    call->origin->fresh_count += call->fresh;
    client->waiting_count++;
    arm(call);
    client_origin_is_due(call->origin);
}

void client_call_fail(struct client_call *call, weir_code code, weir_stage stage)
{
    struct weir_exchange *x = &call->x;
    const weir_exchange_ending ending = {
        .code = code,
        .stage = stage,
        .how = weir_code_how(code),
        .by = weir_code_by(code),
        .delivery = WEIR_DELIVERY_NONE_OWED,
        .judged = verdict_class(code, WEIR_DELIVERY_NONE_OWED),
        .retry = (weir_retry)call->worst_retry,
        .lived_ns = now_of(client_of(call)) - x->began_ns,
    };
    call->origin->given_up += call->waits;
    leave_queue(call);
    forget(call);
    if (x->handler->done != NULL)
        x->handler->done(x->app, x, &ending);
    exchange_free(x);
}

void client_calls_look(weir_client *client)
{
    client->look = false;
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        struct base_list *bucket = &client->buckets[i];
        for (struct base_list *o = bucket->next; o != bucket; o = o->next) {
            struct client_origin *origin = BASE_CONTAINER(o, struct client_origin, node);
            origin->held = true;
            for (struct base_list *n = origin->waiting.next, *next = n->next; n != &origin->waiting; n = next) {
                struct client_call *call = BASE_CONTAINER(n, struct client_call, node);
                next = n->next;
                if (call->x.aborted)
                    client_call_fail(call, WEIR_CODE_aborted, WEIR_STAGE_DIAL);
            }
            origin->held = false; /* if nothing is left of it, it is due */
        }
    }
}

static void stop_one(weir_client *client, weir_code code)
{
    for (size_t i = 0; i < CLIENT_BUCKETS; i++) {
        struct base_list *bucket = &client->buckets[i];
        for (struct base_list *o = bucket->next; o != bucket; o = o->next) {
            struct client_origin *origin = BASE_CONTAINER(o, struct client_origin, node);
            if (!base_list_is_empty(&origin->waiting)) {
                client_call_fail(BASE_CONTAINER(origin->waiting.next, struct client_call, node), code, WEIR_STAGE_DIAL);
                return;
            }
        }
    }
}

void client_calls_stop(weir_client *client, weir_code code)
{
    while (client->waiting_count > 0)
        stop_one(client, code);
}

static void on_timer(struct io_timer *timer)
{
    struct client_call *call = BASE_CONTAINER(timer, struct client_call, timer);
    bool whole = now_of(client_of(call)) >= call->give_up_ns;
    if (call->waits) {
        client_call_fail(call, whole ? WEIR_CODE_exchange_timeout : WEIR_CODE_acquire_timeout, WEIR_STAGE_DIAL);
        return;
    }
    call->x.cut = WEIR_CODE_exchange_timeout;
    engine_wake(call->x.engine);
}

/* --- on a connection -------------------------------------------------------------------------------------------- */

/* Whether it would be sent again, on a new connection, if the server dropped this one before a response. */
static bool is_guarded(const struct client_call *call)
{
    const weir_client *client = client_of(call);
    bool policy = client->options.retry == WEIR_RETRY_SAFE || client->options.retry == WEIR_RETRY_IDEMPOTENT;
    return policy && call->safe && call->kept && call->retries == 0 && !client->freeing && !call->x.aborted;
}

/* The server had given the connection up when the request came, and said so (RFC 9110, 15.5.9): the same as if it
 * had closed without a word. The handler hears of any other response. */
static void on_guarded_head(void *app, weir_exchange *x)
{
    static const weir_handler hears_nothing = WEIR_HANDLER(.done = NULL);
    struct client_call *call = client_call_of(x);
    call->too_late = weir_response_status(x) == 408 && x->engine->server_closes && is_guarded(call);
    x->handler = call->too_late ? &hears_nothing : call->handler;
    x->end_due &= x->handler->end != NULL;
    if (call->too_late)
        weir_body_refuse(x);
    else if (x->handler->head != NULL)
        x->handler->head(app, x);
}

static void on_guarded_event(void *app, weir_exchange *x, weir_event event)
{
    const weir_handler *handler = client_call_of(x)->handler;
    if (handler->event != NULL)
        handler->event(app, x, event);
}

/* Not called: a response without content is whole before its head is told, and then its end is due if there is this. */
static void on_guarded_end(void *app, weir_exchange *x)
{
    (void)app;
    (void)x;
}

/* Stands before the handler of a request that is guarded, until a response's head is here. */
static const weir_handler guarded =
    WEIR_HANDLER(.head = on_guarded_head, .end = on_guarded_end, .event = on_guarded_event);

weir_code client_call_ask(struct client_call *call, struct client_link *link)
{
    weir_client *client = client_of(call);
    weir_code code = link_request(&link->link, call->prepared, &call->x);
    if (code != WEIR_OK)
        return code;
    if (link->used)
        client->counts.reused++;
    call->dial_ns = link->used ? 0 : link->dial_ns;
    call->asked_ns = now_of(client);
    call->kept = client_link_is_kept(link);
    link->used = true;
    leave_queue(call);
    if (is_guarded(call)) {
        call->handler = call->x.handler;
        call->x.handler = &guarded;
    }
    arm(call);
    return WEIR_OK;
}

/* The server dropped a connection that was kept, just when a request came that may always be repeated. */
static bool is_dropped(const struct client_call *call, const weir_exchange_ending *ending)
{
    if (!is_guarded(call))
        return false;
    if (call->too_late)
        return ending->code == WEIR_CODE_complete || ending->by == WEIR_BY_PEER || ending->by == WEIR_BY_NETWORK;
    return !call->x.heard && ending->by == WEIR_BY_PEER &&
           (ending->how == WEIR_HOW_FIN || ending->how == WEIR_HOW_RESET || ending->how == WEIR_HOW_CLOSE);
}

static bool may_retry(const struct client_call *call, const weir_exchange_ending *ending)
{
    const weir_client *client = client_of(call);
    if (client->options.retry == WEIR_RETRY_NEVER || client->options.retry == WEIR_RETRY_SAFE || call->streams ||
        client->freeing || call->x.aborted || call->retries >= client->options.retries_max ||
        ending->code == WEIR_CODE_complete || ending->code == WEIR_CODE_exchange_timeout || call->x.heard)
        return false;
    if (ending->retry <= WEIR_RETRY_NOT_PROCESSED)
        return true;
    return ending->retry == WEIR_RETRY_MAYBE_PROCESSED && client->options.retry == WEIR_RETRY_IDEMPOTENT &&
           call->repeatable;
}

bool client_call_ending(struct weir_conn_config *config, struct weir_exchange *x, weir_exchange_ending *ending)
{
    struct client_call *call = client_call_of(x);
    weir_client *client = client_of(call);
    (void)config;
    if (call->handler != NULL)
        x->handler = call->handler;
    call->handler = NULL;
    if (call->too_late)
        ending->retry = WEIR_RETRY_MAYBE_PROCESSED; /* a server says that it did not wait for it; nobody can know */
    call->fresh = is_dropped(call, ending);
    call->too_late = false;
    if (call->fresh || may_retry(call, ending)) {
        if (ending->retry > call->worst_retry)
            call->worst_retry = (uint8_t)ending->retry;
        call->retries++;
        client->counts.retried++;
        exchange_renew(x, &client->unassigned);
        client_call_wait(call, true);
        return true;
    }
    if (call->worst_retry > ending->retry)
        ending->retry = (weir_retry)call->worst_retry;
    forget(call);
    return false;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static bool is_repeatable(weir_str method)
{
    static const weir_str methods[] = {WEIR_STR_INIT("GET"), WEIR_STR_INIT("HEAD"),   WEIR_STR_INIT("OPTIONS"),
                                       WEIR_STR_INIT("PUT"), WEIR_STR_INIT("DELETE"), WEIR_STR_INIT("TRACE")};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (weir_str_equal(method, methods[i]))
            return true;
    return false;
}

static bool is_safe(const weir_request *request)
{
    const weir_str m = request->method;
    return request->body.kind == WEIR_BODY_NONE &&
           (weir_str_equal(m, WEIR_STR("GET")) || weir_str_equal(m, WEIR_STR("HEAD")) ||
            weir_str_equal(m, WEIR_STR("OPTIONS")));
}

/* A call that waits for nothing yet. */
static struct client_call *new_call(weir_client *client, struct client_origin *origin, const weir_request *request,
                                    weir_prepared *prepared)
{
    uint64_t now_ns = now_of(client);
    uint64_t timeout_ns = request->timeout_ns > 0 ? request->timeout_ns : client->options.exchange_timeout_ns;
    client->unassigned.now_ns = now_ns;
    struct weir_exchange *x = exchange_new(&client->unassigned);
    if (x == NULL)
        return NULL;
    struct client_call *call = client_call_of(x);
    memset((char *)call + sizeof call->x, 0, sizeof *call - sizeof call->x);
    x->user = request->user;
    if (request->handler != NULL && !exchange_set_handler(x, request->handler, request->app)) {
        exchange_free(x);
        return NULL;
    }
    call->origin = origin;
    call->prepared = prepared;
    call->timer.fired = on_timer;
    call->give_up_ns = deadlines_add(now_ns, timeout_ns);
    call->repeatable = is_repeatable(request->method);
    call->safe = is_safe(request);
    call->streams = request->body.kind == WEIR_BODY_STREAM || request->body.kind == WEIR_BODY_SIZED;
    return call;
}

/* Puts the call on an idle link, or into the queue. False: the queue is full. */
static bool place_call(struct client_call *call)
{
    struct client_origin *origin = call->origin;
    weir_client *client = origin->client;
    struct client_link *link;
    while (base_list_is_empty(&origin->waiting) && (link = client_take_idle(origin)) != NULL) {
        weir_code code = client_call_ask(call, link);
        if (code == WEIR_OK)
            return true;
        if (code == WEIR_CODE_misuse)
            continue; /* it takes no other exchange: it is about to close */
        client_link_not_asked(link);
        break;
    }
    if (client->waiting_count >= client->options.waiting_max)
        return false;
    client_call_wait(call, false);
    return true;
}

weir_code client_start_call(weir_client *client, const struct client_place *place, const weir_request *request,
                            weir_exchange **out, weir_error *error)
{
    weir_prepared *prepared;
    weir_code code = engine_prepare(&prepared, &client->home.config, request);
    if (code != WEIR_OK)
        return client_refuse(error, code, "the request may not be sent: %s", weir_code_text(code));
    struct client_origin *origin = client_origin_of(client, place);
    struct client_call *call = origin != NULL ? new_call(client, origin, request, prepared) : NULL;
    if (call == NULL) {
        weir_prepared_free(prepared);
        if (origin != NULL)
            client_origin_release(origin);
        return client_refuse(error, WEIR_CODE_no_memory, "no memory for a request");
    }
    if (!place_call(call)) {
        exchange_free(&call->x);
        client_origin_release(origin);
        return client_refuse(error, WEIR_CODE_pool_full, "%llu requests wait for a connection already",
                             (unsigned long long)client->waiting_count);
    }
    if (out != NULL)
        *out = &call->x;
    return WEIR_OK;
}

/* --- what it says of itself ------------------------------------------------------------------------------------- */

/* Null of an exchange that is not a client's. */
static const struct client_call *call_of(const weir_exchange *x)
{
    return x->engine->config->ending == client_call_ending ? (const struct client_call *)(const void *)x : NULL;
}

unsigned weir_exchange_retries(const weir_exchange *x)
{
    const struct client_call *call = call_of(x);
    return call != NULL ? call->retries : 0;
}

weir_str weir_request_head(const weir_exchange *x)
{
    const struct client_call *call = call_of(x);
    if (call == NULL)
        return (weir_str){.ptr = NULL};
    return (weir_str){.ptr = call->prepared->octets, .len = call->prepared->size};
}

void weir_exchange_timings(const weir_exchange *x, weir_timings *timings)
{
    const struct client_call *call = call_of(x);
    weir_timings t = {.size = sizeof t};
    if (call != NULL) {
        uint64_t asked_ns = call->waits ? 0 : call->asked_ns;
        t.waited_ns = asked_ns > 0 ? asked_ns - x->began_ns : 0;
        t.dial_ns = asked_ns > 0 ? call->dial_ns : 0;
        t.first_octet_ns = x->heard && x->asking.heard_ns > asked_ns ? x->asking.heard_ns - asked_ns : 0;
        t.lived_ns = weir_loop_now(client_of(call)->home.loop) - x->began_ns;
    }
    base_sized_out(timings, timings->size, &t, sizeof t);
}
