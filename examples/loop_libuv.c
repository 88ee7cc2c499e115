/* Nested in libuv: uv_poll_t watches Weir's loop, uv_timer_t wakes it in time, and before each wait uv_prepare_t asks
 * when that is now. Everything else in the libuv loop goes on as it did; here it is SIGTERM, as a uv_signal_t,
 * and a clock of libuv's that counts the seconds which the answer tells.
 *
 *     build/examples/loop_libuv
 *     curl http://127.0.0.1:8080/
 *     curl http://127.0.0.1:8080/never    is not answered: 503 after 0.3 s, a deadline of Weir's that libuv keeps
 */
#include <inttypes.h>
#include <stdio.h>
#include <uv.h>
#include <weir/weir.h>

static weir_server *server;
static weir_loop *loop;
static uv_poll_t readable;
static uv_prepare_t before_wait;
static uv_timer_t deadline;
static uv_timer_t seconds;
static uv_signal_t sigterm;
static uint64_t seconds_counted;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/never")))
        return;
    char text[64];
    int len = snprintf(text, sizeof(text), "%" PRIu64 " seconds of libuv's\n", seconds_counted);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){text, (size_t)len}));
}

/* --- Weir within libuv ------------------------------------------------------------------------------------------ */

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)handle;
    (void)status;
    (void)events;
    weir_loop_step(loop, 0);
}

static void on_deadline(uv_timer_t *handle)
{
    (void)handle;
    weir_loop_step(loop, 0);
}

/* Timers are started and stopped without a word: hence here, each time. In milliseconds, rounded up; libuv counts
 * them from its own idea of now, which is brought up to date first. */
static void on_before_wait(uv_prepare_t *handle)
{
    uint64_t timeout_ns = weir_loop_timeout(loop);
    uv_update_time(handle->loop);
    if (timeout_ns == WEIR_NEVER)
        uv_timer_stop(&deadline);
    else
        uv_timer_start(&deadline, on_deadline, timeout_ns / WEIR_MS + (timeout_ns % WEIR_MS > 0), 0);
}

/* --- the rest of the program ------------------------------------------------------------------------------------ */

static void on_second(uv_timer_t *handle)
{
    (void)handle;
    seconds_counted++;
}

static void on_sigterm(uv_signal_t *handle, int number)
{
    (void)handle;
    (void)number;
    weir_server_drain(server);
}

/* The last connection has ended: without handles uv_run returns. */
static void on_stopped(void *app)
{
    (void)app;
    uv_close((uv_handle_t *)&readable, NULL);
    uv_close((uv_handle_t *)&before_wait, NULL);
    uv_close((uv_handle_t *)&deadline, NULL);
    uv_close((uv_handle_t *)&seconds, NULL);
    uv_close((uv_handle_t *)&sigterm, NULL);
}

static int start_handles(uv_loop_t *outer)
{
    int failed = uv_poll_init(outer, &readable, weir_loop_fd(loop));
    failed = failed != 0 ? failed : uv_poll_start(&readable, UV_READABLE, on_readable);
    failed = failed != 0 ? failed : uv_prepare_init(outer, &before_wait);
    failed = failed != 0 ? failed : uv_prepare_start(&before_wait, on_before_wait);
    failed = failed != 0 ? failed : uv_timer_init(outer, &deadline);
    failed = failed != 0 ? failed : uv_timer_init(outer, &seconds);
    failed = failed != 0 ? failed : uv_timer_start(&seconds, on_second, 1000, 1000);
    failed = failed != 0 ? failed : uv_signal_init(outer, &sigterm);
    return failed != 0 ? failed : uv_signal_start(&sigterm, on_sigterm, SIGTERM);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    uv_loop_t *outer = uv_default_loop();
    weir_error error;
    char address[128];
    /* Run returns at once on a loop of ours: it only begins to accept. */
    if (weir_loop_new(&loop, NULL, &error) != WEIR_OK ||
        weir_server_new(&server,
                        WEIR_SERVER(.listen = listen, .handler = &handler, .loop = loop, .stopped = on_stopped,
                                    .limits.handler_timeout_ns = 300 * WEIR_MS),
                        &error) != WEIR_OK ||
        weir_server_run(server, &error) != WEIR_OK) {
        fprintf(stderr, "loop_libuv: %s\n", error.text);
        return 1;
    }
    int failed = start_handles(outer);
    if (failed != 0) {
        fprintf(stderr, "loop_libuv: %s\n", uv_strerror(failed));
        return 1;
    }
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    uv_run(outer, UV_RUN_DEFAULT);
    weir_server_free(server);
    weir_loop_free(loop);
    return uv_loop_close(outer) == 0 ? 0 : 1;
}
