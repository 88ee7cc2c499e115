/* A reverse proxy: a handler that calls the client. Both bodies stream, each only as fast as the other side takes it:
 *
 *     what a `body` brings is written to the other exchange; what that does not take is offered again after its `room`;
 *     an upstream that fails before its answer is a 502 or 504 with the reason; in the midst of it, the reset that
 *     tells the peer that the answer is not whole; a downstream that leaves takes its request upstream along.
 *
 *     Both sides are strict: what two readers could read in two ways is refused, not passed on. Host is that of the
 *     target, X-Forwarded-For is the peer, and what the peer says in such fields is dropped: a proxy behind another one
 *     that it trusts would add to the list instead.
 *
 *     build/examples/proxy 127.0.0.1:8081 127.0.0.1:8080        listens on the first, asks the second
 *     curl http://127.0.0.1:8081/
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define FIELDS_MAX          100 /* field_count_max, which is left at its default */
#define ADDED_MAX           2   /* what this proxy says itself: Via, X-Forwarded-For */
#define NAMED_MAX           32  /* fields that Connection names */
#define RESPONSE_TIMEOUT_NS (5 * WEIR_SECOND)
#define WORKERS             2

/* A request and its copy. It is freed when both exchanges have had their `done`. */
struct pass {
    weir_exchange *down, *up;    /* null: ended */
    bool streams_up;             /* the request has a body that is passed on */
    bool came_whole;             /* the request did */
    bool answered, streams_down; /* the answer's head is out; its body is passed on */
};

/* Fields on their way to the other side. */
struct passed {
    weir_field list[FIELDS_MAX + ADDED_MAX];
    size_t count;
};

static weir_str upstream;

/* --- fields ----------------------------------------------------------------------------------------------------- */

static bool is_one_of(weir_str name, const weir_str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (weir_str_equal_nocase(name, list[i]))
            return true;
    return false;
}

/* Of one hop only (RFC 9110, 7.6.1), and Expect, which each hop answers for itself. */
static bool is_of_hop(weir_str name)
{
    static const weir_str names[] = {
        WEIR_STR_INIT("connection"),
        WEIR_STR_INIT("keep-alive"),
        WEIR_STR_INIT("proxy-connection"),
        WEIR_STR_INIT("te"),
        WEIR_STR_INIT("transfer-encoding"),
        WEIR_STR_INIT("upgrade"),
        WEIR_STR_INIT("http2-settings"),
        WEIR_STR_INIT("proxy-authenticate"),
        WEIR_STR_INIT("expect"),
        WEIR_STR_INIT("proxy-authorization"),
    };
    return is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

/* Said by this proxy alone: who asks could write anything there, and the upstream would believe it. */
static bool is_ours(weir_str name)
{
    static const weir_str names[] = {
        WEIR_STR_INIT("host"),
        WEIR_STR_INIT("forwarded"),
        WEIR_STR_INIT("x-real-ip"),
        WEIR_STR_INIT("x-forwarded-for"),
        WEIR_STR_INIT("x-forwarded-host"),
        WEIR_STR_INIT("x-forwarded-proto"),
        WEIR_STR_INIT("x-forwarded-port"),
    };
    return is_one_of(name, names, sizeof(names) / sizeof(names[0]));
}

/* What Connection names, read once, however long it is. */
struct named {
    weir_str list[NAMED_MAX];
    size_t count;
};

/* False: more than any message has, and not worth the work of looking for each. */
static bool read_connection(struct named *named, weir_fields fields)
{
    named->count = 0;
    const weir_field *field = weir_fields_find(fields, WEIR_STR("connection"));
    for (; field != NULL; field = weir_fields_find_next(fields, field)) {
        weir_str rest = field->value, member;
        while (weir_list_next(&rest, &member)) {
            if (named->count == NAMED_MAX)
                return false;
            named->list[named->count++] = member;
        }
    }
    return true;
}

/* What goes on, in the order in which it came. `framed`: the body says its length itself. False: it cannot go on. */
static bool pass_on(struct passed *to, weir_fields fields, bool request, bool framed)
{
    struct named named;
    to->count = 0;
    if (fields.count > FIELDS_MAX || !read_connection(&named, fields))
        return false;
    for (size_t i = 0; i < fields.count; i++) {
        weir_str name = fields.list[i].name;
        bool dropped = is_of_hop(name) || is_one_of(name, named.list, named.count) || (request && is_ours(name)) ||
                       (framed && weir_str_equal_nocase(name, WEIR_STR("content-length")));
        if (!dropped)
            to->list[to->count++] = fields.list[i];
    }
    return true;
}

static void add(struct passed *to, weir_str name, weir_str value)
{
    to->list[to->count++] = (weir_field){name, value};
}

/* The version is that of the message that came (RFC 9110, 7.6.3). */
static weir_str via(const weir_exchange *x)
{
    return weir_exchange_version(x) < 11 ? WEIR_STR("1.0 weir") : WEIR_STR("1.1 weir");
}

/* Whose request it is, for the upstream's log: the address alone, as X-Forwarded-For has it. */
static weir_str peer_of(const weir_exchange *x, char *text, size_t size)
{
    weir_address peer = weir_exchange_peer(x);
    if (peer.family == AF_INET || peer.family == AF_INET6)
        if (inet_ntop(peer.family, peer.octets, text, (socklen_t)size) != NULL)
            return weir_str_from(text);
    return WEIR_STR("unknown");
}

static weir_fields fields_of(const struct passed *passed)
{
    return (weir_fields){passed->list, passed->count};
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

/* --- upstream: this side is the client -------------------------------------------------------------------------- */

static void pass_answer(struct pass *pass, weir_exchange *up)
{
    struct passed passed;
    weir_body body = body_like(up);
    if (!pass_on(&passed, weir_exchange_fields(up), false, body.kind != WEIR_BODY_NONE)) {
        refuse(pass->down, 502, WEIR_CODE_too_many_fields);
        weir_exchange_abort(up);
        return;
    }
    add(&passed, WEIR_STR("Via"), via(up));
    pass->answered = true;
    pass->streams_down = body.kind != WEIR_BODY_NONE;
    weir_respond_reason(pass->down, weir_response_status(up), weir_response_reason(up), fields_of(&passed), body);
}

static void up_head(void *app, weir_exchange *up)
{
    struct pass *pass = app;
    struct passed passed;
    if (pass->down == NULL)
        return;
    unsigned status = weir_response_status(up);
    if (!weir_response_is_interim(up))
        pass_answer(pass, up);
    else if (status != 100 && pass_on(&passed, weir_exchange_fields(up), false, true)) /* 100 is of each hop */
        weir_respond_interim(pass->down, status, fields_of(&passed));
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

/* --- downstream: this side is the server ------------------------------------------------------------------------ */

/* The Host that goes on is that of the target, if it has one, whatever Host came (RFC 9112, 3.2.2). */
static weir_code ask(struct pass *pass)
{
    struct passed passed;
    char peer[INET6_ADDRSTRLEN];
    weir_exchange *down = pass->down;
    weir_str target = weir_request_target(down), host = weir_request_authority(down);
    bool is_url = target.len > 0 && target.ptr[0] != '/' && target.ptr[0] != '*'; /* an absolute-form target */
    weir_body body = body_like(down);
    weir_error error;
    weir_client *client = weir_loop_user(weir_exchange_loop(down)); /* of this worker */
    if (client == NULL)
        return WEIR_CODE_no_memory;
    if (!pass_on(&passed, weir_exchange_fields(down), true, true))
        return WEIR_CODE_too_many_fields;
    add(&passed, WEIR_STR("Via"), via(down));
    add(&passed, WEIR_STR("X-Forwarded-For"), peer_of(down, peer, sizeof(peer)));
    pass->streams_up = body.kind != WEIR_BODY_NONE;
    return weir_client_send(client,
                            WEIR_REQUEST(.method = weir_request_method(down), .url = is_url ? target : (weir_str){0},
                                         .target = is_url ? (weir_str){0} : target,
                                         .host = host.len > 0 ? host : upstream, .connect_to = upstream,
                                         .fields = fields_of(&passed), .body = body, .handler = &up_handler,
                                         .app = pass),
                            &pass->up, &error);
}

/* What a code of ours is as a status: the peer's fault, ours for now, or upstream's. */
static unsigned status_of(weir_code code)
{
    if (code == WEIR_CODE_pool_full || code == WEIR_CODE_no_memory)
        return 503;
    if (code == WEIR_CODE_too_many_fields)
        return 431;
    return code == WEIR_CODE_bad_url || code == WEIR_CODE_bad_target ? 400 : 502;
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
        refuse(down, status_of(code), code);
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

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* Each worker has a client of its own, so that nothing is shared. */
static void worker_started(void *app, weir_loop *loop)
{
    weir_client *client;
    weir_error error;
    (void)app;
    if (weir_client_new(&client,
                        WEIR_CLIENT(.loop = loop, .strict = true, .retry = WEIR_RETRY_PROVEN,
                                    .limits = {.response_timeout_ns = RESPONSE_TIMEOUT_NS}),
                        &error) == WEIR_OK)
        weir_loop_set_user(loop, client);
    else
        fprintf(stderr, "proxy: %s\n", error.text);
}

/* All that the server has taken is answered: the client has nothing but idle connections. */
static void worker_stopped(void *app, weir_loop *loop)
{
    (void)app;
    weir_client_free(weir_loop_user(loop));
}

static void started(void *app, weir_server *server)
{
    char address[128];
    (void)app;
    weir_server_address(server, 0, address, sizeof(address));
    fprintf(stderr, "listening on %s\n", address);
}

int main(int argc, char **argv)
{
    weir_str listen = weir_str_from(argc > 1 ? argv[1] : "127.0.0.1:8081");
    upstream = weir_str_from(argc > 2 ? argv[2] : "127.0.0.1:8080");
    return weir_serve(WEIR_SERVER(.listen = listen, .handler = &down_handler, .workers = WORKERS, .started = started,
                                  .worker_started = worker_started, .worker_stopped = worker_stopped,
                                  .drain_on_signals = true));
}
