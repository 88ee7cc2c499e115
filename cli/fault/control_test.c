/* Goal: the control takes faults in the words of the command line and says what is wrong with others, and is reached by
 * addresses of this host only. Method: documents and hosts, each with what is to come of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fault/control.h"

static void test_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool local, remote;
    } rows[] = {
        {"localhost", true, true},
        {"LocalHost:80", true, true},
        {"127.0.0.1", true, true},
        {"127.255.0.9:65535", true, true},
        {"[::1]", true, true},
        {"[::1]:80", true, true},
        {"10.0.0.1", false, true},
        {"192.0.2.1:80", false, true},
        {"[2001:db8::1]:80", false, true},
        {"", false, false},
        {":80", false, false},
        {"[", false, false},
        {"[]", false, false},
        {"[::1", false, false},
        {"example", false, false},
        {"localhost.", false, false},
        {"xlocalhost", false, false},
        {"127.0.0.1.example:80", false, false},
        {"127.1", false, false},
        {"2130706433", false, false},
        {"0x7f.0.0.1", false, false},
        {"a-name-that-is-longer-than-any-address-and-than-the-place-that-is-kept-for-one", false, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (fault_control_host_fits(weir_str_from(rows[i].host), false) != rows[i].local ||
            fault_control_host_fits(weir_str_from(rows[i].host), true) != rows[i].remote)
            fail_msg("'%s' is judged wrong", rows[i].host);
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool local;
    } rows[] = {{"127.0.0.1:0", true}, {"127.9.9.9:0", true}, {"[::1]:0", true}, {"unix:/nowhere", true},
                {"0.0.0.0:0", false},  {"[::]:0", false},     {":8080", false},  {"192.0.2.1:0", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fault_addresses found;
        char why[200];
        if (fault_address_find(&found, rows[i].address, true, why, sizeof(why)) != FAULT_ADDRESS_OK ||
            fault_control_is_local(&found.all[0]) != rows[i].local)
            fail_msg("'%s' is judged wrong", rows[i].address);
    }
}

static bool read_text(struct fault_wish *wish, const char *text, char error[400])
{
    json_t *document = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(document);
    error[0] = '\0';
    bool right = fault_control_read(wish, document, error, 400);
    json_decref(document);
    return right;
}

static void test_faults(void **state)
{
    (void)state;
    struct fault_wish wish;
    char error[400];
    assert_true(read_text(&wish, "{}", error));
    assert_memory_equal(&wish, &fault_wish_default, sizeof(wish));
    assert_true(
        read_text(&wish,
                  "{\"latency\":\"10ms..20ms\",\"rate\":\"64k\",\"slice\":7,\"reset-after\":1000,\"chance\":0.5,"
                  "\"shape\":\"up\",\"refuse\":true,\"vanish\":false,\"drop\":null}",
                  error));
    assert_true(wish.latency_ns.min == 10 * WEIR_MS && wish.latency_ns.max == 20 * WEIR_MS);
    assert_int_equal(wish.rate, 65536);
    assert_true(wish.slice.min == 7 && wish.slice.max == 7 && wish.shape == FAULT_WAYS_UP);
    assert_true(wish.reset.asked && !wish.reset.time && wish.reset.range.min == 1000);
    assert_int_equal(wish.chance, FAULT_CHANCE_ALL / 2);
    assert_true(wish.refuse && !wish.vanish && wish.drop == FAULT_WAYS_NONE);
    assert_true(read_text(&wish, "{\"latency\":1.5}", error) && wish.latency_ns.min == 1500 * WEIR_MS);
    static const struct {
        const char *text, *needle;
    } wrong[] = {{"5", "an object"},
                 {"[]", "an object"},
                 {"null", "an object"},
                 {"{\"tea\":1}", "'tea'"},
                 {"{\"\":1}", "''"},
                 {"{\"latency\":true}", "latency: expected a text"},
                 {"{\"latency\":[]}", "latency: expected a text"},
                 {"{\"latency\":-1}", "latency is '-1'"},
                 {"{\"refuse\":\"true\"}", "refuse: expected true or false"},
                 {"{\"refuse\":1}", "refuse: expected true or false"},
                 {"{\"chance\":1e3}", "chance is '1000'"},
                 {"{\"drop\":\"both\"}", "drop is 'both': expected one of: up down either"}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (read_text(&wish, wrong[i].text, error) || strstr(error, wrong[i].needle) == NULL)
            fail_msg("%s gives: %s", wrong[i].text, error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
