/* weir fault: options, start, the summary. What it does to a connection is in fault/turn.c. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "common/commands.h"
#include "common/options.h"
#include "fault/control.h"
#include "fault/proxy.h"

#define PROGRAM   "weir fault"
#define WORDS_MAX 16

struct fault_options {
    const char *listen, *to, *plan, *endings, *print_plan, *control;
    struct option_list routes;
    bool control_remote;
    uint64_t seed;
    uint64_t drain_ns;
    const char *values[WORDS_MAX]; /* of fault_words, in their order */
    bool flags[WORDS_MAX];
};

static const char examples[] =
    "  weir fault --to 127.0.0.1:8080 --latency 10ms+-5ms          slow, with jitter\n"
    "  weir fault --to 127.0.0.1:8080 --slice 1..7                 small segments\n"
    "  weir fault --to 127.0.0.1:8080 --reset-after 1000           a reset after 1000 octets of the answers\n"
    "  weir fault --to 127.0.0.1:8080 --fin-after 10 --half-close --count up\n"
    "  weir fault --to 127.0.0.1:8080 --seed 7 --chance 0.1 --reset-after 0..64k --stall-after 0..64k --refuse\n"
    "                                                              one in ten, one of three by the seed\n"
    "  weir fault --to 127.0.0.1:8080 --seed 7 --plan rows --print-plan 1..20\n"
    "  weir fault --route 127.0.0.1:9001=127.0.0.1:8080 --route 127.0.0.1:9002=unix:/run/db --control 127.0.0.1:9000\n"
    "  curl -X PUT -d '{\"latency\":\"50ms\"}' http://127.0.0.1:9000/routes/2/faults    and with -X DELETE it is "
    "gone\n";

static void print_codes(FILE *out)
{
    (void)
        fputs("\nWHEN is octets or a time, or a range of one of which the seed draws: 1000, 0..64k, 50ms, 10ms..2s.\n"
              "Of several faults that end or break a connection each one gets one, drawn by the seed.\n"
              "\nThe same seed does the same to the same connection, counted from 1, at the same octet.\n"
              "\nA plan file has rows of connection and words; the first row that fits decides, else the options do:\n"
              "  1       reset-after=1000 slice=1..7\n"
              "  2..9    latency=5ms..15ms chance=0.5\n"
              "  *       none                           # a comment\n"
              "\nThe control takes PUT (a JSON object of faults) and DELETE of /faults and /routes/N/faults; GET / "
              "says what is.\n"
              "\nCodes of endings:\n",
              out);
    for (int i = 0; i < FAULT_CODE_COUNT; i++)
        (void)fprintf(out, "  %-18s%s\n", fault_code_name((enum fault_code)i), fault_code_text((enum fault_code)i));
}

/* Checked by hand, as the table of options has no such types: false when said so. */
static bool take_words(const struct option_command *command, const struct fault_options *options, size_t first,
                       struct fault_wish *wish, json_t *faults)
{
    char expected[200];
    for (size_t i = 0; i < fault_words_count; i++) {
        const struct fault_word *word = &fault_words[i];
        const struct option_spec *spec = &command->specs[first + i];
        const char *value = word->argument != NULL ? options->values[i] : NULL;
        if (!spec->given)
            continue;
        (void)json_object_set_new(faults, word->name, value != NULL ? json_string(value) : json_true());
        if (fault_word_take(word, wish, value, expected, sizeof(expected)))
            continue;
        options_complain(command, spec, value, expected);
        return false;
    }
    return true;
}

static void add_words(struct option_spec *specs, struct fault_options *options)
{
    assert(fault_words_count <= WORDS_MAX);
    for (size_t i = 0; i < fault_words_count; i++) {
        bool flag = fault_words[i].argument == NULL;
        specs[i] = (struct option_spec){.name = fault_words[i].name,
                                        .type = flag ? OPTION_FLAG : OPTION_STRING,
                                        .place = flag ? (void *)&options->flags[i] : (void *)&options->values[i],
                                        .argument = fault_words[i].argument,
                                        .may_be_empty = true, /* fault_word_take says what it wants */
                                        .help = fault_words[i].help};
    }
}

/* A seed for who does not care: small enough to be typed again. */
static uint64_t any_seed(void)
{
    uint32_t seed = 0;
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = (uint32_t)fault_now_ns();
    return seed;
}

static bool check_rest(const struct option_command *command, const struct fault_options *options,
                       struct fault_range *printed)
{
    if (options->print_plan != NULL && !fault_numbers(options->print_plan, printed)) {
        (void)fprintf(stderr, PROGRAM ": --print-plan is '%s': expected a connection such as 7, or some: 1..20\n",
                      options->print_plan);
        return false;
    }
    bool listens = options->routes.count == 0 || command->specs[0].given;
    if (options->print_plan == NULL && options->to == NULL && listens) {
        (void)fprintf(stderr, "%s: --to is missing: expected the address of a server\n", command->name);
        return false;
    }
    if (options->routes.count + (options->to != NULL) > FAULT_ROUTES_MAX) {
        (void)fprintf(stderr, "%s: --route is given %zu times: expected %d routes at most, with that of --to\n",
                      command->name, options->routes.count, FAULT_ROUTES_MAX);
        return false;
    }
    return true;
}

static enum option_result parse(struct fault_options *o, struct fault_wish *wish, json_t *faults,
                                struct fault_range *printed, int argc, char **argv)
{
    *o = (struct fault_options){.listen = "127.0.0.1:0", .drain_ns = 30 * WEIR_SECOND, .seed = any_seed()};
    struct option_spec specs[OPTIONS_MAX] = {
        {.name = "listen",
         .type = OPTION_ADDRESS,
         .place = &o->listen,
         .help = "HOST:PORT, [v6]:PORT, :PORT or unix:PATH (127.0.0.1:0, any free port)"},
        {.name = "to",
         .type = OPTION_ADDRESS,
         .place = &o->to,
         .help = "the server: HOST:PORT, [v6]:PORT or unix:PATH"},
        {.name = "route",
         .type = OPTION_LIST,
         .place = &o->routes,
         .argument = "LISTEN=TO",
         .help = "one more place to listen at, and its server; may be given several times"},
        {.name = "control",
         .type = OPTION_ADDRESS,
         .place = &o->control,
         .help = "HTTP here sets and clears faults while it runs: a loopback address or unix:PATH"},
        {.name = "control-remote",
         .type = OPTION_FLAG,
         .place = &o->control_remote,
         .help = "let --control be an address that other hosts reach: whoever does may set faults"},
        {.name = "seed",
         .type = OPTION_COUNT,
         .place = &o->seed,
         .min = 0,
         .max = INT64_MAX,
         .help = "of all that is drawn (by chance; it is printed)"},
        {.name = "plan",
         .type = OPTION_STRING,
         .place = &o->plan,
         .argument = "FILE",
         .help = "faults by the number of the connection"},
        {.name = "print-plan",
         .type = OPTION_STRING,
         .place = &o->print_plan,
         .may_be_empty = true,
         .argument = "N",
         .help = "print what connection N, or N..M, gets, as a plan file, and exit"},
        {.name = "endings",
         .type = OPTION_STRING,
         .place = &o->endings,
         .argument = "FILE",
         .help = "append each connection's ending as JSON, one a line; - is standard output"},
        {.name = "drain",
         .type = OPTION_TIME,
         .place = &o->drain_ns,
         .help = "time for connections to end on SIGINT or SIGTERM; then they are cut (30s)"},
        {.type = OPTION_TITLE, .help = "Faults:"},
    };
    const size_t first = 11;
    add_words(specs + first, o);
    struct option_command command = {
        .name = PROGRAM,
        .summary = "A TCP proxy that breaks things, by a seed. SIGINT or SIGTERM drains it, a second stops it.",
        .examples = examples,
        .notes = print_codes,
        .specs = specs,
        .count = first + fault_words_count,
    };
    int operand;
    enum option_result result = options_parse(&command, argc, argv, &operand);
    if (result == OPTIONS_RUN && (!take_words(&command, o, first, wish, faults) || !check_rest(&command, o, printed)))
        return OPTIONS_WRONG;
    return result;
}

static int print_plan(const struct fault_plans *plans, struct fault_range printed)
{
    (void)printf("# seed %" PRIu64 "\n", plans->seed);
    for (uint64_t number = printed.min; number <= printed.max && !ferror(stdout); number++) {
        struct fault_plan plan = fault_plan_draw(plans, number);
        struct text text = text_growing();
        fault_plan_text(&text, &plan);
        (void)printf("%-7" PRIu64 " %s\n", number, text.ptr != NULL ? text.ptr : "");
        text_free(&text);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}

/* 0, or the exit status. `given` is the option's whole value. */
static int find_address(struct fault_addresses *out, const char *option, const char *given, const char *text,
                        bool listens)
{
    char why[200];
    enum fault_address_result found = fault_address_find(out, text, listens, why, sizeof(why));
    if (found == FAULT_ADDRESS_OK)
        return 0;
    if (text == given)
        (void)fprintf(stderr, PROGRAM ": --%s is '%s': %s\n", option, given, why);
    else
        (void)fprintf(stderr, PROGRAM ": --%s is '%s': '%s': %s\n", option, given, text, why);
    return found == FAULT_ADDRESS_BAD ? 2 : 1;
}

static struct fault_route *add_route(struct fault_proxy *proxy, const char *option, const char *given, json_t *faults)
{
    struct fault_route *route = &proxy->routes[proxy->route_count++];
    *route = (struct fault_route){.given = given, .option = option, .plans = proxy->plans};
    route->listener.fd = -1;
    route->faults = json_incref(faults);
    return route;
}

/* LISTEN=TO. 0, or the exit status. */
static int make_route(struct fault_proxy *proxy, const char *given, json_t *faults)
{
    struct fault_addresses listen;
    const char *equals = strchr(given, '=');
    char text[300];
    size_t length = equals != NULL ? (size_t)(equals - given) : 0;
    if (length == 0 || length >= sizeof(text)) {
        (void)fprintf(stderr, PROGRAM ": --route is '%s': expected LISTEN=TO, two addresses\n", given);
        return 2;
    }
    memcpy(text, given, length);
    text[length] = '\0';
    struct fault_route *route = add_route(proxy, "route", given, faults);
    int status = find_address(&listen, "route", given, text, true);
    if (status == 0)
        status = find_address(&route->to, "route", given, equals + 1, false);
    route->listen = listen.all[0];
    return status;
}

/* That of --listen and --to, and those of --route. 0, or the exit status. */
static int make_routes(struct fault_proxy *proxy, const struct fault_options *options, json_t *faults)
{
    struct fault_addresses listen;
    int status = 0;
    if (options->to != NULL) {
        struct fault_route *route = add_route(proxy, "listen", options->listen, faults);
        status = find_address(&listen, "listen", options->listen, options->listen, true);
        if (status == 0)
            status = find_address(&route->to, "to", options->to, options->to, false);
        route->listen = listen.all[0];
    }
    for (size_t i = 0; i < options->routes.count && status == 0; i++)
        status = make_route(proxy, options->routes.values[i], faults);
    return status;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* One write, so that whoever waits for the lines sees them whole. False: there is no memory for them, and nobody would
 * know where it listens. */
static bool announce(const struct fault_proxy *proxy)
{
    struct text text = text_growing();
    char url[200];
    if (proxy->control != NULL) {
        fault_control_url(proxy->control, url, sizeof(url));
        text_printf(&text, PROGRAM ": control at %s\n", url);
    }
    for (size_t i = 0; i < proxy->route_count; i++) {
        char listen[FAULT_ADDRESS_TEXT], to[FAULT_ADDRESS_TEXT];
        fault_address_text(&proxy->routes[i].listen, listen);
        fault_address_text(&proxy->routes[i].to.all[0], to);
        text_printf(&text, PROGRAM ": listening on %s, to %s, seed %" PRIu64 "\n", listen, to, proxy->plans.seed);
    }
    bool whole = text.ptr != NULL && !text.cut;
    (void)fputs(whole ? text.ptr : PROGRAM ": out of memory\n", stderr);
    text_free(&text);
    return whole;
}

static void summary(const struct fault_proxy *proxy)
{
    (void)fprintf(stderr, PROGRAM ": seed %" PRIu64 ": %" PRIu64 " connections\n", proxy->plans.seed,
                  fault_proxy_accepted(proxy));
    for (int i = 0; i < FAULT_CODE_COUNT; i++)
        if (proxy->ended[i] > 0)
            (void)fprintf(stderr, "  %-18s%" PRIu64 "\n", fault_code_name((enum fault_code)i), proxy->ended[i]);
}

/* 0, or the exit status. */
static int open_control(struct fault_proxy *proxy, const struct fault_options *options)
{
    struct fault_addresses found;
    weir_error error;
    if (options->control == NULL)
        return 0;
    int status = find_address(&found, "control", options->control, options->control, true);
    if (status != 0)
        return status;
    if (!options->control_remote && !fault_control_is_local(&found.all[0])) {
        (void)fprintf(stderr,
                      PROGRAM
                      ": --control is '%s': expected a loopback address or unix:PATH, as whoever reaches it may "
                      "set faults (or --control-remote too)\n",
                      options->control);
        return 2;
    }
    proxy->control = fault_control_open(proxy, options->control, options->control_remote, &error);
    if (proxy->control != NULL)
        return 0;
    (void)fprintf(stderr, PROGRAM ": --control is '%s': %s\n", options->control, error.text);
    return 1;
}

static int serve(struct fault_proxy *proxy, const struct fault_options *options, json_t *faults)
{
    const struct fault_route *route;
    const char *what;
    int status = make_routes(proxy, options, faults);
    proxy->drain_ns = options->drain_ns;
    if (status == 0 && !fault_proxy_open(proxy, &what, &route)) {
        int os = errno;
        route = route != NULL ? route : &proxy->routes[0];
        (void)fprintf(stderr, PROGRAM ": --%s is '%s': %s: %s\n", route->option, route->given, what, strerror(os));
        status = 1;
    } else if (status == 0) {
        status = open_control(proxy, options);
    } else {
        proxy->loop.epoll = proxy->signals.fd = -1;
    }
    if (status == 0 && !announce(proxy)) {
        status = 1;
    } else if (status == 0) {
        fault_proxy_run(proxy);
        summary(proxy);
    }
    fault_control_close(proxy->control);
    fault_proxy_close(proxy);
    return status;
}

static int run(struct fault_proxy *proxy, const struct fault_options *options, json_t *faults)
{
    proxy->endings.fd = -1;
    if (options->endings != NULL && !sink_open(&proxy->endings, options->endings)) {
        (void)fprintf(stderr, PROGRAM ": --endings is '%s': cannot be opened for writing: %s\n", options->endings,
                      strerror(errno));
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    int status = serve(proxy, options, faults);
    bool whole = sink_close(&proxy->endings, PROGRAM);
    return status == 0 && !whole ? 1 : status;
}

int command_fault(int argc, char **argv)
{
    struct fault_options options;
    static struct fault_proxy proxy;
    struct fault_range printed;
    json_t *faults = json_object(); /* what the options ask for, as the control shows it */
    proxy.plans.otherwise = fault_wish_default;
    enum option_result result = parse(&options, &proxy.plans.otherwise, faults, &printed, argc, argv);
    proxy.plans.seed = options.seed;
    int status = result == OPTIONS_WRONG ? 2 : 0;
    if (result == OPTIONS_RUN && options.plan != NULL)
        status = fault_plans_read(&proxy.plans, options.plan, PROGRAM);
    if (result == OPTIONS_RUN && status == 0)
        status = options.print_plan != NULL ? print_plan(&proxy.plans, printed) : run(&proxy, &options, faults);
    json_decref(faults);
    fault_plans_free(&proxy.plans);
    return status;
}
