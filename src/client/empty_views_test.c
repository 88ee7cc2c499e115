/* Goal: a view without octets is not given, wherever it points: a request or options with one are as those without it.
 * Method: a table of every view in the public structs of a client; each in turn is null, or points at text that would
 * be wrong, with no octets; what goes out is compared with what goes out when the field was never touched. */
#include "client/scene.h"

struct field {
    const char *name;
    size_t at;
};

#define REQUEST(name)                                                                                                  \
    {                                                                                                                  \
#name, offsetof(weir_request, name)                                                                            \
    }
#define OPTION(name)                                                                                                   \
    {                                                                                                                  \
#name, offsetof(weir_client_options, name)                                                                     \
    }

static const struct field of_request[] = {REQUEST(method), REQUEST(target), REQUEST(host), REQUEST(url),
                                          REQUEST(connect_to)};
static const struct field of_options[] = {OPTION(name_servers), OPTION(local_address), OPTION(proxy)};
static const weir_str empty[] = {WEIR_STR_INIT(""), {"\r\n", 0}, {NULL, 0}};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void put(void *in, const struct field *field, weir_str view)
{
    memcpy((char *)in + field->at, &view, sizeof view);
}

/* What the server reads of it. */
static void exchange(struct scene *s, const weir_request *request, char head[512])
{
    struct served v;
    struct call a = {.done = 0};
    call_send(s, &a, request);
    served_accept(&v, s);
    served_read(&v, "\r\n\r\n");
    (void)snprintf(head, 512, "%s", v.octets);
    served_answer(&v, &a);
    served_close(&v);
    SCENE_UNTIL(s, scene_counts(s).origins == 0);
}

static void test_request(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    const weir_request kinds[] = {
        *WEIR_REQUEST(.url = weir_str_from(s.url)),
        *WEIR_REQUEST(.connect_to = weir_str_from(s.address), .target = WEIR_STR("/x"), .host = WEIR_STR("a")),
        *WEIR_REQUEST(.connect_to = weir_str_from(s.address), .url = WEIR_STR("http://b:7/y")),
    };
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        char plain[512];
        exchange(&s, &kinds[kind], plain);
        for (size_t f = 0; f < COUNT(of_request); f++) {
            weir_str given;
            memcpy(&given, (const char *)&kinds[kind] + of_request[f].at, sizeof given);
            for (size_t e = 0; e < COUNT(empty) && given.len == 0; e++) {
                char head[512];
                weir_request request = kinds[kind];
                put(&request, &of_request[f], empty[e]);
                exchange(&s, &request, head);
                assert_string_equal(head, plain);
            }
        }
    }
    scene_close(&s);
}

/* What is required is missing, whatever it points to. */
static void test_required(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    for (size_t e = 0; e < COUNT(empty); e++) {
        const weir_request unassigned = *WEIR_REQUEST(.url = empty[e], .connect_to = empty[e], .host = WEIR_STR("a"));
        const weir_request nobody =
            *WEIR_REQUEST(.connect_to = WEIR_STR("a:1"), .target = WEIR_STR("/"), .host = empty[e]);
        const weir_request nothing =
            *WEIR_REQUEST(.connect_to = WEIR_STR("a:1"), .host = WEIR_STR("a"), .target = empty[e]);
        assert_int_equal(weir_client_send(s.client, &unassigned, NULL, NULL), WEIR_CODE_bad_url);
        assert_int_equal(weir_client_send(s.client, &nobody, NULL, NULL), WEIR_CODE_bad_host);
        assert_int_equal(weir_client_send(s.client, &nothing, NULL, NULL), WEIR_CODE_bad_target);
    }
    scene_close(&s);
}

static void test_options(void **state)
{
    (void)state;
    for (size_t f = 0; f < COUNT(of_options); f++) {
        for (size_t e = 0; e < COUNT(empty); e++) {
            struct scene s;
            char head[512];
            scene_init(&s);
            put(&s.options, &of_options[f], empty[e]);
            scene_start(&s);
            exchange(&s, WEIR_REQUEST(.url = weir_str_from(s.url)), head);
            assert_non_null(strstr(head, s.address));
            scene_close(&s);
        }
    }
}

/* Through a proxy the absolute form is of the URL's host. */
static void test_through_proxy(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(empty); e++) {
        struct scene s;
        char proxy[96], head[512];
        scene_init(&s);
        (void)snprintf(proxy, sizeof proxy, "http://%s", s.address);
        s.options.proxy = weir_str_from(proxy);
        scene_start(&s);
        exchange(&s, WEIR_REQUEST(.url = WEIR_STR("http://far.test/x"), .host = empty[e], .target = empty[e]), head);
        assert_string_equal(head, "GET http://far.test/x HTTP/1.1\r\nHost: far.test\r\n\r\n");
        scene_close(&s);
    }
}

/* An empty Host is a field like another (RFC 9110, 7.2): it is sent when it stands among the fields. */
static void test_empty_host_field(void **state)
{
    struct scene s;
    char head[512];
    (void)state;
    scene_open(&s);
    exchange(&s,
             WEIR_REQUEST(.url = weir_str_from(s.url),
                          .fields = WEIR_FIELDS({WEIR_STR_INIT("Host"), WEIR_STR_INIT("")})),
             head);
    assert_string_equal(head, "GET / HTTP/1.1\r\nHost: \r\n\r\n");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request),       cmocka_unit_test(test_required),         cmocka_unit_test(test_options),
        cmocka_unit_test(test_through_proxy), cmocka_unit_test(test_empty_host_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
