#include "demo/options.h"

#include <assert.h>
#include <string.h>

#define LIMITS_MAX    32
#define NAME_MAX_SIZE 48

/* The limits' rows of the table, and their names as options: field_count_max -> field-count-max, head_timeout_ns ->
 * head-timeout. */
struct limit_specs {
    struct option_spec specs[LIMITS_MAX];
    char names[LIMITS_MAX][NAME_MAX_SIZE];
    size_t count;
};

static void option_name(char name[NAME_MAX_SIZE], const weir_limit_info *info)
{
    size_t length = strlen(info->name);
    if (info->unit == WEIR_UNIT_TIME)
        length -= strlen("_ns");
    assert(length < NAME_MAX_SIZE);
    for (size_t i = 0; i < length; i++)
        name[i] = info->name[i] == '_' ? '-' : info->name[i];
    name[length] = '\0';
}

static void add_limits(struct limit_specs *all, weir_limits *limits)
{
    static const enum option_type types[] = {
        [WEIR_UNIT_SIZE] = OPTION_SIZE,
        [WEIR_UNIT_COUNT] = OPTION_COUNT,
        [WEIR_UNIT_TIME] = OPTION_TIME,
        [WEIR_UNIT_RATE] = OPTION_SIZE,
    };
    for (const weir_limit_info *info = weir_limits_info(); info->name != NULL; info++) {
        assert(all->count < LIMITS_MAX);
        option_name(all->names[all->count], info);
        all->specs[all->count] = (struct option_spec){
            .name = all->names[all->count],
            .type = types[info->unit],
            .place = (char *)limits + info->offset,
            .help = info->text,
        };
        all->count++;
    }
}

/* The library knows the ranges: each limit that was given is put to it alone, so that the option can be named. */
static bool check_limits(const struct option_command *command, const struct limit_specs *all, weir_limits *limits)
{
    const weir_limit_info *info = weir_limits_info();
    for (size_t i = 0; i < all->count; i++) {
        weir_limits one = {0};
        weir_error error;
        memcpy((char *)&one + info[i].offset, (char *)limits + info[i].offset, sizeof(uint64_t));
        if (weir_limits_resolve(&one, &error) == WEIR_OK)
            continue;
        (void)fprintf(stderr, "%s: --%s: %s\n", command->name, all->specs[i].name, error.text);
        return false;
    }
    return true;
}

static bool check_io(const struct option_command *command, const struct demo_options *options)
{
    if (strcmp(options->io, "epoll") == 0)
        return true;
    (void)fprintf(stderr, "%s: --io is '%s': this build has epoll only (weir %s)\n", command->name, options->io,
                  weir_version());
    return false;
}

static const char examples[] = "  weir demo                                     on 127.0.0.1:8080\n"
                               "  weir demo --listen :8080 --workers 4          every address, four threads\n"
                               "  weir demo --listen unix:/run/weir.sock        a unix socket\n"
                               "  weir demo --profile development --endings -   each ending, explained and as JSON\n"
                               "  weir demo --head-timeout 2s --body-size-max 1M\n"
                               "  curl http://127.0.0.1:8080/bytes/100          see also /.weir/ in a browser\n";

enum option_result demo_options_parse(struct demo_options *o, int argc, char **argv, void (*notes)(FILE *out))
{
    *o = (struct demo_options){.listen = "127.0.0.1:8080", .profile = "production", .log_format = "logfmt"};
    o->io = "epoll";
    o->workers = 1;
    o->drain_ns = 30 * WEIR_SECOND;
    struct limit_specs limits = {.count = 0};
    add_limits(&limits, &o->limits);
    struct option_spec specs[OPTIONS_MAX] = {
        {.name = "listen",
         .type = OPTION_ADDRESS,
         .place = &o->listen,
         .help = "HOST:PORT, [v6]:PORT, :PORT, unix:PATH or systemd; several with commas (127.0.0.1:8080)"},
        {.name = "workers",
         .type = OPTION_COUNT,
         .place = &o->workers,
         .max = 1024,
         .min = 1,
         .help = "threads that serve (1)"},
        {.name = "profile",
         .type = OPTION_CHOICE,
         .place = &o->profile,
         .argument = "PROFILE",
         .choices = "production test development",
         .help = "what is logged: production, test or development (production)"},
        {.name = "endings",
         .type = OPTION_STRING,
         .place = &o->endings,
         .argument = "FILE",
         .help = "append each connection's ending as JSON, one a line; - is standard output"},
        {.name = "log",
         .type = OPTION_STRING,
         .place = &o->log,
         .argument = "FILE",
         .help = "append log lines here; - is standard output (standard error)"},
        {.name = "log-format",
         .type = OPTION_CHOICE,
         .place = &o->log_format,
         .argument = "FORMAT",
         .choices = "logfmt json",
         .help = "logfmt or json (logfmt)"},
        {.name = "io",
         .type = OPTION_CHOICE,
         .place = &o->io,
         .argument = "NAME",
         .choices = "epoll uring",
         .help = "how the kernel is asked: epoll or uring (epoll)"},
        {.name = "drain",
         .type = OPTION_TIME,
         .place = &o->drain_ns,
         .help = "time to finish exchanges on SIGINT or SIGTERM; then they are cut (30s)"},
        {.name = "connections-max",
         .type = OPTION_COUNT,
         .place = &o->connections_max,
         .min = 1,
         .max = UINT32_MAX,
         .help = "connections at once, of all workers (from the descriptor limit)"},
        {.name = "connection-memory-max",
         .type = OPTION_SIZE,
         .place = &o->connection_memory_max,
         .help = "memory of a connection for answers that are not read (64k)"},
        {.name = "memory-max",
         .type = OPTION_SIZE,
         .place = &o->memory_max,
         .help = "memory of all connections; over it those that hold most end (half of the machine's)"},
        {.name = "backlog",
         .type = OPTION_COUNT,
         .place = &o->backlog,
         .min = 1,
         .max = INT32_MAX,
         .help = "of listen(2) (4096)"},
        {.name = "name",
         .type = OPTION_LIST,
         .place = &o->names,
         .argument = "HOST",
         .help = "a name that /.weir/ may be asked by, besides addresses and localhost; may be given again"},
        {.name = "lenient",
         .type = OPTION_FLAG,
         .place = &o->lenient,
         .help = "accept bare LF in a head, and blanks behind a chunk size"},
        {.name = "defer-accept",
         .type = OPTION_FLAG,
         .place = &o->defer_accept,
         .help = "take TCP connections with their first octets (cheaper; silent ones are seen late, or never)"},
        {.name = "print-options",
         .type = OPTION_FLAG,
         .place = &o->print_options,
         .help = "print the options in effect, with their defaults, and exit"},
        {.type = OPTION_TITLE, .help = "Limits (their defaults: --print-options):"},
    };
    size_t count = 16;
    assert(count + limits.count <= OPTIONS_MAX);
    memcpy(specs + count, limits.specs, limits.count * sizeof(specs[0]));
    struct option_command command = {
        .name = "weir demo",
        .summary =
            "A server whose answers you shape, for trying things out. SIGINT or SIGTERM drains it, a second stops it;\n"
            "SIGHUP has its log files opened again.",
        .examples = examples,
        .notes = notes,
        .specs = specs,
        .count = count + limits.count,
    };
    int operand;
    enum option_result result = options_parse(&command, argc, argv, &operand);
    if (result == OPTIONS_RUN && (!check_limits(&command, &limits, &o->limits) || !check_io(&command, o)))
        return OPTIONS_WRONG;
    return result;
}
