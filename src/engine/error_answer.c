/* The complete answer to a request that cannot be served (RFC 9112, 9.6: then the staged close). */
#include <stdio.h>

#include "engine/engine.h"
#include "h1/writer.h"

/* An answer to HEAD has no content (RFC 9110, 9.3.2), whatever is wrong with the request: its method may be known although
 * the head is malformed, or not whole. Such a head is still at the front of the input. */
static bool is_for_head(const struct engine *engine)
{
    const struct base_input *input = &engine->input;
    if (engine->current != NULL)
        return engine->current->asked == ENGINE_ASKED_HEAD;
    if (base_input_size(input) == 0)
        return false;
    weir_str method = h1_head_method(base_input_octets(input), base_input_size(input), &engine->config->head_limits,
                                     engine->config->lenient);
    return engine_asked(method) == ENGINE_ASKED_HEAD;
}

bool engine_answer_error(struct engine *engine, weir_code code)
{
    char text[160];
    int length =
        snprintf(text, sizeof text, "%u %s: %s\n", weir_code_status(code), weir_code_name(code), weir_code_text(code));
    weir_str content = {.ptr = text, .len = (size_t)length};
    unsigned status = weir_code_status(code);
    weir_str reason = weir_status_reason(status);
    weir_str date = engine_config_date_line(engine->config);
    uint64_t before = engine->output.pending;
    if (!h1_states_event(&engine->states, H1_SERVER, H1_EVENT_RESPONSE))
        return false;
    h1_states_set_last(&engine->states);
    char *start = base_output_reserve(&engine->output, &engine->config->blocks, 256 + content.len);
    if (start == NULL)
        return false;
    char *to = h1_put_status_line(start, status, reason);
    to = date.len > 0 ? h1_put(to, date) : to;
    to = H1_PUT(to, "Content-Type: text/plain\r\n");
    to = h1_put_length(to, content.len);
    to = H1_PUT(to, "Connection: close\r\n\r\n");
    if (!is_for_head(engine))
        to = h1_put(to, content);
    base_output_commit(&engine->output, (size_t)(to - start));
    engine_account(engine, before);
    if (engine->current != NULL)
        engine->current->status = (uint16_t)status;
    engine_count(&engine->config->totals.responses_by_status[status / 100], 1);
    return h1_states_event(&engine->states, H1_SERVER, H1_EVENT_END);
}
