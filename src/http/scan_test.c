/* Goal: the wide scans are the plain ones. Method: runs of 0 to 70 octets in memory that ends where they end, each
 * octet of 256 at each place of them, against the table walked one octet at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/scan.h"

enum { SIZE_MOST = 70 };

typedef const char *scan_function(const char *at, const char *end);

static void check(scan_function *scan, unsigned class, char filler)
{
    for (size_t size = 0; size <= SIZE_MOST; size++) {
        char *octets = malloc(size > 0 ? size : 1);
        assert_non_null(octets);
        memset(octets, filler, size);
        assert_ptr_equal(scan(octets, octets + size), octets + size);
        for (size_t place = 0; place < size; place++) {
            for (unsigned c = 0; c < 256; c++) {
                octets[place] = (char)c;
                const char *plain = http_chars_span(octets, octets + size, class);
                assert_ptr_equal(scan(octets, octets + size), plain);
            }
            octets[place] = filler;
        }
        free(octets);
    }
}

static void values(void **state)
{
    (void)state;
    check(http_scan_value, HTTP_CHAR_VALUE, 'v');
    check(http_scan_value, HTTP_CHAR_VALUE, '\t');
    check(http_scan_value, HTTP_CHAR_VALUE, '\xff');
}

static void targets(void **state)
{
    (void)state;
    check(http_scan_target, HTTP_CHAR_TARGET, '/');
    check(http_scan_target, HTTP_CHAR_TARGET, '~');
}

static void names(void **state)
{
    (void)state;
    check(http_scan_name, HTTP_CHAR_TOKEN, 'x');
    check(http_scan_name, HTTP_CHAR_TOKEN, '-');
    check(http_scan_name, HTTP_CHAR_TOKEN, '0');
}

/* Two octets of all pairs, so that a stop that is none (HTAB in a value, a digit in a name) is gone on from rightly. */
static void pairs(void **state)
{
    (void)state;
    char octets[40];
    for (unsigned pair = 0; pair < 65536; pair++) {
        memset(octets, 'a', sizeof(octets));
        octets[3] = (char)(pair >> 8);
        octets[7 + pair % 30] = (char)pair;
        const char *end = octets + sizeof(octets);
        assert_ptr_equal(http_scan_value(octets, end), http_chars_span(octets, end, HTTP_CHAR_VALUE));
        assert_ptr_equal(http_scan_target(octets, end), http_chars_span(octets, end, HTTP_CHAR_TARGET));
        assert_ptr_equal(http_scan_name(octets, end), http_chars_span(octets, end, HTTP_CHAR_TOKEN));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(targets),
        cmocka_unit_test(names),
        cmocka_unit_test(pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
