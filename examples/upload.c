/* An upload with back-pressure: the body is offered, and the handler takes what its slow consumer can bear: here 256
 * KiB every ten milliseconds. While it takes nothing, nothing is read, and TCP slows the client down; nothing is
 * buffered.
 *
 *     build/examples/upload
 *     curl -T some-large-file http://127.0.0.1:8080/
 *     head -c 50M /dev/zero | curl -T - http://127.0.0.1:8080/ */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define TICK_NS   (10 * WEIR_MS)
#define TICK_SIZE 262144

struct upload {
    weir_exchange *x;
    weir_timer *timer;
    size_t allowance; /* octets that may be taken before the next tick */
    uint64_t size;
};

static weir_server *server;

static void tick(void *app)
{
    struct upload *upload = app;
    upload->allowance = TICK_SIZE;
    weir_body_resume(upload->x);
}

static void head(void *app, weir_exchange *x)
{
    (void)app;
    struct upload *upload = calloc(1, sizeof(*upload));
    weir_timer *timer = upload != NULL ? weir_timer_new(weir_exchange_loop(x), tick, upload) : NULL;
    if (timer == NULL) {
        free(upload);
        weir_body_refuse(x);
        weir_respond(x, 503, WEIR_NO_FIELDS, weir_body_none());
        return;
    }
    *upload = (struct upload){.x = x, .timer = timer, .allowance = TICK_SIZE};
    weir_exchange_set_user(x, upload);
}

/* What is not taken is offered again after weir_body_resume. */
static size_t body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    struct upload *upload = weir_exchange_user(x);
    size_t taken = octets.len < upload->allowance ? octets.len : upload->allowance;
    upload->size += taken; /* a real consumer would use octets.ptr here: it is only valid until this returns */
    upload->allowance -= taken;
    if (upload->allowance == 0) {
        weir_body_pause(x);
        weir_timer_start(upload->timer, TICK_NS);
    }
    return taken;
}

static void end(void *app, weir_exchange *x)
{
    (void)app;
    const struct upload *upload = weir_exchange_user(x);
    char text[64];
    if (upload == NULL)
        return;
    int len = snprintf(text, sizeof(text), "%" PRIu64 " octets\n", upload->size);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){text, (size_t)len}));
}

static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    struct upload *upload = weir_exchange_user(x);
    if (upload == NULL)
        return;
    /* A client that leaves in the middle never gets to `end`, but always here. */
    fprintf(stderr, "%" PRIu64 " octets came: %s\n", upload->size, weir_code_name(ending->code));
    weir_timer_free(upload->timer);
    free(upload);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .body = body, .end = end, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler), &error) != WEIR_OK) {
        fprintf(stderr, "upload: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "upload: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
