#include "h1/meaning.h"

#include "http/chars.h"
#include "http/scan.h"
#include "http/target.h"

#define LENGTH_MAX (UINT64_MAX >> 1)

/* Framing, routing, authentication, and what says how to process the content: RFC 9110, 6.5.1. */
static const weir_str forbidden_trailers[] = {
    WEIR_STR("te"),
    WEIR_STR("host"),
    WEIR_STR("range"),
    WEIR_STR("cookie"),
    WEIR_STR("expect"),
    WEIR_STR("pragma"),
    WEIR_STR("trailer"),
    WEIR_STR("upgrade"),
    WEIR_STR("if-match"),
    WEIR_STR("if-range"),
    WEIR_STR("connection"),
    WEIR_STR("keep-alive"),
    WEIR_STR("set-cookie"),
    WEIR_STR("content-type"),
    WEIR_STR("max-forwards"),
    WEIR_STR("authorization"),
    WEIR_STR("cache-control"),
    WEIR_STR("content-range"),
    WEIR_STR("if-none-match"),
    WEIR_STR("content-length"),
    WEIR_STR("content-encoding"),
    WEIR_STR("proxy-connection"),
    WEIR_STR("www-authenticate"),
    WEIR_STR("if-modified-since"),
    WEIR_STR("transfer-encoding"),
    WEIR_STR("proxy-authenticate"),
    WEIR_STR("if-unmodified-since"),
    WEIR_STR("proxy-authorization"),
};

bool h1_trailer_forbidden(weir_str name)
{
    for (size_t i = 0; i < sizeof(forbidden_trailers) / sizeof(forbidden_trailers[0]); i++) {
        if (http_text_is(name, forbidden_trailers[i]))
            return true;
    }
    return false;
}

/* In a trailer section it can only be meant to mislead another reader of the same octets. */
static bool is_of_framing(weir_str name)
{
    return http_text_is(name, WEIR_STR("content-length")) || http_text_is(name, WEIR_STR("transfer-encoding"));
}

/* 1*DIGIT up to 2^63 - 1. Never the C library's: it lets blanks, signs and prefixes pass. */
static bool parse_length(weir_str text, uint64_t *length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_char_is(text.ptr[i], HTTP_CHAR_DIGIT))
            return false;
        unsigned digit = http_hex_value(text.ptr[i]);
        if (value > (LENGTH_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *length = value;
    return text.len > 0;
}

/* One length, or a list of equal ones as some intermediaries make it of several lines (RFC 9110, 8.6). An empty member
 * is no number, unlike in other lists. */
static weir_code take_content_length(const struct h1_meaning *meaning, struct http_head *head, weir_str value)
{
    for (bool more = true; more;) {
        const char *comma = value.len > 0 ? memchr(value.ptr, ',', value.len) : NULL;
        size_t size = comma != NULL ? (size_t)(comma - value.ptr) : value.len;
        uint64_t length;
        if (!parse_length(http_trim((weir_str){value.ptr, size}), &length))
            return WEIR_CODE_bad_content_length;
        if (head->has_length && head->length != length)
            return WEIR_CODE_bad_content_length;
        head->has_length = true;
        head->length = length;
        more = comma != NULL;
        if (more)
            value = (weir_str){value.ptr + size + 1, value.len - size - 1};
    }
    bool both_pass = meaning->lenient && meaning->kind == H1_KIND_RESPONSE;
    return meaning->coded && !both_pass ? WEIR_CODE_conflicting_length : WEIR_OK;
}

/* A token, then nothing or parameters, which chunked does not have. Nothing may follow chunked. */
static weir_code take_coding(struct h1_meaning *meaning, struct http_head *head, weir_str coding)
{
    const char *end = coding.ptr + coding.len;
    const char *name_end = http_scan_name(coding.ptr, end);
    const char *rest = http_chars_span(name_end, end, HTTP_CHAR_BLANK);
    if (name_end == coding.ptr || (rest < end && *rest != ';'))
        return WEIR_CODE_bad_transfer_encoding;
    weir_str name = {coding.ptr, (size_t)(name_end - coding.ptr)};
    bool chunked = http_text_is(name, WEIR_STR("chunked"));
    if (head->chunked || (chunked && rest < end))
        return WEIR_CODE_bad_transfer_encoding;
    head->chunked = chunked;
    if (!chunked && http_text_is(name, WEIR_STR("identity")) && rest == end)
        meaning->identity_coded = true;
    else if (!chunked)
        meaning->unknown_coded = true;
    return WEIR_OK;
}

static weir_code take_transfer_encoding(struct h1_meaning *meaning, struct http_head *head, weir_str value)
{
    if (head->version < 11)
        return WEIR_CODE_bad_transfer_encoding;
    weir_str coding;
    bool any = false;
    while (weir_list_next(&value, &coding)) {
        weir_code code = take_coding(meaning, head, coding);
        if (code != WEIR_OK)
            return code;
        any = true;
    }
    if (!any)
        return WEIR_CODE_bad_transfer_encoding;
    meaning->coded = true;
    bool both_pass = meaning->lenient && meaning->kind == H1_KIND_RESPONSE;
    return head->has_length && !both_pass ? WEIR_CODE_conflicting_length : WEIR_OK;
}

static weir_code take_host(struct http_head *head, weir_str value)
{
    if (head->host.ptr != NULL || !http_host_valid(value))
        return WEIR_CODE_bad_host;
    head->host = value;
    return WEIR_OK;
}

static void take_connection_option(struct h1_meaning *meaning, struct http_head *head, weir_str option)
{
    if (http_text_is(option, WEIR_STR("keep-alive")))
        head->keep_alive = true;
    else if (http_text_is(option, WEIR_STR("close")))
        head->close = true;
    else if (http_text_is(option, WEIR_STR("upgrade")))
        meaning->named_upgrade = true;
}

static void take_connection(struct h1_meaning *meaning, struct http_head *head, weir_str value)
{
    if (value.len <= 10 && memchr(value.ptr, ',', value.len) == NULL) {
        take_connection_option(meaning, head, value);
        return;
    }
    weir_str option;
    while (weir_list_next(&value, &option))
        take_connection_option(meaning, head, option);
}

/* HTTP/1.0 did not know it, and one who speaks 1.0 may have passed it on without knowing (RFC 9110, 10.1.1). */
static weir_code take_expect(struct http_head *head, weir_str value)
{
    weir_str expectation;
    while (weir_list_next(&value, &expectation)) {
        if (!http_text_is(expectation, WEIR_STR("100-continue")))
            return WEIR_CODE_expectation_failed;
        head->expect_continue = head->version >= 11;
    }
    return WEIR_OK;
}

static void take_te(struct http_head *head, weir_str value)
{
    weir_str coding;
    while (weir_list_next(&value, &coding)) {
        if (http_text_is(coding, WEIR_STR("trailers")))
            head->te_trailers = true;
    }
}

static weir_code take_request_field(struct http_head *head, const weir_field *field)
{
    if (http_text_is(field->name, WEIR_STR("host")))
        return take_host(head, field->value);
    if (http_text_is(field->name, WEIR_STR("expect")))
        return take_expect(head, field->value);
    if (http_text_is(field->name, WEIR_STR("te")))
        take_te(head, field->value);
    return WEIR_OK;
}

weir_code h1_meaning_take(struct h1_meaning *meaning, struct http_head *head, const weir_field *field)
{
    if (meaning->kind == H1_KIND_TRAILERS)
        return is_of_framing(field->name) ? WEIR_CODE_bad_trailer : WEIR_OK;
    bool framed = !meaning->connect || head->status / 100 != 2;
    weir_str name = field->name;
    char first = (char)(name.ptr[0] | 0x20);
    switch (name.len) {
    case 7:
        if (first == 'u' && http_text_is(name, WEIR_STR("upgrade")))
            meaning->has_upgrade = true;
        return WEIR_OK;
    case 10:
        if (first == 'c' && http_text_is(name, WEIR_STR("connection")))
            take_connection(meaning, head, field->value);
        return WEIR_OK;
    case 14:
        if (first == 'c' && framed && http_text_is(name, WEIR_STR("content-length")))
            return take_content_length(meaning, head, field->value);
        return WEIR_OK;
    case 17:
        if (first == 't' && framed && http_text_is(name, WEIR_STR("transfer-encoding")))
            return take_transfer_encoding(meaning, head, field->value);
        return WEIR_OK;
    default:
        return meaning->kind == H1_KIND_REQUEST ? take_request_field(head, field) : WEIR_OK;
    }
}

/* A coding that is not undone is an error for a client too: what would be given out is not the content. */
static weir_code finish_coding(const struct h1_meaning *meaning, const struct http_head *head)
{
    if (!head->chunked)
        return WEIR_CODE_bad_transfer_encoding;
    bool other = meaning->unknown_coded || meaning->identity_coded;
    return other ? WEIR_CODE_unknown_transfer_coding : WEIR_OK;
}

/* Servers of RFC 2616 sent `identity`, which is no coding, with a Content-Length or until close. */
static bool is_identity(const struct h1_meaning *meaning, const struct http_head *head)
{
    return meaning->lenient && meaning->kind == H1_KIND_RESPONSE && meaning->identity_coded &&
           !meaning->unknown_coded && !head->chunked;
}

weir_code h1_meaning_finish(const struct h1_meaning *meaning, struct http_head *head)
{
    if (meaning->kind == H1_KIND_TRAILERS)
        return WEIR_OK;
    if (meaning->coded && !is_identity(meaning, head)) {
        weir_code code = finish_coding(meaning, head);
        if (code != WEIR_OK)
            return code;
        if (head->has_length) {
            /* A lenient response with both: the coding wins, and the connection has been in doubtful hands (RFC 9112,
             * 6.3). */
            head->has_length = false;
            head->length = 0;
            head->close = true;
        }
    }
    if (meaning->kind == H1_KIND_REQUEST && head->version >= 11 && head->host.ptr == NULL)
        return WEIR_CODE_missing_host;
    /* An Upgrade in HTTP/1.0 is to be ignored (RFC 9110, 7.8). */
    head->upgrade = meaning->named_upgrade && meaning->has_upgrade && head->version >= 11;
    if (head->close)
        head->keep_alive = false;
    return WEIR_OK;
}
