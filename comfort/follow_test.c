/* Goal: redirects are followed as clients do, the handler hears of the last answer only, and what is secret stays
 * with its origin. Method: a server whose paths say where to go, and a client, on one loop; a row a story. */
#include <limits.h>
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
    char asked[4096]; /* "METHOD /path auth cookie body;" as the servers saw it */
    char got[1024];
    unsigned heads, dones, count;
    unsigned status;
    weir_code code;
    weir_follow *follow;
    bool abort_at_head;
    char url[200];    /* at the end */
    const char *user; /* "user:password@" of the URL that is asked for */
    weir_retry retry;
    uint64_t timeout_ns;
} story;

/* --- the servers: /STATUS/further redirects to /further; /to-other to the other one ----------------------------- */

struct asked {
    char body[64];
    size_t size;
};

static void note_word(weir_str word)
{
    size_t used = strlen(story.asked);
    if (word.len > 0)
        snprintf(story.asked + used, sizeof story.asked - used, "%s%.*s",
                 used > 0 && story.asked[used - 1] != ';' ? " " : "", (int)word.len, word.ptr);
}

static void note(weir_exchange *x, weir_str body)
{
    static const char *const fields[] = {"authorization", "cookie", "proxy-authorization", "content-type",
                                         "last-modified"};
    note_word(weir_request_method(x));
    note_word(weir_request_path(x));
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        note_word(weir_fields_value(weir_exchange_fields(x), weir_str_from(fields[i])));
    note_word(body);
    size_t used = strlen(story.asked);
    snprintf(story.asked + used, sizeof story.asked - used, ";");
}

static void answer(weir_exchange *x)
{
    char text[128], location[200];
    weir_str path = weir_request_path(x);
    snprintf(text, sizeof text, "%.*s", (int)path.len, path.ptr);
    unsigned status = (unsigned)strtoul(text + 1, NULL, 10);
    const char *rest = strchr(text + 1, '/');
    if (strncmp(text, "/to-user", 8) == 0) {
        snprintf(location, sizeof location, "%s//%s%s%s",
                 text[8] == '-' ? "" : "http:", text[8] == '/' ? "eve:word@" : "eve@", story.here, "/a");
        status = 302;
    } else if (strcmp(text, "/to-two") == 0) {
        const weir_field two[] = {{WEIR_STR("Location"), WEIR_STR("/a")}, {WEIR_STR("Location"), WEIR_STR("/b")}};
        (void)weir_respond(x, 302, (weir_fields){two, 2}, weir_body_none());
        return;
    } else if (strcmp(text, "/to-same-two") == 0) {
        const weir_field two[] = {{WEIR_STR("Location"), WEIR_STR("/a")}, {WEIR_STR("Location"), WEIR_STR("/a")}};
        (void)weir_respond(x, 302, (weir_fields){two, 2}, weir_body_none());
        return;
    } else if (strcmp(text, "/to-nobody") == 0) {
        snprintf(location, sizeof location, "http://127.0.0.1:1/");
        status = 307;
    } else if (strncmp(text, "/to-other", 9) == 0) {
        snprintf(location, sizeof location, "http://%s%s", story.there, text + 9);
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

/* --- the one who asks ------------------------------------------------------------------------------------------- */

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
    story.retry = ending->retry;
    story.count = weir_follow_count(story.follow);
    snprintf(story.url, sizeof story.url, "%.*s", (int)weir_follow_url(story.follow).len,
             weir_follow_url(story.follow).ptr);
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
    snprintf(url, sizeof url, "http://%s%s%s", story.user != NULL ? story.user : "", story.here, path);
    const weir_field all[] = {{WEIR_STR("Authorization"), WEIR_STR("secret")}, {WEIR_STR("cookie"), WEIR_STR("crumb")}};
    weir_fields fields = {all, story.user == NULL ? 2 : 0};
    weir_code code =
        weir_follow_send(&story.follow, story.client,
                         WEIR_REQUEST(.method = weir_str_from(method), .url = weir_str_from(url), .handler = &handler,
                                      .app = &done, .fields = fields, .body = body, .timeout_ns = story.timeout_ns),
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
        {"GET", "/200", "", "GET /200 secret crumb;", 0},
        {"GET", "/301/a", "", "GET /301/a secret crumb;GET /a secret crumb;", 1},
        {"GET", "/302/303/307/308/x", "",
         "GET /302/303/307/308/x secret crumb;GET /303/307/308/x secret crumb;GET /307/308/x secret crumb;GET /308/x "
         "secret crumb;GET /x "
         "secret crumb;",
         4},
        {"POST", "/301/a", "content", "POST /301/a secret crumb content;GET /a secret crumb;", 1},
        {"POST", "/302/a", "content", "POST /302/a secret crumb content;GET /a secret crumb;", 1},
        {"PUT", "/302/a", "content", "PUT /302/a secret crumb content;PUT /a secret crumb content;", 1},
        {"PUT", "/303/a", "content", "PUT /303/a secret crumb content;GET /a secret crumb;", 1},
        {"POST", "/307/a", "content", "POST /307/a secret crumb content;POST /a secret crumb content;", 1},
        {"POST", "/308/a", "content", "POST /308/a secret crumb content;POST /a secret crumb content;", 1},
        {"GET", "/to-other/a", "", "GET /to-other/a secret crumb;GET /a;", 1},
        {"POST", "/to-other/a", "content", "POST /to-other/a secret crumb content;POST /a content;", 1},
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
    ask("GET", "/302/a", weir_body_none(), &none);
    assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    assert_string_equal(story.got, "");
    /* A stream cannot be sent twice: the answer is the handler's. */
    ask("POST", "/307/a", weir_body_stream(), NULL);
    assert_int_equal(story.code, WEIR_CODE_complete);
    assert_int_equal(story.status, 307);
    assert_string_equal(story.got, "elsewhere");
    assert_string_equal(story.asked, "POST /307/a secret crumb streamed;");
}

/* RFC 9110, 4.2.4: a user in a reference from somewhere else obscures where it leads; it is not asked with. */
static void user_of_a_location(void **state)
{
    static const char *const paths[] = {"/to-user/", "/to-user", "/to-user-"};
    (void)state;
    story.user = ""; /* nor any field of a user */
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char asked[100];
        snprintf(asked, sizeof asked, "GET %s;", paths[i]);
        ask("GET", paths[i], weir_body_none(), NULL);
        assert_string_equal(story.asked, asked);
        assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    }
    story.user = NULL;
}

/* The user of the first URL is asked with at its own origin, until a redirect has led away from there. */
static void user_of_the_url(void **state)
{
#define BASIC " Basic bWU6YUBi"
    (void)state;
    story.user = "me:a%40b@";
    ask("GET", "/302/303/x", weir_body_none(), NULL);
    assert_string_equal(story.asked, "GET /302/303/x" BASIC ";GET /303/x" BASIC ";GET /x" BASIC ";");
    char end[100];
    snprintf(end, sizeof end, "http://%s/x", story.here);
    assert_string_equal(story.url, end); /* not shown with the password */
    ask("GET", "/302/to-other/x", weir_body_none(), NULL);
    assert_string_equal(story.asked, "GET /302/to-other/x" BASIC ";GET /to-other/x" BASIC ";GET /x;");
    ask("GET", "/to-other/302/x", weir_body_none(), NULL);
    assert_string_equal(story.asked, "GET /to-other/302/x" BASIC ";GET /302/x;GET /x;");
    story.user = NULL;
}

static void two_locations(void **state)
{
    (void)state;
    ask("GET", "/to-two", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_bad_redirect);
    ask("GET", "/to-same-two", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_complete);
    assert_string_equal(story.asked, "GET /to-same-two secret crumb;GET /a secret crumb;");
}

/* A hop that was not sent is not all that was: the server of the hop before has acted. */
static void a_hop_that_fails(void **state)
{
    (void)state;
    ask("POST", "/to-nobody", weir_body_none(), NULL);
    assert_int_equal(story.code, WEIR_CODE_connect_refused);
    assert_int_equal(story.retry, WEIR_RETRY_PROCESSED);
}

/* The time is for all hops together: nothing else ends these. */
static void out_of_time(void **state)
{
    (void)state;
    const weir_follow_options endless = {.size = sizeof endless, .redirects_max = UINT_MAX};
    story.timeout_ns = 200 * WEIR_MS;
    ask("GET", "/loop", weir_body_none(), &endless);
    assert_int_equal(story.code, WEIR_CODE_exchange_timeout);
    story.timeout_ns = 0;
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
        cmocka_unit_test_setup_teardown(user_of_a_location, set_up, tear_down),
        cmocka_unit_test_setup_teardown(user_of_the_url, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_locations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hop_that_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(given_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
