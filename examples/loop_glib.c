/* Nested in GLib: a GSource of our own says before each wait how long it may be, watches Weir's loop meanwhile, and
 * steps it. Everything else in the main context goes on as it did; here it is SIGTERM, and a clock of GLib's that
 * counts the seconds which the answer tells.
 *
 *     build/examples/loop_glib
 *     curl http://127.0.0.1:8080/
 *     curl http://127.0.0.1:8080/never    is not answered: 503 after 0.3 s, a deadline of Weir's that GLib keeps */
#include <glib-unix.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <weir/weir.h>

static weir_server *server;
static weir_loop *loop;
static GMainLoop *outer;
static uint64_t seconds_counted;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/never")))
        return;
    char text[64];
    int len = snprintf(text, sizeof(text), "%" PRIu64 " seconds of GLib's\n", seconds_counted);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){text, (size_t)len}));
}

/* --- Weir within GLib ------------------------------------------------------------------------------------------- */

struct weir_source {
    GSource source;
    gpointer descriptor;
};

/* Before each wait. In milliseconds, rounded up. */
static gboolean prepare(GSource *source, gint *timeout_ms)
{
    (void)source;
    uint64_t timeout_ns = weir_loop_timeout(loop);
    uint64_t ms = timeout_ns / WEIR_MS + (timeout_ns % WEIR_MS > 0);
    *timeout_ms = timeout_ns == WEIR_NEVER ? -1 : ms < INT_MAX ? (gint)ms : INT_MAX;
    return timeout_ns == 0;
}

/* After each wait. */
static gboolean check(GSource *source)
{
    struct weir_source *ours = (struct weir_source *)(void *)source;
    return g_source_query_unix_fd(source, ours->descriptor) != 0 || weir_loop_timeout(loop) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer app)
{
    (void)source;
    (void)callback;
    (void)app;
    weir_loop_step(loop, 0);
    return G_SOURCE_CONTINUE;
}

static void attach_weir(void)
{
    static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
    GSource *source = g_source_new(&functions, sizeof(struct weir_source));
    struct weir_source *ours = (struct weir_source *)(void *)source;
    ours->descriptor = g_source_add_unix_fd(source, weir_loop_fd(loop), G_IO_IN);
    g_source_attach(source, NULL);
    g_source_unref(source); /* the context has it */
}

/* --- the rest of the program ------------------------------------------------------------------------------------ */

static gboolean on_second(gpointer app)
{
    (void)app;
    seconds_counted++;
    return G_SOURCE_CONTINUE;
}

static gboolean on_sigterm(gpointer app)
{
    (void)app;
    weir_server_drain(server);
    return G_SOURCE_CONTINUE;
}

static void on_stopped(void *app)
{
    (void)app;
    g_main_loop_quit(outer);
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
                        WEIR_SERVER(.listen = listen, .handler = &handler, .loop = loop, .stopped = on_stopped,
                                    .limits.handler_timeout_ns = 300 * WEIR_MS),
                        &error) != WEIR_OK ||
        weir_server_run(server, &error) != WEIR_OK) {
        fprintf(stderr, "loop_glib: %s\n", error.text);
        weir_server_free(server);
        weir_loop_free(loop);
        return 1;
    }
    outer = g_main_loop_new(NULL, FALSE);
    attach_weir();
    g_timeout_add_seconds(1, on_second, NULL);
    g_unix_signal_add(SIGTERM, on_sigterm, NULL);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    g_main_loop_run(outer);
    g_main_loop_unref(outer);
    weir_server_free(server);
    weir_loop_free(loop);
    return 0;
}
