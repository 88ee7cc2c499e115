/* Goal: a query is answered once, in the loop's round, with addresses in the order to try them or the code that says
 * why not; cancelling and freeing are safe at any point, and leave no descriptor and no memory behind. Method: a name
 * server of the test's own on loopback, that answers, refuses, lies and is silent. */
#include "io/resolve_check.h"

static void test_here(void **state)
{
    static const struct {
        const char *host;
        const char *first;
        const char *second;
    } cases[] = {
        {"192.0.2.7", "192.0.2.7:8080", NULL},          {"2001:db8::7", "[2001:db8::7]:8080", NULL},
        {"fe80::1%1", "[fe80::1]:8080", NULL},          {"localhost", "[::1]:8080", "127.0.0.1:8080"},
        {"LOCALHOST.", "[::1]:8080", "127.0.0.1:8080"}, {"a.localhost", "[::1]:8080", "127.0.0.1:8080"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o = {0};
        resolve(&o, cases[i].host);
        assert_int_equal(o.code, WEIR_OK);
        assert_int_equal(o.addresses.count, cases[i].second != NULL ? 2 : 1);
        check_address(&o.addresses, 0, cases[i].first);
        if (cases[i].second != NULL)
            check_address(&o.addresses, 1, cases[i].second);
    }
    assert_int_equal(dns.asked, 0);
}

static void test_no_names(void **state)
{
    static const char *const hosts[] = {"",
                                        ".",
                                        "a b",
                                        "a..b",
                                        ".a",
                                        "a/b",
                                        "127.1",
                                        "1.2.3.4.5",
                                        "0x7f.0.0.1",
                                        "1.2.3.256",
                                        "::g",
                                        "fe80::1%nowhere",
                                        "0x",
                                        "a.42.",
                                        "caf\xc3\xa9.test",
                                        "-x.lo\ncalhost",
                                        "[::1]"};
    char label[65];
    char long_name[300];
    (void)state;
    memset(label, 'a', 64);
    label[64] = '\0';
    memset(long_name, 'a', sizeof(long_name));
    for (size_t i = 50; i < sizeof(long_name); i += 50)
        long_name[i] = '.';
    long_name[254] = '\0';
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]) + 2; i++) {
        struct outcome o = {0};
        const char *host = i < sizeof(hosts) / sizeof(hosts[0]) ? hosts[i] : i % 2 != 0 ? label : long_name;
        assert_int_equal(ask_within(&o, host, SEC), WEIR_CODE_resolve_failed);
        io_resolve_cancel(&o.query);
        weir_loop_step(loop, 0);
        assert_int_equal(o.calls, 0);
    }
    long_name[253] = '\0';
    assert_true(io_resolve_is_name(weir_str_from(long_name)));
    label[63] = '\0';
    assert_true(io_resolve_is_name(weir_str_from(label)));
    assert_true(io_resolve_is_name(WEIR_STR("_a-1.9x.example.")));
    assert_int_equal(dns.asked, 0);
}

static void test_interleave(void **state)
{
    static const char *const sorted[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "::1", "::2"};
    static const char *const wanted[] = {"192.0.2.1:5", "[::1]:5", "192.0.2.2:5", "[::2]:5", "192.0.2.3:5"};
    struct io_addresses all = {0};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct io_addresses one;
        assert_true(io_resolve_here(&one, weir_str_from(sorted[i]), 0));
        io_addresses_add(&all, (const struct sockaddr *)&one.list[0], 5);
    }
    io_addresses_interleave(&all);
    for (size_t i = 0; i < 5; i++)
        check_address(&all, i, wanted[i]);
}

/* Families in turn while there are two; which is first is for this host's routes to say. */
static void check_interleaved(const struct io_addresses *addresses, size_t pairs)
{
    for (size_t i = 1; i < 2 * pairs; i++)
        assert_int_not_equal(addresses->list[i].ss_family, addresses->list[i - 1].ss_family);
}

static void test_asked(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    struct outcome o = {0};
    resolve(&o, "Both.test");
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.addresses.count, 5);
    check_interleaved(&o.addresses, 2);
    o = (struct outcome){0};
    resolve(&o, "four.test.");
    assert_int_equal(o.addresses.count, 1);
    check_address(&o.addresses, 0, "192.0.2.4:8080");
    o = (struct outcome){0};
    resolve(&o, "six.test");
    assert_int_equal(o.addresses.count, 1);
    check_address(&o.addresses, 0, "[2001:db8::6]:8080");
}

/* Many, by TCP where they are more than a datagram holds. */
static void test_many(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    struct outcome o = {0};
    resolve(&o, "many.test");
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.addresses.count, 21);
    check_interleaved(&o.addresses, 2);
    o = (struct outcome){0};
    resolve(&o, "large.test");
    assert_int_equal(o.code, WEIR_OK);
    check_address(&o.addresses, 0, "192.0.2.9:8080");
    assert_true(dns.asked_by_tcp > 0);
}

static void test_failures(void **state)
{
    static const char *const hosts[] = {"no-such.test", "empty.test", "broken.test",
                                        "refused.test", "cut.test",   "cut-more.test"};
    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome o = {0};
        resolve(&o, hosts[i]);
        assert_int_equal(o.code, WEIR_CODE_resolve_failed);
        assert_non_null(strstr(o.text, hosts[i]));
        assert_int_equal(strstr(o.text, "this build") == NULL, has_library());
    }
}

/* A datagram that does not repeat the question may be anybody's: it is passed over like silence. */
static void test_silence(void **state)
{
    static const char *const hosts[] = {"silent.test", "other.test"};
    (void)state;
    if (!has_library())
        skip();
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome o = {0};
        dns.asked = 0;
        assert_int_equal(ask_within(&o, hosts[i], 30 * MS), WEIR_OK);
        wait_calls(&o, 1);
        assert_int_equal(o.code, WEIR_CODE_resolve_timeout);
        assert_non_null(strstr(o.text, hosts[i]));
        assert_true(dns.asked > 0);
    }
}

/* The first questions, for A and for AAAA, are lost: it is asked again. */
static void test_lost_questions(void **state)
{
    struct outcome o = {0};
    (void)state;
    if (!has_library())
        skip();
    resolve(&o, "lossy.test");
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.addresses.count, 2);
    assert_true(dns.asked >= 4);
}

/* The name server is not there: its host says so. */
static void test_no_server(void **state)
{
    struct outcome o = {0};
    (void)state;
    if (!has_library())
        skip();
    io_resolver_free(resolver);
    fake_dns_close(&dns);
    assert_int_equal(io_resolver_new(&resolver, loop, &counted, weir_str_from(dns.address), NULL), WEIR_OK);
    ask(&o, "both.test");
    wait_calls(&o, 1);
    assert_int_equal(o.code, WEIR_CODE_resolve_failed);
    assert_true(fake_dns_open(&dns, loop, names));
}

static void test_cancel(void **state)
{
    struct outcome a = {0};
    struct outcome b = {0};
    (void)state;
    io_resolve_cancel(&a.query); /* nothing is under way */
    ask(&a, "localhost");
    io_resolve_cancel(&a.query);
    io_resolve_cancel(&a.query);
    ask(&a, "both.test");
    io_resolve_cancel(&a.query);
    for (int i = 0; i < 5; i++)
        weir_loop_step(loop, MS);
    assert_int_equal(a.calls, 0);
    if (!has_library())
        return;
    /* Under way, alone: its socket goes at once. */
    ask(&a, "silent.test");
    wait_asked(1);
    io_resolve_cancel(&a.query);
    assert_int_equal(count_descriptors(), descriptors_before);
    /* Beside another, which is answered. */
    dns.asked = 0;
    ask(&a, "silent.test");
    ask(&b, "both.test");
    wait_asked(1);
    io_resolve_cancel(&a.query);
    wait_calls(&b, 1);
    assert_int_equal(b.code, WEIR_OK);
    assert_int_equal(a.calls, 0);
}

/* The answers of both are there at once: the first one's `done` cancels the second. */
static void test_cancel_another(void **state)
{
    struct outcome a = {0};
    struct outcome b = {0};
    (void)state;
    a.cancel = &b;
    b.cancel = &a;
    ask(&a, "localhost");
    ask(&b, "localhost");
    wait_calls(&a, 1);
    assert_int_equal(b.calls, 0);
    a = (struct outcome){.cancel = &b};
    assert_int_equal(ask_within(&a, "silent.test", 30 * MS), WEIR_OK);
    ask(&b, "silent.test");
    wait_calls(&a, 1);
    assert_int_equal(b.calls, 0);
}

static void test_free_in_done(void **state)
{
    static const char *const hosts[] = {"localhost", "both.test", "no-such.test"};
    (void)state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome a = {.frees = true};
        struct outcome cancelled = {0};
        ask(&cancelled, "silent.test");
        ask(&a, hosts[i]);
        io_resolve_cancel(&cancelled.query);
        wait_calls(&a, 1);
        assert_null(resolver);
        assert_int_equal(memory.live, 0);
        weir_str servers = has_library() ? weir_str_from(dns.address) : WEIR_STR("");
        assert_int_equal(io_resolver_new(&resolver, loop, &counted, servers, NULL), WEIR_OK);
    }
    struct outcome a = {.frees = true};
    assert_int_equal(ask_within(&a, "silent.test", 20 * MS), WEIR_OK);
    wait_calls(&a, 1);
    assert_null(resolver);
}

static void test_ask_in_done(void **state)
{
    (void)state;
    struct outcome a = {.then = "four.test"};
    ask(&a, "localhost");
    wait_calls(&a, 2);
    a = (struct outcome){.then = "localhost"};
    ask(&a, "no-such.test");
    wait_calls(&a, 2);
    assert_int_equal(a.code, WEIR_OK);
    check_address(&a.addresses, 0, "[::1]:8080");
}

/* What this host's own file says is not asked for. */
static void test_hosts_file(void **state)
{
    char line[512];
    char address[64];
    char name[128] = "";
    (void)state;
    FILE *file = fopen("/etc/hosts", "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, " %63[0-9.] %127s", address, name) == 2 && strstr(name, "localhost") == NULL &&
            io_resolve_is_name(weir_str_from(name)))
            break;
        name[0] = '\0';
    }
    if (file != NULL)
        fclose(file);
    if (name[0] == '\0' || !has_library())
        skip();
    struct outcome o = {0};
    resolve(&o, name);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(dns.asked, 0);
}

static void test_name_servers(void **state)
{
    static const char nine[] = "192.0.2.1:1,192.0.2.1:2,192.0.2.1:3,192.0.2.1:4,192.0.2.1:5,192.0.2.1:6,192.0.2.1:7,"
                               "192.0.2.1:8,192.0.2.1:9";
    static const char *const wrong[] = {"x",       "name.test:53", "127.0.0.1:53,", "127.0.0.1:53,x",
                                        "unix:/x", ":53",          "systemd",       nine};
    weir_error error;
    struct io_resolver *other;
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        weir_code code = io_resolver_new(&other, loop, &counted, weir_str_from(wrong[i]), &error);
        assert_int_equal(code, has_library() ? WEIR_CODE_bad_address : WEIR_CODE_unsupported);
    }
    if (!has_library())
        return;
    assert_int_equal(io_resolver_new(&other, loop, &counted, WEIR_STR("[::1]:53,127.0.0.1:5353"), &error), WEIR_OK);
    io_resolver_free(other);
}

/* The n-th allocation fails, for every n: the query ends once all the same. */
static void test_no_memory(void **state)
{
    (void)state;
    io_resolver_free(resolver);
    resolver = NULL;
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct outcome o = {0};
        assert_true(n < 100);
        memory.calls = 0;
        memory.fail_at = n;
        weir_str servers = has_library() ? weir_str_from(dns.address) : WEIR_STR("");
        weir_code code = io_resolver_new(&resolver, loop, &counted, servers, NULL);
        if (code == WEIR_OK) {
            code = ask_within(&o, "both.test", 30 * SEC);
            if (code == WEIR_OK)
                wait_calls(&o, 1);
            else
                assert_int_equal(code, WEIR_CODE_no_memory);
            io_resolver_free(resolver);
        } else {
            assert_int_equal(code, WEIR_CODE_no_memory);
        }
        failed = memory.calls >= n;
        assert_int_equal(memory.live, 0);
    }
    resolver = NULL;
}

static void test_no_descriptors(void **state)
{
    struct rlimit before;
    struct rlimit none;
    (void)state;
    if (!has_library())
        skip();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3; /* of those that are open nothing is taken; none can be added */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct outcome o = {0};
    ask(&o, "both.test");
    wait_calls(&o, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(o.code, WEIR_CODE_resolve_failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_interleave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lost_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_free_in_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ask_in_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hosts_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_name_servers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_descriptors, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
