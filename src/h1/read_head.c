/* The heads that arrive: each begins an exchange of a server, or is what a client waits for. */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "h1/engine.h"

#define FIELD_COUNT_HARD_MAX 1000

static void client_event(struct h1_engine *engine, enum h1_event event)
{
    bool allowed = h1_states_event(&engine->states, H1_CLIENT, event);
    assert(allowed);
    (void)allowed;
}

static bool has_bare_cr(const char *octets, size_t size)
{
    const char *cr = memchr(octets, '\r', size);
    return cr != NULL && cr + 1 < octets + size && cr[1] != '\n';
}

/* Lines of a head are bounded by its fields, but for folded ones, of which one can have thousands: whoever sends
 * those a line at a time is not followed line by line. More looks than this no head of fields takes. */
#define LOOKS_MAX (2 * FIELD_COUNT_HARD_MAX)

static bool has_empty_line(const char *octets, size_t seen, size_t size)
{
    size_t from = seen > 3 ? seen - 3 : 0; /* where one that ends in the new octets can begin */
    return memmem(octets + from, size - from, "\n\r\n", 3) != NULL ||
           memmem(octets + from, size - from, "\n\n", 2) != NULL;
}

/* A head that was looked at and is not whole is looked at again when another line of it is, when it has doubled, or
 * when it has reached a limit: so that a peer that sends octet by octet costs little more than one that does not. */
bool h1_engine_worth_parsing(const struct h1_engine *engine)
{
    size_t size = base_input_size(&engine->base.input);
    const char *octets = base_input_octets(&engine->base.input);
    const struct http_head_limits *limits = &engine->base.config->head_limits;
    size_t seen = engine->scanned;
    if (seen == 0 || size >= seen * 2)
        return true;
    if ((seen <= limits->line_size_max && size > limits->line_size_max) || size > limits->head_size_max)
        return true;
    if (engine->looks >= LOOKS_MAX)
        return size - seen >= seen / 8 || has_empty_line(octets, seen, size);
    /* A line is whole, or a CR is not followed by LF: the octet before may have been that CR. */
    const char *from = octets + seen;
    return memchr(from, '\n', size - seen) != NULL || from[-1] == '\r' || has_bare_cr(from, size - seen);
}

bool h1_engine_grow_fields(struct h1_engine *engine, struct http_head *head, const weir_field *own, size_t first)
{
    const weir_allocator *allocator = &engine->base.config->options.allocator;
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

void h1_engine_malformed(struct h1_engine *engine, weir_code code)
{
    unsigned status = weir_code_status(code);
    bool limit = status == 414 || status == 431 || status == 413;
    base_trace_add(&engine->base.facts->trace, limit ? BASE_TRACE_H1_LIMIT : BASE_TRACE_H1_MALFORMED);
    h1_engine_end(engine, code);
}

/* The parser saw that it is valid; the usual form has no more to take apart than its query. */
static void take_target(struct weir_exchange *x)
{
    weir_str text = x->head->parsed.target;
    if (text.ptr[0] != '/') {
        bool valid = http_target_parse(&x->head->target, x->head->parsed.method, text);
        assert(valid);
        (void)valid;
        return;
    }
    const char *mark = memchr(text.ptr, '?', text.len);
    size_t path = mark != NULL ? (size_t)(mark - text.ptr) : text.len;
    x->head->target = (struct http_target){.form = HTTP_TARGET_ORIGIN, .path = {.ptr = text.ptr, .len = path}};
    if (mark != NULL)
        x->head->target.query = (weir_str){.ptr = mark + 1, .len = text.len - path - 1};
}

/* What the head says of the rest of the connection and of its content. Returns a code to refuse it with, or WEIR_OK. */
static weir_code take_head(struct h1_engine *engine, struct weir_exchange *x)
{
    struct engine_facts *facts = engine->base.facts;
    const weir_limits *limits = &engine->base.config->options.limits;
    const struct http_head *head = &x->head->parsed;
    x->asked = (uint8_t)exchange_asked(head->method);
    take_target(x);
    engine->in_framing = http_framing_of_request(head->chunked, head->has_length, head->length);
    client_event(engine, H1_EVENT_REQUEST);
    facts->exchanges_begun++;
    engine_count(&engine->base.config->totals.exchanges_begun, 1);
    x->out_begin = facts->octets_queued;
    if (head->close || (head->version < 11 && !head->keep_alive)) {
        if (facts->last_code == 0)
            facts->last_code = WEIR_CODE_close_requested;
        base_trace_add(&facts->trace, BASE_TRACE_H1_LAST);
    } else if (facts->last_code == 0 && facts->exchanges_begun >= limits->exchange_count_max) {
        facts->last_code = WEIR_CODE_exchange_limit;
        base_trace_add(&facts->trace, BASE_TRACE_LIFE_POLICY);
    }
    if (facts->last_code != 0)
        h1_states_set_last(&engine->states);
    if (head->upgrade || x->asked == EXCHANGE_ASKED_CONNECT)
        h1_states_ask_switch(&engine->states);
    return WEIR_OK;
}

/* An earlier head can be known as long as nothing else comes into the input, where it lies: for a run. A
 * handler may have run another engine meanwhile, with another input. */
static struct h1_known *known_in(struct h1_engine *engine)
{
    struct h1_shared *shared = engine->base.config->h1;
    if (shared->known_block != engine->base.input.block) {
        h1_known_forget(&shared->known);
        shared->known_block = engine->base.input.block;
    }
    return &shared->known;
}

static int64_t parse_head_once(struct h1_engine *engine, struct weir_exchange *x)
{
    const struct weir_conn_config *config = engine->base.config;
    char *octets = base_input_octets(&engine->base.input);
    size_t size = base_input_size(&engine->base.input);
    if (engine_is_server(&engine->base))
        return h1_head_parse_request(&x->head->parsed, octets, size, &config->head_limits, config->lenient,
                                     known_in(engine));
    if (x->asked == EXCHANGE_ASKED_CONNECT)
        return h1_head_parse_connect_response(&x->head->parsed, octets, size, &config->head_limits, config->lenient);
    return h1_head_parse_response(&x->head->parsed, octets, size, &config->head_limits, config->lenient,
                                  known_in(engine));
}

/* Parses a head at the front of the input. Its size, or what the parser says. */
static int64_t parse_head(struct h1_engine *engine, struct weir_exchange *x)
{
    for (;;) {
        int64_t result = parse_head_once(engine, x);
        if (result != H1_HEAD_NO_ROOM)
            return result;
        if (!h1_engine_grow_fields(engine, &x->head->parsed, x->head->fields, 0))
            return h1_head_error(WEIR_CODE_no_memory);
    }
}

bool h1_engine_begin(struct h1_engine *engine)
{
    if (!engine_is_server(&engine->base)) {
        if (base_input_size(&engine->base.input) > 0)
            h1_engine_malformed(engine, WEIR_CODE_unexpected_octets);
        return false;
    }
    if (base_input_size(&engine->base.input) == 0 || engine_is_full(&engine->base) || !h1_engine_worth_parsing(engine))
        return false;
    struct weir_exchange *x = exchange_new(&engine->base);
    if (x == NULL || !exchange_take_head(x)) {
        if (x != NULL)
            exchange_free(x);
        h1_engine_end(engine, WEIR_CODE_no_memory);
        return false;
    }
    int64_t result = parse_head(engine, x);
    if (result == H1_HEAD_INCOMPLETE) {
        h1_engine_looked(engine, false);
        exchange_free(x);
        return false;
    }
    h1_engine_looked(engine, true);
    weir_code code = h1_head_is_error(result) ? h1_head_code(result) : take_head(engine, x);
    if (code != WEIR_OK) {
        exchange_free(x);
        h1_engine_malformed(engine, code);
        return false;
    }
    x->head->parsed.status = 0; /* nothing is answered yet */
    x->head_block = base_block_ref(engine->base.input.block);
    base_input_consume(&engine->base.input, (size_t)result);
    h1_engine_expect_content(engine, x);
    engine->current = x;
    x->handler->head(x->app, x);
    if (engine->base.facts->draining)
        h1_engine_tell_drain(engine);
    return true;
}

/* --- a client's ------------------------------------------------------------------------------------------------- */

/* What the response's head says of the rest; a code to refuse it with, or WEIR_OK. */
static weir_code take_response(struct h1_engine *engine, struct weir_exchange *x)
{
    struct engine_facts *facts = engine->base.facts;
    const struct http_head *head = &x->head->parsed;
    static const weir_str methods[] = {WEIR_STR_INIT("GET"), WEIR_STR_INIT("HEAD"), WEIR_STR_INIT("CONNECT")};
    engine->in_framing =
        http_framing_of_response(methods[x->asked], head->status, head->chunked, head->has_length, head->length);
    if (weir_response_is_interim(x)) {
        if (++engine->interim_count > engine->base.config->options.limits.interim_count_max)
            return WEIR_CODE_too_many_interim;
        return h1_states_event(&engine->states, H1_SERVER, H1_EVENT_INTERIM) ? WEIR_OK : WEIR_CODE_unexpected_octets;
    }
    if (engine->in_framing.kind == HTTP_FRAMING_TUNNEL) {
        if (!h1_states_event(&engine->states, H1_SERVER, H1_EVENT_SWITCH) ||
            engine->states.of[H1_CLIENT] != H1_SWITCHED)
            return WEIR_CODE_unexpected_upgrade;
        facts->tunnel = true;
        facts->last_code = 0;
        x->out = EXCHANGE_OUT_TUNNEL;
        x->room_due = true;
        return WEIR_OK;
    }
    if (!h1_states_event(&engine->states, H1_SERVER, H1_EVENT_RESPONSE))
        return WEIR_CODE_unexpected_octets;
    bool delimited = engine->in_framing.kind == HTTP_FRAMING_CLOSE;
    engine->base.server_closes = head->close;
    if (head->close || delimited || (head->version < 11 && !head->keep_alive)) {
        if (facts->last_code == 0)
            facts->last_code = delimited ? WEIR_CODE_close_delimited : WEIR_CODE_close_requested;
        base_trace_add(&facts->trace, BASE_TRACE_H1_LAST);
        h1_states_set_last(&engine->states);
    }
    return WEIR_OK;
}

/* A final response is here before its request is out. An error says that the rest is not wanted (RFC 9110, 7.5), and
 * with `close` that it is not even read: then it ceases at once (RFC 9112, 9.5). Content that waits for 100
 * (Continue) was not asked for. */
static void look_at_rest(struct h1_engine *engine, struct weir_exchange *x)
{
    bool error = x->head->parsed.status >= 300;
    x->rest_unwanted |= error || x->out_held;
    bool sent = exchange_is_answered(x) && x->out_end <= engine->base.facts->octets_sent;
    if (error && engine->states.last && !sent)
        h1_engine_cease(engine);
}

/* A TLS record, of an alert or of a handshake (RFC 8446, 5.1): the port is one for https. */
static bool is_tls(const struct h1_engine *engine)
{
    const char *octets = base_input_octets(&engine->base.input);
    return base_input_size(&engine->base.input) >= 2 && (octets[0] == 0x15 || octets[0] == 0x16) && octets[1] == 0x03;
}

/* What was parsed of a head that is not whole, or wrong, is not shown: its octets may move, and go before `done`. */
static void hide_head(struct weir_exchange *x)
{
    struct http_head *head = &x->head->parsed;
    if (x->head != &exchange_no_head)
        *head = (struct http_head){.fields = head->fields, .field_capacity = head->field_capacity};
}

bool h1_engine_read_response(struct h1_engine *engine, struct weir_exchange *x)
{
    if (base_input_size(&engine->base.input) == 0 || !h1_engine_worth_parsing(engine))
        return false;
    if (!x->heard)
        x->asking.heard_ns = engine->base.now_ns;
    x->heard = true;
    int64_t result = exchange_take_head(x) ? parse_head(engine, x) : h1_head_error(WEIR_CODE_no_memory);
    if (result <= 0)
        hide_head(x);
    if (result == H1_HEAD_INCOMPLETE) {
        h1_engine_looked(engine, false);
        return false;
    }
    h1_engine_looked(engine, true);
    weir_code code = h1_head_is_error(result) ? h1_head_code(result) : take_response(engine, x);
    if (h1_head_is_error(result) && is_tls(engine))
        code = WEIR_CODE_tls_on_plain;
    if (code != WEIR_OK) {
        hide_head(x);
        h1_engine_malformed(engine, code);
        return false;
    }
    unsigned hundreds = x->head->parsed.status / 100U;
    engine_count(&engine->base.config->totals.responses_by_status[hundreds <= 5 ? hundreds : 5], 1);
    base_block_unref(x->head_block);
    x->head_block = base_block_ref(engine->base.input.block);
    base_input_consume(&engine->base.input, (size_t)result);
    bool interim = weir_response_is_interim(x);
    if (interim && x->head->parsed.status == 100 && x->out_held)
        h1_engine_release_content(engine, x);
    if (!interim) {
        x->answered = true;
        h1_engine_expect_content(engine, x);
        if (x->in != EXCHANGE_IN_TUNNEL)
            look_at_rest(engine, x);
    }
    if (x->handler->head != NULL)
        x->handler->head(x->app, x);
    return true;
}
