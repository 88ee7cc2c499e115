/* The ledger as OpenMetrics text (version 1.0.0): a family at a time, counters end in _total, the last line is #
 * EOF. */
#include <inttypes.h>

#include "base/ledger_layout.h"
#include "watch/ledger.h"
#include "watch/text.h"

static void family(struct watch_text *out, const char *name, const char *type, const char *help)
{
    watch_text_printf(out, "# TYPE %s %s\n# HELP %s %s\n", name, type, name, help);
}

static void counter(struct watch_text *out, const char *name, uint64_t value, const char *help)
{
    family(out, name, "counter", help);
    watch_text_printf(out, "%s_total %" PRIu64 "\n", name, value);
}

static void gauge(struct watch_text *out, const char *name, uint64_t value, const char *help)
{
    family(out, name, "gauge", help);
    watch_text_printf(out, "%s %" PRIu64 "\n", name, value);
}

/* Small tables are shown whole, so that a rate exists from the first scrape on; of the many codes those that
 * happened. */
static void tally_counter(struct watch_text *out, const char *name, const struct watch_tally *tally, const char *help)
{
    bool many = tally->count == WEIR_CODE_MAX;
    family(out, name, "counter", help);
    for (unsigned i = 0; i < tally->count; i++) {
        if (many && tally->counts[i] == 0)
            continue;
        watch_text_printf(out, "%s_total{%s=\"%s\"", name, tally->name, tally->value_name(i));
        if (many)
            watch_text_printf(out, ",class=\"%s\"", weir_class_name(weir_code_class((weir_code)i)));
        watch_text_printf(out, "} %" PRIu64 "\n", tally->counts[i]);
    }
}

static void connections(struct watch_text *out, const weir_ledger *l)
{
    struct watch_tally t[WATCH_ENDED_TALLIES];
    counter(out, "weir_connections_accepted", l->accepted, "Connections accepted.");
    gauge(out, "weir_connections_alive", l->alive, "Connections that have not ended.");
    gauge(out, "weir_connections_idle", l->idle, "Of these, the ones between two exchanges.");
    watch_ledger_ended(t, l);
    tally_counter(out, "weir_connections_ended", &t[0],
                  "Connections that ended, by code; class is the usual one of the code.");
    tally_counter(out, "weir_connections_ended_stage", &t[1], "Connections that ended, by the stage they were in.");
    tally_counter(out, "weir_connections_ended_how", &t[2], "Connections that ended, by how.");
    tally_counter(out, "weir_connections_ended_by", &t[3], "Connections that ended, by who ended them.");
    tally_counter(out, "weir_connections_ended_delivery", &t[4],
                  "Connections that ended, by the worst delivery of their answers.");
    tally_counter(out, "weir_connections_ended_class", &t[5], "Connections that ended, by the class they were judged.");
}

static void exchanges(struct watch_text *out, const weir_ledger *l)
{
    struct watch_tally t[WATCH_EXCHANGE_TALLIES];
    counter(out, "weir_exchanges_begun", l->exchanges_begun, "Exchanges begun.");
    counter(out, "weir_exchanges_done", l->exchanges_done, "Exchanges done.");
    watch_ledger_exchanges(t, l);
    tally_counter(out, "weir_exchanges_ended", &t[0], "Exchanges done, by code; class is the usual one of the code.");
    tally_counter(out, "weir_exchanges_delivery", &t[1],
                  "Exchanges of connections that ended and acknowledged ones of others, by delivery.");
    family(out, "weir_responses", "counter", "Responses begun, by the first digit of their status.");
    for (unsigned i = 1; i < 6; i++)
        watch_text_printf(out, "weir_responses_total{status=\"%uxx\"} %" PRIu64 "\n", i, l->responses_by_status[i]);
}

static void octets(struct watch_text *out, const weir_ledger *l)
{
    counter(out, "weir_octets_in", l->octets_in, "Octets that came.");
    counter(out, "weir_octets_queued", l->octets_queued, "Octets queued for peers.");
    counter(out, "weir_octets_acked", l->octets_acked, "Of these, acknowledged by the peers' TCP.");
    counter(out, "weir_octets_unacked", l->octets_unacked, "Sent and not acknowledged when the connection ended.");
    counter(out, "weir_octets_unsent", l->octets_unsent, "Never taken by the kernel.");
    gauge(out, "weir_octets_in_flight", l->octets_in_flight, "Queued on living connections, not acknowledged.");
}

int weir_ledger_metrics(const weir_ledger *theirs, char *text, size_t size)
{
    weir_ledger ours, *ledger = &ours;
    base_ledger_take(&ours, theirs);
    struct watch_text out = {text, size, 0};
    connections(&out, ledger);
    exchanges(&out, ledger);
    octets(&out, ledger);
    counter(&out, "weir_accept_pauses", ledger->accept_pauses, "Times that accepting paused.");
    counter(&out, "weir_accept_failures", ledger->accept_failures, "Calls of accept that failed.");
    counter(&out, "weir_trailers_dropped", ledger->trailers_dropped, "Trailer fields that may not be trailers.");
    watch_text_printf(&out, "# EOF\n");
    return watch_text_result(&out);
}
