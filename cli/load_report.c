#include "load_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load_ledger.h"

void load_report_time(char text[16], uint64_t ns)
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t i = 0;
    while (i < 3 && (double)ns < units[i].ns * 0.9995)
        i++;
    double value = (double)ns / units[i].ns;
    int digits = value >= 99.95 || i == 3 ? 0 : value >= 9.995 ? 1 : 2;
    (void)snprintf(text, 16, "%.*f %s", digits, value, units[i].unit);
}

static void octets(char text[24], double value)
{
    static const char *const units[] = {"octets", "KiB", "MiB", "GiB", "TiB"};
    size_t i = 0;
    for (; value >= 1024 && i < 4; i++)
        value /= 1024;
    (void)snprintf(text, 24, "%.*f %s", i == 0 || value >= 100 ? 0 : 1, value, units[i]);
}

static void row(struct text *out, const char *name, uint64_t value, const char *note)
{
    text_printf(out, "  %-26s %12" PRIu64 "%s%s\n", name, value, note[0] == '\0' ? "" : "   ", note);
}

static void summary(struct text *out, const struct load_result *r)
{
    const struct load_tally *t = r->tally;
    char seconds[16], in[24];
    load_report_time(seconds, t->measured_ns);
    octets(in, t->measured_ns == 0 ? 0 : (double)t->measured_octets * 1e9 / (double)t->measured_ns);
    text_printf(out, "%s  (%s)\n%" PRIu64 " connections, %" PRIu64 " thread%s", r->options->target.url,
                r->options->target.text, r->options->connections, r->options->threads,
                r->options->threads == 1 ? "" : "s");
    if (r->options->rate != 0)
        text_printf(out, ", planned %" PRIu64 "/s", r->options->rate);
    if (r->options->pipeline > 1)
        text_printf(out, ", pipelined %" PRIu64, r->options->pipeline);
    text_printf(out, "%s\n\n", r->interrupted ? ", stopped before its time" : "");
    text_printf(out, "%-14s %.1f/s   %" PRIu64 " answers to what was asked in %s, %s in a second\n", "rate",
                load_tally_rate(t), t->measured, seconds, in);
}

static void times(struct text *out, const char *name, const struct histogram *h)
{
    static const double percentiles[] = {50, 90, 99, 99.9, 99.99};
    static const char *const names[] = {"p50", "p90", "p99", "p99.9", "p99.99"};
    char text[16];
    if (h->total == 0)
        return;
    text_printf(out, "%-14s", name);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        load_report_time(text, histogram_percentile(h, percentiles[i]));
        text_printf(out, " %s %-8s", names[i], text);
    }
    load_report_time(text, histogram_max(h));
    text_printf(out, " max %-8s", text);
    load_report_time(text, (uint64_t)histogram_mean(h));
    text_printf(out, " mean %s\n", text);
}

static void codes(struct text *out, const uint64_t counts[WEIR_CODE_COUNT], bool with_text)
{
    for (unsigned i = 0; i < WEIR_CODE_COUNT; i++)
        if (counts[i] != 0)
            row(out, weir_code_name((weir_code)i), counts[i], with_text ? weir_code_text((weir_code)i) : "");
}

static void exchanges(struct text *out, const struct load_tally *t)
{
    text_printf(out, "\n%-28s %12" PRIu64 "   by code:\n", "exchanges", t->begun);
    codes(out, t->exchanges, false);
    for (unsigned i = 0; i < 6; i++) {
        char name[] = "status 0xx";
        name[7] = (char)('0' + i);
        if (t->status[i] != 0)
            row(out, i == 0 ? "another status" : name, t->status[i], "");
    }
    if (t->planned_unsent != 0)
        row(out, "planned, not sent", t->planned_unsent, "no connection was free in time: more of them, or less rate");
}

static void connections(struct text *out, const struct load_tally *t)
{
    text_printf(out, "\n%-28s %12" PRIu64 "   by what became of them:\n", "connections", t->opened);
    for (int i = 0; i < LOAD_OUTCOME_COUNT; i++) {
        static const char *const others[] = {"opened, and not needed", "the server closed first",
                                             "cut when the run was stopped", "see errors"};
        if (t->by_outcome[i] != 0)
            row(out, load_outcome_name((enum load_outcome)i), t->by_outcome[i],
                i < (int)LOAD_END_COUNT ? load_end_text((enum load_end)i) : others[i - (int)LOAD_END_COUNT]);
    }
    text_printf(out, "  by code:\n");
    codes(out, t->by_code, true);
}

static void scenarios(struct text *out, const struct load_result *r)
{
    if (r->options->mix_file == NULL)
        return;
    text_printf(out, "\n%-28s %12s %12s %12s   seed %" PRIu64 "\n", "scenarios", "connections", "exchanges", "complete",
                r->options->seed);
    for (size_t i = 0; i < r->options->mix.count; i++) {
        const struct load_scenario_tally *s = &r->tally->scenarios[i];
        text_printf(out, "  %-26s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "   weight %" PRIu64 ", %s\n",
                    r->options->mix.list[i].name, s->connections, s->exchanges, s->complete,
                    r->options->mix.list[i].weight, load_end_name(r->options->mix.list[i].life.end));
    }
}

static void errors(struct text *out, const struct load_tally *t)
{
    uint64_t sum = load_tally_errors(t);
    text_printf(out, "\n%-28s %12" PRIu64 "\n", "errors", sum);
    codes(out, t->errors, true);
    if (t->not_as_expected != 0)
        row(out, "unexpected_status", t->not_as_expected, "not the one of --expect-status");
}

void load_report_text(struct text *out, const struct load_result *r)
{
    summary(out, r);
    times(out, "latency", &r->tally->latency);
    times(out, "first octet", &r->tally->first_octet);
    times(out, "connect", &r->tally->connect);
    exchanges(out, r->tally);
    connections(out, r->tally);
    scenarios(out, r);
    errors(out, r->tally);
    if (r->table != NULL)
        load_ledger_text(out, r->table);
}
