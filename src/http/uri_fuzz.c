/* Invariant: any octets, encoded, are decoded to what they were. Any text is decoded, in place as elsewhere, to what
 * a plain reading gives, or refused at the first `%` that a plain reading refuses. The parameters of any query lie
 * within it, in order, and put together again they come apart the same; each is found by its decoded name, or one
 * before it is. */
#include "base/fuzz_check.h"

#include <weir/uri.h>

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);
    return at != NULL ? (int)(at - digits) : -1;
}

/* Octets decoded, or the offset where it is wrong. */
static bool plain(weir_str text, unsigned options, char *place, size_t *length)
{
    size_t put = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 1 < text.len ? digit(text.ptr[i + 1]) : -1,
                low = i + 2 < text.len ? digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high + low == 0 && (options & WEIR_URI_NUL) == 0)) {
                *length = i;
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && (options & WEIR_URI_PLUS) != 0) {
            c = ' ';
        }
        place[put++] = c;
    }
    *length = put;
    return true;
}

static void check_decode(weir_str text, unsigned options)
{
    char *place = fuzz_copy(text.ptr, text.len), *own = fuzz_copy(text.ptr, text.len),
         *mine = fuzz_copy(text.ptr, text.len);
    size_t length, own_length = text.len, expected;
    bool right = plain(text, options, mine, &expected);
    FUZZ_MUST((weir_uri_decode(text, options, place, text.len, &length) == WEIR_OK) == right && length == expected);
    FUZZ_MUST((weir_uri_decode_in_place(own, options, &own_length) == WEIR_OK) == right && own_length == expected);
    if (right)
        FUZZ_MUST(memcmp(place, mine, expected) == 0 && memcmp(own, mine, expected) == 0);
    free(place);
    free(own);
    free(mine);
}

static void check_round(weir_str octets)
{
    size_t size = weir_uri_encode(NULL, 0, octets), length;
    char *text = malloc(size + 1), *back = fuzz_copy(octets.ptr, octets.len);
    FUZZ_MUST(text != NULL && weir_uri_encode(text, size + 1, octets) == size && strlen(text) == size);
    FUZZ_MUST(weir_uri_decode((weir_str){text, size}, WEIR_URI_NUL, back, octets.len, &length) == WEIR_OK);
    FUZZ_MUST(fuzz_same((weir_str){back, length}, octets));
    free(text);
    free(back);
}

static void check_found(weir_str query, weir_str name, const char *before)
{
    char *place = fuzz_copy(name.ptr, name.len);
    size_t length;
    weir_str value;
    if (weir_uri_decode(name, 0, place, name.len, &length) == WEIR_OK) {
        FUZZ_MUST(weir_query_find(query, (weir_str){place, length}, 0, &value));
        FUZZ_MUST(value.len == 0 || (fuzz_within(value, query) && value.ptr <= before));
    }
    free(place);
}

static void check_query(weir_str query)
{
    weir_str rest = query, name, value, other_name, other_value;
    char *joined = malloc(query.len + 1);
    size_t size = 0, count = 0;
    const char *from = query.ptr;
    FUZZ_MUST(joined != NULL);
    while (weir_query_next(&rest, &name, &value)) {
        FUZZ_MUST(fuzz_within(name, query) && fuzz_within(value, query) && name.ptr >= from);
        from = name.ptr + name.len + (value.ptr != NULL) + value.len;
        if (size > 0)
            joined[size++] = '&';
        memcpy(joined + size, name.ptr, (size_t)(from - name.ptr));
        size += (size_t)(from - name.ptr);
        if (count++ < 16)
            check_found(query, name, from);
    }
    FUZZ_MUST(rest.len == 0);
    weir_str again = {joined, size};
    rest = query;
    while (weir_query_next(&rest, &name, &value))
        FUZZ_MUST(weir_query_next(&again, &other_name, &other_value) && fuzz_same(name, other_name) &&
                  fuzz_same(value, other_value) && (value.ptr == NULL) == (other_value.ptr == NULL));
    FUZZ_MUST(!weir_query_next(&again, &other_name, &other_value));
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(data, size);
    weir_str text = {copy, size};
    for (unsigned options = 0; options < 4; options++)
        check_decode(text, options);
    check_round(text);
    check_query(text);
    free(copy);
    return 0;
}
