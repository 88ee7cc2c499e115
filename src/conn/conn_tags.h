/* For the tests of conn: answers that can be told apart. The n-th exchange's answer has the field X-Tag: n, and its
 * content is a run of letters that begins with the n-th; so what the peer got is compared with what was meant, up to
 * any cut. */
#ifndef CONN_TAGS_H
#define CONN_TAGS_H

#include "conn/answers_check.h"

#define TAGS_MAX    8192
#define TAGS_PIECE  40000 /* octets at once */
#define TAGS_FIELDS 4

struct tag {
    weir_str method; /* what matters of it: HEAD, CONNECT, or GET for all others */
    uint64_t size;   /* octets of content that were taken for it */
};

static struct tags {
    struct tag of[TAGS_MAX];
    size_t count;
    char letters[TAGS_PIECE + 26];
    weir_field fields[TAGS_FIELDS + 1];
    char value[24];
} tags;

static inline void tags_init(void)
{
    tags.count = 0;
    for (size_t i = 0; i < sizeof tags.letters; i++)
        tags.letters[i] = (char)('a' + i % 26);
}

static inline size_t tags_index(const weir_exchange *x)
{
    return (size_t)(uintptr_t)weir_exchange_user(x) - 1;
}

/* In `head`. */
static inline void tags_begin(struct drive *d, weir_exchange *x)
{
    weir_str method = weir_request_method(x);
    DRIVE_MUST(d, tags.count < TAGS_MAX);
    bool head = weir_str_equal(method, WEIR_STR("HEAD")), connect = weir_str_equal(method, WEIR_STR("CONNECT"));
    tags.of[tags.count].method = head ? WEIR_STR("HEAD") : connect ? WEIR_STR("CONNECT") : WEIR_STR("GET");
    tags.of[tags.count++].size = 0;
    weir_exchange_set_user(x, (void *)(uintptr_t)tags.count);
}

/* The next octets of the content, at most TAGS_PIECE. */
static inline weir_str tags_octets(const weir_exchange *x, size_t size)
{
    size_t n = tags_index(x);
    return (weir_str){tags.letters + (n + tags.of[n].size) % 26, size};
}

static inline void tags_took(const weir_exchange *x, uint64_t size)
{
    tags.of[tags_index(x)].size += size;
}

/* The tag, and those of the application's; for one call. */
static inline weir_fields tags_fields(const weir_exchange *x, weir_fields more)
{
    snprintf(tags.value, sizeof tags.value, "%zu", tags_index(x));
    tags.fields[0] = (weir_field){WEIR_STR("X-Tag"), weir_str_from(tags.value)};
    for (size_t i = 0; i < more.count && i < TAGS_FIELDS; i++)
        tags.fields[i + 1] = more.list[i];
    return (weir_fields){tags.fields, more.count + 1};
}

/* One answer of the library's own says what it is, in full. */
static inline void tags_check_own(struct drive *d, const struct answer *answer, enum answer_result result)
{
    char start[16];
    snprintf(start, sizeof start, "%u ", answer->head.status);
    DRIVE_MUST(d, answer->head.status >= 400);
    if (result == ANSWER_WHOLE && answer->content.size > 0)
        DRIVE_MUST(d, memcmp(answer->content.octets, start, 4) == 0);
}

static inline void tags_check_content(struct drive *d, const struct answer *answer, enum answer_result result, size_t n)
{
    const struct drive_buffer *content = &answer->content;
    bool told = answer->framing.kind == HTTP_FRAMING_LENGTH || answer->framing.kind == HTTP_FRAMING_CHUNKED;
    for (size_t i = 0; i < content->size; i++)
        DRIVE_MUST(d, content->octets[i] == (char)('a' + (n + i) % 26));
    DRIVE_MUST(d, content->size <= tags.of[n].size);
    if (result == ANSWER_WHOLE && told)
        DRIVE_MUST(d, content->size == tags.of[n].size);
}

/* What left is the answers in order, the last one perhaps cut: nothing is lost, doubled, mixed or made up. */
static inline void tags_check(struct drive *d)
{
    static struct answer answer;
    struct answers from = {.octets = d->out.octets, .size = d->out.size};
    for (size_t n = 0;; n++) {
        weir_str method = n < tags.count ? tags.of[n].method : WEIR_STR("GET");
        enum answer_result result = answer_next(&from, method, &answer);
        DRIVE_MUST(d, result != ANSWER_WRONG);
        if (result == ANSWER_NONE || answer.head.status == 0)
            break;
        weir_fields fields = {answer.head.fields, answer.head.field_count};
        weir_str tag = weir_fields_value(fields, WEIR_STR("x-tag"));
        char expected[24];
        snprintf(expected, sizeof expected, "%zu", n);
        if (tag.ptr == NULL && answer.head.status >= 200) {
            tags_check_own(d, &answer, result);
        } else if (answer.head.status >= 200 || answer.head.status == 101) {
            DRIVE_MUST(d, n < tags.count && weir_str_equal(tag, weir_str_from(expected)));
            tags_check_content(d, &answer, result, n);
        }
        if (result == ANSWER_CUT)
            break;
    }
    DRIVE_MUST(d, from.at == from.size);
    free(answer.content.octets);
    answer.content = (struct drive_buffer){.octets = NULL};
}

#endif
