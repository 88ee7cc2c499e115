#include <assert.h>
#include <string.h>

#include <weir/decode.h>

#include "coding.h"
#include "memory.h"

#define RATIO_DEFAULT      200
#define RATIO_FREE_DEFAULT (UINT64_C(1) << 20)
#define DECODED_SIZE       16384

struct weir_decoder {
    weir_decoder_options options;
    weir_handler handler; /* the user's; a shorter one of an older program is null behind its end */
    void *app;
    struct coding coding;
    weir_code wrong; /* why the content cannot be decoded, or may not */
    uint64_t in, out;
    /* Decoded octets that the handler has not taken. While there are some, and all that came is decoded, the last
     * octet that came is not said to be taken: so that it is offered again after a resume, and these can be offered
     * before. */
    size_t held_at, held_end;
    bool seen; /* the octet that is offered next was decoded already */
    char decoded[DECODED_SIZE];
};

/* Offers what is held; true if all was taken. */
static bool offer_held(struct weir_decoder *d, weir_exchange *x)
{
    if (d->held_at == d->held_end)
        return true;
    weir_str octets = {d->decoded + d->held_at, d->held_end - d->held_at};
    size_t n = octets.len;
    if (d->handler.body != NULL)
        n = d->handler.body(d->app, x, octets);
    assert(n <= octets.len); /* as the engine does: to take more than was offered is the handler's mistake */
    d->held_at += n;
    return d->held_at == d->held_end;
}

static bool is_over_ratio(const struct weir_decoder *d)
{
    const weir_decoder_options *o = &d->options;
    return d->out > o->decoded_size_max || (d->out > o->ratio_free_size && d->out / (d->in + 1) >= o->ratio_max);
}

static void give_up(struct weir_decoder *d, weir_exchange *x, weir_code code)
{
    d->wrong = code;
    d->held_at = d->held_end = 0;
    weir_exchange_abort(x);
}

/* One step of the coding; false: it cannot go on. */
static bool decode(struct weir_decoder *d, weir_exchange *x, weir_str *octets)
{
    size_t before = octets->len;
    enum coding_result result = coding_step(&d->coding, octets, d->decoded, sizeof d->decoded, &d->held_end);
    d->held_at = 0;
    d->in += before - octets->len;
    d->out += d->held_end;
    if (result == CODING_BAD || (before > 0 && octets->len == before && d->held_end == 0))
        give_up(d, x, WEIR_CODE_bad_coding);
    else if (result == CODING_NO_MEMORY)
        give_up(d, x, WEIR_CODE_no_memory);
    else if (is_over_ratio(d))
        give_up(d, x, WEIR_CODE_coding_ratio);
    return d->wrong == WEIR_OK;
}

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    struct weir_decoder *d = app;
    if (d->coding.kind == CODING_NONE)
        return d->handler.body != NULL ? d->handler.body(d->app, x, octets) : octets.len;
    if (d->wrong != WEIR_OK)
        return octets.len;
    weir_str left = octets;
    if (!offer_held(d, x))
        return 0;
    if (d->seen)
        left = (weir_str){left.ptr + 1, left.len - 1};
    d->seen = false;
    /* A full place may mean that more is in the decoder, although all that came went into it. */
    bool full = true;
    while ((left.len > 0 || full) && !weir_body_is_refused(x)) {
        if (!decode(d, x, &left))
            return octets.len;
        full = d->held_end == sizeof d->decoded;
        if (offer_held(d, x))
            continue;
        if (weir_body_is_refused(x))
            break;
        if (left.len > 0)
            return octets.len - left.len;
        d->seen = true;
        return octets.len - 1;
    }
    return octets.len;
}

static void choose(struct weir_decoder *d, weir_exchange *x)
{
    weir_str rest = weir_fields_value(weir_exchange_fields(x), WEIR_STR("content-encoding"));
    weir_str name, another;
    if (!weir_list_next(&rest, &name) || weir_list_next(&rest, &another))
        return;
    enum coding_kind kind = coding_find(name);
    if (kind != CODING_NONE && !coding_open(&d->coding, kind))
        give_up(d, x, WEIR_CODE_no_memory);
}

static void on_head(void *app, weir_exchange *x)
{
    struct weir_decoder *d = app;
    bool interim = weir_exchange_role(x) == WEIR_ROLE_CLIENT && weir_response_is_interim(x);
    if (!interim && weir_body_length(x) > 0)
        choose(d, x);
    if (d->handler.head != NULL)
        d->handler.head(d->app, x);
}

static void on_end(void *app, weir_exchange *x)
{
    struct weir_decoder *d = app;
    if (d->wrong == WEIR_OK && d->coding.state != NULL && d->in > 0 && !d->coding.ended)
        give_up(d, x, WEIR_CODE_bad_coding);
    if (d->wrong == WEIR_OK && d->handler.end != NULL)
        d->handler.end(d->app, x);
}

static void on_room(void *app, weir_exchange *x)
{
    struct weir_decoder *d = app;
    if (d->handler.room != NULL)
        d->handler.room(d->app, x);
}

static void on_event(void *app, weir_exchange *x, weir_event event)
{
    struct weir_decoder *d = app;
    if (d->handler.event != NULL)
        d->handler.event(d->app, x, event);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct weir_decoder *d = app;
    weir_exchange_ending last = *ending;
    if (d->wrong != WEIR_OK) {
        last.code = d->wrong;
        last.how = weir_code_how(d->wrong);
        last.by = weir_code_by(d->wrong);
        last.judged = weir_code_class(d->wrong);
    }
    if (d->handler.done != NULL)
        d->handler.done(d->app, x, &last);
    weir_decoder_free(d);
}

const weir_handler *weir_decoder_handler(void)
{
    static const weir_handler handler = WEIR_HANDLER(.head = on_head, .body = on_body, .end = on_end, .room = on_room,
                                                     .done = on_done, .event = on_event);
    return &handler;
}

weir_code weir_decoder_new(weir_decoder **out, const weir_handler *handler, void *app,
                           const weir_decoder_options *options)
{
    weir_decoder_options o = {.size = sizeof o};
    if (options != NULL)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    *out = NULL;
    if (handler == NULL || handler->size == 0)
        return WEIR_CODE_misuse;
    struct weir_decoder *d = memory_resize(&o.allocator, NULL, 0, sizeof *d);
    if (d == NULL)
        return WEIR_CODE_no_memory;
    memset(d, 0, offsetof(struct weir_decoder, decoded));
    if (o.ratio_max == 0)
        o.ratio_max = RATIO_DEFAULT;
    if (o.ratio_free_size == 0)
        o.ratio_free_size = RATIO_FREE_DEFAULT;
    if (o.decoded_size_max == 0)
        o.decoded_size_max = UINT64_MAX;
    d->options = o;
    memcpy(&d->handler, handler, handler->size < sizeof d->handler ? handler->size : sizeof d->handler);
    d->app = app;
    *out = d;
    return WEIR_OK;
}

void weir_decoder_free(weir_decoder *decoder)
{
    if (decoder == NULL)
        return;
    weir_allocator allocator = decoder->options.allocator;
    coding_close(&decoder->coding);
    memory_free(&allocator, decoder, sizeof *decoder);
}

weir_str weir_decoder_codings(void)
{
    return WEIR_STR("gzip, deflate"
#ifdef COMFORT_BROTLI
                    ", br"
#endif
#ifdef COMFORT_ZSTD
                    ", zstd"
#endif
    );
}
