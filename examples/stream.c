/* A streaming answer: a million numbered lines, made while they are sent and only as fast as the client reads them.
 * However slow the client and however long the answer, no more than the room of one connection is ever in memory.
 *
 *     build/examples/stream
 *     curl http://127.0.0.1:8080/ | tail
 *     curl --limit-rate 100k http://127.0.0.1:8080/ | tail
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define LINES 1000000

struct lines {
    unsigned made;
    char line[32];
    size_t len, taken; /* of the line; by the connection */
};

static weir_server *server;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    struct lines *lines = calloc(1, sizeof(*lines));
    if (lines == NULL) {
        weir_respond(x, 503, WEIR_NO_FIELDS, weir_body_none());
        return;
    }
    weir_exchange_set_user(x, lines);
    weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}), weir_body_stream());
}

/* Called when the stream begins, and again each time that the client has made room. */
static void room(void *app, weir_exchange *x)
{
    (void)app;
    struct lines *lines = weir_exchange_user(x);
    for (;;) {
        lines->taken += weir_write(x, (weir_str){lines->line + lines->taken, lines->len - lines->taken});
        if (lines->taken < lines->len)
            return; /* no room: it goes on here, in the middle of a line if need be */
        if (lines->made == LINES)
            break;
        lines->len = (size_t)snprintf(lines->line, sizeof(lines->line), "line %u\n", ++lines->made);
        lines->taken = 0;
    }
    weir_finish(x, WEIR_NO_FIELDS);
}

/* Always the last call, whoever ended the exchange: what belongs to it is freed here and nowhere else. */
static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    struct lines *lines = weir_exchange_user(x);
    if (lines != NULL)
        fprintf(stderr, "%u lines made: %s\n", lines->made, weir_code_name(ending->code));
    free(lines);
}

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .room = room, .done = done);
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8080");
    weir_error error;
    char address[128];
    if (weir_server_new(&server, WEIR_SERVER(.listen = listen, .handler = &handler), &error) != WEIR_OK) {
        fprintf(stderr, "stream: %s\n", error.text);
        return 1;
    }
    signal(SIGTERM, on_sigterm);
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
    weir_code code = weir_server_run(server, &error);
    if (code != WEIR_OK)
        fprintf(stderr, "stream: %s\n", error.text);
    signal(SIGTERM, SIG_DFL); /* there is nothing left to drain */
    weir_server_free(server);
    return code == WEIR_OK ? 0 : 1;
}
