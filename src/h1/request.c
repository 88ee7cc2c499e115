/* A client's requests: checked whole before any octet of one is queued (h1_engine_prepare and h1_engine_request),
 * and the order of those that are asked ahead. */
#include <assert.h>
#include <string.h>

#include "h1/engine.h"
#include "h1/request_plan.h"
#include "h1/writer.h"

#define COPY_SIZE_MAX     1024
#define EXPECT_TIMEOUT_NS WEIR_SECOND
#define CLOSE_LINE        "Connection: close\r\n"

/* --- checked and written once ----------------------------------------------------------------------------------- */

weir_code h1_engine_prepare(struct weir_prepared **out, struct weir_conn_config *config, const weir_request *request)
{
    struct request_plan plan;
    *out = NULL;
    weir_code code = request_plan_make(&plan, request);
    if (code != WEIR_OK)
        return code;
    weir_str copied = request->body.kind == WEIR_BODY_COPY ? request->body.octets : (weir_str){.ptr = NULL};
    size_t capacity = sizeof(struct weir_prepared) + request_head_size_max(request) + copied.len;
    struct base_block *block = base_block_new(&config->blocks, capacity);
    if (block == NULL)
        return WEIR_CODE_no_memory;
    struct weir_prepared *made = (struct weir_prepared *)(void *)block->octets;
    *made = (struct weir_prepared){
        .block = block,
        .handler = request->handler,
        .app = request->app,
        .body = request->body,
        .length = plan.length,
        .expect_timeout_ns = request->expect_timeout_ns,
        .size = (size_t)(request_put_head(made->octets, &plan, request) - made->octets),
        .has_length = plan.has_length,
        .asks_switch = plan.asked == EXCHANGE_ASKED_CONNECT || plan.gives_upgrade,
        .asks_last = plan.gives_close,
        .expect = plan.expects,
        .asked = plan.asked,
    };
    if (copied.len > 0) {
        memcpy(made->octets + made->size, copied.ptr, copied.len);
        made->body.octets.ptr = made->octets + made->size;
    }
    *out = made;
    return WEIR_OK;
}

void weir_prepared_free(weir_prepared *prepared)
{
    if (prepared != NULL)
        base_block_unref(prepared->block);
}

/* --- on a connection -------------------------------------------------------------------------------------------- */

/* Its turn: the server's next octets answer it. */
static void take_turn(struct h1_engine *engine, struct weir_exchange *x)
{
    engine->current = x;
    engine->interim_count = 0;
    bool idle = h1_states_event(&engine->states, H1_CLIENT, H1_EVENT_REQUEST);
    assert(idle); /* may_ask looked, or the states were made anew */
    (void)idle;
    if (x->asks_switch)
        h1_states_ask_switch(&engine->states);
    if (x->asks_last)
        h1_states_set_last(&engine->states);
    if (x->out == EXCHANGE_OUT_DONE) {
        bool allowed = h1_states_event(&engine->states, H1_CLIENT, H1_EVENT_END);
        assert(allowed);
        (void)allowed;
    }
}

/* Prefetches the next pipelined exchange. A hundred connections with sixteen exchanges each are 400 KB, which exceeds the
 * cache. The octets arrive while the response before is read. */
static void fetch_early(const struct weir_exchange *x)
{
    enum { LINE_SIZE = 64 };
    const char *octets = (const char *)x;
    for (size_t at = 0; at < sizeof *x; at += LINE_SIZE)
        __builtin_prefetch(octets + at, 1);
}

void h1_engine_next_ahead(struct h1_engine *engine)
{
    struct weir_exchange *x = engine->ahead_first;
    if (x == NULL)
        return;
    engine->ahead_first = x->next;
    if (engine->ahead_first == NULL)
        engine->ahead_last = NULL;
    if (engine->ahead_first != NULL)
        fetch_early(engine->ahead_first);
    x->next = NULL;
    take_turn(engine, x);
}

/* Another may be asked, behind those that are under way if they are whole and stay with HTTP (RFC 9112, 9.3.2). */
static bool may_ask(const struct h1_engine *engine, const struct weir_prepared *p)
{
    if (engine->base.finished || engine->base.abort || engine->out_dead || engine->base.facts->fin_seen)
        return false;
    const struct weir_exchange *last = engine->ahead_last != NULL ? engine->ahead_last : engine->current;
    if (last == NULL)
        return h1_states_allow(&engine->states, H1_CLIENT, H1_EVENT_REQUEST);
    bool whole = p->body.kind != WEIR_BODY_STREAM && p->body.kind != WEIR_BODY_SIZED && !p->expect && !p->asks_switch;
    return whole && exchange_is_answered(last) && !last->asks_switch && !last->asks_last && !last->refused;
}

static uint8_t out_after_head(const struct weir_prepared *p)
{
    if (p->body.kind == WEIR_BODY_SIZED || (p->expect && p->body.kind != WEIR_BODY_STREAM))
        return EXCHANGE_OUT_LENGTH;
    if (p->body.kind != WEIR_BODY_STREAM)
        return EXCHANGE_OUT_DONE;
    return p->has_length ? EXCHANGE_OUT_LENGTH : EXCHANGE_OUT_CHUNKED;
}

/* The content waits: octets to be copied are copied now. */
static bool hold(struct h1_engine *engine, struct weir_exchange *x, const struct weir_prepared *p)
{
    x->out_held = true;
    x->asking.held_body = p->body;
    x->asking.expect_due_ns =
        engine->base.now_ns + (p->expect_timeout_ns > 0 ? p->expect_timeout_ns : (uint64_t)EXPECT_TIMEOUT_NS);
    if (p->body.kind != WEIR_BODY_COPY || p->body.octets.len == 0)
        return true;
    x->asking.block = base_block_new(&engine->base.config->blocks, p->body.octets.len);
    if (x->asking.block == NULL)
        return false;
    memcpy(x->asking.block->octets, p->body.octets.ptr, p->body.octets.len);
    x->asking.held_body.octets.ptr = x->asking.block->octets;
    return true;
}

/* What is queued at once besides the head. */
static bool put_body(struct h1_engine *engine, const struct weir_prepared *p)
{
    if (p->expect || p->body.kind == WEIR_BODY_NONE)
        return true;
    if (p->body.kind == WEIR_BODY_BORROW && p->body.octets.len <= COPY_SIZE_MAX)
        return p->body.octets.len == 0 ||
               base_output_copy(&engine->base.output, &engine->base.config->blocks, p->body.octets);
    return h1_engine_put_content(engine, &p->body);
}

static void begin(struct h1_engine *engine, struct weir_exchange *x, const struct weir_prepared *p, bool last)
{
    struct engine_facts *facts = engine->base.facts;
    x->asked = p->asked;
    x->asks_switch = p->asks_switch;
    x->asks_last = last;
    if (last && facts->last_code == 0)
        facts->last_code = WEIR_CODE_close_by_application;
    facts->exchanges_begun++;
    engine_count(&engine->base.config->totals.exchanges_begun, 1);
    x->in = EXCHANGE_IN_HEAD;
    x->begun_out = true;
    x->out = out_after_head(p);
    x->out_left = p->length;
    x->out_end = facts->octets_queued;
    if (x->out == EXCHANGE_OUT_DONE)
        x->body_out = p->length;
    else
        x->room_due = true;
    if (engine->current == NULL) {
        take_turn(engine, x);
        return;
    }
    x->next = NULL;
    if (engine->ahead_last != NULL)
        engine->ahead_last->next = x;
    else
        engine->ahead_first = x;
    engine->ahead_last = x;
}

/* This one is the connection's last by its number: then it says so, if the application did not. */
static bool is_last(struct h1_engine *engine)
{
    struct engine_facts *facts = engine->base.facts;
    if (facts->exchanges_begun + 1 < engine->base.config->options.limits.exchange_count_max)
        return false;
    if (facts->last_code == 0)
        facts->last_code = WEIR_CODE_exchange_limit;
    base_trace_add(&facts->trace, BASE_TRACE_LIFE_POLICY);
    return true;
}

/* The octets of the head at `p` are `size`, with the empty line. */
static bool put_head(struct h1_engine *engine, struct weir_exchange *x, const char *octets, size_t size, bool closes)
{
    char *start = base_output_reserve(&engine->base.output, &engine->base.config->blocks, size + sizeof CLOSE_LINE);
    if (start == NULL)
        return false;
    if (closes) {
        char *to = h1_put(start, (weir_str){.ptr = octets, .len = size - 2});
        to = H1_PUT(to, CLOSE_LINE "\r\n");
        size = (size_t)(to - start);
    } else {
        memcpy(start, octets, size);
    }
    base_output_commit(&engine->base.output, size);
    x->asking.head_end = x->out_begin + size;
    return true;
}

/* An exchange with the request's handler; null: no memory. */
static struct weir_exchange *new_for(struct h1_engine *engine, const struct weir_prepared *p)
{
    struct weir_exchange *x = exchange_new(&engine->base);
    if (x == NULL || p->handler == NULL || exchange_set_handler(x, p->handler, p->app))
        return x;
    exchange_free(x);
    return NULL;
}

weir_code h1_engine_request_prepared(struct h1_engine *engine, const struct weir_prepared *p, struct weir_exchange *x,
                                     struct weir_exchange **out)
{
    *out = NULL;
    if (!may_ask(engine, p))
        return WEIR_CODE_misuse;
    struct weir_exchange *ours = x;
    struct engine *was = x != NULL ? x->engine : NULL;
    if (x == NULL)
        x = new_for(engine, p);
    if (x == NULL)
        return WEIR_CODE_no_memory;
    bool closes = x->asks_last && !p->asks_last;
    if (ours != NULL)
        exchange_renew(x, &engine->base);
    closes |= is_last(engine) && !p->asks_last;
    uint64_t before = engine->base.output.pending;
    x->out_begin = engine->base.facts->octets_queued;
    bool queued =
        put_head(engine, x, p->octets, p->size, closes) && put_body(engine, p) && (!p->expect || hold(engine, x, p));
    engine_account(&engine->base, before);
    if (!queued) {
        if (ours == NULL)
            exchange_free(x);
        else
            exchange_renew(x, was); /* this engine will not be there for long */
        return engine_out_of_memory(&engine->base);
    }
    begin(engine, x, p, closes || p->asks_last);
    *out = x;
    return WEIR_OK;
}

void h1_engine_release_content(struct h1_engine *engine, struct weir_exchange *x)
{
    const weir_body body = x->asking.held_body;
    uint64_t before = engine->base.output.pending;
    x->out_held = false;
    if (body.kind == WEIR_BODY_STREAM || body.kind == WEIR_BODY_SIZED || engine->out_dead)
        return;
    bool fine = true;
    if (x->out_left > 0) /* the copy is the exchange's, which outlives its octets in the output */
        fine = body.kind == WEIR_BODY_COPY
                   ? base_output_borrow(&engine->base.output, &engine->base.config->blocks, body.octets)
                   : h1_engine_put_content(engine, &body);
    engine_account(&engine->base, before);
    if (!fine) {
        (void)engine_out_of_memory(&engine->base);
        return;
    }
    x->body_out = x->out_left;
    x->out_left = 0;
    x->room_due = false;
    h1_engine_end_answer(x);
}
