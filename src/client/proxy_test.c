/* Goal: what a proxy between is told, and what its answers mean (RFC 9112, 3.2.2; RFC 1928; RFC 1929), and which
 * hosts go straight. Method: the test is the proxy; its answers come whole, octet by octet, cut at each octet,
 * wrong, or never. */
#include "client/scene.h"

#include "client/proxy.h"

#define URL WEIR_STR("http://far.test:8080/x?y")

/* --- no_proxy --------------------------------------------------------------------------------------------------- */

static bool exempt_at(const char *list, const char *host, uint16_t port)
{
    return client_is_exempt(weir_str_from(list), weir_str_from(host), port);
}

static bool exempt(const char *list, const char *host)
{
    return exempt_at(list, host, 80);
}

/* Entries that name a port are of that port alone. */
static void test_exempt_ports(void **state)
{
    static const char *const lists[] = {"a.test:8080", "x,.a.test:8080", "*.a.test:8080,y", "b.a.test:08080",
                                        "a.test:80 a.test:8080"};
    static const char *const others[] = {"a.test:", "a.test:x",       "a.test:8080x", "a.test:99999999999999999999",
                                         ":8080",   "a.test:80:8080", "[a.test:8080", "8080"};
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        assert_true(exempt_at(lists[i], "b.a.test", 8080));
        assert_false(exempt_at(lists[i], "b.a.test", 8081));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(exempt_at(others[i], "a.test", 8080));
    assert_true(exempt_at("[::1]:8080", "::1", 8080));
    assert_false(exempt_at("[::1]:8080", "::1", 80));
    assert_true(exempt_at("::1:8080", "::1:8080", 80)); /* an address, without brackets */
    assert_true(exempt_at("10.0.0.0/8:81", "10.1.2.3", 81));
    assert_false(exempt_at("10.0.0.0/8:81", "10.1.2.3", 80));
    assert_true(exempt_at("127.0.0.1:81,127.0.0.1", "127.0.0.1", 80));
}

static void test_exempt(void **state)
{
    static const char *const yes[][2] = {
        {"*", "a.test"},
        {"a.test", "a.test"},
        {"A.Test", "a.tEST"},
        {"a.test", "b.a.test"},
        {".a.test", "b.a.test"},
        {".a.test", "a.test"},
        {"x, ,a.test", "a.test"},
        {"x a.test", "a.test"},
        {",,,a.test,", "a.test"},
        {"x,\ta.test", "a.test"},
        {"*.a.test", "b.a.test"},
        {"*.a.test", "a.test"},
        {"a.test", "b.a.test."},
        {"a.test.", "b.a.test"},
        {"[::1]", "::1"},
        {"127.0.0.1", "127.0.0.1"},
        {"10.0.0.0/8", "10.255.0.1"},
        {"10.128.0.0/9", "10.128.0.1"},
        {"0.0.0.0/0", "8.8.8.8"},
        {"10.0.0.1/32", "10.0.0.1"},
        {"::1", "::1"},
        {"::1", "0:0::1"},
        {"fe80::/10", "febf::1"},
        {"fe80::1/128", "fe80::1"},
    };
    static const char *const no[][2] = {
        {"", "a.test"},
        {",", "a.test"},
        {".", "a.test"},
        {"*.", "a.test"},
        {"*x", "a.x"},
        {"[::2]", "::1"},
        {"[::1", "::1"},
        {"a.test", "ba.test"},
        {"b.a.test", "a.test"},
        {"a.test", "a.test.org"},
        {"10.0.0.0/8", "11.0.0.1"},
        {"10.128.0.0/9", "10.0.0.1"},
        {"10.0.0.0/33", "10.0.0.1"},
        {"10.0.0.0/", "10.0.0.0"},
        {"10.0.0.0/x", "10.0.0.0"},
        {"10.0.0.0/:", "10.0.0.0"}, /* the octet behind 9 */
        {"fe80::/1a", "fe80::1"},
        {"10.0.0.0/99999999999999999999", "10.0.0.0"},
        {"/8", "10.0.0.0"},
        {"0.0.0.1", "10.0.0.1"},
        {"0.0.1", "10.0.0.1"},
        {"127.0.0.1", "::1"},
        {"::/0", "127.0.0.1"},
        {"fe80::/10", "fec0::1"},
        {"1", "127.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!exempt(yes[i][0], yes[i][1]))
            fail_msg("\"%s\" does not exempt %s", yes[i][0], yes[i][1]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (exempt(no[i][0], no[i][1]))
            fail_msg("\"%s\" exempts %s", no[i][0], no[i][1]);
}

/* --- an HTTP proxy ---------------------------------------------------------------------------------------------- */

/* A client behind the scene's own listener, as that kind of proxy. */
static void open_behind(struct scene *s, char text[160], const char *scheme, const char *user)
{
    scene_init(s);
    (void)snprintf(text, 160, "%s://%s%s", scheme, user, s->address);
    s->options.proxy = weir_str_from(text);
    s->options.connect_timeout_ns = 20 * WEIR_SECOND;
    scene_start(s);
    memset(text, '!', 160); /* it was copied */
}

static void expect_head(struct scene *s, struct served *v, const weir_request *request, const char *head)
{
    struct call a = {.done = 0};
    call_send(s, &a, request);
    if (scene_counts(s).idle + scene_counts(s).busy == 0)
        served_accept(v, s);
    served_read(v, "\r\n\r\n");
    assert_string_equal(v->octets, head);
    served_request(v);
    served_say(v, ANSWER(2, "ok"));
    call_wait(s, &a);
    CALL_EXPECT(&a, OK);
    v->size = 0;
    v->octets[0] = '\0';
}

static void test_http_proxy(void **state)
{
    struct scene s;
    struct served v;
    char text[160];
    (void)state;
    open_behind(&s, text, "http", "");
    expect_head(&s, &v, WEIR_REQUEST(.url = URL),
                "GET http://far.test:8080/x?y HTTP/1.1\r\nHost: far.test:8080\r\n\r\n");
    expect_head(&s, &v, WEIR_REQUEST(.url = WEIR_STR("http://far.test")),
                "GET http://far.test/ HTTP/1.1\r\nHost: far.test\r\n\r\n");
    expect_head(&s, &v,
                WEIR_REQUEST(.method = WEIR_STR("OPTIONS"), .url = WEIR_STR("http://far.test/"),
                             .target = WEIR_STR("*")),
                "OPTIONS http://far.test HTTP/1.1\r\nHost: far.test\r\n\r\n");
    expect_head(&s, &v, WEIR_REQUEST(.url = WEIR_STR("http://other.test?q")),
                "GET http://other.test/?q HTTP/1.1\r\nHost: other.test\r\n\r\n");
    expect_head(&s, &v,
                WEIR_REQUEST(.url = WEIR_STR("http://a:b@far.test/"),
                             .fields = WEIR_FIELDS({WEIR_STR_INIT("A"), WEIR_STR_INIT("b")})),
                "GET http://far.test/ HTTP/1.1\r\nHost: far.test\r\nA: b\r\nAuthorization: Basic YTpi\r\n\r\n");
    assert_int_equal(scene_ledger(&s).accepted, 1); /* all of them go through one */
    assert_int_equal(scene_counts(&s).origins, 1);
    served_close(&v);
    scene_close(&s);
}

static void test_http_proxy_with_user(void **state)
{
    struct scene s;
    struct served v;
    char text[160];
    (void)state;
    open_behind(&s, text, "http", "Aladdin:open%20sesame@");
    expect_head(&s, &v, WEIR_REQUEST(.url = URL),
                "GET http://far.test:8080/x?y HTTP/1.1\r\nHost: far.test:8080\r\n"
                "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    expect_head(&s, &v, WEIR_REQUEST(.url = WEIR_STR("http://u%40x:p%3a%zz@far.test/")),
                "GET http://far.test/ HTTP/1.1\r\nHost: far.test\r\nAuthorization: Basic dUB4OnA6JXp6\r\n"
                "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    expect_head(&s, &v,
                WEIR_REQUEST(.url = WEIR_STR("http://far.test/"),
                             .fields = WEIR_FIELDS({WEIR_STR_INIT("proxy-authorization"), WEIR_STR_INIT("Own x")})),
                "GET http://far.test/ HTTP/1.1\r\nHost: far.test\r\nproxy-authorization: Own x\r\n\r\n");
    served_close(&v);
    scene_close(&s);
}

/* What goes to an address of its own does not go through the proxy. */
static void test_connect_to_goes_straight(void **state)
{
    struct scene s;
    struct served v;
    char other[64];
    (void)state;
    scene_init(&s);
    close(scene_listen(other));
    char text[160];
    (void)snprintf(text, sizeof text, "http://u:p@%s", other);
    s.options.proxy = weir_str_from(text);
    scene_start(&s);
    expect_head(&s, &v, WEIR_REQUEST(.url = URL, .connect_to = weir_str_from(s.address)),
                "GET /x?y HTTP/1.1\r\nHost: far.test:8080\r\n\r\n");
    served_close(&v);
    scene_close(&s);
}

/* --- the environment -------------------------------------------------------------------------------------------- */

static void clear_environment(void)
{
    static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

/* With that variable set to the scene's listener: whether a request goes there. In the list `@` is the other's port. */
static void with_variable(const char *name, const char *exempt_name, const char *exempt_list, bool goes)
{
    bool bare = strcmp(name, "all_proxy") == 0; /* HOST:PORT alone */
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    char text[160], other[64], url[160];
    clear_environment();
    scene_init(&s);
    int listener = scene_listen(other);
    (void)snprintf(text, sizeof text, "%s%s", bare ? "" : "http://", s.address);
    (void)snprintf(url, sizeof url, "http://%s/", other);
    setenv(name, text, 1);
    if (exempt_name != NULL) {
        const char *mark = strchr(exempt_list, '@');
        int before = mark != NULL ? (int)(mark - exempt_list) : (int)strlen(exempt_list);
        (void)snprintf(text, sizeof text, "%.*s%s", before, exempt_list, mark != NULL ? strchr(other, ':') + 1 : "");
        setenv(exempt_name, text, 1);
    }
    s.options.proxy_from_environment = true;
    scene_start(&s);
    call_send(&s, &a, WEIR_REQUEST(.url = weir_str_from(url)));
    SCENE_UNTIL(&s, served_try(&v, &s, goes ? s.listener : listener));
    served_read(&v, goes ? "GET http://" : "GET / ");
    served_close(&v);
    scene_close(&s);
    close(listener);
    clear_environment();
}

static void test_environment(void **state)
{
    (void)state;
    with_variable("http_proxy", NULL, NULL, true);
    with_variable("HTTP_PROXY", NULL, NULL, false); /* of a CGI program it is a peer's field */
    with_variable("all_proxy", NULL, NULL, true);
    with_variable("ALL_PROXY", NULL, NULL, true);
    with_variable("http_proxy", "no_proxy", "a.test,127.0.0.0/8", false);
    with_variable("http_proxy", "NO_PROXY", "127.0.0.1", false);
    with_variable("http_proxy", "no_proxy", "a.test", true);
    with_variable("http_proxy", "no_proxy", "127.0.0.1:@", false);
    with_variable("http_proxy", "no_proxy", "127.0.0.1:1", true);
    with_variable("ALL_PROXY", "no_proxy", "", true);
}

static void test_bad_proxies(void **state)
{
    static const char *const texts[] = {"127.0.0.1:80",   "ftp://a",    "http://",       "http://a:0",
                                        "http://a/path",  "http://a b", "socks4://a:80", "http://a:65536",
                                        "https://a:8080", "http://a/?q"};
    struct scene s;
    weir_error error;
    (void)state;
    scene_init(&s);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        s.options.proxy = weir_str_from(texts[i]);
        s.options.proxy_from_environment = false;
        assert_int_equal(weir_client_new(&s.client, &s.options, &error), WEIR_CODE_bad_option);
        assert_null(s.client);
        assert_non_null(strstr(error.text, texts[i]));
        s.options.proxy = (weir_str){.ptr = NULL};
        s.options.proxy_from_environment = true;
        if (strstr(texts[i], "://") == NULL)
            continue; /* there it is http */
        setenv("all_proxy", texts[i], 1);
        assert_int_equal(weir_client_new(&s.client, &s.options, &error), WEIR_CODE_bad_option);
        assert_non_null(strstr(error.text, "all_proxy is"));
        clear_environment();
    }
    scene_close(&s);
}

/* --- SOCKS5 ----------------------------------------------------------------------------------------------------- */

struct step {
    const char *asks; /* what the proxy hears */
    size_t asks_size;
    const char *says;
    size_t says_size;
};

#define STEP(asks, says)                                                                                               \
    {                                                                                                                  \
        asks, sizeof asks - 1, says, sizeof says - 1                                                                   \
    }

static const struct step plain[] = {
    STEP("\5\1\0", "\5\0"),
    STEP("\5\1\0\3\10far.test\x1f\x90", "\5\0\0\1\177\0\0\1\1\2"),
};
static const struct step with_user[] = {
    STEP("\5\2\0\2", "\5\2"),
    STEP("\1\2me\4word", "\1\0"),
    STEP("\5\1\0\3\10far.test\x1f\x90", "\5\0\0\3\5proxy\1\2"),
};

static void hear(struct served *v, const struct step *step)
{
    SCENE_UNTIL(v->scene, (served_take(v), v->size >= step->asks_size));
    assert_int_equal(v->size, step->asks_size);
    assert_memory_equal(v->octets, step->asks, step->asks_size);
    v->size = 0;
}

static void say_octets(struct served *v, const char *octets, size_t size, bool one_by_one)
{
    size_t piece = one_by_one ? 1 : size;
    for (size_t at = 0; at < size; at += piece) {
        assert_int_equal(send(v->fd, octets + at, piece, MSG_NOSIGNAL), piece);
        if (one_by_one)
            weir_loop_step(v->scene->loop, WEIR_MS);
    }
}

static void through_socks(const char *scheme, const char *user, const weir_request *request, const struct step *steps,
                          size_t count, bool one_by_one)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    char text[160];
    open_behind(&s, text, scheme, user);
    call_send(&s, &a, request);
    served_accept(&v, &s);
    for (size_t i = 0; i < count; i++) {
        hear(&v, &steps[i]);
        say_octets(&v, steps[i].says, steps[i].says_size, one_by_one);
    }
    served_read(&v, "GET /x?y HTTP/1.1\r\nHost: ");
    served_request(&v);
    served_say(&v, ANSWER(2, "ok"));
    call_wait(&s, &a);
    CALL_EXPECT(&a, OK);
    assert_int_equal(scene_ledger(&s).accepted, 1);
    scene_close(&s);
    served_close(&v);
}

static void test_socks(void **state)
{
    static const struct step v4[] = {
        STEP("\5\1\0", "\5\0"),
        STEP("\5\1\0\1\12\0\0\1\0\x50", "\5\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\2"),
    };
    static const struct step v6[] = {
        STEP("\5\1\0", "\5\0"),
        STEP("\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\x50", "\5\0\0\3\0\1\2"),
    };
    (void)state;
    for (int split = 0; split < 2; split++) {
        through_socks("socks5", "", WEIR_REQUEST(.url = URL), plain, 2, split);
        through_socks("SOCKS5h", "", WEIR_REQUEST(.url = URL), plain, 2, split);
        through_socks("socks5", "me:word@", WEIR_REQUEST(.url = URL), with_user, 3, split);
        through_socks("socks5", "m%65:wo%72d@", WEIR_REQUEST(.url = URL), with_user, 3, split);
        through_socks("socks5", "", WEIR_REQUEST(.url = WEIR_STR("http://10.0.0.1/x?y")), v4, 2, split);
        through_socks("socks5", "", WEIR_REQUEST(.url = WEIR_STR("http://[::1]/x?y")), v6, 2, split);
    }
}

/* A user is offered, and the proxy wants none. */
static void test_socks_user_not_wanted(void **state)
{
    static const struct step steps[] = {
        STEP("\5\2\0\2", "\5\0"),
        STEP("\5\1\0\3\10far.test\x1f\x90", "\5\0\0\1\0\0\0\0\0\0"),
    };
    (void)state;
    through_socks("socks5", "me:word@", WEIR_REQUEST(.url = URL), steps, 2, false);
}

/* The proxy says the first `size` octets of all that it should, and leaves. */
static void cut_at(size_t size, const struct step *steps, size_t count, const char *user, bool resets)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    char text[160];
    open_behind(&s, text, "socks5", user);
    call_send(&s, &a, WEIR_REQUEST(.url = URL));
    served_accept(&v, &s);
    for (size_t i = 0; i < count; i++) {
        size_t n = size < steps[i].says_size ? size : steps[i].says_size;
        hear(&v, &steps[i]);
        say_octets(&v, steps[i].says, n, false);
        size -= n;
        if (n < steps[i].says_size)
            break;
    }
    if (resets)
        served_abort(&v);
    else
        served_close(&v);
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done proxy_refused dial not_sent");
    assert_int_equal(s.endings, 1);
    assert_int_equal(s.last.code, WEIR_CODE_proxy_refused);
    assert_int_equal(s.last.stage, WEIR_STAGE_DIAL);
    scene_close(&s);
}

static void test_socks_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 + 10; i++) {
        cut_at(i, plain, 2, "", false);
        cut_at(i, plain, 2, "", true);
    }
    for (size_t i = 0; i < 2 + 2 + 12; i++)
        cut_at(i, with_user, 3, "me:word@", i % 2 == 0);
}

static void refuses(const char *user, const struct step *steps, size_t count, weir_code code)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    char text[160];
    open_behind(&s, text, "socks5", user);
    call_send(&s, &a, WEIR_REQUEST(.url = URL));
    served_accept(&v, &s);
    for (size_t i = 0; i < count; i++) {
        hear(&v, &steps[i]);
        say_octets(&v, steps[i].says, steps[i].says_size, false);
    }
    call_wait(&s, &a);
    assert_int_equal(a.ending.code, code);
    assert_int_equal(a.ending.stage, WEIR_STAGE_DIAL);
    assert_int_equal(a.ending.retry, WEIR_RETRY_NOT_SENT);
    SCENE_UNTIL(&s, served_at(&v, 0) || served_at(&v, -2)); /* we left */
    scene_close(&s);
    served_close(&v);
}

static void test_socks_refuses(void **state)
{
    (void)state;
    for (int reply = 1; reply < 256; reply++) {
        char says[] = {5, (char)reply, 0, 1, 0};
        const struct step steps[] = {plain[0], {plain[1].asks, plain[1].asks_size, says, sizeof says}};
        weir_code code = reply == 3 || reply == 4 ? WEIR_CODE_connect_unreachable
                         : reply == 5             ? WEIR_CODE_connect_refused
                         : reply == 6             ? WEIR_CODE_connect_timeout
                                                  : WEIR_CODE_proxy_refused;
        refuses("", steps, 2, code);
    }
    refuses("", (const struct step[]){STEP("\5\1\0", "\5\xff")}, 1, WEIR_CODE_proxy_refused);
    refuses("", (const struct step[]){STEP("\5\1\0", "\5\2")}, 1, WEIR_CODE_proxy_refused); /* it was not offered */
    refuses("", (const struct step[]){STEP("\5\1\0", "\4\0")}, 1, WEIR_CODE_proxy_refused);
    refuses("", (const struct step[]){STEP("\5\1\0", "HTTP/1.1 400 Bad Request\r\n\r\n")}, 1, WEIR_CODE_proxy_refused);
    refuses("me:word@", (const struct step[]){STEP("\5\2\0\2", "\5\1")}, 1, WEIR_CODE_proxy_refused);
    refuses("me:word@", (const struct step[]){with_user[0], STEP("\1\2me\4word", "\1\1")}, 2, WEIR_CODE_proxy_refused);
    for (int type = 0; type < 256; type++) {
        char says[] = {5, 0, 0, (char)type, 0};
        const struct step steps[] = {plain[0], {plain[1].asks, plain[1].asks_size, says, sizeof says}};
        if (type != 1 && type != 3 && type != 4)
            refuses("", steps, 2, WEIR_CODE_proxy_refused);
    }
}

static void open_behind_socks(struct scene *s, uint64_t connect_timeout_ns)
{
    char text[160];
    scene_init(s);
    (void)snprintf(text, sizeof text, "socks5://%s", s->address);
    s->options.proxy = weir_str_from(text);
    s->options.connect_timeout_ns = connect_timeout_ns;
    scene_start(s);
}

static void test_socks_is_silent(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 2; steps++) {
        struct scene s;
        struct served v;
        struct call a = {.done = 0};
        open_behind_socks(&s, 60 * WEIR_MS);
        call_send(&s, &a, WEIR_REQUEST(.url = URL));
        served_accept(&v, &s);
        SCENE_UNTIL(&s, a.done > 0 || (served_take(&v), v.size >= plain[0].asks_size)); /* its time runs already */
        if (steps > 0 && a.done == 0)
            say_octets(&v, "\5", 1, false);
        call_wait(&s, &a);
        CALL_EXPECT(&a, "done connect_timeout dial not_sent");
        served_close(&v);
        scene_close(&s);
    }
}

/* One that the client's end finds there. */
static void test_socks_is_stopped(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0};
    (void)state;
    open_behind_socks(&s, 20 * WEIR_SECOND);
    call_send(&s, &a, WEIR_REQUEST(.url = URL));
    served_accept(&v, &s);
    hear(&v, &plain[0]);
    scene_close(&s);
    CALL_EXPECT(&a, "done stopped dial not_sent");
    served_close(&v);
}

/* What cannot be said in SOCKS5: a name of more than 255 octets, and no port that is not there. */
/* What the protocol counts in one octet: a name, a user, a password. */
static void test_socks_long_names(void **state)
{
    struct scene s;
    struct call a = {.done = 0};
    char text[160], url[400] = "http://";
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        struct call b = {.done = 0};
        char proxy[700], part[257];
        scene_init(&s);
        memset(part, 'a', sizeof part - 1);
        part[sizeof part - 1] = '\0';
        (void)snprintf(proxy, sizeof proxy, "socks5://%s:%s@%s", which == 0 ? part : "a", which == 1 ? part : "a",
                       s.address);
        s.options.proxy = weir_str_from(proxy);
        scene_start(&s);
        call_send(&s, &b, WEIR_REQUEST(.url = WEIR_STR("http://far.test/")));
        call_wait(&s, &b);
        CALL_EXPECT(&b, "done proxy_refused dial not_sent");
        scene_close(&s);
    }
    open_behind(&s, text, "socks5", "");
    memset(url + 7, 'a', 256);
    call_send(&s, &a, WEIR_REQUEST(.url = weir_str_from(url)));
    call_wait(&s, &a);
    CALL_EXPECT(&a, "done proxy_refused dial not_sent");
    scene_close(&s);
}

/* Connections through a proxy to one host are not another host's. */
static void test_socks_origins(void **state)
{
    struct scene s;
    struct served v;
    struct call a = {.done = 0}, b = {.done = 0};
    char text[160];
    (void)state;
    open_behind(&s, text, "socks5", "");
    call_send(&s, &a, WEIR_REQUEST(.url = URL));
    call_send(&s, &b, WEIR_REQUEST(.url = WEIR_STR("http://far.test:8081/x?y")));
    assert_int_equal(scene_counts(&s).origins, 2);
    served_accept(&v, &s);
    hear(&v, &plain[0]);
    scene_close(&s);
    served_close(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exempt),
        cmocka_unit_test(test_exempt_ports),
        cmocka_unit_test(test_http_proxy),
        cmocka_unit_test(test_http_proxy_with_user),
        cmocka_unit_test(test_connect_to_goes_straight),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_bad_proxies),
        cmocka_unit_test(test_socks),
        cmocka_unit_test(test_socks_user_not_wanted),
        cmocka_unit_test(test_socks_is_cut),
        cmocka_unit_test(test_socks_refuses),
        cmocka_unit_test(test_socks_is_silent),
        cmocka_unit_test(test_socks_is_stopped),
        cmocka_unit_test(test_socks_long_names),
        cmocka_unit_test(test_socks_origins),
    };
    clear_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
