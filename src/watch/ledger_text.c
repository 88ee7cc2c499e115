#include <inttypes.h>

#include "base/ledger_layout.h"
#include "watch/ledger.h"
#include "watch/text.h"

/* The totals, by the names of the struct: JSON shows all, the text for people those that are not zero. */
struct total {
    const char *name;
    uint64_t value;
};

#define OCTET_TOTALS 6
static void octet_totals(struct total totals[OCTET_TOTALS], const weir_ledger *l)
{
    totals[0] = (struct total){"octets_in", l->octets_in};
    totals[1] = (struct total){"octets_queued", l->octets_queued};
    totals[2] = (struct total){"octets_acked", l->octets_acked};
    totals[3] = (struct total){"octets_unacked", l->octets_unacked};
    totals[4] = (struct total){"octets_unsent", l->octets_unsent};
    totals[5] = (struct total){"octets_in_flight", l->octets_in_flight};
}

static void json_tally(struct watch_text *out, const struct watch_tally *tally)
{
    const char *between = "";
    watch_text_printf(out, ",\"by_%s\":{", tally->name);
    for (unsigned i = 0; i < tally->count; i++) {
        if (tally->counts[i] == 0)
            continue;
        watch_text_printf(out, "%s", between);
        watch_text_json(out, tally->value_name(i));
        watch_text_printf(out, ":%" PRIu64, tally->counts[i]);
        between = ",";
    }
    watch_text_printf(out, "}");
}

static void json_exchanges(struct watch_text *out, const weir_ledger *l)
{
    struct watch_tally tallies[WATCH_EXCHANGE_TALLIES];
    watch_ledger_exchanges(tallies, l);
    watch_text_printf(out, ",\"exchanges\":{\"begun\":%" PRIu64 ",\"alive\":%" PRIu64 ",\"done\":%" PRIu64,
                      l->exchanges_begun, l->exchanges_begun - l->exchanges_done, l->exchanges_done);
    for (size_t i = 0; i < WATCH_EXCHANGE_TALLIES; i++)
        json_tally(out, &tallies[i]);
    watch_text_printf(out, "}");
}

static void json_responses(struct watch_text *out, const weir_ledger *l)
{
    const char *between = "";
    watch_text_printf(out, ",\"responses\":{");
    for (unsigned i = 1; i < 6; i++) {
        if (l->responses_by_status[i] == 0)
            continue;
        watch_text_printf(out, "%s\"%uxx\":%" PRIu64, between, i, l->responses_by_status[i]);
        between = ",";
    }
    watch_text_printf(out, "}");
}

int weir_ledger_json(const weir_ledger *theirs, char *text, size_t size)
{
    weir_ledger ours, *ledger = &ours;
    base_ledger_take(&ours, theirs);
    struct watch_text out = {text, size, 0};
    struct watch_tally tallies[WATCH_ENDED_TALLIES];
    struct total octets[OCTET_TOTALS];
    watch_text_printf(&out, "{\"accepted\":%" PRIu64 ",\"alive\":%" PRIu64 ",\"idle\":%" PRIu64 ",\"ended\":%" PRIu64,
                      ledger->accepted, ledger->alive, ledger->idle, watch_ledger_ended_sum(ledger));
    watch_ledger_ended(tallies, ledger);
    for (size_t i = 0; i < WATCH_ENDED_TALLIES; i++)
        json_tally(&out, &tallies[i]);
    json_exchanges(&out, ledger);
    octet_totals(octets, ledger);
    for (size_t i = 0; i < OCTET_TOTALS; i++)
        watch_text_printf(&out, ",\"%s\":%" PRIu64, octets[i].name, octets[i].value);
    json_responses(&out, ledger);
    watch_text_printf(&out,
                      ",\"accept_pauses\":%" PRIu64 ",\"accept_failures\":%" PRIu64 ",\"trailers_dropped\":%" PRIu64
                      ",\"balanced\":%s}",
                      ledger->accept_pauses, ledger->accept_failures, ledger->trailers_dropped,
                      watch_ledger_imbalance(ledger) == NULL ? "true" : "false");
    return watch_text_result(&out);
}

static void text_row(struct watch_text *out, const char *indent, const char *name, uint64_t value, const char *note)
{
    if (value != 0)
        watch_text_printf(out, "%s%-*s %14" PRIu64 "%s%s\n", indent, indent[0] == '\0' ? 30 : 28, name, value,
                          note[0] == '\0' ? "" : "  ", note);
}

static void text_tally(struct watch_text *out, const struct watch_tally *tally, bool with_class)
{
    if (watch_tally_sum(tally) == 0)
        return;
    watch_text_printf(out, "%s\n", tally->title);
    for (unsigned i = 0; i < tally->count; i++)
        text_row(out, "  ", tally->value_name(i), tally->counts[i],
                 with_class ? weir_class_name(weir_code_class((weir_code)i)) : "");
}

static void text_connections(struct watch_text *out, const weir_ledger *l)
{
    struct watch_tally tallies[WATCH_ENDED_TALLIES];
    watch_text_printf(out, "%-30s %14" PRIu64 "\n", "connections accepted", l->accepted);
    text_row(out, "  ", "alive", l->alive, "");
    text_row(out, "  ", "of these idle", l->idle, "");
    text_row(out, "  ", "ended", watch_ledger_ended_sum(l), "");
    watch_ledger_ended(tallies, l);
    for (size_t i = 0; i < WATCH_ENDED_TALLIES; i++)
        text_tally(out, &tallies[i], i == 0);
}

static void text_exchanges(struct watch_text *out, const weir_ledger *l)
{
    struct watch_tally tallies[WATCH_EXCHANGE_TALLIES];
    if (l->exchanges_begun == 0)
        return;
    text_row(out, "", "exchanges begun", l->exchanges_begun, "");
    text_row(out, "  ", "alive", l->exchanges_begun - l->exchanges_done, "");
    text_row(out, "  ", "done", l->exchanges_done, "");
    watch_ledger_exchanges(tallies, l);
    for (size_t i = 0; i < WATCH_EXCHANGE_TALLIES; i++)
        text_tally(out, &tallies[i], false);
    for (unsigned i = 1; i < 6; i++) {
        char name[] = "responses 0xx";
        name[10] = (char)('0' + i);
        text_row(out, "", name, l->responses_by_status[i], "");
    }
}

int weir_ledger_text(const weir_ledger *theirs, char *text, size_t size)
{
    weir_ledger ours, *ledger = &ours;
    base_ledger_take(&ours, theirs);
    struct watch_text out = {text, size, 0};
    text_connections(&out, ledger);
    text_exchanges(&out, ledger);
    text_row(&out, "", "octets in", ledger->octets_in, "");
    text_row(&out, "", "octets queued", ledger->octets_queued, "");
    text_row(&out, "  ", "acknowledged", ledger->octets_acked, "");
    text_row(&out, "  ", "sent, not acknowledged", ledger->octets_unacked, "");
    text_row(&out, "  ", "never sent", ledger->octets_unsent, "");
    text_row(&out, "  ", "in flight", ledger->octets_in_flight, "");
    text_row(&out, "", "accept pauses", ledger->accept_pauses, "");
    text_row(&out, "", "accept failures", ledger->accept_failures, "");
    text_row(&out, "", "trailers dropped", ledger->trailers_dropped, "");
    const char *imbalance = watch_ledger_imbalance(ledger);
    if (imbalance == NULL)
        watch_text_printf(&out, "the ledger balances\n");
    else
        watch_text_printf(&out, "the ledger does not balance: %s\n", imbalance);
    return watch_text_result(&out);
}
