/* The complete answer to a request that cannot be served (RFC 9112, 9.6: then the staged close), in the
 * application's words if it has some. */
#include <weir/error_answer.h>

#include <stdio.h>

#include "h1/engine.h"
#include "h1/writer.h"

struct weir_error_answer {
    struct h1_engine *engine;
    struct weir_exchange *wrong; /* whose own answer may not be sent: the connection goes on; null: it ends */
    weir_error_info info;
    bool given;
};

/* The method may be known although the head is malformed, or not whole. Such a head is still at the front of the
 * input. */
static weir_str method_of(const struct h1_engine *engine)
{
    const struct base_input *input = &engine->base.input;
    if (engine->current != NULL)
        return engine->current->head->parsed.method;
    if (base_input_size(input) == 0)
        return (weir_str){.ptr = NULL};
    return h1_head_method(base_input_octets(input), base_input_size(input), &engine->base.config->head_limits,
                          engine->base.config->lenient);
}

/* --- what may be given ------------------------------------------------------------------------------------------ */

static bool is_ours(weir_str name)
{
    static const weir_str names[] = {
        WEIR_STR_INIT("Content-Length"),   WEIR_STR_INIT("Transfer-Encoding"),
        WEIR_STR_INIT("Connection"),       WEIR_STR_INIT("Keep-Alive"),
        WEIR_STR_INIT("Proxy-Connection"), WEIR_STR_INIT("Upgrade"),
        WEIR_STR_INIT("Trailer"),          WEIR_STR_INIT("TE"),
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (weir_str_equal_nocase(name, names[i]))
            return true;
    return false;
}

static bool may_be_given(weir_fields fields, weir_str content)
{
    if (content.len > WEIR_ERROR_ANSWER_CONTENT_MAX || (content.len > 0 && content.ptr == NULL) ||
        fields.count > WEIR_ERROR_ANSWER_FIELDS_MAX || h1_fields_size(fields) > WEIR_ERROR_ANSWER_FIELDS_SIZE_MAX)
        return false;
    for (size_t i = 0; i < fields.count; i++) {
        const weir_field *field = &fields.list[i];
        if (!weir_field_name_valid(field->name) || !weir_field_value_valid(field->value) || is_ours(field->name))
            return false;
    }
    return true;
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

static char *put_head(char *to, const struct weir_error_answer *answer, weir_fields fields, size_t length)
{
    struct weir_conn_config *config = answer->engine->base.config;
    weir_str date = exchange_config_date_line(config), server = config->options.server_name;
    to = h1_put_status_line(to, answer->info.status, weir_status_reason(answer->info.status));
    if (date.len > 0 && weir_fields_find(fields, WEIR_STR("date")) == NULL)
        to = h1_put(to, date);
    if (server.len > 0 && weir_fields_find(fields, WEIR_STR("server")) == NULL)
        to = h1_put_field(to, (weir_field){WEIR_STR("Server"), server});
    for (size_t i = 0; i < fields.count; i++)
        to = h1_put_field(to, fields.list[i]);
    to = h1_put_length(to, length);
    return H1_PUT(to, "Connection: close\r\n\r\n");
}

/* The last one of its connection. False: no memory. */
static bool put_last(const struct weir_error_answer *answer, weir_fields fields, weir_str content)
{
    struct h1_engine *engine = answer->engine;
    size_t size = 256 + engine->base.config->options.server_name.len + h1_fields_size(fields) + content.len;
    uint64_t before = engine->base.output.pending;
    char *start = base_output_reserve(&engine->base.output, &engine->base.config->blocks, size);
    if (start == NULL)
        return false;
    char *to = put_head(start, answer, fields, content.len);
    /* RFC 9110, 9.3.2: whatever is wrong with the request. */
    if (content.len > 0 && exchange_asked(answer->info.method) != EXCHANGE_ASKED_HEAD)
        to = h1_put(to, content);
    base_output_commit(&engine->base.output, (size_t)(to - start));
    engine_account(&engine->base, before);
    if (engine->current != NULL)
        engine->current->head->parsed.status = answer->info.status; /* for weir_response_status */
    engine_count(&engine->base.config->totals.responses_by_status[answer->info.status / 100], 1);
    return true;
}

weir_code weir_error_answer_give(weir_error_answer *answer, weir_fields fields, weir_str content)
{
    if (answer->given)
        return WEIR_CODE_misuse;
    if (!may_be_given(fields, content)) {
        base_trace_add(&answer->engine->base.facts->trace, BASE_TRACE_APP_WRONG);
        return WEIR_CODE_bad_response;
    }
    answer->given =
        answer->wrong != NULL ? h1_engine_put_500(answer->wrong, fields, content) : put_last(answer, fields, content);
    return answer->given ? WEIR_OK : WEIR_CODE_no_memory;
}

/* The application's words, or else ours. */
static bool give(struct h1_engine *engine, weir_code code, struct weir_exchange *wrong)
{
    const weir_conn_options *options = &engine->base.config->options;
    struct weir_error_answer answer = {
        .engine = engine,
        .wrong = wrong,
        .info = {.size = sizeof answer.info,
                 .code = code,
                 .status = weir_code_status(code),
                 .exchange = engine->current,
                 .method = method_of(engine),
                 .connection = engine->base.facts->id},
    };
    if (options->error_answer != NULL) {
        /* It may look, and give; the functions that answer refuse a connection that is finished. */
        bool finished = engine->base.finished;
        engine->base.finished = true;
        options->error_answer(options->app, &answer.info, &answer);
        engine->base.finished = finished;
    }
    if (!answer.given) {
        char text[160];
        int n =
            snprintf(text, sizeof text, "%u %s: %s\n", answer.info.status, weir_code_name(code), weir_code_text(code));
        (void)weir_error_answer_give(&answer, WEIR_FIELDS({WEIR_STR("Content-Type"), WEIR_STR("text/plain")}),
                                     (weir_str){.ptr = text, .len = (size_t)n});
    }
    return answer.given;
}

bool h1_engine_answer_error(struct h1_engine *engine, weir_code code)
{
    if (!h1_states_event(&engine->states, H1_SERVER, H1_EVENT_RESPONSE))
        return false;
    h1_states_set_last(&engine->states);
    return give(engine, code, NULL) && h1_states_event(&engine->states, H1_SERVER, H1_EVENT_END);
}

void h1_engine_answer_500(struct weir_exchange *x)
{
    (void)give(h1_engine_of(x), WEIR_CODE_bad_response, x);
}
