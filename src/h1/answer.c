/* Answers: the head that the application asks for, checked and written at once; nothing here calls back. */
#include <assert.h>

#include "h1/engine.h"
#include "h1/writer.h"

/* Borrowed content up to this size is copied beside its head: one piece is cheaper to send than two. */
#define COPY_SIZE_MAX 1024

/* What a head is to say, found by looking once at the application's fields. */
struct plan {
    unsigned status;
    weir_str reason;
    weir_fields fields;
    uint64_t length;
    bool has_length; /* the content has a known length */
    bool gives_length, gives_date, gives_server, gives_close, gives_keep_alive, gives_upgrade, names_upgrade;
    bool no_content; /* none is sent whatever the body is */
    bool chunked;
    bool until_close;
    bool tunnel;
};

/* --- checking --------------------------------------------------------------------------------------------------- */

static bool name_is(weir_str name, weir_str lower)
{
    return weir_str_equal_nocase(name, lower);
}

/* Looks at one field of the application's; false: it may not be sent. */
static bool plan_field(struct plan *plan, const weir_field *field, bool streams)
{
    if (!weir_field_name_valid(field->name) || !weir_field_value_valid(field->value))
        return false;
    switch (field->name.len) {
    case 7:
        plan->gives_upgrade |= name_is(field->name, WEIR_STR("upgrade"));
        return true;
    case 4:
        plan->gives_date |= name_is(field->name, WEIR_STR("date"));
        return true;
    case 6:
        plan->gives_server |= name_is(field->name, WEIR_STR("server"));
        return true;
    case 10:
        if (name_is(field->name, WEIR_STR("connection"))) {
            weir_str rest = field->value, member;
            while (weir_list_next(&rest, &member)) {
                plan->gives_close |= weir_str_equal_nocase(member, WEIR_STR("close"));
                plan->gives_keep_alive |= weir_str_equal_nocase(member, WEIR_STR("keep-alive"));
                plan->names_upgrade |= weir_str_equal_nocase(member, WEIR_STR("upgrade"));
            }
        }
        return true;
    case 14:
        if (name_is(field->name, WEIR_STR("content-length"))) {
            uint64_t length;
            if (!h1_read_decimal(field->value, &length) || plan->gives_length)
                return false;
            /* It must be the truth: of a body that has a length, that one; of a stream, a promise. */
            if (plan->has_length && length != plan->length && !plan->no_content)
                return false;
            plan->gives_length = true;
            plan->has_length = true;
            plan->length = length;
        }
        return true;
    case 17:
        /* Framing is ours: the field is let pass where it says what we do anyway, and written by us. */
        if (name_is(field->name, WEIR_STR("transfer-encoding")))
            return streams && weir_str_equal_nocase(field->value, WEIR_STR("chunked"));
        return true;
    default:
        return true;
    }
}

static bool reason_valid(weir_str reason)
{
    return reason.len == 0 || weir_field_value_valid(reason);
}

/* Fills the plan; false: it may not be sent. */
static bool make_plan(struct weir_exchange *x, struct plan *plan, const weir_body *body)
{
    struct h1_engine *engine = h1_engine_of(x);
    unsigned status = plan->status;
    if (!exchange_body_valid(body))
        return false;
    plan->tunnel = body->kind == WEIR_BODY_TUNNEL;
    bool connect = x->asked == EXCHANGE_ASKED_CONNECT;
    if (plan->tunnel) {
        bool switching = engine->states.of[H1_CLIENT] == H1_ASKS;
        if (!switching || !(status == 101 ? !connect && x->head->parsed.version >= 11 : connect && status / 100 == 2))
            return false;
    } else if (status < 200 || status > 999 || (connect && status / 100 == 2)) {
        return false;
    }
    plan->no_content = plan->tunnel || status == 204 || status == 304 || x->asked == EXCHANGE_ASKED_HEAD;
    bool streams = body->kind == WEIR_BODY_STREAM;
    plan->has_length = !streams && !plan->tunnel;
    plan->length = exchange_body_length(body);
    /* Its end is its empty line to some readers (RFC 9110, 15.3.6). */
    if (status == 205 && !plan->tunnel && (!plan->has_length || plan->length > 0))
        return false;
    if (!reason_valid(plan->reason))
        return false;
    for (size_t i = 0; i < plan->fields.count; i++)
        if (!plan_field(plan, &plan->fields.list[i], streams))
            return false;
    if (plan->gives_length && (plan->tunnel || status == 204))
        return false;
    if (status == 101 && !plan->gives_upgrade)
        return false;
    if (!plan->no_content && !plan->has_length) {
        plan->chunked = x->head->parsed.version >= 11;
        plan->until_close = !plan->chunked;
    }
    return true;
}

/* --- the head --------------------------------------------------------------------------------------------------- */

/* Whether this answer is to be the last, and why, as far as is known when its head is written. */
static void decide_last(struct weir_exchange *x, const struct plan *plan)
{
    struct h1_engine *engine = h1_engine_of(x);
    struct engine_facts *facts = engine->base.facts;
    weir_code code = 0;
    bool unread = x->in != EXCHANGE_IN_DONE && !plan->tunnel && x->refused;
    if (plan->gives_close)
        code = WEIR_CODE_close_by_application;
    else if (plan->until_close)
        code = WEIR_CODE_close_delimited;
    else if (unread && h1_engine_body_is_here(engine, x))
        x->expects = false; /* who waits for a 100 has not sent it */
    else if (unread &&
             (x->expects || x->body_abandoned || x->in_length > engine->base.config->options.limits.discard_size_max))
        code = WEIR_CODE_close_after_response;
    if (code != 0 && facts->last_code == 0)
        facts->last_code = (uint8_t)code;
    if (facts->last_code != 0)
        h1_states_set_last(&engine->states);
}

static char *put_head(char *to, struct weir_exchange *x, const struct plan *plan, weir_str date, weir_str server)
{
    to = h1_put_status_line(to, plan->status, plan->reason);
    if (date.len > 0)
        to = h1_put(to, date);
    if (server.len > 0)
        to = h1_put_field(to, (weir_field){WEIR_STR("Server"), server});
    for (size_t i = 0; i < plan->fields.count; i++) {
        const weir_field *field = &plan->fields.list[i];
        if (field->name.len != 17 || !name_is(field->name, WEIR_STR("transfer-encoding")))
            to = h1_put_field(to, *field);
    }
    bool silent = plan->no_content && (plan->tunnel || plan->status == 204 || plan->status == 304 || plan->length == 0);
    if (plan->has_length && !plan->gives_length && !silent)
        to = h1_put_length(to, plan->length);
    if (plan->chunked)
        to = H1_PUT(to, "Transfer-Encoding: chunked\r\n");
    /* Who sends Upgrade says that it is for this connection alone (RFC 9110, 7.8). */
    if (plan->gives_upgrade && !plan->names_upgrade)
        to = H1_PUT(to, "Connection: upgrade\r\n");
    bool last = x->engine->facts->last_code != 0;
    if (!plan->tunnel && last && !plan->gives_close)
        to = H1_PUT(to, "Connection: close\r\n");
    else if (!plan->tunnel && !last && x->head->parsed.version < 11 && !plan->gives_keep_alive)
        to = H1_PUT(to, "Connection: keep-alive\r\n");
    return H1_PUT(to, "\r\n");
}

static size_t head_size_max(const struct plan *plan, weir_str date, weir_str server)
{
    return H1_STATUS_LINE_OVERHEAD + plan->reason.len + date.len + server.len + 12 + h1_fields_size(plan->fields) +
           H1_LENGTH_LINE_SIZE_MAX + 96;
}

/* --- content ---------------------------------------------------------------------------------------------------- */

bool h1_engine_put_content(struct h1_engine *engine, const weir_body *body)
{
    struct base_output *output = &engine->base.output;
    struct base_blocks *blocks = &engine->base.config->blocks;
    switch (body->kind) {
    case WEIR_BODY_COPY:
        return base_output_copy(output, blocks, body->octets);
    case WEIR_BODY_BORROW:
        return base_output_borrow(output, blocks, body->octets);
    case WEIR_BODY_FILE:
        return base_output_file(output, blocks, body->fd, body->offset, body->length);
    default:
        return true;
    }
}

static uint8_t out_after_head(const struct plan *plan, const weir_body *body)
{
    bool streams = body->kind == WEIR_BODY_STREAM || body->kind == WEIR_BODY_SIZED;
    if (plan->tunnel)
        return EXCHANGE_OUT_TUNNEL;
    if (!streams || plan->no_content)
        return EXCHANGE_OUT_DONE;
    if (plan->chunked)
        return EXCHANGE_OUT_CHUNKED;
    return plan->until_close ? EXCHANGE_OUT_CLOSE : EXCHANGE_OUT_LENGTH;
}

void h1_engine_end_answer(struct weir_exchange *x)
{
    x->out = EXCHANGE_OUT_DONE;
    x->out_end = x->engine->facts->octets_queued;
    bool allowed = h1_states_event(&h1_engine_of(x)->states, h1_engine_self(h1_engine_of(x)), H1_EVENT_END);
    assert(allowed);
    (void)allowed;
}

/* Writes head and content; the plan is right. */
static weir_code send_answer(struct weir_exchange *x, struct plan *plan, const weir_body *body)
{
    struct h1_engine *engine = h1_engine_of(x);
    struct base_output *output = &engine->base.output;
    uint64_t before = output->pending;
    if (!h1_states_event(&engine->states, H1_SERVER, plan->tunnel ? H1_EVENT_SWITCH : H1_EVENT_RESPONSE))
        return WEIR_CODE_misuse;
    decide_last(x, plan);

    weir_str date = plan->gives_date ? (weir_str){.ptr = NULL} : exchange_config_date_line(engine->base.config);
    weir_str server = plan->gives_server ? (weir_str){.ptr = NULL} : engine->base.config->options.server_name;
    bool beside = (body->kind == WEIR_BODY_BORROW || body->kind == WEIR_BODY_COPY) &&
                  body->octets.len <= COPY_SIZE_MAX && !plan->no_content;
    size_t size = head_size_max(plan, date, server) + (beside ? body->octets.len : 0);
    char *start = base_output_reserve(output, &engine->base.config->blocks, size);
    if (start == NULL)
        return engine_out_of_memory(&engine->base);
    char *to = put_head(start, x, plan, date, server);
    if (beside && body->octets.len > 0)
        to = h1_put(to, body->octets);
    assert((size_t)(to - start) <= size);
    base_output_commit(output, (size_t)(to - start));
    bool whole = beside || plan->no_content || h1_engine_put_content(engine, body);
    engine_account(&engine->base, before);
    x->begun_out = true;
    x->head->parsed.status = plan->status; /* for weir_response_status */
    x->no_content = plan->no_content;
    engine_count(&engine->base.config->totals.responses_by_status[plan->status / 100 <= 5 ? plan->status / 100 : 5], 1);
    if (!whole)
        return engine_out_of_memory(&engine->base);

    x->out = out_after_head(plan, body);
    x->out_left = plan->length;
    if (x->out == EXCHANGE_OUT_DONE) {
        x->body_out = plan->no_content ? 0 : plan->length;
        h1_engine_end_answer(x);
    } else {
        x->room_due = true;
    }
    if (plan->tunnel) {
        engine->base.facts->tunnel = true;
        engine->base.facts->last_code = 0;
        x->in = EXCHANGE_IN_TUNNEL;
        x->paused = false;
        x->end_due = false; /* from now on it is the peer's FIN that ends what arrives */
    }
    engine_wake(&engine->base);
    return WEIR_OK;
}

bool h1_engine_put_500(struct weir_exchange *x, weir_fields fields, weir_str content)
{
    struct plan plan = {.status = 500, .reason = weir_status_reason(500), .fields = fields};
    const weir_body body = weir_body_copy(content);
    return make_plan(x, &plan, &body) && send_answer(x, &plan, &body) == WEIR_OK;
}

/* The application's answer may not be sent: the peer gets a 500 in its place. */
static weir_code send_500(struct weir_exchange *x)
{
    x->wrong = WEIR_CODE_bad_response;
    base_trace_add(&x->engine->facts->trace, BASE_TRACE_APP_WRONG);
    h1_engine_answer_500(x);
    return WEIR_CODE_bad_response;
}

weir_code h1_respond(weir_exchange *x, unsigned status, weir_str reason, weir_fields fields, weir_body body)
{
    struct h1_engine *engine = h1_engine_of(x);
    if (engine->base.config->options.role != WEIR_ROLE_SERVER || x->out != EXCHANGE_OUT_NONE || engine->base.finished ||
        engine->current != x || !h1_states_allow(&engine->states, H1_SERVER, H1_EVENT_RESPONSE))
        return WEIR_CODE_misuse;
    struct plan plan = {.status = status, .reason = reason, .fields = fields};
    if (!make_plan(x, &plan, &body)) {
        x->refused |= x->expects;
        return send_500(x);
    }
    if (x->expects && !x->refused) {
        /* A stream beside a body that is still to come means that the body is wanted; an answer that is whole already
         * declines it, and the peer may keep it (RFC 9110, 10.1.1). */
        if (body.kind == WEIR_BODY_STREAM || body.kind == WEIR_BODY_SIZED)
            h1_engine_continue(engine, x);
        else
            x->refused = true;
    }
    return send_answer(x, &plan, &body);
}

weir_code h1_interim(weir_exchange *x, unsigned status, weir_fields fields)
{
    struct h1_engine *engine = h1_engine_of(x);
    if (engine->base.config->options.role != WEIR_ROLE_SERVER || engine->base.finished || engine->current != x ||
        !h1_states_allow(&engine->states, H1_SERVER, H1_EVENT_INTERIM) || x->out != EXCHANGE_OUT_NONE)
        return WEIR_CODE_misuse;
    if (status < 100 || status > 199 || status == 101)
        return WEIR_CODE_bad_response;
    for (size_t i = 0; i < fields.count; i++)
        if (!weir_field_name_valid(fields.list[i].name) || !weir_field_value_valid(fields.list[i].value) ||
            name_is(fields.list[i].name, WEIR_STR("content-length")) ||
            name_is(fields.list[i].name, WEIR_STR("transfer-encoding")))
            return WEIR_CODE_bad_response;
    if (x->head->parsed.version < 11)
        return WEIR_OK;
    if (status == 100)
        x->expects = false;
    uint64_t before = engine->base.output.pending;
    weir_str reason = weir_status_reason(status);
    size_t size = H1_STATUS_LINE_OVERHEAD + reason.len + h1_fields_size(fields) + 2;
    char *start = base_output_reserve(&engine->base.output, &engine->base.config->blocks, size);
    if (start == NULL)
        return engine_out_of_memory(&engine->base);
    char *to = h1_put_status_line(start, status, reason);
    for (size_t i = 0; i < fields.count; i++)
        to = h1_put_field(to, fields.list[i]);
    to = H1_PUT(to, "\r\n");
    base_output_commit(&engine->base.output, (size_t)(to - start));
    engine_account(&engine->base, before);
    engine_count(&engine->base.config->totals.responses_by_status[1], 1);
    engine_wake(&engine->base);
    return WEIR_OK;
}

void h1_engine_continue(struct h1_engine *engine, struct weir_exchange *x)
{
    x->expects = false;
    /* The peer did not wait: it needs no permission. */
    if (base_input_size(&engine->base.input) > 0)
        return;
    (void)h1_interim(x, 100, WEIR_NO_FIELDS);
}
