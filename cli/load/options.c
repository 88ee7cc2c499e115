#include "load/options.h"

#include <errno.h>
#include <string.h>

#include "common/whole_file.h"

#define NAME "weir load"

static const char examples[] =
    "  weir load http://127.0.0.1:8080/                     10 connections for 10 s\n"
    "  weir load -c 100 -d 30s -t 2 http://127.0.0.1:8080/  more of both\n"
    "  weir load --rate 2000 -d 1m URL                      an open loop: latency from the planned instant\n"
    "  weir load -c 50 -n 10000 --per-conn 1 --end rst URL  10,000 connections, each reset after its answer\n"
    "  weir load --server-endings http://HOST:PORT/.weir/endings URL   and what the server says of them\n"
    "  weir load --mix mix.ini --seed 7 URL                 several scenarios, by weight\n"
    "  weir load --targets requests.txt URL                 many requests, by weight\n"
    "  weir load --fail-if 'p99>10ms' --fail-if 'errors>0.1%' URL      exit status 1 if one of them holds\n"
    "  weir load --compare before.json after.json           two runs, with confidence\n";

static void notes(FILE *out)
{
    (void)fputs("\nHow a connection ends, after its last exchange (--per-conn) or when the run is over:\n", out);
    for (int end = 0; end < LOAD_END_COUNT; end++)
        (void)fprintf(out, "  %-12s%s\n", load_end_name((enum load_end)end), load_end_text((enum load_end)end));
    (void)fputs(
        "\nA mix is a file of scenarios, one drawn for each connection; what one leaves out is as the options say:\n"
        "  [browse]\n  weight = 9\n  path = /bytes/2000\n\n"
        "  [upload]\n  weight = 1\n  method = POST\n  path = /digest\n  body = photo.raw\n  end = rst\n"
        "\nTargets are lines, [METHOD] URL [KEY=VALUE]..., one drawn for each request:\n"
        "  GET /search?q=a weight=5\n  POST /digest body=photo.raw field='Content-Type: image/jpeg'\n"
        "\nSIGINT ends the run in order, with its report; a second one cuts what is left.\n",
        out);
}

static bool wrong(const char *option, const char *value, const char *expected)
{
    (void)fprintf(stderr, NAME ": %s is '%s': expected %s\n", option, value, expected);
    return false;
}

static bool read_life(const struct load_options *o, struct load_life *life)
{
    *life = (struct load_life){.end = LOAD_END_DRAIN, .exchanges_max = UINT64_MAX, .age_max_ns = UINT64_MAX};
    if (o->end != NULL && !load_end_parse(o->end, life))
        return wrong("--end", o->end, LOAD_END_EXPECTED);
    if (o->per_conn != NULL && !load_per_conn_parse(o->per_conn, life))
        return wrong("--per-conn", o->per_conn, LOAD_PER_CONN_EXPECTED);
    return true;
}

static bool fill_scenario(const struct load_options *o, struct load_scenario *scenario)
{
    for (size_t i = 0; i < o->fields.count; i++)
        if (!load_request_field(&scenario->request, o->fields.values[i]))
            return wrong("--field", o->fields.values[i], "Name: value");
    if (o->method != NULL && !weir_field_name_valid(weir_str_from(o->method)))
        return wrong("--method", o->method, "a token such as GET");
    if (o->method != NULL && !load_request_method(&scenario->request, o->method))
        return wrong("--method", o->method, "more memory");
    if (o->body != NULL && !load_request_body(&scenario->request, o->body)) {
        (void)fprintf(stderr, NAME ": --body is '%s': %s\n", o->body, strerror(errno));
        return false;
    }
    if (o->targets_file != NULL && (scenario->targets_file = strdup(o->targets_file)) == NULL)
        return wrong("--targets", o->targets_file, "more memory");
    return true;
}

static bool settle_mix(struct load_options *o)
{
    char error[600];
    for (size_t i = 0; i < o->mix.count; i++) {
        struct load_scenario *scenario = &o->mix.list[i];
        if (load_scenario_settle(scenario, o->target.host, error, sizeof(error)))
            continue;
        if (o->mix_file != NULL)
            (void)fprintf(stderr, NAME ": --mix: %s: [%s]: %s\n", o->mix_file, scenario->name, error);
        else
            (void)fprintf(stderr, NAME ": %s%s\n", o->targets_file != NULL ? "--" : "", error);
        return false;
    }
    return true;
}

/* Of one scenario, or of those of a file. */
static bool make_mix(struct load_options *o)
{
    char error[400];
    struct load_life life;
    struct load_scenario base;
    if (!read_life(o, &life))
        return false;
    if (!load_scenario_init(&base, "all", o->target.path, &life))
        return wrong("the URL", o->target.url, "more memory");
    o->mix.seed = o->seed;
    bool done = fill_scenario(o, &base);
    if (done && o->mix_file != NULL) {
        done = load_mix_read(&o->mix, o->mix_file, &base, error, sizeof(error));
        if (!done)
            (void)fprintf(stderr, NAME ": --mix: %s\n", error);
    } else if (done) {
        o->mix.list[0] = base;
        o->mix.count = o->mix.weights = 1;
        return true;
    }
    load_scenario_fini(&base);
    return done;
}

static bool read_fails(struct load_options *o)
{
    char error[400];
    for (; o->fail_count < o->fail_texts.count; o->fail_count++) {
        const char *text = o->fail_texts.values[o->fail_count];
        if (load_fail_parse(&o->fails[o->fail_count], text, error, sizeof(error)))
            continue;
        (void)fprintf(stderr, NAME ": --fail-if is '%s': %s\n", text, error);
        return false;
    }
    return true;
}

static bool check(struct load_options *o)
{
    if (!read_fails(o))
        return false;
    if (o->streams > 1) {
        (void)fputs(NAME ": --streams needs HTTP/2, which is not in this build: expected 1\n", stderr);
        return false;
    }
    if (o->threads > o->connections)
        o->threads = o->connections;
    if (o->requests < o->threads)
        o->threads = o->requests;
    if (o->duration_ns == 0)
        o->duration_ns = o->requests != UINT64_MAX ? UINT64_MAX : 10 * WEIR_SECOND;
    return true;
}

/* Without a run, what shapes a run has no meaning. */
static bool check_without_run(const struct load_options *o, const struct option_command *command)
{
    const char *mode = o->compare ? "compare" : "merge";
    for (size_t i = 0; i < command->count; i++) {
        const struct option_spec *spec = &command->specs[i];
        bool fits = strcmp(spec->name != NULL ? spec->name : mode, mode) == 0 || spec->place == &o->json ||
                    (o->merge && spec->place == &o->histogram);
        if (!spec->given || fits)
            continue;
        (void)fprintf(stderr, NAME ": --%s has no meaning with --%s, which makes no run\n", spec->name, mode);
        return false;
    }
    return true;
}

static bool take_operands(struct load_options *o, int argc, char **argv, int operand)
{
    o->operands = (const char *const *)&argv[operand];
    o->operand_count = (size_t)(argc - operand);
    if (o->compare && o->merge)
        return wrong("--compare", "given with --merge", "one of the two");
    if (o->compare && o->operand_count != 2) {
        (void)fputs(NAME ": --compare takes two files that --json made: A.json B.json\n", stderr);
        return false;
    }
    if (o->merge && o->operand_count < 1) {
        (void)fputs(NAME ": --merge takes the files that --histogram made: FILE...\n", stderr);
        return false;
    }
    if (o->compare || o->merge || o->operand_count == 1)
        return true;
    if (o->operand_count == 0)
        (void)fputs(NAME ": a URL is needed, such as http://127.0.0.1:8080/; see weir load --help\n", stderr);
    else
        (void)fprintf(stderr, NAME ": '%s' is not expected: one URL is; see weir load --help\n", o->operands[1]);
    return false;
}

static bool make_target(struct load_options *o, int *status)
{
    char error[300];
    bool usage;
    if (load_target_init(&o->target, o->operands[0], o->unix_path, error, sizeof(error), &usage))
        return true;
    (void)fprintf(stderr, NAME ": %s\n", error);
    *status = usage ? 2 : 1;
    return false;
}

/* A run of an hour shall not end with a file that cannot be written. */
static bool check_histogram(const struct load_options *o, int *status)
{
    if (o->histogram == NULL || whole_file_check(o->histogram))
        return true;
    (void)fprintf(stderr, NAME ": --histogram is '%s': %s\n", o->histogram, strerror(errno));
    *status = 1;
    return false;
}

enum option_result load_options_parse(struct load_options *o, int argc, char **argv, int *status)
{
    *o = (struct load_options){.connections = 10,
                               .threads = 1,
                               .requests = UINT64_MAX,
                               .pipeline = 1,
                               .streams = 1,
                               .timeout_ns = 30 * WEIR_SECOND,
                               .seed = 1};
    struct option_spec specs[] = {
        {.name = "connections",
         .letter = 'c',
         .type = OPTION_COUNT,
         .place = &o->connections,
         .min = 1,
         .max = 1000000,
         .help = "connections at once (10)"},
        {.name = "duration",
         .letter = 'd',
         .type = OPTION_TIME,
         .place = &o->duration_ns,
         .help = "how long (10s; with -n: until they are done)"},
        {.name = "requests",
         .letter = 'n',
         .type = OPTION_COUNT,
         .place = &o->requests,
         .help = "how many requests in all (unlimited)"},
        {.name = "threads",
         .letter = 't',
         .type = OPTION_COUNT,
         .place = &o->threads,
         .min = 1,
         .max = 1024,
         .help = "threads; connections and requests are shared out (1)"},
        {.name = "rate",
         .type = OPTION_COUNT,
         .place = &o->rate,
         .min = 1,
         .max = 1000000000,
         .help = "requests a second at planned instants: an open loop (a closed one)"},
        {.name = "pipeline",
         .type = OPTION_COUNT,
         .place = &o->pipeline,
         .min = 1,
         .max = LOAD_PIPELINE_MAX,
         .help = "requests under way on a connection (1)"},
        {.name = "streams",
         .letter = 'm',
         .type = OPTION_COUNT,
         .place = &o->streams,
         .min = 1,
         .max = 1000,
         .help = "streams under way on an HTTP/2 connection (1)"},
        {.name = "per-conn",
         .type = OPTION_STRING,
         .place = &o->per_conn,
         .may_be_empty = true,
         .argument = "N|TIME",
         .help = "exchanges of a connection, or its age: then it ends, and another is opened"},
        {.name = "end",
         .type = OPTION_STRING,
         .place = &o->end,
         .may_be_empty = true,
         .argument = "HOW",
         .help = "drain, fin, half, rst, rst-after=OCTETS, stall or leave (drain)"},
        {.name = "mix",
         .type = OPTION_STRING,
         .place = &o->mix_file,
         .argument = "FILE",
         .help = "scenarios by weight; see weir-load(1)"},
        {.name = "targets",
         .type = OPTION_STRING,
         .place = &o->targets_file,
         .argument = "FILE",
         .help = "requests, of which each one that is sent is drawn by weight; see weir-load(1)"},
        {.name = "seed",
         .type = OPTION_COUNT,
         .place = &o->seed,
         .min = 0,
         .max = INT64_MAX,
         .help = "which scenario each connection gets, and which target each request (1)"},
        {.name = "method",
         .letter = 'X',
         .type = OPTION_STRING,
         .place = &o->method,
         .argument = "METHOD",
         .help = "GET, or POST with a body"},
        {.name = "field",
         .letter = 'H',
         .type = OPTION_LIST,
         .place = &o->fields,
         .argument = "'NAME: VALUE'",
         .help = "a field of each request; may be given several times"},
        {.name = "body", .type = OPTION_STRING, .place = &o->body, .argument = "FILE", .help = "the content"},
        {.name = "timeout",
         .type = OPTION_TIME,
         .place = &o->timeout_ns,
         .help = "for a connection to stand, and for an exchange (30s)"},
        {.name = "expect-status",
         .type = OPTION_COUNT,
         .place = &o->expect_status,
         .min = 100,
         .max = 599,
         .help = "any other status is an error"},
        {.name = "warmup",
         .type = OPTION_TIME,
         .place = &o->warmup_ns,
         .min = 1,
         .max = INT64_MAX,
         .help = "not measured; comes before --duration"},
        {.name = "unix",
         .type = OPTION_STRING,
         .place = &o->unix_path,
         .argument = "PATH",
         .help = "connect to this socket, whatever the URL says"},
        {.type = OPTION_TITLE, .help = "Results:"},
        {.name = "fail-if",
         .type = OPTION_LIST,
         .place = &o->fail_texts,
         .argument = "CONDITION",
         .help = "exit status 1 if it holds: 'p99>10ms', 'errors>0.1%', 'status!=2xx'; may be given several times"},
        {.name = "json", .type = OPTION_FLAG, .place = &o->json, .help = "one JSON document instead of the report"},
        {.name = "histogram",
         .type = OPTION_STRING,
         .place = &o->histogram,
         .argument = "FILE",
         .help = "write the latencies as an HdrHistogram log"},
        {.name = "server-endings",
         .type = OPTION_STRING,
         .place = &o->server_endings,
         .argument = "URL",
         .help = "the ledger of a Weir server (/.weir/endings): both ends side by side"},
        {.name = "compare",
         .type = OPTION_FLAG,
         .place = &o->compare,
         .help = "no run: compares two files that --json made, A.json B.json"},
        {.name = "merge",
         .type = OPTION_FLAG,
         .place = &o->merge,
         .help = "no run: adds up files that --histogram made, FILE..."},
    };
    struct option_command command = {
        .name = NAME,
        .summary = "A load generator that ends its connections as you say, and says how each ended.",
        .operands = "URL",
        .examples = examples,
        .notes = notes,
        .specs = specs,
        .count = sizeof(specs) / sizeof(specs[0]),
    };
    int operand;
    *status = 2;
    enum option_result result = options_parse(&command, argc, argv, &operand);
    if (result == OPTIONS_DONE)
        *status = 0;
    if (result != OPTIONS_RUN)
        return result;
    if (!take_operands(o, argc, argv, operand) || !check_histogram(o, status))
        return OPTIONS_WRONG;
    if (o->compare || o->merge)
        return check_without_run(o, &command) ? OPTIONS_RUN : OPTIONS_WRONG;
    if (!check(o) || !make_target(o, status))
        return OPTIONS_WRONG;
    errno = 0;
    if (make_mix(o) && settle_mix(o))
        return OPTIONS_RUN;
    if (errno == ENOMEM) /* nothing was wrong with the command */
        *status = 1;
    return OPTIONS_WRONG;
}

void load_options_fini(struct load_options *o)
{
    load_mix_fini(&o->mix);
    load_target_fini(&o->target);
}
