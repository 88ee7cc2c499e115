/* Our reading of a message against http-parser's, the parser that Node had before llhttp: who takes what, and where
 * it ends. Every way in which the two may differ is a class, with a reason and an input that shows it;
 * docs/fuzzing.md has the same table, and other_parser_test.c holds both against the code. */
#ifndef H1_OTHER_PARSER_CHECK_H
#define H1_OTHER_PARSER_CHECK_H

#include <http_parser.h>

#include "h1/message_check.h"

/* --- the other parser ------------------------------------------------------------------------------------------- */

struct other {
    struct message *message;
    bool complete;
};

static inline int other_on_body(http_parser *parser, const char *octets, size_t size)
{
    struct other *other = parser->data;
    if (!other->complete)
        message_add(other->message, octets, size);
    return 0;
}

static inline int other_on_head(http_parser *parser)
{
    struct other *other = parser->data;
    if (!other->complete)
        other->message->chunked = (parser->flags & F_CHUNKED) != 0;
    return 0;
}

static inline int other_on_complete(http_parser *parser)
{
    struct other *other = parser->data;
    other->complete = true;
    return 0;
}

/* Octet by octet, so that the one is known with which it says that the message is over. */
static inline void other_read(struct message *message, const char *octets, size_t size, bool request)
{
    static const http_parser_settings settings = {.on_headers_complete = other_on_head,
                                                  .on_body = other_on_body,
                                                  .on_message_complete = other_on_complete};
    struct other other = {.message = message};
    http_parser parser;
    message->kind = MESSAGE_MORE;
    message->code = 0;
    message->used = message->content_size = 0;
    message->chunked = false;
    http_parser_init(&parser, request ? HTTP_REQUEST : HTTP_RESPONSE);
    parser.data = &other;
    for (; message->used < size && !other.complete; message->used++) {
        http_parser_execute(&parser, &settings, octets + message->used, 1);
        if (!other.complete && parser.http_errno != HPE_OK) {
            message_refuse(message, parser.http_errno);
            return;
        }
    }
    if (other.complete) {
        message->kind = MESSAGE_WHOLE;
        return;
    }
    http_parser_execute(&parser, &settings, NULL, 0);
    if (other.complete)
        message->kind = MESSAGE_CLOSE;
}

/* --- how they may differ ---------------------------------------------------------------------------------------- */

enum other_side {
    OTHER_WE_REFUSE,   /* with one of `codes`, and they take it */
    OTHER_THEY_REFUSE, /* with one of `codes`, and we take it */
    OTHER_FRAMING      /* both take the head, and the content or its end is not the same */
};

struct other_pair {
    const struct message *ours, *theirs;
    weir_str octets;
    bool request;
};

/* A difference of one kind. `fits`, where there is one, looks at the octets too. */
struct other_class {
    enum other_side side;
    const char *input, *we, *they, *why; /* for the page */
    bool request;                        /* of the example */
    bool (*fits)(const struct other_pair *pair);
    const char *example;
    int codes[5]; /* zero ends them */
};

static inline bool other_has(const struct other_pair *pair, const char *text)
{
    return memmem(pair->octets.ptr, pair->octets.len, text, strlen(text)) != NULL;
}

static inline bool other_no_content(const struct other_pair *pair)
{
    return !pair->request && (other_has(pair, " 204 ") || other_has(pair, " 304") || other_has(pair, " 204\r") ||
                              other_has(pair, " 204\n") ||
                              other_has(pair, "HTTP/1.1 1") || other_has(pair, "HTTP/1.0 1"));
}

static inline bool other_connect(const struct other_pair *pair)
{
    return pair->request && other_has(pair, "CONNECT ");
}

static inline bool other_list_of_codings(const struct other_pair *pair)
{
    return pair->ours->chunked && !pair->theirs->chunked;
}

#define OTHER_REQUEST "GET / HTTP/1.1\r\nHost: a\r\n"
#define OTHER_CHUNKED "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OTHER_ANSWER  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* The order matters: the first that fits is the one. */
static const struct other_class other_classes[] = {
    {OTHER_WE_REFUSE,
     "CR without LF",
     "refuse: bad_line_end",
     "take CR for a line end, or drop it",
     "RFC 9112, 2.2: a recipient replaces it or refuses; replacing moves the end of a line",
     true,
     NULL,
     "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     {WEIR_CODE_bad_line_end}},
    {OTHER_WE_REFUSE,
     "blank in or after a field name",
     "refuse: bad_field_name",
     "take it for part of the name",
     "RFC 9112, 5.1: must be 400",
     true,
     NULL,
     OTHER_REQUEST "X : b\r\n\r\n",
     {WEIR_CODE_bad_field_name}},
    {OTHER_WE_REFUSE,
     "NUL or another control in a field value",
     "refuse: bad_field_value",
     "take it",
     "RFC 9110, 5.5: dangerous; what stands behind may end the text there",
     true,
     NULL,
     OTHER_REQUEST "X: \x01\r\n\r\n",
     {WEIR_CODE_bad_field_value}},
    {OTHER_WE_REFUSE,
     "folded field, or a blank before the first field",
     "refuse: folded_field",
     "join or drop the line",
     "RFC 9112, 5.2 and 2.2: a server refuses or replaces; the two readings smuggle",
     true,
     NULL,
     OTHER_REQUEST "X: a\r\n b\r\n\r\n",
     {WEIR_CODE_folded_field}},
    {OTHER_WE_REFUSE,
     "no Host in HTTP/1.1",
     "refuse: missing_host",
     "leave it to the caller",
     "RFC 9112, 3.2: must be 400",
     true,
     NULL,
     "GET / HTTP/1.1\r\n\r\n",
     {WEIR_CODE_missing_host}},
    {OTHER_WE_REFUSE,
     "Host malformed, or twice",
     "refuse: bad_host",
     "leave it to the caller",
     "RFC 9112, 3.2: must be 400",
     true,
     NULL,
     OTHER_REQUEST "Host: b\r\n\r\n",
     {WEIR_CODE_bad_host}},
    {OTHER_WE_REFUSE,
     "request line without a version (HTTP/0.9), or with other blanks or words",
     "refuse: bad_request_line, bad_method, bad_version",
     "take HTTP/0.9, more blanks, `ICE/1.0` and the like",
     "RFC 9112, 3: one SP each; HTTP/0.9 has no framing at all",
     true,
     NULL,
     "GET /\r\n\r\n",
     {WEIR_CODE_bad_request_line, WEIR_CODE_bad_method, WEIR_CODE_bad_version}},
    {OTHER_WE_REFUSE,
     "target with a fragment, octets over 0x7f, or a form that the method has not",
     "refuse: bad_target",
     "take it",
     "RFC 9112, 3.2: four forms; others are for the caller to repair, and repairs differ",
     true,
     NULL,
     "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
     {WEIR_CODE_bad_target}},
    {OTHER_WE_REFUSE,
     "major version other than 1",
     "refuse: version_unsupported",
     "take it",
     "RFC 9110, 2.5: the framing of another major version is not known",
     true,
     NULL,
     "GET / HTTP/3.1\r\nHost: a\r\n\r\n",
     {WEIR_CODE_version_unsupported, WEIR_CODE_http2_preface}},
    {OTHER_WE_REFUSE,
     "expectation other than 100-continue",
     "refuse: expectation_failed",
     "leave it to the caller",
     "RFC 9110, 10.1.1: may be 417",
     true,
     NULL,
     OTHER_REQUEST "Expect: b\r\n\r\n",
     {WEIR_CODE_expectation_failed}},
    {OTHER_WE_REFUSE,
     "status line with other blanks or octets before it, or a status that is not three digits",
     "refuse: bad_status_line",
     "drop leading line ends; take one digit, or more",
     "RFC 9112, 4: form of the line; no server sends others",
     false,
     NULL,
     "\r\nHTTP/1.1 200 OK\r\n\r\n",
     {WEIR_CODE_bad_status_line}},
    {OTHER_WE_REFUSE,
     "malformed chunk: its size, its extension, or what ends it",
     "refuse: bad_chunk",
     "take anything for an extension, and any two octets for the line end after the data",
     "RFC 9112, 7.1: octets after the data that are not CRLF are how requests are smuggled",
     true,
     NULL,
     OTHER_CHUNKED "1\r\nabc0\r\n\r\n",
     {WEIR_CODE_bad_chunk}},
    {OTHER_WE_REFUSE,
     "trailers that are malformed, or of framing",
     "refuse: bad_trailer",
     "take them",
     "RFC 9110, 6.5.1: must not be sent; another reader may believe them",
     true,
     NULL,
     OTHER_CHUNKED "0\r\nContent-Length: 5\r\n\r\n",
     {WEIR_CODE_bad_trailer}},
    {OTHER_WE_REFUSE,
     "transfer coding that is malformed, twice chunked, or in HTTP/1.0",
     "refuse: bad_transfer_encoding, unknown_transfer_coding",
     "take chunked at the end, whatever is before it; a response with another coding ends with the connection",
     "RFC 9112, 6.1 and 7: without knowing the codings the content is not the content",
     false,
     NULL,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
     {WEIR_CODE_bad_transfer_encoding, WEIR_CODE_unknown_transfer_coding}},
    {OTHER_WE_REFUSE,
     "over a limit of ours",
     "refuse: target_too_long, too_many_fields, chunk_extensions_too_large, ...",
     "count the octets of a head alone: 80 KiB",
     "limits are ours to set; here 100 fields",
     true,
     NULL,
     NULL,
     {WEIR_CODE_target_too_long, WEIR_CODE_head_too_large, WEIR_CODE_too_many_fields,
      WEIR_CODE_chunk_extensions_too_large, WEIR_CODE_trailers_too_large}},

    {OTHER_THEY_REFUSE,
     "method that is not in a list",
     "take any token",
     "refuse: INVALID_METHOD",
     "RFC 9110, 9.1: a token; whether it is implemented, the application knows (501)",
     true,
     NULL,
     "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
     {HPE_INVALID_METHOD}},
    {OTHER_THEY_REFUSE,
     "absolute target with a scheme that is not of letters, or a path of other octets",
     "take it",
     "refuse: INVALID_URL",
     "RFC 3986, 3.1: `+`, `-`, `.` and digits stand in a scheme",
     true,
     NULL,
     "GET a-b://c/ HTTP/1.1\r\nHost: a\r\n\r\n",
     {HPE_INVALID_URL}},
    {OTHER_THEY_REFUSE,
     "Content-Length twice with the same number, or beside chunked in a response",
     "take the same number, given twice; a lenient client lets the coding win, and closes",
     "refuse: UNEXPECTED_CONTENT_LENGTH",
     "RFC 9110, 8.6: may be taken as one; RFC 9112, 6.3, for clients",
     true,
     NULL,
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
     {HPE_UNEXPECTED_CONTENT_LENGTH}},
    {OTHER_THEY_REFUSE,
     "Content-Length as a list of one number, or with HTAB behind it",
     "take it",
     "refuse: INVALID_CONTENT_LENGTH",
     "RFC 9110, 8.6 and 5.5: may be taken as one; the blanks are not of the value",
     true,
     NULL,
     OTHER_REQUEST "Content-Length: 0,0\r\n\r\n",
     {HPE_INVALID_CONTENT_LENGTH}},
    {OTHER_THEY_REFUSE,
     "Transfer-Encoding as a list with empty members, in a request",
     "take it",
     "refuse: INVALID_TRANSFER_ENCODING",
     "RFC 9110, 5.6.1: empty members of a list are ignored",
     true,
     NULL,
     "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
     {HPE_INVALID_TRANSFER_ENCODING}},
    {OTHER_THEY_REFUSE,
     "HTAB before a chunk extension",
     "take it",
     "refuse: INVALID_CHUNK_SIZE",
     "RFC 9112, 7.1.1: BWS is SP or HTAB",
     true,
     NULL,
     OTHER_CHUNKED "0\t;a\r\n\r\n",
     {HPE_INVALID_CHUNK_SIZE}},

    {OTHER_FRAMING,
     "204, 304 or 1xx with fields of framing",
     "no content, whatever they say",
     "read the content that they announce",
     "RFC 9112, 6.3, rule 1",
     false,
     other_no_content,
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
     {0}},
    {OTHER_FRAMING,
     "CONNECT with fields of framing",
     "read a content, then answer",
     "end at the head",
     "RFC 9110, 9.3.6: it has no meaning; what is behind the head must not be taken for a request",
     true,
     other_connect,
     "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc",
     {0}},
    {OTHER_FRAMING,
     "Transfer-Encoding as a list with empty members, in a response",
     "chunked",
     "until the connection closes",
     "RFC 9110, 5.6.1: empty members of a list are ignored",
     false,
     other_list_of_codings,
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
     {0}},
};

#define OTHER_CLASS_COUNT (sizeof(other_classes) / sizeof(other_classes[0]))

/* Whether they differ at all. Where one waits for more and the other refuses, it may refuse too later. */
static inline bool other_differs(const struct message *ours, const struct message *theirs)
{
    if (ours->kind == MESSAGE_REFUSED || theirs->kind == MESSAGE_REFUSED) {
        const struct message *kept = ours->kind == MESSAGE_REFUSED ? theirs : ours;
        return kept->kind == MESSAGE_WHOLE || kept->kind == MESSAGE_CLOSE;
    }
    if (ours->kind != theirs->kind)
        return true;
    return ours->kind != MESSAGE_MORE && (ours->used != theirs->used || ours->content_size != theirs->content_size ||
                                          memcmp(ours->content, theirs->content, ours->content_size) != 0);
}

static inline bool other_fits(const struct other_class *class, const struct other_pair *pair)
{
    enum other_side side = pair->ours->kind == MESSAGE_REFUSED     ? OTHER_WE_REFUSE
                           : pair->theirs->kind == MESSAGE_REFUSED ? OTHER_THEY_REFUSE
                                                                   : OTHER_FRAMING;
    if (class->side != side || (class->fits != NULL && !class->fits(pair)))
        return false;
    int code = side == OTHER_WE_REFUSE ? pair->ours->code : pair->theirs->code;
    bool found = side == OTHER_FRAMING;
    for (size_t i = 0; i < sizeof(class->codes) / sizeof(class->codes[0]) && class->codes[i] != 0; i++)
        found |= class->codes[i] == code;
    return found;
}

enum { OTHER_SAME = -1, OTHER_UNKNOWN = -2 };

/* The class of the difference, OTHER_SAME, or OTHER_UNKNOWN: a difference that nobody has explained. A request is
 * read as our server reads it, a response as our client does by default. */
static inline int other_compare(weir_str octets, bool request, struct message *ours, struct message *theirs)
{
    char *copy = fuzz_copy(octets.ptr, octets.len);
    message_read(ours, copy, octets.len, request, !request);
    free(copy);
    other_read(theirs, octets.ptr, octets.len, request);
    if (!other_differs(ours, theirs))
        return OTHER_SAME;
    struct other_pair pair = {ours, theirs, octets, request};
    for (size_t i = 0; i < OTHER_CLASS_COUNT; i++)
        if (other_fits(&other_classes[i], &pair))
            return (int)i;
    return OTHER_UNKNOWN;
}

/* The table of docs/fuzzing.md. Returns its size. */
static inline int other_print(char *text, size_t size)
{
    int at = snprintf(text, size, "| input | Weir | http-parser | why |\n|---|---|---|---|\n");
    for (size_t i = 0; i < OTHER_CLASS_COUNT && (size_t)at < size; i++) {
        const struct other_class *class = &other_classes[i];
        at += snprintf(text + at, size - (size_t)at, "| %s | %s | %s | %s |\n", class->input, class->we, class->they,
                       class->why);
    }
    return at;
}

#endif
