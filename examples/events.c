/* Server-sent events: one a second, to each client until it leaves. Leaving is noticed when it happens, not at the
 * next event: a client that closes sends a FIN (WEIR_EVENT_PEER_FIN), one that resets ends the exchange at once
 * (`done`); one that vanishes without a word is cut by write_timeout_ns.
 *
 *     build/examples/events
 *     curl -N http://127.0.0.1:8080/       and Ctrl-C
 *     in a browser: new EventSource("http://127.0.0.1:8080/").onmessage = e => console.log(e.data) */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

struct listener {
    weir_exchange *x;
    weir_timer *timer;
    uint64_t events;
};

static weir_server *server;
static unsigned listeners;

static void tick(void *app)
{
    struct listener *listener = app;
    char text[64];
    int len = snprintf(text, sizeof(text), "data: event %" PRIu64 "\n\n", listener->events + 1);
    /* For a client that does not read there is no room: it misses events, they are not piled up for it. */
    if (weir_write_room(listener->x) >= (size_t)len) {
        weir_write(listener->x, (weir_str){text, (size_t)len});
        listener->events++;
    }
    weir_timer_start(listener->timer, WEIR_SECOND);
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    struct listener *listener = calloc(1, sizeof(*listener));
    weir_timer *timer = listener != NULL ? weir_timer_new(weir_exchange_loop(x), tick, listener) : NULL;
    if (timer == NULL) {
        free(listener);
        weir_respond(x, 503, WEIR_NO_FIELDS, weir_body_none());
        return;
    }
    *listener = (struct listener){.x = x, .timer = timer};
    weir_exchange_set_user(x, listener);
    fprintf(stderr, "%u listening\n", ++listeners);
    weir_respond(x, 200,
                 WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/event-stream")},
                             {WEIR_STR("cache-control"), WEIR_STR("no-store")}),
                 weir_body_stream());
    tick(listener);
}

/* After a FIN an answer may still be wanted; but this one has no end, and browsers and curl mean that they have left.
 * The other event is a drain, which waits for nobody's endless answer. Both end the stream in order. */
static void on_event(void *app, weir_exchange *x, weir_event event)
{
    (void)app;
    (void)event;
    struct listener *listener = weir_exchange_user(x);
    if (listener == NULL)
        return;
    weir_timer_stop(listener->timer);
    weir_finish(x, WEIR_NO_FIELDS);
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    struct listener *listener = weir_exchange_user(x);
    if (listener == NULL)
        return;
    fprintf(stderr, "%u listening, one left after %" PRIu64 " events: %s\n", --listeners, listener->events,
            weir_code_name(ending->code));
    weir_timer_free(listener->timer);
    free(listener);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .event = on_event, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler), &error) != WEIR_OK) {
        fprintf(stderr, "events: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "events: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
