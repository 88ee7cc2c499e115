/* Goal: what the writer writes is what the parser reads, to the octet, within the sizes that its header promises.
 * Method: borders of numbers as text; whole heads and chunk lines read back by the parser and the decoder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "h1/chunked.h"
#include "h1/head.h"
#include "h1/writer.h"

static const uint64_t numbers[] = {0,          1,
                                   9,          10,
                                   15,         16,
                                   99,         100,
                                   255,        256,
                                   4095,       4096,
                                   UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                   INT64_MAX,  (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX};
#define NUMBERS (sizeof numbers / sizeof numbers[0])

static void is(const char *octets, const char *end, const char *expected)
{
    assert_int_equal((size_t)(end - octets), strlen(expected));
    assert_memory_equal(octets, expected, strlen(expected));
}

static void decimals_and_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        char octets[64], expected[64];
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
        is(octets, h1_put_decimal(octets, numbers[i]), expected);
        snprintf(expected, sizeof expected, "Content-Length: %llu\r\n", (unsigned long long)numbers[i]);
        is(octets, h1_put_length(octets, numbers[i]), expected);
        assert_true(strlen(expected) <= H1_LENGTH_LINE_SIZE_MAX);
    }
}

static void chunk_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        char octets[64], expected[64];
        snprintf(expected, sizeof expected, "%llx\r\n", (unsigned long long)numbers[i]);
        is(octets, h1_put_chunk_line(octets, numbers[i]), expected);
        assert_true(strlen(expected) <= H1_CHUNK_LINE_SIZE_MAX);
    }
}

static void chunks_read_back(void **state)
{
    (void)state;
    char octets[256], *to = octets;
    to = h1_put_chunk_line(to, 3);
    to = H1_PUT(to, "abc\r\n");
    to = H1_PUT(to, "0\r\n");
    struct h1_chunked chunked;
    h1_chunked_init(&chunked, 100, false);
    size_t size = (size_t)(to - octets);
    struct h1_chunked_step step = h1_chunked_step(&chunked, octets, size, SIZE_MAX);
    assert_int_equal(step.event, H1_CHUNKED_DATA);
    assert_int_equal(step.data.len, 3);
    step = h1_chunked_step(&chunked, octets + step.used, size - step.used, SIZE_MAX);
    assert_int_equal(step.event, H1_CHUNKED_END);
}

static void status_lines(void **state)
{
    (void)state;
    char octets[128];
    is(octets, h1_put_status_line(octets, 200, WEIR_STR("OK")), "HTTP/1.1 200 OK\r\n");
    is(octets, h1_put_status_line(octets, 999, WEIR_STR("a b")), "HTTP/1.1 999 a b\r\n");
    /* The blank before an empty reason is part of the line (RFC 9112, 4). */
    is(octets, h1_put_status_line(octets, 100, (weir_str){.ptr = NULL}), "HTTP/1.1 100 \r\n");
    assert_int_equal(h1_put_status_line(octets, 100, (weir_str){.ptr = NULL}) - octets, H1_STATUS_LINE_OVERHEAD);
}

static void heads_read_back(void **state)
{
    (void)state;
    const weir_fields fields = WEIR_FIELDS({WEIR_STR("X-a"), WEIR_STR("1")}, {WEIR_STR("x-A"), WEIR_STR("")},
                                           {WEIR_STR("Z"), WEIR_STR("b, \"c\"")});
    const struct http_head_limits limits = {.line_size_max = 100, .head_size_max = 1000, .field_count_max = 10};
    char octets[256], *to = h1_put_request_line(octets, WEIR_STR("GET"), WEIR_STR("/x"));
    to = h1_put_field(to, (weir_field){WEIR_STR("Host"), WEIR_STR("a")});
    char *before = to;
    for (size_t i = 0; i < fields.count; i++)
        to = h1_put_field(to, fields.list[i]);
    assert_int_equal(to - before, h1_fields_size(fields));
    to = h1_put_length(to, 7);
    to = H1_PUT(to, "\r\n");

    weir_field room[10];
    struct http_head head = {.fields = room, .field_capacity = 10};
    assert_int_equal(h1_head_parse_request(&head, octets, (size_t)(to - octets), &limits, false, NULL), to - octets);
    assert_true(weir_str_equal(head.method, WEIR_STR("GET")) && weir_str_equal(head.target, WEIR_STR("/x")));
    assert_int_equal(head.field_count, fields.count + 2);
    for (size_t i = 0; i < fields.count; i++) {
        assert_true(weir_str_equal(head.fields[i + 1].name, fields.list[i].name));
        assert_true(weir_str_equal(head.fields[i + 1].value, fields.list[i].value));
    }
    assert_true(head.has_length && head.length == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_and_lengths), cmocka_unit_test(chunk_lines),     cmocka_unit_test(chunks_read_back),
        cmocka_unit_test(status_lines),         cmocka_unit_test(heads_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
