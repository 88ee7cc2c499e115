/* A drain: on SIGTERM nothing new is accepted, idle connections close, answers under way are finished; what is not done
 * after two seconds is cut. A second SIGTERM cuts at once. Then the ledger says what became of it all.
 *
 *     build/examples/drain
 *     curl http://127.0.0.1:8080/1000 & curl http://127.0.0.1:8080/60000 &     answers after that many milliseconds
 *     pkill -TERM -x drain
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define DRAIN_TIMEOUT_NS (2 * WEIR_SECOND)

static weir_server *server;

static void answer(void *app)
{
    weir_respond(app, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_borrow(WEIR_STR("done\n")));
}

/* The path is the delay in milliseconds; what is not a number is none. */
static uint64_t delay_of(weir_str path)
{
    uint64_t ms = 0;
    for (size_t i = 1; i < path.len && i < 9 && path.ptr[i] >= '0' && path.ptr[i] <= '9'; i++)
        ms = ms * 10 + (uint64_t)(path.ptr[i] - '0');
    return ms * WEIR_MS;
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    weir_timer *timer = weir_timer_new(weir_exchange_loop(x), answer, x);
    if (timer == NULL) {
        weir_respond(x, 503, WEIR_NO_FIELDS, weir_body_none());
        return;
    }
    weir_exchange_set_user(x, timer);
    weir_timer_start(timer, delay_of(weir_request_path(x)));
}

/* Answered or cut: the timer must not outlive the exchange that it would answer. */
static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)ending;
    weir_timer_free(weir_exchange_user(x));
}

static void report(void)
{
    weir_ledger ledger = {.size = sizeof(ledger)};
    weir_server_ledger(server, &ledger);
    printf("exchanges finished: %" PRIu64 "\n", ledger.exchanges_by_code[WEIR_CODE_complete]);
    printf("exchanges cut: %" PRIu64 " by the drain's deadline, %" PRIu64 " by a second signal\n",
           ledger.exchanges_by_code[WEIR_CODE_drain_timeout], ledger.exchanges_by_code[WEIR_CODE_stopped]);
    printf("connections closed in order by the drain: %" PRIu64 " of %" PRIu64 "\n",
           ledger.ended_by_code[WEIR_CODE_drained], ledger.accepted);
}

/* Both calls are safe in a signal handler. */
static void on_sigterm(int number)
{
    static volatile sig_atomic_t seen;
    (void)number;
    if (seen == 0)
        weir_server_drain(server);
    else
        weir_server_stop(server);
    seen = 1;
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server,
                        WEIR_SERVER(.listen = listen, .handler = &handler, .drain_timeout_ns = DRAIN_TIMEOUT_NS),
                        &error) != WEIR_OK) {
        fprintf(stderr, "drain: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "drain: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    report();
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
