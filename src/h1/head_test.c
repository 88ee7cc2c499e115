/* Goal: heads are taken and refused as docs say and for the reason they say, however their octets are cut. Method:
 * tables of heads and verdicts, each run whole, cut at every octet, restarted and with a growing array
 * (head_check.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "h1/head_check.h"

#define H     "Host: a\r\n"
#define GET   "GET / HTTP/1.1\r\nHost: a\r\n"
#define OK200 "HTTP/1.1 200 OK\r\n"

static const struct http_head_limits usual = {.line_size_max = 8192, .head_size_max = 65536, .field_count_max = 100};

/* `code` WEIR_OK: taken, to its last octet; WEIR_CODE_COUNT: needs more. */
struct verdict {
    const char *text;
    size_t size;
    weir_code code;
};
#define VERDICT(text, code)                                                                                            \
    {                                                                                                                  \
        text, sizeof(text) - 1, WEIR_CODE_##code                                                                       \
    }
#define MORE           WEIR_CODE_COUNT
#define WEIR_CODE_MORE MORE

static uint32_t seed;

static int64_t run(enum h1_kind kind, bool lenient, const char *text, size_t size, struct http_head_limits limits)
{
    struct head_input input = {.kind = kind, .lenient = lenient, .octets = text, .size = size, .limits = limits};
    return head_check(&input, seed);
}

static void check_all(enum h1_kind kind, bool lenient, const struct verdict *rows, size_t count)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t result = run(kind, lenient, rows[i].text, rows[i].size, usual);
        int64_t due = rows[i].code == WEIR_OK ? (int64_t)rows[i].size
                      : rows[i].code == MORE  ? H1_HEAD_INCOMPLETE
                                              : h1_head_error(rows[i].code);
        if (result != due) {
            print_error("\"%s\": %lld, not %lld (%s)\n", rows[i].text, (long long)result, (long long)due,
                        rows[i].code == MORE ? "more" : weir_code_name(rows[i].code));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}
#define CHECK_ALL(kind, lenient, rows) check_all(kind, lenient, rows, sizeof(rows) / sizeof((rows)[0]))

static void strict_requests(void **state)
{
    (void)state;
    static const struct verdict rows[] = {
        VERDICT(GET "\r\n", ok),
        VERDICT("", MORE),
        VERDICT("\r", MORE),
        VERDICT("GET / HTTP/1.1\r\n", MORE),
        VERDICT(GET, MORE),
        VERDICT(GET "\r", MORE),
        /* start line */
        VERDICT("\r\nGET / HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", bad_request_line),
        VERDICT("\nGET / HTTP/1.1\r\n" H "\r\n", bad_line_end),
        VERDICT("\rGET", bad_line_end),
        VERDICT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", bad_method),
        VERDICT("\x16", bad_method),
        VERDICT("\x80\x2e\x01\x03\x01", bad_method),
        VERDICT(" GET / HTTP/1.1\r\n\r\n", bad_method),
        VERDICT("G(T / HTTP/1.1\r\n\r\n", bad_method),
        VERDICT("GET\t/ HTTP/1.1\r\n\r\n", bad_method),
        VERDICT("GET\r\n", bad_request_line),
        VERDICT("GET /\r\n", bad_request_line),
        VERDICT("GET /\n", bad_request_line),
        VERDICT("GET  / HTTP/1.1\r\n", bad_request_line),
        VERDICT("GET \r\n", bad_request_line),
        VERDICT("GET /  HTTP/1.1\r\n", bad_version),
        VERDICT("GET / a HTTP/1.1\r\n", bad_version),
        VERDICT("GET / HTTP/1.1 \r\n", bad_version),
        VERDICT("GET / http/1.1\r\n", bad_version),
        VERDICT("GET / HTTP/1\r\n", bad_version),
        VERDICT("GET / HTTP/1.10\r\n", bad_version),
        VERDICT("GET / HTTP/11.1\r\n", bad_version),
        VERDICT("GET / HTTP/1,1\r\n", bad_version),
        VERDICT("GET / HTTP/1.\r\n", bad_version),
        VERDICT("GET / HTTP/+1.1\r\n", bad_version),
        VERDICT("GET / ICY/1.1\r\n", bad_version),
        VERDICT("GET / HTTP/0.9\r\n", version_unsupported),
        VERDICT("GET / HTTP/2.0\r\n", version_unsupported),
        VERDICT("GET / HTTP/3.0", version_unsupported),
        VERDICT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", http2_preface),
        VERDICT("PRI * HTTP/1.1\r\n" H "\r\n", bad_target),
        VERDICT("PRI * HTTP/3.0\r\n", version_unsupported),
        VERDICT("PRI / HTTP/2.0\r\n", version_unsupported),
        VERDICT("GET / HTTP/1.1\n" H "\r\n", bad_line_end),
        VERDICT("GET / HTTP/1.1\r" H "\r\n", bad_line_end),
        VERDICT("GET / HTTP/1.1\r\r\n" H "\r\n", bad_line_end),
        VERDICT("get / HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("M-SEARCH / HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("GET / HTTP/1.2\r\n" H "\r\n", ok),
        VERDICT("GET / HTTP/1.0\r\n\r\n", ok),
        /* target */
        VERDICT("GET * HTTP/1.1\r\n", bad_target),
        VERDICT("OPTIONS * HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("OPTIONS /* HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("GET a:1 HTTP/1.1\r\n", bad_target),
        VERDICT("CONNECT a:1 HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("CONNECT / HTTP/1.1\r\n", bad_target),
        VERDICT("CONNECT a HTTP/1.1\r\n", bad_target),
        VERDICT("GET http://a/b HTTP/1.1\r\n" H "\r\n", ok),
        VERDICT("GET http://u@a/b HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a#b HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a\x01 HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a\0 HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a\tb HTTP/1.1\r\n", bad_target),
        VERDICT("GET /\xc3\xa4 HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a\x7f HTTP/1.1\r\n", bad_target),
        VERDICT("GET /a?b=c&{d}|\"e\" HTTP/1.1\r\n" H "\r\n", ok),
        /* field lines */
        VERDICT(GET "a:b\r\n\r\n", ok),
        VERDICT(GET "a:\r\n\r\n", ok),
        VERDICT(GET "a: \t \r\n\r\n", ok),
        VERDICT(GET "a: b\tc \r\n\r\n", ok),
        VERDICT(GET "a: \xe4\xff\r\n\r\n", ok),
        VERDICT(GET "a: b:c\r\n\r\n", ok),
        VERDICT(GET "a b: c\r\n\r\n", bad_field_name),
        VERDICT(GET "a : c\r\n\r\n", bad_field_name),
        VERDICT(GET "a\t: c\r\n\r\n", bad_field_name),
        VERDICT(GET ": c\r\n\r\n", bad_field_name),
        VERDICT(GET "a\r\n\r\n", bad_field_name),
        VERDICT(GET "a\0: c\r\n\r\n", bad_field_name),
        VERDICT(GET "\xe4: c\r\n\r\n", bad_field_name),
        VERDICT(GET "(a): c\r\n\r\n", bad_field_name),
        VERDICT(GET "\x01", bad_field_name),
        VERDICT(GET "a: b\0c\r\n\r\n", bad_field_value),
        VERDICT(GET "a: b\x7f\r\n\r\n", bad_field_value),
        VERDICT(GET "a: \x1f\r\n\r\n", bad_field_value),
        VERDICT(GET "a: b\rc: d\r\n\r\n", bad_line_end),
        VERDICT(GET "a: b\r\r\n\r\n", bad_line_end),
        VERDICT(GET "a: b\nc: d\r\n\r\n", bad_line_end),
        VERDICT(GET "a: b\r\n b\r\n\r\n", folded_field),
        VERDICT(GET "a: b\r\n\tb\r\n\r\n", folded_field),
        VERDICT("GET / HTTP/1.1\r\n " H "\r\n", folded_field),
        VERDICT(GET "\n", bad_line_end),
        VERDICT(GET "\rx", bad_line_end),
        /* Host */
        VERDICT("GET / HTTP/1.1\r\n\r\n", missing_host),
        VERDICT("GET / HTTP/1.2\r\n\r\n", missing_host),
        VERDICT("GET http://a/ HTTP/1.1\r\n\r\n", missing_host),
        VERDICT(GET H "\r\n", bad_host),
        VERDICT("GET / HTTP/1.0\r\n" H "hOST: a\r\n\r\n", bad_host),
        VERDICT("GET / HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n", bad_host),
        VERDICT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad_host),
        VERDICT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad_host),
        VERDICT("GET / HTTP/1.0\r\nHost: a@b\r\n\r\n", bad_host),
        VERDICT("GET / HTTP/1.1\r\nHost:\r\n\r\n", ok),
        VERDICT("GET / HTTP/1.1\r\nHOST: [::1]:80\r\n\r\n", ok),
        /* Content-Length */
        VERDICT(GET "Content-Length: 0005\r\n\r\n", ok),
        VERDICT(GET "Content-Length: 5\r\ncontent-length: 5\r\n\r\n", ok),
        VERDICT(GET "Content-Length: 5, 5 ,05\r\n\r\n", ok),
        VERDICT(GET "Content-Length: 9223372036854775807\r\n\r\n", ok),
        VERDICT(GET "Content-Length: 9223372036854775808\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 18446744073709551616\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 99999999999999999999999999999\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5, 6\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5,\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: ,5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5,,5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length:\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: +5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: -5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5 5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 0x5\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: a\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5.0\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: 5_0\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length: \"5\"\r\n\r\n", bad_content_length),
        VERDICT(GET "Content-Length : 5\r\n\r\n", bad_field_name),
        /* Transfer-Encoding */
        VERDICT(GET "Transfer-Encoding: chunked\r\n\r\n", ok),
        VERDICT(GET "transfer-encoding:\tCHUNKED \r\n\r\n", ok),
        VERDICT(GET "Transfer-Encoding: ,chunked,\r\n\r\n", ok),
        VERDICT(GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", conflicting_length),
        VERDICT(GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", conflicting_length),
        VERDICT(GET "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", conflicting_length),
        VERDICT(GET "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n", bad_content_length),
        VERDICT("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked, chunked\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked, gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding:\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: ,\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: xchunked\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunkedx\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked;q=1\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: \"chunked\"\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: 'chunked'\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: chunked gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: x\x0b"
                    "chunked\r\n\r\n",
                bad_field_value),
        VERDICT(GET "Transfer-Encoding\x0b: chunked\r\n\r\n", bad_field_name),
        VERDICT(GET "Transfer-Encoding: gzip, chunked\r\n\r\n", unknown_transfer_coding),
        VERDICT(GET "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", unknown_transfer_coding),
        VERDICT(GET "Transfer-Encoding: a;b=\"c,chunked\", chunked\r\n\r\n", unknown_transfer_coding),
        VERDICT(GET "Transfer-Encoding: \"a, chunked\r\n\r\n", bad_transfer_encoding),
        /* Expect */
        VERDICT(GET "Expect: 100-Continue\r\n\r\n", ok),
        VERDICT(GET "Expect:\r\n\r\n", ok),
        VERDICT(GET "Expect: 100-continue, x\r\n\r\n", expectation_failed),
        VERDICT(GET "Expect: 200-ok\r\n\r\n", expectation_failed),
    };
    CHECK_ALL(H1_KIND_REQUEST, false, rows);
}

static void lenient_requests(void **state)
{
    (void)state;
    static const struct verdict rows[] = {
        VERDICT("GET / HTTP/1.1\nHost: a\n\n", ok),
        VERDICT("\nGET / HTTP/1.1\r\nHost: a\nb: c\r\n\n", ok),
        VERDICT("GET / HTTP/1.1\nHost: a\n\r\n", ok),
        VERDICT("GET / HTTP/1.1\rHost: a\n\n", bad_line_end),
        VERDICT("GET /\n", bad_request_line),
        VERDICT(GET "a: b\r\n c\r\n\r\n", folded_field),
        VERDICT(GET "a : b\r\n\r\n", bad_field_name),
        VERDICT(GET "a\n", bad_field_name),
        VERDICT("GET / HTTP/1.1\r\n\r\n", missing_host),
        VERDICT(GET "Transfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Transfer-Encoding: identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(GET "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", conflicting_length),
    };
    CHECK_ALL(H1_KIND_REQUEST, true, rows);
}

static void strict_responses(void **state)
{
    (void)state;
    static const struct verdict rows[] = {
        VERDICT(OK200 "\r\n", ok),
        VERDICT("HTTP/1.1 200 \r\n\r\n", ok),
        VERDICT("HTTP/1.0 599 A long\treason \xe4\r\n\r\n", ok),
        VERDICT("HTTP/1.7 999 x\r\n\r\n", ok),
        VERDICT("HTTP/1.1 200\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 099 x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 20 x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 2000 x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1  200 x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1\t200 x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 200\tx\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 200 a\0\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 2x0 a\r\n\r\n", bad_status_line),
        VERDICT("HTTP/2 200 OK\r\n\r\n", bad_status_line),
        VERDICT("HTTP/2.0 200 OK\r\n\r\n", version_unsupported),
        VERDICT("ICY 200 OK\r\n\r\n", bad_status_line),
        VERDICT("SSH-2.0-x\r\n", bad_status_line),
        VERDICT("\r\n" OK200 "\r\n", bad_status_line),
        VERDICT("HTTP/1.1 200 OK\n\r\n", bad_line_end),
        VERDICT("HTTP/1.1 200 O\rK\r\n\r\n", bad_line_end),
        VERDICT(OK200 "a: b\r\n c\r\n\r\n", folded_field),
        VERDICT(OK200 "a: b\n\r\n", bad_line_end),
        VERDICT(OK200 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", conflicting_length),
        VERDICT(OK200 "Transfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Host: a b\r\nExpect: x\r\n\r\n", ok),
    };
    CHECK_ALL(H1_KIND_RESPONSE, false, rows);
}

static void lenient_responses(void **state)
{
    (void)state;
    static const struct verdict rows[] = {
        VERDICT("HTTP/1.1 200\r\n\r\n", ok),
        VERDICT("HTTP/1.1 200\n\n", ok),
        VERDICT("HTTP/1.1 200x\r\n\r\n", bad_status_line),
        VERDICT("HTTP/1.1 200 OK\na: b\n\n", ok),
        VERDICT(OK200 "a: b\r\n", MORE),
        VERDICT(OK200 "a: b\r\n  c\r\n \r\n\td\r\n\r\n", ok),
        VERDICT(OK200 "a:\r\n b\r\nc:\r\n \r\n\r\n", ok),
        VERDICT(OK200 "a: b\n c\n\n", ok),
        VERDICT(OK200 "a: b\r\n c\0\r\n\r\n", bad_field_value),
        VERDICT(OK200 "a: b\r\n c\rd\r\n\r\n", bad_line_end),
        VERDICT(OK200 " a: b\r\n\r\n", folded_field),
        VERDICT(OK200 "a : b\r\n\r\n", bad_field_name),
        VERDICT(OK200 "Content-Length: 5\r\n 6\r\n\r\n", bad_content_length),
        VERDICT(OK200 "Content-Length:\r\n 5\r\n\r\n", ok),
        VERDICT(OK200 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", ok),
        VERDICT(OK200 "Transfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: x\r\nConnection: close\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: chunked, gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: chunked, identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: gzip, identity\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: identity;q=1\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: identity, chunked\r\n\r\n", unknown_transfer_coding),
        VERDICT(OK200 "Transfer-Encoding: Identity\r\n\r\n", ok),
        VERDICT(OK200 "Transfer-Encoding: chunked, chunked\r\n\r\n", bad_transfer_encoding),
        VERDICT(OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n", unknown_transfer_coding),
        VERDICT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bad_transfer_encoding),
    };
    CHECK_ALL(H1_KIND_RESPONSE, true, rows);
}

static void trailers(void **state)
{
    (void)state;
    static const struct verdict strict[] = {
        VERDICT("\r\n", ok),
        VERDICT("Grpc-Status: 0\r\nDigest: a=b\r\n\r\n", ok),
        VERDICT("a", MORE),
        VERDICT("\n", bad_trailer),
        VERDICT("a: b\n\r\n", bad_trailer),
        VERDICT("a : b\r\n\r\n", bad_trailer),
        VERDICT("a: b\r\n c\r\n\r\n", bad_trailer),
        VERDICT("a: \x01\r\n\r\n", bad_trailer),
        VERDICT("Content-Length: 5\r\n\r\n", bad_trailer),
        VERDICT("a: b\r\ntransfer-encoding: chunked\r\n\r\n", bad_trailer),
        VERDICT("HOST: a\r\n\r\n", ok),
        VERDICT("Proxy-Authorization: a\r\n\r\n", ok),
        VERDICT("If-Unmodified-Since: a\r\n\r\n", ok),
    };
    static const struct verdict lenient[] = {
        VERDICT("\r\n", ok),
        VERDICT("a: b\r\n c\r\n\r\n", ok),
        VERDICT("\n", bad_trailer),
        VERDICT("a: b\n\r\n", bad_trailer),
        VERDICT("a: b\r\n\n", bad_trailer),
        VERDICT("a: b\r\n c\n\r\n", bad_trailer),
        VERDICT("TE: a\r\n\r\n", ok),
        VERDICT("Content-Length: 5\r\n\r\n", bad_trailer),
    };
    CHECK_ALL(H1_KIND_TRAILERS, false, strict);
    CHECK_ALL(H1_KIND_TRAILERS, true, lenient);
}

/* Parses text in memory of its own that stays until the next call. */
/* What may not be a trailer is left out, wherever it stands, and counted; the others keep their order. */
static void trailers_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *names;
        size_t dropped;
    } rows[] = {
        {"\r\n", "", 0},
        {"a: 1\r\nb: 2\r\n\r\n", "ab", 0},
        {"Host: x\r\n\r\n", "", 1},
        {"Host: x\r\na: 1\r\nSet-Cookie: y\r\nAuthorization: z\r\nb: 2\r\nTE: x\r\n\r\n", "ab", 4},
        {"a: 1\r\nHost: x\r\nHost: x\r\n\r\n", "a", 2},
        {"a: 1\r\nhosts: x\r\n\r\n", "ah", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        weir_field fields[8];
        char octets[128];
        struct http_head head = {.fields = fields, .field_capacity = 8};
        size_t size = strlen(rows[i].text);
        memcpy(octets, rows[i].text, size);
        assert_int_equal(h1_head_parse_trailers(&head, octets, size, &usual, i % 2), size);
        assert_int_equal(head.field_count, strlen(rows[i].names));
        assert_int_equal(head.dropped_count, rows[i].dropped);
        for (size_t j = 0; j < head.field_count; j++)
            assert_int_equal(fields[j].name.ptr[0], rows[i].names[j]);
    }
    /* They count for the limit all the same. */
    weir_field fields[8];
    struct http_head head = {.fields = fields, .field_capacity = 8};
    const struct http_head_limits two = {.line_size_max = 100, .head_size_max = 1000, .field_count_max = 2};
    char octets[] = "Host: x\r\nHost: x\r\nHost: x\r\n\r\n";
    assert_int_equal(h1_head_parse_trailers(&head, octets, sizeof octets - 1, &two, false),
                     h1_head_error(WEIR_CODE_trailers_too_large));
}

static struct http_head parsed(enum h1_kind kind, bool lenient, const char *text)
{
    static char octets[2048];
    static weir_field fields[16];
    struct http_head head = {.fields = fields, .field_capacity = 16};
    struct head_input input = {.kind = kind, .lenient = lenient, .limits = usual};
    size_t size = strlen(text);
    memcpy(octets, text, size);
    assert_int_equal(head_parse(&input, &head, octets, size), size);
    return head;
}

static void assert_text(weir_str text, const char *due)
{
    assert_int_equal(text.len, strlen(due));
    assert_memory_equal(text.ptr, due, text.len);
}

static void what_a_request_says(void **state)
{
    (void)state;
    struct http_head head = parsed(H1_KIND_REQUEST, false,
                                   "PUT /a?b HTTP/1.1\r\nhOst:  Ex.org:1 \r\nX-a:\r\nCONTENT-length: 42\r\n"
                                   "Connection: x, Upgrade ,keep-Alive\r\nUpgrade: w/1\r\nExpect: 100-continue\r\n"
                                   "TE: deflate;q=0, Trailers\r\n\r\n");
    assert_text(head.method, "PUT");
    assert_text(head.target, "/a?b");
    assert_text(head.host, "Ex.org:1");
    assert_int_equal(head.version, 11);
    assert_int_equal(head.field_count, 7);
    assert_text(head.fields[0].name, "hOst");
    assert_text(head.fields[1].name, "X-a");
    assert_text(head.fields[1].value, "");
    assert_true(head.has_length && head.length == 42 && !head.chunked);
    assert_true(head.upgrade && head.keep_alive && !head.close && head.expect_continue && head.te_trailers);

    head = parsed(H1_KIND_REQUEST, false,
                  "GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nConnection: close\r\nUpgrade: a\r\n"
                  "Expect: 100-continue\r\n\r\n");
    assert_true(head.version == 10 && head.host.ptr == NULL && head.close);
    assert_true(!head.keep_alive && !head.upgrade && !head.expect_continue && !head.has_length);

    head = parsed(H1_KIND_REQUEST, false, GET "Upgrade: a\r\nConnection: closed\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_true(!head.upgrade && !head.close && head.chunked);
    head = parsed(H1_KIND_REQUEST, false, "GET / HTTP/1.1\r\nHost:\r\n\r\n");
    assert_true(head.host.ptr != NULL && head.host.len == 0);
}

static void what_a_response_says(void **state)
{
    (void)state;
    struct http_head head =
        parsed(H1_KIND_RESPONSE, true,
               "HTTP/1.1 404 Not  Found \r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_int_equal(head.status, 404);
    assert_text(head.reason, "Not  Found ");
    assert_true(head.chunked && head.close && !head.has_length && head.length == 0);

    head = parsed(H1_KIND_RESPONSE, true, OK200 "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n");
    assert_true(!head.chunked && head.has_length && head.length == 5 && !head.close);

    head = parsed(H1_KIND_RESPONSE, true, OK200 "a: b \r\n\t c  d\r\n \r\n e\r\nf: g\r\n\r\n");
    assert_int_equal(head.field_count, 2);
    assert_text(head.fields[0].value, "b c  d e");
    assert_text(head.fields[1].value, "g");
}

static void check_limit(const char *text, struct http_head_limits limits, weir_code code)
{
    int64_t due = code == WEIR_OK ? (int64_t)strlen(text) : code == MORE ? 0 : h1_head_error(code);
    assert_int_equal(run(H1_KIND_REQUEST, false, text, strlen(text), limits), due);
}

static void limits_hold_to_the_octet(void **state)
{
    (void)state;
    const char *get = GET "\r\n"; /* a line of 14 octets, 27 in all, one field */
    check_limit(get, (struct http_head_limits){14, 27 + 32, 1}, WEIR_OK);
    check_limit(get, (struct http_head_limits){13, 27 + 32, 1}, WEIR_CODE_target_too_long);
    check_limit(get, (struct http_head_limits){14, 26 + 32, 1}, WEIR_CODE_head_too_large);
    check_limit(get, (struct http_head_limits){14, 27 + 32, 0}, WEIR_CODE_too_many_fields);
    check_limit(get, (struct http_head_limits){SIZE_MAX, SIZE_MAX, SIZE_MAX}, WEIR_OK);
    check_limit(get, (struct http_head_limits){0, 0, 0}, WEIR_CODE_head_too_large);
    check_limit("GET / HTTP/1.1", (struct http_head_limits){14, 1000, 9}, MORE);
    /* Without an end, they are refused as soon as the end cannot be within the limit. */
    check_limit("GET /abcdefghi", (struct http_head_limits){14, 1000, 9}, WEIR_CODE_target_too_long);
    check_limit("GET /abcdefgh", (struct http_head_limits){14, 1000, 9}, MORE);
    check_limit("AAAAAAAAAAAAAA", (struct http_head_limits){14, 1000, 9}, WEIR_CODE_target_too_long);
    check_limit(GET "a: bcdefghij", (struct http_head_limits){14, 37 + 64, 9}, WEIR_CODE_head_too_large);
    check_limit(GET "a: bcdefghij", (struct http_head_limits){14, 38 + 64, 9}, MORE);
    check_limit(GET "a: b\r\nc: d\r\n", (struct http_head_limits){14, 1000, 2}, WEIR_CODE_too_many_fields);

    struct http_head_limits tight = {14, 10 + 32, 1};
    assert_int_equal(run(H1_KIND_TRAILERS, false, "a: b\r\n\r\n", 8, tight), 8);
    assert_int_equal(run(H1_KIND_TRAILERS, false, "a: bcde\r\n\r\n", 11, tight),
                     h1_head_error(WEIR_CODE_trailers_too_large));
    assert_int_equal(run(H1_KIND_TRAILERS, false, "a:b\r\nc:d\r\n\r\n", 12, tight),
                     h1_head_error(WEIR_CODE_trailers_too_large));
}

static void status_lines_have_limits(void **state)
{
    (void)state;
    for (size_t max = 0; max < 24; max++) {
        struct http_head_limits limits = {max, 1000, 9};
        int64_t large = h1_head_error(WEIR_CODE_head_too_large);
        assert_int_equal(run(H1_KIND_RESPONSE, false, OK200 "\r\n", 19, limits), max < 15 ? large : 19);
        assert_int_equal(run(H1_KIND_RESPONSE, true, "HTTP/1.1 200\n\n", 14, limits), max < 12 ? large : 14);
    }
}

/* Mutations of good heads, so that also what nobody thought of is cut everywhere. */
static void any_octets(void **state)
{
    (void)state;
    static const char *const good[] = {
        GET "Content-Length: 5\r\nConnection: close\r\n\r\n",
        OK200 "Transfer-Encoding: chunked\r\nx: y\r\n z\r\n\r\n",
        "Etag: a\r\nDigest: b\r\n\r\n",
    };
    static const char octets[] = "\r\n\r\n \t:,;\0\x7f\xff\x01"
                                 "aZ09/";
    uint32_t chance = seed;
    for (unsigned i = 0; i < 3000; i++) {
        char text[128];
        size_t size = strlen(good[i % 3]);
        memcpy(text, good[i % 3], size);
        for (unsigned changes = 0; changes < 1 + i % 4; changes++) {
            chance = chance * 1664525U + 1013904223U;
            text[(chance >> 8) % size] = octets[(chance >> 24) % (sizeof(octets) - 1)];
        }
        run((enum h1_kind)(i % 3), i % 2 == 0, text, size, usual);
    }
}

static void methods(void **state)
{
    (void)state;
    const struct http_head_limits limits = {.line_size_max = 6, .head_size_max = 100, .field_count_max = 1};
    static const struct {
        const char *text, *strict, *lenient;
    } rows[] = {
        {"GET /", "GET", "GET"},
        {"HEAD ", "HEAD", "HEAD"},
        {"HEAD", "", ""},
        {"", "", ""},
        {"\r\nA b", "A", "A"},
        {"\nA b", "", "A"},
        {"\r\n\r\nA b", "", ""},
        {"\rA b", "", ""},
        {" A b", "", ""},
        {"A\tb", "", ""},
        {"A\r\n", "", ""},
        {"(A b", "", ""},
        {"ABCDE /", "ABCDE", "ABCDE"},
        {"ABCDEF /", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int lenient = 0; lenient <= 1; lenient++) {
            const char *expected = lenient ? rows[i].lenient : rows[i].strict;
            weir_str method = h1_head_method(rows[i].text, strlen(rows[i].text), &limits, lenient);
            assert_int_equal(method.len, strlen(expected));
            assert_true(method.len == 0 || memcmp(method.ptr, expected, method.len) == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_requests),
        cmocka_unit_test(lenient_requests),
        cmocka_unit_test(strict_responses),
        cmocka_unit_test(lenient_responses),
        cmocka_unit_test(trailers),
        cmocka_unit_test(trailers_left_out),
        cmocka_unit_test(what_a_request_says),
        cmocka_unit_test(what_a_response_says),
        cmocka_unit_test(limits_hold_to_the_octet),
        cmocka_unit_test(status_lines_have_limits),
        cmocka_unit_test(any_octets),
        cmocka_unit_test(methods),
    };
    const char *given = getenv("SEED");
    seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL);
    print_message("SEED=%u\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
