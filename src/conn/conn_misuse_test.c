/* Goal: a call that its state does not allow is refused and changes nothing: no crash, no wrong octet, still one
 * `done`. Method: one small story for each mistake that an application makes, and each function in each callback. */
#include "conn/conn_drive.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

static void must_out(const struct drive *d, const char *text)
{
    size_t size = strlen(text);
    DRIVE_MUST(d, d->out.size == size && (size == 0 || memcmp(d->out.octets, text, size) == 0));
}

static struct drive *sent(void (*head)(struct drive *d, weir_exchange *x), const char *text)
{
    struct drive *d = drive_new();
    d->script.head = head;
    drive_open(d);
    drive_send(d, text);
    return d;
}

static weir_code respond(weir_exchange *x, weir_body body)
{
    return weir_respond(x, 200, WEIR_NO_FIELDS, body);
}

/* --- answers out of order --------------------------------------------------------------------------------------- */

static void answer_twice(struct drive *d, weir_exchange *x)
{
    drive_answer(d, x);
    assert_int_equal(respond(x, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_respond(x, 1000, WEIR_NO_FIELDS, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_respond_interim(x, 103, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    assert_int_equal(weir_write(x, WEIR_STR("more")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("more")), WEIR_CODE_misuse);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    assert_int_equal(weir_write_room(x), 0);
}

static void answer_twice_when_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)ending;
    assert_int_equal(respond(x, weir_body_none()), WEIR_CODE_misuse);
    assert_int_equal(weir_write(x, WEIR_STR("more")), 0);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    weir_body_pause(x);
    weir_body_resume(x);
    weir_body_refuse(x);
    (void)d;
}

static void answered_twice(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = answer_twice;
    d->script.done = answer_twice_when_done;
    drive_open(d);
    drive_send(d, GET POST GET);
    must_out(d, HELLO HELLO HELLO);
    DRIVE_MUST(d, d->dones == 3 && !d->closed && !d->shut);
    drive_free(d);
}

static void write_first(struct drive *d, weir_exchange *x)
{
    assert_int_equal(weir_write_room(x), 0);
    assert_int_equal(weir_write(x, WEIR_STR("early")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("early")), WEIR_CODE_misuse);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_misuse);
    drive_answer(d, x);
}

static void written_before_the_head(void **state)
{
    (void)state;
    struct drive *d = sent(write_first, GET GET);
    must_out(d, HELLO HELLO);
    drive_free(d);
}

static void write_too_much(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(respond(x, weir_body_sized(5)), WEIR_OK);
    assert_int_equal(weir_write_room(x), 5);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("hello!")), WEIR_CODE_misuse);
    assert_int_equal(weir_write(x, WEIR_STR("")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("")), WEIR_OK);
    assert_int_equal(weir_write(x, WEIR_STR("hel")), 3);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("lo!")), WEIR_CODE_misuse);
    assert_int_equal(weir_write(x, WEIR_STR("lo and more")), 2);
    assert_int_equal(weir_write(x, WEIR_STR("more")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("more")), WEIR_CODE_misuse);
    assert_int_equal(weir_finish(x, WEIR_FIELDS({WEIR_STR("T"), WEIR_STR("not sent")})), WEIR_OK);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_misuse);
}

static void more_than_was_promised(void **state)
{
    (void)state;
    struct drive *d = sent(write_too_much, GET GET);
    must_out(d, HELLO HELLO);
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    drive_free(d);
}

static void finish_short(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(respond(x, weir_body_sized(5)), WEIR_OK);
    assert_int_equal(weir_write(x, WEIR_STR("hel")), 3);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_CODE_body_underrun);
    (void)weir_write(x, WEIR_STR("lo"));
    (void)weir_finish(x, WEIR_NO_FIELDS);
    (void)respond(x, weir_body_none());
}

/* The peer must not take what it has for the whole. */
static void less_than_was_promised(void **state)
{
    (void)state;
    struct drive *d = sent(finish_short, GET GET);
    DRIVE_MUST(d, d->was_abort && d->begun == 1 && drive_count(d, "HTTP/1.1") <= 1);
    assert_string_equal(weir_code_name(d->ending.code), "body_underrun");
    assert_string_equal(weir_class_name(d->ending.judged), "fault");
    DRIVE_MUST(d, drive_logged(d, "done body_underrun"));
    drive_free(d);
}

static void stream_to_head(struct drive *d, weir_exchange *x)
{
    (void)d;
    assert_int_equal(respond(x, weir_body_sized(5)), WEIR_OK);
    assert_int_equal(weir_write(x, WEIR_STR("hel")), 0);
    assert_int_equal(weir_write_borrow(x, WEIR_STR("lo")), WEIR_CODE_misuse);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

static void written_where_there_is_no_content(void **state)
{
    (void)state;
    struct drive *d = sent(stream_to_head, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    must_out(d, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    DRIVE_MUST(d, drive_logged(d, "done complete"));
    drive_free(d);
}

static char plenty[500000];

static void end_without_memory(struct drive *d, weir_exchange *x)
{
    memset(plenty, 'a', sizeof plenty);
    assert_int_equal(respond(x, weir_body_stream()), WEIR_OK);
    d->memory.fail_at = d->memory.calls + 1;
    /* More than a block has room for. */
    assert_int_equal(weir_finish(x, WEIR_FIELDS({WEIR_STR("A"), {plenty, 100000}})), WEIR_CODE_no_memory);
}

static void no_memory_for_the_end(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = end_without_memory;
    drive_open(d);
    drive_send(d, GET);
    DRIVE_MUST(d, d->was_abort && drive_logged(d, "done no_memory lost"));
    DRIVE_ENDED(d, response, no_memory, lost, fault);
    drive_free(d);
}

static void write_all(struct drive *d, weir_exchange *x)
{
    assert_int_equal(respond(x, weir_body_stream()), WEIR_OK);
    size_t n = weir_write(x, (weir_str){plenty, sizeof plenty});
    assert_int_equal(n, d->options.limits.output_size_max - d->seed);
    assert_int_equal(weir_write(x, (weir_str){plenty, 1}), 0);
    assert_int_equal(weir_write_borrow(x, (weir_str){plenty, sizeof plenty}), WEIR_OK); /* takes all */
    assert_int_equal(weir_write_room(x), 0);
    assert_int_equal(weir_finish(x, WEIR_NO_FIELDS), WEIR_OK);
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script.head = write_all;
    d->options.limits.output_size_max = 10000;
    d->seed = strlen("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    drive_open(d);
    drive_send(d, GET);
    DRIVE_MUST(d, drive_logged(d, "done complete") && d->out.size > sizeof plenty + 10000 - d->seed);
    drive_free(d);
}

/* --- the body at odd times -------------------------------------------------------------------------------------- */

static void poke(weir_exchange *x)
{
    weir_body_resume(x);
    weir_body_pause(x);
    weir_body_pause(x);
    weir_body_resume(x);
    weir_body_resume(x);
}

static void poke_and_answer(struct drive *d, weir_exchange *x)
{
    poke(x);
    drive_answer(d, x);
    poke(x);
}

static size_t poke_in_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    poke(x);
    return octets.len;
}

static void poke_at_end(struct drive *d, weir_exchange *x)
{
    (void)d;
    poke(x);
    weir_body_refuse(x);
    weir_body_refuse(x);
    weir_body_pause(x);
}

static void body_functions_anywhere(void **state)
{
    (void)state;
    struct drive *d = drive_new();
    d->script = (struct drive_script){.head = poke_and_answer,
                                      .body = poke_in_body,
                                      .end = poke_at_end,
                                      .done = answer_twice_when_done};
    drive_open(d);
    drive_send(d, GET POST GET POST);
    must_out(d, HELLO HELLO HELLO HELLO);
    DRIVE_MUST(d, d->dones == 4 && drive_logged(d, "body abc; end;") && !d->closed);
    DRIVE_MUST(d, weir_conn_wants(d->engine) == WEIR_WANT_READ);
    drive_free(d);
}

/* --- giving up, and closing, in each callback ------------------------------------------------------------------- */

enum place { IN_HEAD, IN_BODY, IN_END, IN_ROOM, IN_EVENT, IN_DONE, PLACES };

static enum place place;
static void (*deed)(weir_exchange *x);

static void at(enum place here, weir_exchange *x)
{
    if (here == place)
        deed(x);
}

static void at_head(struct drive *d, weir_exchange *x)
{
    (void)d;
    if (place == IN_ROOM)
        (void)respond(x, weir_body_sized(5));
    at(IN_HEAD, x);
}
static size_t at_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    at(IN_BODY, x);
    return octets.len;
}
static void at_end(struct drive *d, weir_exchange *x)
{
    (void)d;
    at(IN_END, x);
    if (place != IN_ROOM && place != IN_EVENT)
        (void)respond(x, weir_body_copy(WEIR_STR("hello")));
}
static void at_room(struct drive *d, weir_exchange *x)
{
    (void)d;
    at(IN_ROOM, x);
    if (weir_write(x, WEIR_STR("hello")) == 5)
        (void)weir_finish(x, WEIR_NO_FIELDS);
}
static void at_event(struct drive *d, weir_exchange *x, weir_event event)
{
    (void)event;
    at(IN_EVENT, x);
    (void)d;
    (void)respond(x, weir_body_copy(WEIR_STR("hello")));
}
static void at_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)ending;
    at(IN_DONE, x);
}

static struct drive *do_at(enum place here, void (*what)(weir_exchange *x))
{
    struct drive *d = drive_new();
    d->seed = here;
    place = here;
    deed = what;
    d->script = (struct drive_script){at_head, at_body, at_end, at_room, at_done, at_event};
    drive_open(d);
    drive_append(&d->inbox, POST, sizeof POST - 1);
    d->fin_queued = here == IN_EVENT;
    drive_step(d);
    return d;
}

static void given_up(void **state)
{
    (void)state;
    for (enum place here = 0; here < PLACES; here++) {
        struct drive *d = do_at(here, weir_exchange_abort);
        if (here == IN_DONE) { /* it was whole, and has left: nothing to give up */
            must_out(d, HELLO);
            DRIVE_MUST(d, !d->closed);
        } else {
            DRIVE_MUST(d, d->was_abort && d->ending.code == WEIR_CODE_aborted && drive_logged(d, "done aborted"));
            DRIVE_MUST(d, !drive_got(d, "hello"));
        }
        DRIVE_MUST(d, d->begun == 1 && d->dones == 1);
        drive_free(d);
    }
}

static void closed_after_it(void **state)
{
    (void)state;
    for (enum place here = 0; here < PLACES; here++) {
        struct drive *d = do_at(here, weir_exchange_close);
        bool early = here != IN_ROOM && here != IN_DONE; /* the head was not out yet */
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n") && drive_got(d, "\r\n\r\nhello"));
        DRIVE_MUST(d, drive_got(d, "Connection: close\r\n") == early);
        DRIVE_MUST(d, (d->shut || d->closed) && !d->was_abort);
        if (!d->closed)
            drive_fin(d);
        DRIVE_MUST(d, d->ending.code == WEIR_CODE_close_by_application && drive_logged(d, "done complete"));
        DRIVE_MUST(d, d->ending.delivery == WEIR_DELIVERY_DELIVERED);
        drive_free(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered_twice),
        cmocka_unit_test(written_before_the_head),
        cmocka_unit_test(more_than_was_promised),
        cmocka_unit_test(less_than_was_promised),
        cmocka_unit_test(written_where_there_is_no_content),
        cmocka_unit_test(no_memory_for_the_end),
        cmocka_unit_test(more_than_there_is_room_for),
        cmocka_unit_test(body_functions_anywhere),
        cmocka_unit_test(given_up),
        cmocka_unit_test(closed_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
