/* What arrives: from the input buffer to the calls of the handler. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/engine.h"

#define TRAILERS_FIRST 8
#define FIELD_COUNT_HARD_MAX 1000

static bool state_event(struct engine *engine, enum h1_event event)
{
    bool allowed = h1_states_event(&engine->states, H1_CLIENT, event);
    assert(allowed);
    return allowed;
}

/* --- heads --------------------------------------------------------------------------------------------------------- */

static bool has_bare_cr(const char *octets, size_t size)
{
    const char *cr = memchr(octets, '\r', size);
    return cr != NULL && cr + 1 < octets + size && cr[1] != '\n';
}

/* A head that was looked at and is not whole is looked at again when another line of it is, when it has doubled, or when
 * it has reached a limit: so that a peer that sends octet by octet costs little more than one that does not. */
static bool worth_parsing(const struct engine *engine)
{
    size_t size = base_input_size(&engine->input);
    const char *octets = base_input_octets(&engine->input);
    const struct h1_head_limits *limits = &engine->config->head_limits;
    size_t seen = engine->scanned;
    if (seen == 0 || size >= seen * 2)
        return true;
    if ((seen <= limits->line_size_max && size > limits->line_size_max) || size > limits->head_size_max)
        return true;
    /* A line is whole, or a CR is not followed by LF: the octet before may have been that CR. */
    const char *from = octets + seen;
    return memchr(from, '\n', size - seen) != NULL || from[-1] == '\r' || has_bare_cr(from, size - seen);
}

/* Twice the room for fields; false: no memory. */
static bool grow_fields(struct engine *engine, struct h1_head *head, const weir_field *own, size_t first)
{
    const weir_allocator *allocator = &engine->config->options.allocator;
    size_t capacity = head->field_capacity > 0 ? head->field_capacity * 2 : first;
    if (capacity > FIELD_COUNT_HARD_MAX + 1)
        capacity = FIELD_COUNT_HARD_MAX + 1;
    weir_field *old = head->fields == own ? NULL : head->fields;
    weir_field *fields =
        base_resize(allocator, old, old != NULL ? head->field_capacity * sizeof *old : 0, capacity * sizeof *fields);
    if (fields == NULL)
        return false;
    head->fields = fields;
    head->field_capacity = capacity;
    return true;
}

/* The peer's fault: it is told, and the connection ends. */
static void malformed(struct engine *engine, weir_code code)
{
    unsigned status = weir_code_status(code);
    bool limit = status == 414 || status == 431 || status == 413;
    base_trace_add(&engine->facts->trace, limit ? BASE_TRACE_H1_LIMIT : BASE_TRACE_H1_MALFORMED);
    engine_end(engine, code);
}

/* What the head says of the rest of the connection and of its content. Returns a code to refuse it with, or WEIR_OK. */
static weir_code take_head(struct engine *engine, struct weir_exchange *x)
{
    struct engine_facts *facts = engine->facts;
    const weir_limits *limits = &engine->config->options.limits;
    const struct h1_head *head = &x->head;
    if (!http_target_parse(&x->target, head->method, head->target))
        return WEIR_CODE_bad_target;
    engine->in_framing = http_framing_of_request(head->chunked, head->has_length, head->length);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH && engine->in_framing.length > limits->body_size_max)
        return WEIR_CODE_body_too_large;

    state_event(engine, H1_EVENT_REQUEST);
    facts->exchanges_begun++;
    engine_count(&engine->config->totals.exchanges_begun, 1);
    x->out_begin = facts->octets_queued;
    if (head->close || (head->version < 11 && !head->keep_alive)) {
        facts->no_more_input = true;
        if (facts->last_code == 0)
            facts->last_code = WEIR_CODE_close_requested;
        base_trace_add(&facts->trace, BASE_TRACE_H1_LAST);
    } else if (facts->last_code == 0 && facts->exchanges_begun >= limits->exchange_count_max) {
        facts->last_code = WEIR_CODE_exchange_limit;
        base_trace_add(&facts->trace, BASE_TRACE_LIFE_POLICY);
    }
    if (facts->last_code != 0)
        h1_states_set_last(&engine->states);
    if (head->upgrade || weir_str_equal(head->method, WEIR_STR("CONNECT")))
        h1_states_ask_switch(&engine->states);
    return WEIR_OK;
}

/* Sets up the reading of the content. */
static void expect_content(struct engine *engine, struct weir_exchange *x)
{
    const weir_limits *limits = &engine->config->options.limits;
    x->refused = engine->config->handler.body == NULL;
    switch (engine->in_framing.kind) {
    case HTTP_FRAMING_LENGTH:
        x->in = ENGINE_IN_BODY;
        x->in_length = engine->in_framing.length;
        engine->in_left = x->in_length;
        break;
    case HTTP_FRAMING_CHUNKED:
        x->in = ENGINE_IN_BODY;
        x->in_length = WEIR_NEVER;
        h1_chunked_init(&engine->chunked, (uint32_t)(limits->chunk_extension_size_max < UINT32_MAX
                                                         ? limits->chunk_extension_size_max
                                                         : UINT32_MAX),
                        engine->config->lenient);
        break;
    default:
        x->in = ENGINE_IN_DONE;
        x->end_due = engine->config->handler.end != NULL;
        state_event(engine, H1_EVENT_END);
        return;
    }
    x->expects = x->head.expect_continue && x->head.version >= 11;
}

/* Parses a head at the front of the input. Its size, or what h1_head_parse_request says. */
static int64_t parse_head(struct engine *engine, struct weir_exchange *x)
{
    int64_t result;
    for (;;) {
        result = h1_head_parse_request(&x->head, base_input_octets(&engine->input), base_input_size(&engine->input),
                                       &engine->config->head_limits, engine->config->lenient);
        if (result != H1_HEAD_NO_ROOM)
            return result;
        if (!grow_fields(engine, &x->head, x->fields, 0))
            return h1_head_error(WEIR_CODE_no_memory);
    }
}

bool engine_begin(struct engine *engine)
{
    struct weir_engine_config *config = engine->config;
    if (base_input_size(&engine->input) == 0 || engine->output.pending >= config->options.limits.output_size_max ||
        !worth_parsing(engine))
        return false;
    struct weir_exchange *x = exchange_new(engine);
    if (x == NULL) {
        engine_end(engine, WEIR_CODE_no_memory);
        return false;
    }
    int64_t result = parse_head(engine, x);
    if (result == H1_HEAD_INCOMPLETE) {
        engine->scanned = (uint32_t)base_input_size(&engine->input);
        exchange_free(x);
        return false;
    }
    engine->scanned = 0;
    weir_code code = h1_head_is_error(result) ? h1_head_code(result) : take_head(engine, x);
    if (code != WEIR_OK) {
        exchange_free(x);
        malformed(engine, code);
        return false;
    }
    x->head_block = base_block_ref(engine->input.block);
    base_input_consume(&engine->input, (size_t)result);
    expect_content(engine, x);
    engine->current = x;
    config->handler.head(config->options.app, x);
    return true;
}

/* --- content ------------------------------------------------------------------------------------------------------- */

/* Takes chunk lines apart until there is content at the front of the input (`in_offered`), or nothing more to do. */
static bool decode_chunks(struct engine *engine, struct weir_exchange *x)
{
    size_t size = base_input_size(&engine->input);
    if (size == 0)
        return false;
    struct h1_chunked_step step = h1_chunked_step(&engine->chunked, base_input_octets(&engine->input), size, SIZE_MAX);
    switch (step.event) {
    case H1_CHUNKED_DATA:
        base_input_consume(&engine->input, step.used - step.data.len);
        engine->in_offered = step.data.len;
        if (x->body_in + x->discarded + step.data.len > engine->config->options.limits.body_size_max) {
            malformed(engine, WEIR_CODE_body_too_large);
            return false;
        }
        return true;
    case H1_CHUNKED_END:
        base_input_consume(&engine->input, step.used);
        x->in = ENGINE_IN_TRAILERS;
        return true;
    case H1_CHUNKED_ERROR:
        malformed(engine, step.code);
        return false;
    default:
        base_input_consume(&engine->input, step.used);
        return false;
    }
}

static void message_is_whole(struct engine *engine, struct weir_exchange *x)
{
    x->in = ENGINE_IN_DONE;
    x->end_due = !x->refused && engine->config->handler.end != NULL;
    state_event(engine, H1_EVENT_END);
}

/* Unwanted content: a little is read to keep the connection, more is not even read; nor is what waits for a 100 that it
 * does not get, as it may never come. */
static bool worth_discarding(const struct engine *engine, const struct weir_exchange *x)
{
    uint64_t limit = engine->config->options.limits.discard_size_max;
    return !x->expects && x->discarded <= limit && (x->in_length == WEIR_NEVER || engine->in_left <= limit);
}

static void discard(struct engine *engine, struct weir_exchange *x)
{
    x->discarded += engine->in_offered;
    base_input_consume(&engine->input, engine->in_offered);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH)
        engine->in_left -= engine->in_offered;
    engine->in_offered = 0;
}

/* Offers `in_offered` octets to the handler. */
static void offer(struct engine *engine, struct weir_exchange *x)
{
    struct weir_engine_config *config = engine->config;
    weir_str octets = {.ptr = base_input_octets(&engine->input), .len = engine->in_offered};
    size_t n = octets.len;
    if (config->handler.body != NULL)
        n = config->handler.body(config->options.app, x, octets);
    assert(n <= octets.len);
    if (n < octets.len)
        x->paused = true;
    x->body_in += n;
    base_input_consume(&engine->input, n);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH && x->in == ENGINE_IN_BODY)
        engine->in_left -= n;
    engine->in_offered -= n;
}

static bool read_body(struct engine *engine, struct weir_exchange *x)
{
    if (x->stuck || (x->paused && !x->refused))
        return false;
    if (x->refused && !worth_discarding(engine, x)) {
        x->stuck = true;
        return true;
    }
    if (x->expects)
        engine_continue(engine, x);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH) {
        size_t size = base_input_size(&engine->input);
        engine->in_offered = size < engine->in_left ? size : engine->in_left;
    } else if (engine->in_offered == 0 && !decode_chunks(engine, x)) {
        return false;
    }
    if (engine->in_offered == 0)
        return x->in != ENGINE_IN_BODY;
    if (x->refused)
        discard(engine, x);
    else
        offer(engine, x);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH && engine->in_left == 0)
        message_is_whole(engine, x);
    return true;
}

static bool read_trailers(struct engine *engine, struct weir_exchange *x)
{
    const char *octets = base_input_octets(&engine->input);
    size_t size = base_input_size(&engine->input);
    if (size >= 2 && octets[0] == '\r' && octets[1] == '\n') {
        base_input_consume(&engine->input, 2);
        message_is_whole(engine, x);
        return true;
    }
    if (size == 0 || !worth_parsing(engine))
        return false;
    struct h1_head head = {.fields = x->trailers, .field_capacity = x->trailer_capacity};
    int64_t result;
    for (;;) {
        if (head.fields == NULL && !grow_fields(engine, &head, NULL, TRAILERS_FIRST)) {
            engine_end(engine, WEIR_CODE_no_memory);
            return false;
        }
        x->trailers = head.fields;
        x->trailer_capacity = (uint32_t)head.field_capacity;
        result = h1_head_parse_trailers(&head, base_input_octets(&engine->input), size, &engine->config->head_limits,
                                        engine->config->lenient);
        if (result != H1_HEAD_NO_ROOM)
            break;
        if (!grow_fields(engine, &head, NULL, TRAILERS_FIRST)) {
            engine_end(engine, WEIR_CODE_no_memory);
            return false;
        }
    }
    if (result == H1_HEAD_INCOMPLETE) {
        engine->scanned = (uint32_t)size;
        return false;
    }
    engine->scanned = 0;
    if (h1_head_is_error(result)) {
        malformed(engine, h1_head_code(result));
        return false;
    }
    x->trailer_count = (uint32_t)head.field_count;
    x->trailer_block = base_block_ref(engine->input.block);
    base_input_consume(&engine->input, (size_t)result);
    message_is_whole(engine, x);
    return true;
}

static bool read_tunnel(struct engine *engine, struct weir_exchange *x)
{
    engine->in_offered = base_input_size(&engine->input);
    if (x->paused || engine->in_offered == 0)
        return false;
    offer(engine, x);
    return true;
}

bool engine_read(struct engine *engine, struct weir_exchange *x)
{
    bool moved = false;
    switch (x->in) {
    case ENGINE_IN_BODY:
        moved = read_body(engine, x);
        break;
    case ENGINE_IN_TRAILERS:
        moved = engine->input.block != NULL && read_trailers(engine, x);
        break;
    case ENGINE_IN_TUNNEL:
        moved = engine->input.block != NULL && read_tunnel(engine, x);
        break;
    default:
        break;
    }
    if (engine->current == x && x->end_due) {
        struct weir_engine_config *config = engine->config;
        x->end_due = false;
        config->handler.end(config->options.app, x);
        moved = true;
    }
    return moved;
}
