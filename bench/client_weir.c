// The generator of the client row that uses Weir's client: so many requests for one small page, so many at a time, through
// a pool of connections that are kept. Its own CPU time is what is measured.   Usage: client_weir URL CONCURRENCY REQUESTS
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/weir.h>

#include "client_usage.h"

struct run {
    weir_loop *loop;
    weir_client *client;
    weir_str url;
    uint64_t to_send, to_end, octets, failed;
};

static void ask(struct run *run);

static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)x;
    ((struct run *)app)->octets += octets.len;
    return octets.len;
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct run *run = app;
    run->failed += ending->code != WEIR_CODE_complete || weir_response_status(x) != 200;
    if (--run->to_end == 0)
        weir_loop_stop(run->loop);
    else if (run->to_send > 0)
        ask(run);
}

static const weir_handler handler = WEIR_HANDLER(.body = on_body, .done = on_done);

static void ask(struct run *run)
{
    weir_error error;
    run->to_send--;
    if (weir_client_send(run->client, WEIR_REQUEST(.url = run->url, .handler = &handler, .app = run), NULL, &error) !=
        WEIR_OK)
        client_usage_die(error.text);
}

int main(int argc, char **argv)
{
    struct client_usage usage = client_usage_start(argc, argv);
    struct run run = {.url = weir_str_from(usage.url), .to_send = usage.requests, .to_end = usage.requests};
    weir_error error;
    if (weir_loop_new(&run.loop, NULL, &error) != WEIR_OK ||
        weir_client_new(&run.client, WEIR_CLIENT(.loop = run.loop, .connections_per_origin = usage.concurrency),
                        &error) != WEIR_OK)
        client_usage_die(error.text);
    for (uint64_t i = 0; i < usage.concurrency && run.to_send > 0; i++)
        ask(&run);
    weir_loop_run(run.loop);
    client_usage_tell(&usage, run.octets, run.failed);
    weir_client_free(run.client);
    weir_loop_free(run.loop);
    return 0;
}
