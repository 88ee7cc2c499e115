/* Goal: a file of targets is read as it is written, or refused with the line and what was expected; each target is
 * drawn as often as its weight says. Method: files made here; every remainder of the sum of the weights is drawn
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "load/targets.h"

static char file_name[] = "/tmp/weir-targets-XXXXXX";
static struct load_request base;

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(file_name);
    return fd < 0 || close(fd) != 0 || !load_request_init(&base, "/") || !load_request_field(&base, "X-Base: 1");
}

static int tear_down(void **state)
{
    (void)state;
    load_request_fini(&base);
    return unlink(file_name);
}

static bool read_text(struct load_targets *targets, const char *text, char error[600])
{
    FILE *out = fopen(file_name, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0 && fclose(out) == 0);
    error[0] = '\0';
    return load_targets_read(targets, file_name, &base, "host:80", error, 600);
}

static void test_what_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        uint64_t upto;
        size_t fields;
    } rows[] = {{NULL, "/only", 1, 1}, {"GET", "/a?b=c", 6, 1},   {"DELETE", "/x", 6, 3}, {NULL, "/?q", 7, 1},
                {NULL, "/", 8, 1},     {"HEAD", "/quoted", 9, 1}, {"PUT", "/put", 10, 1}};
    struct load_targets t;
    char error[600], text[1000];
    (void)snprintf(text, sizeof(text),
                   "# a comment\n\n/only\n  GET /a?b=c weight=5  \r\n"
                   "DELETE http://host:80/x#fragment field='X-One: a b' field=X-Two:2 weight=0\n"
                   "http://HOST:80?q\nHTTP://host:80\nHEAD \"/quo\"ted \nPUT /put body=%s",
                   file_name);
    if (!read_text(&t, text, error))
        fail_msg("%s", error);
    assert_int_equal(t.count, sizeof(rows) / sizeof(rows[0]));
    for (size_t i = 0; i < t.count; i++) {
        assert_string_equal(t.list[i].path, rows[i].path);
        assert_true((t.list[i].method == NULL) == (rows[i].method == NULL));
        if (rows[i].method != NULL)
            assert_string_equal(t.list[i].method, rows[i].method);
        assert_int_equal(t.upto[i], rows[i].upto);
        assert_int_equal(t.list[i].field_count, rows[i].fields);
    }
    assert_memory_equal(t.list[2].fields[1].value.ptr, "a b", 3);
    assert_int_equal(t.list[6].body.len, strlen(text));
    load_targets_fini(&t);
}

static void test_weights(void **state)
{
    (void)state;
    static const uint64_t weights[] = {3, 0, 1, 7, 0, 2};
    uint64_t drawn[6] = {0};
    struct load_targets t;
    char error[600];
    assert_true(read_text(&t, "/0 weight=3\n/1 weight=0\n/2\n/3 weight=7\n/4 weight=0\n/5 weight=2\n", error));
    for (uint64_t number = 0; number < 26; number++)
        drawn[load_targets_draw(&t, number)]++;
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(drawn[i], 2 * weights[i]);
    load_targets_fini(&t);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *needle;
    } rows[] = {{"", "no target"},
                {"# nothing\n", "no target"},
                {"/a weight=0\n", "above 0"},
                {"/a\nGET\n", ":2: there is no URL"},
                {"GE(T /\n", ":1: the method is 'GE(T'"},
                {"\nftp://host/x\n", ":2: the URL is 'ftp://host/x'"},
                {"http://other:80/x\n", "one server, and this one is host:80"},
                {"/a weight=x\n", "weight is 'x'"},
                {"/a weight=-1\n", "weight is '-1'"},
                {"/a weight=1000001\n", "weight is '1000001'"},
                {"/a heavy\n", "'heavy' is not expected"},
                {"/a size=5\n", "the key is 'size'"},
                {"/a body=/no/such/file\n", "body is '/no/such/file': No such file"},
                {"/a field=no-colon\n", "field is 'no-colon'"},
                {"/a field='X: open\n", "a quote is not closed"},
                {"'/a b'\n", "the path is '/a b'"},
                {"/a field='Content-Length: 5'\n", "Content-Length"},
                {"\x1b[2J /\n", "'?[2J'"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load_targets t;
        char error[600];
        if (read_text(&t, rows[i].text, error) || strstr(error, file_name) == NULL ||
            strstr(error, rows[i].needle) == NULL)
            fail_msg("'%s' gives: %s", rows[i].text, error);
        load_targets_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
