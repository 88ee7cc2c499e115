#include "load/end.h"

#include <stdlib.h>
#include <string.h>

#include "common/options.h"

static const struct {
    const char *name;
    bool with_request;
    const char *text;
} ends[LOAD_END_COUNT] = {
#define X(identifier, name, with_request, text) {name, with_request, text},
    LOAD_END_TABLE(X)
#undef X
};

const char *load_end_name(enum load_end end)
{
    return ends[end].name;
}

const char *load_end_text(enum load_end end)
{
    return ends[end].text;
}

bool load_end_is_with_request(enum load_end end)
{
    return ends[end].with_request;
}

const char *load_outcome_name(enum load_outcome outcome)
{
    switch (outcome) {
    case LOAD_OUTCOME_UNUSED:
        return "unused";
    case LOAD_OUTCOME_BY_SERVER:
        return "by_server";
    case LOAD_OUTCOME_STOPPED:
        return "stopped";
    case LOAD_OUTCOME_FAILED:
        return "failed";
    default:
        return (unsigned)outcome < LOAD_END_COUNT ? ends[outcome].name : "unknown";
    }
}

bool load_end_parse(const char *text, struct load_life *life)
{
    static const char after[] = "rst-after=";
    if (strncmp(text, after, sizeof(after) - 1) == 0) {
        life->end = LOAD_END_RST_AFTER;
        return option_digits(weir_str_from(text + sizeof(after) - 1), INT64_MAX, &life->octets);
    }
    for (int end = 0; end < LOAD_END_COUNT; end++) {
        if (end == LOAD_END_RST_AFTER || strcmp(text, ends[end].name) != 0)
            continue;
        life->end = (enum load_end)end;
        return true;
    }
    return false;
}

bool load_per_conn_parse(const char *text, struct load_life *life)
{
    char expected[160];
    uint64_t value;
    const struct option_spec count = {.type = OPTION_COUNT, .place = &value, .min = 1, .max = INT64_MAX};
    const struct option_spec age = {.type = OPTION_TIME, .place = &value, .min = 1, .max = INT64_MAX};
    life->exchanges_max = life->age_max_ns = UINT64_MAX;
    if (option_value(&count, text, expected, sizeof(expected)))
        life->exchanges_max = value;
    else if (option_value(&age, text, expected, sizeof(expected)))
        life->age_max_ns = value;
    else
        return false;
    return true;
}

static bool is_one_of(weir_code code, const weir_code *codes)
{
    for (; *codes != WEIR_CODE_COUNT; codes++)
        if (*codes == code)
            return true;
    return false;
}

#define CODES(...) ((const weir_code[]){__VA_ARGS__, WEIR_CODE_COUNT})

bool load_outcome_explains(enum load_outcome outcome, weir_code code)
{
    switch ((int)outcome) {
    case LOAD_END_DRAIN:
    case LOAD_END_FIN:
        return code == WEIR_CODE_peer_fin_idle;
    case LOAD_END_HALF:
        /* The second where the server had read the request, and answered it, before it looked for the FIN. */
        return is_one_of(code, CODES(WEIR_CODE_peer_half_close, WEIR_CODE_peer_fin_idle));
    case LOAD_END_RST:
        return code == WEIR_CODE_peer_reset_idle;
    case LOAD_END_RST_AFTER:
        return is_one_of(code, CODES(WEIR_CODE_peer_reset_in_response, WEIR_CODE_peer_reset_in_handler,
                                     WEIR_CODE_peer_reset_idle));
    case LOAD_END_STALL:
        return is_one_of(code, CODES(WEIR_CODE_write_timeout, WEIR_CODE_idle_timeout));
    case LOAD_END_LEAVE:
        return is_one_of(code, CODES(WEIR_CODE_peer_fin_in_handler, WEIR_CODE_peer_fin_in_response));
    case LOAD_OUTCOME_UNUSED:
        return is_one_of(code, CODES(WEIR_CODE_peer_fin_unused, WEIR_CODE_peer_reset_unused));
    case LOAD_OUTCOME_BY_SERVER:
        return code == WEIR_CODE_close_requested ||
               (weir_code_class(code) == WEIR_CLASS_ROUTINE && weir_code_by(code) != WEIR_BY_PEER);
    case LOAD_OUTCOME_STOPPED:
        return is_one_of(code, CODES(WEIR_CODE_peer_reset_idle, WEIR_CODE_peer_reset_in_handler,
                                     WEIR_CODE_peer_reset_in_response, WEIR_CODE_peer_reset_unused));
    default:
        return false;
    }
}
