/* A program as users of 0.1 wrote it: a server, a client that asks it, a policy with rules of its own, the ledger, and a
 * connection without I/O. test/abi/run builds it with the headers of 0.1 and with today's, and runs both on today's library.
 * It uses nothing newer than 0.1. One line a check, `ok` or `FAIL`; the exit status is 1 if one failed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/weir.h>

#define CANARY           0x5a
#define CHECK(condition) check(condition, #condition)

static int failed;

static void check(bool right, const char *what)
{
    printf("%s %s\n", right ? "ok  " : "FAIL", what);
    failed |= !right;
}

/* --- names ------------------------------------------------------------------------------------------------------ */

static void names(void)
{
    CHECK(strcmp(weir_code_name(WEIR_CODE_unsupported), "unsupported") == 0);
    CHECK(strcmp(weir_code_name(WEIR_CODE_COUNT), "unknown") == 0);
    CHECK(weir_code_find(WEIR_STR("unsupported")) == WEIR_CODE_unsupported);
    CHECK(weir_code_find(WEIR_STR("no_such_code")) == WEIR_CODE_COUNT);
    CHECK(weir_code_find((weir_str){"drained", 7}) == WEIR_CODE_drained);
    CHECK(strcmp(weir_stage_name(WEIR_STAGE_TUNNEL), "tunnel") == 0);
    CHECK(strcmp(weir_stage_name((weir_stage)99), "unknown") == 0);
    CHECK(strcmp(weir_delivery_name(WEIR_DELIVERY_UNKNOWN), "unknown") == 0);
}

/* --- policy ----------------------------------------------------------------------------------------------------- */

static weir_level level_of(weir_judge *judge, weir_code code)
{
    weir_ending ending = {.code = code, .judged = WEIR_CLASS_ROUTINE};
    return weir_judge_ending(judge, &ending, 1).level;
}

static void policy(void)
{
    /* What is behind the end of the list would say ERROR for a code that the list has no rule for. */
    static const weir_code_rule rules[] = {{WEIR_CODE_drained, {.level = WEIR_LEVEL_WARN, .fail = true}},
                                           {WEIR_CODE_COUNT, {.level = WEIR_LEVEL_NONE}},
                                           {WEIR_CODE_idle_timeout, {.level = WEIR_LEVEL_ERROR}}};
    weir_policy mine = *weir_policy_find(WEIR_STR("production"));
    mine.codes = rules;
    weir_judge judge = {.policy = &mine};
    CHECK(level_of(&judge, WEIR_CODE_drained) == WEIR_LEVEL_WARN);
    CHECK(level_of(&judge, WEIR_CODE_idle_timeout) == WEIR_LEVEL_NONE);
    CHECK(judge.failures == 1);
}

/* --- server and client ------------------------------------------------------------------------------------------ */

static uint64_t ended_by_code[WEIR_CODE_COUNT];

static void serve_head(void *app, weir_exchange *x)
{
    (void)app;
    weir_exchange_set_user(x, malloc(1));
    if (!weir_str_equal(weir_request_method(x), WEIR_STR("POST")))
        (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("Content-Type"), WEIR_STR("text/plain")}),
                           weir_body_borrow(WEIR_STR("hello\n")));
}

static void serve_end(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_str_equal(weir_request_method(x), WEIR_STR("POST")))
        (void)weir_respond(x, 201, WEIR_NO_FIELDS, weir_body_stream());
}

static size_t serve_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    (void)x;
    return octets.len;
}

static void serve_room(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_write(x, WEIR_STR("created\n")) == 8)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}

static void serve_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)ending;
    free(weir_exchange_user(x));
}

static void count_ending(void *app, const weir_ending *ending)
{
    char text[WEIR_ENDING_TEXT_MAX];
    (void)app;
    if ((unsigned)ending->code < WEIR_CODE_COUNT && weir_ending_json(text, ending) > 0)
        ended_by_code[ending->code]++;
}

static void *run_server(void *server)
{
    return weir_server_run(server, NULL) == WEIR_OK ? server : NULL;
}

struct call {
    weir_loop *loop;
    unsigned status;
    char content[64];
    size_t size;
    weir_code code;
    bool done, timed;
};

static void call_head(void *app, weir_exchange *x)
{
    struct call *call = app;
    if (!weir_response_is_interim(x))
        call->status = weir_response_status(x);
}

static size_t call_body(void *app, weir_exchange *x, weir_str octets)
{
    struct call *call = app;
    size_t n = octets.len < sizeof call->content - 1 - call->size ? octets.len : sizeof call->content - 1 - call->size;
    (void)x;
    memcpy(call->content + call->size, octets.ptr, n);
    call->size += n;
    return octets.len;
}

static void call_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    struct call *call = app;
    weir_timings timings = {.size = sizeof timings};
    weir_exchange_timings(x, &timings);
    call->timed = timings.size == sizeof timings && timings.lived_ns > 0;
    call->code = ending->code;
    call->done = true;
    weir_loop_stop(call->loop);
}

static const weir_handler call_handler = WEIR_HANDLER(.head = call_head, .body = call_body, .done = call_done);

static struct call ask(weir_client *client, weir_loop *loop, const char *url, weir_str method, weir_body content)
{
    struct call call = {.loop = loop};
    weir_error error;
    weir_code code = weir_client_send(client,
                                      WEIR_REQUEST(.url = weir_str_from(url), .method = method, .body = content,
                                                   .handler = &call_handler, .app = &call),
                                      NULL, &error);
    if (code != WEIR_OK)
        printf("FAIL %s\n", error.text);
    else
        weir_loop_run(loop);
    return call;
}

static void stop_loop(void *loop)
{
    weir_loop_stop(loop);
}

static void ask_both(const char *url)
{
    weir_loop *loop;
    weir_client *client;
    weir_error error;
    CHECK(weir_loop_new(&loop, NULL, &error) == WEIR_OK);
    CHECK(weir_client_new(&client,
                          WEIR_CLIENT(.loop = loop, .limits = {.idle_timeout_ns = 5 * WEIR_SECOND},
                                      .connections_per_origin = 1, .drained = stop_loop, .app = loop),
                          &error) == WEIR_OK);
    struct call get = ask(client, loop, url, WEIR_STR("GET"), weir_body_none());
    CHECK(get.done && get.timed && get.code == WEIR_CODE_complete && get.status == 200);
    CHECK(strcmp(get.content, "hello\n") == 0);
    struct call post = ask(client, loop, url, WEIR_STR("POST"), weir_body_copy(WEIR_STR("content")));
    CHECK(post.done && post.code == WEIR_CODE_complete && post.status == 201);
    CHECK(strcmp(post.content, "created\n") == 0);
    weir_pool_counts counts = {.size = sizeof counts};
    weir_client_counts(client, &counts);
    CHECK(counts.size == sizeof counts && counts.origins == 1 && counts.idle == 1 && counts.reused == 1);
    weir_ledger ledger = {.size = sizeof ledger};
    weir_client_ledger(client, &ledger);
    CHECK(ledger.accepted == 1 && ledger.exchanges_done == 2 && ledger.exchanges_by_code[WEIR_CODE_complete] == 2);
    weir_client_drain(client);
    weir_loop_run(loop);
    weir_client_free(client);
    weir_loop_free(loop);
}

static void check_texts(const weir_ledger *ledger)
{
    static char text[65536];
    CHECK(weir_ledger_json(ledger, text, sizeof text) > 0 && strstr(text, "\"accepted\":1,") != NULL);
    CHECK(strstr(text, "\"by_class\":{\"routine\":1}") != NULL && strstr(text, "\"2xx\":2") != NULL);
    CHECK(strstr(text, "\"balanced\":true") != NULL);
    CHECK(weir_ledger_text(ledger, text, sizeof text) > 0 && strstr(text, "the ledger balances") != NULL);
    CHECK(weir_ledger_metrics(ledger, text, sizeof text) > 0 &&
          strstr(text, "weir_responses_total{status=\"2xx\"} 2\n") != NULL);
}

/* With octets behind it that nobody may touch. */
static void check_ledger(const weir_server *server)
{
    struct {
        weir_ledger ledger;
        unsigned char behind[8192];
    } *mine = malloc(sizeof *mine);
    memset(mine, CANARY, sizeof *mine);
    mine->ledger.size = sizeof mine->ledger;
    weir_server_ledger(server, &mine->ledger);
    size_t touched = 0, ended = 0, same = 0;
    for (size_t i = 0; i < sizeof mine->behind; i++)
        touched += mine->behind[i] != CANARY;
    for (int code = 0; code < WEIR_CODE_COUNT; code++) {
        ended += mine->ledger.ended_by_code[code];
        same += mine->ledger.ended_by_code[code] == ended_by_code[code];
    }
    CHECK(touched == 0 && mine->ledger.size == sizeof mine->ledger);
    CHECK(mine->ledger.accepted == 1 && mine->ledger.alive == 0 && ended == 1 && same == WEIR_CODE_COUNT);
    CHECK(mine->ledger.ended_by_stage[WEIR_STAGE_IDLE] == 1 && mine->ledger.ended_by_class[WEIR_CLASS_ROUTINE] == 1);
    CHECK(mine->ledger.exchanges_by_code[WEIR_CODE_complete] == 2 && mine->ledger.responses_by_status[2] == 2);
    CHECK(mine->ledger.accept_pauses == 0 && mine->ledger.accept_failures == 0);
    check_texts(&mine->ledger);
    free(mine);
}

static void server_and_client(void)
{
    static const weir_handler handler =
        WEIR_HANDLER(.head = serve_head, .body = serve_body, .end = serve_end, .room = serve_room, .done = serve_done);
    static char options[8192];
    weir_server *server;
    weir_error error;
    char address[64], url[128];
    pthread_t thread;
    weir_server_options o = {.size = sizeof o,
                             .listen = WEIR_STR("127.0.0.1:0"),
                             .handler = &handler,
                             .limits = {.head_size_max = 16384},
                             .ending = count_ending};
    o.limits.age_max_ns = 3600 * WEIR_SECOND;
    CHECK(weir_server_new(&server, &o, &error) == WEIR_OK);
    CHECK(weir_server_print_options(server, options, sizeof options) > 0);
    CHECK(strstr(options, "head_size_max 16384\n") != NULL && strstr(options, "age_max_ns 3600000000000\n") != NULL);
    CHECK(strstr(options, "idle_timeout_ns 60000000000\n") != NULL);
    CHECK(weir_server_address(server, 0, address, sizeof address));
    (void)snprintf(url, sizeof url, "http://%s/", address);
    CHECK(pthread_create(&thread, NULL, run_server, server) == 0);
    ask_both(url);
    weir_server_drain(server);
    void *served;
    CHECK(pthread_join(thread, &served) == 0 && served == server);
    CHECK(weir_server_is_stopped(server));
    check_ledger(server);
    weir_server_free(server);
}

/* --- a connection without I/O ----------------------------------------------------------------------------------- */

static void alone_head(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy(WEIR_STR("alone")));
}

static void alone(void)
{
    static const weir_handler handler = WEIR_HANDLER(.head = alone_head);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    weir_engine_options options = WEIR_ENGINE_OPTIONS(.handler = &handler, .limits = {.field_count_max = 10});
    weir_engine_config *config;
    weir_engine *engine;
    weir_output piece = {.fd = -1};
    struct {
        weir_ending ending;
        unsigned char behind[256];
    } last;
    size_t size = 0, touched = 0;
    CHECK(weir_engine_config_new(&config, &options, NULL) == WEIR_OK);
    CHECK(weir_engine_new(&engine, config, NULL, 1) == WEIR_OK);
    CHECK(weir_engine_is_idle(engine) && weir_engine_wants(engine) == WEIR_WANT_READ);
    char *space = weir_engine_reserve(engine, &size);
    memcpy(space, request, sizeof request - 1);
    weir_engine_received(engine, sizeof request - 1, 2);
    CHECK((weir_engine_wants(engine) & WEIR_WANT_WRITE) != 0 && weir_engine_output(engine, &piece, 1) == 1);
    CHECK(piece.len > 17 && memcmp(piece.ptr, "HTTP/1.1 200 OK\r\n", 17) == 0);
    size_t all = piece.len;
    weir_engine_sent(engine, all, 3);
    memset(&last, CANARY, sizeof last);
    weir_receipt receipt = {.known = true, .left = all, .acked = all};
    if (weir_engine_wants(engine) & WEIR_WANT_RECEIPT)
        weir_engine_receipt(engine, &receipt, 4);
    CHECK((weir_engine_wants(engine) & (WEIR_WANT_CLOSE | WEIR_WANT_SHUTDOWN)) != 0);
    weir_engine_closed(engine, &receipt, 5, &last.ending);
    for (size_t i = 0; i < sizeof last.behind; i++)
        touched += last.behind[i] != CANARY;
    CHECK(touched == 0 && last.ending.exchanges_done == 1 && last.ending.delivery == WEIR_DELIVERY_DELIVERED);
    CHECK(last.ending.octets_out == all && last.ending.code == WEIR_CODE_close_requested);
    weir_engine_free(engine);
    weir_engine_config_free(config);
}

int main(void)
{
    names();
    policy();
    server_and_client();
    alone();
    return failed;
}
