/* Invariant: any octets as a form, under limits that the input chooses, tell the same parts, contents, end and
 * refusal read whole, octet by octet, and split by chance; events come in their order; and no octet of content comes
 * from nowhere. The pairs of any text as a urlencoded form are those that weir_query_next finds, decoded. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/form.h>
#include <weir/uri.h>

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* What was told, as octets. */
struct told {
    char *octets;
    size_t size, room;
    size_t content;
    bool in_part, ended;
};

static void tell(struct told *told, weir_str octets)
{
    if (told->size + octets.len > told->room) {
        told->room = 2 * (told->size + octets.len);
        told->octets = realloc(told->octets, told->room);
        MUST(told->octets != NULL);
    }
    if (octets.len > 0)
        memcpy(told->octets + told->size, octets.ptr, octets.len);
    told->size += octets.len;
}

static void tell_part(struct told *told, const weir_form_part *part)
{
    MUST(!told->in_part && !told->ended && part->name.ptr != NULL && part->fields.count > 0);
    told->in_part = true;
    tell(told, WEIR_STR("\n["));
    tell(told, part->name);
    tell(told, part->filename.ptr != NULL ? WEIR_STR("|") : WEIR_STR("-"));
    tell(told, part->filename);
    tell(told, WEIR_STR("|"));
    tell(told, part->content_type);
    for (size_t i = 0; i < part->fields.count; i++) {
        MUST(weir_field_name_valid(part->fields.list[i].name) && weir_field_value_valid(part->fields.list[i].value));
        tell(told, part->fields.list[i].name);
        tell(told, part->fields.list[i].value);
    }
}

static bool feed(struct told *told, weir_form *form, weir_str octets)
{
    for (;;) {
        switch (weir_form_next(form, &octets)) {
        case WEIR_FORM_MORE:
            MUST(octets.len == 0);
            return true;
        case WEIR_FORM_PART:
            tell_part(told, weir_form_part_of(form));
            break;
        case WEIR_FORM_DATA:
            MUST(told->in_part && weir_form_data(form).len > 0);
            told->content += weir_form_data(form).len;
            tell(told, weir_form_data(form));
            break;
        case WEIR_FORM_PART_END:
            MUST(told->in_part);
            told->in_part = false;
            tell(told, WEIR_STR("]"));
            break;
        case WEIR_FORM_END:
            MUST(!told->in_part && !told->ended);
            told->ended = true;
            break;
        case WEIR_FORM_WRONG:
            MUST(weir_form_wrong(form) == WEIR_CODE_bad_form || weir_form_wrong(form) == WEIR_CODE_form_limit);
            return false;
        }
    }
}

/* In pieces of at most so many octets, each in memory of its own. */
static struct told read_form(weir_str octets, const weir_form_options *options, size_t piece_max, uint32_t seed)
{
    struct told told = {.octets = NULL};
    weir_form *form;
    size_t whole = octets.len;
    bool goes_on = true;
    MUST(weir_form_new(&form, WEIR_STR("multipart/form-data; boundary=b"), options) == WEIR_OK);
    while (goes_on && octets.len > 0) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == whole ? whole : 1 + (seed >> 8) % piece_max;
        n = n < octets.len ? n : octets.len;
        char *piece = malloc(n);
        MUST(piece != NULL);
        memcpy(piece, octets.ptr, n);
        goes_on = feed(&told, form, (weir_str){piece, n});
        free(piece);
        octets = (weir_str){octets.ptr + n, octets.len - n};
    }
    const char *code = weir_code_name(weir_form_finish(form));
    MUST((strcmp(code, "ok") == 0) == (weir_form_wrong(form) == WEIR_OK));
    MUST(told.ended || weir_form_wrong(form) != WEIR_OK);
    MUST(told.content <= whole && told.content <= options->form_size_max);
    tell(&told, weir_str_from(code));
    weir_form_free(form);
    return told;
}

static void check_multipart(weir_str octets, const weir_form_options *options, uint32_t seed)
{
    struct told whole = read_form(octets, options, octets.len, 0);
    for (size_t piece_max = 1; piece_max < octets.len && piece_max <= 64; piece_max *= 4) {
        struct told pieces = read_form(octets, options, piece_max, seed);
        MUST(whole.size == pieces.size && memcmp(whole.octets, pieces.octets, whole.size) == 0);
        free(pieces.octets);
    }
    free(whole.octets);
}

static void check_urlencoded(weir_str text)
{
    weir_field pairs[32];
    size_t count = 32, seen = 0;
    char *place = malloc(text.len + 1), *own = malloc(text.len + 1);
    MUST(place != NULL && own != NULL);
    weir_code code = weir_form_decode(text, place, text.len, pairs, &count);
    MUST(code == WEIR_OK || code == WEIR_CODE_bad_escape || code == WEIR_CODE_form_limit);
    weir_str rest = text, name, value;
    size_t length;
    while (code == WEIR_OK && weir_query_next(&rest, &name, &value)) {
        MUST(seen < count);
        MUST(weir_uri_decode(name, WEIR_URI_PLUS, own, text.len, &length) == WEIR_OK);
        MUST(weir_str_equal(pairs[seen].name, (weir_str){own, length}));
        MUST(weir_uri_decode(value, WEIR_URI_PLUS, own, text.len, &length) == WEIR_OK);
        MUST(weir_str_equal(pairs[seen++].value, (weir_str){own, length}));
    }
    MUST(code != WEIR_OK || seen == count);
    free(place);
    free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two octets choose the limits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    unsigned limits = data[0];
    weir_form_options options = {.size = sizeof options,
                                 .parts_max = (limits & 1) != 0 ? 2 : 1000,
                                 .head_size_max = (limits & 2) != 0 ? 64 : 4096,
                                 .fields_max = (limits & 4) != 0 ? 1 : 16,
                                 .part_size_max = (limits & 8) != 0 ? 5 : UINT64_MAX,
                                 .form_size_max = (limits & 16) != 0 ? 150 : UINT64_MAX};
    weir_str octets = {(const char *)data + 2, size - 2};
    check_multipart(octets, &options, data[1]);
    check_urlencoded(octets);
    return 0;
}
