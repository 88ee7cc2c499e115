/* Nested in libevent: an event watches Weir's loop, a timer wakes it in time. libevent 2.1 calls nobody before it
 * waits, so the program runs it one round at a time and sets the timer before each. Everything else in the
 * event_base goes on as it did; here it is SIGTERM, as a signal event, and a clock of libevent's that counts the
 * seconds which the answer tells.
 *
 *     build/examples/loop_libevent
 *     curl http://127.0.0.1:8080/
 *     curl http://127.0.0.1:8080/never    is not answered: 503 after 0.3 s, a deadline of Weir's that libevent keeps */
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <weir/weir.h>

static weir_server *server;
static weir_loop *loop;
static struct event_base *base;
static struct event *readable, *deadline, *second, *sigterm;
static uint64_t seconds_counted;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/never")))
        return;
    char text[64];
    int len = snprintf(text, sizeof(text), "%" PRIu64 " seconds of libevent's\n", seconds_counted);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){text, (size_t)len}));
}

/* --- Weir within libevent --------------------------------------------------------------------------------------- */

static void on_turn(evutil_socket_t fd, short events, void *app)
{
    (void)fd;
    (void)events;
    (void)app;
    weir_loop_step(loop, 0);
}

/* Timers are started and stopped without a word: hence before each wait. In microseconds, rounded up. */
static void set_deadline(void)
{
    uint64_t timeout_ns = weir_loop_timeout(loop);
    if (timeout_ns == WEIR_NEVER) {
        evtimer_del(deadline);
        return;
    }
    uint64_t us = timeout_ns / 1000 + (timeout_ns % 1000 > 0);
    const struct timeval in = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
    evtimer_add(deadline, &in);
}

static void run(void)
{
    while (!weir_server_is_stopped(server)) {
        set_deadline();
        event_base_loop(base, EVLOOP_ONCE);
    }
}

/* --- the rest of the program ------------------------------------------------------------------------------------ */

static void on_second(evutil_socket_t fd, short events, void *app)
{
    (void)fd;
    (void)events;
    (void)app;
    seconds_counted++;
}

static void on_sigterm(evutil_socket_t number, short events, void *app)
{
    (void)number;
    (void)events;
    (void)app;
    weir_server_drain(server);
}

static bool start_events(void)
{
    const struct timeval one_second = {.tv_sec = 1};
    base = event_base_new();
    if (base == NULL)
        return false;
    readable = event_new(base, weir_loop_fd(loop), EV_READ | EV_PERSIST, on_turn, NULL);
    deadline = evtimer_new(base, on_turn, NULL);
    second = event_new(base, -1, EV_PERSIST, on_second, NULL);
    sigterm = evsignal_new(base, SIGTERM, on_sigterm, NULL);
    return readable != NULL && deadline != NULL && second != NULL && sigterm != NULL &&
           event_add(readable, NULL) == 0 && event_add(second, &one_second) == 0 && event_add(sigterm, NULL) == 0;
}

static void free_events(void)
{
    struct event *all[] = {readable, deadline, second, sigterm};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i] != NULL)
            event_free(all[i]);
    if (base != NULL)
        event_base_free(base);
    libevent_global_shutdown();
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    /* Run returns at once on a loop of ours: it only begins to accept. */
    if (weir_loop_new(&loop, NULL, &error) != WEIR_OK ||
        weir_server_new(&server,
                        WEIR_SERVER(.listen = listen, .handler = &handler, .loop = loop,
                                    .limits.handler_timeout_ns = 300 * WEIR_MS),
                        &error) != WEIR_OK ||
        weir_server_run(server, &error) != WEIR_OK) {
        fprintf(stderr, "loop_libevent: %s\n", error.text);
        weir_server_free(server);
        weir_loop_free(loop);
        return 1;
    }
    if (!start_events()) {
        fprintf(stderr, "loop_libevent: libevent gives no events\n");
        return 1;
    }
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    run();
    free_events();
    weir_server_free(server);
    weir_loop_free(loop);
    return 0;
}
