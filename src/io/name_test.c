/* Goal: one family's answer is enough to begin, one that does not come fails nothing; queries for one name share a
 * lookup, and its answer is kept as long as it holds, and no longer. Method: as resolve_test.c; answers that come when
 * the test lets them, and a count of the questions. */
#include "io/resolve_check.h"

/* --- one family is enough --------------------------------------------------------------------------------------- */

/* One family's answer is there, the other's is not: the first is told, then the other, or that there is none. */
static void one_first(const char *host, const char *first, size_t count, const char *second)
{
    struct outcome o = {0};
    ask(&o, host);
    for (int i = 0; i < 3000 && o.calls == 0; i++)
        weir_loop_step(loop, 10 * MS);
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.addresses.count, count);
    check_address(&o.addresses, 0, first);
    assert_true(io_query_is_under_way(&o.query));
    step(3);
    assert_int_equal(o.mores, 0);
    fake_dns_release(&dns);
    wait_over(&o);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.mores, 1);
    assert_int_equal(o.more.count, second != NULL);
    if (second != NULL)
        check_address(&o.more, 0, second);
}

static void test_one_family_first(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    one_first("held6.test", "192.0.2.1:8080", 2, "[2001:db8::1]:8080");
    one_first("held4.test", "[2001:db8::1]:8080", 1, "192.0.2.1:8080");
    one_first("held6-none.test", "192.0.2.1:8080", 1, NULL);
    one_first("held4-none.test", "[2001:db8::1]:8080", 1, NULL);
}

/* The name has no address of one family: the other is waited for, however long. */
static void test_only_the_late_one(void **state)
{
    struct outcome o = {0};
    (void)state;
    if (!has_library())
        skip();
    ask(&o, "late6.test");
    wait_asked(2);
    step(30);
    assert_int_equal(o.calls, 0);
    fake_dns_release(&dns);
    wait_over(&o);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.mores, 0);
    check_address(&o.addresses, 0, "[2001:db8::1]:8080");
}

/* A family that is not answered, or for which the server fails, fails nothing. */
static void test_one_family_fails(void **state)
{
    static const char *const hosts[] = {"silent6.test", "silent4.test", "broken6.test", "no6.test"};
    (void)state;
    if (!has_library())
        skip();
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome o = {0};
        assert_int_equal(ask_within(&o, hosts[i], 300 * MS), WEIR_OK);
        wait_over(&o);
        assert_int_equal(o.calls, 1);
        assert_true(o.code == WEIR_OK || o.code == WEIR_CODE_resolve_timeout); /* on a very slow machine */
        assert_int_equal(o.more.count, 0);
    }
}

/* Cancelled, and freed, while the other family is awaited. */
static void test_cancel_between(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    struct outcome o = {0};
    ask(&o, "held6.test");
    for (int i = 0; i < 3000 && o.calls == 0; i++)
        weir_loop_step(loop, 10 * MS);
    io_resolve_cancel(&o.query);
    assert_int_equal(count_descriptors(), descriptors_before);
    step(3);
    assert_int_equal(o.mores, 0);
    o = (struct outcome){.cancel = &o}; /* itself, in its first call */
    ask(&o, "held4.test");
    wait_over(&o);
    step(3);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.mores, 0);
    struct outcome last = {0};
    ask(&last, "held6-none.test");
    for (int i = 0; i < 3000 && last.calls == 0; i++)
        weir_loop_step(loop, 10 * MS);
    last.frees = true;
    fake_dns_release(&dns);
    wait_over(&last);
    assert_int_equal(last.mores, 1);
    assert_null(resolver);
}

/* --- shared, and kept ------------------------------------------------------------------------------------------- */

/* Many ask for one name: it is asked for once, and each has the answer; those that were cancelled have none. */
static void test_shared(void **state)
{
    struct outcome all[20];
    (void)state;
    if (!has_library())
        skip();
    memset(all, 0, sizeof(all));
    for (int i = 0; i < 20; i++)
        ask(&all[i], i % 2 ? "held.test" : "HELD.Test");
    wait_asked(2);
    for (int i = 0; i < 20; i += 5)
        io_resolve_cancel(&all[i].query);
    for (int i = 0; i < 3000 && dns.held_count < 2; i++)
        weir_loop_step(loop, 10 * MS);
    fake_dns_release(&dns);
    for (int i = 0; i < 20; i++)
        if (i % 5 != 0)
            wait_over(&all[i]);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(all[i].calls, i % 5 != 0);
        assert_int_equal(all[i].addresses.count + all[i].more.count, i % 5 != 0 ? 2 : 0);
    }
    assert_int_equal(dns.asked, 2);
}

/* So many questions it takes to ask for a host again. */
static int questions_for(const char *host, weir_code code)
{
    struct outcome o = {0};
    int before = dns.asked;
    resolve(&o, host);
    assert_int_equal(o.code, code);
    return dns.asked - before;
}

static void test_kept(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    assert_int_equal(questions_for("both.test", WEIR_OK), 2);
    assert_int_equal(questions_for("BOTH.test", WEIR_OK), 0);
    assert_int_equal(questions_for("four.test", WEIR_OK), 2);
    assert_int_equal(questions_for("four.test", WEIR_OK), 0); /* that it has no other family is kept too */
    assert_int_equal(questions_for("none.test", WEIR_OK), 2);
    assert_int_equal(questions_for("none.test", WEIR_OK), 2); /* TTL 0 */
    assert_int_equal(questions_for("no-such.test", WEIR_CODE_resolve_failed), 2);
    assert_int_equal(questions_for("no-such.test", WEIR_CODE_resolve_failed), 0);
    assert_int_equal(questions_for("empty.test", WEIR_CODE_resolve_failed), 2);
    assert_int_equal(questions_for("empty.test", WEIR_CODE_resolve_failed), 0);
    int broken = questions_for("broken.test", WEIR_CODE_resolve_failed);
    assert_true(broken >= 2);
    assert_true(questions_for("broken.test", WEIR_CODE_resolve_failed) >=
                2); /* a server that failed may be well again */
    /* Until its second is over. */
    assert_int_equal(questions_for("short.test", WEIR_OK), 2);
    int again = 0;
    for (int i = 0; i < 3000 && again == 0; i++) {
        weir_loop_step(loop, 10 * MS);
        again = questions_for("short.test", WEIR_OK);
    }
    assert_int_equal(again, 2);
}

static bool is_kept(const char *host)
{
    for (struct base_list *n = resolver->names.next; n != &resolver->names; n = n->next)
        if (strcmp(BASE_CONTAINER(n, struct io_name, node)->host, host) == 0)
            return true;
    return false;
}

/* The last query goes while one family is still asked for: what was answered of the other is not kept as all there is,
 * and who asks next has both. */
static void test_half_is_not_kept(void **state)
{
    static const char *const hosts[] = {"held6.test", "held4.test"};
    (void)state;
    if (!has_library())
        skip();
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct outcome first = {0}, second = {0};
        ask(&first, hosts[i]);
        for (int n = 0; n < 3000 && (first.calls == 0 || dns.held_count == 0); n++)
            weir_loop_step(loop, 10 * MS);
        assert_true(io_query_is_under_way(&first.query));
        io_resolve_cancel(&first.query);
        assert_false(is_kept(hosts[i]));
        fake_dns_release(&dns);
        ask(&second, hosts[i]);
        for (int n = 0; n < 3000 && (second.calls == 0 || dns.held_count == 0); n++)
            weir_loop_step(loop, 10 * MS);
        fake_dns_release(&dns);
        wait_over(&second);
        assert_int_equal(second.addresses.count + second.more.count, first.addresses.count + 1);
        assert_true(is_kept(hosts[i]));
    }
}

/* No more names are kept than the bound says; what is under way is not lost for it. */
static void test_bounded(void **state)
{
    struct outcome waits = {0};
    char host[32];
    (void)state;
    if (!has_library())
        skip();
    ask(&waits, "silent.test");
    for (unsigned i = 0; i < IO_NAMES_MAX + 50; i++) {
        (void)snprintf(host, sizeof(host), "n%u.test", i);
        assert_true(questions_for(host, WEIR_CODE_resolve_failed) >=
                    2); /* the silent one is asked for again and again */
        assert_true(resolver->name_count <= IO_NAMES_MAX);
    }
    assert_true(is_kept(host));
    assert_true(is_kept("silent.test"));
    assert_false(is_kept("n0.test"));
    assert_int_equal(waits.calls, 0);
    io_resolve_cancel(&waits.query);
}

/* As many as there is room for, and of each family its share. */
static void test_room(void **state)
{
    (void)state;
    struct io_addresses all = {.count = 0};
    struct io_resolver fake = {.allocator = counted, .loop = loop};
    struct io_name *name = base_alloc_zero(&counted, sizeof(*name) + 1);
    assert_non_null(name);
    name->resolver = &fake;
    base_list_init(&name->queries);
    for (int i = 0; i < IO_FAMILIES; i++)
        name->families[i].name = name;
    for (unsigned i = 0; i < 100; i++) {
        struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200 + i)};
        struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
        ipv6.sin6_addr.s6_addr[15] = (uint8_t)i;
        assert_true(io_family_add(&name->families[IO_IPV4], (const struct sockaddr *)&ipv4, SEC));
        if (i == 40)
            io_name_addresses(name, IO_FAMILIES, 1, &all);
        if (i >= 90)
            assert_true(io_family_add(&name->families[IO_IPV6], (const struct sockaddr *)&ipv6, SEC));
    }
    assert_int_equal(all.count, 41);
    io_name_addresses(name, IO_FAMILIES, 1, &all);
    assert_int_equal(all.count, IO_ADDRESSES_MAX);
    size_t of_ipv6 = 0;
    for (size_t i = 0; i < all.count; i++)
        of_ipv6 += all.list[i].ss_family == AF_INET6;
    assert_int_equal(of_ipv6, 10);
    io_name_release(name);
}

/* --- what the system says --------------------------------------------------------------------------------------- */

/* A search list (resolv.conf(5)): both families are of the same name, the first that has an address at all. */
static void test_search_list(void **state)
{
    (void)state;
    if (!has_library())
        skip();
    io_resolver_free(resolver);
    assert_int_equal(setenv("LOCALDOMAIN", "first.test second.test third.test", 1), 0);
    assert_int_equal(io_resolver_new(&resolver, loop, &counted, weir_str_from(dns.address), NULL), WEIR_OK);
    assert_int_equal(unsetenv("LOCALDOMAIN"), 0);
    struct outcome o = {0};
    resolve(&o, "host");
    assert_int_equal(o.code, WEIR_OK);
    assert_int_equal(o.addresses.count, 1);
    check_address(&o.addresses, 0, "192.0.2.1:8080");
    o = (struct outcome){0};
    resolve(&o, "host.third");
    assert_int_equal(o.code, WEIR_CODE_resolve_failed);
    o = (struct outcome){0};
    resolve(&o, "a.b"); /* it has a dot: as it is first */
    assert_int_equal(o.code, WEIR_OK);
    check_address(&o.addresses, 0, "192.0.2.5:8080");
    int before = dns.asked;
    o = (struct outcome){0};
    resolve(&o, "host."); /* it is whole */
    assert_int_equal(o.code, WEIR_CODE_resolve_failed);
    assert_int_equal(dns.asked - before, 2);
    o = (struct outcome){0};
    resolve(&o, "four.test");
    check_address(&o.addresses, 0, "192.0.2.4:8080");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_family_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_the_late_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_family_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_between, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search_list, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
