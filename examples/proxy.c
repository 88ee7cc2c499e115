/* A reverse proxy: a handler that calls the client. Both bodies stream, each only as fast as the other side takes it:
 *
 *     what a `body` brings is written to the other exchange; what that does not take is offered again after its `room`;
 *     an upstream that fails before its answer is a 502 or 504 with the reason; in the midst of it, the reset that tells
 *     the peer that the answer is not whole; a downstream that leaves takes its request upstream along.
 *
 *     build/examples/proxy 127.0.0.1:8081 127.0.0.1:8080        listens on the first, asks the second
 *     curl http://127.0.0.1:8081/
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define FIELDS_MAX          100 /* field_count_max, which is left at its default */
#define RESPONSE_TIMEOUT_NS (5 * WEIR_SECOND)

/* A request and its copy. It is freed when both exchanges have had their `done`. */
struct pass {
    weir_exchange *down, *up;    /* null: ended */
    bool streams_up;             /* the request has a body that is passed on */
    bool came_whole;             /* the request did */
    bool answered, streams_down; /* the answer's head is out; its body is passed on */
};

static weir_loop *loop;
static weir_server *server;
static weir_client *client;
static weir_str upstream;

/* --- fields ------------------------------------------------------------------------------------------------------------ */

static bool is_in_list(weir_str list, weir_str name)
{
    weir_str member;
    while (weir_list_next(&list, &member))
        if (weir_str_equal_nocase(member, name))
            return true;
    return false;
}

/* Of one hop only (RFC 9110, 7.6.1): what is listed there, and what Connection names. And Expect, which we answer. */
static bool is_of_hop(weir_fields fields, weir_str name)
{
    if (is_in_list(WEIR_STR("connection, proxy-connection, keep-alive, te, transfer-encoding, upgrade, expect"), name))
        return true;
    const weir_field *connection = weir_fields_find(fields, WEIR_STR("connection"));
    for (; connection != NULL; connection = weir_fields_find_next(fields, connection))
        if (is_in_list(connection->value, name))
            return true;
    return false;
}

/* What goes on, and a Via. `framed`: the body says its length itself. */
static weir_fields passed_on(weir_fields fields, weir_field kept[FIELDS_MAX + 1], bool framed)
{
    size_t n = 0;
    for (size_t i = 0; i < fields.count && n < FIELDS_MAX; i++) {
        bool is_length = weir_str_equal_nocase(fields.list[i].name, WEIR_STR("content-length"));
        if (!is_of_hop(fields, fields.list[i].name) && !(framed && is_length))
            kept[n++] = fields.list[i];
    }
    kept[n++] = (weir_field){WEIR_STR("via"), WEIR_STR("1.1 weir")};
    return (weir_fields){kept, n};
}

static weir_body body_like(const weir_exchange *x)
{
    uint64_t length = weir_body_length(x);
    return length == WEIR_NEVER ? weir_body_stream() : length > 0 ? weir_body_sized(length) : weir_body_none();
}

static void refuse(weir_exchange *x, unsigned status, weir_code code)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "upstream: %s: %s\n", weir_code_name(code), weir_code_text(code));
    weir_respond(x, status, WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("text/plain")}),
                 weir_body_copy((weir_str){text, (size_t)n}));
}

static void free_if_over(struct pass *pass)
{
    if (pass->down == NULL && pass->up == NULL)
        free(pass);
}

/* --- upstream: this side is the client ----------------------------------------------------------------------------------- */

static void up_head(void *app, weir_exchange *up)
{
    struct pass *pass = app;
    weir_field kept[FIELDS_MAX + 1];
    weir_body body = body_like(up);
    unsigned status = weir_response_status(up);
    if (pass->down == NULL)
        return;
    if (weir_response_is_interim(up)) {
        if (status != 100) /* that one is between us and upstream */
            weir_respond_interim(pass->down, status, passed_on(weir_exchange_fields(up), kept, true));
        return;
    }
    pass->answered = true;
    pass->streams_down = body.kind != WEIR_BODY_NONE;
    weir_respond_reason(pass->down, status, weir_response_reason(up),
                        passed_on(weir_exchange_fields(up), kept, pass->streams_down), body);
}

static size_t up_body(void *app, weir_exchange *up, weir_str octets)
{
    struct pass *pass = app;
    (void)up;
    return pass->down != NULL ? weir_write(pass->down, octets) : octets.len;
}

static void up_end(void *app, weir_exchange *up)
{
    struct pass *pass = app;
    if (pass->down != NULL && pass->streams_down)
        weir_finish(pass->down, weir_exchange_trailers(up));
}

/* Upstream takes octets: only now is the body of the request wanted, and `Expect: 100-continue` answered with 100. */
static void up_room(void *app, weir_exchange *up)
{
    struct pass *pass = app;
    (void)up;
    if (pass->down != NULL)
        weir_body_resume(pass->down);
}

static void up_done(void *app, weir_exchange *up, const weir_exchange_ending *ending)
{
    struct pass *pass = app;
    (void)up;
    pass->up = NULL;
    if (pass->down != NULL && ending->code != WEIR_CODE_complete) {
        if (pass->answered)
            weir_exchange_abort(pass->down);
        else
            refuse(pass->down, ending->how == WEIR_HOW_TIMEOUT ? 504 : 502, ending->code);
    }
    if (pass->down != NULL && !pass->came_whole)
        weir_body_refuse(pass->down); /* nobody takes it any more */
    free_if_over(pass);
}

static const weir_handler up_handler =
    WEIR_HANDLER(.head = up_head, .body = up_body, .end = up_end, .room = up_room, .done = up_done);

/* --- downstream: this side is the server --------------------------------------------------------------------------------- */

static weir_code ask(struct pass *pass)
{
    weir_field kept[FIELDS_MAX + 1];
    weir_str target = weir_request_target(pass->down);
    bool is_url = target.len > 0 && target.ptr[0] != '/' && target.ptr[0] != '*'; /* an absolute-form target */
    weir_body body = body_like(pass->down);
    weir_error error;
    pass->streams_up = body.kind != WEIR_BODY_NONE;
    return weir_client_send(client,
                            WEIR_REQUEST(.method = weir_request_method(pass->down),
                                         .url = is_url ? target : (weir_str){0},
                                         .target = is_url ? (weir_str){0} : target, .host = upstream,
                                         .connect_to = upstream,
                                         .fields = passed_on(weir_exchange_fields(pass->down), kept, true),
                                         .body = body, .handler = &up_handler, .app = pass),
                            &pass->up, &error);
}

static void down_head(void *app, weir_exchange *down)
{
    struct pass *pass = calloc(1, sizeof(*pass));
    (void)app;
    if (pass == NULL || weir_str_equal(weir_request_method(down), WEIR_STR("CONNECT"))) {
        weir_respond(down, pass == NULL ? 503 : 501, WEIR_NO_FIELDS, weir_body_none());
        free(pass);
        return;
    }
    pass->down = down;
    weir_exchange_set_user(down, pass);
    weir_code code = ask(pass);
    if (code != WEIR_OK) {
        refuse(down, code == WEIR_CODE_pool_full ? 503 : 502, code);
        weir_body_refuse(down);
    } else if (pass->streams_up) {
        weir_body_pause(down);
    }
}

static size_t down_body(void *app, weir_exchange *down, weir_str octets)
{
    struct pass *pass = weir_exchange_user(down);
    (void)app;
    return pass != NULL && pass->up != NULL ? weir_write(pass->up, octets) : octets.len;
}

static void down_end(void *app, weir_exchange *down)
{
    struct pass *pass = weir_exchange_user(down);
    (void)app;
    if (pass == NULL)
        return;
    pass->came_whole = true;
    if (pass->up != NULL && pass->streams_up)
        weir_finish(pass->up, weir_exchange_trailers(down));
}

static void down_room(void *app, weir_exchange *down)
{
    struct pass *pass = weir_exchange_user(down);
    (void)app;
    if (pass != NULL && pass->up != NULL)
        weir_body_resume(pass->up);
}

static void down_done(void *app, weir_exchange *down, const weir_exchange_ending *ending)
{
    struct pass *pass = weir_exchange_user(down);
    (void)app;
    (void)ending;
    if (pass == NULL)
        return;
    pass->down = NULL;
    if (pass->up != NULL)
        weir_exchange_abort(pass->up); /* its `done` comes later */
    free_if_over(pass);
}

static const weir_handler down_handler =
    WEIR_HANDLER(.head = down_head, .body = down_body, .end = down_end, .room = down_room, .done = down_done);

/* --- the run --------------------------------------------------------------------------------------------------------------- */

static void on_sigterm(int number)
{
    (void)number;
    weir_server_drain(server);
}

/* First the server, so that what it has taken is answered; then the client has nothing but idle connections. */
static void stopped(void *app)
{
    (void)app;
    weir_client_drain(client);
}

static void drained(void *app)
{
    (void)app;
    weir_loop_stop(loop);
}

static weir_code start(weir_str listen, weir_error *error)
{
    weir_code code = weir_loop_new(&loop, NULL, error);
    if (code == WEIR_OK)
        code = weir_client_new(&client,
                               WEIR_CLIENT(.loop = loop, .retry = WEIR_RETRY_PROVEN, .drained = drained,
                                           .limits = {.response_timeout_ns = RESPONSE_TIMEOUT_NS}),
                               error);
    if (code == WEIR_OK)
        code =
            weir_server_new(&server,
                            WEIR_SERVER(.listen = listen, .handler = &down_handler, .loop = loop, .stopped = stopped),
                            error);
    if (code == WEIR_OK)
        code = weir_server_run(server, error); /* on our loop: it returns at once */
    return code;
}

int main(int argc, char **argv)
{
    char address[128];
    weir_error error;
    upstream = weir_str_from(argc > 2 ? argv[2] : "127.0.0.1:8080");
    weir_code code = start(weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8081"), &error);
    if (code == WEIR_OK) {
        signal(SIGTERM, on_sigterm);
        weir_server_address(server, 0, address, sizeof(address));
        fprintf(stderr, "listening on %s\n", address);
        weir_loop_run(loop);
        signal(SIGTERM, SIG_DFL);
    } else {
        fprintf(stderr, "proxy: %s\n", error.text);
    }
    if (server != NULL)
        weir_server_free(server);
    if (client != NULL)
        weir_client_free(client);
    if (loop != NULL)
        weir_loop_free(loop);
    return code == WEIR_OK ? 0 : 1;
}
