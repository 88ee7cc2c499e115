/* What the engine alone costs a request: batches of pipelined requests through weir/conn.h, without a socket. Prints
 * nanoseconds a request, the lowest of many rounds: with 16 in a batch, and one by one. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <weir/weir.h>

#define ROUNDS  200
#define BATCHES 1000

static void answer(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                       weir_body_borrow(WEIR_STR("Hello, World!")));
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)x;
    (void)ending;
}

static int64_t fixed_time(void *app)
{
    (void)app;
    return 784111777;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void exchange_batch(weir_conn *engine, const char *batch, size_t size)
{
    size_t room;
    weir_output output[4];
    char *space = weir_conn_reserve(engine, &room);
    memcpy(space, batch, size);
    weir_conn_received(engine, size, 1);
    while (weir_conn_wants(engine) & WEIR_WANT_WRITE) {
        size_t n = weir_conn_output(engine, output, 4);
        for (size_t i = 0; i < n; i++)
            weir_conn_sent(engine, output[i].len, 1);
    }
}

static double measure(const weir_handler *handler, size_t depth)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    char batch[64 * sizeof request];
    size_t size = 0;
    for (size_t i = 0; i < depth; i++, size += sizeof request - 1)
        memcpy(batch + size, request, sizeof request - 1);
    const weir_conn_options options = WEIR_CONN_OPTIONS(.handler = handler, .unix_time = fixed_time);
    weir_conn_config *config;
    weir_conn *engine;
    weir_ending ending;
    if (weir_conn_config_new(&config, &options, NULL) != WEIR_OK || weir_conn_new(&engine, config, NULL, 0) != WEIR_OK)
        return -1;
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (int i = 0; i < BATCHES; i++)
            exchange_batch(engine, batch, size);
        double each = (now_ns() - begin) / (double)(BATCHES * depth);
        best = each < best ? each : best;
    }
    weir_conn_closed(engine, NULL, 1, &ending);
    weir_conn_free(engine);
    weir_conn_config_free(config);
    return best;
}

int main(void)
{
    static const weir_handler plain = WEIR_HANDLER(.head = answer);
    static const weir_handler told = WEIR_HANDLER(.head = answer, .done = done);
    printf("16 in a batch  %6.1f ns a request, with a done callback %6.1f\n", measure(&plain, 16), measure(&told, 16));
    printf("one by one     %6.1f ns a request, with a done callback %6.1f\n", measure(&plain, 1), measure(&told, 1));
    return 0;
}
