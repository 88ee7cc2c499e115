/* The table of HTTP/1's engine, and what of it is small. */
#include "base/alloc.h"
#include "h1/engine.h"

static void op_run(struct engine *engine, uint64_t now_ns)
{
    h1_engine_run(h1_engine_from(engine), now_ns);
}

static void op_sent(struct engine *engine, uint64_t n, uint64_t now_ns)
{
    h1_engine_sent(h1_engine_from(engine), n, now_ns);
}

static void op_fin(struct engine *engine, uint64_t now_ns)
{
    h1_engine_fin(h1_engine_from(engine), now_ns);
}

static void op_drain(struct engine *engine, bool octets_wait, uint64_t now_ns)
{
    h1_engine_drain(h1_engine_from(engine), octets_wait, now_ns);
}

static void op_end(struct engine *engine, weir_code code)
{
    h1_engine_end(h1_engine_from(engine), code);
}

static bool op_may_cease(const struct engine *engine, bool answered)
{
    const struct weir_exchange *x = h1_engine_from_const(engine)->current;
    return x != NULL && !engine_is_server(engine) && !engine->facts->tunnel && (x->answered || !answered);
}

static void op_cease(struct engine *engine, uint64_t now_ns)
{
    h1_engine_cease(h1_engine_from(engine));
    h1_engine_run(h1_engine_from(engine), now_ns);
}

static weir_code op_ask(struct engine *engine, const struct weir_prepared *prepared, struct weir_exchange *x,
                        struct weir_exchange **out)
{
    return h1_engine_request_prepared(h1_engine_from(engine), prepared, x, out);
}

static uint64_t op_due(const struct engine *engine)
{
    return h1_engine_due(h1_engine_from_const(engine));
}

static bool op_has_begun_answer(const struct engine *engine)
{
    const struct weir_exchange *x = h1_engine_from_const(engine)->current;
    return x != NULL && x->begun_out;
}

static bool op_is_quiet(const struct engine *engine)
{
    return h1_engine_is_quiet(h1_engine_from_const(engine));
}

static bool op_wants_input(const struct engine *engine)
{
    return h1_engine_wants_input(h1_engine_from_const(engine));
}

static bool op_wants_much(const struct engine *engine)
{
    return h1_engine_wants_much(h1_engine_from_const(engine));
}

static bool op_wants_shutdown(const struct engine *engine)
{
    return h1_engine_from_const(engine)->tunnel_out_done;
}

static weir_stage op_stage(const struct engine *engine)
{
    return h1_engine_stage(h1_engine_from_const(engine));
}

static void op_look(const struct engine *engine, struct engine_sight *sight)
{
    h1_engine_look(h1_engine_from_const(engine), sight);
}

static bool op_is_busy(const struct engine *engine)
{
    return h1_engine_is_busy(h1_engine_from_const(engine));
}

static bool op_is_given_up(const struct engine *engine)
{
    const struct weir_exchange *x = h1_engine_from_const(engine)->current;
    return x != NULL && (x->aborted || x->cut != 0);
}

static void op_expire(struct engine *engine, weir_code code, uint64_t now_ns)
{
    h1_engine_expire(h1_engine_from(engine), code, now_ns);
}

static uint32_t op_cut(struct engine *engine, weir_code code, const struct receipts_facts *known)
{
    return h1_engine_cut(h1_engine_from(engine), code, known);
}

static bool op_is_unprocessed(const struct engine *engine, const struct receipts_facts *known)
{
    return h1_engine_is_unprocessed(h1_engine_from_const(engine), known);
}

static uint64_t op_memory(const struct engine *engine)
{
    return h1_engine_memory(h1_engine_from_const(engine));
}

void h1_close(weir_exchange *x)
{
    struct h1_engine *engine = h1_engine_of(x);
    struct engine_facts *facts = engine->base.facts;
    x->asks_last = true;
    if (facts->last_code == 0)
        facts->last_code = WEIR_CODE_close_by_application;
    base_trace_add(&facts->trace, BASE_TRACE_APP_CLOSE);
    h1_states_set_last(&engine->states);
    if (engine->current == NULL)
        engine->base.finished = true; /* in `done`: no exchange is under way that could be the last */
    engine_wake(&engine->base);
}

void h1_abort(weir_exchange *x)
{
    struct h1_engine *engine = h1_engine_of(x);
    x->aborted = true;
    if (x != engine->current && (x->out_end > engine->base.facts->octets_sent || engine->ahead_first != NULL)) {
        /* Answered whole, and not all of it has left yet; or asked ahead: the others behind it cannot be answered. */
        base_trace_add(&engine->base.facts->trace, BASE_TRACE_APP_ABORT);
        engine_note(&engine->base, WEIR_CODE_aborted);
        engine->base.abort = true;
    }
    engine_wake(&engine->base);
}

static bool op_is_current(const weir_exchange *x)
{
    return h1_engine_of(x)->current == x;
}

bool h1_may_switch(const weir_exchange *x)
{
    return engine_is_server(x->engine) && h1_engine_of(x)->states.of[H1_CLIENT] == H1_ASKS;
}

const struct engine_ops h1_engine_ops = {
    .run = op_run,
    .sent = op_sent,
    .fin = op_fin,
    .drain = op_drain,
    .end = op_end,
    .may_cease = op_may_cease,
    .cease = op_cease,
    .ask = op_ask,
    .due = op_due,
    .has_begun_answer = op_has_begun_answer,
    .is_quiet = op_is_quiet,
    .wants_input = op_wants_input,
    .wants_much = op_wants_much,
    .wants_shutdown = op_wants_shutdown,
    .stage = op_stage,
    .look = op_look,
    .is_busy = op_is_busy,
    .is_given_up = op_is_given_up,
    .expire = op_expire,
    .cut = op_cut,
    .is_unprocessed = op_is_unprocessed,
    .memory = op_memory,
    .respond = h1_respond,
    .interim = h1_interim,
    .write_room = h1_write_room,
    .write = h1_write,
    .write_borrow = h1_write_borrow,
    .finish = h1_finish,
    .close = h1_close,
    .abort = h1_abort,
    .is_current = op_is_current,
    .may_switch = h1_may_switch,
};

struct h1_shared *h1_shared_new(const weir_allocator *allocator)
{
    return base_alloc_zero(allocator, sizeof(struct h1_shared));
}

void h1_shared_free(struct h1_shared *shared, const weir_allocator *allocator)
{
    base_release(allocator, shared, sizeof *shared);
}
