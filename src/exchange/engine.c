#include "exchange/engine.h"

void engine_note(struct engine *engine, weir_code code)
{
    struct engine_facts *facts = engine->facts;
    if (facts->cause != 0)
        return;
    facts->cause = (uint8_t)code;
    facts->cause_stage = (uint8_t)engine->ops->stage(engine);
}

bool engine_is_full(const struct engine *engine)
{
    const weir_conn_options *options = &engine->config->options;
    if (engine->output.pending == 0)
        return false;
    return engine->output.pending >= options->limits.output_size_max ||
           engine->output.held + engine->unsent_held >= options->connection_memory_max;
}

void engine_account(struct engine *engine, uint64_t pending_before)
{
    uint64_t n = engine->output.pending - pending_before;
    engine->facts->octets_queued += n;
    engine_count(&engine->config->totals.octets_queued, n);
}

weir_code engine_out_of_memory(struct engine *engine)
{
    base_trace_add(&engine->facts->trace, BASE_TRACE_MEM_NONE);
    engine_note(engine, WEIR_CODE_no_memory);
    engine->abort = true;
    engine_wake(engine);
    return WEIR_CODE_no_memory;
}

/* --- exchanges whose octets have not all left ------------------------------------------------------------------- */

/* The block of the input that the one behind it may hold too: blocks of the input follow each other. */
const struct base_block *engine_last_block(const struct weir_exchange *x)
{
    return x->trailer_block != NULL ? x->trailer_block : x->head_block;
}

/* Octets of memory that are its alone, without blocks of the input; it has a head. An answer may be a tenth of that,
 * and a hundredth of the head that asks for it: a peer that asks and does not read would fill the memory with them. */
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

void engine_push_unsent(struct engine *engine, struct weir_exchange *x)
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
        engine->unsent_held += cost_of_blocks(x, engine_last_block(last));
}

bool engine_account_answer(struct engine *engine, const struct weir_exchange *x)
{
    struct engine_facts *facts = engine->facts;
    facts->looked = false;
    if (receipts_push(&facts->receipts, &engine->config->options.allocator, x->out_end - x->out_begin))
        return true;
    /* The account of the next one might not find memory: there is none. */
    base_trace_add(&facts->trace, BASE_TRACE_MEM_NONE);
    if (facts->last_code == 0)
        facts->last_code = WEIR_CODE_no_memory;
    return false;
}

void engine_end_sent(struct engine *engine)
{
    struct engine_facts *facts = engine->facts;
    if (engine->output.pending == 0 && engine->unsent_count > 0) {
        struct exchange_totals *totals = &engine->config->totals;
        facts->exchanges_over += engine->unsent_count;
        engine_count(&totals->exchanges_done, engine->unsent_count);
        engine_count(&totals->exchanges_by_code[WEIR_CODE_complete], engine->unsent_count);
        engine->unsent_count = 0;
    }
    struct weir_exchange *x;
    while ((x = engine->unsent_first) != NULL && x->out_end <= facts->octets_sent) {
        engine_pop_unsent(engine);
        weir_delivery delivery = x->rest_unsent ? WEIR_DELIVERY_PARTIAL : WEIR_DELIVERY_UNCONFIRMED;
        if (x->ended_early)
            delivery = x->in == EXCHANGE_IN_DONE ? WEIR_DELIVERY_PARTIAL : WEIR_DELIVERY_NONE_OWED;
        exchange_end(x, x->wrong != 0 ? (weir_code)x->wrong : WEIR_CODE_complete, delivery);
    }
}

uint64_t engine_cost_of(const struct engine *engine, const struct weir_exchange *x, const struct base_block *before)
{
    uint64_t size = own_cost(engine, x) + cost_of_blocks(x, before);
    if (x->head == &exchange_no_head)
        size -= sizeof *x->head;
    return size + (!engine_is_server(engine) && x->asking.block != NULL ? base_block_cost(x->asking.block) : 0);
}
