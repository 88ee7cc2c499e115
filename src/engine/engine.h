/* One interface over the engines of all versions of HTTP: the operations of exchange/engine.h, called by name.
 *
 * What is called for each request asks first whether the engine is HTTP/1's, and then calls that directly: a blind
 * call through the table would lose what optimising the library as a whole gains. What is called once a connection
 * goes through the table (engine->ops). */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "exchange/engine.h"
#include "h1/engine.h"

static inline bool engine_is_h1(const struct engine *engine)
{
    return engine->ops == &h1_engine_ops;
}

static inline void engine_run(struct engine *engine, uint64_t now_ns)
{
    if (engine_is_h1(engine))
        h1_engine_run(h1_engine_from(engine), now_ns);
    else
        engine->ops->run(engine, now_ns);
}
static inline void engine_sent(struct engine *engine, uint64_t n, uint64_t now_ns)
{
    if (engine_is_h1(engine))
        h1_engine_sent(h1_engine_from(engine), n, now_ns);
    else
        engine->ops->sent(engine, n, now_ns);
}
static inline void engine_fin(struct engine *engine, uint64_t now_ns)
{
    if (engine_is_h1(engine))
        h1_engine_fin(h1_engine_from(engine), now_ns);
    else
        engine->ops->fin(engine, now_ns);
}
static inline bool engine_is_quiet(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_is_quiet(h1_engine_from_const(engine)) : engine->ops->is_quiet(engine);
}
static inline bool engine_wants_input(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_wants_input(h1_engine_from_const(engine))
                                : engine->ops->wants_input(engine);
}
static inline bool engine_wants_much(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_wants_much(h1_engine_from_const(engine)) : engine->ops->wants_much(engine);
}
static inline weir_stage engine_stage(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_stage(h1_engine_from_const(engine)) : engine->ops->stage(engine);
}
static inline void engine_look(const struct engine *engine, struct engine_sight *sight)
{
    if (engine_is_h1(engine))
        h1_engine_look(h1_engine_from_const(engine), sight);
    else
        engine->ops->look(engine, sight);
}
static inline bool engine_is_busy(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_is_busy(h1_engine_from_const(engine)) : engine->ops->is_busy(engine);
}
static inline uint64_t engine_due(const struct engine *engine)
{
    return engine_is_h1(engine) ? h1_engine_due(h1_engine_from_const(engine)) : engine->ops->due(engine);
}

/* A client's request, checked and written down before it is known which connection takes it. The octets are
 * HTTP/1's. */
WEIR_MUST_USE static inline weir_code engine_prepare(struct weir_prepared **out, struct weir_conn_config *config,
                                                     const weir_request *request)
{
    return h1_engine_prepare(out, config, request);
}

/* Begins an exchange with a request that may stream, or wait for 100 (Continue). */
WEIR_MUST_USE weir_code engine_request(struct engine *engine, const weir_request *request, struct weir_exchange **out);

/* waiting.c: where a client's exchanges are that are on no connection yet. Nothing of theirs can be written there, and
 * there is no connection to close. */
extern const struct engine_ops engine_waiting_ops;

#endif
