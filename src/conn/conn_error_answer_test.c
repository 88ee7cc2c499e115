/* Goal: what a server answers by itself can be in the application's words, for every error and however early, and is
 * still one whole answer that a strict client reads. Method: tables of what is given, for requests that do not
 * parse, that parse, and whose own answer may not be sent. */
#include "conn/conn_drive.h"

#include <weir/error_answer.h>

#define GOOD "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* What the application gives, and what it was told. */
static struct {
    weir_fields fields;
    weir_str content;
    weir_code result;
    unsigned calls;
    weir_code code;
    unsigned status;
    bool has_exchange;
    char method[16];
    bool twice, none;
} hook;

static void in_words(void *app, const weir_error_info *info, weir_error_answer *answer)
{
    (void)app;
    hook.calls++;
    hook.code = info->code;
    hook.status = info->status;
    hook.has_exchange = info->exchange != NULL;
    snprintf(hook.method, sizeof hook.method, "%.*s", (int)info->method.len, info->method.ptr);
    if (hook.none)
        return;
    hook.result = weir_error_answer_give(answer, hook.fields, hook.content);
    if (hook.twice)
        assert_int_equal(weir_error_answer_give(answer, hook.fields, hook.content), WEIR_CODE_misuse);
}

static struct drive *opened(void)
{
    struct drive *d = drive_new();
    memset(&hook, 0, sizeof hook);
    hook.fields =
        WEIR_FIELDS({WEIR_STR("Content-Type"), WEIR_STR("application/json")}, {WEIR_STR("X-A"), WEIR_STR("b")});
    static weir_field kept[2];
    memcpy(kept, hook.fields.list, sizeof kept);
    hook.fields.list = kept;
    hook.content = WEIR_STR("{\"a\":1}");
    d->options.error_answer = in_words;
    d->options.server_name = WEIR_STR("w");
    d->options.limits.body_size_max = 3;
    d->options.limits.handler_timeout_ns = 2 * WEIR_SECOND;
    return d;
}

static void respond_wrong(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("a b"), WEIR_STR("c")}), weir_body_none());
}

static const struct row {
    const char *ask, *method;
    weir_code code;
    bool exchange, wrong, head;
} rows[] = {
    {"GET / HTTP/1.1\r\n\r\n", "GET", WEIR_CODE_missing_host, false, false, false},
    {"HEAD / HTTP/1.1\r\n\r\n", "HEAD", WEIR_CODE_missing_host, false, false, true},
    {"(", "", WEIR_CODE_bad_method, false, false, false},
    {"PATCH / HTTP/2.0\r\n", "PATCH", WEIR_CODE_version_unsupported, false, false, false},
    {"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "PUT", WEIR_CODE_body_too_large, true, false, false},
    {"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n", "HEAD", WEIR_CODE_body_too_large, true, false, true},
    {GOOD, "GET", WEIR_CODE_handler_timeout, true, false, false},
    {GOOD, "GET", WEIR_CODE_bad_response, true, true, false},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD", WEIR_CODE_bad_response, true, true, true},
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static struct drive *refused(const struct row *row)
{
    struct drive *d = opened();
    d->seed = (uint64_t)(row - rows);
    if (row->wrong)
        d->script.head = respond_wrong;
    return d;
}

static void ask(struct drive *d, const struct row *row)
{
    drive_open(d);
    drive_send(d, row->ask);
    drive_sleep(d, 3 * WEIR_SECOND);
}

static void every_error_in_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        char due[400];
        struct drive *d = refused(row);
        hook.twice = true;
        ask(d, row);
        unsigned status = weir_code_status(row->code);
        weir_str reason = weir_status_reason(status);
        snprintf(due, sizeof due,
                 "HTTP/1.1 %u %.*s\r\nServer: w\r\nContent-Type: application/json\r\nX-A: b\r\nContent-Length: 7\r\n"
                 "%s\r\n%s",
                 status, (int)reason.len, reason.ptr, row->wrong ? "" : "Connection: close\r\n",
                 row->head ? "" : "{\"a\":1}");
        DRIVE_MUST(d, hook.calls == 1 && hook.result == WEIR_OK && hook.code == row->code && hook.status == status);
        DRIVE_MUST(d, hook.has_exchange == row->exchange && strcmp(hook.method, row->method) == 0);
        DRIVE_MUST(d, d->out.size == strlen(due) && memcmp(d->out.octets, due, d->out.size) == 0);
        drive_free(d);
    }
}

/* Weir's own text is sent when nothing is given, or nothing that may be sent. */
static void what_may_not_be_given(void **state)
{
    (void)state;
    static char large[WEIR_ERROR_ANSWER_CONTENT_MAX + 1];
    static const weir_field wrong[][1] = {
        {{WEIR_STR_INIT("a b"), WEIR_STR_INIT("c")}},
        {{WEIR_STR_INIT("a"), WEIR_STR_INIT("b\r\nc: d")}},
        {{WEIR_STR_INIT("content-length"), WEIR_STR_INIT("1")}},
        {{WEIR_STR_INIT("Transfer-Encoding"), WEIR_STR_INIT("chunked")}},
        {{WEIR_STR_INIT("Connection"), WEIR_STR_INIT("keep-alive")}},
        {{WEIR_STR_INIT("Upgrade"), WEIR_STR_INIT("h2c")}},
        {{WEIR_STR_INIT("Trailer"), WEIR_STR_INIT("a")}},
        {{WEIR_STR_INIT("a"), {large, WEIR_ERROR_ANSWER_FIELDS_SIZE_MAX}}},
    };
    static weir_field many[WEIR_ERROR_ANSWER_FIELDS_MAX + 1];
    const size_t count = sizeof wrong / sizeof wrong[0];
    memset(large, 'a', sizeof large);
    for (size_t i = 0; i <= WEIR_ERROR_ANSWER_FIELDS_MAX; i++)
        many[i] = (weir_field){WEIR_STR("a"), WEIR_STR("b")};
    for (size_t i = 0; i < (count + 3) * ROW_COUNT; i++) {
        const struct row *row = &rows[i % ROW_COUNT];
        size_t which = i / ROW_COUNT;
        struct drive *d = refused(row);
        if (which < count)
            hook.fields = (weir_fields){wrong[which], 1};
        else if (which == count)
            hook.fields = (weir_fields){many, WEIR_ERROR_ANSWER_FIELDS_MAX + 1};
        else if (which == count + 1)
            hook.content = (weir_str){large, sizeof large};
        else
            hook.none = true;
        ask(d, row);
        char due[200], begin[32];
        snprintf(begin, sizeof begin, "HTTP/1.1 %u ", weir_code_status(row->code));
        snprintf(due, sizeof due, "%u %s: ", weir_code_status(row->code), weir_code_name(row->code));
        DRIVE_MUST(d, hook.calls == 1 && hook.result == (hook.none ? WEIR_OK : WEIR_CODE_bad_response));
        DRIVE_MUST(d, drive_count(d, "Content-Length: ") == 1 && drive_got(d, begin) && drive_got(d, "text/plain"));
        DRIVE_MUST(d, drive_got(d, due) == !row->head && drive_got(d, "Server: w\r\n"));
        drive_free(d);
    }
}

/* As much as may be given is. */
static void the_most(void **state)
{
    (void)state;
    static char large[WEIR_ERROR_ANSWER_CONTENT_MAX];
    static weir_field many[WEIR_ERROR_ANSWER_FIELDS_MAX];
    memset(large, 'a', sizeof large);
    for (size_t i = 0; i < WEIR_ERROR_ANSWER_FIELDS_MAX; i++)
        many[i] = (weir_field){WEIR_STR("a"), WEIR_STR("b")};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct drive *d = refused(&rows[i]);
        hook.content = (weir_str){large, sizeof large};
        hook.fields = (weir_fields){many, WEIR_ERROR_ANSWER_FIELDS_MAX};
        ask(d, &rows[i]);
        DRIVE_MUST(d, hook.result == WEIR_OK && drive_got(d, "\r\nContent-Length: 65536\r\n"));
        DRIVE_MUST(d, (d->out.size > sizeof large) == !rows[i].head);
        drive_free(d);
    }
}

/* Its own Date and Server take the place of ours. */
static int64_t clock_of_tests(void *app)
{
    (void)app;
    return 0;
}

static void its_own_fields(void **state)
{
    (void)state;
    struct drive *d = refused(&rows[0]);
    const weir_field own[] = {{WEIR_STR("date"), WEIR_STR("now")}, {WEIR_STR("SERVER"), WEIR_STR("me")}};
    d->options.unix_time = clock_of_tests;
    hook.fields = (weir_fields){own, 2};
    ask(d, &rows[0]);
    DRIVE_MUST(d, drive_got(d, "date: now\r\n") && drive_got(d, "SERVER: me\r\n") && !drive_got(d, "Date: ") &&
                      !drive_got(d, "Server: w"));
    drive_free(d);
}

/* Other answers are refused there, and an exchange may be given up. */
static void meddles(void *app, const weir_error_info *info, weir_error_answer *answer)
{
    struct drive *d = app;
    (void)answer;
    hook.calls++;
    assert_ptr_equal(info->exchange, d->x);
    assert_int_equal(weir_respond(d->x, 200, WEIR_NO_FIELDS, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_respond(d->x, 1000, WEIR_NO_FIELDS, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_respond_interim(d->x, 103, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    assert_int_equal(weir_write(d->x, WEIR_STR("a")), 0);
    assert_int_equal(weir_finish(d->x, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    weir_body_resume(d->x);
}

static void nothing_else_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!rows[i].exchange)
            continue;
        struct drive *d = refused(&rows[i]);
        d->options.error_answer = meddles;
        ask(d, &rows[i]);
        DRIVE_MUST(d, hook.calls == 1 && drive_count(d, "HTTP/1.1") == 1 && d->dones == 1);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_in_its_words), cmocka_unit_test(what_may_not_be_given), cmocka_unit_test(the_most),
        cmocka_unit_test(its_own_fields),           cmocka_unit_test(nothing_else_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
