#include "workers.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/weir.h>

#include "clients.h"
#include "handler.h"

#define WORKERS    3
#define CLIENTS    6
#define PATIENCE_S 10
#define GET        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

struct run {
    weir_server *server;
    struct handler_app app;
    weir_error error;
    weir_code code;
    atomic_bool is_over;
};

static const struct client_script script = {
    .name = "client of workers", .request = GET, .times = 2, .status = 200, .answer_size = SMALL_SIZE};

/* The callbacks of three threads: the counters of handler_app are not for them. */
static void on_head(void *app, weir_exchange *x)
{
    struct run *run = app;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy((weir_str){run->app.octets, SMALL_SIZE}));
}

static const weir_handler handler = WEIR_HANDLER(.head = on_head);

static void *run_server(void *app)
{
    struct run *run = app;
    run->code = weir_server_run(run->server, &run->error);
    atomic_store(&run->is_over, true);
    return NULL;
}

static bool find_target(const struct run *run, struct client_target *target)
{
    char address[160];
    *target = (struct client_target){.tcp = {.sin_family = AF_INET}, .unix_path = ""};
    (void)inet_pton(AF_INET, "127.0.0.1", &target->tcp.sin_addr);
    if (!weir_server_address(run->server, 0, address, sizeof(address)) || strrchr(address, ':') == NULL)
        return false;
    target->tcp.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    return target->tcp.sin_port != 0;
}

static time_t seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* How many were answered, each on one connection or after having been sent away between two exchanges. */
static unsigned serve(struct run *run, const struct client_target *target, time_t until)
{
    struct client clients[CLIENTS];
    struct pollfd fds[CLIENTS];
    unsigned left = CLIENTS, content = 0;
    for (size_t i = 0; i < CLIENTS; i++)
        client_begin(&clients[i], &script, target);
    while (left > 0 && seconds() < until && !atomic_load(&run->is_over)) {
        left = content = 0;
        for (size_t i = 0; i < CLIENTS; i++) {
            client_turn(&clients[i], target);
            left += !clients[i].done;
            content += client_is_content(&clients[i]);
            fds[i] = client_wants(&clients[i]);
        }
        if (left > 0)
            (void)poll(fds, CLIENTS, 20);
    }
    for (size_t i = 0; i < CLIENTS; i++)
        client_end(&clients[i]);
    return content;
}

/* All threads sleep: then only a wake-up wakes them. */
static void wait_for_quiet(const struct run *run, time_t until)
{
    weir_ledger ledger = {.size = sizeof(ledger), .alive = 1};
    while (ledger.alive > 0 && seconds() < until && !atomic_load(&run->is_over)) {
        (void)usleep(2000);
        weir_server_ledger(run->server, &ledger);
    }
    (void)usleep(2000);
}

static bool drain(struct run *run, pthread_t thread)
{
    struct timespec until;
    inject_spare(false);
    weir_server_drain(run->server);
    inject_spare(true);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

static void complain(struct scene_result *result, const char *why)
{
    if (result->ok)
        (void)snprintf(result->why, sizeof(result->why), "three workers: %s", why);
    result->ok = false;
}

static void play(struct run *run, const struct scene_plan *plan, struct scene_result *result)
{
    struct client_target target;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_server, run) != 0)
        exit(2);
    bool reachable = find_target(run, &target);
    time_t until = seconds() + PATIENCE_S;
    unsigned answered = reachable ? serve(run, &target, until) : 0;
    unsigned trouble = inject_hits();
    wait_for_quiet(run, until);
    if (!drain(run, thread)) {
        /* A wake-up was lost: the threads cannot be ended any more. */
        (void)printf("FAILED  three workers: the drain does not end\n");
        (void)fflush(stdout);
        _exit(1);
    }
    result->started = run->code == WEIR_OK;
    if (!result->started && (run->error.code != run->code || run->error.text[0] == '\0' || trouble == 0))
        complain(result, "it did not run, and does not say why");
    if (result->started && reachable && answered < CLIENTS && (plan->harmless || answered + trouble < CLIENTS))
        complain(result, "clients are not answered");
}

void workers_play(const struct scene_plan *plan, struct scene_result *result)
{
    struct run run = {.app = {.octets = body_octets(0)}};
    char listen[160];
    *result = (struct scene_result){.ok = true};
    (void)snprintf(listen, sizeof(listen), "localhost:0,unix:%s", scene_unix_path());
    weir_server_options options = {
        .size = sizeof(options),
        .listen = weir_str_from(listen),
        .handler = &handler,
        .app = &run,
        .workers = WORKERS,
        /* No timer wakes a worker that nobody else has woken. */
        .limits = {.first_octet_timeout_ns = WEIR_UNLIMITED,
                   .head_timeout_ns = WEIR_UNLIMITED,
                   .idle_timeout_ns = WEIR_UNLIMITED,
                   .body_timeout_ns = WEIR_UNLIMITED,
                   .write_timeout_ns = WEIR_UNLIMITED,
                   .handler_timeout_ns = WEIR_UNLIMITED},
    };
    inject(&plan->inject);
    inject_spare(false);
    weir_code code = weir_server_new(&run.server, &options, &run.error);
    inject_spare(true);
    if (code == WEIR_OK)
        play(&run, plan, result);
    else if (run.error.code != code || run.error.text[0] == '\0')
        complain(result, "it was refused, and the error does not say why");
    inject_spare(false);
    weir_server_free(run.server);
    inject_spare(true);
    result->reached = inject_hits() > 0;
    inject_nothing();
}
