/* weir demo: start, signals, exit. The paths are in demo/routes.c and the files it names. */
#include "demo/demo.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/commands.h"
#include "demo/options.h"

#define PROGRAM "weir demo"

/* A signal handler has no argument. */
static struct demo *signalled;
static atomic_int signals_seen; /* by any of the threads */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&signalled->draining, true);
    if (atomic_fetch_add(&signals_seen, 1) == 0)
        weir_server_drain(signalled->server);
    else
        weir_server_stop(signalled->server);
}

static void reopen(struct sink *sink)
{
    static const char failed[] = PROGRAM ": a file cannot be opened again: the one from before is written on\n";
    if (!sink_reopen(sink))
        (void)!write(STDERR_FILENO, failed, sizeof(failed) - 1);
}

/* The files were moved away (logrotate): lines go to new ones of their names. */
static void on_hangup(int number)
{
    int saved = errno;
    (void)number;
    reopen(&signalled->endings);
    reopen(&signalled->log.sink);
    errno = saved;
}

static void install_signals(struct demo *demo)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    signalled = demo;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaddset(&action.sa_mask, SIGINT);
    (void)sigaddset(&action.sa_mask, SIGTERM);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaddset(&action.sa_mask, SIGHUP);
    action.sa_handler = on_hangup;
    (void)sigaction(SIGHUP, &action, NULL);
}

/* The server is about to be freed: a late signal has nothing left to stop. */
static void remove_signals(void)
{
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

static void on_ending(void *app, const weir_ending *ending)
{
    struct demo *demo = app;
    if (demo->endings.fd >= 0) {
        char place[WEIR_ENDING_TEXT_MAX + 2];
        struct text line = text_fixed(place, sizeof(place));
        line.len = weir_ending_json(place, ending);
        sink_line(&demo->endings, &line);
    }
    log_ending(&demo->log, ending);
}

static void on_notice(void *app, weir_code code, const char *text)
{
    struct demo *demo = app;
    log_notice(&demo->log, code, text);
}

static bool open_sink(struct sink *sink, const char *option, const char *path)
{
    if (sink_open(sink, path))
        return true;
    (void)fprintf(stderr, PROGRAM ": --%s is '%s': cannot be opened for writing: %s\n", option, path, strerror(errno));
    return false;
}

static bool open_sinks(struct demo *demo, const struct demo_options *options)
{
    demo->endings.fd = -1;
    if (options->endings != NULL && !open_sink(&demo->endings, "endings", options->endings))
        return false;
    if (options->log != NULL)
        return open_sink(&demo->log.sink, "log", options->log);
    sink_open_stderr(&demo->log.sink);
    return true;
}

/* 2 for what the user wrote, 1 for what the world refused. */
static int complain(const char *what, const weir_error *error)
{
    bool usage = error->code == WEIR_CODE_bad_option || error->code == WEIR_CODE_bad_address ||
                 error->code == WEIR_CODE_unsupported;
    (void)fprintf(stderr, PROGRAM ": %s%s", what, error->text[0] != '\0' ? error->text : weir_code_text(error->code));
    if (error->os != 0 && strstr(error->text, strerror(error->os)) == NULL)
        (void)fprintf(stderr, ": %s", strerror(error->os));
    const char *advice = weir_code_advice(error->code);
    if (advice[0] != '\0' && !usage)
        (void)fprintf(stderr, " (%s)", advice);
    (void)fputc('\n', stderr);
    return usage ? 2 : 1;
}

/* What a browser on this machine should be given for a wildcard address. */
static void print_page_address(FILE *out, const char *address)
{
    const char *port = strrchr(address, ':');
    bool wildcard = strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
    if (wildcard && port != NULL)
        (void)fprintf(out, "http://localhost%s/.weir/", port);
    else
        (void)fprintf(out, "http://%s/.weir/", address);
}

/* One write, so that whoever waits for the line sees it whole. */
static void announce(const weir_server *server)
{
    char text[1024], address[160], first[160] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    if (out == NULL)
        return;
    (void)fprintf(out, PROGRAM ": listening on ");
    for (size_t i = 0; weir_server_address(server, i, address, sizeof(address)); i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "" : ", ", address);
        if (first[0] == '\0' && strncmp(address, "unix:", 5) != 0)
            memcpy(first, address, sizeof(first));
    }
    if (first[0] != '\0') {
        (void)fprintf(out, ", live page at ");
        print_page_address(out, first);
    }
    (void)fputc('\n', out);
    (void)fclose(out);
    (void)fputs(text, stderr);
}

/* Nothing listens for that. */
static int print_options(const weir_server_options *options)
{
    weir_error error;
    int length = weir_server_options_print(options, NULL, 0, &error);
    if (length < 0)
        return complain("", &error);
    char *text = malloc((size_t)length + 1);
    if (text == NULL)
        return 1;
    (void)weir_server_options_print(options, text, (size_t)length + 1, &error);
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    free(text);
    return printed ? 0 : 1;
}

static void print_ledger(const weir_ledger *ledger)
{
    int length = weir_ledger_text(ledger, NULL, 0);
    char *text = malloc((size_t)length + 1);
    if (text == NULL)
        return;
    (void)weir_ledger_text(ledger, text, (size_t)length + 1);
    (void)fputs(text, stderr);
    free(text);
}

/* What became of what was open when the signal came. */
static void print_drain(const weir_ledger *ledger)
{
    uint64_t late = ledger->ended_by_code[WEIR_CODE_drain_timeout];
    uint64_t stopped = ledger->ended_by_code[WEIR_CODE_stopped];
    (void)fprintf(stderr,
                  PROGRAM ": drained: %" PRIu64 " closed in order, %" PRIu64 " cut (%" PRIu64
                          " by the drain's deadline, %" PRIu64 " by a second signal)\n",
                  ledger->ended_by_code[WEIR_CODE_drained], late + stopped, late, stopped);
}

static int report(struct demo *demo)
{
    static weir_ledger ledger = {.size = sizeof(ledger)};
    weir_server_ledger(demo->server, &ledger);
    print_drain(&ledger);
    uint64_t held_back = atomic_load(&demo->log.held_back);
    if (held_back > 0)
        (void)fprintf(stderr, PROGRAM ": %" PRIu64 " log lines held back by the profile; all are counted below\n",
                      held_back);
    print_ledger(&ledger);
    uint64_t failures = atomic_load(&demo->log.failures);
    if (failures == 0)
        return 0;
    (void)fprintf(stderr, PROGRAM ": the run has failed: %" PRIu64 " endings that this profile does not allow\n",
                  failures);
    return 1;
}

static int serve(struct demo *demo, const struct demo_options *options)
{
    weir_error error = {.code = WEIR_OK};
    weir_server_options server_options = {
        .size = sizeof(server_options),
        .listen = weir_str_from(options->listen),
        .handler = &demo_handler,
        .app = demo,
        .workers = (unsigned)options->workers,
        .lenient = options->lenient,
        .defer_accept = options->defer_accept,
        .limits = options->limits,
        .connections_max = options->connections_max,
        .connection_memory_max = options->connection_memory_max,
        .memory_max = options->memory_max,
        .drain_timeout_ns = options->drain_ns,
        .backlog = (unsigned)options->backlog,
        .ending = on_ending,
        .notice = on_notice,
    };
    if (options->print_options)
        return print_options(&server_options);
    demo->names = &options->names;
    if (weir_server_new(&demo->server, &server_options, &error) != WEIR_OK)
        return complain("", &error);
    install_signals(demo);
    announce(demo->server);
    weir_code code = weir_server_run(demo->server, &error);
    remove_signals();
    int status = report(demo);
    if (code != WEIR_OK)
        status = complain("cannot serve: ", &error);
    weir_server_free(demo->server);
    return status;
}

/* The soft limit is for programs that use select(2); a server wants what the system allows it. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int command_demo(int argc, char **argv)
{
    struct demo_options options;
    static struct demo demo;
    enum option_result result = demo_options_parse(&options, argc, argv, demo_print_paths);
    if (result != OPTIONS_RUN)
        return result == OPTIONS_DONE ? 0 : 2;
    demo.log.policy = weir_policy_find(weir_str_from(options.profile));
    demo.log.json = strcmp(options.log_format, "json") == 0;
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    if (!open_sinks(&demo, &options))
        return 1;
    demo_bytes_init();
    demo_page_init();
    int status = serve(&demo, &options);
    (void)sink_close(&demo.log.sink, PROGRAM); /* it says what was lost */
    bool whole = sink_close(&demo.endings, PROGRAM);
    return status == 0 && !whole ? 1 : status;
}
