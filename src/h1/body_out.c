/* Bodies that are written while they are made. */
#include "h1/engine.h"
#include "h1/writer.h"

/* Pieces of a copied stream: so large that framing is nothing, so small that blocks come from the free list. */
#define COPY_PIECE_MAX 16384
/* A block that has this much left is filled before another is begun: what is queued takes little more than its size. */
#define COPY_ROOM_MIN  2048
#define CHUNK_OVERHEAD (H1_CHUNK_LINE_SIZE_MAX + 2)

size_t h1_engine_room(const struct h1_engine *engine, const struct weir_exchange *x)
{
    uint64_t limit = engine->base.config->options.limits.output_size_max;
    if (x->out_held || engine->out_dead)
        return 0;
    switch (x->out) {
    case EXCHANGE_OUT_LENGTH:
        limit = limit > engine->base.output.pending ? limit - engine->base.output.pending : 0;
        return limit < x->out_left ? (size_t)limit : (size_t)x->out_left;
    case EXCHANGE_OUT_CHUNKED:
    case EXCHANGE_OUT_CLOSE:
    case EXCHANGE_OUT_TUNNEL:
        return limit > engine->base.output.pending ? (size_t)(limit - engine->base.output.pending) : 0;
    default:
        return 0;
    }
}

size_t h1_write_room(const weir_exchange *x)
{
    return h1_engine_room(h1_engine_of(x), x);
}

/* One piece of a copied stream, framed. */
static bool put_piece(struct h1_engine *engine, const struct weir_exchange *x, weir_str octets)
{
    if (x->out != EXCHANGE_OUT_CHUNKED)
        return base_output_copy(&engine->base.output, &engine->base.config->blocks, octets);
    char *start = base_output_reserve(&engine->base.output, &engine->base.config->blocks, CHUNK_OVERHEAD + octets.len);
    if (start == NULL)
        return false;
    char *to = h1_put_chunk_line(start, octets.len);
    to = h1_put(to, octets);
    to = H1_PUT(to, "\r\n");
    base_output_commit(&engine->base.output, (size_t)(to - start));
    return true;
}

/* After octets were taken: `room` is due when there was not enough. */
static void took(struct weir_exchange *x, size_t n, size_t offered)
{
    x->body_out += n;
    if (x->out == EXCHANGE_OUT_LENGTH)
        x->out_left -= n;
    /* More than half is used: who looks at the room before it writes may find too little for it, and must hear of
     * more. */
    const struct h1_engine *engine = h1_engine_of(x);
    bool crowded = engine->base.output.pending > engine->base.config->options.limits.output_size_max / 2;
    if ((n < offered || crowded) && !(x->out == EXCHANGE_OUT_LENGTH && x->out_left == 0))
        x->room_due = true;
}

static size_t piece_size(const struct base_output *output, size_t left)
{
    size_t size = left < COPY_PIECE_MAX ? left : COPY_PIECE_MAX;
    size_t room = output->tail != NULL ? output->tail->size - output->tail_used : 0;
    return room >= COPY_ROOM_MIN && size + CHUNK_OVERHEAD > room ? room - CHUNK_OVERHEAD : size;
}

size_t h1_write(weir_exchange *x, weir_str octets)
{
    struct h1_engine *engine = h1_engine_of(x);
    size_t room = engine->base.finished || engine->current != x ? 0 : h1_engine_room(engine, x);
    size_t n = octets.len < room ? octets.len : room;
    uint64_t before = engine->base.output.pending;
    for (size_t done = 0; done < n;) {
        size_t piece = piece_size(&engine->base.output, n - done);
        if (!put_piece(engine, x, (weir_str){.ptr = octets.ptr + done, .len = piece})) {
            engine_account(&engine->base, before);
            (void)engine_out_of_memory(&engine->base);
            return done;
        }
        done += piece;
    }
    engine_account(&engine->base, before);
    took(x, n, octets.len);
    if (n > 0)
        engine_wake(&engine->base);
    return n;
}

weir_code h1_write_borrow(weir_exchange *x, weir_str octets)
{
    struct h1_engine *engine = h1_engine_of(x);
    struct base_output *output = &engine->base.output;
    struct base_blocks *blocks = &engine->base.config->blocks;
    if (octets.len == 0)
        return WEIR_OK;
    bool streams = x->out == EXCHANGE_OUT_LENGTH || x->out == EXCHANGE_OUT_CHUNKED || x->out == EXCHANGE_OUT_CLOSE ||
                   x->out == EXCHANGE_OUT_TUNNEL;
    if (engine->base.finished || engine->current != x || !streams || x->out_held ||
        (x->out == EXCHANGE_OUT_LENGTH && octets.len > x->out_left))
        return WEIR_CODE_misuse;
    if (engine->out_dead)
        return WEIR_OK; /* nobody takes it: the exchange's end will say so */
    uint64_t before = output->pending;
    bool fine = true;
    if (x->out == EXCHANGE_OUT_CHUNKED) {
        char line[H1_CHUNK_LINE_SIZE_MAX];
        size_t size = (size_t)(h1_put_chunk_line(line, octets.len) - line);
        fine = base_output_copy(output, blocks, (weir_str){.ptr = line, .len = size}) &&
               base_output_borrow(output, blocks, octets) && base_output_copy(output, blocks, WEIR_STR("\r\n"));
    } else {
        fine = base_output_borrow(output, blocks, octets);
    }
    engine_account(&engine->base, before);
    if (!fine)
        return engine_out_of_memory(&engine->base);
    took(x, octets.len, octets.len);
    engine_wake(&engine->base);
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
    struct h1_engine *engine = h1_engine_of(x);
    uint64_t before = engine->base.output.pending;
    char *start = base_output_reserve(&engine->base.output, &engine->base.config->blocks, 5 + h1_fields_size(trailers));
    if (start == NULL)
        return engine_out_of_memory(&engine->base);
    char *to = H1_PUT(start, "0\r\n");
    for (size_t i = 0; i < trailers.count; i++)
        to = h1_put_field(to, trailers.list[i]);
    to = H1_PUT(to, "\r\n");
    base_output_commit(&engine->base.output, (size_t)(to - start));
    engine_account(&engine->base, before);
    return WEIR_OK;
}

weir_code h1_finish(weir_exchange *x, weir_fields trailers)
{
    struct h1_engine *engine = h1_engine_of(x);
    weir_code code = WEIR_OK;
    if (x->out == EXCHANGE_OUT_DONE && x->no_content)
        return WEIR_OK;
    if (engine->base.finished || engine->current != x || x->out == EXCHANGE_OUT_NONE || x->out == EXCHANGE_OUT_DONE)
        return WEIR_CODE_misuse;
    if (engine->out_dead)
        return WEIR_OK;
    x->out_held = false;
    switch (x->out) {
    case EXCHANGE_OUT_CHUNKED:
        if (!trailers_valid(trailers)) {
            /* The content is right: it is ended without them, and the exchange says what was wrong. */
            x->wrong = WEIR_CODE_bad_response;
            base_trace_add(&engine->base.facts->trace, BASE_TRACE_APP_WRONG);
            trailers = WEIR_NO_FIELDS;
            code = WEIR_CODE_bad_response;
        }
        if (end_chunks(x, trailers) != WEIR_OK)
            return WEIR_CODE_no_memory;
        break;
    case EXCHANGE_OUT_LENGTH:
        if (x->out_left > 0) {
            x->cut = WEIR_CODE_body_underrun;
            base_trace_add(&engine->base.facts->trace, BASE_TRACE_APP_WRONG);
            engine_wake(&engine->base);
            return WEIR_CODE_body_underrun;
        }
        break;
    case EXCHANGE_OUT_TUNNEL:
        engine->tunnel_out_done = true;
        x->out = EXCHANGE_OUT_DONE;
        x->out_end = engine->base.facts->octets_queued;
        engine_wake(&engine->base);
        return WEIR_OK;
    default:
        break;
    }
    h1_engine_end_answer(x);
    engine_wake(&engine->base);
    return code;
}
