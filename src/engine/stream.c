/* Bodies that are written while they are made. */
#include "engine/engine.h"
#include "h1/writer.h"

/* Pieces of a copied stream: so large that framing is nothing, so small that blocks come from the free list. */
#define COPY_PIECE_MAX 16384
/* A block that has this much left is filled before another is begun: what is queued takes little more than its size. */
#define COPY_ROOM_MIN  2048
#define CHUNK_OVERHEAD (H1_CHUNK_LINE_SIZE_MAX + 2)

size_t engine_room(const struct engine *engine, const struct weir_exchange *x)
{
    uint64_t limit = engine->config->options.limits.output_size_max;
    if (x->out_held || engine->out_dead)
        return 0;
    switch (x->out) {
    case ENGINE_OUT_LENGTH:
        limit = limit > engine->output.pending ? limit - engine->output.pending : 0;
        return limit < x->out_left ? (size_t)limit : (size_t)x->out_left;
    case ENGINE_OUT_CHUNKED:
    case ENGINE_OUT_CLOSE:
    case ENGINE_OUT_TUNNEL:
        return limit > engine->output.pending ? (size_t)(limit - engine->output.pending) : 0;
    default:
        return 0;
    }
}

size_t weir_write_room(const weir_exchange *x)
{
    return engine_room(x->engine, x);
}

/* One piece of a copied stream, framed. */
static bool put_piece(struct engine *engine, const struct weir_exchange *x, weir_str octets)
{
    if (x->out != ENGINE_OUT_CHUNKED)
        return base_output_copy(&engine->output, &engine->config->blocks, octets);
    char *start = base_output_reserve(&engine->output, &engine->config->blocks, CHUNK_OVERHEAD + octets.len);
    if (start == NULL)
        return false;
    char *to = h1_put_chunk_line(start, octets.len);
    to = h1_put(to, octets);
    to = H1_PUT(to, "\r\n");
    base_output_commit(&engine->output, (size_t)(to - start));
    return true;
}

/* After octets were taken: `room` is due when there was not enough. */
static void took(struct weir_exchange *x, size_t n, size_t offered)
{
    x->body_out += n;
    if (x->out == ENGINE_OUT_LENGTH)
        x->out_left -= n;
    /* More than half is used: who looks at the room before it writes may find too little for it, and must hear of more. */
    const struct engine *engine = x->engine;
    bool crowded = engine->output.pending > engine->config->options.limits.output_size_max / 2;
    if ((n < offered || crowded) && !(x->out == ENGINE_OUT_LENGTH && x->out_left == 0))
        x->room_due = true;
}

static size_t piece_size(const struct base_output *output, size_t left)
{
    size_t size = left < COPY_PIECE_MAX ? left : COPY_PIECE_MAX;
    size_t room = output->tail != NULL ? output->tail->size - output->tail_used : 0;
    return room >= COPY_ROOM_MIN && size + CHUNK_OVERHEAD > room ? room - CHUNK_OVERHEAD : size;
}

size_t weir_write(weir_exchange *x, weir_str octets)
{
    struct engine *engine = x->engine;
    size_t room = engine->finished || engine->current != x ? 0 : engine_room(engine, x);
    size_t n = octets.len < room ? octets.len : room;
    uint64_t before = engine->output.pending;
    for (size_t done = 0; done < n;) {
        size_t piece = piece_size(&engine->output, n - done);
        if (!put_piece(engine, x, (weir_str){.ptr = octets.ptr + done, .len = piece})) {
            engine_account(engine, before);
            (void)engine_out_of_memory(engine);
            return done;
        }
        done += piece;
    }
    engine_account(engine, before);
    took(x, n, octets.len);
    if (n > 0)
        engine_wake(engine);
    return n;
}

weir_code weir_write_borrow(weir_exchange *x, weir_str octets)
{
    struct engine *engine = x->engine;
    struct base_output *output = &engine->output;
    struct base_blocks *blocks = &engine->config->blocks;
    if (octets.len == 0)
        return WEIR_OK;
    bool streams = x->out == ENGINE_OUT_LENGTH || x->out == ENGINE_OUT_CHUNKED || x->out == ENGINE_OUT_CLOSE ||
                   x->out == ENGINE_OUT_TUNNEL;
    if (engine->finished || engine->current != x || !streams || x->out_held ||
        (x->out == ENGINE_OUT_LENGTH && octets.len > x->out_left))
        return WEIR_CODE_misuse;
    if (engine->out_dead)
        return WEIR_OK; /* nobody takes it: the exchange's end will say so */
    uint64_t before = output->pending;
    bool fine = true;
    if (x->out == ENGINE_OUT_CHUNKED) {
        char line[H1_CHUNK_LINE_SIZE_MAX];
        size_t size = (size_t)(h1_put_chunk_line(line, octets.len) - line);
        fine = base_output_copy(output, blocks, (weir_str){.ptr = line, .len = size}) &&
               base_output_borrow(output, blocks, octets) && base_output_copy(output, blocks, WEIR_STR("\r\n"));
    } else {
        fine = base_output_borrow(output, blocks, octets);
    }
    engine_account(engine, before);
    if (!fine)
        return engine_out_of_memory(engine);
    took(x, octets.len, octets.len);
    engine_wake(engine);
    return WEIR_OK;
}

static bool trailers_valid(weir_fields trailers)
{
    for (size_t i = 0; i < trailers.count; i++) {
        const weir_field *field = &trailers.list[i];
        if (!weir_field_name_valid(field->name) || !weir_field_value_valid(field->value) ||
            h1_trailer_forbidden(field->name))
            return false;
    }
    return true;
}

static weir_code end_chunks(struct weir_exchange *x, weir_fields trailers)
{
    struct engine *engine = x->engine;
    uint64_t before = engine->output.pending;
    char *start = base_output_reserve(&engine->output, &engine->config->blocks, 5 + h1_fields_size(trailers));
    if (start == NULL)
        return engine_out_of_memory(engine);
    char *to = H1_PUT(start, "0\r\n");
    for (size_t i = 0; i < trailers.count; i++)
        to = h1_put_field(to, trailers.list[i]);
    to = H1_PUT(to, "\r\n");
    base_output_commit(&engine->output, (size_t)(to - start));
    engine_account(engine, before);
    return WEIR_OK;
}

weir_code weir_finish(weir_exchange *x, weir_fields trailers)
{
    struct engine *engine = x->engine;
    weir_code code = WEIR_OK;
    if (x->out == ENGINE_OUT_DONE && x->no_content)
        return WEIR_OK;
    if (engine->finished || engine->current != x || x->out == ENGINE_OUT_NONE || x->out == ENGINE_OUT_DONE)
        return WEIR_CODE_misuse;
    if (engine->out_dead)
        return WEIR_OK;
    x->out_held = false;
    switch (x->out) {
    case ENGINE_OUT_CHUNKED:
        if (!trailers_valid(trailers)) {
            /* The content is right: it is ended without them, and the exchange says what was wrong. */
            x->wrong = WEIR_CODE_bad_response;
            base_trace_add(&engine->facts->trace, BASE_TRACE_APP_WRONG);
            trailers = WEIR_NO_FIELDS;
            code = WEIR_CODE_bad_response;
        }
        if (end_chunks(x, trailers) != WEIR_OK)
            return WEIR_CODE_no_memory;
        break;
    case ENGINE_OUT_LENGTH:
        if (x->out_left > 0) {
            x->cut = WEIR_CODE_body_underrun;
            base_trace_add(&engine->facts->trace, BASE_TRACE_APP_WRONG);
            engine_wake(engine);
            return WEIR_CODE_body_underrun;
        }
        break;
    case ENGINE_OUT_TUNNEL:
        engine->tunnel_out_done = true;
        x->out = ENGINE_OUT_DONE;
        x->out_end = engine->facts->octets_queued;
        engine_wake(engine);
        return WEIR_OK;
    default:
        break;
    }
    engine_end_answer(x);
    engine_wake(engine);
    return code;
}
