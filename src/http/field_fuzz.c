/* Invariant: for any octets as a field value: its list members are within it, in order, never empty, without blanks
 * around them, with nothing but commas and blanks between them, and joined again they come apart the same. Names and
 * values are valid exactly where a plain reading of RFC 9110, 5.1 and 5.5, says so. For any octets as lines of fields:
 * finding a name, in any case, finds what a plain search finds. */
#include "base/fuzz_check.h"

#include <weir/field.h>

#define FIELDS_MAX 64

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}

static void check_valid(weir_str text)
{
    bool name = text.len > 0, value = text.len == 0 || (!is_blank(text.ptr[0]) && !is_blank(text.ptr[text.len - 1]));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        name &= is_token(text.ptr[i]);
        value &= (c >= ' ' || c == '\t') && c != 0x7f;
    }
    FUZZ_MUST(weir_field_name_valid(text) == name);
    FUZZ_MUST(weir_field_value_valid(text) == value);
}

static void check_between(const char *from, const char *to)
{
    for (; from < to; from++)
        FUZZ_MUST(is_blank(*from) || *from == ',');
}

static void check_list(weir_str value)
{
    weir_str rest = value, member, other;
    const char *from = value.ptr;
    char *joined = malloc(2 * value.len + 2);
    size_t size = 0, count = 0;
    FUZZ_MUST(joined != NULL);
    while (weir_list_next(&rest, &member)) {
        FUZZ_MUST(member.len > 0 && fuzz_within(member, value) && member.ptr >= from);
        FUZZ_MUST(!is_blank(member.ptr[0]) && !is_blank(member.ptr[member.len - 1]));
        check_between(from, member.ptr);
        if (count++ > 0)
            joined[size++] = ',';
        memcpy(joined + size, member.ptr, member.len);
        size += member.len;
        from = member.ptr + member.len;
    }
    FUZZ_MUST(rest.len == 0 && member.len == 0);
    check_between(from, value.ptr + value.len);
    weir_str again = {joined, size};
    rest = value;
    while (weir_list_next(&rest, &member))
        FUZZ_MUST(weir_list_next(&again, &other) && fuzz_same(member, other));
    FUZZ_MUST(!weir_list_next(&again, &other));
    free(joined);
}

static bool same_nocase(weir_str a, weir_str b)
{
    bool same = a.len == b.len;
    for (size_t i = 0; same && i < a.len; i++) {
        char c = a.ptr[i], d = b.ptr[i];
        same = c == d || ((c ^ d) == 0x20 && (c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    }
    return same;
}

/* Lines NAME:VALUE; one without a colon is a name with an absent value. */
static size_t split(weir_field *fields, weir_str text)
{
    size_t count = 0;
    while (text.len > 0 && count < FIELDS_MAX) {
        const char *newline = memchr(text.ptr, '\n', text.len);
        size_t size = newline != NULL ? (size_t)(newline - text.ptr) : text.len, whole = size + (newline != NULL);
        const char *colon = size > 0 ? memchr(text.ptr, ':', size) : NULL;
        size_t name = colon != NULL ? (size_t)(colon - text.ptr) : size;
        weir_str value = {NULL, 0};
        if (colon != NULL)
            value = (weir_str){colon + 1, size - name - 1};
        fields[count++] = (weir_field){{text.ptr, name}, value};
        text = (weir_str){text.ptr + whole, text.len - whole};
    }
    return count;
}

static void check_find(weir_str text)
{
    weir_field list[FIELDS_MAX];
    weir_fields fields = {list, split(list, text)};
    for (size_t i = 0; i < fields.count; i++) {
        weir_str name = list[i].name;
        const weir_field *found = weir_fields_find(fields, name);
        FUZZ_MUST(found != NULL &&
                  (found->value.ptr == NULL || fuzz_same(weir_fields_value(fields, name), found->value)));
        FUZZ_MUST(weir_fields_value(fields, name).ptr != NULL); /* null means absent */
        for (size_t j = 0; j < fields.count; j++) {
            if (!same_nocase(list[j].name, name))
                continue;
            FUZZ_MUST(found == &list[j]);
            found = weir_fields_find_next(fields, found);
        }
        FUZZ_MUST(found == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    weir_str text = {copy, size};
    check_valid(text);
    check_list(text);
    check_find(text);
    free(copy);
    return 0;
}
