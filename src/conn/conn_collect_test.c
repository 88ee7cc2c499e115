/* Goal: a body that is collected comes whole, once, or its exchange ends and says why. Method: bodies of each
 * framing, in one piece and octet by octet, at a server and a client, at the bound and over it; the n-th allocation
 * fails. */
#include "conn/conn_drive.h"

#define HEAD    "POST / HTTP/1.1\r\nHost: a\r\n"
#define LENGTH  HEAD "Content-Length: 10\r\n\r\n0123456789"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n012\r\n7\r\n3456789\r\n0\r\nT: 1\r\n\r\n"
#define NONE    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static uint64_t bound;
static unsigned collected_count;
static char content[32768];
static size_t content_size;

static void on_collected(void *app, weir_exchange *x, weir_str octets)
{
    struct drive *d = app;
    collected_count++;
    assert_true(octets.len <= sizeof content);
    memcpy(content, octets.ptr != NULL ? octets.ptr : "", octets.len);
    content_size = octets.len;
    if (weir_exchange_role(x) == WEIR_ROLE_SERVER)
        drive_answer(d, x);
}

static void in_head(struct drive *d, weir_exchange *x)
{
    weir_code code = weir_collect(x, bound, on_collected, d);
    if (code == WEIR_OK)
        assert_int_equal(weir_collect(x, bound, on_collected, d), WEIR_CODE_misuse);
    else
        weir_exchange_abort(x);
}

static struct drive *collecting(weir_role role, uint64_t size_max)
{
    struct drive *d = drive_new();
    d->options.role = role;
    d->script.head = in_head;
    bound = size_max;
    collected_count = 0;
    content_size = 0;
    return d;
}

static void must_have(const char *expected)
{
    assert_int_equal(content_size, strlen(expected));
    assert_memory_equal(content, expected, content_size);
}

static void a_server_gets_it_whole(void **state)
{
    (void)state;
    static const char *const requests[] = {LENGTH, CHUNKED, NONE};
    for (size_t i = 0; i < 3; i++)
        for (size_t read_max = 0; read_max < 3; read_max++) {
            struct drive *d = collecting(WEIR_ROLE_SERVER, 10);
            d->read_max = read_max;
            drive_open(d);
            drive_send(d, requests[i]);
            drive_send(d, requests[i]);
            assert_int_equal(collected_count, 2);
            must_have(i < 2 ? "0123456789" : "");
            DRIVE_MUST(d, d->dones == 2 && !drive_logged(d, "body") && !drive_logged(d, "end;"));
            drive_free(d);
        }
}

static void head_only(void *app, weir_exchange *x)
{
    in_head(app, x);
}

/* Content without a callback to go to is refused before `head`: collecting takes that back. */
static void with_no_other_callback(void **state)
{
    (void)state;
    static const weir_handler handler = WEIR_HANDLER(.head = head_only);
    struct drive *d = collecting(WEIR_ROLE_SERVER, 10);
    d->options.handler = &handler;
    drive_open(d);
    drive_send(d, CHUNKED);
    assert_int_equal(collected_count, 1);
    must_have("0123456789");
    d->begun = d->dones; /* nobody counted */
    drive_free(d);
}

static void more_than_the_bound(void **state)
{
    (void)state;
    static const char *const requests[] = {LENGTH, CHUNKED};
    for (size_t i = 0; i < 2; i++) {
        struct drive *d = collecting(WEIR_ROLE_SERVER, 9);
        drive_open(d);
        drive_send(d, requests[i]);
        assert_int_equal(collected_count, 0);
        DRIVE_MUST(d, drive_got(d, "HTTP/1.1 413 ") && drive_logged(d, "done body_too_large"));
        drive_free(d);
    }
}

static void grows(void **state)
{
    (void)state;
    struct drive *d = collecting(WEIR_ROLE_SERVER, 30000);
    static char request[32768];
    int size = snprintf(request, sizeof request, HEAD "Content-Length: 30000\r\n\r\n");
    for (int i = 0; i < 30000; i++)
        request[size + i] = (char)('a' + i % 26);
    d->read_max = 1000;
    drive_open(d);
    drive_send(d, request);
    assert_int_equal(collected_count, 1);
    assert_int_equal(content_size, 30000);
    assert_memory_equal(content, request + size, 30000);
    drive_free(d);
}

static bool ask_and_answer(struct drive *d, const char *answer)
{
    if (!drive_try_open(d) ||
        drive_ask(d, WEIR_REQUEST(.target = WEIR_STR("/"), .host = WEIR_STR("a")), NULL) != WEIR_OK)
        return false;
    drive_step(d);
    drive_send(d, answer);
    return true;
}

static void a_client_gets_it_whole(void **state)
{
    (void)state;
    struct drive *d = collecting(WEIR_ROLE_CLIENT, 5);
    assert_true(ask_and_answer(d, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    must_have("hello");
    DRIVE_MUST(d, collected_count == 1 && drive_logged(d, "done complete"));
    drive_free(d);

    d = collecting(WEIR_ROLE_CLIENT, 4);
    assert_true(ask_and_answer(d, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    DRIVE_MUST(d, collected_count == 0 && drive_logged(d, "done body_too_large"));
    drive_free(d);
}

static bool play(size_t fail_at)
{
    struct drive *d = collecting(WEIR_ROLE_SERVER, 10);
    d->memory.fail_at = fail_at;
    d->read_max = 5;
    if (drive_try_open(d))
        drive_send(d, LENGTH);
    bool all_went_well = d->memory.calls < fail_at;
    if (all_went_well)
        must_have("0123456789");
    DRIVE_MUST(d, collected_count <= 1 && (!all_went_well || drive_logged(d, "done complete")));
    drive_free(d);
    return all_went_well;
}

static void nth_allocation_fails(void **state)
{
    size_t n = 1;
    (void)state;
    while (!play(n))
        n++;
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_gets_it_whole), cmocka_unit_test(with_no_other_callback),
        cmocka_unit_test(more_than_the_bound),    cmocka_unit_test(grows),
        cmocka_unit_test(a_client_gets_it_whole), cmocka_unit_test(nth_allocation_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
