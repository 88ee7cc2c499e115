/* One request through the pool: the answer goes to standard output, how it ended to standard error. The exit status
 * is 0 when the answer is whole; when it is not, `retry` says whether it is safe to ask again.
 *
 *     build/examples/client http://127.0.0.1:8080/ */
#include <stdio.h>
#include <weir/weir.h>

static weir_loop *loop;
static weir_client *client;
static weir_code outcome;

static void head(void *app, weir_exchange *x)
{
    (void)app;
    weir_str reason = weir_response_reason(x);
    fprintf(stderr, "%u %.*s\n", weir_response_status(x), (int)reason.len, reason.len > 0 ? reason.ptr : "");
}

static size_t body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    if (fwrite(octets.ptr, 1, octets.len, stdout) < octets.len)
        weir_exchange_abort(x);
    return octets.len;
}

/* Always the last call, whether there was an answer, half of one, or not even a connection. */
static void done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)x;
    outcome = ending->code;
    fprintf(stderr, "%s: %s (retry: %s)\n", weir_code_name(ending->code), weir_code_text(ending->code),
            weir_retry_name(ending->retry));
    weir_client_drain(client); /* the connection lies idle in the pool: it is closed in order */
}

static void drained(void *app)
{
    (void)app;
    weir_loop_stop(loop);
}

int main(int argc, char **argv)
{
    static const weir_handler handler = WEIR_HANDLER(.head = head, .body = body, .done = done);
    weir_error error;
    if (argc != 2) {
        fprintf(stderr, "usage: client URL\n");
        return 2;
    }
    weir_code code = weir_loop_new(&loop, NULL, &error);
    if (code == WEIR_OK)
        code = weir_client_new(&client, WEIR_CLIENT(.loop = loop, .drained = drained), &error);
    if (code == WEIR_OK)
        code = weir_client_send(client, WEIR_REQUEST(.url = weir_str_from(argv[1]), .handler = &handler), NULL, &error);
    if (code == WEIR_OK)
        weir_loop_run(loop);
    else
        fprintf(stderr, "client: %s\n", error.text);
    if (client != NULL)
        weir_client_free(client);
    if (loop != NULL)
        weir_loop_free(loop);
    return code == WEIR_OK && outcome == WEIR_CODE_complete ? 0 : 1;
}
