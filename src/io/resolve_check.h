/* For tests of the resolver: a loop, a name server of the test's own on loopback that answers, refuses, lies and is
 * silent, a resolver that asks it, and what became of a query. Nothing may be left at the end. */
#ifndef IO_RESOLVE_CHECK_H
#define IO_RESOLVE_CHECK_H

#include "io/resolve.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/failing_memory.h"
#include "io/address.h"
#include "io/fake_dns.h"
#include "io/loop_internal.h"
#include "io/resolve_internal.h"

#define MS  UINT64_C(1000000)
#define SEC UINT64_C(1000000000)

static const struct fake_name names[] = {
    {.name = "both.test", .addresses = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"}},
    {.name = "four.test", .addresses = {"192.0.2.4"}},
    {.name = "six.test", .addresses = {"2001:db8::6"}},
    {.name = "many.test",
     .addresses = {"192.0.2.1",  "192.0.2.2",  "192.0.2.3",  "192.0.2.4",  "192.0.2.5",  "192.0.2.6",   "192.0.2.7",
                   "192.0.2.8",  "192.0.2.9",  "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13",  "192.0.2.14",
                   "192.0.2.15", "192.0.2.16", "192.0.2.17", "192.0.2.18", "192.0.2.19", "2001:db8::1", "2001:db8::2"}},
    {.name = "empty.test"},
    {.name = "broken.test", .rcode = DNS_SERVFAIL},
    {.name = "silent.test", .silent = true},
    {.name = "large.test", .addresses = {"192.0.2.9"}, .truncated = true},
    {.name = "cut.test", .addresses = {"192.0.2.9", "2001:db8::9"}, .cut = 3},
    {.name = "cut-more.test", .addresses = {"192.0.2.9", "2001:db8::9"}, .cut = 14},
    {.name = "other.test", .addresses = {"192.0.2.9", "2001:db8::9"}, .cut = 30}, /* not even the question */
    {.name = "lossy.test", .addresses = {"192.0.2.9", "2001:db8::9"}, .lost = 2},
    {.name = "refused.test", .rcode = DNS_REFUSED},
    {.name = "held6.test", .addresses = {"192.0.2.1", "192.0.2.2", "2001:db8::1"}, .only = DNS_AAAA, .held = true},
    {.name = "held4.test", .addresses = {"192.0.2.1", "2001:db8::1"}, .only = DNS_A, .held = true},
    {.name = "held6-none.test", .addresses = {"192.0.2.1"}, .only = DNS_AAAA, .held = true},
    {.name = "held4-none.test", .addresses = {"2001:db8::1"}, .only = DNS_A, .held = true},
    {.name = "late6.test", .addresses = {"2001:db8::1"}, .only = DNS_AAAA, .held = true},
    {.name = "held.test", .addresses = {"192.0.2.1", "2001:db8::1"}, .held = true},
    {.name = "silent6.test", .addresses = {"192.0.2.1"}, .only = DNS_AAAA, .silent = true},
    {.name = "silent4.test", .addresses = {"2001:db8::1"}, .only = DNS_A, .silent = true},
    {.name = "broken6.test", .addresses = {"192.0.2.1"}, .only = DNS_AAAA, .rcode = DNS_SERVFAIL},
    {.name = "no6.test", .addresses = {"192.0.2.1"}, .only = DNS_AAAA, .rcode = DNS_NXDOMAIN},
    {.name = "short.test", .addresses = {"192.0.2.1"}, .ttl = 1},
    {.name = "none.test", .addresses = {"192.0.2.1"}, .no_ttl = true},
    {.name = "host.second.test", .addresses = {"192.0.2.1"}},
    {.name = "host.third.test", .addresses = {"192.0.2.3", "2001:db8::3"}},
    {.name = "a.b.second.test", .addresses = {"192.0.2.5"}},
    {.name = NULL},
};

struct outcome {
    struct io_query query;
    int calls;
    weir_code code;
    struct io_addresses addresses;
    char text[240];
    struct outcome *cancel; /* cancelled in `done` */
    bool frees;             /* the resolver, in `done` */
    int mores;
    struct io_addresses more; /* empty: there are none */
    const char *then;         /* asked for in `done`, by this query again */
};

static weir_loop *loop;
static struct io_resolver *resolver;
static struct fake_dns dns;
static struct failing_memory memory;
static weir_allocator counted;
static int descriptors_before; /* with the resolver, and nothing asked */
static int descriptors_at_first;

static inline int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static inline bool has_library(void)
{
    return strstr(weir_version(), "c-ares") != NULL;
}

static inline int set_up(void **state)
{
    (void)state;
    memory = (struct failing_memory){0};
    counted = failing_memory_allocator(&memory);
    descriptors_at_first = count_descriptors();
    assert_int_equal(weir_loop_new(&loop, NULL, NULL), WEIR_OK);
    assert_true(fake_dns_open(&dns, loop, names));
    weir_str servers = has_library() ? weir_str_from(dns.address) : WEIR_STR("");
    assert_int_equal(io_resolver_new(&resolver, loop, &counted, servers, NULL), WEIR_OK);
    descriptors_before = count_descriptors();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    if (resolver != NULL)
        assert_int_equal(count_descriptors(), descriptors_before);
    io_resolver_free(resolver);
    assert_int_equal(memory.live, 0);
    assert_int_equal(base_wheel_next(&loop->wheel), WEIR_NEVER);
    fake_dns_close(&dns);
    weir_loop_free(loop);
    assert_int_equal(count_descriptors(), descriptors_at_first);
    return 0;
}

static inline void on_done(struct io_query *query, weir_code code, const struct io_addresses *addresses,
                    const weir_error *error)
{
    struct outcome *o = BASE_CONTAINER(query, struct outcome, query);
    o->calls++;
    o->code = code;
    if (code == WEIR_OK) {
        assert_true(addresses->count > 0);
        o->addresses = *addresses;
    } else {
        assert_int_equal(error->code, code);
        (void)snprintf(o->text, sizeof(o->text), "%s", error->text);
    }
    if (o->cancel != NULL)
        io_resolve_cancel(&o->cancel->query);
    if (o->then != NULL) {
        const char *host = o->then;
        o->then = NULL;
        assert_int_equal(io_resolve(query, resolver, weir_str_from(host), 8080, 20 * SEC, NULL), WEIR_OK);
    }
    if (o->frees) {
        io_resolve_cancel(query); /* for the other family it may be under way */
        io_resolver_free(resolver);
        resolver = NULL;
    }
}

static inline void on_more(struct io_query *query, const struct io_addresses *addresses)
{
    struct outcome *o = BASE_CONTAINER(query, struct outcome, query);
    assert_int_equal(o->calls, 1);
    assert_false(io_query_is_under_way(query));
    o->mores++;
    o->more.count = 0;
    if (addresses != NULL) {
        assert_true(addresses->count > 0);
        o->more = *addresses;
    }
    if (o->frees) {
        io_resolver_free(resolver);
        resolver = NULL;
    }
}

static inline weir_code ask_within(struct outcome *o, const char *host, uint64_t timeout_ns)
{
    weir_error error = {0};
    o->query.done = on_done;
    o->query.more = on_more;
    weir_code code = io_resolve(&o->query, resolver, weir_str_from(host), 8080, timeout_ns, &error);
    assert_int_equal(o->calls, 0);
    assert_int_equal(error.code, code);
    return code;
}

static inline void ask(struct outcome *o, const char *host)
{
    assert_int_equal(ask_within(o, host, 30 * SEC), WEIR_OK);
}

static inline void wait_calls(struct outcome *o, int calls)
{
    for (int i = 0; i < 3000 && o->calls < calls; i++)
        weir_loop_step(loop, 10 * MS);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(o->calls, calls);
}

/* Until the query is over: of both families all is known, as if one answer had held it. */
static inline void resolve(struct outcome *o, const char *host)
{
    ask(o, host);
    for (int i = 0; i < 3000 && io_query_is_under_way(&o->query); i++)
        weir_loop_step(loop, 10 * MS);
    for (int i = 0; i < 3; i++)
        weir_loop_step(loop, 0);
    assert_int_equal(o->calls, 1);
    for (size_t i = 0; i < o->more.count; i++)
        io_addresses_add(&o->addresses, (const struct sockaddr *)&o->more.list[i], 8080);
    if (o->more.count > 0)
        io_addresses_interleave(&o->addresses);
}

static inline void wait_asked(int count)
{
    for (int i = 0; i < 3000 && dns.asked < count; i++)
        weir_loop_step(loop, 10 * MS);
    assert_true(dns.asked >= count);
}

static inline void check_address(const struct io_addresses *addresses, size_t index, const char *expected)
{
    weir_address address;
    char text[64];
    assert_true(index < addresses->count);
    io_address_from(&address, &addresses->list[index], addresses->sizes[index]);
    (void)weir_address_format(text, sizeof(text), &address);
    assert_string_equal(text, expected);
}

static inline void step(int times)
{
    for (int i = 0; i < times; i++)
        weir_loop_step(loop, 5 * MS);
}

static inline void wait_over(struct outcome *o)
{
    for (int i = 0; i < 3000 && io_query_is_under_way(&o->query); i++)
        weir_loop_step(loop, 10 * MS);
    assert_false(io_query_is_under_way(&o->query));
}

#endif
