#include "h1/request_plan.h"

#include "h1/engine.h"
#include "h1/writer.h"

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
    } else if (name_is(field, WEIR_STR("expect"))) {
        plan->gives_expect = true;
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
    if (!exchange_body_valid(&request->body))
        return WEIR_CODE_bad_content_length;
    /* What follows its head is the tunnel's already (RFC 9110, 9.3.6). */
    bool connect = exchange_asked(request->method) == EXCHANGE_ASKED_CONNECT && request->body.kind != WEIR_BODY_NONE;
    return connect || request->body.kind == WEIR_BODY_TUNNEL ? WEIR_CODE_misuse : WEIR_OK;
}

weir_code request_plan_make(struct request_plan *plan, const weir_request *request)
{
    const weir_body *body = &request->body;
    weir_code code = check_start(request);
    *plan = (struct request_plan){.asked = (uint8_t)exchange_asked(request->method)};
    plan->streams = body->kind == WEIR_BODY_STREAM;
    plan->has_length = !plan->streams;
    plan->length = exchange_body_length(body);
    for (size_t i = 0; i < request->fields.count && code == WEIR_OK; i++)
        code = plan_field(plan, &request->fields.list[i]);
    if (code == WEIR_OK && !plan->gives_host && request->host.len == 0)
        code = WEIR_CODE_bad_host;
    plan->expects = request->expect && (plan->streams || plan->length > 0);
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

size_t request_head_size_max(const weir_request *request)
{
    return request->method.len + request->target.len + request->host.len + h1_fields_size(request->fields) +
           H1_LENGTH_LINE_SIZE_MAX + 96;
}

char *request_put_head(char *to, const struct request_plan *plan, const weir_request *request)
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
    if (plan->expects && !plan->gives_expect)
        to = H1_PUT(to, "Expect: 100-continue\r\n");
    return H1_PUT(to, "\r\n");
}
