/* Goal: every address that may be written is understood, and every other is refused with what was expected.
 * Method: tables of text, each of them also cut short at every octet, which must only ever be refused or understood. */
#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_understood(void **state)
{
    static const struct {
        const char *text;
        enum io_place_kind kind;
        const char *host;
        bool is_ipv6;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:8080", IO_PLACE_TCP, "127.0.0.1", false, 8080},
        {"localhost:0", IO_PLACE_TCP, "localhost", false, 0},
        {":65535", IO_PLACE_TCP, "", false, 65535},
        {"[::1]:80", IO_PLACE_TCP, "::1", true, 80},
        {"[fe80::1%lo]:00080", IO_PLACE_TCP, "fe80::1%lo", true, 80},
        {"unix:/run/weir.sock", IO_PLACE_UNIX, "", false, 0},
        {"systemd", IO_PLACE_SYSTEMD, "", false, 0},
        {"systemd:80", IO_PLACE_TCP, "systemd", false, 80},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_place place;
        weir_error error = {0};
        assert_int_equal(io_place_parse(&place, weir_str_from(cases[i].text), &error), WEIR_OK);
        assert_int_equal(place.kind, cases[i].kind);
        assert_true(weir_str_equal(place.host, weir_str_from(cases[i].host)));
        assert_int_equal(place.is_ipv6, cases[i].is_ipv6);
        assert_int_equal(place.port, cases[i].port);
        for (size_t length = 0; length < strlen(cases[i].text); length++) {
            char *cut = malloc(length + 1); /* exact, for the sanitizer */
            assert_non_null(cut);
            memcpy(cut, cases[i].text, length);
            (void)!io_place_parse(&place, (weir_str){cut, length}, &error);
            free(cut);
        }
    }
}

static void test_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "\"\": HOST:PORT"},
        {"127.0.0.1", "\"127.0.0.1\": a port is missing"},
        {"[::1]", "\"[::1]\": a port is missing"},
        {"127.0.0.1:99999", "\"127.0.0.1:99999\": the port is not a number from 0 to 65535"},
        {"127.0.0.1:65536", "\"127.0.0.1:65536\": the port is not a number from 0 to 65535"},
        {"127.0.0.1:", "\"127.0.0.1:\": the port"},
        {"127.0.0.1:http", "\"127.0.0.1:http\": the port"},
        {"127.0.0.1:-1", "\"127.0.0.1:-1\": the port"},
        {"127.0.0.1: 80", "\"127.0.0.1: 80\": the port"},
        {"::1:8080", "\"::1:8080\": an IPv6 address stands in brackets"},
        {"[::1:8080", "\"[::1:8080\": an IPv6 address in brackets was expected"},
        {"[]:8080", "\"[]:8080\": an IPv6 address in brackets was expected"},
        {"unix:", "\"unix:\": a path is missing"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct io_place place;
        weir_error error;
        assert_int_equal(io_place_parse(&place, weir_str_from(cases[i][0]), &error), WEIR_CODE_bad_address);
        assert_int_equal(error.code, WEIR_CODE_bad_address);
        assert_memory_equal(error.text, cases[i][1], strlen(cases[i][1]));
        assert_int_equal(io_place_parse(&place, weir_str_from(cases[i][0]), NULL), WEIR_CODE_bad_address);
    }
}

static void test_too_long(void **state)
{
    char text[400] = "unix:";
    struct io_place place;
    weir_error error;
    (void)state;
    memset(text + 5, 'x', 108);
    assert_int_equal(io_place_parse(&place, (weir_str){text, 5 + 107}, &error), WEIR_OK);
    assert_int_equal(io_place_parse(&place, (weir_str){text, 5 + 108}, &error), WEIR_CODE_bad_address);
    assert_non_null(strstr(error.text, "107 octets"));
    memset(text, 'x', sizeof(text));
    memcpy(text + 300, ":80", 3);
    assert_int_equal(io_place_parse(&place, (weir_str){text, 303}, &error), WEIR_CODE_bad_address);
    assert_int_equal(io_place_parse(&place, WEIR_STR("a\0b:80"), &error), WEIR_CODE_bad_address);
    assert_int_equal(io_place_parse(&place, WEIR_STR("unix:a\0b"), &error), WEIR_CODE_bad_address);
}

static void check_format(int family, const char *host, uint16_t port, const char *expected)
{
    weir_address address = {.family = (uint8_t)family, .port = port};
    char text[64];
    if (host != NULL)
        assert_int_equal(inet_pton(family, host, address.octets), 1);
    assert_int_equal(weir_address_format(text, sizeof(text), &address), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(weir_address_format(text, 3, &address), strlen(expected));
    assert_int_equal(strlen(text), 2);
    assert_int_equal(weir_address_format(NULL, 0, &address), strlen(expected));
}

static void test_format(void **state)
{
    (void)state;
    check_format(AF_INET, "127.0.0.1", 43210, "127.0.0.1:43210");
    check_format(AF_INET6, "::1", 80, "[::1]:80");
    check_format(AF_INET6, "2001:db8:0:1:1:1:1:1", 65535, "[2001:db8:0:1:1:1:1:1]:65535");
    check_format(AF_UNIX, NULL, 0, "unix:");
    check_format(0, NULL, 0, "unknown");
    check_format(99, NULL, 0, "unknown");
}

static void test_from_kernel(void **state)
{
    struct sockaddr_storage from = {0};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    weir_address address;
    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr), 1);
    memcpy(&from, &mapped, sizeof(mapped));
    io_address_from(&address, &from, sizeof(mapped));
    assert_int_equal(address.family, AF_INET);
    assert_int_equal(address.port, 80);
    assert_memory_equal(address.octets, "\xc0\0\2\7", 4);
    io_address_from(&address, &from, 8); /* cut */
    assert_int_equal(address.family, 0);
    io_address_from(&address, &from, 0); /* what a socketpair's end is called */
    assert_int_equal(address.family, 0);
    from.ss_family = AF_UNIX;
    io_address_from(&address, &from, sizeof(sa_family_t));
    assert_int_equal(address.family, AF_UNIX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_understood), cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_format),     cmocka_unit_test(test_from_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
