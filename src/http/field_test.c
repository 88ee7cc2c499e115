/* Goal: fields are found in any case and in order, lists come apart as RFC 9110, 5.6.1 says, and nothing that a parser
 * would refuse counts as valid. Method: examples, and all 256 octets for validity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <weir/field.h>

static void fields_are_found(void **state)
{
    (void)state;
    weir_fields fields = WEIR_FIELDS({WEIR_STR("Accept"), WEIR_STR("a")}, {WEIR_STR("Empty"), {NULL, 0}},
                                     {WEIR_STR("aCCEPT"), WEIR_STR("b")});
    const weir_field *first = weir_fields_find(fields, WEIR_STR("ACCEPT"));
    assert_ptr_equal(first, &fields.list[0]);
    assert_ptr_equal(weir_fields_find_next(fields, first), &fields.list[2]);
    assert_null(weir_fields_find_next(fields, &fields.list[2]));
    assert_null(weir_fields_find(fields, WEIR_STR("Accep")));
    assert_null(weir_fields_find(WEIR_NO_FIELDS, WEIR_STR("Accept")));
    assert_int_equal(weir_fields_value(fields, WEIR_STR("accept")).len, 1);
    assert_non_null(weir_fields_value(fields, WEIR_STR("empty")).ptr);
    assert_null(weir_fields_value(fields, WEIR_STR("none")).ptr);
}

/* The members of a list, with `|` after each. */
static void check_list(const char *list, const char *due)
{
    char text[128] = "";
    weir_str rest = {list, strlen(list)};
    weir_str member;
    while (weir_list_next(&rest, &member)) {
        strncat(text, member.ptr, member.len);
        strcat(text, "|");
    }
    assert_string_equal(text, due);
    assert_false(weir_list_next(&rest, &member));
    assert_int_equal(member.len, 0);
}

static void lists_come_apart(void **state)
{
    (void)state;
    check_list("", "");
    check_list("a", "a|");
    check_list("a,b", "a|b|");
    check_list(" ,\t, a ,, b c\t,", "a|b c|");
    check_list("a=\"b,c\", d", "a=\"b,c\"|d|");
    check_list("\"a\\\",b\",c", "\"a\\\",b\"|c|");
    check_list("\"a,b", "\"a,b|");
    check_list("\"a\\", "\"a\\|");
    weir_str rest = {NULL, 0};
    weir_str member;
    assert_false(weir_list_next(&rest, &member));
}

static void validity(void **state)
{
    (void)state;
    assert_false(weir_field_name_valid(WEIR_STR("")));
    assert_false(weir_field_name_valid((weir_str){NULL, 0}));
    assert_true(weir_field_name_valid(WEIR_STR("X-A_b.9")));
    assert_true(weir_field_value_valid((weir_str){NULL, 0}));
    assert_true(weir_field_value_valid(WEIR_STR("a \t b")));
    assert_false(weir_field_value_valid(WEIR_STR(" a")));
    assert_false(weir_field_value_valid(WEIR_STR("a\t")));
    for (unsigned c = 0; c < 256; c++) {
        char text[20];
        memset(text, 'a', sizeof(text));
        text[7] = (char)c;
        weir_str view = {text, sizeof(text)};
        assert_int_equal(weir_field_value_valid(view), c == '\t' || (c >= ' ' && c != 0x7f));
        bool token = c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", (int)c) == NULL;
        assert_int_equal(weir_field_name_valid(view), token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(lists_come_apart),
        cmocka_unit_test(validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
