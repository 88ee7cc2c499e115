/* What holds of the head parser for any octets, checked for the unit test and the fuzz target alike; a breach aborts.
 *
 *     cut       each prefix, in memory that ends where it ends, has the verdict of the whole or needs more
 *     restarted the same octets in one buffer, more of them each time, come to the same (folds are undone in place)
 *     grown     an array of fields that starts too small and is made larger comes to the same
 *     views     all of them lie within the octets
 *     written   a head that was taken, written again and parsed again, is the same head
 */
#ifndef H1_HEAD_CHECK_H
#define H1_HEAD_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/head.h"
#include "h1/meaning.h"

#define HEAD_CHECK_FIELDS 1100

#define HEAD_MUST(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct head_input {
    enum h1_kind kind;
    bool lenient;
    const char *octets;
    size_t size;
    struct http_head_limits limits;
};

static inline int64_t head_parse(const struct head_input *input, struct http_head *head, char *octets, size_t size)
{
    switch (input->kind) {
    case H1_KIND_REQUEST:
        return h1_head_parse_request(head, octets, size, &input->limits, input->lenient, NULL);
    case H1_KIND_RESPONSE:
        return h1_head_parse_response(head, octets, size, &input->limits, input->lenient, NULL);
    default:
        return h1_head_parse_trailers(head, octets, size, &input->limits, input->lenient);
    }
}

/* Memory of that size exactly, so that a sanitizer sees a read beyond. Never null. */
static inline char *head_copy(const char *octets, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    HEAD_MUST(copy != NULL);
    if (size > 0)
        memcpy(copy, octets, size);
    return copy;
}

static inline struct http_head head_blank(void)
{
    static weir_field fields[HEAD_CHECK_FIELDS];
    return (struct http_head){.fields = fields, .field_capacity = HEAD_CHECK_FIELDS};
}

/* What a prefix of `size` octets must say, given what the whole says and what a shorter prefix said. */
static inline void head_check_prefix(int64_t whole, int64_t shorter, int64_t result, size_t size)
{
    if (h1_head_is_error(whole))
        HEAD_MUST(result == whole || (result == H1_HEAD_INCOMPLETE && shorter == H1_HEAD_INCOMPLETE));
    else if (whole > 0 && size >= (size_t)whole)
        HEAD_MUST(result == whole);
    else
        HEAD_MUST(result == H1_HEAD_INCOMPLETE);
}

/* The next size of a prefix: each one of a short head, and some of a long one, each time others. */
static inline size_t head_next_cut(size_t cut, size_t size, uint32_t *chance)
{
    *chance = *chance * 1664525U + 1013904223U;
    size_t step = size <= 600 || size - cut < 40 ? 1 : 1 + (*chance >> 16) % (size / 50);
    return cut + step < size ? cut + step : cut < size ? size : size + 1;
}

static inline void head_check_cuts(const struct head_input *input, int64_t whole, uint32_t chance)
{
    char *buffer = head_copy(input->octets, input->size);
    int64_t shorter = H1_HEAD_INCOMPLETE;
    for (size_t cut = 0, had = 0; cut <= input->size; cut = head_next_cut(cut, input->size, &chance)) {
        char *copy = head_copy(input->octets, cut);
        struct http_head head = head_blank();
        int64_t result = head_parse(input, &head, copy, cut);
        head_check_prefix(whole, shorter, result, cut);
        shorter = result;
        free(copy);

        if (cut > had)
            memcpy(buffer + had, input->octets + had, cut - had);
        had = cut;
        head = head_blank();
        HEAD_MUST(head_parse(input, &head, buffer, cut) == result);
    }
    free(buffer);
}

static inline void head_check_grown(const struct head_input *input, int64_t whole)
{
    size_t capacity = 0;
    char *copy = head_copy(input->octets, input->size);
    int64_t result = H1_HEAD_NO_ROOM;
    while (result == H1_HEAD_NO_ROOM) {
        struct http_head head = head_blank();
        head.field_capacity = capacity;
        result = head_parse(input, &head, copy, input->size);
        HEAD_MUST(head.field_count <= capacity);
        capacity = capacity * 2 + 1;
        HEAD_MUST(capacity < 2 * HEAD_CHECK_FIELDS);
    }
    HEAD_MUST(result == whole);
    free(copy);
}

static inline void head_check_view(weir_str view, const char *octets, int64_t size)
{
    HEAD_MUST(view.ptr >= octets && view.ptr + view.len <= octets + size);
}

static inline void head_check_views(const struct head_input *input, const struct http_head *head, const char *octets,
                                    int64_t size)
{
    for (size_t i = 0; i < head->field_count; i++) {
        head_check_view(head->fields[i].name, octets, size);
        head_check_view(head->fields[i].value, octets, size);
        HEAD_MUST(weir_field_name_valid(head->fields[i].name));
        HEAD_MUST(weir_field_value_valid(head->fields[i].value));
    }
    if (input->kind == H1_KIND_REQUEST) {
        head_check_view(head->method, octets, size);
        head_check_view(head->target, octets, size);
    }
    if (input->kind == H1_KIND_RESPONSE)
        head_check_view(head->reason, octets, size);
    if (head->host.ptr != NULL)
        head_check_view(head->host, octets, size);
}

static inline void head_put(char **to, weir_str text)
{
    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
}

/* As a careful sender writes it. Returns its size; `to` has room for twice the octets that came and 64. */
static inline size_t head_write(const struct head_input *input, const struct http_head *head, char *to)
{
    char *start = to;
    char status[16];
    if (input->kind == H1_KIND_REQUEST) {
        head_put(&to, head->method);
        head_put(&to, WEIR_STR(" "));
        head_put(&to, head->target);
        head_put(&to, head->version == 10 ? WEIR_STR(" HTTP/1.0\r\n") : WEIR_STR(" HTTP/1.1\r\n"));
    } else if (input->kind == H1_KIND_RESPONSE) {
        int size = snprintf(status, sizeof(status), "HTTP/1.%u %03u ", head->version % 10, head->status % 1000);
        head_put(&to, (weir_str){status, (size_t)size});
        head_put(&to, head->reason);
        head_put(&to, WEIR_STR("\r\n"));
    }
    for (size_t i = 0; i < head->field_count; i++) {
        head_put(&to, head->fields[i].name);
        head_put(&to, WEIR_STR(": "));
        head_put(&to, head->fields[i].value);
        head_put(&to, WEIR_STR("\r\n"));
    }
    head_put(&to, WEIR_STR("\r\n"));
    return (size_t)(to - start);
}

static inline bool head_text_same(weir_str a, weir_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline void head_check_same(const struct http_head *a, const struct http_head *b)
{
    HEAD_MUST(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++) {
        HEAD_MUST(head_text_same(a->fields[i].name, b->fields[i].name));
        HEAD_MUST(head_text_same(a->fields[i].value, b->fields[i].value));
    }
    HEAD_MUST(head_text_same(a->method, b->method) && head_text_same(a->target, b->target));
    HEAD_MUST(head_text_same(a->reason, b->reason) && a->status == b->status && a->version == b->version);
    HEAD_MUST(a->has_length == b->has_length && a->length == b->length && a->chunked == b->chunked);
    HEAD_MUST(a->close == b->close && a->keep_alive == b->keep_alive);
    HEAD_MUST(a->upgrade == b->upgrade && a->expect_continue == b->expect_continue);
    HEAD_MUST(a->te_trailers == b->te_trailers && head_text_same(a->host, b->host));
}

static inline void head_check_written(const struct head_input *input, const struct http_head *head)
{
    static weir_field fields[HEAD_CHECK_FIELDS];
    struct http_head again = {.fields = fields, .field_capacity = HEAD_CHECK_FIELDS};
    char *text = malloc(2 * input->size + 64);
    HEAD_MUST(text != NULL);
    size_t size = head_write(input, head, text);
    struct head_input written = *input;
    written.limits.head_size_max = SIZE_MAX;
    written.limits.line_size_max = SIZE_MAX;
    HEAD_MUST(head_parse(&written, &again, text, size) == (int64_t)size);
    head_check_same(head, &again);
    free(text);
}

/* All of it. Returns what the parser says of the whole. */
static inline int64_t head_check(const struct head_input *input, uint32_t chance)
{
    char *copy = head_copy(input->octets, input->size);
    struct http_head head = head_blank();
    int64_t whole = head_parse(input, &head, copy, input->size);
    HEAD_MUST(whole <= (int64_t)input->size && whole != H1_HEAD_NO_ROOM);
    if (whole > 0) {
        head_check_views(input, &head, copy, whole);
        head_check_written(input, &head);
    }
    head_check_cuts(input, whole, chance);
    head_check_grown(input, whole);
    free(copy);
    return whole;
}

#endif
