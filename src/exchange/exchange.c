#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "exchange/engine.h"
#include "exchange/verdict.h"

struct exchange_head exchange_no_head;

struct weir_exchange *exchange_new(struct engine *engine)
{
    struct weir_exchange *x = base_slab_get(&engine->config->exchanges);
    if (x == NULL)
        return NULL;
    memset(x, 0, engine_is_server(engine) ? offsetof(struct weir_exchange, asking) : sizeof *x);
    x->engine = engine;
    x->handler = engine->config->serves;
    x->app = engine->config->options.app;
    x->head = &exchange_no_head;
    x->in_size_max = engine->config->options.limits.body_size_max;
    x->began_ns = engine->now_ns;
    return x;
}

bool exchange_take_head(struct weir_exchange *x)
{
    if (x->head != &exchange_no_head)
        return true;
    struct exchange_head *head = base_slab_get(&x->engine->config->heads);
    if (head == NULL)
        return false;
    /* The rest is written before it is read, but for what a response has not. */
    if (!engine_is_server(x->engine))
        head->target = (struct http_target){.form = HTTP_TARGET_ORIGIN};
    head->parsed.fields = head->fields;
    head->parsed.field_capacity = EXCHANGE_FIELDS_INLINE;
    x->head = head;
    return true;
}

static void release_head(struct weir_exchange *x)
{
    struct weir_conn_config *config = x->engine->config;
    struct exchange_head *head = x->head;
    if (head == &exchange_no_head)
        return;
    if (head->parsed.fields != head->fields)
        base_release(&config->options.allocator, head->parsed.fields,
                     head->parsed.field_capacity * sizeof *head->parsed.fields);
    base_slab_put(&config->heads, head);
}

static void release(struct weir_exchange *x)
{
    const weir_allocator *allocator = &x->engine->config->options.allocator;
    release_head(x);
    base_release(allocator, x->trailers, x->trailer_capacity * sizeof *x->trailers);
    base_block_unref(x->head_block);
    base_block_unref(x->trailer_block);
    if (!engine_is_server(x->engine))
        base_block_unref(x->asking.block);
}

void exchange_renew(struct weir_exchange *x, struct engine *engine)
{
    const weir_handler *handler = x->handler;
    void *app = x->app, *user = x->user;
    struct exchange_piece *memory = x->memory;
    uint64_t began_ns = x->began_ns, in_size_max = x->in_size_max;
    bool aborted = x->aborted;
    release(x);
    memset(x, 0, sizeof *x);
    x->engine = engine;
    x->handler = handler;
    x->app = app;
    x->user = user;
    x->memory = memory;
    x->began_ns = began_ns;
    x->in_size_max = in_size_max;
    x->aborted = aborted;
    x->head = &exchange_no_head;
}

void exchange_free(struct weir_exchange *x)
{
    if (x->engine->config->freed != NULL)
        x->engine->config->freed(x);
    if (x->memory != NULL)
        exchange_release_memory(x);
    release(x);
    base_slab_put(&x->engine->config->exchanges, x);
}

bool exchange_set_handler(struct weir_exchange *x, const weir_handler *handler, void *app)
{
    if (handler->size < sizeof *handler) {
        weir_handler *copy = weir_exchange_alloc(x, sizeof *copy);
        if (copy == NULL)
            return false;
        (void)base_sized_in(copy, sizeof *copy, handler, handler->size);
        copy->size = sizeof *copy;
        handler = copy;
    }
    x->handler = handler;
    x->app = app;
    return true;
}

/* A head that never left whole was not acted on by any server. */
weir_retry exchange_retry(const struct weir_exchange *x)
{
    uint64_t sent = x->engine->facts->octets_sent;
    if (engine_is_server(x->engine))
        return WEIR_RETRY_MAYBE_PROCESSED; /* a client's word: a server has none to say */
    if (x->answered)
        return WEIR_RETRY_PROCESSED;
    if (sent <= x->out_begin)
        return WEIR_RETRY_NOT_SENT;
    return x->not_processed || sent < x->asking.head_end ? WEIR_RETRY_NOT_PROCESSED : WEIR_RETRY_MAYBE_PROCESSED;
}

void exchange_end(struct weir_exchange *x, weir_code code, weir_delivery delivery)
{
    struct engine *engine = x->engine;
    struct weir_conn_config *config = engine->config;
    if (x->loans != NULL)
        exchange_release_all(x);
    engine->facts->exchanges_over++;
    engine_count(&config->totals.exchanges_done, 1);
    engine_count(&config->totals.exchanges_by_code[code], 1);
    if (x->handler->done != NULL || config->ending != NULL) {
        weir_exchange_ending ending = {
            .code = code,
            .stage = code == WEIR_CODE_complete  ? WEIR_STAGE_RESPONSE
                     : engine->facts->cause != 0 ? (weir_stage)engine->facts->cause_stage
                                                 : engine->ops->stage(engine),
            .how = weir_code_how(code),
            .by = weir_code_by(code),
            .delivery = delivery,
            .judged = code == WEIR_CODE_complete ? WEIR_CLASS_ROUTINE : verdict_class(code, delivery),
            .retry = exchange_retry(x),
            .body_in = x->body_in,
            .body_out = x->body_out,
            .lived_ns = engine->now_ns - x->began_ns,
        };
        if (config->ending != NULL && config->ending(config, x, &ending))
            return;
        if (x->handler->done != NULL)
            x->handler->done(x->app, x, &ending);
    }
    exchange_free(x);
}

/* --- what arrived ----------------------------------------------------------------------------------------------- */

weir_role weir_exchange_role(const weir_exchange *x)
{
    return x->engine->config->options.role;
}

unsigned weir_exchange_version(const weir_exchange *x)
{
    return x->head->parsed.version;
}

weir_str weir_request_method(const weir_exchange *x)
{
    return x->head->parsed.method;
}

weir_str weir_request_target(const weir_exchange *x)
{
    return x->head->parsed.target;
}

weir_str weir_request_path(const weir_exchange *x)
{
    return x->head->target.path;
}

weir_str weir_request_query(const weir_exchange *x)
{
    return x->head->target.query;
}

weir_str weir_request_authority(const weir_exchange *x)
{
    return x->head->target.authority.len > 0 ? x->head->target.authority : x->head->parsed.host;
}

unsigned weir_response_status(const weir_exchange *x)
{
    return x->head->parsed.status;
}

weir_str weir_response_reason(const weir_exchange *x)
{
    return x->head->parsed.reason;
}

bool weir_response_is_interim(const weir_exchange *x)
{
    return x->head->parsed.status >= 100 && x->head->parsed.status < 200 && x->head->parsed.status != 101;
}

weir_fields weir_exchange_fields(const weir_exchange *x)
{
    return (weir_fields){.list = x->head->parsed.fields, .count = x->head->parsed.field_count};
}

size_t weir_exchange_trailers_dropped(const weir_exchange *x)
{
    return x->trailer_dropped;
}

weir_fields weir_exchange_trailers(const weir_exchange *x)
{
    return (weir_fields){.list = x->trailers, .count = x->trailer_count};
}

uint64_t weir_body_length(const weir_exchange *x)
{
    return x->in_length;
}

/* --- marks that engine_run looks at ----------------------------------------------------------------------------- */

void weir_body_pause(weir_exchange *x)
{
    x->paused = true;
}

void weir_body_resume(weir_exchange *x)
{
    x->paused = false;
    engine_wake(x->engine);
}

void weir_body_limit(weir_exchange *x, uint64_t size_max)
{
    x->in_size_max = size_max;
    engine_wake(x->engine);
}

void weir_body_refuse(weir_exchange *x)
{
    x->refused = true;
    x->end_due = false;
    engine_wake(x->engine);
}

bool weir_body_is_refused(const weir_exchange *x)
{
    return x->refused || x->aborted;
}

void weir_exchange_set_user(weir_exchange *x, void *user)
{
    x->user = user;
}

void *weir_exchange_user(const weir_exchange *x)
{
    return x->user;
}

uint64_t weir_exchange_connection(const weir_exchange *x)
{
    return x->engine->facts->id;
}

/* While it waits its facts are those of all that wait. */
void weir_exchange_set_connection_user(weir_exchange *x, void *user)
{
    if (x->engine->facts->id != 0)
        x->engine->facts->user = user;
}

void *weir_exchange_connection_user(const weir_exchange *x)
{
    return x->engine->facts->user;
}
