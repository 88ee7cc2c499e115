/* For the tests of conn: takes apart what a server sent, as a strict client would, one answer after another. */
#ifndef CONN_ANSWERS_CHECK_H
#define CONN_ANSWERS_CHECK_H

#include "conn/conn_drive.h"
#include "h1/chunked.h"
#include "h1/head.h"
#include "http/framing.h"

#define ANSWER_FIELDS_MAX 200

enum answer_result {
    ANSWER_WHOLE, /* for one that ends with the connection too: it takes all that is left */
    ANSWER_NONE,  /* the octets are over */
    ANSWER_CUT,   /* they are over within an answer; what was there of it is given */
    ANSWER_WRONG  /* no client could read it */
};

struct answers {
    char *octets;
    size_t size, at;
};

struct answer {
    struct http_head head; /* status 0: not even its head is whole */
    struct http_framing framing;
    weir_field fields[ANSWER_FIELDS_MAX];
    struct drive_buffer content; /* without its framing; the caller frees its octets, or gives them to the next call */
    unsigned interim_count;
};

static const struct http_head_limits answers_limits = {.line_size_max = 1 << 16,
                                                     .head_size_max = 1 << 20,
                                                     .field_count_max = ANSWER_FIELDS_MAX};

static inline enum answer_result answer_take(struct answers *from, struct answer *answer, size_t size, bool to_the_end)
{
    size_t left = from->size - from->at, n = size < left ? size : left;
    drive_append(&answer->content, from->octets + from->at, n);
    from->at += n;
    return n == size || to_the_end ? ANSWER_WHOLE : ANSWER_CUT;
}

static inline enum answer_result answer_trailers(struct answers *from)
{
    static weir_field fields[ANSWER_FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = ANSWER_FIELDS_MAX};
    int64_t size =
        h1_head_parse_trailers(&head, from->octets + from->at, from->size - from->at, &answers_limits, false);
    if (size == H1_HEAD_INCOMPLETE)
        from->at = from->size;
    else if (size < 0)
        return ANSWER_WRONG;
    else
        from->at += (size_t)size;
    return size == H1_HEAD_INCOMPLETE ? ANSWER_CUT : ANSWER_WHOLE;
}

static inline enum answer_result answer_chunks(struct answers *from, struct answer *answer)
{
    struct h1_chunked chunked;
    h1_chunked_init(&chunked, 0, false);
    for (;;) {
        struct h1_chunked_step step =
            h1_chunked_step(&chunked, from->octets + from->at, from->size - from->at, SIZE_MAX);
        if (step.event == H1_CHUNKED_DATA)
            drive_append(&answer->content, step.data.ptr, step.data.len);
        from->at += step.used;
        if (step.event == H1_CHUNKED_NEED_MORE)
            return ANSWER_CUT;
        if (step.event == H1_CHUNKED_ERROR)
            return ANSWER_WRONG;
        if (step.event == H1_CHUNKED_END)
            return answer_trailers(from);
    }
}

/* The next answer, to a request of that method; interim ones before it are counted. */
static inline enum answer_result answer_next(struct answers *from, weir_str method, struct answer *answer)
{
    answer->content.size = 0;
    answer->interim_count = 0;
    do {
        answer->head = (struct http_head){.fields = answer->fields, .field_capacity = ANSWER_FIELDS_MAX};
        if (from->at == from->size)
            return answer->interim_count > 0 ? ANSWER_CUT : ANSWER_NONE;
        int64_t size = h1_head_parse_response(&answer->head, from->octets + from->at, from->size - from->at,
                                              &answers_limits, false, NULL);
        if (size < 0)
            return ANSWER_WRONG;
        if (size == H1_HEAD_INCOMPLETE) {
            answer->head.status = 0;
            from->at = from->size;
            return ANSWER_CUT;
        }
        from->at += (size_t)size;
        answer->interim_count += answer->head.status < 200;
    } while (answer->head.status < 200 && answer->head.status != 101);
    const struct http_head *head = &answer->head;
    answer->framing = http_framing_of_response(method, head->status, head->chunked, head->has_length, head->length);
    switch (answer->framing.kind) {
    case HTTP_FRAMING_LENGTH:
        return answer_take(from, answer, answer->framing.length, false);
    case HTTP_FRAMING_CHUNKED:
        return answer_chunks(from, answer);
    case HTTP_FRAMING_CLOSE:
    case HTTP_FRAMING_TUNNEL:
        return answer_take(from, answer, from->size - from->at, true);
    default:
        return ANSWER_WHOLE;
    }
}

#endif
