/* The content and the trailers that arrive: from the input buffer to the calls of the handler. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "h1/engine.h"

#define TRAILERS_FIRST 8

void h1_engine_expect_content(struct h1_engine *engine, struct weir_exchange *x)
{
    const weir_limits *limits = &engine->base.config->options.limits;
    uint64_t extensions = limits->chunk_extension_size_max;
    x->refused |= engine_is_server(&engine->base) && x->handler->body == NULL && x->handler->end == NULL;
    x->in_length = WEIR_NEVER;
    switch (engine->in_framing.kind) {
    case HTTP_FRAMING_LENGTH:
        x->in_length = engine->in_framing.length;
        engine->in_left = x->in_length;
        break;
    case HTTP_FRAMING_CHUNKED:
        h1_chunked_init(&engine->chunked, extensions < UINT32_MAX ? (uint32_t)extensions : UINT32_MAX,
                        engine->base.config->lenient);
        break;
    case HTTP_FRAMING_CLOSE:
        break;
    case HTTP_FRAMING_TUNNEL:
        x->in = EXCHANGE_IN_TUNNEL;
        return;
    default:
        x->refused = false;
        x->in_length = 0;
        h1_engine_message_is_whole(engine, x);
        return;
    }
    x->in = EXCHANGE_IN_BODY;
    x->expects = engine_is_server(&engine->base) && x->head->parsed.expect_continue && x->head->parsed.version >= 11;
}

/* Takes chunk lines apart until there is content at the front of the input (`in_offered`), or nothing more to do. */
static bool decode_chunks(struct h1_engine *engine, struct weir_exchange *x)
{
    size_t size = base_input_size(&engine->base.input);
    if (size == 0)
        return false;
    struct h1_chunked_step step =
        h1_chunked_step(&engine->chunked, base_input_octets(&engine->base.input), size, SIZE_MAX);
    switch (step.event) {
    case H1_CHUNKED_DATA:
        base_input_consume(&engine->base.input, step.used - step.data.len);
        engine->in_offered = step.data.len;
        if (x->body_in + x->discarded + step.data.len > x->in_size_max) {
            h1_engine_malformed(engine, WEIR_CODE_body_too_large);
            return false;
        }
        return true;
    case H1_CHUNKED_END:
        base_input_consume(&engine->base.input, step.used);
        x->in = EXCHANGE_IN_TRAILERS;
        return true;
    case H1_CHUNKED_ERROR:
        h1_engine_malformed(engine, step.code);
        return false;
    default:
        base_input_consume(&engine->base.input, step.used);
        return false;
    }
}

void h1_engine_message_is_whole(struct h1_engine *engine, struct weir_exchange *x)
{
    x->in = EXCHANGE_IN_DONE;
    x->end_due = !x->refused && x->handler->end != NULL;
    /* Only now: the content of a request that is the last one is still of that request. */
    if (engine_is_server(&engine->base) &&
        (x->head->parsed.close || (x->head->parsed.version < 11 && !x->head->parsed.keep_alive)))
        engine->base.facts->no_more_input = true;
    bool allowed = h1_states_event(&engine->states, h1_engine_peer(engine), H1_EVENT_END);
    assert(allowed);
    (void)allowed;
}

/* Unwanted content: a little is read to keep the connection, more is not even read; nor is what waits for a 100 that it
 * does not get, as it may never come. */
static bool worth_discarding(const struct h1_engine *engine, const struct weir_exchange *x)
{
    uint64_t limit = engine->base.config->options.limits.discard_size_max;
    return !x->expects && x->discarded <= limit && (x->in_length == WEIR_NEVER || engine->in_left <= limit);
}

static bool trailers_are_here(const char *octets, size_t size)
{
    return (size >= 2 && memcmp(octets, "\r\n", 2) == 0) || memmem(octets, size, "\r\n\r\n", 4) != NULL;
}

/* A copy of the decoder runs ahead. */
static bool chunks_are_here(const struct h1_engine *engine, const char *octets, size_t size)
{
    struct h1_chunked ahead = engine->chunked;
    struct h1_chunked_step step;
    size_t at = engine->in_offered; /* stepped over already */
    do {
        step = h1_chunked_step(&ahead, octets + at, size - at, SIZE_MAX);
        at += step.used;
    } while (step.event == H1_CHUNKED_DATA);
    return step.event == H1_CHUNKED_END && at <= engine->base.config->options.limits.discard_size_max &&
           trailers_are_here(octets + at, size - at);
}

bool h1_engine_body_is_here(const struct h1_engine *engine, const struct weir_exchange *x)
{
    size_t size = base_input_size(&engine->base.input);
    if (size == 0 || x->body_abandoned || engine->in_framing.kind == HTTP_FRAMING_TUNNEL)
        return false;
    const char *octets = base_input_octets(&engine->base.input);
    if (x->in == EXCHANGE_IN_TRAILERS)
        return trailers_are_here(octets, size);
    if (engine->in_framing.kind == HTTP_FRAMING_CHUNKED)
        return chunks_are_here(engine, octets, size);
    return engine->in_left <= size && engine->in_left <= engine->base.config->options.limits.discard_size_max;
}

static void discard(struct h1_engine *engine, struct weir_exchange *x)
{
    x->discarded += engine->in_offered;
    base_input_consume(&engine->base.input, engine->in_offered);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH)
        engine->in_left -= engine->in_offered;
    engine->in_offered = 0;
}

/* Offers `in_offered` octets to the handler. */
static void offer(struct h1_engine *engine, struct weir_exchange *x)
{
    weir_str octets = {.ptr = base_input_octets(&engine->base.input), .len = engine->in_offered};
    size_t n = octets.len;
    if (x->handler->body != NULL)
        n = x->handler->body(x->app, x, octets);
    assert(n <= octets.len);
    if (n < octets.len)
        x->paused = true;
    x->body_in += n;
    base_input_consume(&engine->base.input, n);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH && x->in == EXCHANGE_IN_BODY)
        engine->in_left -= n;
    engine->in_offered -= n;
}

static bool read_body(struct h1_engine *engine, struct weir_exchange *x)
{
    if (x->body_abandoned || (x->paused && !x->refused))
        return false;
    if (x->refused && !worth_discarding(engine, x)) {
        x->body_abandoned = true;
        return true;
    }
    /* Not before the handler had the head: it may have raised the limit. */
    if (!x->refused && x->in_length > x->in_size_max && x->in_length != WEIR_NEVER) {
        h1_engine_malformed(engine, WEIR_CODE_body_too_large);
        return false;
    }
    if (x->expects)
        h1_engine_continue(engine, x);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH) {
        size_t size = base_input_size(&engine->base.input);
        engine->in_offered = size < engine->in_left ? size : engine->in_left;
    } else if (engine->in_framing.kind == HTTP_FRAMING_CLOSE) {
        engine->in_offered = base_input_size(&engine->base.input);
        if (x->body_in + x->discarded + engine->in_offered > x->in_size_max) {
            h1_engine_malformed(engine, WEIR_CODE_body_too_large);
            return false;
        }
    } else if (engine->in_offered == 0 && !decode_chunks(engine, x)) {
        return false;
    }
    if (engine->in_offered == 0)
        return x->in != EXCHANGE_IN_BODY;
    if (x->refused)
        discard(engine, x);
    else
        offer(engine, x);
    if (engine->in_framing.kind == HTTP_FRAMING_LENGTH && engine->in_left == 0)
        h1_engine_message_is_whole(engine, x);
    return true;
}

static bool read_trailers(struct h1_engine *engine, struct weir_exchange *x)
{
    const char *octets = base_input_octets(&engine->base.input);
    size_t size = base_input_size(&engine->base.input);
    if (size >= 2 && octets[0] == '\r' && octets[1] == '\n') {
        h1_engine_looked(engine, true);
        base_input_consume(&engine->base.input, 2);
        h1_engine_message_is_whole(engine, x);
        return true;
    }
    if (size == 0 || !h1_engine_worth_parsing(engine))
        return false;
    struct http_head head = {.fields = x->trailers, .field_capacity = x->trailer_capacity};
    int64_t result;
    for (;;) {
        if (head.fields == NULL && !h1_engine_grow_fields(engine, &head, NULL, TRAILERS_FIRST)) {
            h1_engine_end(engine, WEIR_CODE_no_memory);
            return false;
        }
        x->trailers = head.fields;
        x->trailer_capacity = (uint32_t)head.field_capacity;
        result = h1_head_parse_trailers(&head, base_input_octets(&engine->base.input), size,
                                        &engine->base.config->head_limits, engine->base.config->lenient);
        if (result != H1_HEAD_NO_ROOM)
            break;
        if (!h1_engine_grow_fields(engine, &head, NULL, TRAILERS_FIRST)) {
            h1_engine_end(engine, WEIR_CODE_no_memory);
            return false;
        }
    }
    if (result == H1_HEAD_INCOMPLETE) {
        h1_engine_looked(engine, false);
        return false;
    }
    h1_engine_looked(engine, true);
    if (h1_head_is_error(result)) {
        h1_engine_malformed(engine, h1_head_code(result));
        return false;
    }
    x->trailer_count = (uint32_t)head.field_count;
    x->trailer_dropped = (uint32_t)head.dropped_count;
    if (head.dropped_count > 0) {
        base_trace_add(&engine->base.facts->trace, BASE_TRACE_H1_DROPPED);
        engine_count(&engine->base.config->totals.trailers_dropped, head.dropped_count);
    }
    x->trailer_block = base_block_ref(engine->base.input.block);
    base_input_consume(&engine->base.input, (size_t)result);
    h1_engine_message_is_whole(engine, x);
    return true;
}

static bool read_tunnel(struct h1_engine *engine, struct weir_exchange *x)
{
    engine->in_offered = base_input_size(&engine->base.input);
    if ((x->paused && !x->refused) || engine->in_offered == 0)
        return false;
    if (x->refused) {
        base_input_consume(&engine->base.input, engine->in_offered);
        x->discarded += engine->in_offered;
        engine->in_offered = 0;
    } else {
        offer(engine, x);
    }
    return true;
}

bool h1_engine_read(struct h1_engine *engine, struct weir_exchange *x)
{
    bool moved = false;
    switch (x->in) {
    case EXCHANGE_IN_HEAD:
        moved = h1_engine_read_response(engine, x);
        break;
    case EXCHANGE_IN_BODY:
        moved = read_body(engine, x);
        break;
    case EXCHANGE_IN_TRAILERS:
        moved = engine->base.input.block != NULL && read_trailers(engine, x);
        break;
    case EXCHANGE_IN_TUNNEL:
        moved = engine->base.input.block != NULL && read_tunnel(engine, x);
        break;
    default:
        break;
    }
    if (engine->current == x && x->end_due && !x->aborted) {
        x->end_due = false;
        x->handler->end(x->app, x);
        moved = true;
    }
    return moved;
}
