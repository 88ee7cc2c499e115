/* Goal: chunked bodies come apart as RFC 9112, 7.1 says, and nothing that two readers could read in two ways is taken.
 * Method: a table of bodies, each whole, octet by octet and cut by a printed seed (chunked_check.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "h1/chunked_check.h"

#define EXTENSION_MAX 16

static uint32_t seed;

struct body {
    const char *text;
    size_t size;
    weir_code code; /* WEIR_OK: ended; WEIR_CODE_COUNT: needs more */
    const char *content;
    size_t left; /* octets after the end */
};
#define WEIR_CODE_MORE WEIR_CODE_COUNT
#define BODY(text, code, content, left)                                                                                \
    {                                                                                                                  \
        text, sizeof(text) - 1, WEIR_CODE_##code, content, left                                                        \
    }

static void check(const struct body *body, bool lenient)
{
    struct chunked_outcome out = chunked_check(body->text, body->size, EXTENSION_MAX, lenient, seed);
    enum h1_chunked_event due = body->code == WEIR_OK           ? H1_CHUNKED_END
                                : body->code == WEIR_CODE_COUNT ? H1_CHUNKED_NEED_MORE
                                                                : H1_CHUNKED_ERROR;
    bool right = out.event == due && (due != H1_CHUNKED_ERROR || out.code == body->code) &&
                 out.size == strlen(body->content) && memcmp(out.content, body->content, out.size) == 0 &&
                 (due != H1_CHUNKED_END || out.used == body->size - body->left);
    if (!right)
        fail_msg("\"%s\": event %d, code %s, %zu octets, %zu used", body->text, (int)out.event,
                 weir_code_name(out.code), out.size, out.used);
    free(out.content);
}

static void strict_bodies(void **state)
{
    (void)state;
    static const struct body rows[] = {
        BODY("0\r\n", ok, "", 0),
        BODY("0\r\n\r\n", ok, "", 2),
        BODY("0000000000000000\r\na: b\r\n\r\n", ok, "", 8),
        BODY("5\r\nhello\r\n0\r\n\r\nGET", ok, "hello", 5),
        BODY("1\r\na\r\n2\r\nbc\r\n0A\r\n0123456789\r\n0\r\n", ok, "abc0123456789", 0),
        BODY("00000000000000a\r\n0123456789\r\n0\r\n", ok, "0123456789", 0),
        BODY("3\r\n\r\n0\r\n0\r\n", ok, "\r\n0", 0),
        BODY("", MORE, "", 0),
        BODY("5\r\nhel", MORE, "hel", 0),
        BODY("5\r\nhello\r\n", MORE, "hello", 0),
        BODY("FFFFFFFFFFFFFFFF\r\na", MORE, "a", 0),
        /* extensions */
        BODY("1;a\r\nx\r\n0;b=\"c\"\r\n", ok, "x", 0),
        BODY("1 \t;a=b\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1;12345678901234\r\nx\r\n0;\r\n", bad_chunk, "x", 0),
        BODY("1;1234567890123\r\nx\r\n0;a\r\n", ok, "x", 0),
        BODY("1;12345678901234\r\nx\r\n0;a\r\n", chunk_extensions_too_large, "x", 0),
        BODY("1;a;b=c;d\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1; \ta \t= \tb ; c\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1 ; a = \"b\" ;c\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1;a=\"\"\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1;a=\"\\\"\\\\;\xff\t\"\r\nx\r\n0\r\n", ok, "x", 0),
        BODY("1;\r\nx\r\n", bad_chunk, "", 0),
        BODY("1; \r\nx\r\n", bad_chunk, "", 0),
        BODY("1;;a\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;=a\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a= \r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=;b\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a==b\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=b=c\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a b\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=b c\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a\"b\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=b\"c\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;\"a\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"b\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"b\\\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"b\\\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"b\"c\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"\x01\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"\\\x01\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a/b\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=b \r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a \r\nx\r\n", bad_chunk, "", 0),
        BODY("1                 ", chunk_extensions_too_large, "", 0),
        BODY("1;a\0\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a\rb\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a\nx\r\n", bad_chunk, "", 0),
        BODY("1;a=\"\n\"\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;a\x7f\r\nx\r\n", bad_chunk, "", 0),
        BODY("1;\xff\r\nx\r\n0\r\n", bad_chunk, "", 0),
        /* sizes */
        BODY("\r\n", bad_chunk, "", 0),
        BODY(";a\r\n", bad_chunk, "", 0),
        BODY(" 1\r\na\r\n", bad_chunk, "", 0),
        BODY("+1\r\na\r\n", bad_chunk, "", 0),
        BODY("-1\r\na\r\n", bad_chunk, "", 0),
        BODY("0x1\r\na\r\n", bad_chunk, "", 0),
        BODY("1_0\r\na\r\n", bad_chunk, "", 0),
        BODY("g\r\n", bad_chunk, "", 0),
        BODY("1g\r\n", bad_chunk, "", 0),
        BODY("1 A\r\na\r\n", bad_chunk, "", 0),
        BODY("1 \r\na\r\n", bad_chunk, "", 0),
        BODY("1,\r\na\r\n", bad_chunk, "", 0),
        BODY("00000000000000001\r\na\r\n", bad_chunk, "", 0),
        BODY("f0000000000000003\r\nabc\r\n", bad_chunk, "", 0),
        BODY("1\0\r\na\r\n", bad_chunk, "", 0),
        /* line ends */
        BODY("1\na\r\n", bad_chunk, "", 0),
        BODY("1\ra\r\n", bad_chunk, "", 0),
        BODY("1\r\r\na\r\n", bad_chunk, "", 0),
        BODY("1\r\nab\r\n", bad_chunk, "a", 0),
        BODY("1\r\na\n", bad_chunk, "a", 0),
        BODY("1\r\na\r0\r\n", bad_chunk, "a", 0),
        BODY("1\r\na0\r\n", bad_chunk, "a", 0),
        BODY("1\r\na\r\n\r\n", bad_chunk, "a", 0),
        BODY("0\n", bad_chunk, "", 0),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], false);
}

static void lenient_bodies(void **state)
{
    (void)state;
    static const struct body rows[] = {
        BODY("1\na\r\n0\r\n", bad_chunk, "", 0),
        BODY("1\r\na\n0\r\n", bad_chunk, "a", 0),
        BODY("1\r\na\r\n0\n", bad_chunk, "a", 0),
        BODY("1 \t\r\na\r\n0  \n", bad_chunk, "a", 0),
        BODY("1;a\nb\r\n0\r\n", bad_chunk, "", 0),
        BODY("1 \t\r\na\r\n0  \r\n", ok, "a", 0),
        BODY("1;a \t\r\na\r\n0;a=b \r\n", ok, "a", 0),
        BODY("1;a=\"b\" \r\na\r\n0\r\n", ok, "a", 0),
        BODY("1; \r\na\r\n0\r\n", bad_chunk, "", 0),
        BODY("1;a= \r\na\r\n0\r\n", bad_chunk, "", 0),
        BODY("1 A\r\na\r\n", bad_chunk, "", 0),
        BODY("\n", bad_chunk, "", 0),
        BODY("1\ra", bad_chunk, "", 0),
        BODY("1\r\na\rb", bad_chunk, "a", 0),
        BODY("00000000000000001\r\na\r\n", bad_chunk, "", 0),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], true);
}

static void no_more_than_asked_for(void **state)
{
    (void)state;
    struct h1_chunked chunked;
    h1_chunked_init(&chunked, EXTENSION_MAX, false);
    struct h1_chunked_step step = h1_chunked_step(&chunked, "5\r\nhello\r\n", 10, 0);
    assert_int_equal(step.event, H1_CHUNKED_DATA);
    assert_int_equal(step.data.len, 0);
    assert_int_equal(step.used, 3);
    step = h1_chunked_step(&chunked, "hello\r\n", 7, 2);
    assert_int_equal(step.data.len, 2);
    assert_int_equal(step.used, 2);
    step = h1_chunked_step(&chunked, "llo\r\n", 5, 9);
    assert_int_equal(step.data.len, 3);
    step = h1_chunked_step(&chunked, "\r\n0\r\n", 5, 0);
    assert_int_equal(step.event, H1_CHUNKED_END);
    assert_int_equal(step.used, 5);
}

/* Random texts of the octets that matter, so that the states meet in orders that nobody listed. */
static void any_octets(void **state)
{
    (void)state;
    static const char octets[] = "0123aF\r\n\r\n\r\n;; \t=\"x\x01\xff";
    uint32_t chance = seed;
    for (unsigned i = 0; i < 20000; i++) {
        char text[40];
        for (size_t j = 0; j < sizeof(text); j++) {
            chance = chance * 1664525U + 1013904223U;
            text[j] = octets[(chance >> 16) % (sizeof(octets) - 1)];
        }
        memcpy(text, i % 2 == 0 ? "3\r\nabc\r\n" : "2;a\r\nab\r\n", i % 4 * 2);
        free(chunked_check(text, sizeof(text), EXTENSION_MAX, i % 3 == 0, chance).content);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strict_bodies),
        cmocka_unit_test(lenient_bodies),
        cmocka_unit_test(no_more_than_asked_for),
        cmocka_unit_test(any_octets),
    };
    const char *given = getenv("SEED");
    seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : (uint32_t)time(NULL);
    print_message("SEED=%u\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
