/* A client's request: checked whole before any octet of it is queued. */
#include "engine/engine.h"
#include "h1/writer.h"

#define COPY_SIZE_MAX 1024

/* What the application's fields say of the request. */
struct request_plan {
    uint64_t length;
    bool has_length; /* the content has a known length */
    bool gives_length, gives_host, gives_close, gives_upgrade;
    bool streams;
};

static bool name_is(const weir_field *field, weir_str name)
{
    return weir_str_equal_nocase(field->name, name);
}

static weir_code plan_field(struct request_plan *plan, const weir_field *field)
{
    if (!weir_field_name_valid(field->name))
        return WEIR_CODE_bad_field_name;
    if (!weir_field_value_valid(field->value))
        return WEIR_CODE_bad_field_value;
    if (name_is(field, WEIR_STR("host"))) {
        if (plan->gives_host || !http_host_valid(field->value))
            return WEIR_CODE_bad_host;
        plan->gives_host = true;
    } else if (name_is(field, WEIR_STR("connection"))) {
        weir_str rest = field->value, member;
        while (weir_list_next(&rest, &member)) {
            plan->gives_close |= weir_str_equal_nocase(member, WEIR_STR("close"));
            plan->gives_upgrade |= weir_str_equal_nocase(member, WEIR_STR("upgrade"));
        }
    } else if (name_is(field, WEIR_STR("content-length"))) {
        uint64_t length;
        if (plan->gives_length || !h1_read_decimal(field->value, &length) ||
            (plan->has_length && length != plan->length))
            return WEIR_CODE_bad_content_length;
        plan->gives_length = plan->has_length = true;
        plan->length = length;
    } else if (name_is(field, WEIR_STR("transfer-encoding"))) {
        if (!plan->streams || !weir_str_equal_nocase(field->value, WEIR_STR("chunked")))
            return WEIR_CODE_bad_transfer_encoding;
    }
    return WEIR_OK;
}

static weir_code check_start(const weir_request *request)
{
    struct http_target target;
    if (!weir_field_name_valid(request->method))
        return WEIR_CODE_bad_method;
    if (!http_target_parse(&target, request->method, request->target))
        return WEIR_CODE_bad_target;
    if (request->host.len > 0 && !http_host_valid(request->host))
        return WEIR_CODE_bad_host;
    if (!engine_body_valid(&request->body))
        return WEIR_CODE_bad_content_length;
    /* What follows its head is the tunnel's already (RFC 9110, 9.3.6). */
    bool connect = engine_asked(request->method) == ENGINE_ASKED_CONNECT && request->body.kind != WEIR_BODY_NONE;
    return connect || request->body.kind == WEIR_BODY_TUNNEL ? WEIR_CODE_misuse : WEIR_OK;
}

static weir_code make_plan(struct request_plan *plan, const weir_request *request)
{
    const weir_body *body = &request->body;
    weir_code code = check_start(request);
    plan->streams = body->kind == WEIR_BODY_STREAM;
    plan->has_length = !plan->streams;
    plan->length = engine_content_length(body);
    for (size_t i = 0; i < request->fields.count && code == WEIR_OK; i++)
        code = plan_field(plan, &request->fields.list[i]);
    if (code == WEIR_OK && !plan->gives_host && request->host.ptr == NULL)
        code = WEIR_CODE_bad_host;
    return code;
}

/* Content-Length: 0 is said where a content would be usual (RFC 9110, 8.6). */
static bool says_length(const struct request_plan *plan, const weir_request *request)
{
    if (plan->gives_length || !plan->has_length)
        return false;
    return plan->length > 0 || weir_str_equal(request->method, WEIR_STR("POST")) ||
           weir_str_equal(request->method, WEIR_STR("PUT")) || weir_str_equal(request->method, WEIR_STR("PATCH"));
}

static char *put_head(char *to, const struct request_plan *plan, const weir_request *request)
{
    to = h1_put_request_line(to, request->method, request->target);
    if (!plan->gives_host)
        to = h1_put_field(to, (weir_field){WEIR_STR("Host"), request->host});
    for (size_t i = 0; i < request->fields.count; i++)
        if (!name_is(&request->fields.list[i], WEIR_STR("transfer-encoding")))
            to = h1_put_field(to, request->fields.list[i]);
    if (says_length(plan, request))
        to = h1_put_length(to, plan->length);
    if (!plan->has_length)
        to = H1_PUT(to, "Transfer-Encoding: chunked\r\n");
    return H1_PUT(to, "\r\n");
}

static bool put_request(struct engine *engine, const struct request_plan *plan, const weir_request *request)
{
    const weir_body *body = &request->body;
    bool at_hand = body->kind == WEIR_BODY_BORROW || body->kind == WEIR_BODY_COPY;
    bool beside = at_hand && body->octets.len <= COPY_SIZE_MAX;
    size_t size = request->method.len + request->target.len + request->host.len + 24 + h1_fields_size(request->fields) +
                  H1_LENGTH_LINE_SIZE_MAX + 32 + (beside ? body->octets.len : 0);
    char *start = base_output_reserve(&engine->output, &engine->config->blocks, size);
    if (start == NULL)
        return false;
    char *to = put_head(start, plan, request);
    if (beside && body->octets.len > 0)
        to = h1_put(to, body->octets);
    base_output_commit(&engine->output, (size_t)(to - start));
    return beside || engine_put_content(engine, body);
}

static uint8_t out_after_head(const struct request_plan *plan, const weir_body *body)
{
    if (body->kind == WEIR_BODY_SIZED)
        return ENGINE_OUT_LENGTH;
    if (!plan->streams)
        return ENGINE_OUT_DONE;
    return plan->has_length ? ENGINE_OUT_LENGTH : ENGINE_OUT_CHUNKED;
}

/* The exchange as it is once its head is queued. */
static void begin(struct engine *engine, struct weir_exchange *x, const struct request_plan *plan,
                  const weir_request *request)
{
    struct engine_facts *facts = engine->facts;
    if (!h1_states_event(&engine->states, H1_CLIENT, H1_EVENT_REQUEST))
        return;
    x->asked = (uint8_t)engine_asked(request->method);
    if (x->asked == ENGINE_ASKED_CONNECT || plan->gives_upgrade)
        h1_states_ask_switch(&engine->states);
    if (plan->gives_close) {
        if (facts->last_code == 0)
            facts->last_code = WEIR_CODE_close_by_application;
        h1_states_set_last(&engine->states);
    }
    facts->exchanges_begun++;
    engine_count(&engine->config->totals.exchanges_begun, 1);
    engine->interim_count = 0;
    x->user = request->user;
    x->in = ENGINE_IN_HEAD;
    x->begun_out = true;
    x->out = out_after_head(plan, &request->body);
    x->out_left = plan->length;
    if (x->out == ENGINE_OUT_DONE) {
        x->body_out = plan->length;
        engine_end_answer(x);
    } else {
        x->room_due = true;
    }
    engine->current = x;
}

weir_code engine_request(struct engine *engine, const weir_request *request, struct weir_exchange **out)
{
    struct request_plan plan = {.length = 0};
    *out = NULL;
    if (engine->current != NULL || engine->unsent_first != NULL || engine->finished || engine->abort ||
        !h1_states_allow(&engine->states, H1_CLIENT, H1_EVENT_REQUEST))
        return WEIR_CODE_misuse;
    weir_code code = make_plan(&plan, request);
    if (code != WEIR_OK)
        return code;
    struct weir_exchange *x = exchange_new(engine);
    if (x == NULL)
        return WEIR_CODE_no_memory;
    uint64_t before = engine->output.pending;
    x->out_begin = engine->facts->octets_queued;
    bool queued = put_request(engine, &plan, request);
    engine_account(engine, before);
    if (!queued) {
        exchange_free(x);
        return engine_out_of_memory(engine);
    }
    begin(engine, x, &plan, request);
    *out = x;
    return WEIR_OK;
}
