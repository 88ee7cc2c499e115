#include "h1/engine.h"

#include <assert.h>
#include <string.h>

#include "exchange/verdict.h"

void h1_engine_init(struct h1_engine *engine, struct weir_conn_config *config, struct engine_facts *facts,
                    void (*wake)(struct engine *engine))
{
    /* The output has an initialiser of its own, and a content sets up what reads it: this is done for each request that
     * comes alone, so nothing is cleared for nothing. */
    memset(engine, 0, offsetof(struct h1_engine, base.output));
    memset(&engine->base.unsent_held, 0, sizeof engine->base - offsetof(struct engine, unsent_held));
    engine->current = engine->ahead_first = engine->ahead_last = NULL;
    engine->in_left = engine->in_offered = 0;
    engine->scanned = engine->looks = engine->interim_count = 0;
    engine->tunnel_out_done = engine->out_dead = false;
    engine->base.ops = &h1_engine_ops;
    engine->base.config = config;
    engine->base.facts = facts;
    engine->base.wake = wake;
    base_output_init(&engine->base.output);
    h1_states_init(&engine->states);
    engine->in_framing = (struct http_framing){.kind = HTTP_FRAMING_NONE};
}

void h1_engine_fini(struct h1_engine *engine)
{
    assert(engine->current == NULL && engine->base.unsent_first == NULL);
    base_input_fini(&engine->base.input);
    base_output_fini(&engine->base.output, &engine->base.config->blocks);
}

bool h1_engine_is_quiet(const struct h1_engine *engine)
{
    return engine->current == NULL && engine->base.unsent_first == NULL && engine->base.output.pending == 0 &&
           base_input_size(&engine->base.input) == 0 && !engine->base.finished && !engine->base.abort;
}

weir_stage h1_engine_stage(const struct h1_engine *engine)
{
    const struct engine_facts *facts = engine->base.facts;
    const struct weir_exchange *x = engine->current;
    if (facts->tunnel)
        return WEIR_STAGE_TUNNEL;
    if (!engine_is_server(&engine->base)) {
        if (x == NULL)
            return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
        if (x->in != EXCHANGE_IN_HEAD)
            return x->in == EXCHANGE_IN_DONE ? WEIR_STAGE_RESPONSE : WEIR_STAGE_BODY;
        return base_input_size(&engine->base.input) > 0 ? WEIR_STAGE_HEAD : WEIR_STAGE_HANDLER;
    }
    if (x != NULL) {
        if (x->in != EXCHANGE_IN_DONE && !(x->refused && x->begun_out))
            return WEIR_STAGE_BODY;
        return x->begun_out ? WEIR_STAGE_RESPONSE : WEIR_STAGE_HANDLER;
    }
    if (engine->base.output.pending > 0)
        return WEIR_STAGE_RESPONSE;
    if (base_input_size(&engine->base.input) > 0)
        return WEIR_STAGE_HEAD;
    return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
}

bool h1_engine_wants_input(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current;
    if (engine->base.finished || engine->base.abort || engine->base.facts->fin_seen)
        return false;
    if (x == NULL)
        return !engine_is_full(&engine->base);
    switch (x->in) {
    case EXCHANGE_IN_BODY:
    case EXCHANGE_IN_TRAILERS:
        return !x->body_abandoned && (!x->paused || x->refused);
    case EXCHANGE_IN_TUNNEL:
        return !x->paused || x->refused;
    case EXCHANGE_IN_HEAD:
        return true;
    default:
        /* The next request may come, and the peer's leaving is to be noticed; but only so much is kept. */
        return base_input_size(&engine->base.input) == 0;
    }
}

bool h1_engine_body_is_held(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current;
    if (x != NULL && x->in == EXCHANGE_IN_HEAD)
        return !exchange_is_answered(x) && !engine->out_dead;
    return x != NULL && (x->body_abandoned || (x->paused && !x->refused));
}

/* --- the end of an exchange ------------------------------------------------------------------------------------- */

/* Nothing more comes of a client's response. Of the request everything is with the transport, or the rest is not for
 * anybody: else it is owed to the server, which has accepted it and reads on (RFC 9110, 7.5). */
static bool is_complete_of_client(const struct h1_engine *engine, const struct weir_exchange *x)
{
    bool read = x->in == EXCHANGE_IN_DONE ? !x->end_due : x->refused && x->body_abandoned;
    bool sent = exchange_is_answered(x) && x->out_end <= engine->base.facts->octets_sent;
    return read && (sent || x->rest_unwanted || engine->out_dead);
}

/* The exchange is whole in both directions, or what is left of it is unwanted and not waited for. */
static bool is_complete(const struct h1_engine *engine, const struct weir_exchange *x)
{
    if (!engine_is_server(&engine->base) && x->in != EXCHANGE_IN_TUNNEL)
        return is_complete_of_client(engine, x);
    if (!exchange_is_answered(x))
        return false;
    if (x->in == EXCHANGE_IN_TUNNEL)
        return engine->base.facts->fin_seen && base_input_size(&engine->base.input) == 0;
    return x->in == EXCHANGE_IN_DONE || (x->refused && x->body_abandoned);
}

void h1_engine_account_answer(struct h1_engine *engine, const struct weir_exchange *x)
{
    if (!engine_account_answer(&engine->base, x))
        h1_states_set_last(&engine->states);
}

static void complete(struct h1_engine *engine, struct weir_exchange *x)
{
    struct engine_facts *facts = engine->base.facts;
    bool early = !engine_is_server(&engine->base) && !facts->tunnel && x->out_end > facts->octets_sent;
    if (exchange_is_answered(x) && !early) {
        h1_engine_account_answer(engine, x);
    } else if (engine_is_server(&engine->base)) {
        facts->answer_cut = true;
    } else {
        /* A request that was answered early: what is left of it is not wanted, and its owner may take it back. */
        base_output_cut(&engine->base.output, &engine->base.config->blocks);
        h1_states_set_last(&engine->states);
        x->out_end = facts->octets_sent;
        x->rest_unsent = true;
    }
    engine->current = NULL;
    if (h1_states_may_recycle(&engine->states)) {
        h1_states_recycle(&engine->states);
        if (engine->ahead_first != NULL)
            h1_engine_next_ahead(engine);
    } else {
        engine->base.finished = true;
        facts->no_more_input |= !engine_is_server(&engine->base);
        if (facts->last_code == 0)
            facts->last_code = facts->tunnel     ? WEIR_CODE_tunnel_closed
                               : facts->fin_seen ? WEIR_CODE_peer_half_close
                                                 : WEIR_CODE_close_after_response;
    }
    if (x->handler->done == NULL && engine->base.config->ending == NULL && x->wrong == 0 && x->loans == NULL) {
        /* Nobody is told, nothing is borrowed for longer: only the count waits for the octets to leave. */
        engine->base.unsent_count++;
        exchange_free(x);
    } else {
        engine_push_unsent(&engine->base, x);
    }
    /* What we sent may have left before the exchange ended: a client's request, a tunnel. */
    engine_end_sent(&engine->base);
}

uint64_t h1_engine_memory(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current, *last = engine->base.unsent_last;
    const struct base_block *input = engine->base.input.block, *before = last != NULL ? engine_last_block(last) : NULL;
    uint64_t size = engine->base.config->engines.item_size + engine->base.output.held + engine->base.unsent_held;
    if (x != NULL)
        size += engine_cost_of(&engine->base, x, before);
    if (x != NULL && engine_last_block(x) != NULL)
        before = engine_last_block(x);
    for (x = engine->ahead_first; x != NULL; x = x->next)
        size += engine_cost_of(&engine->base, x, NULL);
    return size + (input != NULL && input != before ? base_block_cost(input) : 0);
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* The user gave it up, or did what makes it impossible to go on. */
static bool give_up(struct h1_engine *engine, struct weir_exchange *x)
{
    weir_code code = x->aborted ? WEIR_CODE_aborted : (weir_code)x->cut;
    if (code == WEIR_OK)
        return false;
    if (x->aborted)
        base_trace_add(&engine->base.facts->trace, BASE_TRACE_APP_ABORT);
    engine_note(&engine->base, code);
    engine->base.abort = true;
    return true;
}

static bool give_room(struct h1_engine *engine, struct weir_exchange *x)
{
    struct weir_conn_config *config = engine->base.config;
    if (!x->room_due || x->out_held || x->handler->room == NULL)
        return false;
    /* Half empty, so that it is worth the call; also for one that has no more to write than the end. */
    bool only_end = x->out == EXCHANGE_OUT_LENGTH && x->out_left == 0;
    if (engine->base.output.pending > config->options.limits.output_size_max / 2 ||
        (h1_engine_room(engine, x) == 0 && !only_end))
        return false;
    x->room_due = false;
    x->handler->room(x->app, x);
    return true;
}

/* Gives back what was lent and is with the transport, or never will be. */
static void release_sent(struct h1_engine *engine)
{
    uint64_t sent = engine->out_dead ? UINT64_MAX : engine->base.facts->octets_sent;
    if (engine->base.unsent_first != NULL)
        exchange_release_sent(engine->base.unsent_first, sent);
    if (engine->current != NULL)
        exchange_release_sent(engine->current, sent);
}

void h1_engine_run(struct h1_engine *engine, uint64_t now_ns)
{
    assert(!engine->base.running);
    engine->base.running = true;
    engine->base.now_ns = now_ns;
    engine->base.config->h1->known_block = NULL;
    if (engine->base.lends)
        release_sent(engine);
    while (!engine->base.finished && !engine->base.abort) {
        struct weir_exchange *x = engine->current;
        if (x == NULL) {
            if (!h1_engine_begin(engine))
                break;
            continue;
        }
        if (give_up(engine, x))
            break;
        if (x->out_held && !x->answered && now_ns >= x->asking.expect_due_ns)
            h1_engine_release_content(engine, x);
        bool moved = h1_engine_read(engine, x);
        if (engine->current == x && !engine->base.finished && !engine->base.abort)
            moved |= give_room(engine, x);
        if (engine->current != x || engine->base.finished)
            break;
        if (is_complete(engine, x) && x->cut == 0 && !x->aborted)
            complete(engine, x);
        else if (!moved && x->cut == 0 && !x->aborted)
            break;
    }
    struct engine_facts *facts = engine->base.facts;
    if (facts->fin_seen && engine->current == NULL && !engine->base.finished && !engine->base.abort &&
        !engine_is_full(&engine->base)) {
        /* All that was asked is answered; a head that is not whole never will be. */
        if (base_input_size(&engine->base.input) > 0)
            base_trace_add(&facts->trace, BASE_TRACE_H1_TRUNCATED);
        if (facts->last_code == 0)
            facts->last_code = WEIR_CODE_peer_half_close;
        engine->base.finished = true;
    }
    base_input_settle(&engine->base.input);
    engine->base.running = false;
}

void h1_engine_sent(struct h1_engine *engine, uint64_t n, uint64_t now_ns)
{
    struct engine_facts *facts = engine->base.facts;
    engine->base.now_ns = now_ns;
    facts->octets_sent += n;
    base_output_consume(&engine->base.output, n);
    if (engine->base.lends)
        release_sent(engine);
    engine_end_sent(&engine->base);
}

/* A client: the FIN completes content that is delimited by close, or ends the wait for a response. */
static void fin_of_server(struct h1_engine *engine, struct weir_exchange *x)
{
    if (x->in == EXCHANGE_IN_HEAD) {
        h1_engine_end(engine, WEIR_CODE_peer_fin_in_handler);
        return;
    }
    /* Whoever said close and has closed does not read on (RFC 9112, 9.5); a FIN alone may be that of one side. */
    x->rest_unwanted |= engine->states.last;
    h1_states_set_last(&engine->states);
    if (x->in == EXCHANGE_IN_BODY)
        h1_engine_message_is_whole(engine, x);
    h1_engine_run(engine, engine->base.now_ns);
}

/* Why a FIN in this stage ends the connection; WEIR_OK where it does not. */
static weir_code fin_code(const struct h1_engine *engine, weir_stage stage)
{
    switch (stage) {
    case WEIR_STAGE_UNUSED:
        return WEIR_CODE_peer_fin_unused;
    case WEIR_STAGE_IDLE:
        return WEIR_CODE_peer_fin_idle;
    case WEIR_STAGE_HEAD:
        return WEIR_CODE_peer_fin_in_head;
    case WEIR_STAGE_BODY:
        return !engine_is_server(&engine->base) && engine->in_framing.kind == HTTP_FRAMING_CLOSE
                   ? WEIR_OK
                   : WEIR_CODE_peer_fin_in_body;
    default:
        return WEIR_OK;
    }
}

void h1_engine_fin(struct h1_engine *engine, uint64_t now_ns)
{
    struct engine_facts *facts = engine->base.facts;
    struct weir_exchange *x = engine->current;
    engine->base.now_ns = now_ns;
    if (engine->scanned > 0 && !engine->base.finished && !engine->base.abort) {
        /* No more of this head comes: what is wrong with it is said now, whatever the reads were. */
        engine->scanned = 0;
        h1_engine_run(engine, now_ns);
        x = engine->current;
    }
    facts->fin_seen = true;
    facts->no_more_input = true;
    base_trace_add(&facts->trace, BASE_TRACE_FD_FIN);
    if (engine->base.finished || engine->base.abort)
        return;
    weir_stage stage = h1_engine_stage(engine);
    weir_code code = fin_code(engine, stage);
    if (code != WEIR_OK) {
        if (stage == WEIR_STAGE_HEAD || stage == WEIR_STAGE_BODY)
            base_trace_add(&facts->trace, BASE_TRACE_H1_TRUNCATED);
        h1_engine_end(engine, code);
        return;
    }
    if (!engine_is_server(&engine->base) && stage != WEIR_STAGE_TUNNEL) {
        fin_of_server(engine, x);
        return;
    }
    if (x == NULL) {
        /* Answers are on their way out, and whole requests may wait behind them. */
        h1_engine_run(engine, now_ns);
        return;
    }
    if (stage == WEIR_STAGE_TUNNEL) {
        if (!engine->tunnel_out_done)
            facts->last_code = WEIR_CODE_peer_fin_tunnel;
    } else if (base_input_size(&engine->base.input) == 0) {
        facts->fin_before_answer = stage == WEIR_STAGE_HANDLER;
        bool allowed = h1_states_event(&engine->states, H1_CLIENT, H1_EVENT_FIN);
        assert(allowed);
        (void)allowed;
    }
    if (x->refused && x->in != EXCHANGE_IN_DONE && base_input_size(&engine->base.input) == 0)
        x->body_abandoned = true; /* of an unwanted body nothing more comes */
    engine->base.running = true;
    if (stage == WEIR_STAGE_TUNNEL && x->handler->end != NULL)
        x->handler->end(x->app, x);
    else if (stage != WEIR_STAGE_TUNNEL && x->handler->event != NULL)
        x->handler->event(x->app, x, WEIR_EVENT_PEER_FIN);
    engine->base.running = false;
    h1_engine_run(engine, now_ns);
}

static bool body_is_unwanted(const struct h1_engine *engine)
{
    const struct weir_exchange *x = engine->current;
    return x != NULL && x->refused && x->in != EXCHANGE_IN_HEAD && x->out == EXCHANGE_OUT_DONE;
}

void h1_engine_expire(struct h1_engine *engine, weir_code code, uint64_t now_ns)
{
    if (!body_is_unwanted(engine)) {
        h1_engine_end(engine, code);
        return;
    }
    /* Nobody wants it, and its answer is given: it is not waited for any longer, and the exchange is over. */
    engine->current->body_abandoned = true;
    h1_engine_run(engine, now_ns);
}

void h1_engine_tell_drain(struct h1_engine *engine)
{
    struct weir_exchange *x = engine->current;
    if (x == NULL || x->drain_told || x->handler->event == NULL)
        return;
    bool running = engine->base.running;
    x->drain_told = true;
    engine->base.running = true;
    x->handler->event(x->app, x, WEIR_EVENT_DRAIN);
    engine->base.running = running;
}

void h1_engine_drain(struct h1_engine *engine, bool octets_wait, uint64_t now_ns)
{
    if (engine->current != NULL) {
        h1_states_set_last(&engine->states);
        h1_engine_tell_drain(engine);
        h1_engine_run(engine, now_ns);
    } else if (base_input_size(&engine->base.input) == 0 && !octets_wait) {
        /* Its answers are on their way out, and no request waits behind them. */
        engine->base.finished = true;
    }
}

bool h1_engine_wants_much(const struct h1_engine *engine)
{
    return engine->current != NULL && engine->current->in == EXCHANGE_IN_BODY &&
           engine->current->in_length > BASE_BLOCK_SMALL;
}

void h1_engine_look(const struct h1_engine *engine, struct engine_sight *sight)
{
    sight->stage = h1_engine_awaits_body(engine) ? WEIR_STAGE_BODY : h1_engine_stage(engine);
    sight->held = h1_engine_body_is_held(engine);
    sight->interims = engine->interim_count;
}
