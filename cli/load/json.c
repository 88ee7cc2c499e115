/* The report of `weir load` as one JSON document; its fields are described in docs/man/weir-load.1.scd. */
#include <inttypes.h>

#include "load/fail.h"
#include "load/histogram_log.h"
#include "load/ledger.h"
#include "load/report.h"

static void number(struct text *out, const char *name, uint64_t value)
{
    text_printf(out, ",\"%s\":%" PRIu64, name, value);
}

static void string(struct text *out, const char *name, const char *value)
{
    text_printf(out, ",\"%s\":", name);
    text_json(out, weir_str_from(value));
}

/* Those that are not zero, by name. */
static void counts(struct text *out, const char *name, const uint64_t *values, unsigned count,
                   const char *(*name_of)(unsigned))
{
    const char *between = "";
    text_printf(out, ",\"%s\":{", name);
    for (unsigned i = 0; i < count; i++) {
        if (values[i] == 0)
            continue;
        text_printf(out, "%s\"%s\":%" PRIu64, between, name_of(i), values[i]);
        between = ",";
    }
    text_printf(out, "}");
}

static const char *code_name(unsigned i)
{
    return weir_code_name((weir_code)i);
}

static const char *outcome_name(unsigned i)
{
    return load_outcome_name((enum load_outcome)i);
}

static const char *class_name(unsigned i)
{
    return weir_class_name((weir_class)i);
}

static const char *delivery_name(unsigned i)
{
    return weir_delivery_name((weir_delivery)i);
}

static const char *status_class_name(unsigned i)
{
    static const char *const names[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    return names[i];
}

void load_report_histogram_json(struct text *out, const char *name, const struct histogram *h)
{
    static const double percentiles[] = {50, 75, 90, 99, 99.9, 99.99, 99.999};
    text_printf(out,
                ",\"%s\":{\"count\":%" PRIu64 ",\"min\":%" PRIu64 ",\"mean\":%.1f,\"stddev\":%.1f,\"max\":%" PRIu64,
                name, h->total, histogram_min(h), histogram_mean(h), histogram_stddev(h), histogram_max(h));
    text_printf(out, ",\"percentiles\":{");
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++)
        text_printf(out, "%s\"%.6g\":%" PRIu64, i == 0 ? "" : ",", percentiles[i],
                    histogram_percentile(h, percentiles[i]));
    text_printf(out, "},\"hdr\":\"");
    if (!histogram_encode(h, out))
        out->cut = true;
    text_printf(out, "\"}");
}

static void asked_for(struct text *out, const struct load_options *o)
{
    text_printf(out,
                ",\"options\":{\"connections\":%" PRIu64 ",\"threads\":%" PRIu64 ",\"pipeline\":%" PRIu64
                ",\"timeout_ns\":%" PRIu64 ",\"warmup_ns\":%" PRIu64 ",\"seed\":%" PRIu64,
                o->connections, o->threads, o->pipeline, o->timeout_ns, o->warmup_ns, o->seed);
    if (o->duration_ns != UINT64_MAX)
        number(out, "duration_ns", o->duration_ns);
    if (o->requests != UINT64_MAX)
        number(out, "requests", o->requests);
    if (o->rate != 0)
        number(out, "rate", o->rate);
    string(out, "end", o->end != NULL ? o->end : "drain");
    if (o->per_conn != NULL)
        string(out, "per_conn", o->per_conn);
    if (o->mix_file != NULL)
        string(out, "mix", o->mix_file);
    if (o->targets_file != NULL)
        string(out, "targets", o->targets_file);
    text_printf(out, "}");
}

static void connections(struct text *out, const struct load_tally *t)
{
    text_printf(out, ",\"connections\":{\"dialled\":%" PRIu64 ",\"opened\":%" PRIu64, t->dialled, t->opened);
    counts(out, "failed", t->failed, WEIR_CODE_COUNT, code_name);
    counts(out, "by_outcome", t->by_outcome, LOAD_OUTCOME_COUNT, outcome_name);
    counts(out, "by_code", t->by_code, WEIR_CODE_COUNT, code_name);
    counts(out, "by_class", t->by_class, WEIR_CLASS_COUNT, class_name);
    counts(out, "by_delivery", t->by_delivery, WEIR_DELIVERY_COUNT, delivery_name);
    number(out, "octets_in", t->octets_in);
    number(out, "octets_out", t->octets_out);
    text_printf(out, "}");
}

static void statuses(struct text *out, const struct load_tally *t)
{
    uint64_t classes[6];
    const char *between = "";
    for (unsigned i = 0; i < 6; i++)
        classes[i] = load_tally_status_class(t, i);
    counts(out, "by_status", classes, 6, status_class_name);
    text_printf(out, ",\"by_status_code\":{");
    for (unsigned i = 0; i < LOAD_STATUS_COUNT; i++) {
        if (t->status[i] == 0)
            continue;
        text_printf(out, "%s\"%03u\":%" PRIu64, between, i, t->status[i]);
        between = ",";
    }
    text_printf(out, "}");
}

static void exchanges(struct text *out, const struct load_tally *t, const struct load_options *o)
{
    text_printf(out, ",\"exchanges\":{\"begun\":%" PRIu64, t->begun);
    counts(out, "by_code", t->exchanges, WEIR_CODE_COUNT, code_name);
    statuses(out, t);
    number(out, "cut_as_asked", t->cut_as_asked);
    number(out, "planned_unsent", t->planned_unsent);
    number(out, "unsent", load_tally_unsent(t, o->requests));
    text_printf(out, "}");
}

static void scenarios(struct text *out, const struct load_result *r)
{
    text_printf(out, ",\"scenarios\":[");
    for (size_t i = 0; i < r->options->mix.count; i++) {
        const struct load_scenario *s = &r->options->mix.list[i];
        const struct load_scenario_tally *t = &r->tally->scenarios[i];
        text_printf(out, "%s{\"name\":", i == 0 ? "" : ",");
        text_json(out, weir_str_from(s->name));
        number(out, "weight", s->weight);
        string(out, "path", s->request.path);
        if (s->targets_file != NULL)
            number(out, "targets", s->targets.count);
        string(out, "end", load_end_name(s->life.end));
        number(out, "connections", t->connections);
        number(out, "exchanges", t->exchanges);
        number(out, "complete", t->complete);
        text_printf(out, "}");
    }
    text_printf(out, "]");
}

static void errors(struct text *out, const struct load_tally *t)
{
    text_printf(out, ",\"errors\":{\"total\":%" PRIu64, load_tally_errors(t));
    number(out, "unexpected_status", t->not_as_expected);
    counts(out, "by_code", t->errors, WEIR_CODE_COUNT, code_name);
    text_printf(out, "}");
}

static void fails(struct text *out, const struct load_result *r)
{
    const struct load_options *o = r->options;
    text_printf(out, ",\"fail_if\":[");
    for (size_t i = 0; i < o->fail_count; i++) {
        text_printf(out, "%s{\"if\":", i == 0 ? "" : ",");
        text_json(out, weir_str_from(o->fails[i].text));
        text_printf(out, ",\"failed\":%s,\"value\":", r->fails[i].failed ? "true" : "false");
        text_printf(out, r->fails[i].nothing ? "null}" : "%.9g}", r->fails[i].value);
    }
    text_printf(out, "]");
}

void load_report_json(struct text *out, const struct load_result *r)
{
    const struct load_tally *t = r->tally;
    text_printf(out, "{\"weir_load\":1,\"url\":");
    text_json(out, weir_str_from(r->options->target.url));
    string(out, "address", r->options->target.text);
    number(out, "began_unix_ns", r->began_unix_ns);
    text_printf(out, ",\"interrupted\":%s", r->interrupted ? "true" : "false");
    string(out, "ended_by", load_reason_name(t->reason));
    asked_for(out, r->options);
    number(out, "measured", t->measured);
    number(out, "measured_ns", t->measured_ns);
    text_printf(out, ",\"rate\":%.3f", load_tally_rate(t));
    number(out, "measured_octets", t->measured_octets);
    load_report_histogram_json(out, "latency_ns", &t->latency);
    load_report_histogram_json(out, "first_octet_ns", &t->first_octet);
    load_report_histogram_json(out, "connect_ns", &t->connect);
    exchanges(out, t, r->options);
    connections(out, t);
    scenarios(out, r);
    errors(out, t);
    fails(out, r);
    if (r->table != NULL) {
        text_printf(out, ",\"server\":");
        load_ledger_json(out, r->table);
    }
    text_printf(out, "}\n");
}
