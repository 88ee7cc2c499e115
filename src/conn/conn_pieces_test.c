/* Goal: how octets are cut changes nothing, and a lack of memory anywhere ends a connection for that reason and
 * loses none. Method: one conversation with a bit of everything, whole, octet by octet, and cut by chance in both
 * directions; then again with the n-th allocation failing, for each n there is. */
#include "conn/conn_drive.h"

#define MANY "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: 6\r\nG: 7\r\nH: 8\r\nI: 9\r\n"

static const char conversation[] = "\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\n\r\n"
                                   "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
                                   "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n" MANY "T: 1\r\nU: 2\r\n\r\n"
                                   "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /stream HTTP/1.1\r\nHost: a\r\n" MANY MANY MANY "\r\n"
                                   "GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                                   "GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /bad HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
                                   "tunnelled octets";

static char large[100000];

/* The length goes out as it was fixed before, so that no cut can show in it. */
static void answer(struct drive *d, weir_exchange *x)
{
    weir_str path = weir_request_path(x);
    (void)d;
    if (weir_str_equal(path, WEIR_STR("/stream"))) {
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream());
        (void)weir_write(x, WEIR_STR("written, "));
        (void)weir_write_borrow(x, WEIR_STR("borrowed"));
        (void)weir_finish(x, WEIR_FIELDS({WEIR_STR("Trailer-A"), WEIR_STR("t")}));
    } else if (weir_str_equal(path, WEIR_STR("/large"))) {
        (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){large, sizeof large}));
    } else if (weir_str_equal(path, WEIR_STR("/bad"))) {
        (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("A"), WEIR_STR("b\nc")}), weir_body_none());
    } else if (weir_str_equal(path, WEIR_STR("/up"))) {
        (void)weir_respond(x, 101, WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("echo")}), weir_body_tunnel());
    } else {
        (void)weir_respond_interim(x, 103, WEIR_FIELDS({WEIR_STR("Link"), WEIR_STR("</l>")}));
        (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("X"), WEIR_STR("y")}), weir_body_copy(path));
    }
}

static void end(struct drive *d, weir_exchange *x)
{
    weir_fields trailers = weir_exchange_trailers(x);
    for (size_t i = 0; i < trailers.count; i++)
        drive_log(d, "trailer %.*s; ", (int)trailers.list[i].name.len, trailers.list[i].name.ptr);
    if (weir_str_equal(weir_request_path(x), WEIR_STR("/up")) && weir_write_room(x) > 0)
        (void)weir_finish(x, WEIR_NO_FIELDS);
    else
        answer(d, x);
}

static void converse(struct drive *d)
{
    d->script.end = end;
    if (!drive_try_open(d))
        return;
    drive_send_octets(d, conversation, sizeof conversation - 1);
    if (d->engine != NULL)
        drive_fin(d);
    if (d->engine != NULL)
        drive_sleep(d, 100 * WEIR_SECOND);
    DRIVE_MUST(d, d->closed);
}

/* The log without what says how a body was cut, and when an answer had left. */
static void normal(char *text, const struct drive *d)
{
    size_t size = 0;
    for (const char *at = d->log; *at != '\0';) {
        const char *over = strncmp(at, "done complete unconfirmed; ", 27) == 0 ? at + 27
                           : strncmp(at, "body ", 5) == 0                      ? at + 5
                           : strncmp(at, "; ", 2) == 0                         ? at + 2
                                                                               : at;
        if (over == at)
            text[size++] = *over++;
        at = over;
    }
    text[size] = '\0';
}

static void same_whatever_the_pieces(void **state)
{
    (void)state;
    static char expected[DRIVE_LOG_MAX], got[DRIVE_LOG_MAX];
    struct drive *whole = drive_new();
    converse(whole);
    normal(expected, whole);
    assert_true(drive_got(whole, "101 ") && drive_got(whole, "Trailer-A: t") && drive_got(whole, "500 "));
    assert_true(drive_logged(whole, "tunnelled octets") && drive_logged(whole, "trailer U"));
    assert_int_equal(whole->dones, 9);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct drive *d = drive_new();
        d->seed = seed;
        d->read_max = seed == 1 ? 1 : 1 + seed * 7919 % 97;
        d->write_max = seed % 3 == 0 ? 0 : 1 + seed * 104729 % 1500;
        d->write_max = seed == 2 ? 1 : d->write_max;
        converse(d);
        normal(got, d);
        assert_string_equal(got, expected);
        DRIVE_MUST(d, d->out.size == whole->out.size);
        assert_memory_equal(d->out.octets, whole->out.octets, d->out.size);
        assert_int_equal(d->ending.code, whole->ending.code);
        assert_int_equal(d->ending.delivery, WEIR_DELIVERY_DELIVERED);
        drive_free(d);
    }
    drive_free(whole);
}

static void every_allocation_fails(void **state)
{
    (void)state;
    struct drive *whole = drive_new();
    converse(whole);
    const weir_code usual = whole->ending.code;
    drive_free(whole);
    for (int on = 0; on < 2; on++) {
        bool enough = false;
        for (size_t n = 1; !enough; n++) {
            struct drive *d = drive_new();
            d->seed = n;
            d->memory.fail_at = n;
            d->memory.fails_on = on == 1;
            /* In pieces, so that there are many moments. */
            d->read_max = 40;
            d->write_max = 3000;
            converse(d);
            enough = d->memory.calls < n;
            /* With none at all to read into, the peer seems to be silent. */
            if (on == 0 && d->closed)
                DRIVE_MUST(d, d->ending.code == (enough || d->dones == 9 ? usual : WEIR_CODE_no_memory));
            assert_true(n < 1000);
            drive_free(d);
        }
    }
}

/* A line that is wrong and not whole: a FIN is the last chance to say so. */
static void malformed_before_a_fin(void **state)
{
    static const char *const heads[] = {"b6\xd3", "GET / HTTP/1.1\r\nHost: a\r\nX Y"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t piece = 0; piece < 3; piece++) {
            struct drive *d = drive_new();
            d->read_max = piece;
            drive_open(d);
            drive_send(d, heads[i]);
            if (d->engine != NULL)
                drive_fin(d);
            if (d->engine != NULL)
                drive_sleep(d, 100 * WEIR_SECOND);
            DRIVE_MUST(d, d->closed && d->ending.code == (i == 0 ? WEIR_CODE_bad_method : WEIR_CODE_bad_field_name));
            assert_true(drive_got(d, "HTTP/1.1 400 "));
            drive_free(d);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_whatever_the_pieces),
                                       cmocka_unit_test(every_allocation_fails),
                                       cmocka_unit_test(malformed_before_a_fin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
