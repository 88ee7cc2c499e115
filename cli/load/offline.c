#include "load/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/whole_file.h"
#include "load/compare.h"
#include "load/histogram_log.h"
#include "load/report.h"

struct run {
    double rate;
    uint64_t errors;
    struct histogram latency;
};

static bool read_run(struct run *run, const char *file)
{
    json_error_t error;
    json_t *document = json_load_file(file, 0, &error);
    if (document == NULL) {
        (void)fprintf(stderr, "weir load: %s: %s\n", file, error.text);
        return false;
    }
    const json_t *latency = json_object_get(document, "latency_ns");
    const char *hdr = json_string_value(json_object_get(latency, "hdr"));
    const char *wrong = "not a document of weir load --json";
    if (json_integer_value(json_object_get(document, "weir_load")) == 1 && hdr != NULL) {
        run->rate = json_number_value(json_object_get(document, "rate"));
        run->errors = (uint64_t)json_integer_value(json_object_get(json_object_get(document, "errors"), "total"));
        wrong = histogram_decode(&run->latency, weir_str_from(hdr));
    }
    json_decref(document);
    if (wrong != NULL)
        (void)fprintf(stderr, "weir load: %s: %s\n", file, wrong);
    return wrong == NULL;
}

static void row_text(struct text *out, const char *name, const char *a, const char *b, const struct comparison *c)
{
    static const char *const verdicts[] = {"less", "these runs do not tell", "more"};
    text_printf(out, "%-14s %14s %14s   x %.3f", name, a, b, c->ratio);
    if (isfinite(c->high))
        text_printf(out, "   [%.3f, %.3f]   %s", c->low, c->high, verdicts[compare_verdict(c) + 1]);
    text_printf(out, "\n");
}

static void row_json(struct text *out, const char *name, double a, double b, const struct comparison *c)
{
    text_printf(out, ",\"%s\":{\"a\":%.9g,\"b\":%.9g,\"ratio\":%.6g", name, a, b, c->ratio);
    if (isfinite(c->high))
        text_printf(out, ",\"low\":%.6g,\"high\":%.6g,\"verdict\":%d", c->low, c->high, compare_verdict(c));
    text_printf(out, "}");
}

static void compare_rates(struct text *out, const struct run *a, const struct run *b, bool json)
{
    struct comparison c;
    char a_text[32], b_text[32];
    if (!compare_values(&a->rate, 1, &b->rate, 1, &c))
        return;
    (void)snprintf(a_text, sizeof(a_text), "%.1f/s", a->rate);
    (void)snprintf(b_text, sizeof(b_text), "%.1f/s", b->rate);
    if (json)
        row_json(out, "rate", a->rate, b->rate, &c);
    else
        row_text(out, "rate", a_text, b_text, &c);
}

static void compare_latencies(struct text *out, const struct run *a, const struct run *b, bool json)
{
    static const double percentiles[] = {50, 90, 99, 99.9};
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        struct comparison c;
        char name[24], a_text[16], b_text[16];
        uint64_t a_ns = histogram_percentile(&a->latency, percentiles[i]);
        uint64_t b_ns = histogram_percentile(&b->latency, percentiles[i]);
        if (!compare_percentile(&a->latency, &b->latency, percentiles[i], &c))
            continue;
        (void)snprintf(name, sizeof(name), "%s%.6g", json ? "latency_p" : "latency p", percentiles[i]);
        load_report_time(a_text, a_ns);
        load_report_time(b_text, b_ns);
        if (json)
            row_json(out, name, (double)a_ns, (double)b_ns, &c);
        else
            row_text(out, name, a_text, b_text, &c);
    }
}

static int print(struct text *out)
{
    weir_str view = text_view(out);
    bool done = !out->cut && fwrite(view.ptr, 1, view.len, stdout) == view.len && fflush(stdout) == 0;
    text_free(out);
    return done ? 0 : 1;
}

int load_compare(const struct load_options *o)
{
    struct run a = {.rate = 0}, b = {.rate = 0};
    struct text out = text_growing();
    int status = 1;
    if (read_run(&a, o->operands[0]) && read_run(&b, o->operands[1])) {
        if (o->json)
            text_printf(&out, "{\"errors\":[%" PRIu64 ",%" PRIu64 "]", a.errors, b.errors);
        else
            text_printf(&out, "%-14s %14s %14s   B / A, and its interval of 95 %% within these two runs\n", "", "A",
                        "B");
        compare_rates(&out, &a, &b, o->json);
        compare_latencies(&out, &a, &b, o->json);
        if (o->json)
            text_printf(&out, "}\n");
        else if (a.errors + b.errors > 0)
            text_printf(&out, "errors: %" PRIu64 " in A, %" PRIu64 " in B\n", a.errors, b.errors);
        status = print(&out);
    }
    histogram_fini(&a.latency);
    histogram_fini(&b.latency);
    text_free(&out);
    return status;
}

static void merged(struct text *out, const struct histogram_log_sum *sum, bool json)
{
    static const double percentiles[] = {0, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100};
    const struct histogram *h = &sum->histogram;
    char text[16];
    if (json) {
        text_printf(out, "{\"intervals\":%" PRIu64, sum->intervals);
        load_report_histogram_json(out, "latency_ns", h);
        text_printf(out, "}\n");
        return;
    }
    text_printf(out, "%" PRIu64 " latencies of %" PRIu64 " intervals\n", h->total, sum->intervals);
    for (size_t i = 0; i < sizeof(percentiles) / sizeof(percentiles[0]); i++) {
        load_report_time(text, histogram_percentile(h, percentiles[i]));
        text_printf(out, "p%-10.6g %s\n", percentiles[i], text);
    }
    load_report_time(text, (uint64_t)histogram_mean(h));
    text_printf(out, "mean        %s\n", text);
}

/* --histogram with --merge: the sum goes there, for other tools. */
static bool write_sum(const char *file, const struct histogram_log_sum *sum)
{
    struct whole_file out;
    uint64_t span_ns = sum->last_ns > sum->first_ns ? sum->last_ns - sum->first_ns : 0;
    bool done = whole_file_open(&out, file);
    if (done) {
        done = histogram_log_open(out.out, "weir load --merge", sum->first_ns) &&
               histogram_log_write(out.out, NULL, sum->first_ns, span_ns, &sum->histogram);
        done = whole_file_close(&out, done);
    }
    if (!done)
        (void)fprintf(stderr, "weir load: --histogram is '%s': %s\n", file, strerror(errno));
    return done;
}

int load_merge(const struct load_options *o)
{
    struct histogram_log_sum sum = {.intervals = 0};
    char error[HISTOGRAM_LOG_ERROR_MAX];
    struct text out = text_growing();
    int status = 0;
    for (size_t i = 0; i < o->operand_count && status == 0; i++) {
        if (histogram_log_sum_file(&sum, o->operands[i], NULL, error))
            continue;
        (void)fprintf(stderr, "weir load: %s\n", error);
        status = 1;
    }
    if (status == 0) {
        merged(&out, &sum, o->json);
        status = print(&out);
        if (o->histogram != NULL && !write_sum(o->histogram, &sum))
            status = 1;
    }
    text_free(&out);
    histogram_log_sum_fini(&sum);
    return status;
}
