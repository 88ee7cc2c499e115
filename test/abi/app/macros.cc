/* The macros of the public pages in C++: test/abi/run compiles this as each standard, with every warning an error. */
#include <string>
#include <weir/follow.h>
#include <weir/weir.h>

static void head(void *app, weir_exchange *x)
{
    (void)app;
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER)
        weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("a"), WEIR_STR("1")}, {WEIR_STR("b"), WEIR_STR("2")}),
                     weir_body_borrow(WEIR_STR("hello")));
}

struct call {
    weir_loop *loop;
    std::string fields;
    weir_code code;
};

static void on_head(void *app, weir_exchange *x)
{
    weir_fields fields = weir_exchange_fields(x);
    weir_str a = weir_fields_value(fields, WEIR_STR("a")), b = weir_fields_value(fields, WEIR_STR("b"));
    static_cast<call *>(app)->fields = std::string(a.ptr, a.len) + std::string(b.ptr, b.len);
}

static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)x;
    static_cast<call *>(app)->code = ending->code;
    weir_loop_stop(static_cast<call *>(app)->loop);
}

static const weir_handler serving = WEIR_HANDLER(.head = head);
static const weir_handler asking = WEIR_HANDLER(.done = on_done, .head = on_head); /* in any order */

/* A server and a client on one loop; what is asked has fields of its own, and what it is asked with is local. */
int main()
{
    call mine = call();
    weir_server *server;
    weir_client *client;
    weir_conn_config *config;
    char address[64];
    const weir_conn_options alone = WEIR_CONN_OPTIONS(.handler = &serving, .limits.field_count_max = 10);
    if (weir_conn_config_new(&config, &alone, nullptr) != WEIR_OK || weir_loop_new(&mine.loop, nullptr, nullptr) != WEIR_OK)
        return 1;
    weir_conn_config_free(config);
    if (weir_server_new(&server, WEIR_SERVER(.handler = &serving, .listen = WEIR_STR("127.0.0.1:0"), .loop = mine.loop,
                                             .limits.idle_timeout_ns = 5 * WEIR_SECOND),
                        nullptr) != WEIR_OK ||
        weir_server_run(server, nullptr) != WEIR_OK || !weir_server_address(server, 0, address, sizeof address) ||
        weir_client_new(&client, WEIR_CLIENT(.loop = mine.loop), nullptr) != WEIR_OK)
        return 2;
    std::string url = std::string("http://") + address + "/";
    if (weir_client_send(client,
                         WEIR_REQUEST(.url = weir_str_from(url.c_str()), .handler = &asking, .app = &mine,
                                      .fields = WEIR_FIELDS({WEIR_STR("x"), WEIR_STR("y")})),
                         nullptr, nullptr) != WEIR_OK)
        return 3;
    weir_loop_run(mine.loop);
    weir_client_free(client);
    weir_server_stop(server);
    while (!weir_server_is_stopped(server))
        weir_loop_step(mine.loop, WEIR_SECOND);
    weir_server_free(server);
    weir_loop_free(mine.loop);
    bool found = weir_code_find(weir_str{"drained", 7}) == WEIR_CODE_drained;
    return mine.code == WEIR_CODE_complete && mine.fields == "12" && found ? 0 : 4;
}
