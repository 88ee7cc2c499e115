/* Goal: a head that was parsed with another one known is parsed as if none was. Method: two heads in one buffer, the
 * second the same as the first but for one octet, each octet in turn and each limit that can cut it; with and
 * without. */
#include "h1/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIELDS_MAX 20

static const char *const requests[] = {
    "GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
    "\r\nPOST * HTTP/1.0\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\n",
    "PUT /x HTTP/1.1\r\nhost: [::1]:80\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\nTE: trailers\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\nConnection: upgrade, close\r\nUpgrade: x\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    NULL,
};
static const char *const responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.0 404 \r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nX:  folded \r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    NULL,
};

static int64_t parse(struct http_head *head, bool request, char *octets, size_t size,
                     const struct http_head_limits *limits, struct h1_known *known)
{
    return request ? h1_head_parse_request(head, octets, size, limits, true, known)
                   : h1_head_parse_response(head, octets, size, limits, true, known);
}

static void same_view(weir_str a, weir_str b)
{
    assert_int_equal(a.len, b.len);
    assert_ptr_equal(a.ptr, b.ptr);
}

static void same_head(const struct http_head *a, const struct http_head *b)
{
    same_view(a->method, b->method);
    same_view(a->target, b->target);
    same_view(a->reason, b->reason);
    same_view(a->host, b->host);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->has_length, b->has_length);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->chunked, b->chunked);
    assert_int_equal(a->close, b->close);
    assert_int_equal(a->keep_alive, b->keep_alive);
    assert_int_equal(a->upgrade, b->upgrade);
    assert_int_equal(a->expect_continue, b->expect_continue);
    assert_int_equal(a->te_trailers, b->te_trailers);
    assert_int_equal(a->field_count, b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        same_view(a->fields[i].name, b->fields[i].name);
        same_view(a->fields[i].value, b->fields[i].value);
    }
}

/* The second head of the two in the buffer, `size` of its octets, after the first was learnt, and alone. */
static void check_second(bool request, char *octets, size_t first, size_t size, const struct http_head_limits *limits,
                         size_t capacity)
{
    struct h1_known known = {0};
    weir_field fields[FIELDS_MAX], others[FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = FIELDS_MAX}, alone;
    if (parse(&head, request, octets, first + size, limits, &known) != (int64_t)first)
        return;
    head.field_capacity = capacity;
    alone = (struct http_head){.fields = others, .field_capacity = capacity};
    int64_t result = parse(&alone, request, octets + first, size, limits, NULL);
    assert_int_equal(parse(&head, request, octets + first, size, limits, &known), result);
    if (result > 0)
        same_head(&head, &alone);
}

static void check_twice(bool request, const char *text)
{
    struct http_head_limits limits = {1000, 10000, FIELDS_MAX};
    size_t size = strlen(text);
    char *octets = malloc(2 * size);
    assert_non_null(octets);
    memcpy(octets, text, size);
    for (size_t at = 0; at <= size; at++) {
        memcpy(octets + size, text, size);
        check_second(request, octets, size, at, &limits, FIELDS_MAX);
        static const char other[] = " :\r\nxX0\t,";
        for (const char *c = other; at < size && *c != '\0'; c++) {
            octets[size + at] = *c;
            check_second(request, octets, size, size, &limits, FIELDS_MAX);
        }
    }
    memcpy(octets + size, text, size);
    for (limits.head_size_max = 1; limits.head_size_max < size + 400; limits.head_size_max++)
        check_second(request, octets, size, size, &limits, FIELDS_MAX);
    for (size_t capacity = 0; capacity < 6; capacity++)
        check_second(request, octets, size, size, &limits, capacity);
    free(octets);
}

static void test_known_or_not(void **state)
{
    (void)state;
    for (const char *const *text = requests; *text != NULL; text++)
        check_twice(true, *text);
    for (const char *const *text = responses; *text != NULL; text++)
        check_twice(false, *text);
}

/* What follows says nothing, so nothing is learnt for it. */
static void test_last_is_not_learnt(void **state)
{
    struct h1_known known = {0};
    struct http_head_limits limits = {1000, 10000, FIELDS_MAX};
    weir_field fields[FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = FIELDS_MAX};
    char octets[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    assert_true(parse(&head, true, octets, sizeof octets - 1, &limits, &known) > 0);
    assert_null(known.octets);
    assert_true(parse(&head, true, octets, sizeof octets, &limits, &known) > 0);
    assert_non_null(known.octets);
}

/* More fields than there is room for are parsed each time. */
static void test_too_many_to_know(void **state)
{
    struct h1_known known = {0};
    struct http_head_limits limits = {1000, 10000, FIELDS_MAX};
    weir_field fields[FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = FIELDS_MAX};
    char octets[256] = "HTTP/1.1 200 OK\r\n";
    (void)state;
    for (int i = 0; i <= H1_KNOWN_FIELDS_MAX; i++)
        strcat(octets, "A: b\r\n");
    strcat(octets, "\r\nx");
    assert_true(parse(&head, false, octets, strlen(octets), &limits, &known) > 0);
    assert_int_equal(head.field_count, H1_KNOWN_FIELDS_MAX + 1);
    assert_null(known.octets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_or_not),
        cmocka_unit_test(test_last_is_not_learnt),
        cmocka_unit_test(test_too_many_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
