/* How endings are named and written. */
#include <inttypes.h>
#include <string.h>

#include "fault/conn.h"
#include "fault/proxy.h"

static const char *const names[] = {
#define X(name, text) #name,
    FAULT_CODES(X)
#undef X
};

static const char *const texts[] = {
#define X(name, text) text,
    FAULT_CODES(X)
#undef X
};

const char *fault_code_name(enum fault_code code)
{
    return names[code];
}

const char *fault_code_text(enum fault_code code)
{
    return texts[code];
}

static void string(struct text *text, const char *name, const char *value)
{
    text_printf(text, ",\"%s\":", name);
    text_json(text, weir_str_from(value));
}

void fault_conn_json(struct text *text, const struct fault_conn *conn, uint64_t now_ns)
{
    static const char *const by[] = {"client", "server", "fault", "operator", "network", "kernel"};
    const struct fault_pipe *up = &conn->pipes[FAULT_UP], *down = &conn->pipes[FAULT_DOWN];
    struct text plan = text_growing();
    char listen[FAULT_ADDRESS_TEXT];
    fault_plan_text(&plan, &conn->plan);
    text_printf(text, "{\"time\":\"");
    text_time(text);
    text_printf(text, "\",\"connection\":%" PRIu64 ",\"seed\":%" PRIu64, conn->number, conn->proxy->plans.seed);
    string(text, "plan", plan.ptr != NULL ? plan.ptr : "");
    string(text, "code", fault_code_name(conn->code));
    string(text, "by", by[conn->by]);
    text_printf(text, ",\"octets_up\":%" PRIu64 ",\"octets_down\":%" PRIu64, up->forwarded, down->forwarded);
    text_printf(text, ",\"dropped_up\":%" PRIu64 ",\"dropped_down\":%" PRIu64, up->discarded, down->discarded);
    text_printf(text, ",\"lived_ms\":%.3f", (double)(now_ns - conn->accepted_ns) / (double)WEIR_MS);
    string(text, "client", conn->sides[FAULT_CLIENT].address);
    string(text, "server", conn->sides[FAULT_SERVER].address);
    const char *os = conn->os != 0 ? strerrorname_np(conn->os) : "0";
    string(text, "os", os != NULL ? os : "unknown");
    fault_address_text(&conn->route->listen, listen);
    string(text, "listen", listen);
    text_printf(text, "}");
    text_free(&plan);
}
