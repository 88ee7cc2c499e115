/* What must be true of an HTTP/1 engine between two events. It is the shortest description of its state. */
#include <assert.h>

#include "h1/engine.h"

static void check_unsent(const struct engine *engine)
{
    uint64_t held = 0, end = 0;
    const struct weir_exchange *last = NULL;
    for (const struct weir_exchange *x = engine->unsent_first; x != NULL; x = x->next) {
        assert(x->out_end >= end); /* answers lie one behind the other in the output */
        end = x->out_end;
        held += x->held;
        last = x;
    }
    assert(last == engine->unsent_last);
    assert(held <= engine->unsent_held); /* and blocks of the input besides */
    assert(end <= engine->facts->octets_queued);
}

static void check_ahead(const struct h1_engine *engine)
{
    const struct weir_exchange *last = NULL;
    for (const struct weir_exchange *x = engine->ahead_first; x != NULL; x = x->next) {
        assert(exchange_is_answered(x)); /* only what is queued whole may wait behind another */
        last = x;
    }
    assert(last == engine->ahead_last);
    assert(last == NULL || (engine->current != NULL && !engine_is_server(&engine->base)));
}

void h1_engine_check(const struct h1_engine *engine)
{
    const struct engine *base = &engine->base;
    const struct weir_exchange *x = engine->current;
    assert(!base->running);
    assert(base->facts->octets_sent <= base->facts->octets_queued);
    if (!base->finished && !base->abort) { /* else nothing is read any more */
        assert(engine->in_offered <= base_input_size(&base->input));
        assert(engine->scanned <= base_input_size(&base->input));
    }
    check_unsent(base);
    check_ahead(engine);
    if (x == NULL) {
        bool fresh = engine->states.of[H1_CLIENT] == H1_IDLE && engine->states.of[H1_SERVER] == H1_IDLE;
        assert(fresh || base->finished || base->abort); /* the next exchange may begin, or none will */
        return;
    }
    assert(x->engine == base);
    assert(x->out_begin <= base->facts->octets_queued);
    assert(!exchange_is_answered(x) || x->out_end >= x->out_begin);
    assert(x->in == EXCHANGE_IN_TUNNEL ? base->facts->tunnel : true);
    assert(engine_is_server(base) ? x->in != EXCHANGE_IN_HEAD : x->begun_out);
}
