/* Goal: each way in which our parsers and http-parser differ is as docs/fuzzing.md tells it. Method: the example of
 * each class differs, and is of that class and no other before it; the page holds the table that is printed from the
 * classes; and messages that nobody quarrels about are read alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "h1/other_parser_check.h"

static struct message ours, theirs;

/* 101 fields: of a limit of ours. */
static const char *too_many_fields(void)
{
    static char text[2048];
    size_t at = (size_t)snprintf(text, sizeof text, OTHER_REQUEST);
    for (unsigned i = 0; i < MESSAGE_FIELDS_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "X: y\r\n");
    snprintf(text + at, sizeof text - at, "\r\n");
    return text;
}

static void every_class_has_an_example(void **state)
{
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < OTHER_CLASS_COUNT; i++) {
        const struct other_class *class = &other_classes[i];
        const char *example = class->example != NULL ? class->example : too_many_fields();
        int found = other_compare(weir_str_from(example), class->request, &ours, &theirs);
        if (found == (int)i)
            continue;
        print_error("the example of \"%s\" is of class %d: we %d %s %zu, they %d %s %zu\n", class->input, found,
                    ours.kind, weir_code_name((weir_code)ours.code), ours.used, theirs.kind,
                    http_errno_name((enum http_errno)theirs.code), theirs.used);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void the_page_tells_them(void **state)
{
    static const char here[] = "src/h1/other_parser_test.c";
    static char page[1 << 17], table[1 << 15];
    char path[4096] = __FILE__;
    char *tail = strstr(path, here);
    (void)state;
    assert_non_null(tail);
    snprintf(tail, sizeof path - (size_t)(tail - path), "docs/fuzzing.md");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    assert_in_range(other_print(table, sizeof table), 1, sizeof table - 1);
    if (strstr(page, table) == NULL)
        fail_msg("docs/fuzzing.md does not hold this table as it is:\n%s", table);
}

static void what_nobody_quarrels_about(void **state)
{
    static const struct {
        bool request;
        enum message_kind kind;
        const char *octets;
    } rows[] = {
        {true, MESSAGE_WHOLE, OTHER_REQUEST "\r\n"},
        {true, MESSAGE_WHOLE, OTHER_REQUEST "Content-Length: 3\r\n\r\nabcGET"},
        {true, MESSAGE_WHOLE, OTHER_CHUNKED "A;b=c\r\n0123456789\r\n0\r\nT: u\r\n\r\nGET"},
        {true, MESSAGE_MORE, OTHER_CHUNKED "A\r\n0123"},
        {true, MESSAGE_REFUSED, OTHER_CHUNKED "g\r\n"},
        {true, MESSAGE_REFUSED, OTHER_REQUEST "Content-Length: -1\r\n\r\n"},
        {true, MESSAGE_REFUSED, OTHER_REQUEST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {false, MESSAGE_CLOSE, "HTTP/1.1 200 OK\r\n\r\nabc"},
        {false, MESSAGE_WHOLE, OTHER_ANSWER "1\r\na\r\n0\r\n\r\n"},
        {false, MESSAGE_REFUSED, "HTTP/1.1 2x0 OK\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(other_compare(weir_str_from(rows[i].octets), rows[i].request, &ours, &theirs), OTHER_SAME);
        assert_int_equal(ours.kind, rows[i].kind);
        assert_int_equal(theirs.kind, rows[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_an_example),
        cmocka_unit_test(the_page_tells_them),
        cmocka_unit_test(what_nobody_quarrels_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
