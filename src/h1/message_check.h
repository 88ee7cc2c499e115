/* For tests and fuzz targets: the first message of some octets, head, content and trailers, read with the parts that
 * the engine is made of, but without its state. */
#ifndef H1_MESSAGE_CHECK_H
#define H1_MESSAGE_CHECK_H

#include "base/fuzz_check.h"
#include "h1/chunked.h"
#include "h1/head.h"
#include "http/framing.h"

#define MESSAGE_SIZE_MAX   65536
#define MESSAGE_FIELDS_MAX 100

enum message_kind {
    MESSAGE_MORE,  /* it is not whole */
    MESSAGE_WHOLE, /* its end is told by its framing */
    MESSAGE_CLOSE, /* its end is told by the connection's: all octets belong to it */
    MESSAGE_REFUSED
};

struct message {
    enum message_kind kind;
    int code;     /* of REFUSED: a weir_code, or whatever another parser has */
    size_t used;  /* octets of it, of WHOLE and CLOSE */
    bool chunked; /* its head was taken, and says so */
    char content[MESSAGE_SIZE_MAX];
    size_t content_size;
};

static const struct http_head_limits message_limits = {.line_size_max = 8192,
                                                     .head_size_max = 65536,
                                                     .field_count_max = MESSAGE_FIELDS_MAX};

static inline void message_refuse(struct message *message, unsigned code)
{
    message->kind = MESSAGE_REFUSED;
    message->code = (int)code;
}

static inline void message_add(struct message *message, const char *octets, size_t size)
{
    FUZZ_MUST(size <= MESSAGE_SIZE_MAX - message->content_size);
    if (size > 0)
        memcpy(message->content + message->content_size, octets, size);
    message->content_size += size;
}

/* Of a head or of trailers: true if they are there, and `used` is moved on. */
static inline bool message_took(struct message *message, int64_t result)
{
    FUZZ_MUST(result != H1_HEAD_NO_ROOM);
    if (h1_head_is_error(result))
        message_refuse(message, h1_head_code(result));
    else if (result > 0)
        message->used += (size_t)result;
    return result > 0;
}

static inline void message_read_chunks(struct message *message, char *octets, size_t size, bool lenient)
{
    weir_field fields[MESSAGE_FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = MESSAGE_FIELDS_MAX};
    struct h1_chunked chunked;
    struct h1_chunked_step step;
    h1_chunked_init(&chunked, 4096, lenient);
    do {
        step = h1_chunked_step(&chunked, octets + message->used, size - message->used, SIZE_MAX);
        if (step.event == H1_CHUNKED_DATA)
            message_add(message, step.data.ptr, step.data.len);
        message->used += step.used;
    } while (step.event == H1_CHUNKED_DATA);
    if (step.event == H1_CHUNKED_ERROR)
        message_refuse(message, step.code);
    else if (step.event == H1_CHUNKED_END &&
             message_took(message, h1_head_parse_trailers(&head, octets + message->used, size - message->used,
                                                          &message_limits, lenient)))
        message->kind = MESSAGE_WHOLE;
}

/* At most MESSAGE_SIZE_MAX octets, of a request or of a response to GET. Of the octets only folds are changed. */
static inline void message_read(struct message *message, char *octets, size_t size, bool request, bool lenient)
{
    weir_field fields[MESSAGE_FIELDS_MAX];
    struct http_head head = {.fields = fields, .field_capacity = MESSAGE_FIELDS_MAX};
    message->kind = MESSAGE_MORE;
    message->code = 0;
    message->used = message->content_size = 0;
    message->chunked = false;
    if (!message_took(message, request ? h1_head_parse_request(&head, octets, size, &message_limits, lenient, NULL)
                                       : h1_head_parse_response(&head, octets, size, &message_limits, lenient, NULL)))
        return;
    struct http_framing framing = request ? http_framing_of_request(head.chunked, head.has_length, head.length)
                                          : http_framing_of_response(WEIR_STR("GET"), head.status, head.chunked,
                                                                     head.has_length, head.length);
    size_t left = size - message->used;
    message->chunked = framing.kind == HTTP_FRAMING_CHUNKED;
    if (message->chunked) {
        message_read_chunks(message, octets, size, lenient);
        return;
    }
    if (framing.kind == HTTP_FRAMING_LENGTH && framing.length > left)
        return;
    size_t content = framing.kind == HTTP_FRAMING_LENGTH  ? (size_t)framing.length
                     : framing.kind == HTTP_FRAMING_CLOSE ? left
                                                          : 0;
    message_add(message, octets + message->used, content);
    message->used += content;
    message->kind = framing.kind == HTTP_FRAMING_CLOSE ? MESSAGE_CLOSE : MESSAGE_WHOLE;
}

#endif
