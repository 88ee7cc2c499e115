/* Goal: a multipart form gives the same parts in whatever pieces it comes, and what is malformed, cut or over a limit
 * is named at the same octet. Method: each form is read whole, split once at each octet, octet by octet, and in
 * random pieces of a printed seed, and what was told is compared as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <weir/form.h>

#define TYPE "multipart/form-data; boundary=XX"

/* What was told: "[name|filename|type|fields:data]" of each part, "." for the end, "!code" for what is wrong. */
static struct story {
    char told[8192];
    size_t size;
} story;

static void tell(const char *ptr, size_t len)
{
    assert_true(story.size + len < sizeof story.told);
    if (len > 0)
        memcpy(story.told + story.size, ptr, len);
    story.size += len;
    story.told[story.size] = '\0';
}

static void tell_view(weir_str view)
{
    if (view.ptr == NULL)
        tell("-", 1);
    else
        tell(view.ptr, view.len);
}

static void tell_part(const weir_form_part *part)
{
    char count[32];
    tell("[", 1);
    tell_view(part->name);
    tell("|", 1);
    tell_view(part->filename);
    tell("|", 1);
    tell_view(part->content_type);
    tell(count, (size_t)snprintf(count, sizeof count, "|%zu:", part->fields.count));
}

/* False once it is wrong. */
static bool feed(weir_form *form, weir_str octets)
{
    for (;;) {
        switch (weir_form_next(form, &octets)) {
        case WEIR_FORM_MORE:
            assert_int_equal(octets.len, 0);
            return true;
        case WEIR_FORM_PART:
            tell_part(weir_form_part_of(form));
            break;
        case WEIR_FORM_DATA:
            assert_true(weir_form_data(form).len > 0);
            tell_view(weir_form_data(form));
            break;
        case WEIR_FORM_PART_END:
            tell("]", 1);
            break;
        case WEIR_FORM_END:
            tell(".", 1);
            break;
        case WEIR_FORM_WRONG:
            return false;
        }
    }
}

static void finish(weir_form *form)
{
    weir_code code = weir_form_finish(form);
    assert_int_equal(weir_form_wrong(form), code);
    if (code != WEIR_OK) {
        tell("!", 1);
        tell(weir_code_name(code), strlen(weir_code_name(code)));
        weir_str none = {"x", 1};
        assert_int_equal(weir_form_next(form, &none), WEIR_FORM_WRONG);
    }
    weir_form_free(form);
}

static weir_form *form_new(const char *type, const weir_form_options *options)
{
    weir_form *form;
    story.size = 0;
    story.told[0] = '\0';
    assert_int_equal(weir_form_new(&form, weir_str_from(type), options), WEIR_OK);
    return form;
}

static uint64_t seed;

static size_t below(size_t bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((seed >> 33) % bound);
}

/* Pieces of one octet, or of chance. */
static void feed_pieces(weir_form *form, weir_str octets, bool by_chance)
{
    bool goes_on = true;
    while (goes_on && octets.len > 0) {
        size_t n = by_chance ? 1 + below(octets.len) : 1;
        char *piece = malloc(n); /* so that a sanitizer sees a view that is kept */
        memcpy(piece, octets.ptr, n);
        goes_on = feed(form, (weir_str){piece, n});
        free(piece);
        octets = (weir_str){octets.ptr + n, octets.len - n};
    }
    finish(form);
}

static void reads_of(const char *type, weir_str octets, const weir_form_options *options, const char *expected)
{
    weir_form *form = form_new(type, options);
    (void)feed(form, octets);
    finish(form);
    assert_string_equal(story.told, expected);
    for (size_t at = 0; at <= octets.len; at++) {
        form = form_new(type, options);
        if (feed(form, (weir_str){octets.ptr, at}))
            (void)feed(form, (weir_str){octets.ptr + at, octets.len - at});
        finish(form);
        assert_string_equal(story.told, expected);
    }
    for (int i = 0; i < 20; i++) {
        feed_pieces(form_new(type, options), octets, i > 0);
        assert_string_equal(story.told, expected);
    }
}

#define READS(octets, expected)               reads_of(TYPE, WEIR_STR(octets), NULL, expected)
#define READS_WITH(options, octets, expected) reads_of(TYPE, WEIR_STR(octets), options, expected)
#define A                                     "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"
#define DISPOSED(parameters, expected)                                                                                 \
    READS("--XX\r\nContent-Disposition: form-data" parameters "\r\n\r\n1\r\n--XX--", expected)

static void forms(void **state)
{
    (void)state;
    READS(A "1\r\n--XX--\r\n", "[a|-|-|1:1].");
    READS(A "1\r\n--XX--", "[a|-|-|1:1].");
    READS(A "\r\n--XX--\r\n", "[a|-|-|1:].");
    READS(A "--XX--\r\n", "[a|-|-|1:]."); /* the delimiter is the empty line's end */
    READS(A "1\r\n" A "2\r\n--XX--\r\n", "[a|-|-|1:1][a|-|-|1:2].");
    READS("--XX--", ".");
    READS("\r\n--XX--", ".");
    READS(
        "a preamble\r\n--X\r\n--XX \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--epilogue\r\n--XX\r\n",
        "[a|-|-|1:1].");
    READS("--XX\r\nX-One: 1\r\ncontent-type:  text/html \r\ncontent-disposition: FORM-DATA;filename=\"f\" ; "
          "NAME=n\r\n\r\n"
          "1\r\n--XX--",
          "[n|f|text/html|3:1].");
}

/* What looks like a delimiter, or begins like one, is content until the last octet says otherwise. */
static void almost_delimiters(void **state)
{
    (void)state;
    READS(A "\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\n--XX--XX\r--XX\r\n--XX--",
          "[a|-|-|1:\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\n--XX--XX\r--XX].");
    READS(A "-1--XX--\r\n\r\n--XX--", "[a|-|-|1:-1--XX--\r\n].");
}

static void names(void **state)
{
    (void)state;
    DISPOSED("; name=\"a b\"", "[a b|-|-|1:1].");
    DISPOSED("; name=\"\"", "[|-|-|1:1].");
    DISPOSED("; name=a; filename=\"\"", "[a||-|1:1].");
    DISPOSED("; name=\"a\\\"b\\\\c\"; filename=\"C:\\dir\\f\"", "[a\"b\\c|C:\\dir\\f|-|1:1].");
    DISPOSED("; name=\"%22%0D\"; filename=\"../x;y=\xc3\xa9\"", "[%22%0D|../x;y=\xc3\xa9|-|1:1].");
    DISPOSED(";; name=a;", "[a|-|-|1:1].");
    DISPOSED("; name=a; filename*=UTF-8''b", "[a|-|-|1:1].");
    DISPOSED("; filename=f", "!bad_form");
    DISPOSED("", "!bad_form");
    DISPOSED("; name=a; name=b", "!bad_form");
    DISPOSED("; name=a; filename=b; FileName=c", "!bad_form");
    DISPOSED("; name=\"a", "!bad_form");
    DISPOSED("; name=\"a\\\"", "!bad_form");
    DISPOSED("; name=", "!bad_form");
    DISPOSED("; name", "!bad_form");
    DISPOSED("; =a", "!bad_form");
    DISPOSED("; name =a", "!bad_form");
    DISPOSED("; name=a b", "!bad_form");
    DISPOSED("; name=\"a\"b", "!bad_form");
    DISPOSED(" name=a", "!bad_form");
    DISPOSED("; name=a\r\nContent-Disposition: form-data; name=b", "!bad_form");
    DISPOSED("; name=a\r\nContent-Type: a\r\nContent-type: b", "!bad_form");
}

static void malformed(void **state)
{
    (void)state;
    READS("", "!bad_form");
    READS("no boundary", "!bad_form");
    READS("--XX", "!bad_form");
    READS("--XX-", "!bad_form");
    READS("--XX-x", "!bad_form");
    READS("--XX --", "!bad_form");
    READS("--XX\nContent", "!bad_form");
    READS("--XX\r\r\n", "!bad_form");
    READS("--XXy\r\n", "!bad_form");
    READS("--XX\r\n\r\n1\r\n--XX--", "!bad_form");
    READS("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--XX--", "!bad_form");
    READS("--XX\r\nContent-Disposition: form-data; name=a\n\r\n", "!bad_form");
    READS("--XX\r\nContent-Disposition: form-data; name=a\rx\r\n", "!bad_form");
    READS("--XX\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n1\r\n--XX--", "!bad_form");
    READS("--XX\r\nno colon\r\n\r\n1\r\n--XX--", "!bad_form");
    READS("--XX\r\nContent-Disposition : form-data; name=a\r\n\r\n1\r\n--XX--", "!bad_form");
    READS("--XX\r\nContent-Disposition: form-data; name=\"a\x01\"\r\n\r\n1\r\n--XX--", "!bad_form");
    READS(A "1", "[a|-|-|1:1!bad_form");
    READS(A "1\r\n--XX", "[a|-|-|1:1]!bad_form");
    READS(A "1\r\n--XXy", "[a|-|-|1:1]!bad_form");
}

/* Octets that are held back when the content is cut are not told: nobody knows what they were. */
static void cut_within_a_delimiter(void **state)
{
    (void)state;
    READS(A "1\r\n--X", "[a|-|-|1:1!bad_form");
}

static void limits(void **state)
{
    (void)state;
    weir_form_options o = {.size = sizeof o, .parts_max = 1};
    READS_WITH(&o, A "1\r\n--XX--", "[a|-|-|1:1].");
    READS_WITH(&o, A "1\r\n" A "2\r\n--XX--", "[a|-|-|1:1]!form_limit");
    o = (weir_form_options){.size = sizeof o, .part_size_max = 4};
    READS_WITH(&o, A "1\r\n4\r\n--XX--", "[a|-|-|1:1\r\n4].");
    READS_WITH(&o, A "1\r\n45\r\n--XX--", "[a|-|-|1:1\r\n4!form_limit");
    READS_WITH(&o, A "\r\n--X5\r\n--XX--", "[a|-|-|1:\r\n--!form_limit");
    size_t head = strlen("Content-Disposition: form-data; name=\"a\"\r\n\r\n");
    o = (weir_form_options){.size = sizeof o, .head_size_max = head};
    READS_WITH(&o, A "1\r\n--XX--", "[a|-|-|1:1].");
    o.head_size_max = head - 1;
    READS_WITH(&o, A "1\r\n--XX--", "!form_limit");
    o = (weir_form_options){.size = sizeof o, .head_size_max = 2};
    READS_WITH(&o, "--XX  \r\n", "!bad_form");
    READS_WITH(&o, "--XX   \r\n", "!form_limit");
    o = (weir_form_options){.size = sizeof o, .fields_max = 1};
    READS_WITH(&o, A "1\r\n--XX--", "[a|-|-|1:1].");
    READS_WITH(&o, "--XX\r\nB: c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--", "!form_limit");
    o = (weir_form_options){.size = sizeof o, .form_size_max = strlen(A "1\r\n--XX--")};
    READS_WITH(&o, A "1\r\n--XX--", "[a|-|-|1:1].");
    READS_WITH(&o, A "1\r\n--XX--\n", "[a|-|-|1:1].!form_limit");
    READS_WITH(&o, A "1\r\n--XX---------------", "[a|-|-|1:1].!form_limit");
    READS_WITH(&o, A "1234567890", "[a|-|-|1:123456789!form_limit");
}

static void limits_without_an_end(void **state)
{
    weir_form *form;
    (void)state;
    weir_form_options o = {.size = sizeof o, .head_size_max = SIZE_MAX / 2};
    assert_int_equal(weir_form_new(&form, WEIR_STR(TYPE), &o), WEIR_CODE_bad_option);
    o = (weir_form_options){.size = sizeof o, .fields_max = SIZE_MAX / 2};
    assert_int_equal(weir_form_new(&form, WEIR_STR(TYPE), &o), WEIR_CODE_bad_option);
    assert_null(form);
}

#define SEVENTY "1234567890123456789012345678901234567890123456789012345678901234567890"

static void boundaries(void **state)
{
    weir_form *form;
    (void)state;
    reads_of("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a b'()+_,-./:=?z\"", WEIR_STR("--a b'()+_,-./:=?z--"),
             NULL, ".");
    reads_of("multipart/form-data ;boundary=" SEVENTY, WEIR_STR("--" SEVENTY "--"), NULL, ".");
    static const char *const wrong[] = {"",
                                        "multipart/form-data",
                                        "multipart/mixed; boundary=XX",
                                        "multipart/form-data; boundary=",
                                        "multipart/form-data; boundary=\"\"",
                                        "multipart/form-data; boundary=\"a \"",
                                        "multipart/form-data; boundary=\"a;b\"",
                                        "multipart/form-data; boundary=XX; boundary=XX",
                                        "multipart/form-data; boundary=\"XX",
                                        "multipart/form-data; boundary=a@b",
                                        "multipart/form-data boundary=XX",
                                        "multipart/form-data; boundary=\"\xc3\xa9\"",
                                        "multipart/form-data; boundary=" SEVENTY "1",
                                        "multipart/form-data; boundary=\"" SEVENTY SEVENTY "\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(weir_form_new(&form, weir_str_from(wrong[i]), NULL), WEIR_CODE_bad_form);
        assert_null(form);
    }
    weir_form_free(NULL);
}

static void types(void **state)
{
    (void)state;
    assert_int_equal(weir_form_type_of(WEIR_STR(TYPE)), WEIR_FORM_MULTIPART);
    assert_int_equal(weir_form_type_of(WEIR_STR(" MULTIPART/form-data")), WEIR_FORM_MULTIPART);
    assert_int_equal(weir_form_type_of(WEIR_STR("application/x-www-form-urlencoded ; charset=utf-8")),
                     WEIR_FORM_URLENCODED);
    assert_int_equal(weir_form_type_of(WEIR_STR("multipart/form-data2")), WEIR_FORM_OTHER);
    assert_int_equal(weir_form_type_of((weir_str){NULL, 0}), WEIR_FORM_OTHER);
}

static void *refuse_memory(void *ctx, void *ptr, size_t old_size, size_t new_size)
{
    (void)old_size;
    ++*(unsigned *)ctx;
    if (new_size > 0)
        return NULL;
    free(ptr);
    return NULL;
}

static void without_memory(void **state)
{
    unsigned calls = 0;
    weir_form *form;
    weir_form_options o = {.size = sizeof o, .allocator = {refuse_memory, &calls}};
    (void)state;
    assert_int_equal(weir_form_new(&form, WEIR_STR(TYPE), &o), WEIR_CODE_no_memory);
    assert_null(form);
    assert_int_equal(calls, 1);
}

static void urlencoded(void **state)
{
    char content[] = "a=1&b+c=%2b+%26&&d&=e&f=%c3%a9", place[64];
    static const char *const expected[][2] = {{"a", "1"}, {"b c", "+ &"}, {"d", ""}, {"", "e"}, {"f", "\xc3\xa9"}};
    weir_field pairs[8];
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        size_t count = 5, size = strlen(content);
        char *to = in_place ? content : place;
        assert_int_equal(weir_form_decode((weir_str){content, size}, to, size, pairs, &count), WEIR_OK);
        assert_int_equal(count, 5);
        for (size_t i = 0; i < count; i++) {
            assert_true(weir_str_equal(pairs[i].name, weir_str_from(expected[i][0])));
            assert_true(weir_str_equal(pairs[i].value, weir_str_from(expected[i][1])));
            assert_non_null(pairs[i].value.ptr);
        }
    }
    size_t count = 2;
    assert_int_equal(weir_form_decode(WEIR_STR("a&b&c"), place, sizeof place, pairs, &count), WEIR_CODE_form_limit);
    count = 8;
    assert_int_equal(weir_form_decode(WEIR_STR("a=12"), place, 2, pairs, &count), WEIR_CODE_form_limit);
    count = 8;
    assert_int_equal(weir_form_decode(WEIR_STR("a=%zz"), place, sizeof place, pairs, &count), WEIR_CODE_bad_escape);
    count = 8;
    assert_int_equal(weir_form_decode(WEIR_STR("a%00=1"), place, sizeof place, pairs, &count), WEIR_CODE_bad_escape);
    count = 8;
    assert_int_equal(weir_form_decode((weir_str){NULL, 0}, place, 0, pairs, &count), WEIR_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(almost_delimiters),
        cmocka_unit_test(names),
        cmocka_unit_test(malformed),
        cmocka_unit_test(cut_within_a_delimiter),
        cmocka_unit_test(limits),
        cmocka_unit_test(limits_without_an_end),
        cmocka_unit_test(boundaries),
        cmocka_unit_test(types),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(urlencoded),
    };
    seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
