/* The end of a connection, seen from its exchanges: what each of them is told, and what is certain of a request that
 * was not answered. */
#include "exchange/verdict.h"
#include "h1/engine.h"

/* What a client had under way ends with the connection, when the last receipt shows what the server can have taken.
 * There is nothing to be waited for but that after a FIN, and nothing at all otherwise. */
static void end_client(struct h1_engine *engine, weir_code code)
{
    engine_note(&engine->base, code);
    engine->base.finished = true;
    if (!engine->base.facts->fin_seen)
        engine->base.abort = true;
}

void h1_engine_cease(struct h1_engine *engine)
{
    engine->out_dead = true;
    h1_states_set_last(&engine->states);
    if (engine->base.facts->last_code == 0)
        engine->base.facts->last_code = WEIR_CODE_close_after_response;
    base_output_cut(&engine->base.output, &engine->base.config->blocks);
}

void h1_engine_end(struct h1_engine *engine, weir_code code)
{
    struct engine_facts *facts = engine->base.facts;
    struct weir_exchange *x = engine->current;
    if (!engine_is_server(&engine->base)) {
        end_client(engine, code);
        return;
    }
    engine_note(&engine->base, code);
    engine->base.finished = true;
    bool begun = x != NULL && x->begun_out;
    bool told = !begun && weir_code_status(code) != 0 && h1_engine_answer_error(engine, code);
    if (x == NULL)
        return;
    weir_delivery delivery = WEIR_DELIVERY_NONE_OWED;
    if (x->in == EXCHANGE_IN_DONE && told) {
        x->out_end = facts->octets_queued;
        h1_engine_account_answer(engine, x);
        delivery = WEIR_DELIVERY_UNCONFIRMED;
    } else if (begun && !exchange_is_answered(x)) {
        /* The framing shows the peer that the answer is not whole, but for one that ends with the connection: only a
         * reset can tell that. */
        facts->answer_cut = x->in == EXCHANGE_IN_DONE;
        delivery = facts->answer_cut ? WEIR_DELIVERY_PARTIAL : WEIR_DELIVERY_NONE_OWED;
        if (x->out == EXCHANGE_OUT_CLOSE || x->out == EXCHANGE_OUT_TUNNEL)
            engine->base.abort = true;
    } else if (x->in == EXCHANGE_IN_DONE && !begun) {
        /* Not even the error could be said: no memory. */
        facts->answer_cut = true;
        delivery = WEIR_DELIVERY_LOST;
    }
    engine->current = NULL;
    if (begun && !engine->base.abort && facts->octets_queued > facts->octets_sent) {
        /* What is queued still leaves, and some of it may be the handler's: until then it is not told of the end. */
        x->wrong = (uint8_t)code;
        x->ended_early = true;
        x->out_end = facts->octets_queued;
        engine_push_unsent(&engine->base, x);
        return;
    }
    exchange_end(x, code, delivery);
}

/* Two things prove that the server did not process a request. Either the server had already said that it closes. Or its
 * FIN, which acknowledges all octets that it took, acknowledged none of the request, and a reset followed. */
static bool is_unprocessed(const struct h1_engine *engine, const struct weir_exchange *x,
                           const struct receipts_facts *known)
{
    if (x->answered || x->heard || (x == engine->current && base_input_size(&engine->base.input) > 0))
        return false;
    bool refused = known->fin_first && known->receipt->known && known->receipt->acked <= x->out_begin;
    return refused || engine->base.server_closes;
}

/* Whose response is whole has what it asked for, however the server left during the rest of the request. */
static weir_code code_of_request(const struct weir_exchange *x, weir_code code)
{
    weir_by by = weir_code_by(code);
    bool complete = x->in == EXCHANGE_IN_DONE && (by == WEIR_BY_PEER || by == WEIR_BY_NETWORK);
    return complete ? WEIR_CODE_complete : code;
}

/* A client's requests that were not over. */
static uint32_t cut_requests(struct h1_engine *engine, weir_code code, const struct receipts_facts *known)
{
    struct weir_exchange *x = engine->current, *ahead = engine->ahead_first;
    uint32_t whole = 0;
    engine->ahead_first = engine->ahead_last = NULL;
    while (x != NULL || ahead != NULL) {
        if (x == NULL) {
            x = ahead;
            ahead = x->next;
        }
        x->not_processed = is_unprocessed(engine, x, known);
        bool all = exchange_is_answered(x);
        weir_delivery delivery =
            receipts_judge(known, x->out_begin, all ? x->out_end : engine->base.facts->octets_queued, all);
        if (all) {
            h1_engine_account_answer(engine, x);
            whole++;
        } else {
            engine->base.facts->answer_cut |= !x->answered;
        }
        if (!engine->base.cut_any)
            engine->base.cut_retry = (uint8_t)exchange_retry(x);
        engine->base.cut_any = true;
        engine->current = NULL;
        exchange_end(x, code_of_request(x, code), delivery);
        x = NULL;
    }
    return whole;
}

bool h1_engine_is_unprocessed(const struct h1_engine *engine, const struct receipts_facts *known)
{
    const struct weir_exchange *x = engine->current;
    return x != NULL && !engine_is_server(&engine->base) && known->fin_first && is_unprocessed(engine, x, known);
}

uint32_t h1_engine_cut(struct h1_engine *engine, weir_code code, const struct receipts_facts *known)
{
    struct engine_facts *facts = engine->base.facts;
    struct weir_exchange *x;
    uint32_t whole = 0;
    while ((x = engine->base.unsent_first) != NULL) {
        whole += !x->ended_early;
        engine_pop_unsent(&engine->base);
        weir_delivery delivery = x->ended_early && x->in != EXCHANGE_IN_DONE
                                     ? WEIR_DELIVERY_NONE_OWED
                                     : receipts_judge(known, x->out_begin, x->out_end, !x->ended_early);
        exchange_end(x, engine_is_server(&engine->base) ? code : WEIR_CODE_complete,
                     delivery); /* a client has its answer */
    }
    x = engine->current;
    if (!engine_is_server(&engine->base)) {
        whole += cut_requests(engine, code, known);
    } else if (x != NULL) {
        bool owed = x->in == EXCHANGE_IN_DONE;
        weir_delivery delivery = WEIR_DELIVERY_NONE_OWED;
        if (owed) {
            facts->answer_cut = true;
            delivery = receipts_judge(known, x->out_begin, facts->octets_queued, false);
        }
        engine->current = NULL;
        exchange_end(x, code, delivery);
    }
    base_output_cut(&engine->base.output, &engine->base.config->blocks);
    return whole;
}
