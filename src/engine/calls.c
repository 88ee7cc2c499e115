/* The functions of weir/exchange.h that act: each goes to the engine of its exchange. */
#include "engine/engine.h"

weir_code weir_respond_reason(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields, weir_body body)
{
    return engine_is_h1(x->engine) ? h1_respond(x, status, reason, fields, body)
                                   : x->engine->ops->respond(x, status, reason, fields, body);
}

weir_code weir_respond(weir_exchange *x, unsigned status, weir_fields fields, weir_body body)
{
    return weir_respond_reason(x, status, weir_status_reason(status), fields, body);
}

weir_code weir_respond_interim(weir_exchange *x, unsigned status, weir_fields fields)
{
    return x->engine->ops->interim(x, status, fields);
}

size_t weir_write_room(const weir_exchange *x)
{
    return engine_is_h1(x->engine) ? h1_write_room(x) : x->engine->ops->write_room(x);
}

size_t weir_write(weir_exchange *x, weir_str octets)
{
    return engine_is_h1(x->engine) ? h1_write(x, octets) : x->engine->ops->write(x, octets);
}

weir_code weir_write_borrow(weir_exchange *x, weir_str octets)
{
    return engine_is_h1(x->engine) ? h1_write_borrow(x, octets) : x->engine->ops->write_borrow(x, octets);
}

weir_code weir_write_lend(weir_exchange *x, weir_str octets, weir_release *release, void *arg)
{
    if (release == NULL || !x->engine->ops->is_current(x))
        return WEIR_CODE_misuse;
    struct exchange_loan *loan = exchange_new_loan(x);
    if (loan == NULL)
        return WEIR_CODE_no_memory;
    weir_code code = weir_write_borrow(x, octets);
    /* Without memory the octets may be queued all the same: they go back at the end of the exchange, which is near. */
    if (code != WEIR_OK && code != WEIR_CODE_no_memory) {
        exchange_drop_loan(x, loan);
        return code;
    }
    exchange_lend(x, loan, octets, release, arg);
    engine_wake(x->engine);
    return WEIR_OK;
}

weir_code weir_finish(weir_exchange *x, weir_fields trailers)
{
    return engine_is_h1(x->engine) ? h1_finish(x, trailers) : x->engine->ops->finish(x, trailers);
}

void weir_exchange_close(weir_exchange *x)
{
    x->engine->ops->close(x);
}

void weir_exchange_abort(weir_exchange *x)
{
    x->engine->ops->abort(x);
}

weir_str weir_request_upgrade(const weir_exchange *x)
{
    bool asks = x->head->parsed.upgrade && x->asked != EXCHANGE_ASKED_CONNECT && x->engine->ops->may_switch(x);
    return asks ? weir_fields_value(weir_exchange_fields(x), WEIR_STR("upgrade")) : (weir_str){.ptr = NULL};
}

weir_code engine_request(struct engine *engine, const weir_request *request, struct weir_exchange **out)
{
    struct weir_prepared *prepared;
    weir_code code = engine_prepare(&prepared, engine->config, request);
    *out = NULL;
    if (code != WEIR_OK)
        return code;
    code = engine->ops->ask(engine, prepared, NULL, out);
    weir_prepared_free(prepared);
    if (*out != NULL)
        (*out)->user = request->user;
    return code;
}
