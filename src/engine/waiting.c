/* The engine of exchanges that wait for a connection. */
#include "engine/engine.h"

static void no_run(struct engine *engine, uint64_t now_ns)
{
    (void)engine;
    (void)now_ns;
}

static void no_sent(struct engine *engine, uint64_t n, uint64_t now_ns)
{
    (void)engine;
    (void)n;
    (void)now_ns;
}

static void no_drain(struct engine *engine, bool octets_wait, uint64_t now_ns)
{
    (void)engine;
    (void)octets_wait;
    (void)now_ns;
}

static void no_end(struct engine *engine, weir_code code)
{
    (void)engine;
    (void)code;
}

static bool may_not_cease(const struct engine *engine, bool answered)
{
    (void)engine;
    (void)answered;
    return false;
}

static weir_code ask(struct engine *engine, const struct weir_prepared *prepared, struct weir_exchange *x,
                     struct weir_exchange **out)
{
    (void)engine;
    (void)prepared;
    (void)x;
    *out = NULL;
    return WEIR_CODE_misuse;
}

static uint64_t due(const struct engine *engine)
{
    (void)engine;
    return WEIR_NEVER;
}

static bool always(const struct engine *engine)
{
    (void)engine;
    return true;
}

static bool never(const struct engine *engine)
{
    (void)engine;
    return false;
}

/* As that of an engine whose connection has not asked anything. */
static weir_stage stage(const struct engine *engine)
{
    const struct engine_facts *facts = engine->facts;
    return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
}

static void look(const struct engine *engine, struct engine_sight *sight)
{
    *sight = (struct engine_sight){.stage = stage(engine)};
}

static void no_expire(struct engine *engine, weir_code code, uint64_t now_ns)
{
    (void)engine;
    (void)code;
    (void)now_ns;
}

static uint32_t no_cut(struct engine *engine, weir_code code, const struct receipts_facts *known)
{
    (void)engine;
    (void)code;
    (void)known;
    return 0;
}

static bool is_unprocessed(const struct engine *engine, const struct receipts_facts *known)
{
    (void)engine;
    (void)known;
    return false;
}

static uint64_t memory(const struct engine *engine)
{
    (void)engine;
    return 0;
}

static weir_code respond(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields, weir_body body)
{
    (void)x;
    (void)status;
    (void)reason;
    (void)fields;
    (void)body;
    return WEIR_CODE_misuse;
}

static weir_code interim(weir_exchange *x, unsigned status, weir_fields fields)
{
    (void)x;
    (void)status;
    (void)fields;
    return WEIR_CODE_misuse;
}

static size_t write_room(const weir_exchange *x)
{
    (void)x;
    return 0;
}

static size_t write_octets(weir_exchange *x, weir_str octets)
{
    (void)x;
    (void)octets;
    return 0;
}

static weir_code write_borrow(weir_exchange *x, weir_str octets)
{
    (void)x;
    return octets.len == 0 ? WEIR_OK : WEIR_CODE_misuse;
}

static weir_code finish(weir_exchange *x, weir_fields trailers)
{
    (void)x;
    (void)trailers;
    return WEIR_CODE_misuse;
}

/* It is remembered: the request says close when it is put on a connection. */
static void close_later(weir_exchange *x)
{
    x->asks_last = true;
}

static void abort_exchange(weir_exchange *x)
{
    x->aborted = true;
    engine_wake(x->engine);
}

static bool is_nothing(const weir_exchange *x)
{
    (void)x;
    return false;
}

const struct engine_ops engine_waiting_ops = {
    .run = no_run,
    .sent = no_sent,
    .fin = no_run,
    .drain = no_drain,
    .end = no_end,
    .may_cease = may_not_cease,
    .cease = no_run,
    .ask = ask,
    .due = due,
    .has_begun_answer = never,
    .is_quiet = always,
    .wants_input = never,
    .wants_much = never,
    .wants_shutdown = never,
    .stage = stage,
    .look = look,
    .is_busy = never,
    .is_given_up = never,
    .expire = no_expire,
    .cut = no_cut,
    .is_unprocessed = is_unprocessed,
    .memory = memory,
    .respond = respond,
    .interim = interim,
    .write_room = write_room,
    .write = write_octets,
    .write_borrow = write_borrow,
    .finish = finish,
    .close = close_later,
    .abort = abort_exchange,
    .is_current = is_nothing,
    .may_switch = is_nothing,
};
