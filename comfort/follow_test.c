/* Goal: redirects are followed as clients do, the handler hears of the last answer only, and what is secret stays with its
 * origin. Method: a server whose paths say where to go, and a client, on one loop; a row a story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <weir/follow.h>
#include <weir/server.h>

static struct story {
    weir_loop *loop;
    weir_server *server, *other;
    weir_client *client;
    char here[64], there[64];
    char asked[4096]; /* "METHOD /path auth body;" as the servers saw it */
    char got[1024];
    unsigned heads, dones, count;
    unsigned status;
    weir_code code;
    weir_follow *follow;
    bool abort_at_head;
} story;

/* --- the servers: /STATUS/further redirects to /further; /to-other to the other one ------------------------------------------ */

struct asked {
    char body[64];
    size_t size;
};

static void note(weir_exchange *x, weir_str body)
{
    weir_str method = weir_request_method(x), path = weir_request_path(x);
    weir_str auth = weir_fields_value(weir_exchange_fields(x), WEIR_STR("authorization"));
    size_t used = strlen(story.asked);
    snprintf(story.asked + used, sizeof story.asked - used, "%.*s %.*s%s%.*s%s%.*s;", (int)method.len, method.ptr,
             (int)path.len, path.ptr, auth.len > 0 ? " " : "", (int)auth.len, auth.len > 0 ? auth.ptr : "",
             body.len > 0 ? " " : "", (int)body.len, body.len > 0 ? body.ptr : "");
}

static void answer(weir_exchange *x)
{
    char text[128], location[200];
    weir_str path = weir_request_path(x);
    snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    unsigned status = (unsigned)strtoul(text + 1, NULL, 10);
    const char *rest = strchr(text + 1, '/');
    if (strncmp(text, "/to-other", 9) == 0) {
        snprintf(location, sizeof location, "http://%s%s", story.there, text + 9);
        status = 307;
    } else if (strncmp(text, "/to-user", 8) == 0) {
        snprintf(location, sizeof location, "http://user:word@%s/a", story.here);
        status = 307;
    } else if (strncmp(text, "/to-bad", 7) == 0) {
        snprintf(location, sizeof location, "https://elsewhere/");
        status = 302;
    } else if (strcmp(text, "/loop") == 0) {
        snprintf(location, sizeof location, "/loop");
        status = 302;
    } else if (status >= 300 && rest != NULL) {
        snprintf(location, sizeof location, "%s", rest);
    } else {
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy(WEIR_STR("arrived")));
        return;
    }
    (void)weir_respond(x, status, WEIR_FIELDS({WEIR_STR("Location"), weir_str_from(location)}),
                       weir_body_copy(WEIR_STR("elsewhere")));
}

static void server_head(void *app, weir_exchange *x)
{
    (void)app;
    weir_exchange_set_user(x, calloc(1, sizeof(struct asked)));
}
static size_t server_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    struct asked *asked = weir_exchange_user(x);
    for (size_t i = 0; i < octets.len && asked->size < sizeof asked->body; i++)
        asked->body[asked->size++] = octets.ptr[i];
    return octets.len;
}
static void server_end(void *app, weir_exchange *x)
{
    (void)app;
    struct asked *asked = weir_exchange_user(x);
    note(x, (weir_str){asked->body, asked->size});
    answer(x);
}
static void server_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)app;
    (void)ending;
    free(weir_exchange_user(x));
}
static const weir_handler server_handler =
    WEIR_HANDLER(.head = server_head, .body = server_body, .end = server_end, .done = server_done);

/* --- the one who asks ----------------------------------------------------------------------------------------------------------- */

static void on_head(void *app, weir_exchange *x)
{
    (void)app;
    story.heads++;
    story.status = weir_response_status(x);
    if (story.abort_at_head)
        weir_follow_abort(story.follow);
}
static size_t on_body(void *app, weir_exchange *x, weir_str octets)
{
    (void)app;
    (void)x;
    size_t used = strlen(story.got);
    snprintf(story.got + used, sizeof story.got - used, "%.*s", (int)octets.len, octets.ptr);
    return octets.len;
}
static void on_done(void *app, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)x;
    story.dones++;
    story.code = ending->code;
    story.count = weir_follow_count(story.follow);
    *(bool *)app = true;
}
static void on_room(void *app, weir_exchange *x)
{
    (void)app;
    (void)weir_write(x, WEIR_STR("streamed"));
    (void)weir_finish(x, WEIR_NO_FIELDS);
}
static const weir_handler handler = WEIR_HANDLER(.head = on_head, .body = on_body, .done = on_done, .room = on_room);

static weir_server *open_server(char address[64])
{
    weir_server *server;
    assert_int_equal(weir_server_new(&server,
                                     WEIR_SERVER(.listen = WEIR_STR("127.0.0.1:0"), .handler = &server_handler,
                                                 .loop = story.loop),
                                     NULL),
                     WEIR_OK);
    assert_int_equal(weir_server_run(server, NULL), WEIR_OK);
    assert_true(weir_server_address(server, 0, address, 64));
    return server;
}

static int set_up(void **state)
{
    (void)state;
    story = (struct story){.loop = NULL};
    assert_int_equal(weir_loop_new(&story.loop, NULL, NULL), WEIR_OK);
    story.server = open_server(story.here);
    story.other = open_server(story.there);
    assert_int_equal(weir_client_new(&story.client, WEIR_CLIENT(.loop = story.loop), NULL), WEIR_OK);
    return 0;
}

static void close_server(weir_server *server)
{
    weir_server_stop(server);
    while (!weir_server_is_stopped(server))
        weir_loop_step(story.loop, 10 * WEIR_MS);
    weir_server_free(server);
}

static int tear_down(void **state)
{
    (void)state;
    weir_client_free(story.client);
    close_server(story.server);
    close_server(story.other);
    weir_loop_free(story.loop);
    return 0;
}

static void ask(const char *method, const char *path, weir_body body, const weir_follow_options *options)
{
    char url[200];
    bool done = false;
    weir_error error;
    story.asked[0] = story.got[0] = '\0';
    story.heads = story.dones = 0;
    snprintf(url, sizeof url, "http://%s%s", story.here, path);
    weir_code code = weir_follow_send(
        &story.follow, story.client,
        WEIR_REQUEST(.method = weir_str_from(method), .url = weir_str_from(url), .handler = &handler, .app = &done,
                     .fields = WEIR_FIELDS({WEIR_STR("Authorization"), WEIR_STR("secret")}), .body = body),
        options, &error);
    assert_int_equal(code, WEIR_OK);
    memset(url, '!', sizeof url - 1); /* it was copied */
    while (!done)
        weir_loop_step(story.loop, 10 * WEIR_MS);
    assert_int_equal(story.dones, 1);
}

static void followed(void **state)
{
    static const struct {
        const char *method, *path, *body, *asked;
        unsigned count;
    } rows[] = {
        {"GET", "/200", "", "GET /200 secret;", 0},
        {"GET", "/301/a", "", "GET /301/a secret;GET /a secret;", 1},
        {"GET", "/302/303/307/308/x", "",
         "GET /302/303/307/308/x secret;GET /303/307/308/x secret;GET /307/308/x secret;GET /308/x secret;GET /x "
         "secret;",
         4},
        {"POST", "/301/a", "content", "POST /301/a secret content;GET /a secret;", 1},
        {"POST", "/302/a", "content", "POST /302/a secret content;GET /a secret;", 1},
        {"PUT", "/302/a", "content", "PUT /302/a secret content;PUT /a secret content;", 1},
        {"PUT", "/303/a", "content", "PUT /303/a secret content;GET /a secret;", 1},
        {"POST", "/307/a", "content", "POST /307/a secret content;POST /a secret content;", 1},
        {"POST", "/308/a", "content", "POST /308/a secret content;POST /a secret content;", 1},
        {"GET", "/to-other/a", "", "GET /to-other/a secret;GET /a;", 1},
        {"POST", "/to-other/a", "content", "POST /to-other/a secret content;POST /a content;", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(rows[i].method, rows[i].path, weir_body_copy(weir_str_from(rows[i].body)), NULL);
        assert_string_equal(story.asked, rows[i].asked);
        assert_string_equal(story.got, "arrived");
        assert_int_equal(story.code, WEIR_CODE_complete);
        assert_int_equal(story.status, 200);
        assert_int_equal(story.heads, 1);
        assert_int_equal(story.count, rows[i].count);
    }
}

static bool no(void *app, weir_str url)
{
    (void)app;
    return url.len == 0;
}

static void not_followed(void **state)
{
    (void)state;
    const weir_follow_options three = {.size = sizeof three, .redirects_max = 3};
    const weir_follow_options none = {.size = sizeof none, .allow = no};
    ask("GET", "/loop", weir_body_none(), &three);
    assert_int_equal(story.code, WEIR_CODE_redirect_limit);
    assert_int_equal(story.count, 3);
    assert_int_equal(story.heads, 0);
    ask("GET", "/to-bad", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    ask("GET", "/to-user", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    assert_string_equal(story.asked, "GET /to-user secret;");
    ask("GET", "/302/a", weir_body_none(), &none);
    assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    assert_string_equal(story.got, "");
    /* A stream cannot be sent twice: the answer is the handler's. */
    ask("POST", "/307/a", weir_body_stream(), NULL);
    assert_int_equal(story.code, WEIR_CODE_complete);
    assert_int_equal(story.status, 307);
    assert_string_equal(story.got, "elsewhere");
    assert_string_equal(story.asked, "POST /307/a secret streamed;");
}

static void given_up(void **state)
{
    (void)state;
    story.abort_at_head = true;
    ask("GET", "/302/a", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_aborted);
    story.abort_at_head = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
