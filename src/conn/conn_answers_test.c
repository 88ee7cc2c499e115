/* Goal: an answer is on the wire exactly what HTTP asks for, and what may not be sent never is. Method: every kind
 * of body against versions, methods and statuses, octet for octet under a fixed clock, the expected made by the
 * rules of RFC 9112 and not by the writer; tables of what is refused; interim answers, trailers, 100 (Continue), and
 * switches. */
#include "conn/conn_drive.h"

#define DATE       "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define GET        "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define LARGE_SIZE 5000

static char large[LARGE_SIZE];

static int64_t fixed_time(void *app)
{
    (void)app;
    return 784111777;
}

/* What the handler answers with, at once. */
static struct plan {
    unsigned status;
    const char *reason; /* null: the usual one */
    weir_fields fields;
    weir_body body;
    weir_code code; /* what weir_respond said */
} plan;

static void respond(struct drive *d, weir_exchange *x)
{
    (void)d;
    plan.code = plan.reason == NULL
                    ? weir_respond(x, plan.status, plan.fields, plan.body)
                    : weir_respond_reason(x, plan.status, weir_str_from(plan.reason), plan.fields, plan.body);
    if (plan.code != WEIR_OK || (plan.body.kind != WEIR_BODY_STREAM && plan.body.kind != WEIR_BODY_SIZED))
        return;
    (void)weir_write(x, WEIR_STR("hel"));
    (void)weir_write(x, WEIR_STR("lo"));
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

static struct drive *open_drive(void (*head)(struct drive *d, weir_exchange *x))
{
    struct drive *d = drive_new();
    d->options.unix_time = fixed_time;
    d->script.head = head;
    drive_open(d);
    return d;
}

static void expect_out(const struct drive *d, const char *octets, size_t size)
{
    DRIVE_MUST(d, d->out.size == size && memcmp(d->out.octets, octets, size) == 0);
}

#define EXPECT(d, text) expect_out(d, text, sizeof(text) - 1)

/* --- every body ------------------------------------------------------------------------------------------------- */

struct ask {
    const char *text;
    bool head, old, keeps;
};

static const struct ask asks[] = {
    {GET, false, false, true},
    {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", true, false, true},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false, false},
    {"GET / HTTP/1.0\r\n\r\n", false, true, false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, true, true},
    {"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, true, true},
};

static int make_file(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite("..hello..", 1, 9, file), 9);
    assert_int_equal(fflush(file), 0);
    return dup(fileno(file)); /* the stream is left to the end of the process */
}

static bool body_streams(const weir_body *body)
{
    return body->kind == WEIR_BODY_STREAM;
}

/* By the rules: which head and which octets an answer of that status and body has to that request. */
static size_t expected(char *to, size_t size, const struct ask *ask, unsigned status, const weir_body *body,
                       bool *keeps)
{
    bool large_one = body->octets.len == LARGE_SIZE, none = body->kind == WEIR_BODY_NONE;
    bool bare = status == 204 || status == 304, content = !bare && !ask->head && !none;
    bool until_close = body_streams(body) && ask->old && content;
    *keeps = ask->keeps && !until_close;
    int n = snprintf(to, size, "HTTP/1.1 %u %s\r\n" DATE, status, weir_status_reason(status).ptr);
    if (!bare && !body_streams(body) && !(none && ask->head))
        n += snprintf(to + n, size - (size_t)n, "Content-Length: %d\r\n", none ? 0 : large_one ? LARGE_SIZE : 5);
    if (body_streams(body) && content && !ask->old)
        n += snprintf(to + n, size - (size_t)n, "Transfer-Encoding: chunked\r\n");
    if (!*keeps || ask->old)
        n += snprintf(to + n, size - (size_t)n, "Connection: %s\r\n", *keeps ? "keep-alive" : "close");
    n += snprintf(to + n, size - (size_t)n, "\r\n");
    if (content && body_streams(body) && !until_close)
        n += snprintf(to + n, size - (size_t)n, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    else if (content)
        n += snprintf(to + n, size - (size_t)n, "%.*s", large_one ? LARGE_SIZE : 5, large_one ? large : "hello");
    return (size_t)n;
}

static void every_body(void **state)
{
    (void)state;
    static const unsigned statuses[] = {200, 204, 304, 404};
    static char want[2 * LARGE_SIZE];
    memset(large, 'L', sizeof large);
    int fd = make_file();
    const weir_str long_one = {large, sizeof large};
    const weir_body bodies[] = {
        weir_body_none(),
        weir_body_borrow(WEIR_STR("hello")),
        weir_body_borrow(long_one),
        weir_body_copy(long_one),
        weir_body_copy(WEIR_STR("hello")),
        weir_body_file(fd, 2, 5),
        weir_body_stream(),
        weir_body_sized(5),
    };
    for (size_t a = 0; a < sizeof asks / sizeof asks[0]; a++) {
        for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
            for (size_t s = 0; s < 4; s++) {
                bool keeps;
                size_t size = expected(want, sizeof want, &asks[a], statuses[s], &bodies[b], &keeps);
                plan = (struct plan){.status = statuses[s], .body = bodies[b]};
                struct drive *d = open_drive(respond);
                d->seed = a * 100 + b * 10 + s;
                drive_send(d, asks[a].text);
                expect_out(d, want, size);
                assert_int_equal(plan.code, WEIR_OK);
                DRIVE_MUST(d, drive_logged(d, "done complete") && (d->closed || d->shut) == !keeps);
                drive_free(d);
            }
        }
    }
    close(fd);
}

static void a_file_in_pieces(void **state)
{
    (void)state;
    int fd = make_file();
    plan = (struct plan){.status = 200, .body = weir_body_file(fd, 2, 5)};
    struct drive *d = open_drive(respond);
    d->write_left = 0;
    drive_send(d, GET);
    weir_output pieces[8];
    size_t count = weir_conn_output(d->engine, pieces, 8);
    assert_int_equal(count, 2);
    assert_int_equal(pieces[0].fd, -1);
    assert_int_equal(pieces[1].fd, fd);
    assert_int_equal(pieces[1].offset, 2);
    assert_int_equal(pieces[1].len, 5);
    d->write_left = pieces[0].len + 2;
    drive_step(d);
    assert_int_equal(weir_conn_output(d->engine, pieces, 8), 1);
    assert_int_equal(pieces[0].offset, 4);
    assert_int_equal(pieces[0].len, 3);
    drive_free(d);

    /* It is shorter than was said: only a reset can tell the peer. */
    plan.body = weir_body_file(fd, 2, 100);
    d = open_drive(respond);
    drive_send(d, GET);
    DRIVE_MUST(d, d->was_abort);
    DRIVE_ENDED(d, response, body_source_failed, partial, fault);
    drive_free(d);
    close(fd);
}

/* --- fields of the application ---------------------------------------------------------------------------------- */

#define F(name, value)                                                                                                 \
    {                                                                                                                  \
        WEIR_STR_INIT(name), WEIR_STR_INIT(value)                                                                      \
    }
#define FIELDS(...)                                                                                                    \
    {                                                                                                                  \
        .list = (const weir_field[]){__VA_ARGS__},                                                                     \
        .count = sizeof((const weir_field[]){__VA_ARGS__}) / sizeof(weir_field)                                        \
    }

static void given_fields(void **state)
{
    (void)state;
    const struct {
        const char *ask;
        weir_fields fields;
        weir_body body;
        const char *head; /* after the status line */
        bool closes;
    } rows[] = {
        {GET, FIELDS(F("Date", "mine")), weir_body_none(), "Date: mine\r\nContent-Length: 0\r\n", false},
        {GET, FIELDS(F("sErVeR", "mine")), weir_body_none(), DATE "sErVeR: mine\r\nContent-Length: 0\r\n", false},
        /* What one field said another of a name as long does not take back. */
        {GET, FIELDS(F("Date", "mine"), F("Vary", "a")), weir_body_none(),
         "Date: mine\r\nVary: a\r\nContent-Length: 0\r\n", false},
        {GET, FIELDS(F("If-Modified-Since", "a")), weir_body_none(),
         DATE "If-Modified-Since: a\r\nContent-Length: 0\r\n", false},
        {GET, FIELDS(F("Upgrade", "h2c"), F("Trailer", "a")), weir_body_none(),
         DATE "Upgrade: h2c\r\nTrailer: a\r\nContent-Length: 0\r\nConnection: upgrade\r\n", false},
        {GET, FIELDS(F("Connection", "close"), F("Connection", "x")), weir_body_none(),
         DATE "Connection: close\r\nConnection: x\r\nContent-Length: 0\r\n", true},
        {GET, FIELDS(F("content-length", "5")), weir_body_copy(WEIR_STR("hello")), DATE "content-length: 5\r\n", false},
        {GET, FIELDS(F("Content-Length", "5")), weir_body_stream(), DATE "Content-Length: 5\r\n", false},
        {GET, FIELDS(F("Transfer-Encoding", "chunked")), weir_body_stream(), DATE "Transfer-Encoding: chunked\r\n",
         false},
        {asks[3].text, FIELDS(F("Transfer-Encoding", "chunked")), weir_body_stream(), DATE "Connection: close\r\n",
         true},
        {GET, FIELDS(F("Connection", "close")), weir_body_none(), DATE "Connection: close\r\nContent-Length: 0\r\n",
         true},
        {GET, FIELDS(F("Connection", "x, Close")), weir_body_none(),
         DATE "Connection: x, Close\r\nContent-Length: 0\r\n", true},
        {GET, FIELDS(F("Connection", "keep-alive")), weir_body_none(),
         DATE "Connection: keep-alive\r\nContent-Length: 0\r\n", false},
        {asks[2].text, FIELDS(F("Connection", "close")), weir_body_none(),
         DATE "Connection: close\r\nContent-Length: 0\r\n", true},
        {asks[1].text, FIELDS(F("Content-Length", "123")), weir_body_none(), DATE "Content-Length: 123\r\n", false},
        {asks[1].text, FIELDS(F("Content-Length", "123")), weir_body_copy(WEIR_STR("hello")),
         DATE "Content-Length: 123\r\n", false},
        {GET, FIELDS(F("B", "2"), F("a", ""), F("b", "\"x\ty\""), F("A", "1,\xe9")), weir_body_none(),
         DATE "B: 2\r\na: \r\nb: \"x\ty\"\r\nA: 1,\xe9\r\nContent-Length: 0\r\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[512];
        plan = (struct plan){.status = 200, .fields = rows[i].fields, .body = rows[i].body};
        struct drive *d = open_drive(respond);
        d->seed = i;
        drive_send(d, rows[i].ask);
        int n = snprintf(want, sizeof want, "HTTP/1.1 200 OK\r\n%s\r\n", rows[i].head);
        DRIVE_MUST(d, plan.code == WEIR_OK && d->out.size >= (size_t)n);
        DRIVE_MUST(d, memcmp(d->out.octets, want, (size_t)n) == 0 && (d->closed || d->shut) == rows[i].closes);
        drive_free(d);
    }
}

static void the_servers_name(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    plan = (struct plan){.status = 200};
    d->script.head = respond;
    d->options.server_name = WEIR_STR("weir");
    drive_open(d); /* and no wall clock */
    drive_send(d, GET);
    EXPECT(d, "HTTP/1.1 200 OK\r\nServer: weir\r\nContent-Length: 0\r\n\r\n");
    drive_free(d);
}

static void reasons(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *reason, *line;
    } rows[] = {
        {200, "Fine, \xc3\xa9", "HTTP/1.1 200 Fine, \xc3\xa9\r\n"},
        {200, "", "HTTP/1.1 200 \r\n"},
        {299, NULL, "HTTP/1.1 299 \r\n"},
        {999, NULL, "HTTP/1.1 999 \r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        plan = (struct plan){.status = rows[i].status, .reason = rows[i].reason};
        struct drive *d = open_drive(respond);
        drive_send(d, GET);
        DRIVE_MUST(d, d->out.size > 20 && memcmp(d->out.octets, rows[i].line, strlen(rows[i].line)) == 0);
        drive_free(d);
    }
}

/* --- what may not be sent --------------------------------------------------------------------------------------- */

#define REFUSAL "500 bad_response: the application's answer may not be sent\n"

static void refused(void **state)
{
    (void)state;
    const weir_body none = weir_body_none(), hello = weir_body_copy(WEIR_STR("hello"));
    const struct plan rows[] = {
        {.status = 200, .fields = FIELDS(F("", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("Bad name", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("Bad:", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("Bad\r\nEvil", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("Bad\0", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("Bad\xe9", "v")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "v\r\nEvil: 1")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "v\nEvil: 1")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "v\rEvil: 1")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "v\r\n\r\nHTTP/1.1 200 Evil")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "Evil\0")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "Evil\x7f")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", " Evil")), .body = none},
        {.status = 200, .fields = FIELDS(F("X", "Evil\t")), .body = none},
        {.status = 200, .fields = FIELDS(F("Good", "1"), F("X", "Evil\n")), .body = none},
        {.status = 200, .reason = "OK\r\nEvil: 1", .body = none},
        {.status = 200, .reason = " Evil", .body = none},
        {.status = 200, .reason = "Evil\x01", .body = none},
        {.status = 200, .fields = FIELDS(F("Content-Length", "4")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "6")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "5, 5")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "+5")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "0x5")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "5"), F("content-length", "5")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Content-Length", "18446744073709551621")), .body = weir_body_stream()},
        {.status = 200, .fields = FIELDS(F("Content-Length", "99999999999999999999")), .body = weir_body_stream()},
        {.status = 200, .fields = FIELDS(F("Content-Length", "4")), .body = weir_body_sized(5)},
        {.status = 204, .fields = FIELDS(F("Content-Length", "0")), .body = none},
        {.status = 200, .fields = FIELDS(F("Transfer-Encoding", "chunked")), .body = hello},
        {.status = 200, .fields = FIELDS(F("Transfer-Encoding", "gzip, chunked")), .body = weir_body_stream()},
        {.status = 200, .fields = FIELDS(F("Transfer-Encoding", "identity")), .body = weir_body_stream()},
        {.status = 200, .fields = FIELDS(F("Transfer-Encoding", "chunked")), .body = weir_body_sized(5)},
        {.status = 0, .body = none},
        {.status = 99, .body = none},
        {.status = 100, .body = none},
        {.status = 101, .body = none},
        {.status = 103, .body = none},
        {.status = 1000, .body = none},
        {.status = UINT32_MAX, .body = none},
        {.status = 101, .body = weir_body_tunnel()},
        {.status = 200, .body = weir_body_tunnel()},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[512];
        plan = rows[i];
        struct drive *d = open_drive(respond);
        d->seed = i;
        drive_send(d, GET);
        int n = snprintf(want, sizeof want,
                         "HTTP/1.1 500 Internal Server Error\r\n" DATE
                         "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n" REFUSAL,
                         sizeof REFUSAL - 1);
        DRIVE_MUST(d, plan.code == WEIR_CODE_bad_response);
        expect_out(d, want, (size_t)n);
        DRIVE_MUST(d, drive_logged(d, "done bad_response"));
        /* The connection is none the worse for it. */
        plan = (struct plan){.status = 204};
        drive_send(d, GET);
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 204 No Content\r\n" DATE "\r\n"));
        drive_free(d);
    }
}

/* --- heads of any size ------------------------------------------------------------------------------------------ */

static struct {
    size_t reason, server, value, content;
    bool stream;
} sizes;

static char filler[8192];

static void respond_sizes(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body body = sizes.stream ? weir_body_stream() : weir_body_copy((weir_str){filler, sizes.content});
    assert_int_equal(weir_respond_reason(x, 426, (weir_str){filler, sizes.reason},
                                         WEIR_FIELDS({WEIR_STR("A"), {filler, sizes.value}},
                                                     {WEIR_STR("Upgrade"), WEIR_STR("e")}),
                                         body),
                     WEIR_OK);
    if (sizes.stream)
        assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

/* Each part of a head may be large while the others are not: the room for it is for all of them (an assertion holds
 * it). */
static void heads_of_any_size(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 100, 8000};
    memset(filler, 'a', sizeof filler);
    for (unsigned i = 0; i < 4 * 4 * 4 * 4 * 2; i++) {
        sizes.reason = lengths[i % 4];
        sizes.server = lengths[i / 4 % 4];
        sizes.value = lengths[i / 16 % 4];
        sizes.content = lengths[i / 64 % 4];
        sizes.stream = i / 256 != 0;
        struct drive *d = drive_new();
        d->seed = i;
        d->options.unix_time = fixed_time;
        d->options.server_name = (weir_str){filler, sizes.server};
        d->script.head = respond_sizes;
        drive_open(d);
        drive_send(d, asks[2].text);
        size_t fields = (sizes.server > 0 ? sizes.server + 10 : 0) + sizes.value + 5 + 12 + 21 + 19;
        char length[40];
        int framing = snprintf(length, sizeof length, "Content-Length: %zu\r\n", sizes.content);
        size_t due = 13 + sizes.reason + 2 + sizeof DATE - 1 + fields + 2 +
                     (sizes.stream ? 28 + 5 : (size_t)framing + sizes.content);
        DRIVE_MUST(d, d->out.size == due);
        drive_free(d);
    }
}

/* --- trailers --------------------------------------------------------------------------------------------------- */

static weir_fields trailers;
static weir_code finished;

static void respond_with_trailers(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream()), WEIR_OK);
    (void)weir_write(x, WEIR_STR("hello"));
    finished = weir_finish(x, trailers);
}

static void trailers_of_answers(void **state)
{
    (void)state;
    trailers = (weir_fields)FIELDS(F("X-Sum", "1"), F("x-sum", "2"));
    struct drive *d = open_drive(respond_with_trailers);
    drive_send(d, GET);
    EXPECT(d, "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n"
              "5\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n");
    assert_int_equal(finished, WEIR_OK);
    drive_free(d);

    d = open_drive(respond_with_trailers);
    drive_send(d, asks[3].text); /* no chunks, no trailers */
    EXPECT(d, "HTTP/1.1 200 OK\r\n" DATE "Connection: close\r\n\r\nhello");
    assert_int_equal(finished, WEIR_OK);
    drive_free(d);
}

static void trailers_that_may_not_be_sent(void **state)
{
    (void)state;
    const weir_fields rows[] = {
        FIELDS(F("Content-Length", "5")),
        FIELDS(F("transfer-encoding", "chunked")),
        FIELDS(F("Host", "b")),
        FIELDS(F("Authorization", "b")),
        FIELDS(F("Set-Cookie", "b")),
        FIELDS(F("Trailer", "b")),
        FIELDS(F("X", "a\r\nEvil: 1")),
        FIELDS(F("X y", "a")),
        FIELDS(F("", "a")),
        FIELDS(F("Ok", "1"), F("X", "a\n\n")),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        trailers = rows[i];
        struct drive *d = open_drive(respond_with_trailers);
        d->seed = i;
        drive_send(d, GET);
        EXPECT(d, "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        DRIVE_MUST(d, finished == WEIR_CODE_bad_response && drive_logged(d, "done bad_response"));
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body),
        cmocka_unit_test(a_file_in_pieces),
        cmocka_unit_test(given_fields),
        cmocka_unit_test(the_servers_name),
        cmocka_unit_test(reasons),
        cmocka_unit_test(refused),
        cmocka_unit_test(heads_of_any_size),
        cmocka_unit_test(trailers_of_answers),
        cmocka_unit_test(trailers_that_may_not_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
