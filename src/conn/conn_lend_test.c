/* Goal: what is lent to a stream goes back exactly once, in order, as soon as it is with the transport or never will
 * be, before `done` and not within the call. Method: a server that lends letters, a transport that takes little, and
 * all ways in which a connection ends; memory that fails at each allocation. */
#include <errno.h>

#include "conn/conn.h"
#include "conn/conn_drive.h"

#define GET   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define COUNT 8
#define SIZE  1000

static char letters[COUNT][SIZE];
static char returned[64]; /* a letter each; '!' is `done` */
static unsigned lent;
static bool lending;
static struct drive *drive; /* whose exchange a release may call */
static bool aborts;

static void note(char letter)
{
    size_t used = strlen(returned);
    assert_true(used + 1 < sizeof returned);
    returned[used] = letter;
    returned[used + 1] = '\0';
}

static void release(void *arg, weir_str octets)
{
    assert_false(lending);
    assert_ptr_equal(arg, drive);
    note(octets.len > 0 ? octets.ptr[0] : '0');
    if (octets.len > 0)
        memset((char *)(uintptr_t)octets.ptr, '#', octets.len); /* nobody reads it any more */
    if (aborts && drive->x != NULL)
        weir_exchange_abort(drive->x);
}

static weir_code lend(weir_exchange *x, weir_str octets)
{
    lending = true;
    weir_code code = weir_write_lend(x, octets, release, drive);
    lending = false;
    lent += code == WEIR_OK;
    return code;
}

static void lend_all(struct drive *d, weir_exchange *x)
{
    (void)d;
    if (weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_stream()) != WEIR_OK)
        return;
    for (size_t i = 0; i < COUNT; i++) {
        memset(letters[i], 'a' + (int)i, SIZE);
        (void)lend(x, (weir_str){letters[i], SIZE});
    }
}

static void on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)ending;
    assert_int_equal(lend(x, WEIR_STR("late")), WEIR_CODE_misuse);
    note('!');
}

static struct drive *serve(uint64_t write_left)
{
    struct drive *d = drive_new();
    drive = d;
    aborts = false;
    lent = 0;
    returned[0] = '\0';
    d->script.head = lend_all;
    d->script.done = on_done;
    d->write_left = write_left;
    return d;
}

static void goes_back_as_it_leaves(void **state)
{
    (void)state;
    struct drive *d = serve(0);
    drive_open(d);
    drive_send(d, GET);
    assert_int_equal(lent, COUNT);
    assert_string_equal(returned, "");
    const char *const after[] = {"a", "ab", "abc"};
    for (size_t i = 0; i < 3; i++) {
        d->write_left = SIZE + 100;
        drive_step(d);
        assert_string_equal(returned, after[i]);
    }
    d->write_left = UINT64_MAX;
    drive_step(d);
    assert_string_equal(returned, "abcdefgh"); /* the stream goes on */
    assert_int_equal(lend(d->x, (weir_str){.ptr = NULL}), WEIR_OK);
    assert_string_equal(returned, "abcdefgh");
    drive_step(d);
    assert_string_equal(returned, "abcdefgh0");
    assert_int_equal(weir_finish(d->x, WEIR_NO_FIELDS), WEIR_OK);
    drive_step(d);
    assert_string_equal(returned, "abcdefgh0!");
    DRIVE_MUST(d, drive_count(d, "ffffffffff") >= SIZE / 10 && drive_count(d, "#") == 0);
    drive_free(d);
}

static void goes_back_before_done(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct drive *d = serve(way == 3 ? SIZE + 300 : 0);
        aborts = way == 3; /* in the first release */
        drive_open(d);
        drive_send(d, GET);
        if (way == 0)
            weir_exchange_abort(d->x);
        else if (way == 1)
            drive_fail(d, WEIR_DIRECTION_IN, ECONNRESET);
        else if (way == 2)
            drive_fail(d, WEIR_DIRECTION_OUT, EPIPE);
        drive_step(d);
        assert_string_equal(returned, "abcdefgh!");
        drive_free(d);
    }
}

static void answer_borrowed(struct drive *d, weir_exchange *x)
{
    (void)d;
    memset(letters, 'b', sizeof letters);
    assert_int_equal(weir_respond(x, 200, WEIR_NO_FIELDS, weir_body_borrow((weir_str){letters[0], sizeof letters})),
                     WEIR_OK);
}

static void spoil_on_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)x;
    assert_int_equal(ending->code, WEIR_CODE_bad_chunk);
    memset(letters, '#', sizeof letters); /* the memory is the handler's again */
    note('!');
}

/* The request turns out to be malformed while its answer, or a part of it, is queued: what was lent or borrowed for it
 * still leaves, so it stays untouched, and `done` waits. */
static void a_request_that_ends_early(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++) {
        struct drive *d = serve(0);
        bool streams = way == 0;
        d->script.head = streams ? lend_all : answer_borrowed;
        d->script.done = streams ? on_done : spoil_on_done;
        drive_open(d);
        drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        drive_send(d, "zz\r\n");
        assert_string_equal(returned, "");
        if (way == 2) {
            drive_fail(d, WEIR_DIRECTION_OUT, EPIPE); /* the rest never leaves */
        } else {
            d->write_left = UINT64_MAX;
            drive_step(d);
            DRIVE_MUST(d, drive_count(d, streams ? "hhhhhhhhhh" : "bbbbbbbbbb") >= SIZE / 10);
        }
        DRIVE_MUST(d, drive_count(d, "#") == 0);
        assert_string_equal(returned, streams ? "abcdefgh!" : "!");
        drive_free(d);
    }
}

static void what_is_refused_is_not_taken(void **state)
{
    (void)state;
    struct drive *d = serve(UINT64_MAX);
    d->script.head = NULL;
    drive_open(d);
    drive_send(d, GET);
    assert_int_equal(lend(d->x, WEIR_STR("before the answer")), WEIR_CODE_misuse);
    assert_int_equal(weir_respond(d->x, 200, WEIR_NO_FIELDS, weir_body_sized(3)), WEIR_OK);
    assert_int_equal(lend(d->x, WEIR_STR("more than was said")), WEIR_CODE_misuse);
    assert_int_equal(weir_write_lend(d->x, WEIR_STR("abc"), NULL, NULL), WEIR_CODE_misuse);
    assert_string_equal(returned, "");
    weir_exchange_abort(d->x);
    drive_step(d);
    assert_string_equal(returned, "!");
    drive_free(d);
}

static void every_allocation_fails(void **state)
{
    (void)state;
    bool enough = false;
    for (size_t n = 1; !enough; n++) {
        struct drive *d = serve(2 * SIZE);
        d->memory.fail_at = n;
        if (drive_try_open(d)) {
            drive_send(d, GET);
            if (d->x != NULL)
                weir_exchange_abort(d->x);
            drive_step(d);
        }
        enough = d->memory.calls < n;
        assert_true(n < 1000);
        drive_free(d);
        const char *end = strchr(returned, '!');
        assert_int_equal(end != NULL ? (size_t)(end - returned) : strlen(returned), lent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_back_as_it_leaves),    cmocka_unit_test(goes_back_before_done),
        cmocka_unit_test(a_request_that_ends_early), cmocka_unit_test(what_is_refused_is_not_taken),
        cmocka_unit_test(every_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
