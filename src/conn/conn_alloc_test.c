/* Goal: memory of an exchange is there until its `done` has returned, and is back after it, whatever the end;
 * without memory there is none, and nothing else happens. Method: pieces of many sizes, written whole, in each
 * callback, by connections that end in several ways; and a failure at each allocation. The allocator knows what is
 * out. */
#include "conn/conn_drive.h"

#define POST  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

#define PIECES 6
static const size_t sizes[PIECES] = {1, 7, 16, 4096, 17, 100000};

/* What one exchange was given. */
struct pieces {
    unsigned char *at[PIECES];
    unsigned count;
};

static void take_piece(weir_exchange *x)
{
    struct pieces *pieces = weir_exchange_user(x);
    if (pieces == NULL) {
        pieces = weir_exchange_alloc(x, sizeof *pieces);
        if (pieces == NULL)
            return;
        assert_int_equal((uintptr_t)pieces % _Alignof(max_align_t), 0);
        memset(pieces, 0, sizeof *pieces);
        weir_exchange_set_user(x, pieces);
    }
    unsigned n = pieces->count;
    unsigned char *piece = weir_exchange_alloc(x, sizes[n]);
    if (piece == NULL)
        return;
    assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
    memset(piece, (int)n + 1, sizes[n]);
    pieces->at[pieces->count++] = piece;
}

static void check_pieces(const weir_exchange *x)
{
    const struct pieces *pieces = weir_exchange_user(x);
    for (unsigned n = 0; pieces != NULL && n < pieces->count; n++)
        for (size_t i = 0; i < sizes[n]; i++)
            assert_int_equal(pieces->at[n][i], n + 1);
}

static void in_head(struct drive *d, weir_exchange *x)
{
    take_piece(x);
    take_piece(x);
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER)
        drive_answer(d, x);
}

static size_t in_body(struct drive *d, weir_exchange *x, weir_str octets)
{
    (void)d;
    take_piece(x);
    return octets.len;
}

static void in_end(struct drive *d, weir_exchange *x)
{
    (void)d;
    take_piece(x);
}

static void in_done(struct drive *d, weir_exchange *x, const weir_exchange_ending *ending)
{
    (void)d;
    (void)ending;
    take_piece(x);
    check_pieces(x);
}

static struct drive *allocating(weir_role role)
{
    struct drive *d = drive_new();
    d->options.role = role;
    d->script = (struct drive_script){.head = in_head, .body = in_body, .end = in_end, .done = in_done};
    return d;
}

static weir_code ask(struct drive *d, weir_exchange **x)
{
    return drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), x);
}

static void is_back_after_each_exchange(void **state)
{
    (void)state;
    struct drive *d = allocating(WEIR_ROLE_SERVER);
    drive_open(d);
    drive_send(d, POST POST);
    size_t live = d->memory.live;
    for (int i = 0; i < 20; i++)
        drive_send(d, POST POST);
    DRIVE_MUST(d, d->dones == 42 && d->memory.live == live);
    drive_free(d);
}

static void is_back_after_a_bad_end(void **state)
{
    (void)state;
    struct drive *d = allocating(WEIR_ROLE_SERVER);
    drive_open(d);
    drive_send(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nabc");
    drive_free(d); /* cut; it looks for what is still out */

    d = allocating(WEIR_ROLE_CLIENT);
    weir_exchange *x;
    drive_open(d);
    assert_int_equal(ask(d, &x), WEIR_OK);
    take_piece(x); /* before anything came */
    drive_step(d);
    drive_send(d, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    weir_exchange_abort(x);
    drive_step(d);
    drive_free(d);
}

static void odd_sizes(struct drive *d, weir_exchange *x)
{
    size_t live = d->memory.live;
    assert_null(weir_exchange_alloc(x, 0));
    assert_null(weir_exchange_alloc(x, SIZE_MAX));
    assert_null(weir_exchange_alloc(x, SIZE_MAX - 8));
    assert_int_equal(d->memory.live, live);
    drive_answer(d, x);
}

static void odd_sizes_are_refused(void **state)
{
    (void)state;
    struct drive *d = allocating(WEIR_ROLE_SERVER);
    d->script = (struct drive_script){.head = odd_sizes};
    drive_open(d);
    drive_send(d, POST);
    DRIVE_MUST(d, d->dones == 1);
    drive_free(d);
}

static bool play(weir_role role, size_t fail_at)
{
    struct drive *d = allocating(role);
    d->memory.fail_at = fail_at;
    if (drive_try_open(d)) {
        if (role == WEIR_ROLE_SERVER)
            drive_send(d, POST POST);
        else if (ask(d, NULL) == WEIR_OK)
            drive_send(d, HELLO);
    }
    bool all_went_well = d->memory.calls < fail_at;
    if (all_went_well)
        DRIVE_MUST(d, d->dones == (role == WEIR_ROLE_SERVER ? 2 : 1));
    drive_free(d);
    return all_went_well;
}

static void nth_allocation_fails(void **state)
{
    (void)state;
    for (int role = WEIR_ROLE_SERVER; role <= WEIR_ROLE_CLIENT; role++) {
        size_t n = 1;
        while (!play((weir_role)role, n))
            n++;
        assert_true(n > 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_back_after_each_exchange),
        cmocka_unit_test(is_back_after_a_bad_end),
        cmocka_unit_test(odd_sizes_are_refused),
        cmocka_unit_test(nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
