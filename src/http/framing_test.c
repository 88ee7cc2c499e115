/* Goal: how the end of content is told follows RFC 9112, 6.3. Method: a table of heads and the framing they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "http/framing.h"

static void requests(void **state)
{
    (void)state;
    assert_int_equal(http_framing_of_request(false, false, 0).kind, HTTP_FRAMING_NONE);
    assert_int_equal(http_framing_of_request(false, true, 0).kind, HTTP_FRAMING_NONE);
    assert_int_equal(http_framing_of_request(true, false, 0).kind, HTTP_FRAMING_CHUNKED);
    struct http_framing framing = http_framing_of_request(false, true, UINT64_MAX >> 1);
    assert_int_equal(framing.kind, HTTP_FRAMING_LENGTH);
    assert_int_equal(framing.length, UINT64_MAX >> 1);
}

struct row {
    const char *method;
    unsigned status;
    bool chunked, has_length;
    uint64_t length;
    enum http_framing_kind kind;
};

static void responses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"GET", 200, false, false, 0, HTTP_FRAMING_CLOSE},      {"GET", 200, false, true, 0, HTTP_FRAMING_NONE},
        {"GET", 200, false, true, 5, HTTP_FRAMING_LENGTH},      {"GET", 200, true, false, 0, HTTP_FRAMING_CHUNKED},
        {"GET", 999, false, true, 5, HTTP_FRAMING_LENGTH},      {"GET", 205, false, true, 5, HTTP_FRAMING_LENGTH},
        {"HEAD", 200, true, false, 0, HTTP_FRAMING_NONE},       {"HEAD", 200, false, true, 5, HTTP_FRAMING_NONE},
        {"HEAD", 404, false, false, 0, HTTP_FRAMING_NONE},      {"head", 200, false, true, 5, HTTP_FRAMING_LENGTH},
        {"GET", 100, false, true, 5, HTTP_FRAMING_NONE},        {"GET", 103, true, false, 0, HTTP_FRAMING_NONE},
        {"GET", 204, false, true, 5, HTTP_FRAMING_NONE},        {"GET", 304, true, false, 0, HTTP_FRAMING_NONE},
        {"GET", 101, false, true, 5, HTTP_FRAMING_TUNNEL},      {"CONNECT", 200, false, true, 5, HTTP_FRAMING_TUNNEL},
        {"CONNECT", 204, false, false, 0, HTTP_FRAMING_TUNNEL}, {"CONNECT", 204, true, false, 0, HTTP_FRAMING_TUNNEL},
        {"CONNECT", 205, false, true, 0, HTTP_FRAMING_TUNNEL},  {"CONNECT", 199, false, false, 0, HTTP_FRAMING_NONE},
        {"CONNECT", 304, false, true, 5, HTTP_FRAMING_NONE},    {"CONNECT", 300, false, true, 5, HTTP_FRAMING_LENGTH},
        {"CONNECT", 299, true, false, 0, HTTP_FRAMING_TUNNEL},  {"CONNECT", 407, false, true, 5, HTTP_FRAMING_LENGTH},
        {"CONNECT", 502, false, false, 0, HTTP_FRAMING_CLOSE},  {"", 200, false, false, 0, HTTP_FRAMING_CLOSE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct http_framing framing = http_framing_of_response((weir_str){row->method, __builtin_strlen(row->method)},
                                                               row->status, row->chunked, row->has_length, row->length);
        assert_int_equal(framing.kind, row->kind);
        assert_int_equal(framing.length, row->kind == HTTP_FRAMING_LENGTH ? row->length : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests), cmocka_unit_test(responses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
