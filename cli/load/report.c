#include "load/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "load/fail.h"
#include "load/ledger.h"

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

enum { NAME_WIDTH = 26, NOTE_COLUMN = 2 + NAME_WIDTH + 1 + 10 + 3, WIDTH_MIN = 60 };

/* `width` of a terminal; 0: notes are not broken. */
static void row(struct text *out, size_t width, const char *name, uint64_t value, const char *note)
{
    text_printf(out, "  %-*s %10" PRIu64, NAME_WIDTH, name, value);
    if (note[0] != '\0') {
        text_printf(out, "   ");
        text_wrapped(out, NOTE_COLUMN, width, note);
    }
    text_printf(out, "\n");
}

static void heading(struct text *out, const char *name, uint64_t value, const char *note)
{
    text_printf(out, "\n%-*s %10" PRIu64 "%s%s\n", NAME_WIDTH + 2, name, value, note[0] != '\0' ? "   " : "", note);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Why there is no rate. */
static const char *why_nothing(const struct load_tally *t)
{
    return t->opened == 0                          ? "no connection came to be"
           : t->exchanges[WEIR_CODE_complete] == 0 ? "no answer was whole"
                                                   : "the run was over before its warm-up was";
}

static void summary(struct text *out, const struct load_result *r)
{
    const struct load_tally *t = r->tally;
    const struct load_options *o = r->options;
    char seconds[16], in[24];
    load_report_time(seconds, t->measured_ns);
    octets(in, t->measured_ns == 0 ? 0 : (double)t->measured_octets * 1e9 / (double)t->measured_ns);
    text_printf(out, "%s  (%s)\n%" PRIu64 " connection%s, %" PRIu64 " thread%s", o->target.url, o->target.text,
                o->connections, plural(o->connections), o->threads, plural(o->threads));
    if (o->rate != 0)
        text_printf(out, ", planned %" PRIu64 "/s", o->rate);
    if (o->pipeline > 1)
        text_printf(out, ", pipelined %" PRIu64, o->pipeline);
    text_printf(out, "%s\n\n", r->interrupted ? ", stopped before its time" : "");
    if (load_reason_is_failure(t->reason))
        text_printf(out, "%-14s %s: %s\n", "ended", load_reason_name(t->reason), load_reason_text(t->reason));
    if (t->measured == 0)
        text_printf(out, "%-14s nothing was measured: %s\n", "rate", why_nothing(t));
    else
        text_printf(out, "%-14s %.1f/s: %" PRIu64 " answer%s in %s, %s/s\n", "rate", load_tally_rate(t), t->measured,
                    plural(t->measured), seconds, in);
}

static void times_title(struct text *out)
{
    text_printf(out, "\n%-14s %-8s %-8s %-8s %-8s %-8s %-8s %s\n", "", "p50", "p90", "p99", "p99.9", "p99.99", "max",
                "mean");
}

static void times(struct text *out, const char *name, const struct histogram *h)
{
    static const double percentiles[] = {50, 90, 99, 99.9, 99.99};
    char text[16];
    if (h->total == 0)
        return;
    text_printf(out, "%-14s", name);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        load_report_time(text, histogram_percentile(h, percentiles[i]));
        text_printf(out, " %-8s", text);
    }
    load_report_time(text, histogram_max(h));
    text_printf(out, " %-8s", text);
    load_report_time(text, (uint64_t)histogram_mean(h));
    text_printf(out, " %s\n", text);
}

static void codes(struct text *out, size_t width, const uint64_t counts[WEIR_CODE_COUNT], bool with_text)
{
    for (unsigned i = 0; i < WEIR_CODE_COUNT; i++)
        if (counts[i] != 0)
            row(out, width, weir_code_name((weir_code)i), counts[i], with_text ? weir_code_text((weir_code)i) : "");
}

static void statuses(struct text *out, const struct load_result *r)
{
    for (unsigned i = 0; i < LOAD_STATUS_COUNT; i++) {
        char name[16];
        bool doubtful = i >= 400 && r->options->expect_status == 0;
        (void)snprintf(name, sizeof(name), "status %03u", i);
        if (r->tally->status[i] != 0)
            row(out, r->width, name, r->tally->status[i],
                doubtful ? "no errors here, unless --expect-status asks for another" : "");
    }
}

static void exchanges(struct text *out, const struct load_result *r)
{
    const struct load_tally *t = r->tally;
    heading(out, "exchanges", t->begun, t->begun > 0 ? "by code:" : "");
    codes(out, r->width, t->exchanges, false);
    statuses(out, r);
    if (t->planned_unsent != 0)
        row(out, r->width, "planned, not sent", t->planned_unsent,
            "no connection was free in time: more of them, or less rate");
    uint64_t unsent = load_tally_unsent(t, r->options->requests);
    if (unsent > t->planned_unsent)
        row(out, r->width, "not sent", unsent, "of -n, before the run ended");
}

static void connections(struct text *out, const struct load_result *r)
{
    static const char *const others[] = {"opened, and not needed", "the server closed first",
                                         "cut when the run was stopped", "see errors"};
    const struct load_tally *t = r->tally;
    heading(out, "connections", t->opened, t->opened > 0 ? "by what became of them:" : "");
    for (int i = 0; i < LOAD_OUTCOME_COUNT; i++)
        if (t->by_outcome[i] != 0)
            row(out, r->width, load_outcome_name((enum load_outcome)i), t->by_outcome[i],
                i < (int)LOAD_END_COUNT ? load_end_text((enum load_end)i) : others[i - (int)LOAD_END_COUNT]);
    if (t->opened > 0)
        text_printf(out, "  by code:\n");
    codes(out, r->width, t->by_code, true);
    if (t->dialled > t->opened)
        row(out, r->width, "not opened", t->dialled - t->opened, "dials that came to nothing, or that a stop cut");
}

static void scenarios(struct text *out, const struct load_result *r)
{
    if (r->options->mix_file == NULL)
        return;
    text_printf(out, "\n%-20s %11s %10s %10s   seed %" PRIu64 "\n", "scenarios", "connections", "exchanges", "complete",
                r->options->seed);
    for (size_t i = 0; i < r->options->mix.count; i++) {
        const struct load_scenario_tally *s = &r->tally->scenarios[i];
        text_printf(out, "  %-18s %11" PRIu64 " %10" PRIu64 " %10" PRIu64 "   weight %" PRIu64 ", %s\n",
                    r->options->mix.list[i].name, s->connections, s->exchanges, s->complete,
                    r->options->mix.list[i].weight, load_end_name(r->options->mix.list[i].life.end));
    }
}

static void errors(struct text *out, const struct load_result *r)
{
    const struct load_tally *t = r->tally;
    heading(out, "errors", load_tally_errors(t), "");
    codes(out, r->width, t->errors, true);
    if (t->not_as_expected != 0)
        row(out, r->width, "unexpected_status", t->not_as_expected, "not the one of --expect-status");
}

static void fails(struct text *out, const struct load_result *r)
{
    const struct load_options *o = r->options;
    if (o->fail_count > 0)
        text_printf(out, "\n%-*s %10s\n", NAME_WIDTH + 2, "fails if", "it is");
    for (size_t i = 0; i < o->fail_count; i++) {
        char value[32];
        load_fail_value_text(value, &o->fails[i], r->fails[i].value);
        text_printf(out, "  %-*s %10s   %s\n", NAME_WIDTH, o->fails[i].text, r->fails[i].nothing ? "nothing" : value,
                    r->fails[i].failed ? "FAILED" : "ok");
    }
}

void load_report_text(struct text *out, const struct load_result *given)
{
    struct load_result r = *given;
    if (r.width < WIDTH_MIN)
        r.width = 0;
    summary(out, &r);
    if (r.tally->latency.total + r.tally->connect.total > 0)
        times_title(out);
    times(out, "latency", &r.tally->latency);
    times(out, "first octet", &r.tally->first_octet);
    times(out, "connect", &r.tally->connect);
    exchanges(out, &r);
    connections(out, &r);
    scenarios(out, &r);
    errors(out, &r);
    fails(out, &r);
    if (r.table != NULL)
        load_ledger_text(out, r.table);
}
