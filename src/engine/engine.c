#include "engine/engine.h"

#include <assert.h>
#include <string.h>

#include "exchange/verdict.h"

struct engine *engine_new(struct weir_conn_config *config, struct engine_facts *facts,
                          void (*wake)(struct engine *engine))
{
    struct engine *engine = base_slab_get(&config->engines);
    if (engine == NULL)
        return NULL;
    memset(engine, 0, sizeof *engine);
    engine->config = config;
    engine->facts = facts;
    engine->wake = wake;
    base_output_init(&engine->output);
    h1_states_init(&engine->states);
    return engine;
}

void engine_free(struct engine *engine)
{
    assert(engine->current == NULL && engine->unsent_first == NULL);
    base_input_fini(&engine->input);
    base_output_fini(&engine->output, &engine->config->blocks);
    base_slab_put(&engine->config->engines, engine);
}

bool engine_is_quiet(const struct engine *engine)
{
    return engine->current == NULL && engine->unsent_first == NULL && engine->output.pending == 0 &&
           base_input_size(&engine->input) == 0 && !engine->finished && !engine->abort;
}

void engine_note(struct engine *engine, weir_code code)
{
    struct engine_facts *facts = engine->facts;
    if (facts->cause != 0)
        return;
    facts->cause = (uint8_t)code;
    facts->cause_stage = (uint8_t)engine_stage(engine);
}

weir_stage engine_stage(const struct engine *engine)
{
    const struct engine_facts *facts = engine->facts;
    const struct weir_exchange *x = engine->current;
    if (facts->tunnel)
        return WEIR_STAGE_TUNNEL;
    if (!engine_is_server(engine)) {
        if (x == NULL)
            return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
        if (x->in != ENGINE_IN_HEAD)
            return x->in == ENGINE_IN_DONE ? WEIR_STAGE_RESPONSE : WEIR_STAGE_BODY;
        return base_input_size(&engine->input) > 0 ? WEIR_STAGE_HEAD : WEIR_STAGE_HANDLER;
    }
    if (x != NULL) {
        if (x->in != ENGINE_IN_DONE && !(x->refused && x->begun_out))
            return WEIR_STAGE_BODY;
        return x->begun_out ? WEIR_STAGE_RESPONSE : WEIR_STAGE_HANDLER;
    }
    if (engine->output.pending > 0)
        return WEIR_STAGE_RESPONSE;
    if (base_input_size(&engine->input) > 0)
        return WEIR_STAGE_HEAD;
    return facts->exchanges_begun > 0 || facts->octets_in > 0 ? WEIR_STAGE_IDLE : WEIR_STAGE_UNUSED;
}

bool engine_is_full(const struct engine *engine)
{
    const weir_conn_options *options = &engine->config->options;
    if (engine->output.pending == 0)
        return false;
    return engine->output.pending >= options->limits.output_size_max ||
           engine->output.held + engine->unsent_held >= options->connection_memory_max;
}

bool engine_wants_input(const struct engine *engine)
{
    const struct weir_exchange *x = engine->current;
    if (engine->finished || engine->abort || engine->facts->fin_seen)
        return false;
    if (x == NULL)
        return !engine_is_full(engine);
    switch (x->in) {
    case ENGINE_IN_BODY:
    case ENGINE_IN_TRAILERS:
        return !x->stuck && (!x->paused || x->refused);
    case ENGINE_IN_TUNNEL:
        return !x->paused || x->refused;
    case ENGINE_IN_HEAD:
        return true;
    default:
        /* The next request may come, and the peer's leaving is to be noticed; but only so much is kept. */
        return base_input_size(&engine->input) == 0;
    }
}

bool engine_body_is_held(const struct engine *engine)
{
    const struct weir_exchange *x = engine->current;
    if (x != NULL && x->in == ENGINE_IN_HEAD)
        return !exchange_is_answered(x) && !engine->out_dead;
    return x != NULL && (x->stuck || (x->paused && !x->refused));
}

/* --- the end of an exchange ----------------------------------------------------------------------------------------- */

/* Nothing more comes of a client's response. Of the request everything is with the transport, or the rest is not for
 * anybody: else it is owed to the server, which has accepted it and reads on (RFC 9110, 7.5). */
static bool is_complete_of_client(const struct engine *engine, const struct weir_exchange *x)
{
    bool read = x->in == ENGINE_IN_DONE ? !x->end_due : x->refused && x->stuck;
    bool sent = exchange_is_answered(x) && x->out_end <= engine->facts->octets_sent;
    return read && (sent || x->rest_unwanted || engine->out_dead);
}

/* The exchange is whole in both directions, or what is left of it is unwanted and not waited for. */
static bool is_complete(const struct engine *engine, const struct weir_exchange *x)
{
    if (!engine_is_server(engine) && x->in != ENGINE_IN_TUNNEL)
        return is_complete_of_client(engine, x);
    if (!exchange_is_answered(x))
        return false;
    if (x->in == ENGINE_IN_TUNNEL)
        return engine->facts->fin_seen && base_input_size(&engine->input) == 0;
    return x->in == ENGINE_IN_DONE || (x->refused && x->stuck);
}

/* The block of the input that the one behind it may hold too: blocks of the input follow each other. */
static const struct base_block *last_block(const struct weir_exchange *x)
{
    return x->trailer_block != NULL ? x->trailer_block : x->head_block;
}

/* Octets of memory that are its alone, without blocks of the input; it has a head. An answer may be a tenth of that, and a
 * hundredth of the head that asks for it: a peer that asks and does not read would fill the memory with them. */
static inline size_t own_cost(const struct engine *engine, const struct weir_exchange *x)
{
    size_t size = engine->config->exchanges.item_size + sizeof *x->head + x->trailer_capacity * sizeof *x->trailers;
    if (x->head->parsed.fields != x->head->fields)
        size += x->head->parsed.field_capacity * sizeof *x->head->fields;
    return size;
}

/* The blocks that it holds and `other`, the one beside it, does not. */
static size_t cost_of_blocks(const struct weir_exchange *x, const struct base_block *other)
{
    size_t size = x->head_block != NULL && x->head_block != other ? base_block_cost(x->head_block) : 0;
    if (x->trailer_block != NULL && x->trailer_block != x->head_block && x->trailer_block != other)
        size += base_block_cost(x->trailer_block);
    return size;
}

void engine_pop_unsent(struct engine *engine)
{
    struct weir_exchange *x = engine->unsent_first, *next = x->next;
    engine->unsent_first = next;
    if (next == NULL) {
        engine->unsent_last = NULL;
        engine->unsent_held = 0;
        return;
    }
    engine->unsent_held -= x->held;
    if (next->head_block != x->head_block)
        engine->unsent_held -= cost_of_blocks(x, next->head_block);
}

/* Its octets are with the transport, or never will be: the last call. */
static void push_unsent(struct engine *engine, struct weir_exchange *x)
{
    struct weir_exchange *last = engine->unsent_last;
    size_t held = own_cost(engine, x);
    x->next = NULL;
    x->held = (uint32_t)held;
    engine->unsent_held += held;
    engine->unsent_last = x;
    if (last == NULL) {
        engine->unsent_first = x;
        engine->unsent_held += cost_of_blocks(x, NULL);
        return;
    }
    last->next = x;
    if (x->head_block != last->head_block || x->trailer_block != NULL)
        engine->unsent_held += cost_of_blocks(x, last_block(last));
}

void engine_account_answer(struct engine *engine, const struct weir_exchange *x)
{
    struct engine_facts *facts = engine->facts;
    facts->looked = false;
    if (receipts_push(&facts->receipts, &engine->config->options.allocator, x->out_end - x->out_begin))
        return;
    /* The account of the next one might not find memory: there is none. */
    base_trace_add(&facts->trace, BASE_TRACE_MEM_NONE);
    if (facts->last_code == 0)
        facts->last_code = WEIR_CODE_no_memory;
    h1_states_set_last(&engine->states);
}

/* The last call of every exchange whose octets are all with the transport. */
static void end_sent(struct engine *engine)
{
    struct engine_facts *facts = engine->facts;
    if (engine->output.pending == 0 && engine->unsent_count > 0) {
        struct engine_totals *totals = &engine->config->totals;
        facts->exchanges_over += engine->unsent_count;
        engine_count(&totals->exchanges_done, engine->unsent_count);
        engine_count(&totals->exchanges_by_code[WEIR_CODE_complete], engine->unsent_count);
        engine->unsent_count = 0;
    }
    struct weir_exchange *x;
    while ((x = engine->unsent_first) != NULL && x->out_end <= facts->octets_sent) {
        engine_pop_unsent(engine);
        exchange_end(x, x->wrong != 0 ? (weir_code)x->wrong : WEIR_CODE_complete,
                     x->rest_unsent ? WEIR_DELIVERY_PARTIAL : WEIR_DELIVERY_UNCONFIRMED);
    }
}

static void complete(struct engine *engine, struct weir_exchange *x)
{
    struct engine_facts *facts = engine->facts;
    bool early = !engine_is_server(engine) && !facts->tunnel && x->out_end > facts->octets_sent;
    if (exchange_is_answered(x) && !early) {
        engine_account_answer(engine, x);
    } else if (engine_is_server(engine)) {
        facts->answer_cut = true;
    } else {
        /* A request that was answered early: what is left of it is not wanted, and its owner may take it back. */
        base_output_cut(&engine->output, &engine->config->blocks);
        h1_states_set_last(&engine->states);
        x->out_end = facts->octets_sent;
        x->rest_unsent = true;
    }
    engine->current = NULL;
    if (h1_states_may_recycle(&engine->states)) {
        h1_states_recycle(&engine->states);
        if (engine->ahead_first != NULL)
            engine_next_ahead(engine);
    } else {
        engine->finished = true;
        facts->no_more_input |= !engine_is_server(engine);
        if (facts->last_code == 0)
            facts->last_code = facts->tunnel     ? WEIR_CODE_tunnel_closed
                               : facts->fin_seen ? WEIR_CODE_peer_half_close
                                                 : WEIR_CODE_close_after_response;
    }
    if (x->handler->done == NULL && engine->config->ending == NULL && x->wrong == 0 && x->loans == NULL) {
        /* Nobody is told, nothing is borrowed for longer: only the count waits for the octets to leave. */
        engine->unsent_count++;
        exchange_free(x);
    } else {
        push_unsent(engine, x);
    }
    /* What we sent may have left before the exchange ended: a client's request, a tunnel. */
    end_sent(engine);
}

static uint64_t cost_of(const struct engine *engine, const struct weir_exchange *x, const struct base_block *before)
{
    uint64_t size = own_cost(engine, x) + cost_of_blocks(x, before);
    if (x->head == &exchange_no_head)
        size -= sizeof *x->head;
    return size + (!engine_is_server(engine) && x->asking.block != NULL ? base_block_cost(x->asking.block) : 0);
}

uint64_t engine_memory(const struct engine *engine)
{
    const struct weir_exchange *x = engine->current, *last = engine->unsent_last;
    const struct base_block *input = engine->input.block, *before = last != NULL ? last_block(last) : NULL;
    uint64_t size = engine->config->engines.item_size + engine->output.held + engine->unsent_held;
    if (x != NULL)
        size += cost_of(engine, x, before);
    if (x != NULL && last_block(x) != NULL)
        before = last_block(x);
    for (x = engine->ahead_first; x != NULL; x = x->next)
        size += cost_of(engine, x, NULL);
    return size + (input != NULL && input != before ? base_block_cost(input) : 0);
}

/* --- the run --------------------------------------------------------------------------------------------------------- */

/* The user gave it up, or did what makes it impossible to go on. */
static bool give_up(struct engine *engine, struct weir_exchange *x)
{
    weir_code code = x->aborted ? WEIR_CODE_aborted : (weir_code)x->cut;
    if (code == WEIR_OK)
        return false;
    if (x->aborted)
        base_trace_add(&engine->facts->trace, BASE_TRACE_APP_ABORT);
    engine_note(engine, code);
    engine->abort = true;
    return true;
}

static bool give_room(struct engine *engine, struct weir_exchange *x)
{
    struct weir_conn_config *config = engine->config;
    if (!x->room_due || x->out_held || x->handler->room == NULL)
        return false;
    /* Half empty, so that it is worth the call; also for one that has no more to write than the end. */
    bool only_end = x->out == ENGINE_OUT_LENGTH && x->out_left == 0;
    if (engine->output.pending > config->options.limits.output_size_max / 2 ||
        (engine_room(engine, x) == 0 && !only_end))
        return false;
    x->room_due = false;
    x->handler->room(x->app, x);
    return true;
}

void engine_run(struct engine *engine, uint64_t now_ns)
{
    assert(!engine->running);
    engine->running = true;
    engine->now_ns = now_ns;
    engine->config->known_block = NULL;
    if (engine->lends)
        engine_release_sent(engine);
    while (!engine->finished && !engine->abort) {
        struct weir_exchange *x = engine->current;
        if (x == NULL) {
            if (!engine_begin(engine))
                break;
            continue;
        }
        if (give_up(engine, x))
            break;
        if (x->out_held && !x->answered && now_ns >= x->asking.expect_due_ns)
            engine_release_content(engine, x);
        bool moved = engine_read(engine, x);
        if (engine->current == x && !engine->finished && !engine->abort)
            moved |= give_room(engine, x);
        if (engine->current != x || engine->finished)
            break;
        if (is_complete(engine, x) && x->cut == 0 && !x->aborted)
            complete(engine, x);
        else if (!moved && x->cut == 0 && !x->aborted)
            break;
    }
    struct engine_facts *facts = engine->facts;
    if (facts->fin_seen && engine->current == NULL && !engine->finished && !engine->abort && !engine_is_full(engine)) {
        /* All that was asked is answered; a head that is not whole never will be. */
        if (base_input_size(&engine->input) > 0)
            base_trace_add(&facts->trace, BASE_TRACE_H1_TRUNCATED);
        if (facts->last_code == 0)
            facts->last_code = WEIR_CODE_peer_half_close;
        engine->finished = true;
    }
    base_input_settle(&engine->input);
    engine->running = false;
}

void engine_sent(struct engine *engine, uint64_t n, uint64_t now_ns)
{
    struct engine_facts *facts = engine->facts;
    engine->now_ns = now_ns;
    facts->octets_sent += n;
    base_output_consume(&engine->output, n);
    if (engine->lends)
        engine_release_sent(engine);
    end_sent(engine);
}

/* What a client does about it: the end of a content that ends so, or of the hope for a response. */
static void fin_of_server(struct engine *engine, struct weir_exchange *x)
{
    if (x->in == ENGINE_IN_HEAD) {
        engine_end(engine, WEIR_CODE_peer_fin_in_handler);
        return;
    }
    /* Whoever said close and has closed does not read on (RFC 9112, 9.5); a FIN alone may be that of one side. */
    x->rest_unwanted |= engine->states.last;
    h1_states_set_last(&engine->states);
    if (x->in == ENGINE_IN_BODY)
        engine_message_is_whole(engine, x);
    engine_run(engine, engine->now_ns);
}

/* Why a FIN in this stage ends the connection; WEIR_OK where it does not. */
static weir_code fin_code(const struct engine *engine, weir_stage stage)
{
    switch (stage) {
    case WEIR_STAGE_UNUSED:
        return WEIR_CODE_peer_fin_unused;
    case WEIR_STAGE_IDLE:
        return WEIR_CODE_peer_fin_idle;
    case WEIR_STAGE_HEAD:
        return WEIR_CODE_peer_fin_in_head;
    case WEIR_STAGE_BODY:
        return !engine_is_server(engine) && engine->in_framing.kind == HTTP_FRAMING_CLOSE ? WEIR_OK
                                                                                          : WEIR_CODE_peer_fin_in_body;
    default:
        return WEIR_OK;
    }
}

void engine_fin(struct engine *engine, uint64_t now_ns)
{
    struct engine_facts *facts = engine->facts;
    struct weir_exchange *x = engine->current;
    engine->now_ns = now_ns;
    if (engine->scanned > 0 && !engine->finished && !engine->abort) {
        /* No more of this head comes: what is wrong with it is said now, whatever the reads were. */
        engine->scanned = 0;
        engine_run(engine, now_ns);
        x = engine->current;
    }
    facts->fin_seen = true;
    facts->no_more_input = true;
    base_trace_add(&facts->trace, BASE_TRACE_FD_FIN);
    if (engine->finished || engine->abort)
        return;
    weir_stage stage = engine_stage(engine);
    weir_code code = fin_code(engine, stage);
    if (code != WEIR_OK) {
        if (stage == WEIR_STAGE_HEAD || stage == WEIR_STAGE_BODY)
            base_trace_add(&facts->trace, BASE_TRACE_H1_TRUNCATED);
        engine_end(engine, code);
        return;
    }
    if (!engine_is_server(engine) && stage != WEIR_STAGE_TUNNEL) {
        fin_of_server(engine, x);
        return;
    }
    if (x == NULL) {
        /* Answers are on their way out, and whole requests may wait behind them. */
        engine_run(engine, now_ns);
        return;
    }
    if (stage == WEIR_STAGE_TUNNEL) {
        if (!engine->tunnel_out_done)
            facts->last_code = WEIR_CODE_peer_fin_tunnel;
    } else if (base_input_size(&engine->input) == 0) {
        facts->fin_before_answer = stage == WEIR_STAGE_HANDLER;
        bool allowed = h1_states_event(&engine->states, H1_CLIENT, H1_EVENT_FIN);
        assert(allowed);
        (void)allowed;
    }
    if (x->refused && x->in != ENGINE_IN_DONE && base_input_size(&engine->input) == 0)
        x->stuck = true; /* of an unwanted body nothing more comes */
    engine->running = true;
    if (stage == WEIR_STAGE_TUNNEL && x->handler->end != NULL)
        x->handler->end(x->app, x);
    else if (stage != WEIR_STAGE_TUNNEL && x->handler->event != NULL)
        x->handler->event(x->app, x, WEIR_EVENT_PEER_FIN);
    engine->running = false;
    engine_run(engine, now_ns);
}

void engine_give_up_body(struct engine *engine, uint64_t now_ns)
{
    engine->current->stuck = true;
    engine_run(engine, now_ns);
}

void engine_tell_drain(struct engine *engine)
{
    struct weir_exchange *x = engine->current;
    if (x == NULL || x->drain_told || x->handler->event == NULL)
        return;
    bool running = engine->running;
    x->drain_told = true;
    engine->running = true;
    x->handler->event(x->app, x, WEIR_EVENT_DRAIN);
    engine->running = running;
}
