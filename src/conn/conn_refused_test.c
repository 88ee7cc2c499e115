/* Goal: an answer that Weir gives by itself has content, but none to HEAD, whatever is wrong with the request and
 * however early. Method: a table with a request for every code that has a status, asked by GET and by HEAD, whole
 * and octet by octet; the head of both answers must be the same. */
#include "conn/conn_drive.h"

#define START   " / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED START "Transfer-Encoding: chunked\r\n\r\n"

/* Codes with a status that no peer can cause with HEAD, or with a request alone. */
static const weir_code exempt[] = {
    WEIR_CODE_bad_method,     /* HEAD is a right one */
    WEIR_CODE_http2_preface,  /* its method is PRI */
    WEIR_CODE_no_memory,      /* conn_random_test.c */
    WEIR_CODE_internal_error, /* there is none */
    WEIR_CODE_bad_response,   /* conn_answers_test.c */
    WEIR_CODE_memory_limit,   /* conn_memory_test.c */
    WEIR_CODE_bad_escape,     /* what an application finds in a URL or a form: weir/uri.h, weir/form.h */
    WEIR_CODE_bad_form,       /* the same */
    WEIR_CODE_form_limit,     /* the same */
};

static const struct row {
    weir_code code;
    const char *rest; /* behind the method */
    uint64_t wait_ns;
} rows[] = {
    {WEIR_CODE_bad_request_line, " /\r\n\r\n", 0},
    {WEIR_CODE_bad_request_line, "  / HTTP/1.1\r\n\r\n", 0},
    {WEIR_CODE_bad_target, " a HTTP/1.1\r\nHost: a\r\n\r\n", 0},
    {WEIR_CODE_bad_target, " /\x01", 0},
    {WEIR_CODE_bad_version, " / HTTP/x", 0},
    {WEIR_CODE_version_unsupported, " / HTTP/2.0\r\nHost: a\r\n\r\n", 0},
    {WEIR_CODE_version_unsupported, " / HTTP/3.1\r\n", 0},
    {WEIR_CODE_bad_line_end, " / HTTP/1.1\nHost: a\n\n", 0},
    {WEIR_CODE_bad_field_name, START "A B: c\r\n\r\n", 0},
    {WEIR_CODE_bad_field_name, START ": c\r\n\r\n", 0},
    {WEIR_CODE_bad_field_value, START "A: b\x01\r\n\r\n", 0},
    {WEIR_CODE_folded_field, START "A: b\r\n c\r\n\r\n", 0},
    {WEIR_CODE_missing_host, " / HTTP/1.1\r\n\r\n", 0},
    {WEIR_CODE_bad_host, START "Host: b\r\n\r\n", 0},
    {WEIR_CODE_bad_content_length, START "Content-Length: x\r\n\r\n", 0},
    {WEIR_CODE_conflicting_length, START "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0},
    {WEIR_CODE_bad_transfer_encoding, START "Transfer-Encoding: gzip\r\n\r\n", 0},
    {WEIR_CODE_unknown_transfer_coding, START "Transfer-Encoding: gzip, chunked\r\n\r\n", 0},
    {WEIR_CODE_expectation_failed, START "Expect: more\r\n\r\n", 0},
    {WEIR_CODE_target_too_long, " /0123456789012345678901234567890123456789012345678901234567890123456789", 0},
    {WEIR_CODE_head_too_large, START "A: 01234567890123456789\r\nB: 0\r\nC: 0\r\nD: 0\r\nE: 0\r\nF: 0\r\n\r\n", 0},
    {WEIR_CODE_too_many_fields, START "A:\r\nB:\r\nC:\r\n\r\n", 0},
    {WEIR_CODE_body_too_large, START "Content-Length: 6\r\n\r\n", 0},
    {WEIR_CODE_body_too_large, CHUNKED "6\r\n012345", 0},
    {WEIR_CODE_bad_chunk, CHUNKED "x", 0},
    {WEIR_CODE_chunk_extensions_too_large, CHUNKED "1;aaaaaaaaaa\r\n", 0},
    {WEIR_CODE_bad_trailer, CHUNKED "0\r\nA B: c\r\n\r\n", 0},
    {WEIR_CODE_trailers_too_large, CHUNKED "0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", 0},
    {WEIR_CODE_head_timeout, " / HTTP", 20 * WEIR_SECOND},
    {WEIR_CODE_head_timeout, START "A: b", 20 * WEIR_SECOND},
    {WEIR_CODE_body_timeout, START "Content-Length: 5\r\n\r\n", 40 * WEIR_SECOND},
    {WEIR_CODE_body_too_slow, START "Content-Length: 5\r\n\r\nab", 15 * WEIR_SECOND},
    {WEIR_CODE_handler_timeout, START "\r\n", 90 * WEIR_SECOND},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static struct drive *refused(const struct row *row, const char *before, const char *method, size_t read_max)
{
    struct drive *d = drive_new();
    d->seed = (uint64_t)(row - rows);
    d->options.server_name = WEIR_STR("w");
    d->options.limits = (weir_limits){
        .request_line_size_max = 64,
        .head_size_max = 256,
        .field_count_max = 3,
        .body_size_max = 5,
        .chunk_extension_size_max = 8,
        .body_rate_grace_ns = (row->code == WEIR_CODE_body_too_slow ? 10 : 1000) * WEIR_SECOND,
        .handler_timeout_ns = 60 * WEIR_SECOND,
    };
    if (row->code == WEIR_CODE_head_too_large)
        d->options.limits.field_count_max = 100;
    d->read_max = read_max;
    drive_open(d);
    drive_send(d, before);
    drive_send(d, method);
    drive_send(d, row->rest);
    if (row->wait_ns > 0)
        drive_sleep(d, row->wait_ns);
    /* A head that came octet by octet is looked at when a line of it is whole, or no more of it comes. */
    drive_fin(d);
    if (!d->closed)
        drive_sleep(d, 60 * WEIR_SECOND);
    char begin[32];
    snprintf(begin, sizeof begin, "HTTP/1.1 %u ", weir_code_status(row->code));
    DRIVE_MUST(d, d->closed && d->ending.code == row->code && drive_got(d, begin));
    return d;
}

static size_t content_size(const struct drive *d)
{
    const char *end = memmem(d->out.octets, d->out.size, "\r\n\r\n", 4);
    DRIVE_MUST(d, end != NULL);
    return d->out.size - (size_t)(end + 4 - d->out.octets);
}

static void no_content_to_head(void **state)
{
    (void)state;
    static const char *const before[] = {"", "\r\n"};
    for (size_t i = 0; i < ROW_COUNT * 4; i++) {
        const struct row *row = &rows[i / 4];
        struct drive *get = refused(row, before[i / 2 % 2], "GET", i % 2);
        struct drive *head = refused(row, before[i / 2 % 2], "HEAD", i % 2);
        size_t size = content_size(get);
        char length[40];
        snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", size);
        DRIVE_MUST(get, size > 0 && drive_got(get, length));
        DRIVE_MUST(head, content_size(head) == 0);
        DRIVE_MUST(head, head->out.size == get->out.size - size &&
                             memcmp(head->out.octets, get->out.octets, head->out.size) == 0);
        drive_free(get);
        drive_free(head);
    }
}

/* Not HEAD: a longer method, a shorter one, other letters, and one that is not over. */
static void content_to_others(void **state)
{
    (void)state;
    static const char *const methods[] = {"HEADS", "HEA", "head", "XHEAD"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct drive *d = refused(&rows[0], "", methods[i], 0);
        DRIVE_MUST(d, content_size(d) > 0);
        drive_free(d);
    }
    static const struct row cut = {WEIR_CODE_head_timeout, "", 20 * WEIR_SECOND};
    struct drive *d = refused(&cut, "", "HEAD", 0);
    DRIVE_MUST(d, content_size(d) > 0);
    drive_free(d);
}

static void every_code_has_a_row(void **state)
{
    (void)state;
    for (unsigned code = 0; code < WEIR_CODE_COUNT; code++) {
        bool found = weir_code_status((weir_code)code) == 0;
        for (size_t i = 0; i < ROW_COUNT; i++)
            found |= rows[i].code == code;
        for (size_t i = 0; i < sizeof exempt / sizeof exempt[0]; i++)
            found |= exempt[i] == code;
        if (!found)
            print_error("no request for %s\n", weir_code_name((weir_code)code));
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_content_to_head),
        cmocka_unit_test(content_to_others),
        cmocka_unit_test(every_code_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
