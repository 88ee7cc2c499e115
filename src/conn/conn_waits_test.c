/* Goal: no exchange and no connection waits for what will never come, and no call of a handler is without its effect.
 * Method: one small story for each way in which that once happened. */
#include "conn/conn_drive.h"

static void early_answer_sent_before_body(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = drive_answer;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    drive_send(d, "abc");
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    DRIVE_MUST(d, weir_conn_deadline(d->engine) != WEIR_NEVER);
    drive_free(d);
}
static void respond_sized(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(3));
    (void)weir_write(x, WEIR_STR("abc"));
}
static void finish_after_flush(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = respond_sized;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)weir_finish(d->x, WEIR_NO_FIELDS);
    drive_step(d);
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    drive_free(d);
}
static void refuse_answer(struct drive *d, weir_exchange *x)
{
    weir_body_refuse(x);
    drive_answer(d, x);
}
static void refused_body_silent(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = refuse_answer;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    DRIVE_MUST(d, weir_conn_deadline(d->engine) != WEIR_NEVER);
    drive_free(d);
}
static void refused_body_fin(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = refuse_answer;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    drive_fin(d);
    DRIVE_MUST(d, d->closed || weir_conn_deadline(d->engine) != WEIR_NEVER);
    drive_free(d);
}
/* The last request says so, but its body is still coming: a reset would eat the answer. */
static void early_answer_before_the_last_body(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = refuse_answer;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\nabc");
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    DRIVE_MUST(d, !d->closed);
    DRIVE_MUST(d, weir_conn_wants(d->engine) & WEIR_WANT_READ);
    drive_free(d);
}
static void varied(struct drive *d, weir_exchange *x)
{
    static const char octets[100] = "x";
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_copy((weir_str){octets, d->begun % 90}));
}
static void crowded(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = varied;
    d->acks = false;
    d->acked = 0;
    drive_open(d);
    for (int i = 0; i < 16; i++)
        drive_append(&d->inbox, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    drive_append(&d->inbox, "GET", 3);
    drive_step(d);
    drive_free(d);
}
static void sequential_growth(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = varied;
    drive_open(d);
    size_t before = 0;
    for (int i = 0; i < 10000; i++) {
        drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i == 0)
            before = d->memory.live;
    }
    DRIVE_MUST(d, d->memory.live < before + 4096);
    drive_free(d);
}
/* Batches whose ends never meet the end of the account's array: what is acknowledged is dropped all the same. */
static void pipelined_growth(void **state)
{
    (void)state;
    for (unsigned batch = 1; batch <= 100; batch += 3) {
        struct drive *d = drive_new();
        d->script.head = varied;
        drive_open(d);
        size_t before = 0;
        for (unsigned i = 0; i < 20000 / batch; i++) {
            for (unsigned k = 0; k < batch; k++)
                drive_append(&d->inbox, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
            drive_step(d);
            if (i == 10000 / batch)
                before = d->memory.live;
        }
        if (d->memory.live >= before + 16384)
            fail_msg("batches of %u: %zu octets more", batch, d->memory.live - before);
        drive_free(d);
    }
}
static void views_are_there(struct drive *d, weir_exchange *x, const weir_exchange_ending *e)
{
    (void)e;
    weir_fields fields = weir_exchange_fields(x), trailers = weir_exchange_trailers(x);
    const weir_field *last = trailers.count > 0 ? trailers.list : &fields.list[fields.count - 1];
    DRIVE_MUST(d, last->value.len == 6999 && last->value.ptr[0] == 'x' && last->value.ptr[6998] == 'x');
}
/* A peer asks by large heads, or with large trailers, for small answers, and reads none. */
static void heads_of_answers_unread(void **state)
{
    static char line[7000];
    (void)state;
    memset(line, 'x', sizeof line - 1);
    for (int trailers = 0; trailers <= 1; trailers++) {
        struct drive *d = drive_new();
        char text[8000];
        d->script.head = varied;
        d->script.done = views_are_there;
        d->write_left = 0;
        drive_open(d);
        int n = snprintf(text, sizeof text,
                         trailers ? "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: %s\r\n\r\n"
                                  : "GET / HTTP/1.1\r\nHost: a\r\nA: %s\r\n\r\n",
                         line);
        for (int i = 0; i < 1000; i++)
            drive_append(&d->inbox, text, (size_t)n);
        drive_step(d);
        DRIVE_MUST(d, d->begun > 4 && d->begun < 100);
        if (d->memory.live > 1 << 18)
            fail_msg("%zu octets are held for a peer that does not read", d->memory.live);
        d->write_left = UINT64_MAX;
        drive_step(d);
        DRIVE_MUST(d, d->begun == 1000 && d->dones == 1000);
        drive_free(d);
    }
}
static void crowded_partly(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = varied;
    d->acks = false;
    drive_open(d);
    for (int i = 0; i < 40; i++) {
        d->acked = d->out.size / 2;
        drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    drive_free(d);
}
static void close_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *e)
{
    (void)e;
    (void)d;
    weir_exchange_close(x);
}
static void close_in_done(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = drive_answer;
    d->script.done = close_done;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, d->shut || d->closed);
    drive_free(d);
}
static void abort_unsent(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = drive_answer;
    d->write_left = 20;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, d->x != NULL);
    weir_exchange_abort(d->x);
    drive_step(d);
    DRIVE_MUST(d, d->was_abort);
    drive_free(d);
}
static void tunnel(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 101, WEIR_FIELDS({WEIR_STR("Upgrade"), WEIR_STR("echo")}), weir_body_tunnel());
}
static unsigned rooms;
static void stream_head(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream());
}
static void write_one(struct drive *d, weir_exchange *x)
{
    (void)d;
    rooms++;
    assert_int_equal(weir_write(x, WEIR_STR("x")), 1);
}
/* There is room at the start, and again when there was none: not each time that all was taken. */
static void room_is_told_once(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    rooms = 0;
    d->script.head = stream_head;
    d->script.room = write_one;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, rooms == 1 && drive_got(d, "1\r\nx\r\n"));
    assert_int_equal(weir_write(d->x, WEIR_STR("more")), 4);
    drive_step(d);
    DRIVE_MUST(d, rooms == 1 && drive_got(d, "4\r\nmore\r\n"));
    drive_free(d);
}

/* Who writes outside of a callback need not say so to the connection. */
static void writing_wakes(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = stream_head;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, !d->woken);
    assert_int_equal(weir_write_borrow(d->x, WEIR_STR("lent")), WEIR_OK);
    DRIVE_MUST(d, d->woken);
    drive_step(d);
    DRIVE_MUST(d, !d->woken && drive_got(d, "4\r\nlent\r\n"));
    assert_int_equal(weir_write(d->x, WEIR_STR("given")), 5);
    DRIVE_MUST(d, d->woken);
    drive_step(d);
    assert_int_equal(weir_finish(d->x, WEIR_NO_FIELDS), WEIR_OK);
    DRIVE_MUST(d, d->woken);
    drive_step(d);
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    drive_free(d);
}

static void tunnel_end_twice(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = tunnel;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nabc");
    DRIVE_MUST(d, !drive_logged(d, "end;"));
    drive_free(d);
}
static void sized0(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_sized(0));
}
static void room_finish(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_finish(x, WEIR_NO_FIELDS);
}
static void sized_zero(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = sized0;
    d->script.room = room_finish;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, drive_logged(d, "done"));
    drive_free(d);
}
static void head_503(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->options.limits.handler_timeout_ns = WEIR_SECOND;
    drive_open(d);
    drive_send(d, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    drive_sleep(d, 2 * WEIR_SECOND);
    DRIVE_MUST(d, drive_got(d, "503"));
    DRIVE_MUST(d, memcmp(d->out.octets + d->out.size - 4, "\r\n\r\n", 4) == 0);
    drive_free(d);
}
static void bad_answer(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond(x, 200, WEIR_FIELDS({WEIR_STR("A"), WEIR_STR("b\r\nc: d")}), weir_body_none());
}
static void expect_500(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = bad_answer;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n");
    DRIVE_MUST(d, drive_got(d, "HTTP/1.1 500"));
    DRIVE_MUST(d, drive_got(d, "Connection: close"));
    drive_free(d);
}
static void pause_refuse(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_pause(x);
    weir_body_refuse(x);
}
static void paused_and_refused_is_not_held(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = pause_refuse;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n");
    DRIVE_MUST(d, weir_conn_deadline(d->engine) != WEIR_NEVER);
    drive_free(d);
}
static void linger_fin_unknown(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = drive_answer;
    d->receipts_unknown = true;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    DRIVE_MUST(d, d->shut);
    drive_fin(d);
    DRIVE_MUST(d, d->closed);
    drive_free(d);
}
static void refuse_no_body(struct drive *d, weir_exchange *x)
{
    (void)d;
    weir_body_refuse(x);
    drive_answer(d, x);
}
static void refuse_no_end(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = refuse_no_body;
    drive_open(d);
    drive_send(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    DRIVE_MUST(d, !drive_logged(d, "end;"));
    drive_free(d);
}
static void double_100(struct drive *d, weir_exchange *x)
{
    (void)d;
    (void)weir_respond_interim(x, 100, WEIR_NO_FIELDS);
}
static void hundred_twice(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = double_100;
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 30\r\n\r\n");
    DRIVE_MUST(d, drive_count(d, "HTTP/1.1 100") == 1);
    drive_free(d);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(early_answer_sent_before_body),
        cmocka_unit_test(finish_after_flush),
        cmocka_unit_test(refused_body_silent),
        cmocka_unit_test(refused_body_fin),
        cmocka_unit_test(early_answer_before_the_last_body),
        cmocka_unit_test(crowded),
        cmocka_unit_test(sequential_growth),
        cmocka_unit_test(pipelined_growth),
        cmocka_unit_test(heads_of_answers_unread),
        cmocka_unit_test(crowded_partly),
        cmocka_unit_test(close_in_done),
        cmocka_unit_test(abort_unsent),
        cmocka_unit_test(room_is_told_once),
        cmocka_unit_test(writing_wakes),
        cmocka_unit_test(tunnel_end_twice),
        cmocka_unit_test(sized_zero),
        cmocka_unit_test(head_503),
        cmocka_unit_test(expect_500),
        cmocka_unit_test(paused_and_refused_is_not_held),
        cmocka_unit_test(linger_fin_unknown),
        cmocka_unit_test(refuse_no_end),
        cmocka_unit_test(hundred_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
